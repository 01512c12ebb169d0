"""Scrapes go first: refreshes pause for some milliseconds while a scrape is being sent.

A scrape is sent in many turns of the event loop; if a page were decoded in each of them, or a thread held the
interpreter at each system call, a scrape of milliseconds would take a quarter of a second. It owns who waits
for whom, and nothing of their work. Invariant: nobody waits long, whatever scrapers do: a step of work waits
no longer than `LONGEST`, and a scrape that is read slowly is soon no reason to wait.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

LONGEST = 0.01
"""Seconds that one step of work waits at most. A page takes about 2 ms, so that refreshes under scrapes that
never cease become slower by a factor of about six, and no more."""

SHORT = 0.25
"""Seconds from a scrape's beginning in which it goes first; tens of megabytes take a hundredth of one."""

STEP = 0.002
"""Seconds of work between two waits of a thread."""


class Precedence:
    """Who goes first. Made on the event loop; `scrape` and `step` are used there, `pause` by threads.

    `clock` gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._scrapes = 0
        self._until = 0.0  # on the clock: when the youngest scrape is no reason to wait any more
        self._rested = 0.0
        self._free = asyncio.Event()
        self._idle = threading.Event()
        self._queue = asyncio.Lock()
        self._free.set()
        self._idle.set()

    @contextmanager
    def scrape(self) -> Iterator[None]:
        """While a scrape is answered."""
        self._scrapes += 1
        self._until = self._clock() + SHORT
        self._free.clear()
        self._idle.clear()
        try:
            yield
        finally:
            self._scrapes -= 1
            if not self._scrapes:
                self._free.set()
                self._idle.set()

    @asynccontextmanager
    async def step(self) -> AsyncIterator[None]:
        """While a step of work is done on the event loop; begins when it may, one a turn of the loop."""
        async with self._queue:
            await asyncio.sleep(0)
            if self._scrapes:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._patience()):
                        await self._free.wait()
            yield

    def pause(self) -> None:
        """Between two steps of a thread's work: returns when the next may be done."""
        if self._clock() - self._rested >= STEP:
            self._idle.wait(self._patience())
            self._rested = self._clock()

    def _patience(self) -> float:
        """Seconds to wait at most, not above zero where there is nothing to wait for."""
        return min(LONGEST, self._until - self._clock()) if self._scrapes else 0.0
