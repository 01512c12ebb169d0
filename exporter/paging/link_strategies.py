"""The way through a list whose pages lead to one another, by link or by cursor.

It owns what is followed, and the doubt whether the end of the chain is the end of the list: a server may
leave out its links, lead in a circle or to nowhere, or for ever. Reading links and cursors is `next_link`'s.
Pure: no clock, no I/O. Invariant: nothing is followed twice.
"""

from __future__ import annotations

from exporter.paging.next_link import NOWHERE, Onward
from exporter.paging.strategy import Ask, Came, Course, doubted

_REPEATED, _EMPTY = 10, 100
"""Pages in a row without news, and without records, before a chain is held to be endless: access rules may
well empty a few, and each costs little."""


class Chain(Course):
    """One page after the other, until one leads nowhere; a page that is lost takes the rest along.

    A page without records does not end it, as long as it leads on.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._next: Ask | None = Ask(0, size)
        self._followed: set[Onward] = set()
        self._new = self._first = 0
        self._stale = 0  # pages in a row without news
        self._led = False  # whether any page ever led on
        self._doubt = ""

    def ahead(self, total: int | None, flying: int) -> Ask | None:
        """The page that the one before led to."""
        ask, self._next = self._next, None
        return ask

    def heard(self, ask: Ask, came: Came) -> None:
        """Follows where the page leads, unless that goes nowhere, elsewhere or in a circle."""
        if not ask.position:
            self._first = came.items
        self._new += came.new
        self._stale = 0 if came.new else self._stale + 1
        self._doubt = self._doubts(ask, came)
        self._led = self._led or came.onward != NOWHERE
        if came.onward in (NOWHERE, ask.onward) or self._doubt:
            return
        self._followed.add(came.onward)
        self._next = Ask(ask.position + 1, self._size, onward=came.onward)

    def _doubts(self, ask: Ask, came: Came) -> str:
        onward = came.onward
        if onward == NOWHERE:
            return self._unled(ask, came)
        if onward == ask.onward and not came.items:
            return ""  # some servers repeat the last cursor at the end, to ask again later
        if onward in self._followed:
            return "the pages lead in a circle: the last one back to one that was read before"
        if self._stale >= (_REPEATED if came.items else _EMPTY):
            return f"{self._stale} pages in a row brought nothing new, and each leads on to another"
        return onward.flaw

    def _unled(self, ask: Ask, came: Came) -> str:
        """An end is believed, but not where the API may never lead on, or has forgotten its cursor."""
        if came.status == 404:
            return "the API led on to a page and then answered 404 to it"
        if not ask.position and came.items >= self._size:
            return "the first page is full, and the API neither leads on to a next nor announces a total"
        return ""

    def lost(self, ask: Ask, total: int | None) -> int:
        """Nobody can go on behind it: all that is missing from the total, else at least a page."""
        return self._size if total is None else max(0, total - self._new)

    def doubt(self, total: int | None) -> str:
        """What is wrong with the chain's end, unless a total that can be believed says that all came."""
        if total is None:
            return self._doubt
        believed = not self._led or not doubted(total, self._new, self._first, self._size)
        return "" if self._new >= total and believed else self._doubt
