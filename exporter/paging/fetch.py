"""Reads one list: sends the queries of `pagination`, and sends the results back to it.

Here are the requests in flight, the deadline, and what the failure of one page means for the others. How a
page is requested is decided in `client`, what it contains by the caller's `decode`. Invariants: a query is
sent as soon as `pagination` yields it, so that alone bounds what is in flight; pages are stored one after the
other; and nothing is in flight any more when `read_list` returns or raises.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Literal

import msgspec
import structlog

from exporter import errors, settings
from exporter.client import Client, Page, response
from exporter.inventory import envelope, members, text
from exporter.inventory.dialects import Paging
from exporter.inventory.filters import FilterTerm
from exporter.paging import links, pagination, results
from exporter.paging.bisect import DIVISIBLE, TOO_MUCH
from exporter.paging.pagination import Pagination
from exporter.paging.results import ListResult, PageResult
from exporter.paging.strategies import Query

log = structlog.get_logger()

Store = Callable[[], PageResult]
"""Stores the records of a page, and returns its result; called for one page after the other."""

Decode = Callable[[Page, Query], Awaitable[Store]]
"""Decodes a page, several at a time; raises `Malformed` where it is none."""

_TOTAL = re.compile(r"[0-9]{1,15}", re.ASCII)

_RANGE_NOT_SATISFIABLE = 416
_BEHIND_END = (404, _RANGE_NOT_SATISFIABLE)
"""What some servers answer instead of an empty page behind the end."""


class Deadline(msgspec.Struct, frozen=True):
    """The `seconds` that a crawl may take, and how many of them were `spent` on the lists before this one.

    After the share `for_pages` of those that are left, no more parts of failed pages are requested.
    """

    seconds: float
    spent: float = 0.0
    for_pages: float = 0.5

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


NO_SUCH_WORD, NO_SUCH_NUMBER = "no-such-value-7c1e", "987654321"
_NO_CAPS = results.Caps(pages=1, records=10**9)

FilterStatus = Literal["applied", "ignored", "unknown"]


async def read_list(
    client: Client, url: str, queries: Pagination, decode: Decode, deadline: Deadline | None
) -> ListResult:
    """Reads the list at `url` to its end; `deadline` is None for none.

    A page that fails, or a part of one, is an unread page for `queries`. Raises the `SourceError` of a
    first page (unless `queries` can do without it), and of any page that the exporter may not read;
    `PartialCrawl` when the deadline is over (reason deadline) or ten pages in a row failed (reason partial).
    """
    requests = _Requests(client, url, decode)
    left = None if deadline is None else deadline.left
    if deadline is not None:
        requests.parts_until = asyncio.get_running_loop().time() + deadline.for_pages * deadline.left
    try:
        async with asyncio.timeout(left) as limit:
            requests.send(next(queries))
            while True:
                done, _ = await asyncio.wait(requests.in_flight, return_when=asyncio.FIRST_COMPLETED)
                for task in [task for task in requests.in_flight if task in done]:
                    requests.send(queries.send(requests.result(task)))
    except StopIteration as stop:
        list_result: ListResult = stop.value
        if requests.first_error is not None and not list_result.received:
            raise requests.first_error from None
        if list_result.given_up:
            hint = requests.last_error.hint if requests.last_error else ""
            raise errors.PartialCrawl(list_result.given_up, hint=hint) from requests.last_error
        return list_result
    except TimeoutError as error:
        if deadline is None or not limit.expired():
            raise
        raise deadline.missed(url, requests.pages) from error
    finally:
        await requests.cancel()
        queries.close()


def total(page: Page, paging: Paging) -> int | None:
    """The number of records that the page announces; None for none or an invalid one."""
    if paging.total_member:
        written = members.total_at(page.body, paging.total_member) or ""
        return int(written) if _TOTAL.fullmatch(written) else None
    return response.total_count(page.headers, paging.total_header)


def _unusable_total(page: Page, paging: Paging) -> str:
    """The announced total where that is no number of records, such as -1; "" where it is one."""
    if not paging.total_member:
        return response.unusable_total(page.headers, paging.total_header)
    written = members.total_at(page.body, paging.total_member)
    return "" if not written or _TOTAL.fullmatch(written) else text.clean(written, 20)


def _unread_total(page: Page, paging: Paging) -> str:
    """A member of an empty page that looks like a total and is not 0, though nothing says to read it."""
    place, value = next(iter(members.records_announced(page.body).items()), ("", ""))
    return "" if paging.total_member or not place else text.clean(f"{value} ({place})", 60)


def page_result(page: Page, query: Query, items: int, new: int = 0, non_records: int = 0) -> PageResult:
    """The result of a page with so many `items`, of which `new` did not come before."""
    return PageResult(
        query,
        items,
        new,
        total(page, query.paging),
        page.status,
        next_page=links.next_page(page.headers, page.body, page.url, query.paging),
        bad_total=_unusable_total(page, query.paging) or ("" if items else _unread_total(page, query.paging)),
        non_records=non_records,
        etag=page.headers.get("ETag", ""),
        unfollowed=links.setting_to_follow(page.headers, page.body, query.paging) if query.first else "",
        missing=tuple(missing_members(page.body, query.paging)) if query.first and items else (),
    )


def missing_members(body: bytes, paging: Paging) -> Iterator[str]:
    """The members that the settings name and a first page does not have, as sentences."""
    if paging.total_member and not members.is_there(body, paging.total_member):
        yield f"the response has no member {paging.total_member} (paging.total_member)"
    if paging.next_member and not members.is_there(body, paging.next_member):
        yield (
            f"the first page has no member {paging.next_member} (paging.next_member): right only if all"
            " records are on it"
        )


class _Requests:
    """The requests of one list in flight, in the order in which they were sent."""

    def __init__(self, client: Client, url: str, decode: Decode) -> None:
        self._client, self._url, self._decode = client, url, decode
        self.in_flight: dict[asyncio.Task[Store], Query] = {}
        self.last_error: errors.SourceError | None = None
        self._positions = links.PagePositions()
        self._misplaced: dict[int, str] = {}  # pages that claim to be the first one, by ordinal
        self.first_error: errors.SourceError | None = None  # why the first page could not be read
        self.pages = 0
        self.parts_until = math.inf  # on the loop's clock

    def send(self, queries: tuple[Query, ...]) -> None:
        """Sends queries."""
        for query in queries:
            self.in_flight[asyncio.create_task(self._get(query))] = query

    async def _get(self, query: Query) -> Store:
        """The decoded answer to the query, requested once more if it is another page.

        The first page instead of another is accepted of an API that may ignore positions: `pagination` judges
        by what is new in it. Raises `Malformed` (reason misplaced) for any other.
        """
        if query.role == "part" and asyncio.get_running_loop().time() > self.parts_until:
            raise errors.PartialCrawl(f"GET {self._url}: no time is left for parts", reason="deadline")
        retries = None if query.role == "page" else 1  # the page that a part belongs to has had them all
        url, headers = query.url or self._url, dict(query.headers)
        for attempt in (1, 2):
            try:
                page = await self._client.get(url, query.params, headers, retries, query.paging)
            except errors.Refused as error:
                if query.first and "Range" in headers and await self._is_list_empty(error, query):
                    return partial(PageResult, query, items=0, new=0, total=None, status=error.status)
                raise
            wrong = self._positions.misplaced(query, page.headers)
            if wrong is None or (attempt == 1 and self._is_ignoring(wrong)):
                break
        if wrong is not None:
            if not wrong.is_first_page or self._positions.are_obeyed:
                raise errors.Malformed(
                    f"GET {page.url}: this is another page than was asked for: {wrong.reason}",
                    reason="misplaced",
                    hint="something in between mixes up answers, or positions count something else: see"
                    " paging",
                )
            self._misplaced[query.ordinal] = wrong.reason
        if query.role in ("probe", "window"):
            return partial(PageResult, query, items=0, new=0, total=None, status=page.status)
        return await self._decode(page, query)

    async def _is_list_empty(self, error: errors.Refused, query: Query) -> bool:
        """Whether the first range was refused since the list is empty: no range of it can be satisfied.

        Where the API does not say how long the list is, the list is requested once without a range.
        """
        if error.status != _RANGE_NOT_SATISFIABLE or error.total is not None:
            return error.total == 0
        try:
            page = await self._client.get(query.url or self._url, query.params, {}, 0, query.paging)
            return not envelope.opened(page.body, query.paging.records).records
        except errors.SourceError:
            return False

    def _is_ignoring(self, wrong: links.Misplaced) -> bool:
        """Whether the API seems to ignore positions, so that a second request is pointless."""
        return wrong.is_first_page and bool(self._misplaced) and not self._positions.are_obeyed

    def result(self, task: asyncio.Task[Store]) -> PageResult:
        """The result of a task that is done: its page is stored."""
        query = self.in_flight.pop(task)
        try:
            result = task.result()()
        except errors.SourceError as error:
            return self._failure(error, query)
        if query.role in ("probe", "window"):
            return result
        self.pages += 1
        if query.first:
            self.first_error = None
        misplaced = self._misplaced.get(query.ordinal, "")
        return msgspec.structs.replace(result, misplaced=misplaced) if misplaced else result

    def _failure(self, error: errors.SourceError, query: Query) -> PageResult:
        """What a failed page means: the end of the crawl, the end of the list, or a page unread."""
        status = error.status if isinstance(error, errors.Refused) else 0
        if status in _BEHIND_END and not query.first:
            return PageResult(query, items=0, new=0, total=None, status=status, error=str(error))
        cause = str(error.status) if isinstance(error, errors.Broken) else error.reason
        result = PageResult(
            query, items=0, new=0, total=None, status=status, unread=True, error=str(error), cause=cause
        )
        if query.first and (status in TOO_MUCH or cause in DIVISIBLE):
            self.first_error = error
            return result
        # a 403 behind a page that came may be the end of paging: `pagination` requests the first page again
        is_forbidden = error.reason == "forbidden" and query.role not in ("page", "unit", "names")
        if query.first or error.reason == "auth" or is_forbidden:
            raise error
        self.last_error = error
        log.debug("page failed", url=self._url, role=query.role, query=query.ordinal, error=str(error))
        return result

    async def cancel(self) -> None:
        """Cancels what is still in flight and waits until it is gone."""
        for task in self.in_flight:
            task.cancel()
        await asyncio.gather(*self.in_flight, return_exceptions=True)
        self.in_flight.clear()


async def check_filter(
    client: Client, target: settings.Target, query: Mapping[str, str], condition: FilterTerm
) -> FilterStatus:
    """Whether the API lists records though no record has the requested value."""
    return classify(await unmatched(client, target, query, condition), target.paging.records)


def classify(answer: Page | errors.SourceError, records: str = "") -> FilterStatus:
    """What the answer to a query that no record matches shows; a request that failed shows nothing.

    A status below 500 that is not about authentication refuses the value. `records` is the path of the list.
    """
    if isinstance(answer, errors.Refused):
        return "applied" if answer.reason in ("status", "not_found") else "unknown"
    if isinstance(answer, errors.SourceError):
        return "unknown"
    return "ignored" if envelope.opened(answer.body, records).records else "applied"


async def unmatched(
    client: Client, target: settings.Target, query: Mapping[str, str], condition: FilterTerm
) -> Page | errors.SourceError:
    """The answer to the query with a value that no record has, or the error of the request."""
    value = NO_SUCH_NUMBER if condition.written.isdigit() else NO_SUCH_WORD
    try:
        page = await first_page(client, target, {**query, condition.key: value})
        envelope.opened(page.body, target.paging.records)
    except errors.SourceError as error:
        return error
    return page


async def first_page(client: Client, target: settings.Target, query: Mapping[str, str]) -> Page:
    """The first page of a list, asked for once; raises `SourceError`."""
    first, *_ = next(pagination.paginate(target.paging, target.page_size, query, width=1, caps=_NO_CAPS))
    return await client.get(target.url, first.params, dict(first.headers), 0, first.paging)
