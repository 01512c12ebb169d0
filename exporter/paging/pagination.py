"""The walk through a list, page by page: what to ask for next, and whether all of it was seen.

A walk is a generator that never touches a socket: it yields the queries that may go out now, and is sent what
each of them brought, in the order of arrival. Sending is `fetch`'s, decoding the poller's; which part follows
which is the course's, its words are `strategies`'s, what becomes of pages that fail `bisect`'s. It owns the
bound on queries in flight, the size of a page that an API accepts, the caps, and the verdict. No signal of an
inventory can be trusted (totals lie, limits are clamped, positions ignored), so it believes none alone.
Invariant: an ending that says complete means that nothing the server gives away was missed.

    walk = paging.walk(Paging(), 40, {"status": "1"}, width=4, caps=Caps(pages=1000, records=50_000))
    due = next(walk)                                    the first page goes out alone
    due = walk.send(Seen(due[0], 40, 40, total=1003))   now up to four more; later one for one, or none
    ...                                                 until StopIteration, whose value is the Ending
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Literal

import msgspec

from exporter.inventory.dialects import Paging
from exporter.paging import strategies
from exporter.paging.bisect import Mending
from exporter.paging.failed_page import DIVISIBLE, TOO_MUCH, Hole, Part, Probe
from exporter.paging.next_link import NOWHERE, Onward
from exporter.paging.strategy import NOT_FOUND, Ask, Came


class Query(msgspec.Struct, frozen=True):
    """One page to ask for: the query's parameters, in order and not yet escaped, and further headers.

    `url` is an absolute link of the API's own that is asked for instead of the list's URL, as it is written
    and without parameters; "" for none. `ordinal` numbers the queries of a walk from 1, for messages; `first`
    says that nothing is known yet of the list, so that this failure may be that of the walk. `page_size` is
    the number of records that a page of this walk is asked for, and `paging` is how.

    `role` is "part" for some rows of a page that failed, hardly worth trying again, and "probe" for one row
    whose record is of no interest, but only whether the API answers.
    """

    params: tuple[tuple[str, str], ...]
    ordinal: int
    first: bool
    url: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    page_size: int = 0
    role: Literal["page", "part", "probe", "unit"] = "page"
    paging: Paging = Paging()


class Seen(msgspec.Struct, frozen=True):
    """What became of a query.

    `items` counts the raw records of the page, `new` those whose id was not seen before in this walk, records
    without an id included; `total` is what the answer's headers announce, None for nothing; `next_link` is
    where the answer says that the list goes on. `garbled` is an announced total that is no number of records,
    as it was written; `filled` counts the items that are no records. `misplaced` says where a page claims to
    be the beginning of the list though another was asked for; "" for none. `unread` says that the page could
    not be read after all retries, `why` what went wrong then, and `cause` the same as a status or a word, as
    in `DIVISIBLE`.

    Of a first page two failures are told. One with a status of `TOO_MUCH` is answered with the same page in
    half the size; one with a cause of `DIVISIBLE` with a probe, and where that is answered the walk goes on
    behind the page. Else the walk ends.
    """

    query: Query
    items: int
    new: int
    total: int | None
    status: int = 200
    unread: bool = False
    why: str = ""
    onward: Onward = NOWHERE
    cause: str = ""
    garbled: str = ""
    misplaced: str = ""
    filled: int = 0


class Caps(msgspec.Struct, frozen=True):
    """Where the walk of a list, however endless, ends: queries sent, and records received.

    The page that exceeds `records` is taken whole, for it has been read.
    """

    pages: int
    records: int


class Ending(msgspec.Struct, frozen=True):
    """The verdict on a walk.

    `expected` is the announced total (the larger of the first query's and the last's), None where none was,
    and `spread` by how much the smaller of the two is less;
    `received` counts different records; `unread_pages` could not be read or not wholly, and about
    `unread_records` are missing for it, the single rows of `bad_rows` included: position from 0, and cause.
    `pages` were read. `complete` promises that nothing is missing; `reason` is "" then, else a sentence.
    `items` counts records as they came, doubles too, repeated first pages not; `is_short_only` says that
    nothing speaks against completeness but that fewer different records came than were announced;
    `absent_pages` answered 404, which was held to be behind the end; `filled` counts the items that are no
    records, though nothing tells whether they stand in the places of some.
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
    bad_rows: Mapping[int, str] = {}
    absent_pages: int = 0
    spread: int = 0
    filled: int = 0


