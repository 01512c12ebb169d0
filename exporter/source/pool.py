"""The connections of one API, none of which is kept for ever: a session that is replaced now and then.

A connection that is kept alive stays with a server that the name may long have left; so the session is
replaced when it is old, or when one of its connections has turned out to be dead. What is sent is `wire`'s.
Invariant: a session that was replaced is closed as soon as its last request is over, and not before.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

OLDEST = 300.0
"""Seconds after which no request begins on the same connections."""


@dataclass(eq=False, slots=True)
class Generation:
    """One session with its connections: since when it is used, and by how many requests."""

    session: aiohttp.ClientSession
    born: float
    users: int = 0


class Pool:
    """The current session, from `open` to `close`; `made` makes one, `clock` tells seconds steadily."""

    def __init__(self, made: Callable[[], aiohttp.ClientSession], clock: Callable[[], float]) -> None:
        self._made, self._clock = made, clock
        self._current: Generation | None = None
        self._former: set[Generation] = set()

    def open(self) -> None:
        """Makes the first session; must be called within the loop."""
        self._current = Generation(self._made(), self._clock())

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Generation]:
        """A session that is young enough, for one request."""
        if self._current is None:
            raise RuntimeError("the client is used outside of its `async with`")
        if self._clock() - self._current.born > OLDEST:
            await self.replace(self._current)
        leased = self._current
        leased.users += 1
        try:
            yield leased
        finally:
            leased.users -= 1
            await self._tidy()

    async def replace(self, worn: Generation) -> None:
        """Later requests go over fresh connections, unless that has been seen to since `worn` was leased."""
        if worn is self._current:
            self._former.add(worn)
            self.open()
            await self._tidy()

    async def _tidy(self) -> None:
        for former in [one for one in self._former if not one.users]:
            self._former.discard(former)
            await former.session.close()

    async def close(self) -> None:
        """Closes everything, requests that are still in flight included."""
        every = [*self._former, *([self._current] if self._current else [])]
        self._former.clear()
        self._current = None
        for one in every:
            await one.session.close()
