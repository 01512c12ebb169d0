"""What is stored of one collection, and what a crawl changed of it.

A `Snapshot` is swapped whole, never emptied and refilled. How a crawl becomes the next one is `draft`'s.
Invariant: every id occurs once, and no committed snapshot is touched again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from types import MappingProxyType

import msgspec

from exporter.inventory.record import Record, Standing, pack, standing, unpack


class Shown(msgspec.Struct, frozen=True, gc=False):
    """A held record, unpacked: what samples are read from."""

    record: Record
    since: float = 0.0
    changes: int = 0


class StoredRecord(msgspec.Struct, frozen=True, gc=False):
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


def held(record: Record, digest: int, since: float, changes: int = 0) -> StoredRecord:
    """The record, packed to be held."""
    return StoredRecord(record.id, standing(record), pack(record), digest, since, changes)


class Snapshot(msgspec.Struct, frozen=True):
    """Everything held of one collection. `digests` finds a held record by its raw form's digest.

    `statuses` are all (status, type) pairs of its records, and `SPARE` further ones that records had before,
    so that counts go to zero instead of away. Those that came or lost a record last are the last.
    """

    records: Mapping[str, StoredRecord] = MappingProxyType({})
    digests: Mapping[int, StoredRecord] = MappingProxyType({})
    words: tuple[tuple[str, str], ...] = ()


class Changes(msgspec.Struct, frozen=True):
    """The difference of two snapshots: held records added, (old, new) pairs changed, held records removed."""

    added: tuple[StoredRecord, ...] = ()
    changed: tuple[tuple[StoredRecord, StoredRecord], ...] = ()
    removed: tuple[StoredRecord, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)

    def transitions(self) -> Counter[tuple[str, str]]:
        """How many records went from one status word to another."""
        return Counter(
            (old.standing.status, new.standing.status)
            for old, new in self.changed
            if old.standing.status != new.standing.status
        )


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
        """The guard when these ids have been listed: they are pending no more, whoever accepted that.

        What crawls confirmed before that is to be confirmed anew.
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
