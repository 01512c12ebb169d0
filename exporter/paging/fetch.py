"""One list, read: a walk's queries sent, and what came told to the walk.

Which pages to ask for is decided in `pagination`, how one is got in `client`, what it means by the caller's
`take`. It owns what is in flight, the deadline, and what the failure of one page means for the others.
Invariants: never more than `width` requests are in flight, pages that still are being decoded included; they
are kept one after the other; and nothing is in flight any more when `fetch` returns or raises.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec
import structlog

from exporter import errors
from exporter.client import response_headers
from exporter.client.client import Client, Page
from exporter.inventory.dialects import Paging
from exporter.paging import next_link as way
from exporter.paging.failed_page import DIVISIBLE, TOO_MUCH
from exporter.paging.misplaced import Misplaced, Places
from exporter.paging.pagination import Ending, Query, Seen, Walk

log = structlog.get_logger()

Keep = Callable[[], Seen]
"""Keeps the records of a page and says what it showed; called for one page after the other."""

Take = Callable[[Page, Query], Awaitable[Keep]]
"""Decodes a page, several at a time; raises `Malformed` where the page is none."""

_PATIENCE = 10
"""Pages in a row that fail, retries included, before the API and not its pages is held to be broken."""

_MENDING = 0.5
"""Of the deadline: after that no more parts of failed pages are asked for, so that the rest is not lost."""

_BEYOND = (404, 416)
"""What some servers answer instead of an empty page behind the end."""


class Deadline(msgspec.Struct, frozen=True):
    """The `seconds` that a crawl may take, and how many of them are `spent`: on the lists before this one."""

    seconds: float
    spent: float = 0.0

    @property
    def left(self) -> float:
        """Seconds from now."""
        return self.seconds - self.spent

    def missed(self, url: str, pages: int) -> errors.PartialCrawl:
        """The error where it is over before the list at `url` is read to its end."""
        share = f", {self.spent:.1f} s of it on the queries before this one" if self.spent else ""
        return errors.PartialCrawl(
            f"GET {url}: not read to the end within {self.seconds:.0f} s{share}; {pages} pages came",
            reason="deadline",
            hint="raise limits.crawl_deadline, or page_size or limits.concurrency",
        )


async def crawl(
    client: Client, url: str, walk: Walk, take: Take, *, width: int, deadline: Deadline | None
) -> Ending:
    """Reads the list at `url` to its end; `deadline` is None for none.

    A page that fails is told to the walk as unread, parts of a page too. Raises that page's `SourceError` if
    it is the first (save where the walk knows a way around that), or if it says that we may not ask;
    `PartialCrawl` when the deadline is over (reason deadline) or ten pages in a row have failed (reason
    partial). Half of the time is for pages: what remains of failed ones then is left unread.
    """
    flight = _Flight(client, url, walk, take)
    left = None if deadline is None else deadline.left
    if left is not None:
        flight.mended_by = asyncio.get_running_loop().time() + _MENDING * left
    try:
        async with asyncio.timeout(left) as limit:
            return await flight.run(width)
    except TimeoutError as error:
        if deadline is None or not limit.expired():
            raise
        raise deadline.missed(url, flight.pages) from error
    finally:
        await flight.land()


def total(page: Page, paging: Paging) -> int | None:
    """The number of records that the page's headers announce, None for none or garbage."""
    return response_headers.total_count(page.headers, paging.total_header)


def garbled(page: Page, paging: Paging) -> str:
    """A total that is announced and cannot be one, as it is written; "" for none."""
    return response_headers.unusable_total(page.headers, paging.total_header)


def onward(page: Page, paging: Paging) -> way.Onward:
    """Where the page says that its list goes on; nowhere for styles that count positions instead."""
    return way.onward(page.headers, page.body, page.url, paging)


