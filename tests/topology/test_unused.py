"""Carriers and resources that nothing rests on, kept up to date by changes, are those found at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from exporter.inventory.condition import Condition
from exporter.inventory.record import Link, Record
from exporter.inventory.snapshot import Snapshot, stored
from exporter.topology import NO_DEPENDENTS, Topology
from tests.topology import drawn


def naive(snapshots: Mapping[str, Snapshot]) -> dict[str, set[str]]:
    """The ids by collection, found by looking at every record."""
    used = set()
    stored_ids = {(name, ident) for name, snapshot in snapshots.items() for ident in snapshot.records}
    for name, snapshot in snapshots.items():
        for record in (one.record for one in snapshot.records.values()):
            targets = [("resources", link.id) for link in record.resources]
            for link in record.services:
                carrier = "carriers", link.id
                targets.append(carrier if carrier in stored_ids else ("services", link.id))
            used |= {target for target in targets if target != (name, record.id)}
    return {
        name: {
            ident
            for ident, one in snapshots[name].records.items()
            if (name, ident) not in used
            and one.status_summary.condition not in (Condition.PLANNED, Condition.RETIRED)
        }
        for name in ("carriers", "resources")
        if name in snapshots
    }


@given(st.lists(drawn.WANTED, max_size=6))
def test_after_any_history_they_are_what_is_found_at_once(history: Sequence[drawn.Wanted]) -> None:
    topology = Topology()
    snapshots: dict[str, Snapshot] = {}
    for wanted in history:
        snapshots = drawn.snapshots(wanted, snapshots)
        topology.follow(snapshots)
        for collection, truth in naive(snapshots).items():
            counts = topology.defect_counts(collection)
            assert set(topology.defect_examples(collection)[NO_DEPENDENTS]) == truth
            assert counts.get(NO_DEPENDENTS) == (
                len(truth) if {"services", "carriers"} <= snapshots.keys() else None
            )
        assert NO_DEPENDENTS not in topology.defect_counts("services")


def test_a_record_that_refers_to_itself_alone_is_not_used() -> None:
    one = stored(Record("R1", resources=(Link("R1"),)), 0, 0.0)
    topology = Topology()
    topology.follow({"services": Snapshot(), "carriers": Snapshot(), "resources": Snapshot({"R1": one})})
    assert topology.defect_counts("resources")[NO_DEPENDENTS] == 1
