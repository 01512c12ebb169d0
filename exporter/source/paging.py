"""The walk through a list, page by page: what to ask for next, and whether all of it was seen.

A walk is a generator that never touches a socket: it yields the queries that may go out now, and is sent
what each of them brought, in the order of arrival. Sending is `crawl`'s, decoding the poller's; which part
follows which is the course's, its words are `style`'s. It owns the bound on queries in flight, the size of a
page that an API accepts, the caps, and the verdict.
No signal of an inventory can be trusted (totals lie, limits are clamped, positions ignored), so it believes
none alone. Invariant: an ending that says complete means that nothing the server gives away was missed.

    walk = paging.walk(Paging(), 40, {"status": "1"}, width=4, caps=Caps(pages=1000, records=50_000))
    due = next(walk)                                    the first page goes out alone
    due = walk.send(Seen(due[0], 40, 40, total=1003))   now up to four more; later one for one, or none
    ...                                                 until StopIteration, whose value is the Ending
"""

from __future__ import annotations

from collections.abc import Generator, Mapping

import msgspec

from exporter.inventory.dialect import Paging
from exporter.source import style
from exporter.source.course import Ask, Came
from exporter.source.onward import NOWHERE, Onward

TOO_MUCH = (400, 422)
"""What an API may answer to a first page of more records than it is willing to give."""


class Query(msgspec.Struct, frozen=True):
    """One page to ask for: the query's parameters, in order and not yet escaped, and further headers.

    `url` is an absolute link of the API's own that is asked for instead of the list's URL, as it is written
    and without parameters; "" for none. `ordinal` numbers the queries of a walk from 1, for messages; `first`
    says that it is the list's beginning, whose failure is the failure of the walk. `page_size` is the number
    of records that a page of this walk is asked for.
    """

    params: tuple[tuple[str, str], ...]
    ordinal: int
    first: bool
    url: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    page_size: int = 0


class Seen(msgspec.Struct, frozen=True):
    """What became of a query.

    `items` counts the raw records of the page, `new` those whose id was not seen before in this walk, records
    without an id included; `total` is what the answer's headers announce, None for nothing; `onward` is
    where the answer says that the list goes on. `unread` says that the page could not be read after all
    retries, `why` what went wrong then.

    Of a first page only one refusal is told: unread with a status of `TOO_MUCH`. It is answered with the
    same page in half the size, or with the end of the walk.
    """

    query: Query
    items: int
    new: int
    total: int | None
    status: int = 200
    unread: bool = False
    why: str = ""
    onward: Onward = NOWHERE


class Caps(msgspec.Struct, frozen=True):
    """What no list, however endless, may exceed: queries sent, and records received."""

    pages: int
    records: int


class Ending(msgspec.Struct, frozen=True):
    """The verdict on a walk.

    `expected` is the announced total (the larger of the first and the last), None where none was; `received`
    counts different records; `unread_pages` could not be read, and about `unread_records` are behind them.
    `pages` were read. `complete` promises that nothing is missing; `reason` is "" then, else a sentence.
    `items` counts records as they came, doubles too, repeated first pages not; `is_short_only` says that
    nothing speaks against completeness but that fewer different records came than were announced.
    """

    complete: bool
    expected: int | None
    received: int
    unread_pages: int
    unread_records: int
    pages: int
    reason: str
    items: int = 0
    is_short_only: bool = False


Walk = Generator[tuple[Query, ...], Seen, Ending]


def walk(paging: Paging, page_size: int, params: Mapping[str, str], *, width: int, caps: Caps) -> Walk:
    """Walks through one list, with at most `width` queries in flight and `page_size` records asked for each.

    `params` are sent with every query, unless paging itself sets one of that name. The end of the generator
    ends the walk at once: queries still in flight have become pointless.
    """
    state = _State(paging, page_size, params, caps)
    due = state.due(width)
    while due or state.flying:
        seen = yield due
        state.hear(seen)
        due = state.due(width)
    return state.ending()


