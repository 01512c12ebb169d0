"""Which records are stored (types, shard), and whether a record shows that a query was ignored.

Many APIs ignore a parameter that they do not know and list everything. A record contradicts a condition of
the query if it shows the condition's attribute with another value: `@type=Carrier` and `"@type": "Service"`.
What a record does not show, and what cannot be compared (a code and a word, a pattern, a date), contradicts
nothing. Pure. Invariants: a record that has the requested value contradicts nothing, however spelled; each id
belongs to exactly one shard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from exporter.inventory import text
from exporter.inventory.record import Record

TYPE_KEYS = frozenset({"@type", "type"})
_FURTHER_TYPES = ("@type", "type", "@baseType")
_NO_CONDITION = frozenset(
    {"fields", "sort", "filter", "limit", "offset", "page", "depth", "expand", "q", "lang"}
)
"""Parameters of TMF630 and of other APIs that select no records by an attribute."""

_ATTRIBUTE = re.compile(r"[@\w-]+(?:\.[@\w-]+)*")
_COMPARISONS = re.compile(r"\.(?:ne|gt|gte|lt|lte|regex|isnull|exists|in|nin|like|contains)", re.IGNORECASE)
"""Ends of parameters that compare in another way than for equality."""

_EQUAL = re.compile(r"\.eq$", re.IGNORECASE)
_PATTERN = re.compile(r"[*%!<>~^$()?]|\d{4}-\d\d")
_DIGITS = frozenset("-0123456789")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class FilterTerm(msgspec.Struct, frozen=True):
    """One parameter of a query that names an attribute.

    `values` are alternatives, folded, and `classes` what they are: number, boolean or word. `is_of_type`
    says that it asks for a type.
    """

    key: str
    written: str
    values: frozenset[str]
    classes: frozenset[str]
    is_of_type: bool

    def __str__(self) -> str:
        return f"{self.key}={self.written}"


def conditions(query: Mapping[str, str]) -> tuple[FilterTerm, ...]:
    """The conditions of a query that records can be compared with."""
    return tuple(
        _condition(key, value)
        for key, value in query.items()
        if value
        and _ATTRIBUTE.fullmatch(key)
        and not _COMPARISONS.search(key)
        and key.lower() not in _NO_CONDITION
        and not _PATTERN.search(value)
    )


def _condition(key: str, value: str) -> FilterTerm:
    values = frozenset(map(text.fold, filter(None, re.split("[,;|]", value))))
    return FilterTerm(key, value, values, frozenset(map(_class, values)), key.lower() in TYPE_KEYS)


class Filters:
    """The conditions of a collection's queries, a record being listed by at least one of them."""

    def __init__(self, queries: Sequence[Mapping[str, str]]) -> None:
        self.queries = tuple(conditions(query) for query in queries)
        self._can_tell = bool(self.queries) and all(self.queries)  # else one of them lists everything
        keys = dict.fromkeys(one.key for query in self.queries for one in query)
        if any(one.is_of_type for query in self.queries for one in query):
            keys.update(dict.fromkeys(_FURTHER_TYPES))
        paths = {key: _EQUAL.sub("", key).split(".") for key in keys}
        self._keys = tuple((key, first, rest) for key, (first, *rest) in paths.items())
        firsts = dict.fromkeys(first for _, first, _ in self._keys)
        members = [(f"key{number}", Any, None) for number in range(len(firsts))]
        spelling = {f"key{number}": first for number, first in enumerate(firsts)}
        self._firsts = tuple(firsts)
        self._decode = msgspec.json.Decoder(msgspec.defstruct("Shown", members, rename=spelling)).decode

    def contradicted(self, raw: msgspec.Raw, kinds: Sequence[str]) -> FilterTerm | None:
        """A condition that the record contradicts; None if at least one query may well have listed it.

        `kinds` are the record's type and its class as its dialect reads them, "" for none.
        """
        if not self._can_tell:
            return None
        for query in self.queries:
            if _is_of_kind(query, kinds):
                return None
        shown = self._shown(raw)
        first: FilterTerm | None = None
        for query in self.queries:
            found = _first_contradicted(query, shown, kinds)
            if found is None:
                return None
            first = first or found
        return first

    def shows(self, raw: msgspec.Raw, condition: FilterTerm) -> bool:
        """Whether a record shows the attribute of a condition in a form that can be compared."""
        shown = self._shown(raw)
        return any(_comparable(condition, word) for word in _words(shown.get(condition.key)))

    def _shown(self, raw: msgspec.Raw) -> Mapping[str, object]:
        try:
            found = dict(zip(self._firsts, msgspec.structs.astuple(self._decode(raw)), strict=True))
        except (RecursionError, UnicodeDecodeError, msgspec.DecodeError):
            return {}  # an unusual record shows nothing that could be compared
        return {key: _at(found[first], rest) for key, first, rest in self._keys}