class _Flight:
    """The requests in flight of one crawl, in the order they were sent."""

    def __init__(self, client: Client, url: str, walk: Walk, take: Take) -> None:
        self._client, self._url, self._walk, self._take = client, url, walk, take
        self._flying: dict[asyncio.Task[Keep], Query] = {}
        self._waiting: list[Query] = []
        self._failed = 0  # in a row
        self._places = Places()
        self._misplaced: dict[int, str] = {}  # pages taken that claim to be the beginning, by ordinal
        self._beginning: errors.SourceError | None = None  # why the list's beginning could not be read
        self.pages = 0
        self.mended_by = math.inf  # on the loop's clock

    async def run(self, width: int) -> Ending:
        """Sends, takes and tells until the walk ends."""
        self._waiting.extend(next(self._walk))
        while True:
            self._send(width)
            done, _ = await asyncio.wait(self._flying, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in self._flying if task in done]:
                seen = self._seen(task, self._flying.pop(task))
                try:
                    self._waiting.extend(self._walk.send(seen))
                except StopIteration as stop:
                    ending: Ending = stop.value
                    if self._beginning is not None and not ending.received:
                        raise self._beginning from None
                    return ending
                self._send(width)

    def _send(self, width: int) -> None:
        while self._waiting and len(self._flying) < width:
            query = self._waiting.pop(0)
            task = asyncio.create_task(self._get(query))
            self._flying[task] = query

    async def _get(self, query: Query) -> Keep:
        if query.role == "part" and asyncio.get_running_loop().time() > self.mended_by:
            raise errors.PartialCrawl(f"GET {self._url}: no time is left for parts", reason="deadline")
        page = await self._page(query)
        if query.role == "probe":
            return partial(Seen, query, items=0, new=0, total=None, status=page.status)
        return await self._take(page, query)

    async def _page(self, query: Query) -> Page:
        """The answer to the query, asked for once more if it is a page of another place.

        The beginning of the list instead of another page is taken from an API that may ignore positions; the
        walk judges that, by what is new in it. Raises `Malformed` (reason misplaced) for any other.
        """
        page = await self._answer(query)
        wrong = self._places.wrong(query, page.headers)
        if wrong is not None and not self._is_ignored(wrong):
            page = await self._answer(query)
            wrong = self._places.wrong(query, page.headers)
        if wrong is None:
            return page
        if not wrong.is_beginning or self._places.is_obeyed:
            raise errors.Malformed(
                f"GET {page.url}: this is another page than was asked for: {wrong.words}",
                reason="misplaced",
                hint="something in between mixes up answers, or positions count something else: see paging",
            )
        self._misplaced[query.ordinal] = wrong.words
        return page

    def _is_ignored(self, wrong: Misplaced) -> bool:
        """Whether the API seems to ignore positions, so that to ask once more is in vain."""
        return wrong.is_beginning and bool(self._misplaced) and not self._places.is_obeyed

    async def _answer(self, query: Query) -> Page:
        retries = None if query.role == "page" else 1  # the page they are of has had them all
        url, headers = query.url or self._url, dict(query.headers)
        return await self._client.get(url, query.params, headers, retries, query.paging.total_header)

    def _seen(self, task: asyncio.Task[Keep], query: Query) -> Seen:
        try:
            seen = task.result()()
        except errors.SourceError as error:
            return self._failure(error, query)
        if query.role == "probe":
            return seen
        self.pages += 1
        self._failed = 0
        if query.first:
            self._beginning = None
        misplaced = self._misplaced.get(query.ordinal, "")
        return msgspec.structs.replace(seen, misplaced=misplaced) if misplaced else seen

    def _failure(self, error: errors.SourceError, query: Query) -> Seen:
        """What a failed page means: the end of the crawl, the end of the list, or a page unread."""
        status = error.status if isinstance(error, errors.Refused) else 0
        if status in _BEYOND and (not query.first or (status == 416 and query.headers)):
            # no range of an empty list can be satisfied, not even the first
            self._failed = 0
            return Seen(query, items=0, new=0, total=None, status=status)
        cause = _cause(error)
        seen = Seen(
            query, items=0, new=0, total=None, status=status, unread=True, why=str(error), cause=cause
        )
        if query.first and (status in TOO_MUCH or cause in DIVISIBLE):
            self._beginning = error
            return seen
        if query.first or error.reason in ("auth", "forbidden"):
            raise error
        if query.role == "page":
            self._lose_patience(error)
        log.debug("page failed", url=self._url, role=query.role, query=query.ordinal, error=str(error))
        return seen

    def _lose_patience(self, error: errors.SourceError) -> None:
        self._failed += 1
        if self._failed >= _PATIENCE:
            raise errors.PartialCrawl(
                f"{self._failed} pages in a row failed: {error}", hint=error.hint
            ) from error

    async def land(self) -> None:
        """Cancels what is still in flight and waits until it is gone."""
        for task in self._flying:
            task.cancel()
        await asyncio.gather(*self._flying, return_exceptions=True)
        self._flying.clear()
        self._walk.close()


def _cause(error: errors.SourceError) -> str:
    """The status where there is one, else the reason."""
    return str(error.status) if isinstance(error, errors.Broken) else error.reason
