"""Supervision: restarts tasks that fail, measures how late the event loop is, and notifies systemd.

A task that keeps failing however often it is restarted makes the process unhealthy; an API that cannot be
reached does not. A supervised task ends only when it is cancelled or when its work is done. systemd is
notified by the protocol of sd_notify(3), over a datagram socket; sending neither waits nor raises.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
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
        began = asyncio.get_running_loop().time()
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
        if asyncio.get_running_loop().time() - began > _STABLE:
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


def watchdog_interval(environ: Mapping[str, str]) -> float | None:
    """Seconds between two WATCHDOG, half of the unit's WatchdogSec; None if there is no watchdog.

    There is none without WATCHDOG_USEC, if that is no positive number, or if WATCHDOG_PID is another process
    (sd_watchdog_enabled(3)).
    """
    pid = environ.get("WATCHDOG_PID")
    if pid and pid != str(os.getpid()):
        return None
    value = environ.get("WATCHDOG_USEC", "")
    microseconds = int(value) if value.isascii() and value.isdigit() else 0
    return microseconds / 2_000_000 if microseconds else None


class Notifier:
    """Notifies the service manager that the environment names; without NOTIFY_SOCKET nobody."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._failure = ""

    def ready(self, status: str = "") -> None:
        """The start, or a reload, is finished; `status` is shown by `systemctl status`."""
        self._send("READY=1", *_status(status))

    def reloading(self, now: float) -> None:
        """The configuration is being reloaded, until `ready`. `now` is the monotonic clock in seconds."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={round(now * 1_000_000)}")

    def stopping(self) -> None:
        """The process is shutting down."""
        self._send("STOPPING=1")

    def alive(self, status: str = "") -> None:
        """The process is alive; to be sent every `watchdog_interval`."""
        self._send("WATCHDOG=1", *_status(status))

    def _send(self, *variables: str) -> None:
        """Sends one message. A failure is logged once and never raised."""
        if not self._address:
            return
        # a name that begins with @ is an abstract one, which the kernel knows by a leading zero
        address = f"\0{self._address[1:]}" if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.setblocking(False)  # noqa: FBT003 - the standard library's own signature
                channel.connect(address)
                channel.send("\n".join(variables).encode())
        except OSError as error:
            self._log_failure(error.strerror or str(error))
        else:
            self._failure = ""

    def _log_failure(self, reason: str) -> None:
        if reason != self._failure:
            hint = "is the unit's NotifyAccess=main, and its socket reachable from the sandbox?"
            log.warning("service manager not notified", socket=self._address, error=reason, hint=hint)
        self._failure = reason


def _status(text: str) -> list[str]:
    return [f"STATUS={' '.join(text.split())}"] if text else []  # a line end would begin another variable
