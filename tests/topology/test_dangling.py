"""References that dangle, kept up to date by changes, are those that are found by looking at every record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from exporter.inventory import text
from exporter.inventory.condition import Condition
from exporter.inventory.record import KINDS, Link, Record
from exporter.inventory.snapshot import Snapshot, stored
from exporter.topology import Topology
from exporter.topology.references import ReferenceRules
from tests.topology import drawn

CARRIER = Record(
    id="c1",
    resources=(Link("r1"), Link("r2"), Link("")),
    services=(Link("s1"), Link("s2")),
    relations=(Link("c2"), Link("c9")),
)
STORED = {"services": ["s1"], "carriers": ["c2"], "resources": ["r1"]}


def counted(
    record: Record,
    collection: str,
    others: Mapping[str, Iterable[str]],
    rules: Mapping[str, ReferenceRules] = {},
) -> int:
    """How many references of a record dangle, next to empty records of these ids."""
    records = {name: {ident: Record(ident) for ident in idents} for name, idents in others.items()}
    records.setdefault(collection, {})[record.id] = record
    topology = Topology(rules=rules)
    topology.follow(
        {
            name: Snapshot({ident: stored(one, 0, 0.0) for ident, one in those.items()})
            for name, those in records.items()
        }
    )
    found = topology.dangling.references(collection)
    assert found == sum(topology.dangling.records(collection).values())
    return found


def test_references_to_records_that_are_not_stored_are_counted() -> None:
    assert counted(CARRIER, "carriers", STORED) == 3, "r2, s2 and c9"


def test_a_reference_may_lead_to_a_service_or_to_a_carrier() -> None:
    service = Record(id="s1", services=(Link("c2"),), relations=(Link("c2"), Link("s1")))
    assert counted(service, "services", STORED) == 0


def test_a_resource_is_related_to_resources_only() -> None:
    resource = Record(id="r1", relations=(Link("s1"), Link("r1")))
    assert counted(resource, "resources", STORED) == 1


def test_what_leads_to_a_collection_that_is_off_is_not_judged() -> None:
    assert counted(CARRIER, "carriers", {"carriers": ["c2"]}) == 0
    assert counted(CARRIER, "carriers", {"carriers": ["c2"], "resources": []}) == 2


def test_what_leads_to_a_type_that_is_left_out_is_not_judged() -> None:
    carrier = Record(
        "c1", resources=(Link("r2", type="Card"),), services=(Link("r3", type="Bandwidth Segment"),)
    )
    assert counted(carrier, "carriers", STORED) == 2
    left_out = {
        "resources": ReferenceRules(left_out=frozenset(map(text.fold, ("Card", "BandwidthSegment")))),
        "services": ReferenceRules(left_out=frozenset(("element",))),
    }
    assert counted(carrier, "carriers", STORED, left_out) == 0
    to_a_carrier = Record("c1", relations=(Link("c9", type="element"),))
    assert counted(to_a_carrier, "carriers", STORED, left_out) == 1, "which are a collection of their own"


def test_what_a_retired_record_refers_to_is_not_judged() -> None:
    retired = Record(id="c1", condition=Condition.RETIRED, resources=(Link("r2"),))
    assert counted(retired, "carriers", STORED) == 0


def naive(snapshots: Mapping[str, Snapshot]) -> dict[str, dict[str, int]]:
    """The references that dangle by collection and id, counted without an index."""
    services, resources = ("services", "carriers"), ("resources",)
    found: dict[str, dict[str, int]] = {collection: {} for collection in KINDS}
    for collection, snapshot in snapshots.items():
        for record in (one.record for one in snapshot.records.values()):
            related = resources if collection == "resources" else services
            count = 0
            for space, links in (
                (resources, record.resources),
                (services, record.services),
                (related, record.relations),
            ):
                if all(name in snapshots for name in space) and record.condition is not Condition.RETIRED:
                    known = {ident for name in space for ident in snapshots[name].records}
                    count += sum(1 for link in links if link.id and link.id not in known)
            if count:
                found[collection][record.id] = count
    return found


@given(st.lists(drawn.WANTED, max_size=6))
def test_after_any_history_they_are_what_is_found_at_once(history: Sequence[drawn.Wanted]) -> None:
    topology = Topology()
    snapshots: dict[str, Snapshot] = {}
    for wanted in history:
        snapshots = drawn.snapshots(wanted, snapshots)
        topology.follow(snapshots)
        truth = naive(snapshots)
        for collection in KINDS:
            assert topology.dangling.records(collection) == truth[collection]
            assert topology.dangling.references(collection) == sum(truth[collection].values())
