"""Bisection: finds the bad rows of a page that fails, by requesting ever smaller parts of it.

It has the failed pages of one list, the parts that they are split into, and the limits: a page of which
nothing comes is given up soon, since then the API is broken and not a row of it. When parts are sent is
decided in `pagination`. Nothing is remembered for the next crawl. Pure: no clock, no I/O. Invariant: a failed
page is closed only when each of its rows was received, is hidden, is behind the end, or is bad.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from exporter.paging.strategies import PageRequest, Received, Role, Strategy

DIVISIBLE = frozenset({"500", "502", "504", "timeout", "reset", "json", "too_large", "error_object"})
"""Causes that one row may have: a server that is too slow for it, fails or breaks off at it, writes invalid
JSON, or says in the body that it failed. Other causes concern the API, whatever the page."""

TOO_MUCH = (400, 413, 422)
"""Statuses of a first page with more records than the API is willing to give."""

MOST_PARTS = 200
"""Requests for parts of the failed pages of one list."""

_MOST_IN_VAIN = 40
"""Parts in a row that fail, of pages of which nothing came, before the rest is left unread."""


class FailedPage:
    """A page that could not be read: `estimate` is its number of records, `error` why in words.

    `cause` is the same as a status or a word, as in `DIVISIBLE`.
    """

    def __init__(self, request: PageRequest, estimate: int, cause: str, error: str = "") -> None:
        self.request, self.estimate, self.cause, self.error = request, estimate, cause, error
        self.rows: range | None = None  # None until it is split
        self.pending = 0  # parts that wait or are in flight
        self.failures = self.new = self.reached = 0
        self.unread_parts: list[range] = []
        self.bad_rows: dict[int, str] = {}
        self.is_closed = self.is_given_up = False

    @property
    def most_failures(self) -> int:
        """Parts that may fail before one is received: twice as many as halvings lead to a single row."""
        return 2 * len(self.rows or ()).bit_length() + 2

    def unread(self, total: int | None) -> int:
        """Records of it that were not received, without bad rows; estimated where the parts are unknown."""
        if self.rows is None or self.is_given_up or not self.unread_parts:
            return max(0, self.estimate - self.new)
        ends = [part.stop if total is None else min(part.stop, total) for part in self.unread_parts]
        return sum(max(0, end - part.start) for part, end in zip(self.unread_parts, ends, strict=True))


class PagePart(msgspec.Struct, frozen=True):
    """Some `rows` of a failed page, and the request for them."""

    request: PageRequest
    rows: range
    page: FailedPage


class Unread(msgspec.Struct, frozen=True):
    """What could not be read of a list: `pages`, their `records` (estimated), the `error` of the last one.

    `bad_rows` are the single rows that the API cannot list, by position from 0, with the cause of each.
    """

    pages: int
    records: int
    error: str
    bad_rows: Mapping[int, str]

    def reasons(self) -> list[str]:
        """Why the list is incomplete, as sentences in which rows count from 1."""
        reasons = []
        if self.pages:
            last = f", the last because {self.error}" if self.error else ""
            pages = "1 page" if self.pages == 1 else f"{self.pages} pages"
            reasons.append(f"{pages} could not be read (about {self.records} records{last})")
        if self.bad_rows:
            first = min(self.bad_rows)
            more = f" (and {len(self.bad_rows) - 1} more)" if len(self.bad_rows) > 1 else ""
            cause = self.bad_rows[first]
            # other errors say no more than their cause
            is_shown = self.error and not self.pages and cause == "error_object"
            error = f" ({self.error})" if is_shown else ""
            reasons.append(f"row {first + 1}{more} cannot be read: {cause}{error}")
        return reasons


class _Split(NamedTuple):
    """How pages are split: `request` asks for some rows, `parts` splits two or more rows, each into one part.

    `is_counted` says that positions count records whatever the size of a page. Where they do not, a server
    that ignores sizes answers with rows from elsewhere.
    """

    request: Callable[[range, Role], PageRequest]
    parts: Callable[[range], list[range]]
    is_counted: bool


def _at_record(rows: range, role: Role) -> PageRequest:
    return PageRequest(rows.start, len(rows), span=len(rows), role=role)


def _halves(rows: range) -> list[range]:
    middle = rows.start + (len(rows) + 1) // 2
    return [range(rows.start, middle), range(middle, rows.stop)]


def _at_page(rows: range, role: Role) -> PageRequest:
    return PageRequest(rows.start // len(rows), len(rows), role=role)


def _smaller_pages(rows: range) -> list[range]:
    """Pages of one size, for a page begins at a multiple of its size: as few as possible."""
    count = next(number for number in range(2, len(rows) + 1) if len(rows) % number == 0)
    length = len(rows) // count
    return [range(start, start + length) for start in range(rows.start, rows.stop, length)]


_BY_RECORD = _Split(_at_record, _halves, is_counted=True)
_SPLITS = {
    "offset": _BY_RECORD,
    "range": _BY_RECORD,
    "page": _Split(_at_page, _smaller_pages, is_counted=False),
}
"""Of links and cursors, only the page before knows where a page begins."""


class Bisection:
    """The failed pages of one list, which `strategy` reads."""

    def __init__(self, strategy: Strategy) -> None:
        style = strategy.paging.style
        self._is_possible = strategy.is_sized and style in _SPLITS
        self._split = _SPLITS.get(style, _BY_RECORD)
        self._strategy = strategy
        self._pages: list[FailedPage] = []
        self._begun = 0  # of these pages
        self._parts: list[PagePart] = []  # the last is sent first
        self._parts_left = MOST_PARTS
        self._in_vain = 0  # parts in a row, of pages of which nothing came
        self._is_stopped = False

    def probes(self, size: int) -> list[PageRequest]:
        """Rows to try one after the other after a first page of `size` failed; [] where they cannot be.

        Not all of them are likely to be bad: the first, one in the middle, and the one behind the page.
        """
        rows = dict.fromkeys((0, size // 2, size))
        probes = [self._split.request(range(row, row + 1), "probe") for row in rows]
        return probes if self._is_possible else []

    def add(self, page: FailedPage) -> None:
        """A page failed."""
        self._pages.append(page)

    def next_part(self) -> PagePart | None:
        """The next part that may be requested, None if there is none."""
        while not self._parts and not self._is_stopped and self._begun < len(self._pages):
            page = self._pages[self._begun]
            if self._strategy.rows(page.request) is None and any(other.pending for other in self._pages):
                break  # what is in flight may show how long a page is
            self._begun += 1
            self._begin(page)
        return self._parts.pop() if self._parts else None

    def _begin(self, page: FailedPage) -> None:
        rows = self._strategy.rows(page.request)
        if not self._is_possible or page.cause not in DIVISIBLE or not rows:
            return
        page.rows = rows
        if len(rows) == 1:
            page.bad_rows[rows.start] = page.cause
            self._close(page)
        else:
            self._divide(page, rows)

    def _divide(self, page: FailedPage, rows: range) -> None:
        parts = self._split.parts(rows)
        if self._parts_left < len(parts):
            page.unread_parts.append(rows)
            return
        self._parts_left -= len(parts)
        self._queue(page, parts)

    def _queue(self, page: FailedPage, parts: list[range]) -> None:
        if self._is_stopped or page.is_given_up:
            page.unread_parts += parts
            return
        page.pending += len(parts)
        self._parts += [PagePart(self._split.request(rows, "part"), rows, page) for rows in reversed(parts)]

    def on_part(self, part: PagePart, received: Received, most: int) -> None:
        """A part was received. `most` is the number of records up to which pages come whole.

        A server that gives more than asked ignores sizes, and then bad rows cannot be isolated. After one
        that gives less the rest is requested, where positions count records; elsewhere the same rows in
        smaller parts, if they are more than `most`.
        """
        page, rows, items = part.page, part.rows, received.items
        page.pending -= 1
        page.new += received.new
        if items > len(rows):
            if not self._split.is_counted:
                page.unread_parts.append(rows)
            self.stop()
        elif items:
            self._in_vain = 0
            page.reached = max(page.reached, rows.start + items)
            if items < len(rows) and self._split.is_counted:
                self._queue(page, [rows[items:]])
            elif items < len(rows) and len(rows) > most:
                self._divide(page, rows)
        self._close_if_done(page)

    def on_failure(self, part: PagePart, cause: str) -> None:
        """A part failed: it is split, or is a bad row; one that affects the whole API ends all."""
        page, rows = part.page, part.rows
        page.pending -= 1
        page.failures += 1
        if page.is_given_up:
            return
        if cause not in DIVISIBLE or self._is_stopped:
            page.unread_parts.append(rows)
            self.stop()
        elif len(rows) == 1:
            page.bad_rows[rows.start] = cause
        else:
            self._divide(page, rows)
        self._in_vain += not page.new
        if self._in_vain >= _MOST_IN_VAIN:
            self.stop()
        elif not page.new and page.pending and page.failures >= page.most_failures:
            waiting = [part for part in self._parts if part.page is page]
            self._parts = [part for part in self._parts if part.page is not page]
            page.pending -= len(waiting)
            page.is_given_up, page.bad_rows = True, {}
        self._close_if_done(page)

    def stop(self) -> None:
        """Requests nothing further; parts that wait are left unread."""
        self._is_stopped = True
        for part in self._parts:
            part.page.pending -= 1
            part.page.unread_parts.append(part.rows)
        self._parts = []

    def _close_if_done(self, page: FailedPage) -> None:
        if page.pending or page.unread_parts or page.is_given_up:
            return
        if not page.new and not self._split.is_counted:
            # without new records a server that ignores sizes looks like the end of the list
            page.is_given_up, page.bad_rows = True, {}
        else:
            self._close(page)

    def _close(self, page: FailedPage) -> None:
        page.is_closed = True
        length = page.new + len(page.bad_rows)
        self._strategy.on_recovered(page.request, Received(length, length, None), page.reached)

    def unread(self, total: int | None) -> Unread:
        """What could not be read, pages that were never split included; `total` is the announced one."""
        self.stop()
        pages = [page for page in self._pages if not page.is_closed]
        error = next((page.error for page in reversed(pages or self._pages) if page.error), "")
        bad_rows = {row: cause for page in self._pages for row, cause in page.bad_rows.items()}
        return Unread(len(pages), sum(page.unread(total) for page in pages), error, bad_rows)
