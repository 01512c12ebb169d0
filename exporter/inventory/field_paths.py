"""From one JSON object to the values and links at a dialect's paths, compiled.

`Parts` is the object with folded keys, its characteristics by folded name and its links normalised; the
grammar of paths is in `dialects`. Links are read leniently: flat, wrapped as in version 5, a bare id, keys in
any spelling. The same customers and satellites are in thousands of records, so a flat link that was read
before is not read again. Invariants: no shape of JSON raises; what is remembered is bounded.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

import msgspec

from exporter.inventory import dialects, text
from exporter.inventory.record import Link

Keys = dict[str, object]
_SELECTION = re.compile(r"^(characteristic|party|place|resource|service)\[(.*)\]$")
_STEP = re.compile(r"((?:[^.\\]|\\.)*)\.", re.DOTALL)
_ESCAPED = re.compile(r"\\([\\.])")
_MOST_CHARACTERISTICS = 1_000
_WRAPPERS = (
    *("displayvalue", "label", "value", "$oid", "$uuid", "$numberlong"),
    *("text", "#text", "$t", "$", "@value"),  # as XML becomes JSON
)
"""Members of an object that stands for a scalar."""
_NAMES = ("name", "status", "state", "code", "id")
"""Members that name an object without any of these."""
_IDS = ("value", "$oid", "$uuid", "$numberlong", "id", "uuid", "identifier", "guid")
"""Members of an object that stands for an id, before those of any scalar."""
_LANGUAGE = re.compile(
    r"(?:ar|cs|da|de|el|en|es|fi|fr|hu|it|ja|ko|lb|nl|no|pl|pt|ro|ru|sv|tr|uk|zh)(?:[-_]\w{2,8})?"
)
_LANGUAGE_KEYS = ("lang", "language", "languagecode", "locale", "@lang", "@xml:lang", "xml:lang")
_MOST_VALUES, _DEEPEST = 32, 3  # elements of a list, levels


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
    """The folded keys of a plain path; a dot that belongs to a key has a backslash before it."""
    return tuple(text.fold(_ESCAPED.sub(r"\1", step)) for step in _STEP.findall(f"{path}."))


def joined(keys: Sequence[str]) -> str:
    """The path of these keys."""
    return ".".join(re.sub(r"[\\.]", r"\\\g<0>", key) for key in keys)


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
    """The object with folded keys; where two keys fold to one, the first that has a value."""
    keys: Keys = {}
    for key, member in value.items():
        name = text.fold(key)
        if name not in keys or keys[name] in (None, ""):
            keys[name] = member
    return keys


def look(path: str, codes: Mapping[str, Mapping[str, str]] = {}) -> Callable[[Parts], object]:
    """Compiles one path. Where `codes` has it, the numbers found there become the words they stand for."""
    place, words = parsed(path), meanings(codes.get(path, {}))
    found = _finder(place)
    return (lambda parts: decoded(found(parts), words)) if words else found


def _finder(place: Path) -> Callable[[Parts], object]:
    """What finds the value at a place; dozens are called for each record."""
    kind, wanted, first, further = place.kind, place.wanted, place.way[:1], place.way[1:]
    if kind == "characteristic":
        return lambda parts: parts.characteristics.get(wanted)
    if kind:
        return lambda parts: selected(getattr(parts, kind), wanted)
    key, whole = ".".join(first), ".".join(place.way)
    if not further:
        return lambda parts: parts.keys.get(key)

    def found(parts: Parts) -> object:
        value = descended(parts.keys.get(key), further)
        return parts.keys.get(whole) if value is None else value  # a key with dots in it

    return found


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


def plain_values(value: object, depth: int = 0) -> list[object]:
    """The scalars that an object or a list stands for, the best to show first; [] for none.

    These are `display_value`, `label` and `value`, MongoDB's `$oid` and `$numberLong`, a name, a status or a
    code, and texts by language, English before others.
    """
    if isinstance(value, list):
        items = sorted(value[:_MOST_VALUES], key=lambda item: not _is_english(item))
        return [one for item in items if depth < _DEEPEST for one in plain_values(item, depth + 1)]
    if not isinstance(value, dict):
        return [] if value is None or value == "" else [value]
    keys = folded(value)
    found = [keys[name] for name in (*_WRAPPERS, *_typed(keys)) if name in keys]
    found = found or [keys[name] for name in _NAMES if name in keys]
    if not found and value and all(_LANGUAGE.fullmatch(key) for key in value):
        found = [value[key] for key in sorted(value, key=lambda key: not key.lower().startswith("en"))]
    return [one for member in found if depth < _DEEPEST for one in plain_values(member, depth + 1)]


def shown(value: object) -> object:
    """A scalar as it is, and the best to show of what stands for one."""
    if type(value) is dict or type(value) is list:
        return next(iter(plain_values(value)), None)
    return value


def _is_english(item: object) -> bool:
    keys = folded(item) if isinstance(item, dict) else {}
    return any(str(keys.get(name, "")).lower().startswith("en") for name in _LANGUAGE_KEYS)


def _typed(keys: Keys) -> tuple[str, ...]:
    """The only key of an object that names a type, as MongoDB's `$numberInt` and `$date` do."""
    return tuple(key for key in keys if len(keys) == 1 and key.startswith("$"))


