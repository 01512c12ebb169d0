"""Crawls of one collection: a `CrawlResult` of records, and whether they are all of them.

A crawl of everything reads the lists once, and once more where records are missing or the list moved
meanwhile. Here alone it is decided whether a crawl is complete, and why not. How the lists are read is
`list_reader`'s; when to crawl, and what becomes of the result, is the poller's. It owns what one crawl
teaches the next, which it learns only when the poller has stored the result.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import msgspec

from exporter import errors, settings
from exporter.client import Client
from exporter.collections.list_reader import ListReader, OnPage
from exporter.inventory import absences, snapshot
from exporter.inventory.draft import Draft
from exporter.paging.results import ListResult
from exporter.precedence import Precedence

_OFTEN = 3  # crawls in a row, after which what they have in common is the API's habit


class CrawlResult(NamedTuple):
    """What a crawl showed.

    `draft` has the records, `list_results` what was read of each list, `problem` why the crawl is not
    verified complete ("" where it is), and `absences` the records that it and crawls before it lack.
    `is_finished` says that every list was read to its end and showed as much as it announced. `lost` are the
    ids of missing records that may be among those that cannot be stored.
    """

    draft: Draft
    list_results: list[ListResult]
    problem: str
    absences: absences.Absences
    is_finished: bool
    lost: AbstractSet[str] = frozenset()


class TooManyRejects(errors.PartialCrawl):
    """Too many records of a crawl cannot be stored; `draft` has what is known of them."""

    def __init__(self, draft: Draft) -> None:
        reasons = ", ".join(f"{count} {reason}" for reason, count in draft.rejected.most_common(3))
        super().__init__(
            f"{draft.rejected.total()} of {draft.items} records cannot be stored ({reasons})",
            reason="rejects",
            hint="has the API's schema changed? `check` shows how its records are understood",
        )
        self.draft = draft


class _Lists(NamedTuple):
    """The lists of the collection, read once."""

    draft: Draft
    list_results: list[ListResult]


class _Memory(msgspec.Struct, frozen=True):
    """What the crawls before the next one have shown.

    `duplicates` are the ids, or their marks, of records that came more than once, `rejected` the digests of
    those that cannot be stored, `lost` the ids of missing records that may be among them. `shortfalls` are
    how many records fewer than announced each list had. `short` counts the crawls in a row that had fewer,
    `outdated` those in a row that showed an older version of a record, by id.
    """

    duplicates: AbstractSet[str | int] = frozenset()
    rejected: Counter[int] = Counter()
    lost: AbstractSet[str] = frozenset()
    shortfalls: tuple[int, ...] = ()
    short: int = 0
    absences: absences.Absences = absences.Absences()
    outdated: Mapping[str, int] = {}


class Crawler:
    """Crawls one collection through `client`; `on_page` is called for each page."""

    def __init__(
        self,
        target: settings.Target,
        config: settings.Settings,
        client: Client,
        precedence: Precedence,
        on_page: OnPage,
    ) -> None:
        self._target = target
        self._reject_share = config.retention.reject_share
        self._reader = ListReader(target, config, client, precedence, on_page)
        self._memory = _Memory()
        self._unfinished: list[Draft] = []  # what the present crawl has read, until its result is stored

    @property
    def digest_key(self) -> bytes:
        """The key of the digests by which raw records are recognised."""
        return self._reader.digest_key

    @digest_key.setter
    def digest_key(self, key: bytes) -> None:
        self._reader.digest_key = key

    @property
    def fingerprint(self) -> str:
        """Which records are read, and how: see `list_reader.fingerprint`."""
        return self._reader.fingerprint

    async def full(self, start: snapshot.Snapshot) -> CrawlResult:
        """Reads everything; once more, at once, where records are missing or the list moved meanwhile.

        One list that was read to its end is no proof that a record is gone: see `inventory.absences`. Raises
        `SourceError` where a list cannot be read.
        """
        self._unfinished = []
        draft = self._begin(start)
        first = self._checked(draft, await self._reader.read(draft, {}), {})
        if not await self._needs_another(first):
            return await asyncio.to_thread(self._result, [first])
        # what is missing may have slipped through where two pages met: they must meet elsewhere; else the
        # same pages show whether what came twice always does
        size = self._reader.another_size(first.draft.border()) if first.draft.lacks() else 0
        if first.draft.lacks():
            self._reader.doubt_unit()
        draft = self._begin(start)
        second = self._checked(draft, await self._reader.read(draft, {}, size), {})
        return await asyncio.to_thread(self._result, [first, second])

    async def delta(self, start: snapshot.Snapshot) -> CrawlResult:
        """Reads what changed in the last 24 hours; the problem says why those may not be all changes."""
        self._unfinished = []
        draft = self._begin(start)
        list_results = await self._reader.read(draft, self._target.delta)
        self._checked(draft, list_results, self._target.delta)
        many = draft.rejected.total() > self._reject_share * draft.items
        reasons = [list_result.reason for list_result in list_results if not list_result.complete]
        if many and draft.rejected_digests - self._memory.rejected:
            reasons.append("many of the changed records cannot be stored")
        found = self._memory.absences.without((), draft.found)
        return CrawlResult(draft, list_results, "; ".join(reasons), found, is_finished=not reasons)

    async def stored(self, result: CrawlResult, removed: Sequence[str]) -> None:
        """The result of a full crawl is what is served now, without the `removed` ids."""
        draft, list_results = result.draft, result.list_results
        self._reader.remember(draft)
        self._memory = _Memory(
            duplicates=draft.duplicate_ids,
            rejected=draft.rejected_digests,
            lost=result.lost - set(removed),
            shortfalls=shortfalls(list_results),
            short=0 if result.is_finished else self._memory.short + 1,
            absences=await asyncio.to_thread(result.absences.without, removed),
            outdated=draft.outdated,
        )
        self._unfinished = []

    def stored_changes(self, result: CrawlResult) -> None:
        """The result of a delta is served now."""
        outdated = {**self._memory.outdated, **result.draft.outdated}
        self._memory = msgspec.structs.replace(self._memory, absences=result.absences, outdated=outdated)
        self._unfinished = []

    def abandoned(self, pending: AbstractSet[str]) -> set[str]:
        """Those of the ids `pending` that a crawl listed which failed; nothing after one that was stored.

        What was listed is not missing, whatever else became of the crawl.
        """
        known = self._memory.absences
        absent = self._listed(known.noted)
        self._memory = msgspec.structs.replace(self._memory, absences=known.without((), absent))
        listed = self._listed(pending)
        self._unfinished = []
        return listed

    def _listed(self, idents: Iterable[str]) -> set[str]:
        return {ident for ident in idents if any(ident in draft.found for draft in self._unfinished)}

    def _begin(self, start: snapshot.Snapshot) -> Draft:
        draft = self._reader.draft(start, self._memory.outdated)
        self._unfinished.append(draft)
        return draft

    def _checked(self, draft: Draft, list_results: list[ListResult], further: Mapping[str, str]) -> _Lists:
        """The lists; raises `TooManyRejects` if too many of their records cannot be stored."""
        # a few bad records may be all that changed today, and no sign of another schema
        of = max(draft.items, len(draft.start.records)) if further else draft.items
        if draft.rejected.total() > self._reject_share * of:
            raise TooManyRejects(draft)
        return _Lists(draft, list_results)

    async def _needs_another(self, first: _Lists) -> bool:
        """Whether a second crawl is worth its requests."""
        draft, list_results = first
        memory = self._memory
        if should_read_again(list_results, draft.duplicate_ids, memory.duplicates, memory.shortfalls):
            return True
        if ends_with_404(list_results) and await asyncio.to_thread(draft.lacks):
            return True  # maybe only because pages were not found that are there
        if any(memory.shortfalls) and memory.short < _OFTEN and draft.lacks():
            return True  # fewer than announced may be what always is, or a list that moves
        return await asyncio.to_thread(self._awaits, first)

    def _awaits(self, first: _Lists) -> bool:
        """Whether the crawl is finished, and another one would show more of what it lacks."""
        (crawl,) = self._judged([first])
        return crawl.is_finished and self._absences_after([first]).awaits()

    def _judged(self, crawls: Sequence[_Lists]) -> list[absences.Crawl]:
        """What each of these crawls showed, of which each follows at once on the other."""
        memory = self._memory
        known, judged = memory.duplicates, list[absences.Crawl]()
        first, last = crawls[0].draft, crawls[-1].draft
        together = last.together(first)
        moved = last.moved(first) if memory.short < _OFTEN else [0] * len(together)
        for draft, list_results in crawls:
            counted = [
                # what stands in the place of a record makes a list short that does not move
                count if result.non_records else count + more
                for count, more, result in zip(together, moved, list_results, strict=True)
            ]
            rejects = draft.doubt(draft.lost(memory.rejected))
            doubt = why_incomplete(list_results, draft.duplicate_ids, known) or rejects
            is_finished = (are_finished(list_results, counted) or not doubt) and not rejects
            judged.append(absences.Crawl(draft.answers(), is_finished, is_verified=not doubt))
            known = draft.duplicate_ids
        return judged

    def _absences_after(self, crawls: Sequence[_Lists]) -> absences.Absences:
        """What is known of missing records after these crawls, of which each follows at once on the other."""
        found = self._memory.absences
        stored: AbstractSet[str] = crawls[0].draft.start.records.keys()
        for (draft, _), crawl in zip(crawls, self._judged(crawls), strict=True):
            found = found.after(crawl, stored, len(draft.outdated)).without((), draft.found_besides)
            stored = stored | draft.found.keys()
        return found

    def _result(self, crawls: Sequence[_Lists]) -> CrawlResult:
        """What one or two crawls of everything showed together."""
        memory, first = self._memory, crawls[0].draft
        draft, list_results = crawls[-1]
        known = first.duplicate_ids if len(crawls) > 1 else memory.duplicates
        found = self._absences_after(crawls)
        # a record that lost its id is no new reject in the next crawl, and as unknown as in this one
        lost = draft.lost(memory.rejected, memory.lost) - found.removable()
        doubt = why_incomplete(list_results, draft.duplicate_ids, known) or draft.doubt(lost)
        is_finished = are_finished(list_results, draft.together(first))
        steady = doubt and _steadily_short(memory.shortfalls, shortfalls(list_results), self._target.queries)
        if len(crawls) > 1:
            draft.follow(first)
        problem = "; ".join(filter(None, (doubt, steady, _clashing(draft), _out_of_step(found, draft))))
        return CrawlResult(draft, list_results, problem, found, is_finished, lost)


def _steadily_short(before: Sequence[int], now: Sequence[int], queries: Sequence[Mapping[str, str]]) -> str:
    """What to do where filtered lists are short of their totals by the same number in each crawl; else ""."""
    pairs = zip(before, now, queries, strict=False)
    if not any(short and short == usual and query for usual, short, query in pairs):
        return ""
    return (
        'it is as many in each crawl: if the total counts the whole table, set paging.total_header to "", or'
        " query to {} and choose by include_types"
    )


def _clashing(draft: Draft) -> str:
    """Ids that several records share, as a sentence; "" for none."""
    if not draft.clashes:
        return ""
    ident = min(draft.clashes)
    return (
        f"{len(draft.clashes)} ids, such as {ident[:100]!r}, belong to several records of different types, of"
        " which only one is stored: set include_types to the types you need"
    )


def _out_of_step(found: absences.Absences, draft: Draft) -> str:
    """Signs of several servers behind one address that do not agree, as a sentence; "" for none."""
    signs = []
    if found.returned:
        signs.append(f"{len(found.returned)} records that a crawl had shown to be gone came back")
    if draft.outdated:
        signs.append(f"{len(draft.outdated)} records came in a version older than the stored one")
    if withheld := found.withheld():
        signs.append(f"{len(withheld)} records are missing and kept")
    if not signs:
        return ""
    return f"{' and '.join(signs)}: answers are out of step, as of several servers that are copied late"


def shortfalls(list_results: Sequence[ListResult]) -> tuple[int, ...]:
    """How many records fewer than announced each list has, 0 where that is not the only reason."""
    return tuple(
        (result.expected or 0) - result.received if result.is_short_only else 0 for result in list_results
    )


def should_read_again(
    list_results: Sequence[ListResult],
    duplicates: AbstractSet[str | int],
    known_duplicates: AbstractSet[str | int],
    known_shortfalls: Sequence[int] = (),
) -> bool:
    """Whether a second reading is worth its requests: something is wrong that a list at rest would not show.

    `duplicates` are the records that came more than once, by id or its mark; what is known is of the crawl
    before: an API that counts records which it does not list always does.
    """
    if any(
        result.unread_pages or result.unread_records or (result.non_records and result.expected is None)
        for result in list_results
    ):
        return False  # what cannot be read now cannot be read again right away
    known = (*known_shortfalls, *[0] * len(list_results))
    is_incomplete = any(
        not result.complete and not (short and short == usual)
        for result, short, usual in zip(list_results, shortfalls(list_results), known, strict=False)
    )
    return is_incomplete or _has_moved(list_results, duplicates, known_duplicates)


def are_finished(list_results: Sequence[ListResult], together: Sequence[int]) -> bool:
    """Whether every list was read to its end, and has as many records as it announced.

    `together` counts the different records of each list in this reading and the one right before it: in a
    list that moves, one reading alone has fewer than are announced. Where it moves, those that only one of
    the two has may be counted once more: for a record that came behind the reader's back another one went.
    """
    return all(
        result.complete or (result.is_short_only and count >= (result.expected or 0) - result.spread)
        for result, count in zip(list_results, together, strict=True)
    )


def ends_with_404(list_results: Sequence[ListResult]) -> bool:
    """Whether the end of a list is known by 404s alone: a proxy without a server answers so, too."""
    return any(result.absent_pages and result.expected is None for result in list_results)


def why_incomplete(
    list_results: Sequence[ListResult],
    duplicates: AbstractSet[str | int],
    known_duplicates: AbstractSet[str | int],
) -> str:
    """Every reason against completeness in one sentence, "" for none.

    A record comes twice if the API duplicates records, then the same ones do every time, or if the list moved
    while it was read, then others may have been missed. A total may count those of the first kind twice.
    """
    is_habit = bool(duplicates) and duplicates == known_duplicates
    reasons = [
        result.reason
        for result in list_results
        if not result.complete and not (is_habit and result.is_short_only and result.items == result.expected)
    ]
    if _has_moved(list_results, duplicates, known_duplicates):
        reasons.append(
            f"{len(duplicates - known_duplicates)} records came twice: the list moved while it was read"
        )
    return "; ".join(reasons)


def _has_moved(
    list_results: Sequence[ListResult],
    duplicates: AbstractSet[str | int],
    known_duplicates: AbstractSet[str | int],
) -> bool:
    """Whether records came twice that did not before, and no total shows that none was missed for it."""
    return bool(duplicates - known_duplicates) and any(result.expected is None for result in list_results)
