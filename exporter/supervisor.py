"""Restarts tasks that fail and measures how late the event loop is.

A task that keeps failing however often it is restarted makes the process unhealthy; an API that cannot be
reached does not. Invariant: a supervised task ends only when it is cancelled or when its work is done.
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

_FIRST_PAUSE = 1.0  # seconds before the first restart of a task, doubled with each further one
_LONGEST_PAUSE = 60.0  # seconds
_STABLE = 600.0  # seconds after which earlier failures of a task are forgotten
_FAILING = 5  # failures since a task was last stable, from which on it counts as failing
_LAG_INTERVAL = 0.5  # seconds between two measurements of the event loop's lag
_LAG_SAMPLES = 120  # measurements of which the largest is exported: the last minute
_STUCK = 5.0  # seconds without a turn of the event loop, after which the log shows where it is
_CHECK_INTERVAL = 1.0  # seconds between two checks whether the event loop is stuck


class Supervisor:
    """Restarts tasks that fail. `pause` is the time in seconds before the first restart."""

    def __init__(self, telemetry: Telemetry, *, pause: float = _FIRST_PAUSE) -> None:
        self._telemetry = telemetry
        self._pause = pause
        self._failures: dict[str, int] = {}

    async def supervise(self, task: str, work: Callable[[], Awaitable[None]]) -> None:
        """Runs `work` until it returns. If it raises, it is run again after a pause that grows.

        A `CancelledError` from something that `work` waited for counts as a failure; only one that cancels
        the task itself ends it.
        """
        self._failures[task] = 0
        try:
            while not await self._finished(task, work):
                pause = self._pause * 2.0 ** min(self._failures[task] - 1, 10)
                await asyncio.sleep(min(pause, _LONGEST_PAUSE))
                self._telemetry.task_restarted(task)
        finally:
            del self._failures[task]

    async def _finished(self, task: str, work: Callable[[], Awaitable[None]]) -> bool:
        began = time.monotonic()
        try:
            await work()
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is None or current.cancelling():
                raise
            self._failed(task, began)
            return False
        except Exception:  # noqa: BLE001 - whatever it was, the task is run again
            self._failed(task, began)
            return False
        return True

    def _failed(self, task: str, began: float) -> None:
        if time.monotonic() - began > _STABLE:
            self._failures[task] = 0
        self._failures[task] += 1
        log.exception("task died", task=task, deaths=self._failures[task])

    def failing(self) -> list[str]:
        """The names of the tasks that keep failing."""
        return [task for task, failures in self._failures.items() if failures >= _FAILING]

    async def monitor_loop(self) -> None:
        """Measures how late the event loop is, until cancelled; exports the maximum of the last minute."""
        lags = [0.0] * _LAG_SAMPLES
        count = 0
        with _Watchdog(threading.get_ident()) as watchdog:
            while True:
                before = time.monotonic()
                watchdog.last_turn = before
                await asyncio.sleep(_LAG_INTERVAL)
                lags[count % _LAG_SAMPLES] = max(0.0, time.monotonic() - before - _LAG_INTERVAL)
                self._telemetry.loop_lag(max(lags))
                count += 1


class _Watchdog:
    """A thread that logs where the event loop's thread is when the loop has not had a turn for seconds."""

    def __init__(self, thread: int) -> None:
        self.last_turn = time.monotonic()
        self._thread = thread
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()

    def _watch(self) -> None:
        logged = 0.0
        while not self._stopped.wait(_CHECK_INTERVAL):
            last_turn = self.last_turn
            if time.monotonic() - last_turn > _STUCK and last_turn != logged:
                logged = last_turn  # once for each time it is stuck
                frame = sys._current_frames().get(self._thread)
                where = "".join(traceback.format_stack(frame, limit=8)) if frame else ""
                log.error("event loop stuck", seconds=round(time.monotonic() - last_turn, 1), where=where)
