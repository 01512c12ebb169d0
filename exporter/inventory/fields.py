"""A collection's dialect, compiled: from one decoded JSON object to one `Record`.

`Reader` looks for each field along the paths the dialect names; the first that holds something wins. It owns
the leniency (spelling of keys, wrapped values, nested references), not the raw bytes (`decode`) and not what
was known before (`snapshot`). Invariant: any JSON object gives a `Found`, or None where it has no id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from exporter.inventory import dialect, paths, text, values
from exporter.inventory.paths import Keys, Parts
from exporter.inventory.record import Link, Record

LINKS = ("parties", "places", "resources", "services", "relations")
"""The fields that are lists of links."""

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

_MOST_LINKS = 10_000


class Found(msgspec.Struct):
    """A record, and what its dialect calls its class (TMF630's `@type`), by which it may be left out."""

    record: Record
    entity_type: str


class Reader:
    """Reads the records of one collection.

    `mapping` is the dialect's collection with the operator's changes; `numbers` maps a characteristic's name
    to (metric suffix, factor) for those that become gauges; `include` and `exclude` are types, `include`
    empty for all; `shard` is (index, count) of the share of ids that is held; `length` caps label values, in
    characters.
    """

    def __init__(
        self,
        mapping: dialect.Collection,
        *,
        characteristics: Sequence[str] = (),
        numbers: Mapping[str, tuple[str, float]] = {},
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        shard: tuple[int, int] = (0, 1),
        length: int = text.LABEL_LENGTH,
    ) -> None:
        self._length = length
        codes = mapping.codes
        self._looks = {
            name: tuple(paths.look(path, codes) for path in getattr(mapping.fields, name))
            for name in mapping.fields.__struct_fields__
        }
        self._lists = {
            name: tuple((paths.steps(path), path) for path in getattr(mapping.fields, name))
            for name in ("characteristics", *LINKS)
        }
        self._states = [
            (dimension, tuple(paths.look(path, codes) for path in places))
            for dimension, places in mapping.states.items()
        ]
        self._statuses = {text.fold(word): meaning for word, meaning in mapping.statuses.items()}
        self._refining = {text.fold(word): meaning for word, meaning in mapping.refining.items()}
        self._service_statuses = frozenset(text.fold(word) for word in mapping.service_statuses)
        self._shown = tuple((text.fold(name), name) for name in characteristics)
        self._numbers = tuple((text.fold(name), *rest) for name, rest in numbers.items())
        self._include = frozenset(text.fold(word) for word in include)
        self._exclude = frozenset(text.fold(word) for word in exclude)
        self._shard, self._shards = shard
        self._links: dict[Link, Link] = {}

    def keeps(self, found: Found) -> bool:
        """Whether a record is of a type, and in the shard, that is held."""
        if self._shards > 1 and text.stable_hash(found.record.id) % self._shards != self._shard:
            return False
        if not (self._include or self._exclude):
            return True
        types = {text.fold(found.record.type), text.fold(found.entity_type)}
        return not types & self._exclude and (not self._include or bool(types & self._include))

    def read(self, value: Mapping[str, object], dropped: Counter[str]) -> Found | None:
        """The record in one JSON object; None if it has no id. `dropped` counts what cannot be read."""
        parts = self.gather(value, dropped)
        ident = self._identity(parts)
        if not ident:
            return None
        word = self._text("status", parts)
        states = tuple(self._further_states(parts))
        found = Record(
            id=ident,
            name=self._text("name", parts),
            description=self._text("description", parts),
            type=self._text("type", parts),
            category=self._text("category", parts),
            specification=self._text("specification", parts),
            party=self._text("party", parts),
            place=self._text("place", parts),
            gateway=self._text("gateway", parts),
            terminal=self._text("terminal", parts),
            satellite=self._text("satellite", parts),
            transponder=self._text("transponder", parts),
            status=word,
            operational=self._operational(word, states),
            status_known=not word or text.fold(word) in self._statuses,
            states=states,
            parties=parts.parties,
            places=parts.places,
            resources=parts.resources,
            services=parts.services,
            relations=parts.relations,
            characteristics=tuple(self._texts(parts)),
            numbers=tuple(self._gauges(parts, dropped)),
            start=self._moment("start", parts, dropped),
            end=self._moment("end", parts, dropped),
            created=self._moment("created", parts, dropped),
            updated=self._moment("updated", parts, dropped),
        )
        return Found(found, self._text("entity_type", parts))

    def gather(self, value: Mapping[str, object], dropped: Counter[str]) -> Parts:
        """One JSON object, prepared for looking: its characteristics by name, its links normalised."""
        parts = Parts(paths.folded(value))
        for way, _ in self._lists["characteristics"]:
            paths.characteristics(paths.reach(parts.keys, way), parts.characteristics, dropped)
        parts.parties = self._link_list("parties", parts.keys, dropped)
        parts.places = self._link_list("places", parts.keys, dropped)
        parts.resources = self._link_list("resources", parts.keys, dropped)
        parts.services = self._link_list("services", parts.keys, dropped)
        parts.relations = self._link_list("relations", parts.keys, dropped)
        return parts

    def _operational(self, word: str, states: Sequence[tuple[str, str]]) -> bool | None:
        """What the headline means, refined by the further states; None where nobody knows."""
        operational = self._statuses.get(text.fold(word))
        if operational and any(self._refining.get(text.fold(state)) is False for _, state in states):
            return False
        return operational

    def _identity(self, parts: Parts) -> str:
        for look in self._looks["id"]:
            ident = text.identity(look(parts), self._length)
            if ident:
                return ident
        return ""

    def _text(self, name: str, parts: Parts) -> str:
        for look in self._looks[name]:
            value = look(parts)
            if value is not None:
                word = text.clean(value, self._length)
                if word:
                    return word
        return ""

    def _moment(self, name: str, parts: Parts, dropped: Counter[str]) -> float | None:
        for look in self._looks[name]:
            value = look(parts)
            if value in (None, ""):
                continue
            seconds = text.moment(value)
            if seconds is not None:
                return seconds
            dropped["date"] += 1
        return None

    def _further_states(self, parts: Parts) -> Iterator[tuple[str, str]]:
        for dimension, looks in self._states:
            seen: set[str] = set()
            for look in looks:
                value = look(parts)
                if value is None:
                    continue
                for word in value if isinstance(value, list) else (value,):
                    state = values.truth(text.clean(word, self._length))
                    if state and state not in seen and len(seen) < 32:
                        seen.add(state)
                        yield dimension, state

    def _texts(self, parts: Parts) -> Iterator[tuple[str, str]]:
        for key, name in self._shown:
            value = text.clean(parts.characteristics.get(key), self._length)
            if value:
                yield name, value

    def _gauges(self, parts: Parts, dropped: Counter[str]) -> Iterator[tuple[str, float]]:
        for key, metric, scale in self._numbers:
            value = text.clean(parts.characteristics.get(key))
            if not value:
                continue
            number = values.number(value)
            if number is None:
                dropped["number"] += 1
            else:
                yield metric, number * scale

    def _link_list(self, name: str, keys: Keys, dropped: Counter[str]) -> tuple[Link, ...]:
        links: dict[Link, None] = {}
        for way, path in self._lists[name]:
            value = keys.get(way[0]) if len(way) == 1 else paths.reach(keys, way)
            if not value:
                continue
            items = value if isinstance(value, list) else (value,)
            if len(items) > _MOST_LINKS:
                dropped["link"] += len(items) - _MOST_LINKS
            for item in items[:_MOST_LINKS]:
                link = self._link(item, name, path)
                if link is not None:
                    links[link] = None
        return tuple(links)

    def _link(self, item: object, name: str, path: str) -> Link | None:
        outer = item if isinstance(item, dict) else {"id": item}
        plan = within = _PLANS.get((name, *outer)) or _plan(outer, name)
        inner = _first(outer, plan.wrapped) if plan.wrapped else None
        if isinstance(inner, dict):
            within = _PLANS.get((name, *inner)) or _plan(inner, name)
        else:
            inner = outer
        if name == "services" and self._service_statuses and not self._serves(_first(inner, within.status)):
            return None
        ident = ""
        for key in within.id:
            ident = ident or text.identity(inner[key], self._length)
        label = text.clean(_first(inner, within.name), self._length)
        if not ident and not label:
            return None
        kind, role = _first(inner, within.type), _first(outer, plan.role)
        if inner is not outer:
            kind, role = kind or _first(outer, plan.type), role or _first(inner, within.role)
        if not role and name == "relations":
            role = path  # a relation that does not say what it is, is named after the list it stands in
        link = Link(ident, label, text.clean(kind, self._length), text.clean(role, self._length))
        if len(self._links) > 200_000:  # satellites and customers recur; what never recurs must not pile up
            self._links.clear()
        return self._links.setdefault(link, link)

    def _serves(self, status: object) -> bool:
        word = text.clean(status)
        return not word or text.fold(word) in self._service_statuses


class _Plan(msgspec.Struct, frozen=True):
    """The keys, as an object spells them, that hold the parts of a link."""

    id: tuple[str, ...]
    name: tuple[str, ...]
    type: tuple[str, ...]
    role: tuple[str, ...]
    status: tuple[str, ...]
    wrapped: tuple[str, ...]


_PLANS: dict[tuple[str, ...], _Plan] = {}


def _plan(value: Mapping[str, object], name: str) -> _Plan:
    """A new plan for objects with these keys; links have few shapes, so it is remembered for the next one."""
    spelt = {text.fold(key): key for key in reversed(tuple(value))}
    parts = {**(_RELATION_KEYS if name == "relations" else _LINK_KEYS), "wrapped": _WRAPPED[name]}
    plan = _Plan(**{part: tuple(spelt[key] for key in keys if key in spelt) for part, keys in parts.items()})
    if len(_PLANS) < 10_000:
        _PLANS[name, *value] = plan
    return plan


def _first(value: Mapping[str, object], keys: tuple[str, ...]) -> object:
    for key in keys:
        member = value[key]
        if member not in (None, ""):
            return member
    return None