Walk = Generator[tuple[Query, ...], Seen, Ending]


def walk(
    paging: Paging,
    page_size: int,
    params: Mapping[str, str],
    *,
    width: int,
    caps: Caps,
    unit: Literal["known", "unknown"] = "known",
) -> Walk:
    """Walks through one list, with at most `width` queries in flight and `page_size` records asked for each.

    `params` are sent with every query, unless paging itself sets one of that name. The end of the
    generator ends the walk at once: queries still in flight have become pointless.
    """
    state = _State(paging, page_size, params, caps, Mending(strategies.cut(paging)))
    if unit == "unknown":
        state.check_unit()
    due = state.due(width)
    while due or state.flying:
        seen = yield due
        state.hear(seen)
        due = state.due(width)
    return state.ending()


class _State:
    """What a walk knows so far."""

    def __init__(
        self, paging: Paging, size: int, params: Mapping[str, str], caps: Caps, mending: Mending
    ) -> None:
        self._paging, self._size, self._params, self._caps = paging, size, params, caps
        self._mending = mending
        self._style = strategies.STYLES[paging.style]
        self._course = self._style.course(size)
        self.flying: dict[int, Ask | Part | Probe] = {}
        self._is_known = False  # whether anything was heard of the list
        self._probes: list[Probe] | None = None  # those left to try, None when there is nothing to find out
        self._sent = 0
        self._totals: tuple[tuple[int, int], ...] = ()  # ordinal and total of the first and the last
        self._pages = self._items = self._new = self._most = self._absent = self._filled = 0
        self._first_items = self._new_behind_first = 0
        self._repeating = False
        self._capped = self._boasted = self._garbled = self._misplaced = ""

    def check_unit(self) -> None:
        """Asks for position 1 at the end, where positions should count records."""
        self._course.check_unit()

    @property
    def _expected(self) -> int | None:
        return max((total for _, total in self._totals), default=None)

    @property
    def _ignored(self) -> bool:
        """Whether the server ignores positions: the first page comes again and nothing else ever came."""
        return self._repeating and not self._new_behind_first

    def due(self, width: int) -> tuple[Query, ...]:
        """The queries that may go out now."""
        queries: list[Query] = []
        while len(self.flying) < width and not self._capped and not self._ignored:
            step = self._ahead()
            if step is None:
                break
            if self._sent >= self._caps.pages:
                self._capped = f"stopped after {self._sent} pages, which is limits.pages"
                break
            self._sent += 1
            self.flying[self._sent] = step
            queries.append(self._query(step))
        return tuple(queries)

    def _ahead(self) -> Ask | Part | Probe | None:
        """What may go out next: pages, and when all of them are back the parts of those that failed."""
        if self._probes is not None:
            return self._probes.pop(0) if self._probes and not self.flying else None
        ask = self._course.ahead(self._expected, len(self.flying))
        if ask is None and not any(isinstance(step, Ask) for step in self.flying.values()):
            return self._mending.ahead(self._course)
        return ask

    def _query(self, step: Ask | Part | Probe) -> Query:
        words = strategies.worded(self._paging, step if isinstance(step, Ask) else step.ask)
        # a link is complete: what it was made for need not be said again
        params = {} if words.link else {**self._params, **words.params}
        return Query(
            tuple(params.items()),
            self._sent,
            first=not self._is_known,
            url=words.link,
            headers=tuple(words.headers.items()),
            page_size=self._size,
            role=("unit" if step.is_unit else "page") if isinstance(step, Ask) else step.role,
            paging=self._paging,
        )

    def hear(self, seen: Seen) -> None:
        """Takes in what became of a query in flight."""
        step = self.flying.pop(seen.query.ordinal)
        if isinstance(step, Ask) and step.is_unit:
            self._course.heard(step, Came(seen.items, seen.new, self._expected, seen.status))
            return
        self._garbled = self._garbled or seen.garbled
        if seen.items and not seen.new:
            self._misplaced = self._misplaced or seen.misplaced
        if seen.total is not None and seen.total > self._caps.records:
            # to ask for all those pages would be to find nothing until the deadline
            self._boasted = f"announced {seen.total}, which is more than limits.records, and not believed"
        elif seen.total is not None:
            told = (*self._totals, (seen.query.ordinal, seen.total))
            self._totals = (min(told), max(told))
        if isinstance(step, Ask) and seen.query.first and seen.unread and seen.status in TOO_MUCH:
            self._ask_for_less(seen.why)
            return
        self._is_known = True
        match step:
            case Ask():
                self._hear_page(step, seen)
            case Part():
                self._hear_part(step, seen)
            case Probe() if not seen.unread:
                self._probes = None
            case Probe() if seen.cause not in DIVISIBLE:
                self._probes = []
        if self._items > self._caps.records:
            self._capped = f"stopped after {self._items} records, more than limits.records"
            self.flying.clear()

    def _hear_page(self, ask: Ask, seen: Seen) -> None:
        if not seen.unread:
            self._absent += seen.status == NOT_FOUND
            self._count(seen)
            self._watch(seen)
            new = seen.items if seen.query.first else seen.new
            self._course.heard(ask, Came(seen.items, new, self._expected, seen.status, seen.onward))
            return
        self._mending.note(Hole(ask, self._course.lost(ask, self._expected), seen.cause, seen.why))
        if seen.query.first:
            # before anything is built on a list whose beginning fails: does the API answer at all?
            self._probes = self._mending.probes(self._size) if seen.cause in DIVISIBLE else []

    def _hear_part(self, part: Part, seen: Seen) -> None:
        if seen.unread:
            self._mending.lost(part, seen.cause, self._course)
            return
        self._count(seen)
        # where nothing came behind the first page, there is no more than a page
        most = self._most if self._first_items or self._new_behind_first else self._size
        self._mending.heard(part, Came(seen.items, seen.new, self._expected), most, self._course)

    def _ask_for_less(self, why: str) -> None:
        """Begins again with half the size, as long as a size is asked for that can be halved."""
        if self._size < 2 or not strategies.is_sized(self._paging):
            self._capped = f"the first page is refused: {why}"
            return
        self._size //= 2
        self._course = self._style.course(self._size)

    def _count(self, seen: Seen) -> None:
        self._pages += 1
        self._items += seen.items
        self._new += seen.new
        self._filled += seen.filled
        self._most = max(self._most, seen.items)

    def _watch(self, seen: Seen) -> None:
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
        expected = self._expected
        unread = self._mending.unread(expected)
        reasons = [*filter(None, (self._capped, self._boasted)), *unread.told()]
        if missing := expected is not None and self._new < expected:
            reasons.append(f"announced {expected}, received {self._new} different records")
        # a whole table that happens to be as long as a page cannot be told from a page that repeats
        whole = self._first_items != self._size if expected is None else self._first_items >= expected
        if self._ignored and not whole:
            ignored = self._style.position(self._paging)
            reasons.append(f"every page repeats the first: the API ignores {ignored}")
        if self._misplaced and not self._ignored:
            reasons.append(f"the first page came in place of another: {self._misplaced}")
        if doubt := self._course.doubt(expected):
            reasons.append(doubt)
        filled = self._filled if expected is None else 0
        if filled:
            reasons.append(
                f"{filled} elements of the list are no records, and may stand in the places of some"
            )
        if self._garbled and not self._items:
            # a server that does not know how many there are does not know that there are none, either
            reasons.append(f"the list is empty, and the announced total is {self._garbled}")
        return Ending(
            complete=not reasons,
            expected=expected,
            received=self._new,
            unread_pages=unread.pages,
            unread_records=unread.records + len(unread.rows),
            pages=self._pages,
            reason="; ".join(reasons),
            items=self._first_items if self._ignored else self._items,
            is_short_only=missing and len(reasons) == 1,
            bad_rows=unread.rows,
            absent_pages=self._absent,
            filled=filled,
            spread=(expected or 0) - min((total for _, total in self._totals), default=expected or 0),
        )
