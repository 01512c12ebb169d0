"""A collection's dialect, compiled: from one decoded JSON object to one `Record`.

`Reader` looks for each field along the paths the dialect names; the first that holds something wins. It owns
the leniency (spelling of keys, wrapped values, nested references), not the raw bytes (`decode`) and not what
was known before (`snapshot`). Invariant: any JSON object gives a `Found`, or None where it has no id.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from exporter.inventory import dialect, text
from exporter.inventory.record import Link, Record

Keys = dict[str, object]
_SELECTION = re.compile(r"^(characteristic|party|place|resource|service)\[(.*)\]$")
_LINK_KEYS = {
    "id": ("externalid", "id"),
    "name": ("name",),
    "type": ("@referredtype", "@type"),
    "role": ("relationshiptype", "role"),
    "status": ("status", "state"),
    "wrapped": ("place", "partyorpartyrole", "service", "resource"),
}
_MOST_LINKS = 10_000
_MOST_CHARACTERISTICS = 1_000


class Found(msgspec.Struct):
    """A record, and what its dialect calls its class (TMF630's `@type`), by which it may be left out."""

    record: Record
    entity_type: str


class Parts:
    """One JSON object with its keys folded, its characteristics by folded name and its links normalised."""

    __slots__ = ("characteristics", "keys", "parties", "places", "resources", "services")

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.characteristics: Keys = {}
        self.parties: tuple[Link, ...] = ()
        self.places: tuple[Link, ...] = ()
        self.resources: tuple[Link, ...] = ()
        self.services: tuple[Link, ...] = ()


Look = Callable[[Parts], object]


def folded(value: Mapping[str, object]) -> Keys:
    """The object with folded keys; where two keys fold to one, the first that holds something."""
    keys: Keys = {}
    for key, member in value.items():
        name = text.fold(key)
        if name not in keys or keys[name] in (None, ""):
            keys[name] = member
    return keys


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
        self._looks = {
            name: tuple(_look(path) for path in getattr(mapping.fields, name))
            for name in mapping.fields.__struct_fields__
        }
        self._lists = {
            name: tuple(text.fold(path) for path in getattr(mapping.fields, name))
            for name in ("characteristics", "parties", "places", "resources", "services", "relations")
        }
        self._states = [
            (dimension, tuple(_look(path) for path in paths)) for dimension, paths in mapping.states.items()
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
        parts = Parts(folded(value))
        ident = self._identity(parts)
        if not ident:
            return None
        self._gather(parts, dropped)
        word = self._text("status", parts)
        states = tuple(self._further_states(parts))
        known = text.fold(word) in self._statuses
        operational = self._statuses.get(text.fold(word))
        if operational and any(self._refining.get(text.fold(state)) is False for _, state in states):
            operational = False
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
            operational=operational,
            status_known=known or not word,
            states=states,
            parties=parts.parties,
            places=parts.places,
            resources=parts.resources,
            services=parts.services,
            relations=self._link_list("relations", parts.keys, dropped),
            characteristics=tuple(self._texts(parts)),
            numbers=tuple(self._gauges(parts, dropped)),
            start=self._moment("start", parts, dropped),
            end=self._moment("end", parts, dropped),
            created=self._moment("created", parts, dropped),
            updated=self._moment("updated", parts, dropped),
        )
        return Found(found, self._text("entity_type", parts))

    def _gather(self, parts: Parts, dropped: Counter[str]) -> None:
        for name in self._lists["characteristics"]:
            _characteristics(parts.keys.get(name), parts.characteristics, dropped)
        parts.parties = self._link_list("parties", parts.keys, dropped)
        parts.places = self._link_list("places", parts.keys, dropped)
        parts.resources = self._link_list("resources", parts.keys, dropped)
        parts.services = self._link_list("services", parts.keys, dropped)

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
                    state = text.clean(word, self._length)
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
            try:
                yield metric, float(value) * scale
            except ValueError:
                dropped["number"] += 1

    def _link_list(self, name: str, keys: Keys, dropped: Counter[str]) -> tuple[Link, ...]:
        links: dict[Link, None] = {}
        for key in self._lists[name]:
            value = keys.get(key)
            items = value if isinstance(value, list) else (value,) if value else ()
            if len(items) > _MOST_LINKS:
                dropped["link"] += len(items) - _MOST_LINKS
            for item in items[:_MOST_LINKS]:
                link = self._link(item, name)
                if link is not None:
                    links[link] = None
        return tuple(links)

    def _link(self, item: object, name: str) -> Link | None:
        outer = item if isinstance(item, dict) else {"id": item}
        plan = _plan(outer)
        inner = _first(outer, plan.wrapped)
        if not isinstance(inner, dict):
            inner = outer
        within = plan if inner is outer else _plan(inner)
        if name == "services" and self._service_statuses and not self._serves(_first(inner, within.status)):
            return None
        ident = ""
        for key in within.id:
            ident = ident or text.identity(inner[key], self._length)
        label = text.clean(_first(inner, within.name), self._length)
        if not ident and not label:
            return None
        kind = _first(inner, within.type) or _first(outer, plan.type)
        role = _first(outer, plan.role) or _first(inner, within.role)
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


def _plan(value: Mapping[str, object]) -> _Plan:
    """The plan for objects with these keys; links have few shapes, so folding is done once for each."""
    shape = tuple(value)
    plan = _PLANS.get(shape)
    if plan is None:
        spelt = {text.fold(key): key for key in reversed(shape)}
        plan = _Plan(
            **{part: tuple(spelt[key] for key in keys if key in spelt) for part, keys in _LINK_KEYS.items()}
        )
        if len(_PLANS) < 10_000:
            _PLANS[shape] = plan
    return plan


def _first(value: Mapping[str, object], keys: tuple[str, ...]) -> object:
    for key in keys:
        member = value[key]
        if member not in (None, ""):
            return member
    return None


def _characteristics(value: object, found: Keys, dropped: Counter[str]) -> None:
    """Adds characteristics by folded name; values wrapped as `{value: …}` are unwrapped once."""
    if isinstance(value, dict):
        value = [{"name": name, "value": member} for name, member in value.items()]
    if not isinstance(value, list):
        return
    if len(value) > _MOST_CHARACTERISTICS:
        dropped["characteristic"] += len(value) - _MOST_CHARACTERISTICS
    for item in value[:_MOST_CHARACTERISTICS]:
        if not isinstance(item, dict):
            continue
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


def _look(path: str) -> Look:
    """Compiles one path; see `dialect` for their grammar."""
    selection = _SELECTION.match(path)
    if selection is None:
        return _descend(tuple(text.fold(step) for step in path.split(".")))
    kind, wanted = selection[1], text.fold(selection[2])
    if kind == "characteristic":
        return lambda parts: parts.characteristics.get(wanted)
    return _select({"party": "parties"}.get(kind, f"{kind}s"), wanted)


def _descend(steps: tuple[str, ...]) -> Look:
    if len(steps) == 1:
        only = steps[0]
        return lambda parts: parts.keys.get(only)
    first, *rest = steps

    def look(parts: Parts) -> object:
        value = parts.keys.get(first)
        for step in rest:
            if isinstance(value, list):
                value = next((item for item in value if isinstance(item, dict)), None)
            if not isinstance(value, dict):
                return None
            value = value[step] if step in value else folded(value).get(step)
        return value

    return look


def _select(slot: str, wanted: str) -> Look:
    def look(parts: Parts) -> object:
        links: tuple[Link, ...] = getattr(parts, slot)
        for link in links:
            if not wanted or text.fold(link.role) == wanted or text.fold(link.type) == wanted:
                return link.name or link.id
        return None

    return look
