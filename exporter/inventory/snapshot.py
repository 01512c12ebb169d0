"""What is stored of one collection, what a crawl changed of it, and how many records have which status.

A `Snapshot` is replaced as a whole; `draft` makes the next one. Metrics count for themselves in
`exposition.render`; the counts here are for the landing page and `check`. Invariant: each id occurs once, and
no committed snapshot is changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from types import MappingProxyType

import msgspec

from exporter.inventory.condition import Condition
from exporter.inventory.record import Record, StatusSummary, pack, status_summary, unpack


class Shown(msgspec.Struct, frozen=True, gc=False):
    """A stored record, unpacked: what samples are read from."""

    record: Record
    since: float = 0.0
    changes: int = 0


class StoredRecord(msgspec.Struct, frozen=True, gc=False):
    """A packed record, its raw form's digest, since when it has its status and how often that changed."""

    id: str
    status_summary: StatusSummary
    packed: bytes
    digest: int
    since: float
    changes: int = 0

    @property
    def record(self) -> Record:
        """The record, unpacked each time."""
        return unpack(self.packed)

    def shown(self) -> Shown:
        """The record, unpacked, with its history."""
        return Shown(unpack(self.packed), self.since, self.changes)


def stored(record: Record, digest: int, since: float, changes: int = 0) -> StoredRecord:
    """The record, packed to be stored."""
    return StoredRecord(record.id, status_summary(record), pack(record), digest, since, changes)


SPARE = 1_000
"""Pairs of status and type that are remembered although no record has them any more."""


class Foreign(msgspec.Struct, frozen=True):
    """The slim records of other shards by id, and the digests that the lists showed of them.

    `missed` are the ids that the last complete crawl lacked.
    """

    records: Mapping[str, StoredRecord] = MappingProxyType({})
    digests: Mapping[int, StoredRecord] = MappingProxyType({})
    missed: frozenset[str] = frozenset()


class Snapshot(msgspec.Struct, frozen=True):
    """All stored records of one collection, by id and by their raw form's digest.

    `words` are the (status, type) pairs of its records, and `SPARE` further ones that records had
    before, so that counts become zero instead of disappearing. The last are those that changed last.
    `foreign` has what is known of the records of other shards.
    """

    records: Mapping[str, StoredRecord] = MappingProxyType({})
    digests: Mapping[int, StoredRecord] = MappingProxyType({})
    words: tuple[tuple[str, str], ...] = ()
    foreign: Foreign = Foreign()

    def with_foreign(self, foreign: Foreign) -> Snapshot:
        """The snapshot with these records of other shards."""
        return self if foreign is self.foreign else msgspec.structs.replace(self, foreign=foreign)

    def after(self, changes: Changes) -> Snapshot:
        """The snapshot after changes."""
        return _apply(self, changes)


class Changes(msgspec.Struct, frozen=True):
    """The difference of two snapshots; `changed` are (old, new) pairs."""

    added: tuple[StoredRecord, ...] = ()
    changed: tuple[tuple[StoredRecord, StoredRecord], ...] = ()
    removed: tuple[StoredRecord, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)

    def transitions(self) -> Counter[tuple[str, str]]:
        """How many records changed from one status to another."""
        return Counter(
            (old.status_summary.status, new.status_summary.status)
            for old, new in self.changed
            if old.status_summary.status != new.status_summary.status
        )


def difference(before: Snapshot | Foreign, after: Snapshot | Foreign) -> Changes:
    """What leads from one snapshot to another, which looks at each record."""
    old, new = before.records, after.records
    return Changes(
        added=tuple(one for ident, one in new.items() if ident not in old),
        changed=tuple(
            (old[ident], one) for ident, one in new.items() if ident in old and old[ident] is not one
        ),
        removed=tuple(one for ident, one in old.items() if ident not in new),
    )


def _apply(start: Snapshot, changes: Changes) -> Snapshot:
    records = dict(start.records)
    digests = dict(start.digests)
    for old in changes.removed:
        del records[old.id]
        digests.pop(old.digest, None)
    for old, _ in changes.changed:
        digests.pop(old.digest, None)
    fresh = [*changes.added, *(new for _, new in changes.changed)]
    records.update((new.id, new) for new in fresh)
    digests.update((new.digest, new) for new in fresh)
    left = _words([*changes.removed, *(old for old, _ in changes.changed)])
    touched = left | _words(fresh)
    words = (*(word for word in start.words if word not in touched), *touched)
    return Snapshot(records, digests, _remembered(words, records), start.foreign)


