"""A collection's dialect, compiled: from one JSON object to one `Record`.

`Reader` looks for each field along the dialect's paths; the first that has a value wins. Invariant: any
JSON object gives a `FoundRecord`, or None where it has no id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from functools import partial
from typing import Any

import msgspec

from exporter.inventory import dates, dialects, field_paths, text
from exporter.inventory.condition import Condition, refined
from exporter.inventory.field_paths import Keys, Parts
from exporter.inventory.filters import Filters, FilterTerm, Selection
from exporter.inventory.record import Record, slim

LINKS = ("parties", "places", "resources", "services", "relations")
"""The fields that are lists of links."""

TEXTS = (
    *("name", "description", "type", "category", "specification", "party", "place"),
    *("gateway", "terminal", "satellite", "transponder", "status", "entity_type"),
)
"""The texts of a record, in its order, and what its dialect calls its class."""

MOMENTS = ("start", "end", "created", "updated")
"""The times of a record, in its order."""

_UNIQUE = ("name", "description")
"""Texts that differ from record to record, and are not remembered."""

_DATES = ("$date", "datetime", "date", "time", "iso", "timestamp", "seconds", "epochsecond", "millis")
"""Members of an object that stands for a date."""

_MOST_STATES = 32
_ALL = Selection()

_Look = Callable[[Parts], object]


class FoundRecord(msgspec.Struct):
    """A record, and what its dialect calls its class (TMF630's `@type`), by which it may be left out."""

    record: Record
    entity_type: str


class Reader:
    """Reads the records of one collection.

    `mapping` is the dialect's collection with the operator's changes; `numbers` maps a characteristic's name
    to (metric suffix, factor) for those that become gauges; `selection` says which records are stored;
    `length` caps label values, in bytes of UTF-8.
    """

    def __init__(
        self,
        mapping: dialects.Collection,
        *,
        characteristics: Sequence[str] = (),
        numbers: Mapping[str, tuple[str, float]] = {},
        selection: Selection = _ALL,
        length: int = text.LABEL_LENGTH,
        queries: Sequence[Mapping[str, str]] = (),
    ) -> None:
        self._mapping = mapping
        fields = mapping.fields
        self._length = length
        self._links = {name: field_paths.Links(name, mapping, length) for name in LINKS}
        self._statuses = {text.fold(word): meaning for word, meaning in mapping.statuses.items()}
        self._refining = {text.fold(word): meaning for word, meaning in mapping.refining.items()}
        self._shown = tuple((text.fold(name), name, text.Words(length)) for name in characteristics)
        self._numbers = tuple((text.fold(name), *rest) for name, rest in numbers.items())
        self._selection = selection
        self._filters = Filters(queries)
        self._sources = tuple((name, self._sources_of(name)) for name in LINKS)
        self._characteristics = tuple(field_paths.steps(path) for path in fields.characteristics)
        self._ids = self._looks(fields.id)
        self._texts = tuple(
            (name, self._looks(getattr(fields, name)), self._cleaning(name))
            for name in TEXTS
            if name != "status"
        )
        self._status_looks, self._words = self._looks(fields.status), text.Words(length)
        self._moments = tuple((name, self._looks(getattr(fields, name))) for name in MOMENTS)
        self._states = tuple((name, self._looks(places)) for name, places in mapping.states.items())

    def _sources_of(self, name: str) -> tuple[tuple[tuple[str, ...], field_paths.Source], ...]:
        """Where the links of a field are, and what reads them there."""
        links = self._links[name]
        return tuple(
            (field_paths.steps(path), links.source(path)) for path in getattr(self._mapping.fields, name)
        )

    def _looks(self, places: Sequence[str]) -> tuple[_Look, ...]:
        return tuple(field_paths.look(path, self._mapping.codes) for path in places)

    def _cleaning(self, name: str) -> Callable[[Any], str]:
        if name in _UNIQUE:
            return partial(text.clean, length=self._length)
        return text.Words(self._length).of

    def selects(self, found: FoundRecord) -> bool:
        """Whether a record is of a type, and in the shard, that is stored."""
        return self._selection.selects(found.record, found.entity_type)

    def is_in_other_shard(self, found: FoundRecord) -> bool:
        """Whether a record is left to another shard."""
        return self._selection.is_in_other_shard(found.record)

    def foreign(self, found: FoundRecord) -> Record | None:
        """What is kept of a record that another shard stores; None for any other."""
        if not self.is_in_other_shard(found):
            return None
        if not self._selection.has_selected_type(found.record, found.entity_type):
            return None
        return slim(found.record, self._mapping)

    def contradicted(self, raw: msgspec.Raw, found: FoundRecord) -> FilterTerm | None:
        """The condition of the queries that the record contradicts; None for none."""
        return self._filters.contradicted(raw, (found.record.type, found.entity_type))

    def read(self, item: Mapping[str, object], dropped: MutableMapping[str, int]) -> FoundRecord | None:
        """The record in one JSON object; None if it has no id. `dropped` counts what cannot be read."""
        parts = self.gather(item, dropped)
        ident = ""
        for look in self._ids:
            if not ident and (value := look(parts)) is not None:
                ident = text.identity(
                    value if type(value) is str else field_paths.identifier(value), self._length
                )
        if not ident:
            return None
        found: dict[str, Any] = {name: _text(parts, looks, clean) for name, looks, clean in self._texts}
        found["status"] = self._status(parts, dropped)
        found |= {name: self._moment(parts, looks, dropped) for name, looks in self._moments}
        status, entity_type = found["status"], found.pop("entity_type")
        states = self._further_states(
            [(name, [look(parts) for look in looks]) for name, looks in self._states], dropped
        )
        record = Record(
            ident,
            condition=self._condition(status, states),
            status_known=self._is_known(status),
            states=states,
            parties=parts.parties,
            places=parts.places,
            resources=parts.resources,
            services=parts.services,
            relations=parts.relations,
            characteristics=self._shown_texts(parts.characteristics),
            numbers=self._gauges(parts.characteristics, dropped),
            class_mark=text.mark(entity_type),
            **found,
        )
        return FoundRecord(record, entity_type)

    def gather(self, value: Mapping[str, object], dropped: MutableMapping[str, int]) -> Parts:
        """One JSON object, prepared for looking: its characteristics by name, its links normalised."""
        parts = Parts(field_paths.folded(value))
        for way in self._characteristics:
            field_paths.characteristics(_whole(parts.keys, way), parts.characteristics, dropped)
        for name, sources in self._sources:
            found = [
                one
                for way, links in sources
                if (within := _whole(parts.keys, way))
                for one in links(within, dropped)
            ]
            setattr(parts, name, tuple(dict.fromkeys(found)) if len(sources) > 1 else tuple(found))
        return parts

    def _moment(
        self, parts: Parts, looks: Sequence[_Look], dropped: MutableMapping[str, int]
    ) -> float | None:
        """The first of these places that has a date, in Unix seconds; what is no date is counted."""
        for look in looks:
            value = look(parts)
            if value is None or value == "":
                continue
            found = date_of(value, self._mapping.date_format)
            if found is not None:
                return found
            dropped["date"] += 1
        return None

    def _condition(self, word: str, states: Sequence[tuple[str, str]]) -> Condition:
        """What the headline means, refined by the further states; unknown where nobody knows."""
        headline = self._statuses.get(text.fold(word), Condition.UNKNOWN)
        if not states:
            return headline
        found = (self._refining.get(text.fold(state)) for _, state in states)
        return refined(headline, filter(None, found))

    def _status(self, parts: Parts, dropped: MutableMapping[str, int]) -> str:
        """The first of the places that has a status; of several values there the first that is known."""
        for look in self._status_looks:
            value = look(parts)
            if type(value) is dict or type(value) is list:
                words = [self._words.of(one) for one in field_paths.plain_values(value)]
                found = next((word for word in words if text.fold(word) in self._statuses), "")
                found = found or next(filter(None, words), "")
                if value and not found:
                    dropped["status"] += 1
            else:
                found = self._words.of(value)
            if found:
                return found
        return ""

    def _is_known(self, word: str) -> bool:
        return not word or text.fold(word) in self._statuses

    def _further_states(
        self, given: Sequence[tuple[str, Sequence[object]]], dropped: MutableMapping[str, int]
    ) -> tuple[tuple[str, str], ...]:
        """The states of each dimension, once each, of what was found of them."""
        states: dict[tuple[str, str], None] = {}
        for dimension, found in given:
            most = len(states) + _MOST_STATES
            for value in found:
                if value is None:
                    continue
                for one in value if isinstance(value, list) else (value,):
                    state = text.truth(text.clean(field_paths.shown(one), self._length))
                    if one and not state and type(one) is dict:
                        dropped["status"] += 1
                    if state and len(states) < most:
                        states[dimension, state] = None
        return tuple(states)

    def _shown_texts(self, characteristics: Keys) -> tuple[tuple[str, str], ...]:
        found, clean, length = [], text.clean, self._length
        for key, name, words in self._shown:
            value = characteristics.get(key)
            if value is None:
                continue
            word = words[value] if type(value) is str else clean(value, length)
            if word:
                found.append((name, word))
        return tuple(found)

    def _gauges(
        self, characteristics: Keys, dropped: MutableMapping[str, int]
    ) -> tuple[tuple[str, float], ...]:
        found = []
        for key, metric, scale in self._numbers:
            value = characteristics.get(key)
            if value is None or not (word := text.clean(value)):
                continue
            number = text.scaled(value if type(value) is str else word, scale)
            if number is None:
                dropped["number"] += 1
            else:
                found.append((metric, number))
        return tuple(found)


def date_of(value: object, form: str = "") -> float | None:
    """The date that a value is, or that an object or a list of one stands for.

    It is read as it is stored rather than as it is shown. Objects have it as `$date`, `value`, `dateTime`,
    `seconds` (Protocol Buffers), `epochSecond` (Java) and others, or in two parts, `date` and `time`. None
    for none; `form` as for `dates.moment`.
    """
    found = dates.moment(value, form)
    if found is not None or not isinstance(value, dict | list):
        return found
    if isinstance(value, list):
        return date_of(value[0], form) if len(value) == 1 else None
    keys = field_paths.folded(value)
    parts = [keys.get("date"), keys.get("time")]
    joined = "T".join(part for part in parts if isinstance(part, str)) if all(parts) else ""
    inner = (joined, *(keys.get(name) for name in _DATES), *reversed(field_paths.plain_values(value)))
    read = (dates.moment(field_paths.identifier(one), form) for one in inner)
    return next((one for one in read if one is not None), None)


def _text(parts: Parts, looks: Sequence[_Look], clean: Callable[[Any], str]) -> str:
    """The first of these places that has a text, cleaned; empty for none."""
    for look in looks:
        value = look(parts)
        if value is None:
            continue
        if type(value) is dict or type(value) is list:
            value = field_paths.shown(value)
        found = clean(value)
        if found:
            return found
    return ""


def _whole(keys: Keys, way: tuple[str, ...]) -> object:
    """All that is at a plain path."""
    value = keys.get(way[0])
    if len(way) == 1:
        return value
    return field_paths.gathered(value, way[1:]) or keys.get(".".join(way))  # or a key with dots in it
