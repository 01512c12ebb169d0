"""Which page of a list to request next, and how it is written: by position, or all at once.

The strategy of page numbers is in `page_numbers`, those of links, cursors and ranges are in `links`. A
strategy is asked which request may be sent now, and receives each page in the order of arrival; the limits,
and whether the list is complete, are decided in `pagination`. Pure. Invariant: every request moves a strategy
on, so it ends or meets a limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from exporter.inventory.dialects import Paging

NOT_FOUND = 404
"""What some servers answer behind the end of a list, and a proxy for any page while it has no server."""

CAPPED_TOTAL = 100_000
"""The total at which ServiceNow stops counting."""

FAILED_AT_END = 3
"""Pages in a row that fail, or come empty, behind the announced end before nothing more is requested."""

_COUNTS_PAGES = (
    "position 1 lists other records than the first page: the API counts pages, not records (set paging.style:"
    " page, and paging.first: 0)"
)

_COUNTS_PAGES_FROM_1 = (
    "position 1 lists the whole first page again: the API counts pages, not records (set paging.style: page,"
    " and paging.first: 1)"
)

MOST_MIXED = 3
"""Pages in a row that have only records of other pages, after which nothing more is requested."""

MIXED = (
    f"{MOST_MIXED} pages in a row have only records of other pages, so that the end of the list is unknown:"
    " does the API list a record several times?"
)

NEW_IN_CHANGING = 0.1
"""The share of the records at position 1 that may be new, because the list has changed since it was read."""

Role = Literal["page", "part", "probe", "unit", "window", "names"]
"""Why a page is requested: for its records; as a part of a page that failed; to find out
whether the API answers, without using its records (probe, window); to find out what positions count, or which
other name they have."""


class NextPage(msgspec.Struct, frozen=True):
    """The next page: a `link` (an absolute URL), a `cursor`, or neither at the end of the list.

    `flaw` says why the one in the answer cannot be used, as a sentence; else "".
    """

    link: str = ""
    cursor: str = ""
    flaw: str = ""


NO_NEXT_PAGE = NextPage()


class PageRequest(msgspec.Struct, frozen=True):
    """One part of the list.

    `position` counts from 0: records for the styles offset and range, else pages. `limit` is the number of
    records to ask for; `span` how many records only this request covers, 0 where the next request begins
    where this page ends. `gap` marks the rest of a short page.
    """

    position: int
    limit: int
    span: int = 0
    gap: bool = False
    role: Role = "page"
    next_page: NextPage = NO_NEXT_PAGE


class Received(msgspec.Struct, frozen=True):
    """What a page had: `items` records, `new` of them with ids not seen before (on the first page: all).

    `total` is the number of records announced so far, None for none. `is_mixed` says that the page has only
    records of other pages, but is none of those again: some list a record several times.
    """

    items: int
    new: int
    total: int | None
    status: int = 200
    next_page: NextPage = NO_NEXT_PAGE
    etag: str = ""
    is_mixed: bool = False


class Parameters(msgspec.Struct, frozen=True):
    """How a page is requested: the parameters of paging itself, in order, and headers.

    `link` is an absolute URL to request instead, as it is and without any parameter; "" for none.
    """

    params: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    link: str = ""


class Query(msgspec.Struct, frozen=True):
    """One request for a page: its parameters in order, not yet escaped, and its headers.

    `url` is a link of the API to request instead, as it is and without parameters; "" for none. `ordinal`
    numbers the queries of a list from 1; `first` says that no page of the list is known yet. `page_size` is
    the number of records of a page.
    """

    params: tuple[tuple[str, str], ...]
    ordinal: int
    first: bool
    url: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    page_size: int = 0
    role: Role = "page"
    paging: Paging = Paging()


class Strategy:
    """The whole list in one request; the base of the others.

    `total` is the number of records announced so far, None for none.
    """

    def __init__(self, paging: Paging, size: int) -> None:
        self.paging, self._size = paging, size
        self._is_sent = False

    @property
    def is_chain(self) -> bool:
        """Whether nothing but the end of the list is requested behind the last page that it names."""
        return self.paging.style in ("none", "link", "cursor")

    @property
    def is_sized(self) -> bool:
        """Whether requests say how many records a page should have."""
        return False

    @property
    def counts_records(self) -> bool:
        """Whether positions are those of records."""
        return self.paging.style in ("offset", "range")

    @property
    def position_name(self) -> str:
        """What an API ignores that always gives the first page."""
        return self.paging.position_param

    def write(self, request: PageRequest) -> Parameters:
        """How the request is written."""
        return Parameters()

    def next_request(self, total: int | None, in_flight: int) -> PageRequest | None:
        """The next request; None at the end, or to wait for the `in_flight` others."""
        if self._is_sent:
            return None
        self._is_sent = True
        return PageRequest(0, self._size)

    def on_page(self, request: PageRequest, received: Received) -> None:
        """A page arrived."""

    def on_failure(self, request: PageRequest, total: int | None) -> int:
        """A page could not be read; returns how many records it is estimated to have."""
        return self._size

    def on_recovered(self, request: PageRequest, received: Received, reached: int) -> None:
        """A failed page was read in parts after all.

        `received.items` counts its rows, bad rows included; the last one ends before position `reached`.
        """

    def unit_request(self, total: int | None) -> PageRequest | None:
        """A last request, which shows whether positions count what is assumed; None where that is clear."""
        return None

    def on_precondition_failed(self, request: PageRequest) -> bool:
        """A page was refused for what it requires (412); returns whether it is requested again."""
        return False

    @property
    def is_cut_off(self) -> bool:
        """Whether the list must be read from its beginning again."""
        return False

    def rows(self, request: PageRequest) -> range | None:
        """The rows of the list behind a request, in records from 0; None while unknown."""
        return None

    def doubt(self, total: int | None) -> str:
        """Why the last page may not be the end of the list, as a sentence; "" for no doubt."""
        return ""


class SizedStrategy(Strategy):
    """Pages of a size that requests name."""

    @property
    def is_sized(self) -> bool:
        """Whether the server has a parameter for it."""
        return bool(self.paging.size_param)

    def named(self, request: PageRequest, name: str, value: object) -> Parameters:
        """The size of the page and one more parameter; one without a name is not sent."""
        pairs = ((self.paging.size_param, request.limit), (name, value))
        return Parameters({key: str(one) for key, one in pairs if key})


def is_total_doubtful(total: int, reached: int, first: int, size: int) -> bool:
    """Whether a total that has been reached does not prove the end of the list.

    It does not if more records came, if the server stops counting at that number, or if it is a multiple of
    the `first` page's length: some servers announce the length of each page. One more page shows it.
    """
    if reached != total or total == CAPPED_TOTAL:
        return reached >= total
    return first > 0 and total % first == 0 and (total > first or total >= size)


def records_after_404(where: str) -> str:
    """The doubt where a 404 was not the end of the list."""
    return f"{where} answered 404, and records followed all the same"


class OffsetStrategy(SizedStrategy):
    """Positions in records, advanced by what was received and never by what was asked for.

    As long as the total or the length of a page is unknown, one request after the other until an empty page:
    a page shorter than asked may be limited by the server (the next is as short) or have hidden records (it
    is not). When both are known, all pages up to the total may be requested at once; the gap that a short one
    leaves is requested once, and is hidden if nothing comes. Without a total a 404 is the end only if nothing
    is behind it either. Invariant: everything before the next position has been requested.
    """

    def __init__(self, paging: Paging, size: int) -> None:
        super().__init__(paging, size)
        self._next = 0
        self._stride = 0  # records of the longest page without a span
        self._previous = 0  # records of the page before it
        self._is_stride_known = False  # whether the server gives no longer pages than that
        self._first = 0  # records of the first page
        self._reached = 0  # the position behind the last record received
        self._failed = 0  # pages in a row, behind the announced end
        self._absent = -1  # the position of a 404 that may be the end
        self._doubt = ""
        self._mixed = 0  # pages in a row that had only records of others
        self._is_ended = self._is_end_empty = False
        self._gaps: list[PageRequest] = []
        self._skipped: dict[int, int] = {}  # records skipped at a position

    def write(self, request: PageRequest) -> Parameters:
        """The position of the first record."""
        return self.named(request, self.paging.position_param, self.paging.start + request.position)

    def next_request(self, total: int | None, in_flight: int) -> PageRequest | None:
        """Gaps first; then pages up to the total, or else one at a time."""
        if self._gaps:
            return self._gaps.pop()
        if self._is_ended or self._failed >= FAILED_AT_END:
            return None
        if total is not None and self._is_stride_known and self._next < total:
            request = PageRequest(self._next, self._size, span=min(self._stride, total - self._next))
            self._next += request.span
            return request
        if in_flight:
            return None
        if (
            total is None
            or self._next < total
            or is_total_doubtful(total, self._reached, self._first, self._size)
        ):
            return PageRequest(self._next, self._size)
        return None

    def unit_request(self, total: int | None) -> PageRequest | None:
        """Position 1: it has the first page's records but one, unless positions count pages."""
        is_proven = total is not None and self._reached >= total
        if is_proven or self._reached <= 1 or not self._first:
            return None
        return PageRequest(1, self._size, role="unit")

    def on_page(self, request: PageRequest, received: Received) -> None:
        """Advances by what came; behind the announced end a page without new records is the end."""
        items, total = received.items, received.total
        if request.role == "unit":
            is_empty = not items and self._first > 1
            if is_empty or received.new > NEW_IN_CHANGING * items:
                self._doubt = _COUNTS_PAGES
            elif self._is_end_empty and self._reached == self._first <= items and not received.new:
                self._doubt = _COUNTS_PAGES_FROM_1  # else there were one record fewer
            return
        self._failed = 0
        self._mixed = self._mixed + 1 if received.is_mixed else 0
        if request.position == 0 and not request.gap:
            self._first = items
        if not request.span:
            self._learn_stride(items)
        if not received.new and total is None and received.status == NOT_FOUND and self._absent < 0:
            self._absent = request.position
            self._skip(request)
        elif not received.new and self._is_end(request, received):
            self._is_ended, self._is_end_empty = True, not items
        elif items:
            if self._absent >= 0:
                self._absent, self._doubt = -1, records_after_404(f"the position {self._absent}")
            self._reached = max(self._reached, request.position + items)
            self._next = max(self._next, self._reached)
            missing = request.span - items
            if missing > 0:
                limit = min(missing, self._size)
                self._gaps.append(PageRequest(request.position + items, limit, span=missing, gap=True))
        else:
            self._skip(request)

    def _is_end(self, request: PageRequest, received: Received) -> bool:
        """Whether a page without new records is the end of the list."""
        if received.total is not None:
            return request.position >= received.total
        if received.is_mixed and self._mixed >= MOST_MIXED:
            self._doubt = self._doubt or MIXED
        return not received.is_mixed or self._mixed >= MOST_MIXED

    def _learn_stride(self, items: int) -> None:
        if items:
            self._is_stride_known = self._is_stride_known or items >= self._size or items == self._previous
            self._stride, self._previous = max(self._stride, items), items

    def _skip(self, request: PageRequest) -> int:
        length = self._skipped[request.position] = self._length(request)
        self._next = max(self._next, request.position + length)
        return length

    def _length(self, request: PageRequest) -> int:
        return request.span or self._stride or self._size

    def on_failure(self, request: PageRequest, total: int | None) -> int:
        """Continues behind it; after three in a row behind the announced end, nobody can know the end."""
        length = self._skip(request)
        if total is not None and request.position < total:
            return min(length, total - request.position)
        self._failed += 1
        return length

    def on_recovered(self, request: PageRequest, received: Received, reached: int) -> None:
        """Where the end had records, there may be more behind them."""
        if request.position == 0:
            self._first = received.items
        if received.items:
            self._reached = max(self._reached, reached)
            self._failed = 0

    def rows(self, request: PageRequest) -> range:
        """As many as were skipped when it failed; before that, as many as it is expected to have."""
        length = self._skipped.get(request.position, self._length(request))
        return range(request.position, request.position + length)

    def doubt(self, total: int | None) -> str:
        """A 404 with records behind it, or positions that count pages."""
        return self._doubt
