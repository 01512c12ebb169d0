"""Reads one list page by page: which queries may be sent now, and whether the list is complete.

`paginate` is a generator without sockets: it yields the queries that may be sent now, and is sent the result
of each, in the order of arrival. `fetch` sends them, `strategies` and `links` choose the next page, `bisect`
splits pages that fail. Here are the queries in flight, the page size that an API accepts, the limits and the
result. No signal of an inventory can be trusted alone: totals are wrong, sizes limited, positions ignored.
Invariant: a list is complete only if nothing that the server lists was missed.

    pages = paginate(Paging(), 40, {"status": "1"}, width=4, caps=Caps(pages=1000, records=50_000))
    queries = next(pages)                                     the first page alone
    queries = pages.send(PageResult(queries[0], 40, 40, total=1003))  now up to four more, later one by one
    ...                                                       until StopIteration; its value is a ListResult
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Literal

from exporter.inventory.dialects import Paging
from exporter.paging.bisect import DIVISIBLE, TOO_MUCH, Bisection, FailedPage, PagePart, Unread
from exporter.paging.links import CursorStrategy, LinkStrategy, RangeStrategy
from exporter.paging.page_numbers import PageStrategy
from exporter.paging.position_names import Names, PositionNames
from exporter.paging.results import Caps, ListResult, PageResult
from exporter.paging.strategies import (
    NO_NEXT_PAGE,
    NOT_FOUND,
    OffsetStrategy,
    PageRequest,
    Query,
    Received,
    Strategy,
)
from exporter.paging.window import FailedPosition, Window

STYLES: Mapping[str, type[Strategy]] = {
    "offset": OffsetStrategy,
    "page": PageStrategy,
    "link": LinkStrategy,
    "cursor": CursorStrategy,
    "range": RangeStrategy,
    "none": Strategy,
}
"""The strategy of each name in `dialects.PAGING_STYLES`."""


PRECONDITION_FAILED = 412


Unit = Literal["known", "unknown"]
"""Whether it is known from earlier crawls that positions count what the paging style says."""

Pagination = Generator[tuple[Query, ...], PageResult, ListResult]


def paginate(
    paging: Paging,
    page_size: int,
    params: Mapping[str, str],
    *,
    width: int,
    caps: Caps,
    unit: Unit = "known",
    names: Names = "known",
) -> Pagination:
    """Yields the queries for one list, at most `width` in flight, and returns its result.

    `params` are sent with every query, unless paging itself sets one of that name. When the generator ends,
    queries that are still in flight are pointless.
    """
    reading = _Reading(paging, page_size, params, caps, unit, PositionNames(names))
    queries = reading.next_queries(width)
    while queries or reading.in_flight:
        result = yield queries
        reading.update(result)
        queries = reading.next_queries(width)
    return reading.result()


class _Reading:
    """What is known of a list so far."""

    def __init__(
        self,
        paging: Paging,
        size: int,
        params: Mapping[str, str],
        caps: Caps,
        unit: Unit,
        names: PositionNames,
    ) -> None:
        self._paging, self._params, self._caps = paging, params, caps
        self._is_unit_open = unit == "unknown"  # whether to find out what positions count
        self._begin(size)
        self.in_flight: dict[int, PageRequest | PagePart] = {}
        self._is_known = False  # whether any query was answered
        self._probes: list[PageRequest] | None = None  # those left to send, None unless the first page failed
        self._sent = 0
        self._totals: tuple[tuple[int, int], ...] = ()  # ordinal and total of the first and the last
        self._pages = self._items = self._new = self._longest = self._absent = self._non_records = 0
        self._first_items = self._new_behind_first = 0
        self._unfollowed = ""  # settings to follow the next page that the first one names
        self._missing: tuple[str, ...] = ()
        self._names = names
        self._is_repeating = False
        self._window = Window(caps.failures)
        self._capped = self._excessive_total = self._bad_total = self._misplaced = self._unit_error = ""

    def _begin(self, size: int) -> None:
        self._size = size
        self._strategy = STYLES[self._paging.style](self._paging, size)
        self._bisection = Bisection(self._strategy)

    @property
    def _expected(self) -> int | None:
        return max((total for _, total in self._totals), default=None)

    @property
    def _is_position_ignored(self) -> bool:
        return self._is_repeating and not self._new_behind_first

    @property
    def _is_over(self) -> bool:
        is_ended = self._window.is_end or self._strategy.is_cut_off
        return bool(self._capped) or is_ended or self._is_position_ignored

    def next_queries(self, width: int) -> tuple[Query, ...]:
        """The queries that may be sent now."""
        queries: list[Query] = []
        while len(self.in_flight) < width and not self._is_over:
            step = self._next_step()
            if step is None:
                break
            if self._sent >= self._caps.pages:
                self._capped = f"stopped after {self._sent} pages, which is limits.pages"
                break
            queries.append(self._sent_now(step))
        if not queries and not self.in_flight and self._is_paging_unseen:
            other = self._names.params(self._first_items)
            queries += [self._sent_now(PageRequest(0, self._size, role="names"), other)] if other else []
        return tuple(queries)

    @property
    def _is_paging_unseen(self) -> bool:
        """Whether the list ended without a total, and nothing shows that the API pages as it is asked to."""
        if self._expected is not None or not self._first_items or self._capped or self._window.is_end:
            return False
        if self._strategy.is_chain:
            is_full = self._first_items >= self._size and self._strategy.is_sized
            return self._pages == 1 and not is_full and not self._unfollowed
        return self._is_position_ignored and self._first_items != self._size

    def _sent_now(self, step: PageRequest | PagePart, other: Mapping[str, str] = {}) -> Query:
        self._sent += 1
        self.in_flight[self._sent] = step
        return self._query(step, other)

    def _next_step(self) -> PageRequest | PagePart | None:
        """Pages first, when all have arrived the parts of those that failed, and the unit at the end."""
        if self._probes is not None:
            return self._probes.pop(0) if self._probes and not self.in_flight else None
        if self._window.is_due:
            self._window.ask()
            return PageRequest(0, self._size, role="window")
        if self._window.is_open:
            return None
        request = self._strategy.next_request(self._expected, len(self.in_flight))
        if request or any(isinstance(step, PageRequest) for step in self.in_flight.values()):
            return request
        part = self._bisection.next_part()
        if part or self.in_flight or not self._is_unit_open:
            return part
        self._is_unit_open = False
        return self._strategy.unit_request(self._expected)

    def _query(self, step: PageRequest | PagePart, other: Mapping[str, str]) -> Query:
        request = step if isinstance(step, PageRequest) else step.request
        written = self._strategy.write(request)
        # a link has the parameters of the list already
        params = {} if written.link else {**other, **self._params, **written.params}
        return Query(
            tuple(params.items()),
            self._sent,
            first=not self._is_known,
            url=written.link,
            headers=tuple(written.headers.items()),
            page_size=self._size,
            role=request.role,
            paging=self._paging,
        )

    def update(self, result: PageResult) -> None:
        """Learns from the result of a query in flight."""
        step = self.in_flight.pop(result.query.ordinal)
        role = result.query.role
        if isinstance(step, PageRequest) and role == "unit":
            self._on_unit(step, result)
            return
        if role == "window":
            self._on_window(result)
            return
        if role == "names":
            self._on_names(result)
            return
        self._bad_total = self._bad_total or result.bad_total
        if result.items and not result.new:
            self._misplaced = self._misplaced or result.misplaced
        self._update_total(result)
        if role == "page" and result.query.first and result.unread and result.status in TOO_MUCH:
            self._halve_size(result.error)
            return
        self._is_known = True
        if isinstance(step, PagePart):
            self._on_part(step, result)
        elif role == "page":
            self._on_page(step, result)
        elif not result.unread:
            self._probes = None  # the API answers
        elif result.cause not in DIVISIBLE:
            self._probes = []
        if self._items > self._caps.records:
            self._capped = f"stopped after {self._items} records, more than limits.records"
            self.in_flight.clear()

    def _update_total(self, result: PageResult) -> None:
        total = result.total
        if total is not None and total > self._caps.records:
            # requesting all those pages would find nothing until the deadline
            self._excessive_total = f"announced {total}, which is more than limits.records, and not believed"
        elif total is not None:
            totals = (*self._totals, (result.query.ordinal, total))
            self._totals = (min(totals), max(totals))

    def _on_page(self, request: PageRequest, result: PageResult) -> None:
        if result.cause == "empty" and self._expected is None and not result.query.first:
            # without a body some servers say that nothing is there
            result = PageResult(result.query, 0, 0, None, NOT_FOUND)
        if result.status == PRECONDITION_FAILED and self._strategy.on_precondition_failed(request):
            return
        self._watch_window(request, result)
        if not result.unread:
            self._absent += result.status == NOT_FOUND
            self._count(result)
            self._watch_for_repetition(result)
            new = result.items if result.query.first else result.new
            received = Received(
                result.items,
                new,
                self._expected,
                result.status,
                result.next_page,
                result.etag,
                result.is_mixed,
            )
            self._strategy.on_page(request, received)
            return
        estimate = self._strategy.on_failure(request, self._expected)
        self._bisection.add(FailedPage(request, estimate, result.cause, result.error))
        if result.query.first:
            # nothing follows from a first page that fails: does the API answer at all?
            self._probes = self._bisection.probes(self._size) if result.cause in DIVISIBLE else []

    def _watch_window(self, request: PageRequest, result: PageResult) -> None:
        status = int(result.cause) if result.cause.isdigit() else result.status
        failed = FailedPosition(request.position, status, result.error)
        if not result.unread:
            self._window.on_page(request.position)
            if result.error:
                self._window.on_absent(failed)
        elif not result.query.first:
            self._window.on_failure(failed)

    def _on_window(self, result: PageResult) -> None:
        self._window.on_first_page(came=not result.unread)
        if self._window.is_end:
            self._bisection.stop()

    def _end_of_paging(self) -> str:
        """Where the API lists nothing behind some position, though it announces more; "" for nowhere."""
        end = self._window.end()
        if end is None:
            return ""
        what = f"position {end}" if self._strategy.counts_records else f"page {end + 1}"
        return (
            f"the API lists nothing from {what} on: split the query into several that list less, as query:"
            " [{…}, {…}]"
        )

    def _on_unit(self, request: PageRequest, result: PageResult) -> None:
        if not result.unread:
            received = Received(result.items, result.new, self._expected, result.status)
            self._strategy.on_page(request, received)
        elif (
            result.status not in TOO_MUCH and self._strategy.counts_records
        ):  # which is said to positions between two pages
            self._unit_error = result.error

    def _on_names(self, result: PageResult) -> None:
        if result.unread:
            self._names.on_refusal()
        else:
            self._names.on_answer(self._first_items, result.items, result.new)

    def _on_part(self, part: PagePart, result: PageResult) -> None:
        if result.unread:
            self._bisection.on_failure(part, result.cause)
            return
        self._count(result)
        # where nothing came behind the first page, the list has no more than a page
        most = self._longest if self._first_items or self._new_behind_first else self._size
        self._bisection.on_part(part, Received(result.items, result.new, self._expected), most)

    def _halve_size(self, error: str) -> None:
        """Begins again with half the size, as long as there is a size that can be halved."""
        if self._size < 2 or not self._strategy.is_sized:
            self._capped = f"the first page is refused: {error}"
            return
        self._begin(self._size // 2)

    def _count(self, result: PageResult) -> None:
        self._pages += 1
        self._items += result.items
        self._new += result.new
        self._non_records += result.non_records
        self._longest = max(self._longest, result.items)

    def _watch_for_repetition(self, result: PageResult) -> None:
        items = result.items
        if result.query.first:
            self._first_items, self._unfollowed = items, result.unfollowed
            self._missing = result.missing if items else ()
            return
        self._new_behind_first += result.new
        # a page may repeat where records are hidden or move; one as long as a full first page may not
        is_full = items == self._first_items and (items >= self._size or self._expected is None)
        # where pages lead to one another, the strategy knows when they lead in a circle
        if is_full and items and not result.new and result.next_page == NO_NEXT_PAGE:
            self._is_repeating = True

    def result(self) -> ListResult:
        """Complete, or every reason against it in one sentence."""
        expected = self._expected
        unread = self._bisection.unread(expected)
        reasons = self._reasons(unread)
        is_short = expected is not None and self._new < expected
        return ListResult(
            complete=not reasons,
            expected=expected,
            received=self._new,
            unread_pages=unread.pages,
            unread_records=unread.records + len(unread.bad_rows),
            pages=self._pages,
            reason="; ".join(reasons),
            items=self._first_items if self._is_position_ignored else self._items,
            is_short_only=is_short and len(reasons) == 1,
            bad_rows=unread.bad_rows,
            absent_pages=self._absent,
            non_records=self._non_records,
            page_size=self._size,
            given_up=self._window.given_up,
            is_cut_off=self._strategy.is_cut_off,
            warnings=self._missing,
            position_warning=self._names.warning,
            spread=(expected or 0) - min((total for _, total in self._totals), default=expected or 0),
        )

    def _reasons(self, unread: Unread) -> list[str]:
        """Why the list is not complete."""
        expected = self._expected
        reasons = [*filter(None, (self._capped, self._excessive_total)), *unread.reasons()]
        if expected is not None and self._new < expected:
            said = f": {self._window.words}" if self._window.words else ""
            reasons.append(f"announced {expected}, received {self._new} different records{said}")
        # a list that is just as long as a page looks like a page that repeats
        is_whole = self._first_items != self._size if expected is None else self._first_items >= expected
        if self._is_position_ignored and not is_whole:
            ignored = self._strategy.position_name
            reasons.append(f"every page repeats the first: the API ignores {ignored}")
        is_alone = self._is_position_ignored or self._pages == 1
        if self._unfollowed and is_alone and (expected is None or self._new < expected):
            reasons.append(
                f"the first page leads on to another, which is not followed: set {self._unfollowed}"
            )
        if self._misplaced and not self._is_position_ignored:
            reasons.append(f"the first page came in place of another: {self._misplaced}")
        if end := self._end_of_paging():
            reasons.append(end)
        if self._strategy.is_cut_off:
            reasons.append("the list changed while it was read: its cursor (If-Match) is gone")
        reasons += filter(None, (self._strategy.doubt(expected), self._names.doubt))
        if self._unit_error:
            reasons.append(f"whether positions count records or pages is unknown: {self._unit_error}")
        if self._non_records and expected is None:
            count = self._non_records
            reasons.append(
                f"{count} elements of the list are no records, and may stand in the places of some"
            )
        if self._bad_total and not self._items:
            # a server that does not know how many there are does not know that there are none, either
            reasons.append(f"the list is empty, and the announced total is {self._bad_total}")
        return reasons
