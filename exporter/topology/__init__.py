"""Roll-ups, dependencies, problems and defects over the records of all collections together.

A `Topology` follows the snapshots of the collections; an update costs as much as what changed. Each of its
parts is kept up to date by pairs of a record before and after a change. Pure: times are arguments. Invariant:
whatever the order of updates, it is equal to one that is built from the snapshots at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

import msgspec

from exporter.inventory.record import KINDS
from exporter.inventory.snapshot import Changes, Shown, Snapshot, StoredRecord, difference
from exporter.topology.dangling import DanglingReferences
from exporter.topology.defects import EXAMPLES, Defects, Unused
from exporter.topology.problems import Dependencies, Dependents
from exporter.topology.references import ReferenceRules
from exporter.topology.rollups import ROLL_UPS, RollUp

DANGLING, NO_DEPENDENTS = "dangling_reference", "no_dependents"
_DEPENDING = frozenset(("services", "carriers"))
_STEP = 256  # records between two pauses


class Commit(msgspec.Struct, frozen=True):
    """A commit of one collection: `changes` lead from the snapshot `before` to the next one."""

    collection: str
    before: Snapshot
    changes: Changes


class Topology:
    """The records of all collections that have a snapshot.

    `snapshots` are those that it follows, by collection, and `now` is the time of the last update in Unix
    seconds. `pause` is called every few records, so that other threads may work. `rules` say how the
    references of a collection's records are read. A record that has a problem, or is affected by one, is
    given as a number, which is good until the next update.
    """

    def __init__(
        self, pause: Callable[[], object] = lambda: None, rules: Mapping[str, ReferenceRules] = {}
    ) -> None:
        self.snapshots: dict[str, Snapshot] = {}
        self.roll_ups: Mapping[str, RollUp] = {kind.name: RollUp(kind) for kind in ROLL_UPS}
        self.defects: Mapping[str, Defects] = {collection: Defects(collection) for collection in KINDS}
        self.dangling = DanglingReferences({name: rule.left_out for name, rule in rules.items()})
        self.now = 0.0
        self._dependencies = Dependencies(rules, pause)
        self._unused = Unused(self._is_stored)
        self._pause = pause
        self._own_problems: dict[str, Sequence[int]] = {}  # by collection, since the last update

    @property
    def rules(self) -> Mapping[str, ReferenceRules]:
        """How references are read."""
        return self._dependencies.rules

    def follow(
        self, snapshots: Mapping[str, Snapshot], commit: Commit | None = None, now: float = 0.0
    ) -> bool:
        """Becomes that of these snapshots at a time; returns whether anything has changed.

        Where `commit` leads from a snapshot that it knows to the new one, no other record is looked at. After
        an exception it is of no use any more.
        """
        before, self.now = self.now, now
        found = any(one.timed(before) != one.timed(now) for one in self.defects.values())
        for collection in sorted(self.snapshots.keys() | snapshots.keys()):
            known, new = self.snapshots.get(collection), snapshots.get(collection)
            if _are_same(known, new):
                continue
            found = True
            self._own_problems.clear()
            if new is None:
                del self.snapshots[collection]
            else:
                self.snapshots[collection] = new
            foreign = _foreign_changes(known or Snapshot(), new or Snapshot())
            self._apply(collection, _changes(collection, known, new, commit), foreign)
        return found

    def is_of(self, snapshots: Mapping[str, Snapshot]) -> bool:
        """Whether it follows exactly these."""
        known = self.snapshots
        return known.keys() == snapshots.keys() and all(
            _are_same(one, known[collection]) for collection, one in snapshots.items()
        )

    def defect_counts(self, collection: str) -> Mapping[str, int]:
        """How many records of a collection have each defect, zeros included.

        References are left out while what they lead to has no snapshot, dependents while what may rest on the
        records has none.
        """
        counts = dict(self.defects[collection].counts(self.now))
        if self.dangling.is_judged(collection):
            counts[DANGLING] = len(self.dangling.records(collection))
        unused = self._unused.count(collection)
        if unused is not None and self.snapshots.keys() >= _DEPENDING:
            counts[NO_DEPENDENTS] = unused
        return counts

    def defect_examples(self, collection: str) -> Mapping[str, Sequence[str]]:
        """The ids of some records of a collection with each defect."""
        unused = self._unused.examples(self._dependencies.graph, collection, EXAMPLES)
        return {
            **self.defects[collection].examples(self.now),
            DANGLING: tuple(islice(self.dangling.records(collection), EXAMPLES)),
            NO_DEPENDENTS: unused,
        }

    def _apply(self, collection: str, changes: Changes, foreign: Changes) -> None:
        """Keeps every part up to date; only what records rest on needs those of other shards, `foreign`."""
        roll_ups = [one for one in self.roll_ups.values() if one.kind.collection == collection]
        defects = self.defects[collection]
        for number, (ident, was, now) in enumerate(_pairs(changes)):
            if number % _STEP == 0:
                self._pause()
            for roll_up in roll_ups:
                roll_up.replace(was, now)
            defects.replace(ident, was, now)
            self._dependencies.replace(collection, was, now)
        defects.find_examples(self.snapshots.get(collection, Snapshot()).records.values(), self._pause)
        for number, (_, was, now) in enumerate(_pairs(foreign)):
            if number % _STEP == 0:
                self._pause()
            self._dependencies.replace(collection, was, now)
        self._dependencies.flush()
        self._unused.update(self._dependencies.graph, self._dependencies.take_touched())
        self.dangling.update(collection, changes, foreign, self.snapshots, self._pause)

    def problems(self, collection: str) -> Sequence[int]:
        """The records of a collection, in this shard, that have a problem, the worst first."""
        if collection not in self._own_problems:
            found = self._dependencies.assessment.problems
            self._own_problems[collection] = [one for one in found if self._is_own(one, collection)]
        return self._own_problems[collection]

    def _is_own(self, number: int, collection: str) -> bool:
        """Whether a record is one of these, and not of another shard."""
        graph = self._dependencies.graph
        return graph.collection(number) == collection and self._is_stored(collection, graph.ident(number))

    def _is_stored(self, collection: str, ident: str) -> bool:
        """Whether a record is stored by this shard."""
        return collection in self.snapshots and ident in self.snapshots[collection].records

    def affected(self, collection: str) -> Iterator[tuple[int, Sequence[int]]]:
        """The records of a collection, in this shard, that rest on a problem, each with its root causes.

        The worst causes come first, and those that have them. What is planned or retired is not affected.
        """
        found, graph = self._dependencies.assessment, self._dependencies.graph
        ranks = {root: rank for rank, root in enumerate(found.roots)}
        affected = [number for number in found.causes if self._is_own(number, collection)]
        affected.sort(key=lambda number: (ranks[found.causes[number][0]], graph.ident(number)))
        return ((number, found.causes[number]) for number in affected)

    def dependents(self, problem: int) -> Dependents | None:
        """How much rests on a problem; None where counting would take too long."""
        return self._dependencies.assessment.dependents.get(problem)

    def collection(self, number: int) -> str:
        """The collection of a record."""
        return self._dependencies.graph.collection(number)

    def stored(self, number: int) -> StoredRecord:
        """A record as it is stored; one of another shard is slim."""
        ident, snapshot = self._dependencies.graph.ident(number), self.snapshots[self.collection(number)]
        return snapshot.records.get(ident) or snapshot.foreign.records[ident]


def _foreign_changes(known: Snapshot, new: Snapshot) -> Changes:
    """What leads from the records of other shards in one snapshot to those in another."""
    if known.foreign.records is new.foreign.records:
        return Changes()
    return difference(known.foreign, new.foreign)


def _are_same(one: Snapshot | None, other: Snapshot | None) -> bool:
    if one is None or other is None:
        return False
    return one.records is other.records and one.foreign.records is other.foreign.records


def _changes(collection: str, known: Snapshot | None, new: Snapshot | None, commit: Commit | None) -> Changes:
    """What leads from a known snapshot of a collection to the new one; None where there is none."""
    before = known or Snapshot()
    if commit is not None and commit.collection == collection and commit.before.records is before.records:
        return commit.changes
    return difference(before, new or Snapshot())


def _pairs(changes: Changes) -> Iterator[tuple[str, Shown | None, Shown | None]]:
    """The id of each record, and the record before and after its change; None where it is new or removed."""
    for one in changes.removed:
        yield one.id, one.shown(), None
    for old, new in changes.changed:
        yield old.id, old.shown(), new.shown()
    for one in changes.added:
        yield one.id, None, one.shown()