def _is_of_kind(query: Sequence[FilterTerm], kinds: Sequence[str]) -> bool:
    """Whether all that is asked for is the class of the record."""
    return all(one.is_of_type and text.fold(kinds[-1]) in one.values for one in query)


def _first_contradicted(
    query: Sequence[FilterTerm], shown: Mapping[str, object], kinds: Sequence[str]
) -> FilterTerm | None:
    for one in query:
        if _contradicts(one, shown, kinds):
            return one
    return None


def _contradicts(condition: FilterTerm, shown: Mapping[str, object], kinds: Sequence[str]) -> bool:
    value = shown.get(condition.key)
    if type(value) is str and not condition.is_of_type and _class(value) not in condition.classes:
        return False  # nearly always, for a value that stands for a code
    words = list(_words(value))
    if condition.is_of_type:
        words = words or [kind for kind in kinds[1:] if kind and condition.key == "@type"]
        others = [word for key in _FURTHER_TYPES for word in _words(shown.get(key))]
        if any(_is_type(condition, word) for word in (*words, *others, *kinds)):
            return False
        return bool(words)
    comparable = [word for word in words if _comparable(condition, word)]
    return bool(comparable) and not any(_has(condition, word) for word in words)


def _at(value: object, steps: Sequence[str]) -> object:
    """What a record shows at a path, through the objects of lists as well: all of them, as TMF630 does."""
    for step in steps:
        objects = value if isinstance(value, list) else [value]
        found = [one[step] for one in objects if isinstance(one, dict) and step in one]
        value = [inner for one in found for inner in (one if isinstance(one, list) else [one])]
    return value


def _words(value: object) -> Iterator[str]:
    for one in value if isinstance(value, list) else (value,):
        word = text.clean(one)
        if word:
            yield word


def _is_type(condition: FilterTerm, word: str) -> bool:
    """A type may be written as a reference, `#/definitions/Carrier` or `urn:example:Carrier`."""
    return bool({text.fold(word), text.fold(re.split("[/#:]", word)[-1])} & condition.values)


def _has(condition: FilterTerm, word: str) -> bool:
    folded = text.fold(word)
    if _NUMBER.fullmatch(word):
        return any(_NUMBER.fullmatch(value) and float(value) == float(word) for value in condition.values)
    return any(value in folded for value in condition.values)


def _comparable(condition: FilterTerm, word: str) -> bool:
    """A number with numbers, a boolean with booleans, a word with words: a code may well stand for a word."""
    return condition.is_of_type or _class(word) in condition.classes


def _class(word: str) -> str:
    if word[:1] in _DIGITS and _NUMBER.fullmatch(word):
        return "number"
    return "boolean" if word.lower() in ("true", "false") else "word"


class Selection(msgspec.Struct, frozen=True, array_like=True):
    """The records that are stored; by default all.

    `include` and `exclude` are folded types, `include` empty for all; `shard` is (index, count) of the share
    of ids that is stored.
    """

    include: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()
    shard: tuple[int, int] = (0, 1)

    @classmethod
    def of(
        cls, include: Sequence[str] = (), exclude: Sequence[str] = (), shard: tuple[int, int] = (0, 1)
    ) -> Selection:
        """The selection by an operator's types, however they are written."""
        return cls(frozenset(map(text.fold, include)), frozenset(map(text.fold, exclude)), shard)

    def selects(self, record: Record, entity_type: str) -> bool:
        """Whether a record is stored; `entity_type` is its class (TMF630's `@type`)."""
        return not self.is_in_other_shard(record) and self.has_selected_type(record, entity_type)

    def has_selected_type(self, record: Record, entity_type: str) -> bool:
        """Whether records of its type are stored, in whatever shard."""
        if not (self.include or self.exclude):
            return True
        types = {text.fold(record.type), text.fold(entity_type)}
        return types.isdisjoint(self.exclude) and not (self.include and types.isdisjoint(self.include))

    def is_in_other_shard(self, record: Record) -> bool:
        """Whether the record is left to another shard; its id alone decides that."""
        index, count = self.shard
        return count > 1 and text.stable_hash(record.id) % count != index
