"""The metric families of the topology: what follows from all records together.

Each is read from the `Topology` after each commit; what it shows of a problem, or of what is affected by one,
is rendered again when it differs. Its `collection` is the kind of records that it is about: it is served only
while that collection has a snapshot, and `collect[]` chooses it with that collection. Families of problems
have series for problems and for what rests on them only, the worst first.
A new family is an entry in `TOPOLOGY`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import NamedTuple

from exporter.exposition.families import PREFIX, Family, Sample, number
from exporter.exposition.render import Entries
from exporter.inventory import text
from exporter.inventory.record import KINDS, Record
from exporter.topology import Topology
from exporter.topology.rollups import ROLL_UPS, RollUpKind

_PLACES = ("satellite", "transponder", "gateway", "terminal")
_DEPENDENTS = ("service", "carrier", "party")


class TopologyFamily(NamedTuple):
    """A family, and what it is about, in the order in which it is served; the last exceed the limit first.

    `left_out` is how many samples could not be found out at a reasonable cost.
    """

    family: Family
    entries: Callable[[Topology], Entries]
    left_out: Callable[[Topology], int] = lambda _: 0

    def samples(self, topology: Topology) -> Iterator[Sample]:
        """All samples of the family."""
        entries = self.entries(topology)
        for key, _ in entries.listed:
            yield from entries.samples(key)


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


def _counted(name: str, topology: Topology) -> Entries:
    roll_up = topology.roll_ups[name]

    def samples(place: tuple[str, ...]) -> Iterator[Sample]:
        return ((*place, condition, str(count)) for condition, count in roll_up.at(place))

    return Entries(((place, None) for place in roll_up.places()), samples)


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


def _defective(collection: str, topology: Topology) -> Entries:
    counts = topology.defect_counts(collection)
    return Entries(counts.items(), lambda defect: [(defect, str(counts[defect]))])


def _problem_since(collection: str) -> TopologyFamily:
    kind = KINDS[collection]
    places = _PLACES if collection == "carriers" else ("place",)
    family = Family(
        f"{PREFIX}{kind}_problem_since_timestamp_seconds",
        "gauge",
        f"Unix timestamp since when the {kind} is down, degraded or in maintenance; absent if it is not.",
        (f"{kind}_id", "name", "condition", "status", f"{kind}_type", "party", *places),
        collection,
        source="status, refined by further states",
    )
    return TopologyFamily(family, partial(_problems, collection, places))


def _problems(collection: str, places: tuple[str, ...], topology: Topology) -> Entries:
    def samples(problem: int) -> Iterator[Sample]:
        shown = topology.stored(problem).shown()
        it = shown.record
        where = (getattr(it, place) for place in places)
        yield it.id, it.name, it.condition, it.status, it.type, it.party, *where, number(shown.since)

    return Entries(((one, topology.stored(one)) for one in topology.problems(collection)), samples)


def _affected_since() -> TopologyFamily:
    family = Family(
        f"{PREFIX}service_affected_since_timestamp_seconds",
        "gauge",
        "Unix timestamp since when a record that the service rests on has a problem; one series for each "
        "root cause, at most 5, the worst ones.",
        (
            *("service_id", "name", "service_type", "party", "place"),
            *("cause_kind", "cause_id", "cause", "cause_condition", "satellite", "gateway"),
        ),
        "services",
        source="supportingService, supportingResource, relationships; status",
    )
    return TopologyFamily(family, _affected)


def _affected(topology: Topology) -> Entries:
    cause = cache(partial(_cause, topology))

    def listed() -> Iterator[tuple[tuple[int, Sequence[int]], object]]:
        for service, causes in topology.affected("services"):
            found = tuple((topology.collection(one), topology.stored(one)) for one in causes)
            yield (service, tuple(causes)), (topology.stored(service), found)

    def samples(key: tuple[int, Sequence[int]]) -> Iterator[Sample]:
        service, causes = key
        it = topology.stored(service).record
        return ((it.id, it.name, it.type, it.party, it.place, *cause(one)) for one in causes)

    return Entries(listed(), samples)


def _cause(topology: Topology, cause: int) -> Sample:
    """The labels of a root cause, and since when."""
    shown, collection = topology.stored(cause).shown(), topology.collection(cause)
    it = shown.record
    where = (_of_place("satellite", it), _of_place("gateway", it))
    return (KINDS[collection], it.id, it.name, it.condition, *where, number(shown.since))


def _of_place(kind: str, record: Record) -> str:
    """The satellite or gateway of a carrier, or that the record is."""
    named: str = getattr(record, kind)
    return named or (record.name if text.fold(record.type) == kind else "")


def _dependents(collection: str) -> TopologyFamily:
    kind = KINDS[collection]
    family = Family(
        f"{PREFIX}{kind}_dependents",
        "gauge",
        f"Number of services, carriers and parties that rest on the {kind}; absent if it has no problem.",
        (f"{kind}_id", "name", "dependent_kind"),
        collection,
        source="supportingService, supportingResource, relationships; status",
    )
    return TopologyFamily(family, partial(_dependent_counts, collection), partial(_uncounted, collection))


def _dependent_counts(collection: str, topology: Topology) -> Entries:
    def samples(problem: int) -> Iterator[Sample]:
        found = topology.dependents(problem)
        if found is None:
            return
        it = topology.stored(problem).record
        for kind, count in zip(_DEPENDENTS, (found.services, found.carriers, found.parties), strict=True):
            yield it.id, it.name, kind, str(count)

    found = ((one, (topology.stored(one), topology.dependents(one))) for one in topology.problems(collection))
    return Entries(found, samples)


def _uncounted(collection: str, topology: Topology) -> int:
    problems = topology.problems(collection)
    return len(_DEPENDENTS) * sum(topology.dependents(problem) is None for problem in problems)


TOPOLOGY: tuple[TopologyFamily, ...] = (
    *map(_roll_up, ROLL_UPS),
    *map(_problem_since, KINDS),
    _affected_since(),
    *map(_dependents, KINDS),
    *map(_defects, KINDS),
)

FAMILIES = tuple(one.family for one in TOPOLOGY)
"""All of them, without what they read."""
