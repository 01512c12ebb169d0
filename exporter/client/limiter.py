"""Where the requests to one API wait for their turn, first come, first served.

It joins what is decided elsewhere: how many may be in flight (`adaptive_concurrency`) and when the next may
go (`rate_limiter`). Sending is `client`'s, and so is what becomes of a request that failed. Its clock is the
running loop's. Invariant: a turn that was given is given back, however the request ends, and nobody waits
without a reason.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from exporter import errors
from exporter.client import adaptive_concurrency, error_mapping, quota
from exporter.client.rate_limiter import Timetable

_LEAST_WAIT = 0.001


class Telemetry(Protocol):
    """What the gate tells; `api` is the gate's name."""

    def concurrency(self, api: str, limit: int) -> None:
        """So many requests may be in flight from now on."""
        ...

    def rate_limit(self, api: str, remaining: float) -> None:
        """The API said that so many requests are left in its window."""
        ...

    def waited(self, api: str, seconds: float) -> None:
        """A request waited so many seconds for its turn."""
        ...


class Gate:
    """The gate to the API `name`: at most `most` requests in flight, at most `budget` sent in any hour.

    `budget` is None for no limit. The time that waiting takes is bounded by the caller's deadline only.
    """

    def __init__(self, name: str, most: int, budget: int | None, telemetry: Telemetry) -> None:
        self._name = name
        self._telemetry = telemetry
        self._concurrency = adaptive_concurrency.Concurrency(most)
        self._timetable = Timetable(budget)
        self._flying = 0
        self._queue: deque[asyncio.Future[int]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._told = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
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
        found = quota.read(headers, time.time())
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
