"""What depends on records of other shards adds up over the shards to what the whole has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from exporter.inventory.record import KINDS
from exporter.inventory.snapshot import Foreign, Snapshot
from exporter.topology import DANGLING, NO_DEPENDENTS, Topology
from tests.topology import drawn


def share(snapshots: Mapping[str, Snapshot], shard: int, count: int) -> dict[str, Snapshot]:
    """What one shard has of these records: those of others as foreign ones."""
    found = {}
    for collection, snapshot in snapshots.items():
        own = {ident: one for ident, one in snapshot.records.items() if int(ident[1:]) % count == shard}
        others = {ident: one for ident, one in snapshot.records.items() if ident not in own}
        found[collection] = Snapshot(own, foreign=Foreign(others))
    return found


def counted(topology: Topology) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for collection in KINDS:
        counts = topology.defect_counts(collection)
        found += Counter({(collection, name): counts.get(name, 0) for name in (DANGLING, NO_DEPENDENTS)})
        found[collection, "references"] += topology.dangling.references(collection)
    return +found


@given(st.lists(drawn.WANTED, max_size=5), st.sampled_from((2, 3)))
def test_after_any_history_the_shards_add_up_to_the_whole(
    history: Sequence[drawn.Wanted], count: int
) -> None:
    whole, shards = Topology(), [Topology() for _ in range(count)]
    snapshots: dict[str, Snapshot] = {}
    for wanted in history:
        snapshots = drawn.snapshots(wanted, snapshots)
        whole.follow(snapshots)
        total: Counter[tuple[str, str]] = Counter()
        for shard, topology in enumerate(shards):
            topology.follow(share(snapshots, shard, count))
            total += counted(topology)
        assert total == counted(whole)
