"""Reloads that were asked for, by a signal or over HTTP; those that come while one waits are one.

It loads nothing (`app` does) and only brings those who ask together with the one who answers. Invariant:
everybody who asks is answered, by a reload that began after they asked or by the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Answer:
    """The answer to everybody who asked, given once."""

    def __init__(self, waiting: asyncio.Future[tuple[bool, str]]) -> None:
        self._waiting = waiting

    def yes(self, sentence: str) -> None:
        """The new settings are at work."""
        self._give((True, sentence))

    def no(self, sentence: str) -> None:
        """The old settings stay."""
        self._give((False, sentence))

    def _give(self, answer: tuple[bool, str]) -> None:
        if not self._waiting.done():
            self._waiting.set_result(answer)


class Reloads:
    """The requests for a reload."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._waiting: asyncio.Future[tuple[bool, str]] | None = None

    def ask(self) -> asyncio.Future[tuple[bool, str]]:
        """Asks for a reload; the future says whether it went well, in a sentence too."""
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_future()
        self._asked.set()
        return self._waiting

    def end(self) -> None:
        """Nobody is there any more who could answer: whoever waits, or asks from now on, is told so."""
        Answer(self.ask()).no("The exporter is stopping; the settings were not reloaded.")

    @asynccontextmanager
    async def next(self) -> AsyncIterator[Answer]:
        """Waits until a reload is asked for; leaving without an answer is a no."""
        await self._asked.wait()
        self._asked.clear()
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            raise RuntimeError("a reload was asked for by nobody")
        answer = Answer(waiting)
        try:
            yield answer
        finally:
            answer.no("The settings could not be reloaded.")
