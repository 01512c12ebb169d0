"""Roll-ups, kept up to date by changes, are what is counted from the beginning, and what shards add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from exporter.inventory.condition import Condition
from exporter.inventory.record import Record
from exporter.inventory.snapshot import Changes, Snapshot, stored
from exporter.topology import Commit, Topology
from exporter.topology.rollups import ROLL_UPS
from tests.topology import drawn

Counts = Mapping[tuple[str, ...], int]


def counted(topology: Topology) -> dict[str, dict[tuple[str, ...], int]]:
    return {
        name: {
            (*place, condition): count for place in roll_up.places() for condition, count in roll_up.at(place)
        }
        for name, roll_up in topology.roll_ups.items()
    }


def naive(snapshots: Mapping[str, Snapshot]) -> dict[str, Counts]:
    """The same, counted without an index."""
    found: dict[str, Counts] = {}
    for kind in ROLL_UPS:
        records = [one.record for one in snapshots.get(kind.collection, Snapshot()).records.values()]
        cells = [(kind.place(one), one.condition) for one in records if kind.place(one)[-1]]
        every = {(*place, condition): 0 for place, _ in cells for condition in Condition}
        found[kind.name] = every | Counter((*place, condition) for place, condition in cells)
    return found


@given(st.lists(drawn.WANTED, max_size=5))
def test_after_any_history_they_are_what_is_counted_at_once(history: Sequence[drawn.Wanted]) -> None:
    topology = Topology()
    snapshots: dict[str, Snapshot] = {}
    for wanted in history:
        snapshots = drawn.snapshots(wanted, snapshots)
        topology.follow(snapshots)
        assert topology.is_of(snapshots)
        assert counted(topology) == naive(snapshots)


@given(drawn.WANTED, st.sampled_from((2, 3)))
def test_those_of_the_shards_add_up_to_those_of_the_whole(wanted: drawn.Wanted, count: int) -> None:
    total: dict[str, Counter[tuple[str, ...]]] = {kind.name: Counter() for kind in ROLL_UPS}
    for shard in range(count):
        share = {
            name: records
            and {ident: one for ident, one in records.items() if int(ident[1:]) % count == shard}
            for name, records in wanted.items()
        }
        topology = Topology()
        topology.follow(drawn.snapshots(share))
        for name, counts in counted(topology).items():
            for cell, number in counts.items():
                total[name][cell] += number
    assert total == naive(drawn.snapshots(wanted))


def test_a_commit_that_follows_what_is_known_looks_at_the_changed_records_only() -> None:
    old, new = (
        stored(Record("C1", satellite="SAT 1", condition=condition), 1, 0.0)
        for condition in (Condition.OPERATIONAL, Condition.DOWN)
    )
    other = stored(Record("C2", satellite="SAT 1", condition=Condition.OPERATIONAL), 2, 0.0)
    before, after = Snapshot({"C1": old, "C2": other}), Snapshot({"C1": new})
    topology = Topology()
    topology.follow({"carriers": before})
    # the commit does not mention that C2 is gone
    topology.follow({"carriers": after}, Commit("carriers", before, Changes(changed=((old, new),))))
    assert {cell: count for cell, count in counted(topology)["satellite_carriers"].items() if count} == {
        ("SAT 1", "operational"): 1,
        ("SAT 1", "down"): 1,
    }


def test_a_commit_that_does_not_follow_what_is_known_is_not_believed() -> None:
    one = stored(Record("C1", satellite="SAT 1"), 1, 0.0)
    topology = Topology()
    wrong = Commit("carriers", Snapshot({"C2": one}), Changes())
    assert topology.follow({"carriers": Snapshot({"C1": one})}, wrong)
    assert sum(counted(topology)["satellite_carriers"].values()) == 1


def test_nothing_changes_where_the_snapshots_are_the_same() -> None:
    snapshots = {"carriers": Snapshot({"C1": stored(Record("C1", satellite="SAT 1"), 1, 0.0)})}
    topology = Topology()
    assert topology.follow(snapshots)
    assert not topology.follow(snapshots)