def _remembered(
    words: tuple[tuple[str, str], ...], records: Mapping[str, StoredRecord]
) -> tuple[tuple[str, str], ...]:
    """All words that records have, and the last of the others; a broken API may invent them without end."""
    if len(words) <= SPARE:  # nearly always: no record needs to be looked at
        return words
    found = _words(records.values())
    forgotten = set([word for word in words if word not in found][:-SPARE])
    return tuple(word for word in words if word not in forgotten)


def _words(records: Iterable[StoredRecord]) -> dict[tuple[str, str], None]:
    """The status and type of each, once each in the order in which they come."""
    return {(one.status_summary.status, one.status_summary.type): None for one in records}


class ShrinkGuard(msgspec.Struct, frozen=True):
    """When many removals at once are believed.

    More than `share` of the stored records gone is pending until `confirmations` further crawls in a row have
    shown the same ids; `fingerprint` and `seen` are what the last such crawl showed. `pending` are the ids
    that wait, and `accepted` those that an operator has confirmed: they are removed when a crawl lacks them,
    and the share is one of the others.
    """

    share: float = 0.2
    confirmations: int = 2
    fingerprint: int = 0
    seen: int = 0
    pending: frozenset[str] = frozenset()
    accepted: frozenset[str] = frozenset()

    def calm(self) -> ShrinkGuard:
        """The guard when nothing is pending any more."""
        return msgspec.structs.replace(self, fingerprint=0, seen=0, pending=frozenset(), accepted=frozenset())

    def without(self, shown: Set[str]) -> ShrinkGuard:
        """The guard when these ids have been listed: they are pending no more, even if accepted.

        What crawls confirmed before that must be confirmed again.
        """
        pending = self.pending - shown
        if pending == self.pending:
            return self
        if not pending:
            return self.calm()
        accepted = self.accepted - shown
        return msgspec.structs.replace(self, fingerprint=0, seen=0, pending=pending, accepted=accepted)

    def accept(self) -> ShrinkGuard:
        """The guard when an operator has confirmed exactly what is pending."""
        return msgspec.structs.replace(self, accepted=self.pending)


class Outcome(msgspec.Struct, frozen=True):
    """A commit's result.

    `complete` says that nothing speaks against the crawl's completeness and nothing is pending; `retained`
    counts records kept though not seen; `guard` is what the next commit must be given; `held_back` says how
    many removals the guard refused.
    """

    snapshot: Snapshot
    changes: Changes
    complete: bool
    retained: int
    guard: ShrinkGuard
    held_back: int = 0


class StatusCounts(msgspec.Struct, frozen=True):
    """Records by headline status, the most frequent first; and by condition, without those that none has.

    `unknown` are the statuses that the dialect does not know.
    """

    records: int = 0
    statuses: Mapping[str, int] = {}
    conditions: Mapping[Condition, int] = {}
    unknown: tuple[str, ...] = ()
    unknown_records: int = 0


class StatusCounter:
    """The same, kept up to date by changes."""

    def __init__(self) -> None:
        self._statuses: Counter[str] = Counter()
        self._conditions: Counter[Condition] = Counter()
        self._unknown: Counter[str] = Counter()

    def add(self, records: Iterable[StatusSummary], weight: int = 1) -> None:
        """Adds records, or removes them with a weight of -1."""
        for record in records:
            self._statuses[record.status] += weight
            self._conditions[record.condition] += weight
            if not record.status_known:
                self._unknown[record.status] += weight

    @property
    def records(self) -> int:
        """How many records are counted."""
        return self._statuses.total()

    def copy(self) -> StatusCounter:
        """The same counts, to be changed while these are still served."""
        other = StatusCounter()
        other._statuses, other._conditions = self._statuses.copy(), self._conditions.copy()
        other._unknown = self._unknown.copy()
        return other

    def counts(self) -> StatusCounts:
        """The counts; statuses that no record has any more are forgotten."""
        self._statuses, self._unknown = +self._statuses, +self._unknown
        return StatusCounts(
            records=self._statuses.total(),
            statuses=dict(self._statuses.most_common()),
            conditions={one: count for one in Condition if (count := self._conditions[one])},
            unknown=tuple(word for word, _ in self._unknown.most_common(20)),
            unknown_records=self._unknown.total(),
        )
