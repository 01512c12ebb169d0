"""A collection's dialect, compiled: from one JSON object, or its bytes, to one `Record`.

`Reader` looks for each field along the paths the dialect names; the first that holds something wins. It
learns the usual form of the records (`form`), has a function written for their keys (`recipe`) and says what
becomes of the values; not how raw records are found (`decode`) nor what was known before (`snapshot`).
Invariants: any JSON object gives a `Found`, or None where it has no id; and the same one however it is read.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from functools import cached_property, partial
from typing import Any

import msgspec

from exporter.inventory import dialects, form, paths, recipe, references, scalars, text
from exporter.inventory.filters import Condition, Filters
from exporter.inventory.paths import Keys, Parts
from exporter.inventory.record import Record
from exporter.inventory.selection import Choice

LINKS = recipe.LINKS

_UNIQUE = ("name", "description")
"""Texts that differ from record to record: to remember them would not pay."""

_MOST_STATES = 32
_ALL = Choice()


class Found(msgspec.Struct):
    """A record, and what its dialect calls its class (TMF630's `@type`), by which it may be left out."""

    record: Record
    entity_type: str


class Reader:
    """Reads the records of one collection.

    `mapping` is the dialect's collection with the operator's changes; `numbers` maps a characteristic's name
    to (metric suffix, factor) for those that become gauges; `selection` says which records are held; `length`
    caps label values, in bytes of UTF-8.
    """

    def __init__(
        self,
        mapping: dialects.Collection,
        *,
        characteristics: Sequence[str] = (),
        numbers: Mapping[str, tuple[str, float]] = {},
        choice: Choice = _ALL,
        length: int = text.LABEL_LENGTH,
        queries: Sequence[Mapping[str, str]] = (),
    ) -> None:
        self._mapping = mapping
        self._length = length
        self._links = {name: references.Links(name, mapping, length) for name in LINKS}
        self._statuses = {text.fold(word): meaning for word, meaning in mapping.statuses.items()}
        self._refining = {text.fold(word): meaning for word, meaning in mapping.refining.items()}
        self._shown = tuple((text.fold(name), name, text.Words(length)) for name in characteristics)
        self._numbers = tuple((text.fold(name), *rest) for name, rest in numbers.items())
        self._choice = choice
        self._filters = Filters(queries)
        self._tools = self._made_tools()
        self._usual: tuple[form.Form, recipe.Read] = self._blank(), _no_record

    def _made_tools(self) -> Mapping[str, Any]:
        cleaning = partial(text.clean, length=self._length)
        return {
            "found": Found,
            "Record": Record,
            "identity": partial(text.identity, length=self._length),
            "moment": text.moment,
            "operational": self._operational,
            "is_known": self._is_known,
            "further_states": self._further_states,
            "shown": self._shown_texts,
            "gauges": self._gauges,
            **{name: cleaning if name in _UNIQUE else text.Words(self._length) for name in recipe.TEXTS},
            **{name: links.source for name, links in self._links.items()},
        }

    def _blank(self) -> form.Form:
        """The form of records of which none was seen; it knows the lists that are read whole, and only so."""
        wanted, mapping = self._mapping.fields, self._mapping
        links = {paths.steps(path) for name in LINKS for path in getattr(wanted, name)}
        characteristics = {paths.steps(path) for path in wanted.characteristics}
        found = [getattr(wanted, name) for name in ("id", *recipe.TEXTS, *recipe.MOMENTS)]
        places = {paths.parsed(path).way for ways in (*found, *mapping.states.values()) for path in ways}
        others = {way[:1] for way in (*places, *(way for way in links | characteristics if len(way) > 1))}
        return form.Form(
            frozenset(way[0] for way in links - others - characteristics if len(way) == 1),
            frozenset(way[0] for way in characteristics - others - links if len(way) == 1),
        )

    @cached_property
    def _general(self) -> tuple[tuple[str, ...], recipe.Read]:
        """The folded keys that any path begins with, and the recipe for records that have them."""
        wanted = self._mapping.fields
        found = (getattr(wanted, name) for name in wanted.__struct_fields__)
        parsed = (paths.parsed(path) for ways in (*found, *self._mapping.states.values()) for path in ways)
        keys = tuple(dict.fromkeys(path.way[0] for path in parsed if path.way))
        return keys, recipe.Recipe(self._mapping, keys, self._tools).function()

    def keeps(self, found: Found) -> bool:
        """Whether a record is of a type, and in the shard, that is held."""
        return self._choice.holds(found.record, found.entity_type)

    def is_elsewhere(self, found: Found) -> bool:
        """Whether a record is left to another shard."""
        return self._choice.is_elsewhere(found.record)

    def contradicted(self, raw: msgspec.Raw, found: Found) -> Condition | None:
        """The condition of the queries that the record shows not to be obeyed; None for none."""
        return self._filters.contradicted(raw, (found.record.type, found.entity_type))

    def read(self, value: Mapping[str, object], dropped: MutableMapping[str, int]) -> Found | None:
        """The record in one JSON object; None if it has no id. `dropped` counts what cannot be read."""
        keys, made = self._general
        found: Found | None = made([*map(paths.folded(value).get, keys)], dropped)
        return found

    def read_raw(self, raw: msgspec.Raw, dropped: MutableMapping[str, int]) -> Found | None:
        """What `read` gives, in half the time, for raw records in the usual form of the collection.

        Raises `msgspec.DecodeError` and others for any other record; `learn` makes its form a usual one.
        """
        usual, made = self._usual  # one value, for another page may be teaching a new form at this moment
        found: Found | None = made(usual.values(raw), dropped)
        return found

    def learn(self, value: Mapping[str, object]) -> None:
        """Takes in the form of a record that `read_raw` could not read."""
        usual, _ = self._usual
        learned = usual.learned(value)
        if learned is not usual:
            made = recipe.Recipe(self._mapping, learned.names, self._tools).function()
            self._usual = learned, made

    def gather(self, value: Mapping[str, object], dropped: MutableMapping[str, int]) -> Parts:
        """One JSON object, prepared for looking: its characteristics by name, its links normalised."""
        parts = Parts(paths.folded(value))
        for path in self._mapping.fields.characteristics:
            paths.characteristics(_whole(parts.keys, path), parts.characteristics, dropped)
        for name, links in self._links.items():
            found = [
                one
                for path in getattr(self._mapping.fields, name)
                if (held := _whole(parts.keys, path))
                for one in links.source(path)(held, dropped)
            ]
            setattr(parts, name, tuple(dict.fromkeys(found)))
        return parts

    def _operational(self, word: str, states: Sequence[tuple[str, str]]) -> bool | None:
        """What the headline means, refined by the further states; None where nobody knows."""
        operational = self._statuses.get(text.fold(word))
        if operational and any(self._refining.get(text.fold(state)) is False for _, state in states):
            return False
        return operational

    def _is_known(self, word: str) -> bool:
        return not word or text.fold(word) in self._statuses

    def _further_states(self, given: Sequence[tuple[str, Sequence[object]]]) -> tuple[tuple[str, str], ...]:
        """The states of each dimension, once each, of what was found of them."""
        states: dict[tuple[str, str], None] = {}
        for dimension, found in given:
            most = len(states) + _MOST_STATES
            for value in found:
                for word in value if isinstance(value, list) else (value,):
                    state = scalars.truth(text.clean(word, self._length))
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
            word = text.clean(value)
            if not word:
                continue
            number = scalars.scaled(value if type(value) is str else word, scale)
            if number is None:
                dropped["number"] += 1
            else:
                found.append((metric, number))
        return tuple(found)


def _no_record(values: Sequence[object], dropped: MutableMapping[str, int]) -> None:
    """Of an object without keys."""


def _whole(keys: Keys, path: str) -> object:
    """All that is at a plain path."""
    first, *way = paths.steps(path)
    return paths.gathered(keys.get(first), tuple(way))