def identifier(value: object) -> object:
    """The value of an id that is an object, or a list of one: what is stored rather than what is shown."""
    if type(value) is list:
        return identifier(value[0]) if len(value) == 1 else None
    if type(value) is not dict:
        return value
    keys = folded(value)
    names = (*_IDS, *_WRAPPERS, *_typed(keys))
    return next((identifier(keys[name]) for name in names if keys.get(name) not in (None, "", {})), None)


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
        if type(name) is dict:
            name = next(iter(plain_values(name)), None)
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


_MOST_LINKS = 10_000
_LINK_KEYS = {
    "id": ("externalid", "id"),
    "name": ("name",),
    "type": ("@referredtype", "@type", "type"),
    "role": ("relationshiptype", "role"),
    "status": ("status", "state"),
}
_RELATION_KEYS = {
    **_LINK_KEYS,
    "type": ("@referredtype", "@type"),
    "role": ("relationshiptype", "type", "role"),
}
_WRAPPED = {
    "parties": ("partyorpartyrole", "party"),
    "places": ("place",),
    "resources": ("resource",),
    "services": ("service",),
    "relations": ("service", "resource"),
}
"""Field → the keys under which version 5 and relationships have the thing itself."""

_MOST_SHAPES = 1_000

_MOST_KNOWN = 5_000
_RECURRING = ("parties", "places", "resources")
"""Links that lead to the same few things again and again; to remember the others costs more than it saves."""

_UNREAD = Link("")
_SCALARS = frozenset({str, int, float, bool, type(None), list})

Source = Callable[[Any, MutableMapping[str, int]], tuple[Link, ...]]
Get = Callable[[Any], object]


class Plan(msgspec.Struct, frozen=True):
    """How the parts of a link are read from objects with certain keys.

    `id` has a getter for each key that may have it.
    """

    id: tuple[Get, ...]
    name: Get
    type: Get
    role: Get
    status: Get
    wrapped: Get | None


