"""Whether the process can do its work: tasks that die are started again, a late event loop is measured.

It owns the rule when the process counts as unhealthy: a task that keeps dying however often it is started,
never an inventory that cannot be reached. Invariant: a task that is kept ends only by being cancelled, or by
having nothing left to do.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import structlog

from exporter.telemetry import Telemetry

log = structlog.get_logger()

_FIRST_PAUSE, _LONGEST_PAUSE = (
    1.0,
    60.0,
)  # seconds before a task that died is started again, doubled each time
_WELL = 600.0  # seconds a task must live to be believed again
_DYING = 5  # deaths without such a life between them
_LAG_SAMPLE = 0.5  # seconds between two looks at the event loop
_LAG_WINDOW = 120  # looks: the worst of a minute is told
_STUCK = 5.0  # seconds without a turn after which the log says where the event loop is
_LOOK = 1.0  # seconds between two looks of the watchdog


class Vitals:
    """Keeps tasks alive. `pause` is the time in seconds before the first restart."""

    def __init__(self, telemetry: Telemetry, *, pause: float = _FIRST_PAUSE) -> None:
        self._telemetry = telemetry
        self._pause = pause
        self._deaths: dict[str, int] = {}

    async def keep(self, task: str, work: Callable[[], Awaitable[None]]) -> None:
        """Runs `work` until it ends; where it dies of an exception it is started again, later each time.

        So it is where what it waited for was cancelled, and not the task itself: that is nobody's wish.
        """
        self._deaths[task] = 0
        try:
            while not await self._lived(task, work):
                pause = self._pause * 2.0 ** min(self._deaths[task] - 1, 10)
                await asyncio.sleep(min(pause, _LONGEST_PAUSE))
                self._telemetry.task_restarted(task)
        finally:
            del self._deaths[task]

    async def _lived(self, task: str, work: Callable[[], Awaitable[None]]) -> bool:
        began = time.monotonic()
        try:
            await work()
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is None or current.cancelling():
                raise
            self._died(task, began)
            return False
        except Exception:  # noqa: BLE001 - whatever it was, the task goes on
            self._died(task, began)
            return False
        return True

    def _died(self, task: str, began: float) -> None:
        if time.monotonic() - began > _WELL:
            self._deaths[task] = 0
        self._deaths[task] += 1
        log.exception("task died", task=task, deaths=self._deaths[task])

    def dying(self) -> list[str]:
        """The tasks that keep dying."""
        return [task for task, deaths in self._deaths.items() if deaths >= _DYING]

    async def pulse(self) -> None:
        """Measures how late the event loop is, for ever; the worst of the last minute is told."""
        late = [0.0] * _LAG_WINDOW
        turn = 0
        with _Watchdog(threading.get_ident()) as watchdog:
            while True:
                before = time.monotonic()
                watchdog.seen = before
                await asyncio.sleep(_LAG_SAMPLE)
                late[turn % _LAG_WINDOW] = max(0.0, time.monotonic() - before - _LAG_SAMPLE)
                self._telemetry.loop_lag(max(late))
                turn += 1


class _Watchdog:
    """A thread that says where the event loop's thread is when that has not had a turn for seconds."""

    def __init__(self, thread: int) -> None:
        self.seen = time.monotonic()
        self._thread = thread
        self._over = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()

    def _watch(self) -> None:
        told = 0.0
        while not self._over.wait(_LOOK):
            seen = self.seen
            if time.monotonic() - seen > _STUCK and seen != told:
                told = seen  # once for each time it is stuck
                frame = sys._current_frames().get(self._thread)
                where = "".join(traceback.format_stack(frame, limit=8)) if frame else ""
                log.error("event loop stuck", seconds=round(time.monotonic() - seen, 1), where=where)
