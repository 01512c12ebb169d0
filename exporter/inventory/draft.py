"""The records of a crawl, collected and counted until they are committed as the next snapshot.

`Draft.commit_full` and `commit_delta` make the next `Snapshot` and report what changed. Only records that
`absences` gives as removable and that the shrink guard lets pass are removed; all others that a crawl lacks
are retained. No clock: times are arguments (Unix seconds).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from operator import itemgetter
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from exporter.inventory import decode, elements
from exporter.inventory.absences import Answers
from exporter.inventory.foreign import ForeignDraft
from exporter.inventory.record import StatusSummary, with_status
from exporter.inventory.snapshot import Changes, Foreign, Outcome, ShrinkGuard, Snapshot, StoredRecord


class Breakdown(msgspec.Struct, frozen=True):
    """Every record received is counted in exactly one field.

    stored: different records that went into the snapshot.
    excluded: left out by `include_types` or `exclude_types`.
    other_shards: left to another shard.
    rejected: without an id, no object, or listed although the query excludes them.
    duplicates: came again in the answers to one query.
    overlapping: came in the answers to an earlier query, too.
    """

    stored: int = 0
    excluded: int = 0
    other_shards: int = 0
    rejected: int = 0
    duplicates: int = 0
    overlapping: int = 0

    @property
    def received(self) -> int:
        """All of them."""
        return sum(msgspec.structs.astuple(self))


FILTER_IGNORED = "filter_ignored"
"""Why a record is not stored that the query should not have listed, as a label of the metric."""

OUTDATED = 4
"""Crawls in a row that must show a version older than the stored one before it is stored."""


class ListPages(NamedTuple):
    """One list of a crawl: number, length and stored ids of its pages, all ids seen, the requested size.

    `shown` identifies the pages by which records they have.
    """

    pages: list[tuple[int, int, Sequence[str]]]
    seen: set[str | int]
    shown: set[int]
    size: int = 0

    def has_several_pages(self) -> bool:
        """Whether more than one of its pages had records."""
        return sum(items > 0 for _, items, _ in self.pages) > 1

    def answers(self) -> Answers:
        """Its answers that had records, in order."""
        pages = sorted((page for page in self.pages if page[1]), key=itemgetter(0))
        longest = max((items for _, items, _ in pages), default=0)
        # one page alone is no measure of how many records a page can have
        full = longest if len(pages) > 1 else max(longest, self.size)
        has_end = len(self.pages) == 1 or not pages or pages[-1][1] < full
        return Answers(tuple(ids for *_, ids in pages) or ((),), has_end)


class Draft:
    """The records of one crawl.

    Records of the types `preserve` keep their first status. `key` is the key of the digests; `outdated` says
    how many crawls in a row have shown a version of a record that is older than the stored one.
    """

    def __init__(
        self,
        start: Snapshot,
        preserve: Iterable[str] = (),
        key: bytes = b"",
        outdated: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.start = start
        self.outdated: dict[str, int] = {}  # the same after this crawl
        self.clashes: set[str] = set()  # ids that records of different types have
        self.found: dict[str, StoredRecord] = {}
        self.found_besides: set[str] = set()  # their ids that no page of a list showed
        self.rejects: list[decode.Reject] = []
        self.rejected: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.items = 0
        self.duplicates = 0
        # ids, or marks of the ids of what is not stored, that came again in one list
        self.duplicate_ids: set[str | int] = set()
        # what is not stored because of its type or shard: digest, mark of the id
        self.filtered_out: dict[int, int] = {}
        self.excluded = 0  # left out by type or shard
        self.other_shards = 0  # those of them that are left to another shard
        self._selected = 0  # with an id, and neither of these
        self.rejected_digests: Counter[int] = Counter()
        self.against: dict[str, str] = {}  # ids, and the condition of the query that their record contradicts
        self.ignored: Counter[str] = Counter()  # conditions that the API ignores, and records left out for it
        self.unproven: set[str] = set()  # those that the API may or may not ignore
        self._preserve = frozenset(preserve)
        self._key = key
        self._known_outdated = outdated
        self._breakdown: Breakdown | None = None  # before an earlier crawl was added
        self._lists: list[ListPages] = []
        self._seen: set[str | int] = set()
        self._summaries: dict[StatusSummary, StatusSummary] = {}
        self._foreign = ForeignDraft(start.foreign, self._next_version)
        self.begin()

    def add(self, batch: decode.Batch[StoredRecord], now: float, number: int = 0) -> int:
        """Adds one page; returns how many of its records this list had not shown before.

        Pages are in the order of their `number`s in the list. Of two records with one id the newer last
        update wins, on a tie the one that is stored, else one that does not depend on their order.
        """
        before = len(self._seen)
        self._lists[-1].shown.add(_composition(batch))
        self.items += batch.items
        self._lists[-1].pages.append((number, batch.items, batch.ids))
        self._carry(batch.carried)
        for fresh in batch.fresh:
            self._add(self._stored(fresh, now))
        self._foreign.add(batch.foreign, batch.filtered_out, now)
        self.excluded += len(batch.filtered_out)
        self._selected += len(batch.carried) + len(batch.fresh)
        for _, mark in batch.filtered_out:
            self.other_shards += mark & 1
            if mark in self._seen:  # no duplicate of what is stored, but it explains a total
                self.duplicate_ids.add(mark)
            self._seen.add(mark)
        self.filtered_out.update(batch.filtered_out)
        self._count_retyped_once(batch)
        self.dropped.update(batch.dropped)
        self.against.update(batch.against)
        for reject in batch.rejects:
            if reject.reason != decode.STRAY:
                self._seen.add(reject.digest)
            self.rejected_digests[reject.digest] += 1
            self.rejected[reject.reason] += 1
            if len(self.rejects) < 100:
                self.rejects.append(reject)
        return len(self._seen) - before

    def repeats_page(self, batch: decode.Batch[StoredRecord]) -> bool:
        """Whether a page that was added has exactly the records of this one."""
        return _composition(batch) in self._lists[-1].shown

    def leave_out(self, condition: str) -> None:
        """Drops what contradicts a condition that the API ignores, or may ignore."""
        self._foreign.leave_out(ident for ident, one in self.against.items() if one == condition)
        idents = [ident for ident, one in self.against.items() if one == condition and ident in self.found]
        for ident in idents:
            del self.found[ident]
        if idents:
            self.ignored[condition] += len(idents)

    @property
    def unused(self) -> Counter[str]:
        """Records that are not stored, by reason."""
        return self.rejected + Counter({FILTER_IGNORED: self.ignored.total()})

    def compare(self, batch: decode.Batch[StoredRecord], now: float) -> int:
        """Compares a page with the list that was read; returns how many of its records the list lacks.

        Those are stored, too: what is listed is there. The others came before and are no duplicates, unless
        two records of different types have one id.
        """
        marks: set[str | int] = {mark for _, mark in batch.filtered_out}
        marks.update(reject.digest for reject in batch.rejects if reject.reason != decode.STRAY)
        for one in (*batch.carried, *(self._stored(fresh, now) for fresh in batch.fresh)):
            marks.add(one.id)
            if one.id not in self._seen and one.id not in self.found:
                self.found_besides.add(one.id)
                self.items += 1
                self._selected += 1
            self._keep(one)
        self._foreign.add(batch.foreign, batch.filtered_out, now)
        self.against.update(batch.against)
        return len(marks - self._seen)

    def _count_retyped_once(self, batch: decode.Batch[StoredRecord]) -> None:
        """Counts a record once that came as one that is stored and, with a new type, as one that is not."""
        if not self.filtered_out:
            return
        for ident in (*batch.skipped, *(fresh.id for fresh in batch.fresh)):
            mark = decode.id_mark(ident, self._key)
            if mark in self._seen and ident in self._seen:
                self._seen.remove(mark)
                self.duplicate_ids.add(ident)

    def _carry(self, carried: Sequence[StoredRecord]) -> None:
        """Adds many at once, in a third of the time, where none of them was seen before: nearly always."""
        found = {one.id: one for one in carried}
        idents = found.keys()
        if (
            len(found) == len(carried)
            and self._seen.isdisjoint(idents)
            and self.found.keys().isdisjoint(idents)
        ):
            self._seen.update(idents)
            self.found.update(found)
            return
        for one in carried:
            self._add(one)

    def _add(self, record: StoredRecord) -> None:
        ident = record.id
        if ident in self._seen:
            self.duplicates += 1
            self.duplicate_ids.add(ident)
        self._seen.add(ident)
        self._keep(record)

    def _keep(self, record: StoredRecord) -> None:
        ident = record.id
        earlier = self.found.get(ident)
        if earlier is None:
            self.found[ident] = record
        elif earlier is not record:
            if _is_other_type(earlier, record):
                self.clashes.add(ident)
            self.found[ident] = min(earlier, record, key=self._rank)

    def _rank(self, record: StoredRecord) -> tuple[float, bool, bytes]:
        """Which of two records with one id is stored: the least, whatever their order in the list."""
        return -_updated(record), self.start.records.get(record.id) is not record, record.packed

    def _stored(self, fresh: decode.DecodedRecord, now: float) -> StoredRecord:
        old = self.start.records.get(fresh.id)
        if old is not None and self._is_outdated(fresh, old):
            return old
        return self._next_version(fresh, old, now)

    def _next_version(
        self, fresh: decode.DecodedRecord, old: StoredRecord | None, now: float
    ) -> StoredRecord:
        new, packed = fresh.status_summary, fresh.packed
        if old is not None and new.type in self._preserve:
            new = msgspec.structs.replace(old.status_summary, type=new.type)
            packed = with_status(packed, new)
        new = self._summaries.setdefault(new, new)
        if old is None:
            since, changes = fresh.updated or now, 0
        elif new.status == old.status_summary.status:
            since, changes = old.since, old.changes
        else:
            since, changes = now, old.changes + 1
        return StoredRecord(fresh.id, new, packed, fresh.digest, since, changes)

    def _is_outdated(self, fresh: decode.DecodedRecord, old: StoredRecord) -> bool:
        """Whether a version is older than the stored one, by its own last update.

        A server that lags behind catches up; what stays old for `OUTDATED` crawls in a row is stored.
        """
        if fresh.updated is None or fresh.updated >= _updated(old):
            return False
        crawls = self._known_outdated.get(fresh.id, 0) + 1
        if crawls >= OUTDATED:
            return False
        self.outdated[fresh.id] = crawls
        return True

    def begin(self, size: int = 0) -> None:
        """Begins another list, with `size` records requested for a page.

        What an earlier query brought is no duplicate in this one.
        """
        if self._lists and not self._lists[-1].pages:
            self._lists.pop()
        self._seen = set()
        self._lists.append(ListPages([], self._seen, set(), size))

    def begin_again(self, size: int) -> None:
        """Begins the present list again; what it has brought so far is kept, and is no duplicate."""
        self._lists.pop()
        self.begin(size)

    def answers(self) -> tuple[Answers, ...]:
        """The ids of each list, page by page."""
        return tuple(one.answers() for one in self._lists)

    def border(self) -> int:
        """The number of records of the longest page of lists that came in several, 0 where none did."""
        several = [one for one in self._lists if one.has_several_pages()]
        return max((items for one in several for _, items, _ in one.pages), default=0)

    def is_longer_than_pages(self) -> bool:
        """Whether each of the lists came in several pages."""
        return all(one.has_several_pages() for one in self._lists)

    def follow(self, earlier: Draft) -> None:
        """Adds what an earlier crawl of the same lists showed and this one did not."""
        self._breakdown = self.breakdown()
        for ident, other in earlier.found.items():
            mine = self.found.get(ident)
            if mine is None or (mine is not other and _updated(other) > _updated(mine)):
                self.found[ident] = other
        self._foreign.follow(earlier._foreign)
        self.clashes |= earlier.clashes
        self.outdated = {**earlier.outdated, **self.outdated}

    def together(self, earlier: Draft) -> tuple[int, ...]:
        """How many different records this crawl and an earlier one have seen, of each list."""
        pairs = zip(self._lists, earlier._lists, strict=True)
        return tuple(len(one.seen | other.seen) for one, other in pairs)

    def moved(self, earlier: Draft) -> tuple[int, ...]:
        """How many different records one of the two has seen and the other has not, of each list."""
        pairs = zip(self._lists, earlier._lists, strict=True)
        return tuple(len(one.seen ^ other.seen) for one, other in pairs)

    @property
    def seen(self) -> int:
        """How many different records the list has shown, those not stored included."""
        return len(self._seen)

    def breakdown(self) -> Breakdown:
        """What became of the records received so far."""
        if self._breakdown is not None:
            return self._breakdown
        return Breakdown(
            stored=len(self.found),
            excluded=self.excluded - self.other_shards,
            other_shards=self.other_shards,
            rejected=self.unused.total(),
            duplicates=self.duplicates,
            overlapping=self._selected - self.duplicates - len(self.found) - self.ignored.total(),
        )

    def lacks(self) -> bool:
        """Whether a record of the snapshot was not seen."""
        return not self.found.keys() >= self.start.records.keys()

    def lost(self, known: Counter[int], before: Set[str] = frozenset()) -> set[str]:
        """The ids of missing records that may be among those that cannot be stored.

        `known` are the rejects of the full crawl before: if some are new, any missing record may be one of
        them, else those that were lost `before`.
        """
        is_new = bool(self.rejected_digests - known)
        if not (is_new or (before and self.rejected_digests)):
            return set()
        found = self.found
        missing = {ident for ident in self.start.records if ident not in found}
        return missing if is_new else missing & before

    def doubt(self, lost: Set[str]) -> str:
        """Why records that are missing may be among those that are not stored; "" for no reason.

        `lost` are those that may be among the rejects; one that is too large may always be a stored one.
        """
        if self.ignored:
            ignored = ", ".join(f"{condition} ({count} records)" for condition, count in self.ignored.items())
            failed = "" if self.ignored.keys() - self.unproven else " or did not answer when asked about it"
            return (
                f"the API ignores {ignored}{failed}: what the records show is something else, and they are"
                " not stored"
            )
        if large := self.rejected[decode.TOO_LARGE]:
            return (
                f"{large} records have more than {elements.MOST_VALUES} values each and are not stored: ask"
                " for fewer attributes, as with `fields` in the query of many APIs"
            )
        if not lost:
            return ""
        rejected = self.rejected_digests.total()
        return f"{len(lost)} records are missing, and may be among the {rejected} that cannot be stored"

    def commit_delta(self, guard: ShrinkGuard) -> Outcome:
        """Commits a list of recent changes: additions and changes, never a removal."""
        snapshot, changes = self._next((), self._foreign.after_delta())
        guard = guard.without(self.found.keys())
        return Outcome(snapshot, changes, complete=False, retained=0, guard=guard)

    def commit_full(self, problem: str, guard: ShrinkGuard, removable: Set[str]) -> Outcome:
        """Commits a crawl of everything.

        `problem` is empty where nothing speaks against its completeness; `removable` are the ids that may be
        removed where the crawl lacks them.
        """
        foreign = self._foreign.after_full(problem)
        if self.found == self.start.records and not problem:  # ten times as fast as looking at each
            start = self.start.with_foreign(foreign)
            return Outcome(start, Changes(), complete=True, retained=0, guard=guard.calm())
        missing = [one for ident, one in self.start.records.items() if ident not in self.found]
        due = [one for one in missing if one.id in removable]
        guard = guard.without(self.found.keys())
        unconfirmed = [one for one in due if one.id not in guard.accepted]
        guard = guard if problem and not due else self._guarded(guard, unconfirmed)
        if guard.pending:
            due = [one for one in due if one.id not in guard.pending]
        snapshot, changes = self._next(due, foreign)
        complete = not problem and not guard.pending
        return Outcome(snapshot, changes, complete, len(missing) - len(due), guard, len(guard.pending))

    def _guarded(self, guard: ShrinkGuard, due: Sequence[StoredRecord]) -> ShrinkGuard:
        """The guard after a crawl by which `due` would be removed, of which `pending` must wait."""
        if len(due) <= guard.share * len(self.start.records):
            return guard.calm()
        # order does not matter, and one set of ids has one fingerprint within a process
        fingerprint = hash(frozenset(self.found))
        seen = guard.seen + 1 if guard.seen and fingerprint == guard.fingerprint else 1
        if seen > guard.confirmations:
            return guard.calm()
        pending = frozenset(one.id for one in due)
        return msgspec.structs.replace(
            guard, fingerprint=fingerprint, seen=seen, pending=pending, accepted=frozenset()
        )

    def _next(self, removed: Iterable[StoredRecord], foreign: Foreign) -> tuple[Snapshot, Changes]:
        start = self.start.records
        added: list[StoredRecord] = []
        changed: list[tuple[StoredRecord, StoredRecord]] = []
        for ident, new in self.found.items():
            old = start.get(ident)
            if old is None:
                added.append(new)
            elif old is not new:
                changed.append((old, new))
        changes = Changes(tuple(added), tuple(changed), tuple(removed))
        snapshot = self.start.with_foreign(foreign)
        return snapshot.after(changes) if changes else snapshot, changes


def _is_other_type(one: StoredRecord, other: StoredRecord) -> bool:
    """Whether two records of one id have different types or classes (`@type`)."""
    if one.status_summary.type != other.status_summary.type:
        return True
    marks = one.record.class_mark, other.record.class_mark
    return 0 not in marks and marks[0] != marks[1]


def _updated(stored: StoredRecord) -> float:
    return stored.record.updated or 0.0


def _composition(batch: decode.Batch[StoredRecord]) -> int:
    """Identifies which records a page has, in any order."""
    rejected = (reject.digest for reject in batch.rejects)
    return hash(frozenset((*batch.ids, *(mark for _, mark in batch.filtered_out), *rejected)))
