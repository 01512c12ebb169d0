"""The records of other shards, slim, as a crawl shows them: causes and effects cross the borders of shards.

They are no part of what is stored, counted and guarded. One that two complete crawls in a row lack is gone.
Invariant: a record that the lists show as it was before is the same object as before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from exporter.inventory.decode import DecodedRecord
from exporter.inventory.snapshot import Foreign, StoredRecord

Store = Callable[[DecodedRecord, StoredRecord | None, float], StoredRecord]
"""Makes the next version of a record, of the one before and at a time."""


class ForeignDraft:
    """What one crawl shows of the records of other shards."""

    def __init__(self, start: Foreign, store: Store) -> None:
        self._start = start
        self._store = store
        self._found: dict[str, StoredRecord] = {}
        self._digests: dict[int, StoredRecord] = {}

    def add(
        self, fresh: Iterable[DecodedRecord], filtered_out: Iterable[tuple[int, int]], now: float
    ) -> None:
        """Adds those of one page: what was decoded, and the digests of all that was not stored."""
        decoded = {one.digest: one for one in fresh}
        for digest, _ in filtered_out:
            known = self._start.digests.get(digest)
            if known is None and digest in decoded:
                one = decoded[digest]
                known = self._store(one, self._start.records.get(one.id), now)
            if known is not None:  # else it is excluded by its type
                self._digests[digest] = known
                self._keep(known)

    def _keep(self, one: StoredRecord) -> None:
        earlier = self._found.setdefault(one.id, one)
        if earlier is not one:
            self._found[one.id] = min(earlier, one, key=self._rank)

    def _rank(self, one: StoredRecord) -> tuple[float, bool, bytes]:
        """Which of two records with one id is kept: the least, as in a draft."""
        return -(one.record.updated or 0.0), self._start.records.get(one.id) is not one, one.packed

    def follow(self, earlier: ForeignDraft) -> None:
        """Adds what an earlier crawl of the same lists showed and this one did not."""
        self._digests = {**earlier._digests, **self._digests}
        self._found = {**earlier._found, **self._found}

    def leave_out(self, idents: Iterable[str]) -> None:
        """Drops records that contradict the query."""
        for ident in idents:
            self._found.pop(ident, None)

    def after_full(self, problem: str) -> Foreign:
        """The records after a crawl of everything, which is complete if there is no problem."""
        start = self._start
        missing = [ident for ident in start.records if ident not in self._found]
        gone = start.missed.intersection(missing) if not problem else frozenset[str]()
        missed = start.missed.intersection(missing) if problem else frozenset(missing) - gone
        kept = {ident: start.records[ident] for ident in missing if ident not in gone}
        return self._next({**kept, **self._found}, self._digests, missed)

    def after_delta(self) -> Foreign:
        """The records after a list of recent changes."""
        start = self._start
        missed = start.missed - self._found.keys()
        return self._next({**start.records, **self._found}, {**start.digests, **self._digests}, missed)

    def _next(
        self,
        records: Mapping[str, StoredRecord],
        digests: Mapping[int, StoredRecord],
        missed: frozenset[str],
    ) -> Foreign:
        start = self._start
        if records == start.records:
            records = start.records  # the same object: nothing has changed
        found = Foreign(records, digests, missed)
        return start if found == start else found
