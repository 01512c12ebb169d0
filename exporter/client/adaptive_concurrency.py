"""How much at once: the number of requests in flight that an API bears, and how often one may be repeated.

Decides from answers alone; waiting is `limiter`'s, moments are `rate_limiter`'s, what an error means for the
load is `error_mapping`'s. Requests in flight grow by one a window and are halved by distress, as in TCP;
where an API turns requests away, the number it bears is remembered and seldom exceeded again. Invariant: the
limit is never under one and never over what the operator allows.
"""

from __future__ import annotations

_START = 4
"""Requests in flight at the beginning: quick for a small inventory, bearable for a weak server."""

_SHORT, _DRIFT = 0.1, 1.0005
"""Weight of the newest answer in the mean; by how much the best mean is doubted with every answer."""

_SLOWER, _QUICK = 2.0, 0.05
"""So many times the best mean is too slow to ask for more, unless it is so few seconds: that is noise."""

_CROWD, _MANY = 1 / 256, 3.5 / 256
"""Weight of the newest answer in the share that is turned away; over this share the limit is too high."""

_ILL, _SICK, _WELL = 1 / 16, 0.25, 1024
"""The same for other distress, which is often that of one page and not of the API; good answers in a row
after which it is news again."""

_PATIENCE, _LONGEST_PATIENCE = 256, 1024
"""Good answers before more than an API is known to bear is tried: one in so many may be turned away."""

_FIRST_GAP, _LONGEST_GAP = 0.02, 10.0
_WIDER, _NARROWER = 1.5, 0.96
"""Seconds between requests where even one at a time is too many. One in ten turned away keeps them."""


class Concurrency:
    """How many requests may be in flight: `limit`, from 1 to `most`.

    `gap` is the least time between two requests in seconds; 0 unless the limit is 1 and that was still too
    much. `flying` is everywhere the number of requests in flight, the one that was answered included.
    """

    def __init__(self, most: int) -> None:
        self.limit = min(_START, most)
        self.gap = 0.0
        self.round = 0
        """Answers to requests of an earlier round say nothing of the present limit."""
        self._most = self._room = most  # room: how many are known, or still hoped, to be borne
        self._patience = _PATIENCE
        self._good = 0  # since the limit was changed
        self._short = self._best = 0.0
        self._crowd = self._ill = 0.0
        self._well = _WELL  # good answers in a row

    def good(self, sent: int, seconds: float, flying: int) -> None:
        """A request of the round `sent` was answered well within `seconds`."""
        self._crowd *= 1 - _CROWD
        self._ill *= 1 - _ILL
        self._well += 1
        self._short = self._short + _SHORT * (seconds - self._short) if self._short else seconds
        self._best = min(self._short, self._best * _DRIFT) if self._best else self._short
        self.gap = self.gap * _NARROWER if self.gap > _FIRST_GAP / 2 else 0.0
        # a limit that is hardly made use of is not tried; of answers that come together only the first meets
        # all of their requests in flight
        if sent == self.round and 2 * flying >= self.limit and not self.gap:
            self._good += 1
            self._grow()

    def _grow(self) -> None:
        if self._short > max(_SLOWER * self._best, _QUICK):
            return
        if self.limit > self._room and self._good >= 8 * self.limit:
            # more than was known is borne: perhaps still more is, so the next step comes sooner
            self._room = self.limit
            self._patience //= 4
        if self.limit < self._room:
            enough = self.limit
        elif self.limit == self._room:
            enough = max(self.limit, self._patience)
        else:
            return
        if self._good >= enough and self.limit < self._most:
            self.limit += 1
            self._good = 0

    def throttled(self, sent: int, flying: int) -> None:
        """A request of the round `sent` was turned away by a server that counts: 429, or 503 with a wait.

        Where there was no other request, only time in between can help.
        """
        if sent == self.round and min(self.limit, flying) == 1:
            self.gap = min(_LONGEST_GAP, max(_FIRST_GAP, self._short / 2, self.gap * _WIDER))
        self.crowded(sent, flying)

    def crowded(self, sent: int, flying: int) -> None:
        """A request of the round `sent` was turned away since there are too many, or so it seems: 503.

        It may also be one of several servers behind the address that is down; no gap would help.
        """
        if sent != self.round:
            return
        self._crowd += _CROWD * (1 - self._crowd)
        reached = min(self.limit, flying)
        if self.limit > self._room:
            self._patience = min(_LONGEST_PATIENCE, max(_PATIENCE, 2 * self._patience))
        elif self._crowd >= _MANY:
            self._room = max(1, reached - 1)
            self._patience = _PATIENCE
            self._crowd = 0.0
        self._halve(reached)

    def ill(self, sent: int, flying: int) -> None:
        """A request of the round `sent` failed as it may under too much load: 502, 504, no answer in time.

        The first halves. Later ones do only where many answers are like it: one page that always fails, and
        is asked for again and again, must not slow down all the others.
        """
        self._ill += _ILL * (1 - self._ill)
        if sent == self.round and (self._well >= _WELL or self._ill >= _SICK):
            self._halve(min(self.limit, flying))
        self._well = 0

    def _halve(self, reached: int) -> None:
        self.limit = max(1, reached // 2)
        self._good = 0
        self.round += 1


class Retries:
    """How many requests may be repeated: a share of all, so that a failing API is not asked ever more.

    Every request earns a part of a repetition, up to `_MOST`; up to `floor` they come back with time, so
    that a small inventory, too, may be asked again. `now` is in seconds of any steady clock.
    """

    _SHARE, _MOST, _SECONDS_EACH = 0.2, 100.0, 3.0

    def __init__(self, floor: float = 20.0) -> None:
        self._floor = self.left = floor
        self._then: float | None = None

    def sent(self) -> None:
        """A request is sent for the first time."""
        self.left = max(self.left, min(self._MOST, self.left + self._SHARE))

    def take(self, now: float) -> bool:
        """Takes one repetition; False if none is left."""
        if self._then is not None and self.left < self._floor:
            self.left = min(self._floor, self.left + (now - self._then) / self._SECONDS_EACH)
        self._then = now
        if self.left < 1:
            return False
        self.left -= 1
        return True
