"""The walk through a list, page by page: what to ask for next, and whether all of it was seen.

A walk is a generator that never touches a socket: it yields the queries that may go out now, and is sent
what each of them brought, in the order of arrival. Sending is `crawl`'s, decoding the poller's; which
position follows which is `position`'s. It owns the bound on queries in flight, the caps, and the verdict.
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
from exporter.source import position


class Query(msgspec.Struct, frozen=True):
    """One page to ask for: the query's parameters, in order and not yet escaped.

    `ordinal` numbers the queries of a walk from 1, for messages; `first` says that it is the list's
    beginning, whose failure is the failure of the walk and never told to it.
    """

    params: tuple[tuple[str, str], ...]
    ordinal: int
    first: bool


class Seen(msgspec.Struct, frozen=True):
    """What became of a query.

    `items` counts the raw records of the page, `new` those whose id was not seen before in this walk, records
    without an id included; `total` is what the answer's headers announce, None for nothing. `unread` says
    that the page could not be read after all retries, `why` what went wrong then.
    """

    query: Query
    items: int
    new: int
    total: int | None
    status: int = 200
    unread: bool = False
    why: str = ""


class Caps(msgspec.Struct, frozen=True):
    """What no list, however endless, may exceed: queries sent, and records received."""

    pages: int
    records: int


class Ending(msgspec.Struct, frozen=True):
    """The verdict on a walk.

    `expected` is the announced total (the larger of the first and the last), None where none was; `received`
    counts different records; `unread_pages` could not be read, and about `unread_records` are behind them.
    `pages` were read. `complete` promises that nothing is missing; `reason` is "" then, else a sentence.
    """

    complete: bool
    expected: int | None
    received: int
    unread_pages: int
    unread_records: int
    pages: int
    reason: str


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
        self._course = position.course(paging.style, size)
        self.flying: dict[int, position.Ask] = {}
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
            queries.append(Query(self._worded(ask), self._sent, first=self._sent == 1))
        return tuple(queries)

    def _worded(self, ask: position.Ask) -> tuple[tuple[str, str], ...]:
        paging = self._paging
        number = ask.position if paging.style == "offset" else paging.first + ask.position
        own = {paging.size_param: str(ask.limit), paging.position_param: str(number)}
        if paging.style == "none":
            own = {}
        own.pop("", None)  # an empty name: this server has no such parameter
        return tuple({**self._params, **own}.items())

    def hear(self, seen: Seen) -> None:
        """Takes in what became of a query in flight."""
        ask = self.flying.pop(seen.query.ordinal)
        if seen.total is not None:
            self._totals = [*self._totals[:1], seen.total]
        if seen.unread:
            self._unread_pages += 1
            self._unread_records += self._course.lost(ask, self._expected)
            self._why = seen.why
            return
        self._count(seen, ask)
        self._course.heard(ask, seen.items, seen.items if seen.query.first else seen.new, self._expected)
        if self._items > self._caps.records:
            self._capped = f"stopped after {self._items} records, more than limits.records"
            self.flying.clear()

    def _count(self, seen: Seen, ask: position.Ask) -> None:
        self._pages += 1
        self._items += seen.items
        self._new += seen.new
        if seen.query.first:
            self._first_items = seen.items
            return
        self._new_behind_first += seen.new
        # a page may well repeat where records are hidden or shift; one as long as a full first page may not
        full = seen.items == self._first_items and (seen.items >= self._size or self._expected is None)
        if full and seen.items and not seen.new and not ask.gap:
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
        if self._ignored and (missing or (expected is None and self._first_items == self._size)):
            reasons.append(f"every page repeats the first: the API ignores {self._paging.position_param}")
        return Ending(
            complete=not reasons,
            expected=expected,
            received=self._new,
            unread_pages=self._unread_pages,
            unread_records=self._unread_records,
            pages=self._pages,
            reason="; ".join(reasons),
        )
