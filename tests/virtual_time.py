"""An event loop on virtual time: when every task waits for a timer, the clock jumps to that timer.

Time stands still while code runs, while bytes are on their way over a socket of this process, and while a
thread works, so a busy machine does not change what a test sees. While a child process runs, time is the real
one. `tests/conftest.py` gives this loop to every async test that is not marked `real_time`.
"""

from __future__ import annotations

import asyncio
import selectors
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

START = 1000.0
"""What the clock of a new loop shows, in seconds."""

_GRACE = 0.001  # real seconds: bytes that were sent over loopback have arrived by then
_HANGS = 0.25  # real seconds: a thread that works for longer is taken to hang, and time passes while it does
_READS_FILES = "files"  # the name of the threads that read files


class _Selector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    """Adds the time that nobody needed to wait for to `passed`."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0
        self.jobs = 0
        self.earlier = frozenset(threading.enumerate())  # of other tests: some hang for ever
        self.children: list[asyncio.SubprocessTransport] = []

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        if any(child.get_returncode() is None for child in self.children):
            return self._really(timeout)
        found = super().select(0)
        if not found and self._threads_work():
            found = super().select(_HANGS)
            if not found and self._threads_work():
                return self._really(timeout)
        elif not found and len(self.get_map()) > 1:  # the loop's own socket, which wakes it, is always there
            found = super().select(_GRACE)
        if not found and not self._threads_work():
            self.passed += timeout
        return found

    def _threads_work(self) -> bool:
        if self.jobs > 0:
            return True
        return any(one.name == _READS_FILES and one not in self.earlier for one in threading.enumerate())

    def _really(self, timeout: float) -> list[tuple[selectors.SelectorKey, int]]:
        began = time.monotonic()
        found = super().select(timeout)
        self.passed += min(timeout, time.monotonic() - began)
        return found


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Its time begins at `START`."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return START + self._virtual.passed

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        future = super().run_in_executor(executor, func, *args)
        self._virtual.jobs += 1
        future.add_done_callback(self._job_ended)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Joins its threads in real time; newer Pythons allow 300 s by the clock of the loop."""
        self._virtual.jobs += 1
        try:
            await super().shutdown_default_executor()
        finally:
            self._virtual.jobs -= 1

    async def subprocess_exec(self, *args: Any, **options: Any) -> Any:
        transport, protocol = await super().subprocess_exec(*args, **options)
        self._virtual.children.append(transport)
        return transport, protocol

    def _job_ended(self, _: object) -> None:
        self._virtual.jobs -= 1


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What runs inside must take no more than this by the clock of the loop."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    yield
    took = loop.time() - began
    assert took <= seconds, f"it took {took:.3f} s"


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of the coroutine, run in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(coroutine)
