"""Which page of a list to request next where pages have numbers, and where such a list ends. Pure."""

from __future__ import annotations

from exporter.inventory.dialects import Paging
from exporter.paging.strategies import (
    FAILED_AT_END,
    MIXED,
    MOST_MIXED,
    NEW_IN_CHANGING,
    NOT_FOUND,
    PageRequest,
    Parameters,
    Received,
    SizedStrategy,
    is_total_doubtful,
    records_after_404,
)

COUNTS_FROM_0 = (
    "page 0 lists other records than page 1: the API numbers its pages from 0 (set paging.first: 0)"
)
"""Why a list that was read from page 1 is not complete."""


class PageStrategy(SizedStrategy):
    """Page numbers. The gap in a short page cannot be requested.

    Without a total, pages behind a full first page are requested in the hope that there are some, and a short
    one ends the list unless a later one has records. A short first page may be limited by the server: then
    the second has records, and its length is that of a full page. A page without new records counts as
    empty: some servers repeat their last page for every number behind it. If pages before the last are short,
    records are hidden after pages were cut: then only several empty pages end the list.
    """

    def __init__(self, paging: Paging, size: int) -> None:
        super().__init__(paging, size)
        self._next = 0
        self._full = 0  # records of a full page
        self._is_full_known = False
        self._first = 0  # records of the first page
        self._last, self._last_items = -1, 0  # the last page with new records
        self._empty: set[int] = set()  # pages without new records
        self._absent: set[int] = set()  # pages that answered 404
        self._failed: set[int] = set()
        self._pages = self._alike = 0  # pages with records, and those as long as a full one
        self._doubt = ""
        self._is_hidden = False  # whether a page before the last was short
        self._mixed: set[int] = set()  # pages that had only records of others

    def write(self, request: PageRequest) -> Parameters:
        """The number of the page."""
        return self.named(request, self.paging.position_param, self.paging.start + request.position)

    def next_request(self, total: int | None, in_flight: int) -> PageRequest | None:
        """The next page, if there is likely to be one."""
        if in_flight and not self._is_full_known:
            return None
        if total is None:
            wanted = not self._is_ended()
        elif self._next * (self._full or self._size) < total:
            wanted = True
        else:
            reached = self._last * self._full + self._last_items
            is_open = is_total_doubtful(total, reached, self._first, self._size)
            wanted = is_open and not in_flight and not self._is_ended()
        if not wanted:
            return None
        self._next += 1
        return PageRequest(self._next - 1, self._size)

    def _is_ended(self) -> bool:
        if sum(number > self._last for number in self._failed) >= FAILED_AT_END or self._is_mixed_end():
            return True
        empty = sum(number > self._last for number in self._empty)
        return empty >= FAILED_AT_END if self._is_hidden else empty > 0 or self._last_items < self._full

    def _is_mixed_end(self) -> bool:
        return all(self._last - back in self._mixed for back in range(MOST_MIXED))

    def on_page(self, request: PageRequest, received: Received) -> None:
        """Learns from the first two pages how long a full one is, and from all where the list ends."""
        if request.role == "unit":
            if received.new > NEW_IN_CHANGING * received.items:
                self._doubt = COUNTS_FROM_0
            return
        number, items = request.position, received.items
        if number == 0:
            self._first = items
        if not self._is_full_known:
            self._alike *= items <= self._full
            self._full = max(self._full, items)
            self._is_full_known = number > 0 or items >= self._size
        self._pages += items > 0
        self._alike += items == self._full
        if received.status == NOT_FOUND:
            self._absent.add(number)
        if received.is_mixed:
            self._mixed.add(number)
        if not received.new and not received.is_mixed:
            self._empty.add(number)
            self._is_hidden = self._is_hidden or number < self._last
        elif number < self._last:
            self._is_hidden = self._is_hidden or items < self._full
        else:
            skipped = any(self._last < empty < number for empty in self._empty)
            # a first page shorter than asked is limited or has hidden records: then a short page is no end
            short = self._last >= 0 and min(self._first, self._last_items) < max(self._full, self._size)
            self._is_hidden = self._is_hidden or skipped or short
            self._last, self._last_items = number, items

    def unit_request(self, total: int | None) -> PageRequest | None:
        """Page 0, of a list that begins with page 1: where pages count from 0 it has the first records."""
        is_proven = total and self._last * self._full + self._last_items >= total
        return None if is_proven or self.paging.start != 1 else PageRequest(-1, self._size, role="unit")

    def on_failure(self, request: PageRequest, total: int | None) -> int:
        """Continues behind it; after three in a row at the end, nobody can know the end."""
        self._failed.add(request.position)
        full = self._full or self._size
        return full if total is None else max(0, min(full, total - request.position * full))

    def on_recovered(self, request: PageRequest, received: Received, reached: int) -> None:
        """The page counts like any other."""
        self._failed.discard(request.position)
        if received.items > self._full:
            self._full, self._alike = received.items, 0
        self.on_page(request, received)

    def rows(self, request: PageRequest) -> range | None:
        """Known where pages agree on the length of a full one; the first page begins the list in any case."""
        is_agreed = self._full == self._size or self._alike > max(1, self._pages - 2)
        if not is_agreed and request.position:
            return None
        length = self._full if is_agreed else self._size
        return range(request.position * length, (request.position + 1) * length)

    def doubt(self, total: int | None) -> str:
        """A 404 with records behind it, a list that repeats records without end, or a page 0."""
        if total is None and self._is_mixed_end():
            return MIXED
        within = [number for number in self._absent if number < self._last]
        return self._doubt or (records_after_404(f"page {min(within) + 1}") if within else "")
