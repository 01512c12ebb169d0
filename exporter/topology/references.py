"""What a record refers to, and which way each reference goes: from a stored record to a `Node` of the graph.

A reference means a record by its id, or, where it has none, by its type and name. Invariant: a record refers
to the same thing in the same way at most once.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from exporter.inventory import dialects, text
from exporter.inventory.condition import Condition
from exporter.inventory.dialects.relationships import Direction, Types
from exporter.inventory.record import Link, Record, is_carrier_end
from exporter.inventory.snapshot import Shown


class Space(enum.IntEnum):
    """Where a reference leads, and by what: services and carriers are in one list of TMF638."""

    SERVICE_ID = 0
    RESOURCE_ID = 1
    SERVICE_NAME = 2
    RESOURCE_NAME = 3


_SPACES = {
    "services": (Space.SERVICE_ID, Space.SERVICE_NAME),
    "carriers": (Space.SERVICE_ID, Space.SERVICE_NAME),
    "resources": (Space.RESOURCE_ID, Space.RESOURCE_NAME),
}
_CARRIED_OVER = ("satellite", "transponder", "gateway", "terminal")


class Reference(NamedTuple):
    """A reference to what has `key` in a space; `supports` is 1 where that rests on the record, else 0."""

    space: Space
    key: str
    supports: int = 0


class ReferenceRules(msgspec.Struct, frozen=True):
    """How a dialect's collection refers and is referred to, as in `dialects.Collection`; types are folded.

    Records of the types `left_out` are not stored.
    """

    types: Mapping[str, Direction] = {}
    found_by_name: bool = False
    left_out: frozenset[str] = frozenset()


class Node(msgspec.Struct, frozen=True, gc=False):
    """A record as the graph needs it; `name_key` is what references without an id call it, "" for none."""

    id: str
    condition: Condition = Condition.UNKNOWN
    since: float = 0.0
    party: str = ""
    name_key: str = ""
    references: tuple[Reference, ...] = ()


def spaces(collection: str) -> tuple[Space, Space]:
    """Where the records of a collection are referred to: by id, and by type and name."""
    return _SPACES[collection]


def node(collection: str, shown: Shown, types: Mapping[str, Direction]) -> Node:
    """The node of a stored record; `types` are the relationship types of its dialect, folded."""
    record = shown.record
    return Node(
        record.id,
        record.condition,
        shown.since,
        record.party,
        name_key(record.type, record.name),
        tuple(dict.fromkeys(_references(collection, record, types))),
    )


def rules(mapping: dialects.Collection) -> ReferenceRules:
    """The rules of a dialect's collection."""
    left_out = frozenset(map(text.fold, mapping.exclude_types))
    return ReferenceRules(folded(mapping.relationships), mapping.found_by_name, left_out)


def name_key(type_name: str, name: str) -> str:
    """What stands for a type and a name; "" where one of them is missing."""
    return f"{text.fold(type_name)}\0{name}" if type_name and name else ""


def folded(types: Types) -> Mapping[str, Direction]:
    """Relationship types as they are compared."""
    return {text.fold(word): direction for word, direction in types.items()}


def unknown_types(records: Iterable[Record], types: Mapping[str, Direction]) -> dict[str, int]:
    """How many relationships have each type that is not among `types`, which are folded."""
    found: dict[str, int] = {}
    for record in records:
        for link in record.relations:
            if text.fold(link.role) not in types:
                found[link.role] = found.get(link.role, 0) + 1
    return found


def _references(collection: str, record: Record, types: Mapping[str, Direction]) -> Iterator[Reference]:
    for link in record.resources:
        yield from _of_link("resources", link, 0)
    for link in record.services:
        yield from _of_link("services", link, 0)
    for link in record.relations:
        direction = types.get(text.fold(link.role), Direction.NEITHER)
        if direction is not Direction.NEITHER:
            yield from _of_link(collection, link, int(direction is Direction.SUPPORTS))
    if collection == "carriers":
        yield from _carried_over(record)


def _of_link(collection: str, link: Link, supports: int) -> Iterator[Reference]:
    by_id, by_name = _SPACES[collection]
    if link.id:
        yield Reference(by_id, link.id, supports)
    elif key := name_key(link.type, link.name):
        yield Reference(by_name, key, supports)


def _carried_over(record: Record) -> Iterator[Reference]:
    """What a carrier's fields name, unless a supporting resource with an id is that; ends may be places."""
    said = {word for link in record.resources if link.id for word in (link.id, link.name)}
    for field in _CARRIED_OVER:
        name = getattr(record, field)
        if name and name not in said:
            yield Reference(Space.RESOURCE_NAME, name_key(field, name))
    for link in record.places:
        if link.id and is_carrier_end(link):
            yield Reference(Space.RESOURCE_ID, link.id)
