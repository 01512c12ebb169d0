"""Random fleets of records that rest on each other, and how they change, for the laws of the graph.

A history follows from one number: to draw each field would take longer than all that is tested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from hypothesis import strategies as st

from exporter.inventory.condition import Condition
from exporter.inventory.dialects import relationships
from exporter.inventory.record import KINDS, Link, Record
from exporter.inventory.snapshot import Shown
from exporter.topology import references
from exporter.topology.graph import Graph, Pair

TYPES = references.folded(relationships.TMF)
IDENTS = tuple("ABCDEF")
"""The same in every collection, so that one id is often in two."""

NAMES = ("", "one", "two")
RESOURCE_TYPES = ("Satellite", "Gateway", "Modem")
WORDS = ("dependsOn", "contained_in", "Contains", "supports", "pairedWith", "odd")

Key = tuple[str, str]
Fleet = Mapping[Key, Shown]
"""Records by collection and id."""


class Step(NamedTuple):
    """What becomes of some records of a collection: None removes one."""

    collection: str
    records: Mapping[str, Shown | None]


def _links(random: Random, *roles: str) -> tuple[Link, ...]:
    """References by id or by name, to what is there, to what may come, and to the record itself."""
    return tuple(
        Link(
            random.choice(("", *IDENTS, "X")),
            random.choice(NAMES),
            random.choice(("", *RESOURCE_TYPES)),
            random.choice(roles or ("",)),
        )
        for _ in range(random.randrange(4))
    )


def _shown(random: Random, collection: str, ident: str) -> Shown:
    is_resource, is_carrier = collection == "resources", collection == "carriers"
    record = Record(
        id=ident,
        name=random.choice(NAMES),
        type=random.choice(RESOURCE_TYPES),
        party=random.choice(("", "Acme", "Bolt")),
        condition=random.choice((Condition.DOWN, *Condition)),
        resources=() if is_resource else _links(random),
        services=() if is_resource else _links(random),
        relations=_links(random, *WORDS),
        places=_links(random, "gateway", "site"),
        satellite=random.choice(NAMES) if is_carrier else "",
        gateway=random.choice(NAMES) if is_carrier else "",
    )
    return Shown(record, random.choice((1.0, 2.0, 3.0)))


def _step(random: Random) -> Step:
    collection = random.choice(tuple(KINDS))
    idents = random.sample(IDENTS, random.randrange(1, len(IDENTS)))
    return Step(
        collection,
        {ident: _shown(random, collection, ident) if random.random() < 0.7 else None for ident in idents},
    )


def _history(seed: int) -> Sequence[Step]:
    random = Random(seed)
    return [_step(random) for _ in range(random.randrange(1, 8))]


HISTORIES = st.integers(0, 2**32).map(_history)


def changed(fleet: Fleet, step: Step) -> Fleet:
    """The fleet after a step."""
    after = dict(fleet)
    for ident, record in step.records.items():
        if record is None:
            after.pop((step.collection, ident), None)
        else:
            after[step.collection, ident] = record
    return after


def pairs(before: Fleet, after: Fleet, collection: str) -> list[Pair]:
    """The nodes of a collection before and after, where they differ."""
    found: list[Pair] = []
    for key in sorted({key for key in (*before, *after) if key[0] == collection}):
        was, now = before.get(key), after.get(key)
        if was is not now:
            nodes = [references.node(collection, one, TYPES) if one else None for one in (was, now)]
            found.append((nodes[0], nodes[1]))
    return found


def built(fleet: Fleet) -> Graph:
    """The graph of a fleet, in one go."""
    graph = Graph()
    for collection in KINDS:
        graph.update(collection, pairs({}, fleet, collection))
    return graph


def of(*records: tuple[str, Record]) -> Fleet:
    """A fleet of these records, each with its collection."""
    return {(collection, record.id): Shown(record, 1.0) for collection, record in records}
