"""Crawls of one collection: a `CrawlResult` of records, and whether they are all of them.

A crawl of everything reads the lists once, and once more where records are missing or the list moved
meanwhile. Here alone it is decided whether a crawl is complete, and why not. How the lists are read is
`list_reader`'s; when to crawl, and what becomes of the result, is the poller's. It owns what one crawl
teaches the next, which it learns only when the poller has stored the result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import msgspec

from exporter import errors, settings
from exporter.client.client import Client
from exporter.collections.list_reader import ListReader, OnPage
from exporter.inventory import absences, snapshot
from exporter.paging import completeness, pagination
from exporter.precedence import Precedence

_OFTEN = 3  # crawls in a row, after which what they have in common is the API's habit


class CrawlResult(NamedTuple):
    """What a crawl showed.

    `draft` has the records, `endings` how each list ended, `problem` why the crawl is not verified complete
    ("" where it is), and `absences` the records that it and crawls before it lack. `is_finished` says that
    every list was read to its end and showed as much as it announced.
    """

    draft: snapshot.Draft
    endings: list[pagination.ListResult]
    problem: str
    absences: absences.Absences
    is_finished: bool


class TooManyRejects(errors.PartialCrawl):
    """Too many records of a crawl cannot be stored; `draft` has what is known of them."""

    def __init__(self, draft: snapshot.Draft) -> None:
        reasons = ", ".join(f"{count} {reason}" for reason, count in draft.rejected.most_common(3))
        super().__init__(
            f"{draft.rejected.total()} of {draft.items} records cannot be held ({reasons})",
            reason="rejects",
            hint="has the API's schema changed? `check` shows how its records are understood",
        )
        self.draft = draft


class _Lists(NamedTuple):
    """The lists of the collection, read once."""

    draft: snapshot.Draft
    endings: list[pagination.ListResult]


class _Memory(msgspec.Struct, frozen=True):
    """What the crawls before the next one have shown.

    `duplicates` are the ids, or their marks, of records that came more than once, `rejected` the digests of
    those that cannot be stored, `shortfalls` how many records fewer than announced each list had. `short`
    counts the crawls in a row that had fewer, `outdated` those in a row that showed an older version of a
    record, by id.
    """

    duplicates: AbstractSet[str | int] = frozenset()
    rejected: AbstractSet[int] = frozenset()
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
        first = await self._read(start, {})
        if not await self._needs_another(first):
            return await asyncio.to_thread(self._result, [first])
        # what is missing may have slipped through where two pages met: they must meet elsewhere; else the
        # same pages show whether what came twice always does
        size = self._reader.another_size(first.draft.border()) if first.draft.lacks() else 0
        if first.draft.lacks():
            self._reader.doubt_unit()
        second = await self._read(start, {}, size)
        return await asyncio.to_thread(self._result, [first, second])

    async def delta(self, start: snapshot.Snapshot) -> CrawlResult:
        """Reads what changed in the last 24 hours; the problem says why those may not be all changes."""
        draft, endings = await self._read(start, self._target.delta)
        many = draft.rejected.total() > self._reject_share * draft.items
        reasons = [ending.reason for ending in endings if not ending.complete]
        if many and draft.unheld - self._memory.rejected:
            reasons.append("many of the changed records cannot be stored")
        found = self._memory.absences.without((), draft.found)
        return CrawlResult(draft, endings, "; ".join(reasons), found, is_finished=not reasons)

    async def stored(self, result: CrawlResult, removed: Sequence[str]) -> None:
        """The result of a full crawl is what is served now, without the `removed` ids."""
        draft, endings = result.draft, result.endings
        self._reader.remember(draft)
        self._memory = _Memory(
            duplicates=draft.doubled,
            rejected=draft.unheld,
            shortfalls=completeness.shortfalls(endings),
            short=0 if result.is_finished else self._memory.short + 1,
            absences=await asyncio.to_thread(result.absences.without, removed),
            outdated=draft.outdated,
        )

    def stored_changes(self, result: CrawlResult) -> None:
        """The result of a delta is served now."""
        outdated = {**self._memory.outdated, **result.draft.outdated}
        self._memory = msgspec.structs.replace(self._memory, absences=result.absences, outdated=outdated)

    async def _read(self, start: snapshot.Snapshot, further: Mapping[str, str], page_size: int = 0) -> _Lists:
        """Reads the lists once; raises `TooManyRejects` where too many of their records cannot be stored."""
        draft = self._reader.draft(start, self._memory.outdated)
        endings = await self._reader.read(draft, further, page_size)
        # a few bad records may be all that changed today, and no sign of another schema
        of = max(draft.items, len(start.records)) if further else draft.items
        if draft.rejected.total() > self._reject_share * of:
            raise TooManyRejects(draft)
        return _Lists(draft, endings)

    async def _needs_another(self, first: _Lists) -> bool:
        """Whether a second crawl is worth its requests."""
        draft, endings = first
        memory = self._memory
        if completeness.is_restless(endings, draft.doubled, memory.duplicates, memory.shortfalls):
            return True
        if completeness.ends_by_refusal(endings) and await asyncio.to_thread(draft.lacks):
            return True  # maybe only because pages were not found that are there
        if any(memory.shortfalls) and memory.short < _OFTEN and draft.lacks():
            return True  # fewer than announced may be what always is, or a list that moves
        found = await asyncio.to_thread(self._absences_after, [first])
        return found.awaits() and completeness.is_finished(endings, draft.together(draft))

    def _absences_after(self, crawls: Sequence[_Lists]) -> absences.Absences:
        """What is known of missing records after these crawls, of which each follows at once on the other."""
        memory = self._memory
        known, found = memory.duplicates, memory.absences
        first, last = crawls[0].draft, crawls[-1].draft
        stored: AbstractSet[str] = first.start.records.keys()
        together = last.together(first)
        moved = last.moved(first) if memory.short < _OFTEN else [0] * len(together)
        counted = [count + more for count, more in zip(together, moved, strict=True)]
        for draft, endings in crawls:
            rejects = draft.doubt(memory.rejected)
            doubt = completeness.problem(endings, draft.doubled, known) or rejects
            is_finished = (completeness.is_finished(endings, counted) or not doubt) and not rejects
            crawl = absences.Crawl(draft.answers(), is_finished, is_verified=not doubt)
            found = found.after(crawl, stored, len(draft.outdated))
            known, stored = draft.doubled, stored | draft.found.keys()
        return found

    def _result(self, crawls: Sequence[_Lists]) -> CrawlResult:
        """What one or two crawls of everything showed together."""
        memory, first = self._memory, crawls[0].draft
        draft, endings = crawls[-1]
        known = first.doubled if len(crawls) > 1 else memory.duplicates
        doubt = completeness.problem(endings, draft.doubled, known) or draft.doubt(memory.rejected)
        found = self._absences_after(crawls)
        is_finished = completeness.is_finished(endings, draft.together(first))
        steady = doubt and _steadily_short(
            memory.shortfalls, completeness.shortfalls(endings), self._target.queries
        )
        if len(crawls) > 1:
            draft.follow(first)
        problem = "; ".join(filter(None, (doubt, steady, _clashing(draft), _out_of_step(found, draft))))
        return CrawlResult(draft, endings, problem, found, is_finished)


def _steadily_short(before: Sequence[int], now: Sequence[int], queries: Sequence[Mapping[str, str]]) -> str:
    """What to do where filtered lists are short of their totals by the same number in each crawl; else ""."""
    pairs = zip(before, now, queries, strict=False)
    if not any(short and short == usual and query for usual, short, query in pairs):
        return ""
    return (
        'it is as many in each crawl: if the total counts the whole table, set paging.total_header to "", or'
        " query to {} and choose by include_types"
    )


def _clashing(draft: snapshot.Draft) -> str:
    """Ids that tell no two records apart, as a sentence; "" for none."""
    if not draft.clashes:
        return ""
    ident = min(draft.clashes)
    return (
        f"{len(draft.clashes)} ids, such as {ident[:100]!r}, belong to several records of different types, of"
        " which only one is stored: set include_types to the types you need"
    )


def _out_of_step(found: absences.Absences, draft: snapshot.Draft) -> str:
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
