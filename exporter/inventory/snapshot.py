"""What we hold of one collection, and how a crawl changes it.

A `Snapshot` is swapped whole, never emptied and refilled. A `Draft` collects a crawl aside; `commit` turns it
into the next snapshot and says what changed. Records leave only by a crawl that proved complete and that the
shrink guard lets pass; a record not seen otherwise is retained. No clock: times are arguments (Unix seconds).
Invariant: every id occurs once, and no committed snapshot is touched again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from types import MappingProxyType

import msgspec

from exporter.inventory import decode
from exporter.inventory.breakdown import Breakdown
from exporter.inventory.record import Record, Standing, pack, restood, standing, unpack

FILTER_IGNORED = "filter_ignored"
"""Why a record is not stored that the query should not have listed, as a label of the metric."""

SPARE = 1_000
"""Pairs of status and type that are remembered though no record has them any more."""


class Shown(msgspec.Struct, frozen=True, gc=False):
    """A held record, unpacked: what samples are read from."""

    record: Record
    since: float = 0.0
    changes: int = 0


class Held(msgspec.Struct, frozen=True, gc=False):
    """A record we hold, packed, its raw form's digest, since when its status holds and how often it changed.

    `id` and `standing` are parts of the record that are looked at often.
    """

    id: str
    standing: Standing
    packed: bytes
    digest: int
    since: float
    changes: int = 0

    @property
    def record(self) -> Record:
        """The record, unpacked anew each time."""
        return unpack(self.packed)

    def shown(self) -> Shown:
        """The record, unpacked, with its history."""
        return Shown(unpack(self.packed), self.since, self.changes)


def held(record: Record, digest: int, since: float, changes: int = 0) -> Held:
    """The record, packed to be held."""
    return Held(record.id, standing(record), pack(record), digest, since, changes)


class Snapshot(msgspec.Struct, frozen=True):
    """Everything held of one collection. `digests` finds a held record by its raw form's digest.

    `words` are all (status, type) pairs of its records, and `SPARE` further ones that records had before, so
    that counts go to zero instead of away. Those that came or lost a record last are the last.
    """

    records: Mapping[str, Held] = MappingProxyType({})
    digests: Mapping[int, Held] = MappingProxyType({})
    words: tuple[tuple[str, str], ...] = ()


class Changes(msgspec.Struct, frozen=True):
    """The difference of two snapshots: held records added, (old, new) pairs changed, held records removed."""

    added: tuple[Held, ...] = ()
    changed: tuple[tuple[Held, Held], ...] = ()
    removed: tuple[Held, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)

    def transitions(self) -> Counter[tuple[str, str]]:
        """How many records went from one status word to another."""
        return Counter(
            (old.standing.status, new.standing.status)
            for old, new in self.changed
            if old.standing.status != new.standing.status
        )


class Guard(msgspec.Struct, frozen=True):
    """When a crawl that lost many records is believed.

    More than `share` of the held records gone is held back until `confirmations` further complete crawls in a
    row have shown the same ids; `fingerprint` and `seen` are what the last held-back crawl showed.
    """

    share: float = 0.2
    confirmations: int = 2
    fingerprint: int = 0
    seen: int = 0


class Outcome(msgspec.Struct, frozen=True):
    """A commit's result.

    `complete` says that the snapshot is exactly what the crawl saw; `retained` are records kept though not
    seen; `guard` is what the next commit must be given; `held_back` says how many removals the guard refused.
    """

    snapshot: Snapshot
    changes: Changes
    complete: bool
    retained: int
    guard: Guard
    held_back: int = 0


class Draft:
    """One crawl in the making. `preserve` are record types whose first status is kept over updates.

    `key` is the key of the digests in its pages.
    """

    def __init__(self, start: Snapshot, preserve: Iterable[str] = (), key: bytes = b"") -> None:
        self.start = start
        self.found: dict[str, Held] = {}
        self.rejects: list[decode.Reject] = []
        self.rejected: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.items = 0
        self.duplicates = 0
        # ids, or marks of the ids of what is not held, that came again in one walk
        self.doubled: set[str | int] = set()
        self.passed: dict[int, int] = {}  # what is not held because of its type or shard: digest, id's mark
        self.excluded = 0  # left out by type or shard
        self.other_shards = 0  # those of them that are left to another shard
        self._ours = 0  # with an id, and neither of these
        self.unheld: set[int] = set()  # what tells rejects apart, within this process
        self.against: dict[str, str] = {}  # ids, and the condition of the query that their record contradicts
        self.ignored: Counter[str] = Counter()  # conditions that the API ignores, and records left out for it
        self._preserve = frozenset(preserve)
        self._key = key
        self._walked: set[str | int] = set()
        self._standings: dict[Standing, Standing] = {}

    def add(self, batch: decode.Batch[Held], now: float) -> int:
        """Takes one page in; returns how many of its records this crawl had not seen before.

        Of two records with one id the newer last update wins, the first on a tie.
        """
        before = len(self._walked)
        self.items += batch.items
        self._carry(batch.carried)
        for fresh in batch.fresh:
            self._take(self._held(fresh, now))
        self.excluded += len(batch.passed)
        self._ours += len(batch.carried) + len(batch.fresh)
        for _, whose in batch.passed:
            self.other_shards += whose & 1
            if whose in self._walked:  # not ours, and no duplicate of ours; but it explains a total
                self.doubled.add(whose)
            self._walked.add(whose)
        self.passed.update(batch.passed)
        self._unite(batch)
        self.dropped.update(batch.dropped)
        self.against.update(batch.against)
        for reject in batch.rejects:
            self._walked.add(hash(reject.example))
            self.unheld.add(hash(reject.example))
            self.rejected[reject.reason] += 1
            if len(self.rejects) < 100:
                self.rejects.append(reject)
        return len(self._walked) - before

    def leave_out(self, condition: str) -> None:
        """Drops what contradicts a condition that the API turned out to ignore."""
        idents = [ident for ident, one in self.against.items() if one == condition and ident in self.found]
        for ident in idents:
            del self.found[ident]
        if idents:
            self.ignored[condition] += len(idents)

    @property
    def unused(self) -> Counter[str]:
        """Records that are not stored, by reason: those that cannot be, and those that nobody asked for."""
        return self.rejected + Counter({FILTER_IGNORED: self.ignored.total()})

    def _unite(self, batch: decode.Batch[Held]) -> None:
        """Counts a record once that came as one that is held and, retyped since, as one that is not."""
        if not self.passed:
            return
        for ident in (*batch.skipped, *(fresh.id for fresh in batch.fresh)):
            whose = decode.id_mark(ident, self._key)
            if whose in self._walked and ident in self._walked:
                self._walked.remove(whose)
                self.doubled.add(ident)

    def _carry(self, carried: Sequence[Held]) -> None:
        """Takes many at once, in a third of the time, where none of them was seen before: nearly always."""
        found = {held.id: held for held in carried}
        idents = found.keys()
        if (
            len(found) == len(carried)
            and self._walked.isdisjoint(idents)
            and self.found.keys().isdisjoint(idents)
        ):
            self._walked.update(idents)
            self.found.update(found)
            return
        for held in carried:
            self._take(held)

    def _take(self, held: Held) -> None:
        ident = held.id
        if ident in self._walked:
            self.duplicates += 1
            self.doubled.add(ident)
        self._walked.add(ident)
        earlier = self.found.get(ident)
        if earlier is None or _updated(held) > _updated(earlier):
            self.found[ident] = held

    def _held(self, fresh: decode.Fresh, now: float) -> Held:
        old = self.start.records.get(fresh.id)
        new, packed = fresh.standing, fresh.packed
        if old is not None and new.type in self._preserve:
            new = msgspec.structs.replace(old.standing, type=new.type)
            packed = restood(packed, new)
        new = self._standings.setdefault(new, new)
        if old is None:
            since, changes = fresh.updated or now, 0
        elif new.status == old.standing.status:
            since, changes = old.since, old.changes
        else:
            since, changes = now, old.changes + 1
        return Held(fresh.id, new, packed, fresh.digest, since, changes)

    def begin(self) -> None:
        """Begins another walk of the crawl: what an earlier query brought is no duplicate in this one."""
        self._walked = set()

    @property
    def walked(self) -> int:
        """How many different records the walk has seen, those not held (excluded, rejected) included."""
        return len(self._walked)

    def breakdown(self) -> Breakdown:
        """What became of the records received so far."""
        return Breakdown(
            stored=len(self.found),
            excluded=self.excluded - self.other_shards,
            other_shards=self.other_shards,
            rejected=self.unused.total(),
            duplicates=self.duplicates,
            overlapping=self._ours - self.duplicates - len(self.found) - self.ignored.total(),
        )

    def lacks(self) -> bool:
        """Whether a record that has been held was not seen."""
        return not self.found.keys() >= self.start.records.keys()

    def doubt(self, known: Set[int]) -> str:
        """Why records that are missing may be among those that cannot be held; empty for no reason.

        `known` are the rejects of the full crawl before: what could not be held then, either, is no record
        that has been held since.
        """
        if self.ignored:
            told = ", ".join(f"{condition} ({count} records)" for condition, count in self.ignored.items())
            return f"the API ignores {told}: what the records show is something else, and they are not stored"
        fresh = len(self.unheld - known)
        if not fresh or not self.lacks():
            return ""
        return f"{fresh} records that cannot be held are new, and may be those that are missing"

    def commit_delta(self, guard: Guard) -> Outcome:
        """What a list of recent changes teaches: additions and changes, never a removal."""
        snapshot, changes = self._next(())
        return Outcome(snapshot, changes, complete=False, retained=0, guard=guard)

    def commit_full(self, problem: str, guard: Guard) -> Outcome:
        """What a crawl of everything teaches; `problem` is empty where it proved complete."""
        calm = msgspec.structs.replace(guard, fingerprint=0, seen=0)
        if self.found == self.start.records and not problem:  # ten times as fast as looking at each
            return Outcome(self.start, Changes(), complete=True, retained=0, guard=calm)
        missing = [held for ident, held in self.start.records.items() if ident not in self.found]
        if problem:
            snapshot, changes = self._next(())
            return Outcome(snapshot, changes, complete=False, retained=len(missing), guard=guard)
        if len(missing) > guard.share * len(self.start.records):
            # order does not matter, and one set of ids has one fingerprint within a process
            fingerprint = hash(frozenset(self.found))
            seen = guard.seen + 1 if guard.seen and fingerprint == guard.fingerprint else 1
            if seen <= guard.confirmations:
                waiting = msgspec.structs.replace(guard, fingerprint=fingerprint, seen=seen)
                snapshot, changes = self._next(())
                return Outcome(
                    snapshot,
                    changes,
                    complete=False,
                    retained=len(missing),
                    guard=waiting,
                    held_back=len(missing),
                )
        snapshot, changes = self._next(missing)
        return Outcome(snapshot, changes, complete=True, retained=0, guard=calm)

    def _next(self, removed: Iterable[Held]) -> tuple[Snapshot, Changes]:
        start = self.start.records
        added: list[Held] = []
        changed: list[tuple[Held, Held]] = []
        for ident, held in self.found.items():
            old = start.get(ident)
            if old is None:
                added.append(held)
            elif old is not held:
                changed.append((old, held))
        changes = Changes(tuple(added), tuple(changed), tuple(removed))
        if not changes:
            return self.start, changes
        return _apply(self.start, changes), changes


def _apply(start: Snapshot, changes: Changes) -> Snapshot:
    records = dict(start.records)
    digests = dict(start.digests)
    for held in changes.removed:
        del records[held.id]
        digests.pop(held.digest, None)
    for old, _ in changes.changed:
        digests.pop(old.digest, None)
    fresh = [*changes.added, *(new for _, new in changes.changed)]
    records.update((held.id, held) for held in fresh)
    digests.update((held.digest, held) for held in fresh)
    left = _words([*changes.removed, *(old for old, _ in changes.changed)])
    touched = left | _words(fresh)
    words = (*(word for word in start.words if word not in touched), *touched)
    return Snapshot(records, digests, _remembered(words, records))


def _remembered(
    words: tuple[tuple[str, str], ...], records: Mapping[str, Held]
) -> tuple[tuple[str, str], ...]:
    """All words that records have, and the last of the others; a broken API may invent them without end."""
    if len(words) <= SPARE:  # nearly always: no record needs to be looked at
        return words
    found = _words(records.values())
    forgotten = set([word for word in words if word not in found][:-SPARE])
    return tuple(word for word in words if word not in forgotten)


def _words(records: Iterable[Held]) -> dict[tuple[str, str], None]:
    """The status and type of each, once each in the order in which they come."""
    return {(held.standing.status, held.standing.type): None for held in records}


def _updated(held: Held) -> float:
    return held.record.updated or 0.0