class _State:
    """What a walk knows so far."""

    def __init__(self, paging: Paging, size: int, params: Mapping[str, str], caps: Caps) -> None:
        self._paging, self._size, self._params, self._caps = paging, size, params, caps
        self._style = style.STYLES[paging.style]
        self._course = self._style.course(size)
        self.flying: dict[int, Ask] = {}
        self._sent = 0
        self._totals: list[int] = []  # the first and the last
        self._pages = self._items = self._new = 0
        self._first_items = self._new_behind_first = 0
        self._repeating = False
        self._unread_pages = self._unread_records = 0
        self._why = ""
        self._capped = ""

    @property
    def _expected(self) -> int | None:
        return max(self._totals, default=None)

    @property
    def _ignored(self) -> bool:
        """Whether the server ignores positions: the first page comes again and nothing else ever came."""
        return self._repeating and not self._new_behind_first

    def due(self, width: int) -> tuple[Query, ...]:
        """The queries that may go out now."""
        queries: list[Query] = []
        while len(self.flying) < width and not self._capped and not self._ignored:
            ask = self._course.ahead(self._expected, len(self.flying))
            if ask is None:
                break
            if self._sent >= self._caps.pages:
                self._capped = f"stopped after {self._sent} pages, which is limits.pages"
                break
            self._sent += 1
            self.flying[self._sent] = ask
            queries.append(self._query(ask))
        return tuple(queries)

    def _query(self, ask: Ask) -> Query:
        words = style.worded(self._paging, ask)
        # a link is complete: what it was made for need not be said again
        params = {} if words.link else {**self._params, **words.params}
        return Query(
            tuple(params.items()),
            self._sent,
            first=not self._pages and not self._unread_pages,
            url=words.link,
            headers=tuple(words.headers.items()),
            page_size=self._size,
        )

    def hear(self, seen: Seen) -> None:
        """Takes in what became of a query in flight."""
        ask = self.flying.pop(seen.query.ordinal)
        if seen.total is not None:
            self._totals = [*self._totals[:1], seen.total]
        if seen.query.first and seen.unread and seen.status in TOO_MUCH:
            self._ask_for_less(seen.why)
            return
        if seen.unread:
            self._unread_pages += 1
            self._unread_records += self._course.lost(ask, self._expected)
            self._why = seen.why
            return
        self._count(seen)
        new = seen.items if seen.query.first else seen.new
        self._course.heard(ask, Came(seen.items, new, self._expected, seen.status, seen.onward))
        if self._items > self._caps.records:
            self._capped = f"stopped after {self._items} records, more than limits.records"
            self.flying.clear()

    def _ask_for_less(self, why: str) -> None:
        """Begins again with half the size, as long as a size is asked for that can be halved."""
        if self._size < 2 or not style.is_sized(self._paging):
            self._capped = f"the first page is refused: {why}"
            return
        self._size //= 2
        self._course = self._style.course(self._size)

    def _count(self, seen: Seen) -> None:
        self._pages += 1
        self._items += seen.items
        self._new += seen.new
        if seen.query.first:
            self._first_items = seen.items
            return
        self._new_behind_first += seen.new
        # a page may well repeat where records are hidden or shift; one as long as a full first page may not
        full = seen.items == self._first_items and (seen.items >= self._size or self._expected is None)
        # where pages lead to one another, the course itself knows when they lead in a circle
        if full and seen.items and not seen.new and seen.onward == NOWHERE:
            self._repeating = True

    def ending(self) -> Ending:
        """The verdict: complete, or everything that speaks against it in one sentence."""
        reasons = [self._capped] if self._capped else []
        expected = self._expected
        if self._unread_pages:
            last = f", the last because {self._why}" if self._why else ""
            pages = "1 page" if self._unread_pages == 1 else f"{self._unread_pages} pages"
            reasons.append(f"{pages} could not be read (about {self._unread_records} records{last})")
        missing = expected is not None and self._new < expected
        if missing:
            reasons.append(f"announced {expected}, received {self._new} different records")
        # a whole table that happens to be as long as a page cannot be told from a page that repeats
        whole = self._first_items != self._size if expected is None else self._first_items >= expected
        if self._ignored and not whole:
            ignored = self._style.position(self._paging)
            reasons.append(f"every page repeats the first: the API ignores {ignored}")
        doubt = self._course.doubt(expected)
        if doubt:
            reasons.append(doubt)
        return Ending(
            complete=not reasons,
            expected=expected,
            received=self._new,
            unread_pages=self._unread_pages,
            unread_records=self._unread_records,
            pages=self._pages,
            reason="; ".join(reasons),
            items=self._first_items if self._ignored else self._items,
            is_short_only=missing and len(reasons) == 1,
        )
