"""Links: from an item of a list of parties, places, resources, services or relations to a `Link`.

It owns the leniency about items: flat, wrapped as in version 5, a bare id, keys in any spelling. Where the
lists are is the dialect's. Items recur: the same customer and the same satellite are in thousands of records,
so a flat item that was read before is not read again. Invariant: what is remembered is bounded.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

import msgspec

from exporter.inventory import dialects, text
from exporter.inventory.record import Link

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
"""Field → the keys under which version 5 and relationships hold the thing itself."""

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

    `id` has a getter for each key that may hold it.
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
            ident = ident or text.identity(get(inner), self._length)
        label = text.clean(within.name(inner), self._length)
        if not ident and not label:
            return None
        kind, role = within.type(inner), plan.role(outer)
        if wraps:
            kind, role = kind or plan.type(outer), role or within.role(inner)
        if not role and self._is_relation:
            role = path  # a relation that does not say what it is, is named after the list it stands in
        return Link(ident, label, self._words.of(kind), self._words.of(role))

    def _serves(self, status: object) -> bool:
        word = text.clean(status)
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
    """Reads the first of these places that holds something; a single one whatever it holds."""
    if len(places) == 1:
        return operator.itemgetter(*places)

    def first(values: Any) -> object:
        for place in places:
            member = values[place]
            if member is not None and member != "":
                return member
        return None

    return first
