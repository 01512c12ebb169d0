"""The workshop: a process for each processor to spare, at work only while much is new.

It is open while a crawl runs that may bring a lot; processes are started by the first pages or buckets that
are given to them, and end when nobody has the workshop open any more. Each belongs to a thread of ours that
waits for it. Invariant: every failure is answered with None, which means: do it yourself.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import structlog

from exporter import errors
from exporter.exposition.segments import Block
from exporter.inventory import decode
from exporter.inventory.snapshot import Held
from exporter.workshop import hand, job

log = structlog.get_logger()

MANY = 20_000
"""Records from which on processes are worth starting; they take some tenths of a second to start."""

_TOGETHER = 32  # buckets of one question


class Workshop:
    """At most `most` processes, and no more than there are processors; none where there is but one."""

    def __init__(self, most: int) -> None:
        processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.size = min(most, processors) if processors > 1 else 0
        self._visitors = 0
        self._shift = _Shift(0)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """While this is so, processes are kept."""
        if not self._visitors:
            self._shift = _Shift(self.size)
        self._visitors += 1
        try:
            yield
        finally:
            self._visitors -= 1
            if not self._visitors:
                shift, self._shift = self._shift, _Shift(0)
                await asyncio.shield(asyncio.to_thread(shift.close))

    def helps(self, records: int) -> bool:
        """Whether so many records, none of them known, are work for it now."""
        return records >= MANY and self._shift.able

    async def read(self, order: msgspec.Raw, key: bytes, body: bytes) -> decode.Batch[Any] | None:
        """The records of a page, none of which is known. Raises `Malformed` as `decode.page` does."""
        loop = asyncio.get_running_loop()
        shift = self._shift
        try:
            asked = loop.run_in_executor(shift.threads, shift.read, order, key, body)
        except RuntimeError as error:  # no thread is to be had
            shift.failed(error)
            return None
        try:
            return await asked
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is None or current.cancelling():
                raise
            return None  # it was in the queue when the workshop closed: whoever had it open is gone

    def rendered(self, order: msgspec.Raw, buckets: Sequence[Sequence[Held]]) -> list[list[Block]] | None:
        """The blocks of each bucket, one for each family; waits for them."""
        shift = self._shift
        parts = [buckets[at : at + _TOGETHER] for at in range(0, len(buckets), _TOGETHER)]
        try:
            found = list(shift.threads.map(lambda part: shift.render(order, part), parts))
        except RuntimeError as error:  # no thread is to be had
            shift.failed(error)
            return None
        whole = [blocks for part in found if part is not None for blocks in part]
        return whole if len(whole) == len(buckets) else None


class _Shift:
    """So many processes, each with the thread that asks it."""

    def __init__(self, size: int) -> None:
        self.threads = ThreadPoolExecutor(max(1, size), "workshop")
        self.able = size > 0
        self._own = threading.local()
        self._hands: list[hand.Hand] = []

    def read(self, order: msgspec.Raw, key: bytes, body: bytes) -> decode.Batch[Any] | None:
        answer = self._asked(job.ask_to_read(order, key, body))
        try:
            return None if answer is None else job.batch(answer)
        except errors.Malformed:
            raise
        except ValueError as error:
            self.failed(error)
            return None

    def render(self, order: msgspec.Raw, buckets: Sequence[Sequence[Held]]) -> list[list[Block]] | None:
        answer = self._asked(job.ask_to_render(order, buckets))
        try:
            return None if answer is None else job.blocks(answer)
        except ValueError as error:
            self.failed(error)
            return None

    def _asked(self, question: bytes) -> bytearray | None:
        if not self.able:
            return None
        try:
            return self._hand().ask(question)
        except OSError as error:
            self.failed(error)
            return None

    def _hand(self) -> hand.Hand:
        mine: hand.Hand | None = getattr(self._own, "hand", None)
        if mine is None:
            mine = self._own.hand = hand.Hand()
            self._hands.append(mine)
            if not self.able:  # all others were closed while it was started
                mine.close()
        return mine

    def failed(self, error: Exception) -> None:
        """Nothing is given to these processes any more."""
        if self.able:
            self.able = False
            log.warning(
                "a process of the workshop failed",
                error=f"{type(error).__name__}: {error}",
                mend="this crawl goes on in one process, more slowly; is there memory for several?",
            )

    def close(self) -> None:
        """Ends the processes; what they are still working on is not wanted any more."""
        self.able = False
        hand.close(tuple(self._hands))
        self.threads.shutdown(cancel_futures=True)