class Links:
    """Reads the links of one field, `name`, of a dialect's collection; `length` caps texts, in bytes."""

    def __init__(self, name: str, mapping: dialects.Collection, length: int = text.LABEL_LENGTH) -> None:
        statuses = mapping.service_statuses if name == "services" else ()
        self._statuses = frozenset(text.fold(word) for word in statuses)
        self._length = length
        self._is_relation = name == "relations"
        self._parts = {**(_RELATION_KEYS if self._is_relation else _LINK_KEYS), "wrapped": _WRAPPED[name]}
        self._plans: dict[object, Plan] = {}
        self._words = text.Words(length)
        self._recurs = name in _RECURRING
        self._known: dict[tuple[object, ...], Link | None] = {}

    def source(self, path: str) -> Source:
        """What reads the links of the list found at `path`, or of the one item there, each once.

        It is given the value, and a count of what is dropped, to which it adds what is beyond ten thousand.
        """

        def read(value: Any, dropped: MutableMapping[str, int]) -> tuple[Link, ...]:
            items = value if isinstance(value, list) else [value]
            if len(items) > _MOST_LINKS:
                dropped["link"] += len(items) - _MOST_LINKS
                items = items[:_MOST_LINKS]
            found = [self._read(item if type(item) is dict else {"id": item}, path) for item in items]
            return tuple(dict.fromkeys(link for link in found if link is not None))

        return read

    def _read(self, item: dict[str, object], path: str) -> Link | None:
        """The link of an item, remembered where its kind recurs and all its values are texts."""
        if not self._recurs:
            return self._link(item, path)
        for value in item.values():
            if type(value) is not str:  # as a key, 1 would be the same as true
                return self._link(item, path)
        key = tuple(item.items())
        link = self._known.get(key, _UNREAD)
        if link is _UNREAD:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()  # what never recurs must not pile up
            link = self._known[key] = self._link(item, path)
        return link

    def _link(self, item: object, path: str) -> Link | None:
        outer, plan = self._opened(item)
        thing = plan.wrapped(outer) if plan.wrapped else None
        wraps = type(thing) not in _SCALARS
        inner, within = self._opened(thing) if wraps else (outer, plan)
        if self._statuses and not self._serves(within.status(inner)):
            return None
        ident = ""
        for get in within.id:
            ident = ident or text.identity(identifier(get(inner)), self._length)
        label = text.clean(shown(within.name(inner)), self._length)
        if not ident and not label:
            return None
        kind, role = within.type(inner), plan.role(outer)
        if wraps:
            kind, role = kind or plan.type(outer), role or within.role(inner)
        if not role and self._is_relation:
            role = path  # a relation that does not say what it is, is named after the list it stands in
        return Link(ident, label, self._words.of(shown(kind)), self._words.of(shown(role)))

    def _serves(self, status: object) -> bool:
        word = text.clean(shown(status))
        return not word or text.fold(word) in self._statuses

    def _opened(self, item: Any) -> tuple[Any, Plan]:
        """An object, and the plan to read it by; links have few shapes."""
        shape = tuple(item)
        return item, self._plans.get(shape) or self._plan(shape)

    def _plan(self, shape: tuple[str, ...]) -> Plan:
        """A new plan for what has these keys, remembered by them."""
        spelt: dict[str, str] = {}
        for key in shape:
            spelt.setdefault(text.fold(key), key)
        found = {
            part: tuple(spelt[name] for name in names if name in spelt) for part, names in self._parts.items()
        }
        if "displayvalue" in spelt and "value" in spelt and not (found["id"] or found["name"]):
            found |= {"id": (spelt["value"],), "name": (spelt["displayvalue"],)}  # a reference of ServiceNow
        plan = Plan(
            id=tuple(operator.itemgetter(place) for place in found["id"]),
            name=_first(found["name"]),
            type=_first(found["type"]),
            role=_first(found["role"]),
            status=_first(found["status"]),
            wrapped=_first(found["wrapped"]) if found["wrapped"] else None,
        )
        if len(self._plans) >= _MOST_SHAPES:
            self._plans.clear()
        self._plans[shape] = plan
        return plan


def _first(places: Sequence[object]) -> Get:
    """Reads the first of these places that has a value; a single one as it is."""
    if len(places) == 1:
        return operator.itemgetter(*places)

    def first(values: Any) -> object:
        for place in places:
            member = values[place]
            if member is not None and member != "":
                return member
        return None

    return first
