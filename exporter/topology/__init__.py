"""What follows from all records together: how many each place has in which condition, and what rests on what.

A `Topology` follows the snapshots of the collections; an update costs as much as what changed. Each of its
parts is kept up to date by pairs of a record before and after a change. Pure: times are arguments. Invariant:
whatever the order of updates, it is equal to one that is built from the snapshots at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from exporter.inventory.snapshot import Changes, Shown, Snapshot, difference
from exporter.topology.rollups import ROLL_UPS, RollUp

_STEP = 256  # records between two pauses


class Commit(msgspec.Struct, frozen=True):
    """A commit of one collection: `changes` lead from the snapshot `before` to the next one."""

    collection: str
    before: Snapshot
    changes: Changes


class Topology:
    """The records of all collections that have a snapshot.

    `snapshots` are those that it follows, by collection; `pause` is called every few records, so that other
    threads may work.
    """

    def __init__(self, pause: Callable[[], object] = lambda: None) -> None:
        self.snapshots: dict[str, Snapshot] = {}
        self.roll_ups: Mapping[str, RollUp] = {kind.name: RollUp(kind) for kind in ROLL_UPS}
        self._pause = pause

    def follow(self, snapshots: Mapping[str, Snapshot], commit: Commit | None = None) -> bool:
        """Becomes that of these snapshots; returns whether anything has changed.

        Where `commit` leads from a snapshot that it knows to the new one, no other record is looked at. After
        an exception it is of no use any more.
        """
        found = False
        for collection in sorted(self.snapshots.keys() | snapshots.keys()):
            known, new = self.snapshots.get(collection), snapshots.get(collection)
            if known is not None and new is not None and known.records is new.records:
                continue
            found = True
            self._apply(collection, _changes(collection, known, new, commit))
            if new is None:
                del self.snapshots[collection]
            else:
                self.snapshots[collection] = new
        return found

    def is_of(self, snapshots: Mapping[str, Snapshot]) -> bool:
        """Whether it follows exactly these."""
        known = self.snapshots
        return known.keys() == snapshots.keys() and all(
            one.records is known[collection].records for collection, one in snapshots.items()
        )

    def _apply(self, collection: str, changes: Changes) -> None:
        """Keeps every part up to date."""
        roll_ups = [one for one in self.roll_ups.values() if one.kind.collection == collection]
        for number, (was, now) in enumerate(_pairs(changes)):
            if number % _STEP == 0:
                self._pause()
            for roll_up in roll_ups:
                roll_up.replace(was, now)


def _changes(collection: str, known: Snapshot | None, new: Snapshot | None, commit: Commit | None) -> Changes:
    """What leads from a known snapshot of a collection to the new one; None where there is none."""
    before = known or Snapshot()
    if commit is not None and commit.collection == collection and commit.before.records is before.records:
        return commit.changes
    return difference(before, new or Snapshot())


def _pairs(changes: Changes) -> Iterator[tuple[Shown | None, Shown | None]]:
    """Each record before and after its change, unpacked; None where it is new or removed."""
    for one in changes.removed:
        yield one.shown(), None
    for old, new in changes.changed:
        yield old.shown(), new.shown()
    for one in changes.added:
        yield None, one.shown()
