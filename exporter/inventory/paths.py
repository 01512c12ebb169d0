"""The places to look, compiled: from a dialect's path to a function over one JSON object.

`Parts` is that object with its keys folded, its characteristics by folded name and its links normalised; the
grammar of paths is in `dialects.model`. Which paths fill which field is the dialect's, what becomes of a
value `record_reader`'s. Invariant: looking never raises, whatever the JSON's shape; what is not there is
None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping

import msgspec

from exporter.inventory import text
from exporter.inventory.record import Link

Keys = dict[str, object]
_SELECTION = re.compile(r"^(characteristic|party|place|resource|service)\[(.*)\]$")
_MOST_CHARACTERISTICS = 1_000


class Path(msgspec.Struct, frozen=True):
    """A path taken apart: the folded keys of a plain one, else what is selected by which folded word.

    `kind` is empty for a plain path, `characteristic`, or the field of links that is searched.
    """

    kind: str
    wanted: str
    way: tuple[str, ...]


def parsed(path: str) -> Path:
    """The path taken apart; any text is one."""
    selection = _SELECTION.match(path)
    if selection is None:
        return Path("", "", steps(path))
    kind = {"characteristic": "characteristic", "party": "parties"}.get(selection[1], f"{selection[1]}s")
    return Path(kind, text.fold(selection[2]), ())


def steps(path: str) -> tuple[str, ...]:
    """The folded keys of a plain path."""
    return tuple(text.fold(step) for step in path.split("."))


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


def folded(value: Mapping[str, object]) -> Keys:
    """The object with folded keys; where two keys fold to one, the first that holds something."""
    keys: Keys = {}
    for key, member in value.items():
        name = text.fold(key)
        if name not in keys or keys[name] in (None, ""):
            keys[name] = member
    return keys


def look(path: str, codes: Mapping[str, Mapping[str, str]] = {}) -> Callable[[Parts], object]:
    """Compiles one path. Where `codes` has it, the numbers found there become the words they stand for."""
    place = parsed(path)
    words = meanings(codes.get(path, {}))

    def looked(parts: Parts) -> object:
        if place.kind == "characteristic":
            value = parts.characteristics.get(place.wanted)
        elif place.kind:
            value = selected(getattr(parts, place.kind), place.wanted)
        else:
            value = descended(parts.keys.get(place.way[0]), place.way[1:])
        return decoded(value, words) if words else value

    return looked


def selected(links: tuple[Link, ...], wanted: str) -> str | None:
    """The name, else the id, of the first link of that role or type; of the first at all for no word."""
    fold = text.fold
    for link in links:
        if not wanted or fold(link.role) == wanted or fold(link.type) == wanted:
            return link.name or link.id
    return None


def descended(value: object, way: tuple[str, ...]) -> object:
    """What is found further down, in the first object of each list on the way; None for nothing."""
    for step in way:
        if isinstance(value, list):
            value = next((item for item in value if isinstance(item, dict)), None)
        if not isinstance(value, dict):
            return None
        value = value[step] if step in value else folded(value).get(step)
    return value


def gathered(value: object, way: tuple[str, ...]) -> object:
    """What is found further down, from every object of each list on the way; None for nothing."""
    for step in way:
        within = value if isinstance(value, list) else (value,)
        found: list[object] = []
        for item in within:
            member = folded(item).get(step) if isinstance(item, dict) else None
            found.extend(member if isinstance(member, list) else () if member is None else (member,))
        value = found
    return value


def meanings(codes: Mapping[str, str]) -> Mapping[str, str]:
    """The words that stand for codes, by folded code."""
    return {text.fold(code): word for code, word in codes.items()}


def decoded(value: object, words: Mapping[str, str]) -> object:
    """The word that a number stands for; anything else as it is."""
    return words.get(text.fold(text.clean(value)), value)


def characteristics(value: object, found: Keys, dropped: MutableMapping[str, int]) -> None:
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
    fold = text.fold
    for item in value[:_MOST_CHARACTERISTICS]:
        name, member = _named(item)
        if type(name) is not str:
            continue
        key = fold(name)
        if key in found:
            dropped["characteristic"] += 1
        elif type(member) is dict and "value" in member:
            found[key] = member["value"]
        else:
            found[key] = member


def _named(item: object) -> tuple[object, object]:
    if not isinstance(item, dict):
        return None, None
    if "name" not in item:
        item = folded(item)
    return item.get("name"), item.get("value")
