"""When a request to an API may be sent: concurrency, Retry-After, quotas and the hourly budget.

Requests are admitted in the order in which they came; the clock is the running loop's. Invariants: the number
in flight is never over what the operator allows, no more requests than the budget are sent in any hour, a
slot is released however its request ends, and no wait but the budget's is longer than a minute.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from exporter import errors
from exporter.client import error_mapping, response_headers
from exporter.telemetry import Telemetry
from exporter.token_bucket import TokenBucket

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


_LONGEST = 60.0
"""Seconds between requests, whatever an API's quota says; the crawl has a deadline of its own."""

_HOUR = 3660.0
"""An hour of the budget: a request may be under way for some time before the server counts it."""

_BURST = 0.1
"""The share of the budget that may be spent at once."""

_FEW, _FEW_SHARE = 10, 0.2
"""From so many requests left, or this share of a window's, the rest of the window is shared out."""


def hourly(requests: int) -> TokenBucket:
    """At most `requests` in any hour: a bucket that holds a tenth and is refilled evenly with the rest."""
    burst = max(1, int(requests * _BURST))
    return TokenBucket(burst, _HOUR / (requests - burst))


class Timetable:
    """When requests to one API may go. `budget` is the most requests in any hour, None for no limit."""

    def __init__(self, budget: int | None) -> None:
        self._budget = hourly(budget) if budget is not None else None
        self._held = float("-inf")
        self._last = float("-inf")
        self._window_end = float("-inf")
        self._share = 0.0  # seconds between requests within the window
        self._largest = 0.0  # quota ever seen, for APIs that do not tell how large theirs is

    def hold(self, until: float) -> None:
        """Nothing goes before the moment `until`."""
        self._held = max(self._held, until)

    def heard(self, quota: response_headers.Quota, now: float) -> None:
        """The API told its quota at `now`; where little of it is left, the window is shared out evenly."""
        self._largest = max(self._largest, quota.limit or 0.0, quota.remaining)
        few = max(_FEW, (quota.limit or self._largest) * _FEW_SHARE)
        if quota.seconds is None or quota.remaining > few:
            self._window_end = float("-inf")
            return
        self._window_end = now + quota.seconds
        self._share = min(_LONGEST, quota.seconds / (quota.remaining + 1))

    def wait(self, now: float, gap: float) -> float:
        """Seconds until the next request may go; 0 for now. `gap` is the least time since the last one."""
        due = self._last + gap
        if now < self._window_end:
            # the next window brings a new quota
            due = max(due, min(self._last + self._share, self._window_end))
        waits = [self._held - now, due - now]
        if self._budget is not None:
            waits.append(self._budget.wait(now))
        return max(0.0, *waits)

    def sent(self, now: float) -> None:
        """A request goes now."""
        self._last = now
        if self._budget is not None:
            self._budget.spend(now)


_LEAST_WAIT = 0.001


class Limiter:
    """The limiter of the API `name`: at most `most` requests in flight, at most `budget` sent in any hour.

    `budget` is None for no limit. The time that waiting takes is bounded by the caller's deadline only.
    """

    def __init__(self, name: str, most: int, budget: int | None, telemetry: Telemetry) -> None:
        self._name = name
        self._telemetry = telemetry
        self._concurrency = Concurrency(most)
        self._timetable = Timetable(budget)
        self._flying = 0
        self._queue: deque[asyncio.Future[int]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._told = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """The time in which one request is sent and answered; what comes of it decides the later pace."""
        now = asyncio.get_running_loop().time
        began = now()
        sent = await self._admitted()
        began, waited = now(), now() - began
        self._telemetry.waited(self._name, waited)
        try:
            yield
            self._concurrency.good(sent, now() - began, self._flying)
        except errors.SourceError as error:
            if isinstance(error, errors.Throttled):
                self._concurrency.throttled(sent, self._flying)
            elif error_mapping.is_crowded(error):
                self._concurrency.crowded(sent, self._flying)
            elif error_mapping.is_ill(error):
                self._concurrency.ill(sent, self._flying)
            raise
        finally:
            self._left()

    def tell(self) -> None:
        """Tells how many requests may be in flight, where that is news."""
        if self._concurrency.limit != self._told:
            self._told = self._concurrency.limit
            self._telemetry.concurrency(self._name, self._told)

    def hold(self, seconds: float) -> None:
        """No request goes within the next `seconds`."""
        self._timetable.hold(asyncio.get_running_loop().time() + seconds)

    def heard(self, headers: Mapping[str, str]) -> None:
        """An answer had these headers, which may tell of a quota."""
        found = response_headers.quota(headers, time.time())
        if found is not None:
            self._telemetry.rate_limit(self._name, found.remaining)
            self._timetable.heard(found, asyncio.get_running_loop().time())

    async def _admitted(self) -> int:
        """Waits for a turn; gives the round of the concurrency in which the request is sent."""
        place: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        self._admit()
        try:
            return await place
        except asyncio.CancelledError:
            # where it was cancelled while it waited, its place is passed over when its turn comes
            if not place.cancelled():
                self._left()
            raise

    def _left(self) -> None:
        self._flying -= 1
        self.tell()
        self._admit()

    def _admit(self) -> None:
        """Gives turns to those who have waited longest, as long as there are any to give now."""
        loop = asyncio.get_running_loop()
        while self._queue and self._flying < self._concurrency.limit:
            if self._queue[0].cancelled():
                self._queue.popleft()
                continue
            now = loop.time()
            wait = self._timetable.wait(now, self._concurrency.gap)
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if wait > 0:
                # a rest that gets lost in rounding must not keep the loop busy
                self._timer = loop.call_at(now + max(wait, _LEAST_WAIT), self._admit)
                return
            place = self._queue.popleft()
            self._flying += 1
            self._timetable.sent(now)
            place.set_result(self._concurrency.round)
