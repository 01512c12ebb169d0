"""Links: from an item of a list of parties, places, resources, services or relations to a `Link`.

It owns the leniency about items: flat, wrapped as in version 5, a bare id, keys in any spelling. Where the
lists are is the dialect's. Items recur: the same customer and the same satellite stand in
thousands of records, so an item that was read before is not read again. Invariant: an item gives the same
link whether it is known or not, and what is remembered is bounded.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from typing import Any

import msgspec

from exporter.inventory import dialects, link_recipe, text
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

_UNKNOWN = Link("")
_SCALARS = frozenset({str, int, float, bool, type(None), list})
_JSON = _SCALARS | {dict}  # what is of no other type is a struct, which `isinstance` finds slowly

Source = Callable[[Any, MutableMapping[str, int]], tuple[Link, ...]]
Get = Callable[[Any], object]


class Plan(msgspec.Struct, frozen=True):
    """How the parts of a link are read from objects with certain keys, or from the values of such structs.

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
        self._recurs = name in _RECURRING
        self._parts = {**(_RELATION_KEYS if self._is_relation else _LINK_KEYS), "wrapped": _WRAPPED[name]}
        self._plans: dict[object, Plan] = {}
        self._made: dict[type, link_recipe.Make] = {}
        self._words = text.Words(length)

    def source(self, path: str) -> Source:
        """What reads the links of the list found at `path`, or of the one item there, each once.

        It is given the value, and a count of what is dropped, to which it adds what is beyond ten thousand.
        """
        known: dict[object, Link | None] = {}  # customers and satellites recur
        make, made, recurs = self._link, self._made, self._recurs

        def read(value: Any, dropped: MutableMapping[str, int]) -> tuple[Link, ...]:
            items = value if isinstance(value, list) else [value]
            if len(items) > _MOST_LINKS:
                dropped["link"] += len(items) - _MOST_LINKS
                items = items[:_MOST_LINKS]
            found: dict[Link, None] = {}
            for item in items:
                if type(item) in _JSON:
                    link = make(item if type(item) is dict else {"id": item}, path)
                elif not recurs:
                    link = (made.get(type(item)) or self._maker(type(item)))(item, path)
                else:
                    link = known.get(item, _UNKNOWN)
                    if link is _UNKNOWN:
                        if len(known) >= _MOST_KNOWN:
                            known.clear()  # what never recurs must not pile up
                        link = known[item] = (made.get(type(item)) or self._maker(type(item)))(item, path)
                if link is not None:
                    found[link] = None
            return tuple(found)

        return read

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

    def _maker(self, kind: type[msgspec.Struct]) -> link_recipe.Make:
        """A new function for structs of this class, remembered."""
        serves, unnamed = self._serves if self._statuses else None, "unnamed" if self._is_relation else "''"
        recipe = link_recipe.LinkRecipe(kind, self._parts, serves, unnamed, self._length)
        if len(self._made) >= _MOST_SHAPES:
            self._made.clear()
        make = self._made[kind] = recipe.function() or self._link
        return make

    def _serves(self, status: object) -> bool:
        word = text.clean(status)
        return not word or text.fold(word) in self._statuses

    def _opened(self, item: Any) -> tuple[Any, Plan]:
        """An object, or the values of a struct, and the plan to read it by; links have few shapes."""
        if type(item) is dict:
            shape: object = tuple(item)
            return item, self._plans.get(shape) or self._plan(shape, item, tuple(item))
        values, shape = msgspec.structs.astuple(item), type(item)
        plan = self._plans.get(shape)
        if plan is None:
            keys = item.__struct_encode_fields__
            plan = self._plan(shape, keys, range(len(keys)))
        return values, plan

    def _plan(self, shape: object, keys: Iterable[str], places: Sequence[object]) -> Plan:
        """A new plan for what has these keys at these places, remembered by its shape."""
        spelt: dict[str, object] = {}
        for key, place in zip(keys, places, strict=True):
            spelt.setdefault(text.fold(key), place)
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
