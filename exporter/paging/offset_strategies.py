"""Which part of a list to ask for next, when the list may be clamped, short, hidden, shifting or endless.

The courses whose parts can be counted, in records or in pages; a course is told of every answer in the order
of arrival and asked what may go out now. It owns the positions and what is known of the length of a page. The
words of a query are `strategies`'s, the caps and the verdict on the whole `pagination`'s. Pure: no clock, no
I/O. Invariant: everything in front of the next position has been asked for.
"""

from __future__ import annotations

from exporter.paging.strategy import NOT_FOUND, Ask, Came, Course, doubted

_TAIL = 3
"""Pages in a row that cannot be read, beyond any announced end, before the end is held to be unknowable."""


_PAGES = (
    "position 1 lists other records than the first page: the API counts pages, not records (set paging.style:"
    " page, and paging.first: 0)"
)


class Single(Course):
    """A list that comes whole: one query."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._asked = False

    def ahead(self, total: int | None, flying: int) -> Ask | None:
        """The whole list, once."""
        if self._asked:
            return None
        self._asked = True
        return Ask(0, self._size)

    def heard(self, ask: Ask, came: Came) -> None:
        """Nothing follows from it."""

    def lost(self, ask: Ask, total: int | None) -> int:
        """A page's worth, for want of anything better."""
        return self._size


def _amid(where: str) -> str:
    return f"{where} answered 404, and records followed all the same"


class Offset(Course):
    """Positions in records, moved on by what was received and never by what was asked for.

    One part after the other, until an empty one, as long as the total or the length of a page is unknown: a
    page shorter than asked may be a clamp (then the next is as short) or hidden records (then it is not).
    When both are known, the parts up to the total may be asked for all at once; one that comes short is
    followed by an ask for its gap only, and nothing in answer to that means that the gap is hidden.
    Without a total a 404 is the end only if nothing is behind it either.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._next = 0
        self._stride = 0  # records of the largest page that was asked for alone
        self._previous = 0  # records of the page before it
        self._settled = False  # whether the stride is what the server gives at most
        self._first = 0
        self._reached = 0  # the position behind the last record that came
        self._tail = 0  # pages lost in a row beyond any announced end
        self._absent = -1  # the position behind which the list goes on or not, by a 404
        self._doubt = ""
        self._ended = False
        self._is_unit_open = False  # whether what positions count is to be found out
        self._gaps: list[Ask] = []
        self._gone: dict[int, int] = {}  # records gone over at a position without reading them

    def ahead(self, total: int | None, flying: int) -> Ask | None:
        """Gaps first; then any part below the total; else the one next part when nothing is in flight.

        In the end, position 1, if nobody knows whether positions count records.
        """
        ask = self._onwards(total, flying)
        is_proven = total is not None and self._reached >= total  # as many as announced came
        if ask is None and not flying and self._is_unit_open and self._reached > 1 and not is_proven:
            self._is_unit_open = False
            return Ask(1, self._size, is_unit=True)
        return ask

    def check_unit(self) -> None:
        """Position 1 is to be asked for: it shows all but one of the first page's records, or others."""
        self._is_unit_open = True

    def _onwards(self, total: int | None, flying: int) -> Ask | None:
        if self._gaps:
            return self._gaps.pop()
        if self._ended or self._tail >= _TAIL:
            return None
        if total is not None and self._settled and self._next < total:
            ask = Ask(self._next, self._size, span=min(self._stride, total - self._next))
            self._next += ask.span
            return ask
        if flying:
            return None
        if total is None or self._next < total or doubted(total, self._reached, self._first, self._size):
            return Ask(self._next, self._size)
        return None

    def heard(self, ask: Ask, came: Came) -> None:
        """Moves on by what came; beyond any announced end a page without news is the end."""
        items, total = came.items, came.total
        if ask.is_unit:
            if 2 * came.new > came.items:  # of a list that moves a few are new
                self._doubt = _PAGES
            return
        self._tail = 0
        if ask.position == 0 and not ask.gap:
            self._first = items
        if not ask.span:
            self._learn(items)
        if not came.new and total is None and came.status == NOT_FOUND and self._absent < 0:
            self._absent = ask.position
            self._skip(ask)
        elif not came.new and (total is None or ask.position >= total):
            self._ended = True
        elif items:
            if self._absent >= 0:
                self._absent, self._doubt = -1, _amid(f"the position {self._absent}")
            self._reached = max(self._reached, ask.position + items)
            self._next = max(self._next, self._reached)
            self._note_gap(ask, items)
        else:
            self._skip(ask)

    def _learn(self, items: int) -> None:
        if items:
            self._settled = self._settled or items >= self._size or items == self._previous
            self._stride, self._previous = max(self._stride, items), items

    def _note_gap(self, ask: Ask, items: int) -> None:
        missing = ask.span - items
        if missing > 0:
            limit = min(missing, self._size)
            self._gaps.append(Ask(ask.position + items, limit, span=missing, gap=True))

    def _skip(self, ask: Ask) -> int:
        length = self._gone[ask.position] = self._length(ask)
        self._next = max(self._next, ask.position + length)
        return length

    def doubt(self, total: int | None) -> str:
        """A page that is not there, with records behind it."""
        return self._doubt

    def _length(self, ask: Ask) -> int:
        return ask.span or self._stride or self._size

    def lost(self, ask: Ask, total: int | None) -> int:
        """Goes on behind it; three in a row beyond any announced end make the end unknowable."""
        length = self._skip(ask)
        if total is not None and ask.position < total:
            return min(length, total - ask.position)
        self._tail += 1
        return length

    def rows(self, ask: Ask) -> range:
        """As many as were gone over when it was lost; before that, as many as it is expected to hold."""
        return range(ask.position, ask.position + self._gone.get(ask.position, self._length(ask)))

    def mended(self, ask: Ask, came: Came, reached: int) -> None:
        """Where there are records at the end, it is worth looking behind them."""
        if ask.position == 0:
            self._first = came.items
        if came.items:
            self._reached = max(self._reached, reached)
            self._tail = 0


