"""Pages that could not be read, asked for again in ever smaller parts until the bad rows stand alone.

It owns the holes that failed pages leave in a walk, the parts they are taken into (`split`), and the bound on
asking: a page of which nothing comes is given up soon, for then the API is broken and not a row of it. What
may go out when is the walk's. Each walk begins without knowledge of bad rows. Pure: no clock, no I/O.
Invariant: a hole is closed only when every row of it came, is behind the list's end or hidden, or is bad.
"""

from __future__ import annotations

from exporter.paging.failed_page import DIVISIBLE, Hole, Part, Probe, Unread
from exporter.paging.split import RECORDS, Cut
from exporter.paging.strategy import Came, Course

MOST_PARTS = 200
"""Requests that a walk spends on taking pages apart."""

_IN_VAIN = 40
"""Parts in a row that failed, of pages of which nothing came, before the rest is left unread."""


class Mending:
    """The holes of one walk. `cut` is None where pages cannot be taken apart."""

    def __init__(self, cut: Cut | None) -> None:
        self._is_able = cut is not None
        self._cut = cut or RECORDS
        self._holes: list[Hole] = []
        self._opened = 0
        self._parts: list[Part] = []  # the last goes first
        self._spare = MOST_PARTS
        self._vain = 0
        self._is_over = False

    def probes(self, size: int) -> list[Probe]:
        """Rows to try one after the other where a first page of `size` says nothing; [] if they cannot be.

        Not all of them are likely to be bad: the first, one in the middle, and the one behind.
        """
        rows = dict.fromkeys((0, size // 2, size))
        return [Probe(self._cut.ask(range(row, row + 1))) for row in rows] if self._is_able else []

    def note(self, hole: Hole) -> None:
        """A page is missing."""
        self._holes.append(hole)

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
        if not self._is_able or hole.cause not in DIVISIBLE or not rows:
            return  # not divisible, or its place is unknown, or it is behind the announced end
        hole.rows = rows
        if len(rows) == 1:
            hole.bad[rows.start] = hole.cause
            self._close(hole, course)
        else:
            self._take_apart(hole, rows)

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
        if hole.is_given_up:
            return
        if cause not in DIVISIBLE or self._is_over:
            hole.left.append(rows)
            self.stop()
        elif len(rows) == 1:
            hole.bad[rows.start] = cause
        else:
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
        hole.is_given_up, hole.bad = True, {}

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
            self._forgo(hole)
            return
        self._close(hole, course)

    def _close(self, hole: Hole, course: Course) -> None:
        hole.is_closed = True
        length = hole.new + len(hole.bad)
        course.mended(hole.ask, Came(length, length, None), hole.reached)

    def unread(self, total: int | None) -> Unread:
        """What is missing, holes that were never opened included; `total` as announced, None for nothing."""
        self.stop()
        holes = [hole for hole in self._holes if not hole.is_closed]
        why = next((hole.why for hole in reversed(holes or self._holes) if hole.why), "")
        records = sum(hole.unread(total) for hole in holes)
        bad = {row: cause for hole in self._holes for row, cause in hole.bad.items()}
        return Unread(len(holes), records, why, bad)
