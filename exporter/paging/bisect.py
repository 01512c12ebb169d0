"""Pages that could not be read, asked for again in ever smaller parts until the bad rows stand alone.

It owns the holes that failed pages leave in a walk, the parts they are taken into (`split`), and the bound on
asking: a page of which nothing comes is given up soon, for then the API is broken and not a row of it. What
is remembered is `bad_rows`', when parts may go out the walk's. Pure: no clock, no I/O. Invariant: a hole is
closed only when every row of it came, is behind the list's end or hidden, or is known to be bad.
"""

from __future__ import annotations

from exporter.paging.bad_rows import BadRows
from exporter.paging.failed_page import DIVISIBLE, KNOWN, Hole, Part, Probe, Unread
from exporter.paging.split import RECORDS, Cut
from exporter.paging.strategy import Came, Course

MOST_PARTS = 200
"""Requests that a walk spends on taking pages apart."""

_IN_VAIN = 40
"""Parts in a row that failed, of pages of which nothing came, before the rest is left unread."""


class Mending:
    """The holes of one walk. `cut` is None where pages cannot be taken apart."""

    def __init__(self, cut: Cut | None, known: BadRows) -> None:
        self._is_able = cut is not None
        self._cut = cut or RECORDS
        self._known = known if cut else BadRows()
        self._holes: list[Hole] = []
        self._opened = 0
        self._parts: list[Part] = []  # the last goes first
        self._spare = MOST_PARTS
        self._vain = 0
        self._is_over = False
        self._has_shifted = False
        self._came: set[int] = set()  # rows known as bad that came
        self._skipped: dict[int, str] = {}

    def avoids(self, rows: range | None) -> bool:
        """Whether a page with these rows is better asked for in parts from the beginning."""
        return rows is not None and any(row in rows for row in self._known.causes)

    def announce(self, total: int) -> None:
        """A total came; if it is another one than at the last crawl, the known rows are elsewhere now."""
        if not self._known.fits(total):
            self._known = BadRows()

    def probes(self, size: int) -> list[Probe]:
        """Rows to try one after the other where a first page of `size` says nothing; [] if they cannot be.

        Not all of them are likely to be bad: the first, one in the middle, and the one behind.
        """
        rows = dict.fromkeys((0, size // 2, size))
        wanted = [row for row in rows if row not in self._known.causes] or list(rows)
        return [Probe(self._cut.ask(range(row, row + 1))) for row in wanted] if self._is_able else []

    def note(self, hole: Hole) -> None:
        """A page is missing. One that failed on its own may be a sign that the records have moved."""
        self._holes.append(hole)
        self._has_shifted = self._has_shifted or hole.cause in DIVISIBLE

    def ahead(self, course: Course) -> Part | None:
        """The next part that may be asked for, None if there is none."""
        while not self._parts and not self._is_over and self._opened < len(self._holes):
            hole = self._holes[self._opened]
            if course.rows(hole.ask) is None and any(other.pending for other in self._holes):
                break  # what is in flight may tell how long a page is
            self._opened += 1
            self._open(hole, course)
        return self._parts.pop() if self._parts else None

    def _open(self, hole: Hole, course: Course) -> None:
        rows = course.rows(hole.ask)
        if not self._is_able or hole.cause not in (KNOWN, *DIVISIBLE):
            return
        if not rows:  # unknown, or behind the announced end
            self._open_whole(hole)
            return
        hole.rows = rows
        known = {row: cause for row, cause in self._known.causes.items() if row in rows}
        if known:
            resting = frozenset() if self._has_shifted else self._known.resting
            self._skipped.update({row: cause for row, cause in known.items() if row in resting})
            due = [range(row, row + 1) for row in known if row not in resting]
            self._queue(hole, [*self._cut.around(rows, known.keys()), *due])
            self._settle(hole, course)
        elif hole.cause == KNOWN:
            self._queue(hole, [rows])
        elif len(rows) == 1:
            hole.bad[rows.start] = hole.cause
            self._close(hole, course)
        else:
            self._take_apart(hole, rows)

    def _open_whole(self, hole: Hole) -> None:
        """Asks for a page as it is that was left on purpose, for now nobody knows where its rows are."""
        if hole.cause == KNOWN:
            hole.pending = 1
            self._parts.append(Part(hole.ask, range(0), hole))

    def _queue(self, hole: Hole, spans: list[range]) -> None:
        if self._is_over or hole.is_given_up:
            hole.left += spans
            return
        hole.pending += len(spans)
        self._parts += [Part(self._cut.ask(rows), rows, hole) for rows in reversed(spans)]

    def _take_apart(self, hole: Hole, rows: range) -> None:
        spans = self._cut.split(rows)
        if self._spare < len(spans):
            hole.left.append(rows)
            return
        self._spare -= len(spans)
        self._queue(hole, spans)

    def heard(self, part: Part, came: Came, most: int, course: Course) -> None:
        """A part came. `most` is the number of records up to which pages are known to come whole.

        A server that gives more than asked ignores sizes, and then nothing can be isolated. One that gives
        less clamps, hides, or is at its end: the rest is asked for, where rows can be counted, and else the
        same rows in smaller parts, unless they are no more than `most`.
        """
        hole, rows = part.hole, part.rows
        hole.pending -= 1
        hole.new += came.new
        if hole.rows is None:
            self._close(hole, course)
            return
        reached = rows[: max(1, came.items)]
        self._came.update(row for row in self._known.causes if row in reached)
        if came.items > len(rows):
            if not self._cut.is_counted:
                hole.left.append(rows)
            self.stop()
        elif came.items:
            self._vain = 0
            hole.reached = max(hole.reached, rows.start + came.items)
            self._ask_for_rest(part, came.items, most)
        self._settle(hole, course)

    def _ask_for_rest(self, part: Part, items: int, most: int) -> None:
        rows = part.rows
        if items == len(rows):
            return
        if self._cut.is_counted:
            self._queue(part.hole, [rows[items:]])
        elif len(rows) > most:
            self._take_apart(part.hole, rows)

    def lost(self, part: Part, cause: str, course: Course) -> None:
        """A part failed: it is taken apart, or is the bad row; a failure of the API's own ends the matter."""
        hole, rows = part.hole, part.rows
        hole.pending -= 1
        hole.failures += 1
        if hole.is_given_up or hole.rows is None:
            return
        if cause not in DIVISIBLE or self._is_over:
            hole.left.append(rows)
            self.stop()
        elif len(rows) == 1:
            hole.bad[rows.start] = cause
        else:
            # around rows known as bad everything should have come
            self._has_shifted = True
            self._take_apart(hole, rows)
        self._vain += not hole.new
        if self._vain >= _IN_VAIN:
            self.stop()
        elif not hole.new and hole.pending and hole.failures >= hole.patience:
            self._give_up(hole)
        self._settle(hole, course)

    def _give_up(self, hole: Hole) -> None:
        waiting = [part for part in self._parts if part.hole is hole]
        self._parts = [part for part in self._parts if part.hole is not hole]
        hole.pending -= len(waiting)
        self._forgo(hole)

    def _forgo(self, hole: Hole) -> None:
        rows = hole.rows or range(0)
        hole.is_given_up, hole.bad = True, {}
        self._skipped = {row: cause for row, cause in self._skipped.items() if row not in rows}

    def stop(self) -> None:
        """Nothing further is asked for; what still waits is left unread."""
        self._is_over = True
        for part in self._parts:
            part.hole.pending -= 1
            part.hole.left.append(part.rows)
        self._parts = []

    def _settle(self, hole: Hole, course: Course) -> None:
        """Closes a hole when its last part is back, and tells the course what was in it."""
        if hole.pending or hole.left or hole.is_given_up:
            return
        if not hole.new and not self._cut.is_counted:
            # without any news a server that ignores sizes cannot be told from the end of the list
            if self._is_empty(hole):
                hole.rows = None
                self._open_whole(hole)
            else:
                self._forgo(hole)
            return
        self._close(hole, course)

    def _is_empty(self, hole: Hole) -> bool:
        """Whether every row of a page known as bad came and was none: then the page as it is tells more."""
        rows = hole.rows or range(0)
        known = hole.cause == KNOWN and not self._is_over
        return bool(rows) and known and not hole.failures and not any(row in rows for row in self._skipped)

    def _close(self, hole: Hole, course: Course) -> None:
        hole.is_closed = True
        length = hole.new + len(hole.bad) + sum(row in (hole.rows or ()) for row in self._skipped)
        course.mended(hole.ask, Came(length, length, None), hole.reached)

    def unread(self, total: int | None) -> Unread:
        """What is missing, holes that were never opened included; `total` as announced, None for nothing."""
        self.stop()
        holes = [hole for hole in self._holes if not hole.is_closed]
        why = next((hole.why for hole in reversed(holes or self._holes) if hole.why), "")
        records = sum(hole.unread(total) for hole in holes)
        return Unread(len(holes), records, why, {**self._skipped, **self._failed})

    @property
    def _failed(self) -> dict[int, str]:
        return {row: cause for hole in self._holes for row, cause in hole.bad.items()}

    def memory(self, total: int | None) -> BadRows:
        """What the next walk should know."""
        return self._known.after(self._failed, self._came, total)