class Page(Course):
    """Page numbers. A gap in a page cannot be asked for.

    Without a total, the pages behind a full first page are asked for on speculation, and a short one ends
    the list unless a later one has records. A short first page may be a clamp: then the second page has
    records, and its length is what a page holds. A page without news counts as empty: some servers give
    their last page again for every number behind it. Where pages within the list come short, records are
    hidden after the page was cut: then a short page says nothing, and only several empty ones end the list.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._next = 0
        self._full = 0  # records of a full page
        self._settled = False  # whether that is known
        self._first = 0
        self._last, self._last_items = -1, 0  # the furthest page with news
        self._empty: set[int] = set()  # pages without
        self._absent: set[int] = set()  # those of them that are not there, by a 404
        self._pages = self._alike = 0  # pages with records, and those of them as long as a full one
        self._holed = False  # whether a page within the list came short
        self._lost: set[int] = set()

    def ahead(self, total: int | None, flying: int) -> Ask | None:
        """The next page if the total or the pages so far make it likely that there is one."""
        if flying and not self._settled:
            return None
        if total is None:
            wanted = not self._is_over()
        elif self._next * (self._full or self._size) < total:
            wanted = True
        else:
            reached = self._last * self._full + self._last_items
            beyond = doubted(total, reached, self._first, self._size)
            wanted = beyond and not flying and not self._is_over()
        if not wanted:
            return None
        self._next += 1
        return Ask(self._next - 1, self._size)

    def _is_over(self) -> bool:
        if sum(number > self._last for number in self._lost) >= _TAIL:
            return True
        empty = sum(number > self._last for number in self._empty)
        return empty >= _TAIL if self._holed else empty > 0 or self._last_items < self._full

    def heard(self, ask: Ask, came: Came) -> None:
        """Learns from the first two pages what a full one is, and from all where the list ends."""
        number, items = ask.position, came.items
        if number == 0:
            self._first = items
        if not self._settled:
            self._alike *= items <= self._full
            self._full = max(self._full, items)
            self._settled = number > 0 or items >= self._size
        self._pages += items > 0
        self._alike += items == self._full
        if came.status == NOT_FOUND:
            self._absent.add(number)
        if not came.new:
            self._empty.add(number)
            self._holed = self._holed or number < self._last
        elif number < self._last:
            self._holed = self._holed or items < self._full
        else:
            skipped = any(self._last < empty < number for empty in self._empty)
            # a first page shorter than asked is a clamp or has holes; then more must speak for the end
            short = self._last >= 0 and min(self._first, self._last_items) < max(self._full, self._size)
            self._holed = self._holed or skipped or short
            self._last, self._last_items = number, items

    def lost(self, ask: Ask, total: int | None) -> int:
        """Goes on behind it; three in a row at the end make the end unknowable."""
        self._lost.add(ask.position)
        full = self._full or self._size
        if total is None:
            return full
        return max(0, min(full, total - ask.position * full))

    def rows(self, ask: Ask) -> range | None:
        """Known from the length of a full page, where pages agree on it; the first begins the list anyway."""
        agreed = self._full == self._size or self._alike > max(1, self._pages - 2)
        if not agreed and ask.position:
            return None
        length = self._full if agreed else self._size
        return range(ask.position * length, (ask.position + 1) * length)

    def doubt(self, total: int | None) -> str:
        """A page that is not there, with records behind it."""
        amid = [number for number in self._absent if number < self._last]
        return _amid(f"page {min(amid) + 1}") if amid else ""

    def mended(self, ask: Ask, came: Came, reached: int) -> None:
        """A page like any other, then."""
        self._lost.discard(ask.position)
        if came.items > self._full:
            self._full, self._alike = came.items, 0
        self.heard(ask, came)
