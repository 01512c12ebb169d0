"""Defects, kept up to date by changes, are those that are found by looking at every record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.inventory.condition import Condition
from exporter.inventory.record import KINDS, Link, Record
from exporter.inventory.snapshot import Snapshot, stored
from exporter.topology import Topology, defects
from tests.topology import drawn

GOOD: Mapping[str, Any] = {
    **dict.fromkeys(("name", "party", "place", "satellite", "transponder", "gateway"), "one"),
    "resources": (Link("R1"),),
    "condition": Condition.OPERATIONAL,
}


def found(collection: str, *records: Record, now: float = 250.0) -> dict[str, int]:
    """The defects of these records, without zeros."""
    topology = Topology()
    topology.follow({collection: Snapshot({one.id: stored(one, 0, 0.0) for one in records})}, now=now)
    counts = topology.defects[collection].counts(now)
    return {name: count for name, count in counts.items() if count}


@pytest.mark.parametrize(
    ("collection", "parts", "defect"),
    [
        ("services", {"party": ""}, "no_party"),
        ("services", {"place": ""}, "no_place"),
        ("services", {"resources": ()}, "no_supporting_resource"),
        ("carriers", {"party": ""}, "no_party"),
        ("carriers", {"satellite": ""}, "no_satellite"),
        ("carriers", {"transponder": ""}, "no_transponder"),
        ("carriers", {"gateway": ""}, "no_gateway"),
        ("carriers", {"resources": ()}, "no_supporting_resource"),
        ("resources", {"status_known": False}, "unknown_status"),
        ("carriers", {"end": 200.0}, "past_end_but_operational"),
        ("carriers", {"start": 300.0}, "before_start_but_operational"),
    ],
)
def test_each_defect_is_found_where_it_is_and_not_in_a_retired_record(
    collection: str, parts: Mapping[str, Any], defect: str
) -> None:
    assert found(collection, Record("X1", **GOOD)) == {}
    assert found(collection, Record("X1", **{**GOOD, **parts})) == {defect: 1}
    assert found(collection, Record("X1", **{**GOOD, **parts, "condition": Condition.RETIRED})) == {}


@pytest.mark.parametrize(
    ("collection", "parts"),
    [
        ("carriers", {"place": ""}),
        ("resources", {"party": "", "place": "", "resources": ()}),
        ("services", {"satellite": "", "resources": (), "services": (Link("C1"),)}),
        ("carriers", {"end": 200.0, "condition": Condition.DOWN}),
        ("carriers", {"end": 300.0, "start": 200.0}),
    ],
)
def test_what_need_not_be_there_is_no_defect(collection: str, parts: Mapping[str, Any]) -> None:
    assert found(collection, Record("X1", **{**GOOD, **parts})) == {}


def test_every_record_with_a_name_that_another_has_is_counted() -> None:
    names = ("one", "one", "one", "two", "", "")
    records = [Record(f"X{number}", **{**GOOD, "name": name}) for number, name in enumerate(names)]
    assert found("carriers", *records) == {"duplicate_name": 3}


def test_an_end_is_past_as_time_passes() -> None:
    snapshots = {"carriers": Snapshot({"C1": stored(Record("C1", **GOOD, end=300.0), 0, 0.0)})}
    topology = Topology()
    assert topology.follow(snapshots, now=299.0)
    assert not topology.follow(snapshots, now=299.5)
    assert topology.follow(snapshots, now=300.0)
    assert topology.defects["carriers"].counts(300.0)["past_end_but_operational"] == 1
    assert topology.defects["carriers"].examples(300.0)["past_end_but_operational"] == ("C1",)


def naive(records: Sequence[Record], now: float) -> dict[str, set[str]]:
    """The ids by defect of the records of one collection, counted without an index."""
    counted = [one for one in records if one.condition is not Condition.RETIRED]
    operational = [one for one in counted if one.condition is Condition.OPERATIONAL]
    names = Counter(one.name for one in counted)
    wanted = {
        "no_party": [one for one in counted if not one.party],
        "no_place": [one for one in counted if not one.place],
        "no_satellite": [one for one in counted if not one.satellite],
        "no_transponder": [one for one in counted if not one.transponder],
        "no_gateway": [one for one in counted if not one.gateway],
        "no_supporting_resource": [one for one in counted if not one.resources and not one.services],
        "unknown_status": [one for one in counted if not one.status_known],
        "past_end_but_operational": [one for one in operational if one.end is not None and one.end <= now],
        "before_start_but_operational": [
            one for one in operational if one.start is not None and one.start > now
        ],
        "duplicate_name": [one for one in counted if one.name and names[one.name] > 1],
    }
    return {defect: {one.id for one in those} for defect, those in wanted.items()}


@given(st.lists(st.tuples(drawn.WANTED, st.sampled_from((0.0, 150.0, 200.0, 400.0))), max_size=5))
@pytest.mark.parametrize("kept", [1, 100])
def test_after_any_history_they_are_what_is_found_at_once(
    kept: int, history: Sequence[tuple[drawn.Wanted, float]]
) -> None:
    topology = Topology()
    snapshots: dict[str, Snapshot] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(defects, "_KEPT", kept)
        patch.setattr(defects, "EXAMPLES", kept)
        for wanted, now in history:
            snapshots = drawn.snapshots(wanted, snapshots)
            topology.follow(snapshots, now=now)
            for collection in KINDS:
                records = [one.record for one in snapshots.get(collection, Snapshot()).records.values()]
                truth = naive(records, now)
                counts = topology.defects[collection].counts(now)
                assert counts == {defect: len(truth[defect]) for defect in counts}
                for defect, idents in topology.defects[collection].examples(now).items():
                    assert set(idents) <= truth[defect], defect
                    assert len(idents) == len(set(idents)) == min(kept, len(truth[defect]))
