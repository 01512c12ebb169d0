"""The places to look, compiled: from a dialect's path to a function over one JSON object.

`Parts` is that object with its keys folded, its characteristics by folded name and its links normalised; the
grammar of paths is in `dialect.shape`. Which paths fill which field is the dialect's, what becomes of a value
`fields`'. Invariant: looking never raises, whatever the JSON's shape; what is not there is None.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping

from exporter.inventory import text
from exporter.inventory.record import Link

Keys = dict[str, object]
_SELECTION = re.compile(r"^(characteristic|party|place|resource|service)\[(.*)\]$")
_MOST_CHARACTERISTICS = 1_000


class Parts:
    """One JSON object with its keys folded, its characteristics by folded name and its links normalised."""

    __slots__ = ("characteristics", "keys", "parties", "places", "relations", "resources", "services")

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.characteristics: Keys = {}
        self.parties: tuple[Link, ...] = ()
        self.places: tuple[Link, ...] = ()
        self.resources: tuple[Link, ...] = ()
        self.services: tuple[Link, ...] = ()
        self.relations: tuple[Link, ...] = ()


Look = Callable[[Parts], object]


def folded(value: Mapping[str, object]) -> Keys:
    """The object with folded keys; where two keys fold to one, the first that holds something."""
    keys: Keys = {}
    for key, member in value.items():
        name = text.fold(key)
        if name not in keys or keys[name] in (None, ""):
            keys[name] = member
    return keys


def look(path: str, codes: Mapping[str, Mapping[str, str]] = {}) -> Look:
    """Compiles one path. Where `codes` has it, the numbers found there become the words they stand for."""
    found = _look(path)
    if path not in codes:
        return found
    words = {text.fold(code): word for code, word in codes[path].items()}

    def decoded(parts: Parts) -> object:
        value = found(parts)
        return words.get(text.fold(text.clean(value)), value)

    return decoded


def _look(path: str) -> Look:
    selection = _SELECTION.match(path)
    if selection is None:
        return _descend(steps(path))
    kind, wanted = selection[1], text.fold(selection[2])
    if kind == "characteristic":
        return lambda parts: parts.characteristics.get(wanted)
    return _select({"party": "parties"}.get(kind, f"{kind}s"), wanted)


def steps(path: str) -> tuple[str, ...]:
    """The folded keys of a plain path."""
    return tuple(text.fold(step) for step in path.split("."))


def reach(keys: Keys, way: tuple[str, ...]) -> object:
    """What is at the end of a plain path, gathered from every object on the way; None for nothing."""
    value = keys.get(way[0])
    for step in way[1:]:
        within = value if isinstance(value, list) else (value,)
        found: list[object] = []
        for item in within:
            member = folded(item).get(step) if isinstance(item, dict) else None
            found.extend(member if isinstance(member, list) else () if member is None else (member,))
        value = found
    return value


def _descend(way: tuple[str, ...]) -> Look:
    if len(way) == 1:
        only = way[0]
        return lambda parts: parts.keys.get(only)
    first, *rest = way

    def looked(parts: Parts) -> object:
        value = parts.keys.get(first)
        for step in rest:
            if isinstance(value, list):
                value = next((item for item in value if isinstance(item, dict)), None)
            if not isinstance(value, dict):
                return None
            value = value[step] if step in value else folded(value).get(step)
        return value

    return looked


def _select(slot: str, wanted: str) -> Look:
    def looked(parts: Parts) -> object:
        links: tuple[Link, ...] = getattr(parts, slot)
        for link in links:
            if not wanted or text.fold(link.role) == wanted or text.fold(link.type) == wanted:
                return link.name or link.id
        return None

    return looked


def characteristics(value: object, found: Keys, dropped: Counter[str]) -> None:
    """Adds characteristics by folded name; values wrapped as `{value: …}` are unwrapped once.

    They come as a list of `{name, value}`, as one such object, or as an object of names and values. Of two
    with one name the first is kept; `dropped` counts the others and what is beyond a thousand.
    """
    if isinstance(value, dict):
        alone = "name" in value and "value" in value
        value = [value] if alone else [{"name": name, "value": one} for name, one in value.items()]
    if not isinstance(value, list):
        return
    if len(value) > _MOST_CHARACTERISTICS:
        dropped["characteristic"] += len(value) - _MOST_CHARACTERISTICS
    for item in value[:_MOST_CHARACTERISTICS]:
        if not isinstance(item, dict):
            continue
        if "name" not in item:
            item = folded(item)
        name = item.get("name")
        if not isinstance(name, str):
            continue
        member = item.get("value")
        if isinstance(member, dict) and "value" in member:
            member = member["value"]
        key = text.fold(name)
        if key in found:
            dropped["characteristic"] += 1
        else:
            found[key] = member
