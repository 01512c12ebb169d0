"""The metric families of the topology: what follows from all records together.

Each reads the whole `Topology` and is rendered whole after each commit. Its `collection` is the kind of
records that it is about: it is served only while that collection has a snapshot, and `collect[]` chooses it
with that collection. A new one is an entry in `TOPOLOGY`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from exporter.exposition.families import PREFIX, Family, Sample
from exporter.exposition.problem_families import PROBLEM_FAMILIES
from exporter.inventory.record import KINDS
from exporter.topology import Topology
from exporter.topology.rollups import ROLL_UPS, RollUpKind


class TopologyFamily(NamedTuple):
    """A family, and its samples in the order in which they are served; the last exceed the limit first.

    `left_out` is how many samples could not be found out at a reasonable cost.
    """

    family: Family
    samples: Callable[[Topology], Iterable[Sample]]
    left_out: Callable[[Topology], int] = lambda _: 0


_SOURCES = {
    "satellite_carriers": "satellite; status",
    "transponder_carriers": "satellite, transponder; status",
    "gateway_carriers": "satellite, gateway; status",
    "party_carriers": "relatedParty; status",
    "party_services": "relatedParty; status",
}


def _roll_up(kind: RollUpKind) -> TopologyFamily:
    by = " and ".join((", ".join(kind.labels), "condition"))
    family = Family(
        f"{PREFIX}{kind.name}",
        "gauge",
        f"Number of {kind.collection} by {by}.",
        (*kind.labels, "condition"),
        kind.collection,
        source=_SOURCES[kind.name],
    )
    return TopologyFamily(family, partial(_counted, kind.name))


def _counted(name: str, topology: Topology) -> Iterator[Sample]:
    for place, condition, count in topology.roll_ups[name].counts():
        yield (*place, condition, str(count))


def _defects(collection: str) -> TopologyFamily:
    kind = KINDS[collection]
    family = Family(
        f"{PREFIX}{kind}_defects",
        "gauge",
        f"Number of {collection} with a data quality defect, by defect.",
        ("defect",),
        collection,
        source="the fields that are missing or contradict each other",
    )
    return TopologyFamily(family, partial(_defective, collection))


def _defective(collection: str, topology: Topology) -> Iterator[Sample]:
    for defect, count in topology.defect_counts(collection).items():
        yield defect, str(count)


TOPOLOGY: tuple[TopologyFamily, ...] = (
    *map(_roll_up, ROLL_UPS),
    *(TopologyFamily(*one) for one in PROBLEM_FAMILIES),
    *map(_defects, KINDS),
)

FAMILIES = tuple(one.family for one in TOPOLOGY)
"""All of them, without what they read."""
