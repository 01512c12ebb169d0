"""Reads files that may change, or stop responding, while the exporter runs: in threads, with a deadline.

A file on a mount that hangs blocks each thread that opens it or reads its metadata. Daemon threads do this,
so neither the event loop nor the end of the process waits. Invariant: at most one thread of each `Calls`
hangs.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

DEADLINE = 5.0
"""Seconds that a request waits for the files it needs."""

LARGEST = 1 << 20
"""Maximum bytes of a file; a larger one is a mistake, such as /dev/zero."""

_STABLE_AFTER = 2.0
"""Seconds since the last change of a file after which its stamp shows the next change.

The time stamps of file systems are coarse: a file written twice within one step has the same stamp.
"""

Stamp = tuple[int, ...]
"""Differs if a file has changed: times in nanoseconds, size, inode, device."""


def stamp(path: Path) -> Stamp:
    """The stamp of the file; empty if there is no file. May block."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return ()
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev)


def stable_stamp(path: Path) -> Stamp:
    """The stamp of a file, if it shows the next change; else empty. May block."""
    found = stamp(path)
    if not found or not path.is_file() or time.time() - found[0] / 1e9 < _STABLE_AFTER:
        return ()
    return found


def read(path: Path) -> bytes:
    """The content, at most one byte more than `LARGEST`; raises OSError, ValueError. May block."""
    with path.open("rb") as stream:
        return stream.read(LARGEST + 1)


def whole(path: Path) -> bytes:
    """The content; raises OSError, also for a file larger than `LARGEST`, and ValueError. May block."""
    content = read(path)
    if len(content) > LARGEST:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return content


def within(seconds: float, work: Callable[[], T]) -> T:
    """Runs `work` in a daemon thread and returns its result; raises TimeoutError after `seconds`. Blocks."""
    found: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again below, in the calling thread
            failed.append(error)

    thread = threading.Thread(target=run, name="files", daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError(errno.ETIMEDOUT, "timeout")
    return found[0]


class Calls(Generic[T]):
    """Calls `work` in daemon threads, one at a time, and passes each result to `done` on the event loop.

    This includes results after the `deadline` (seconds). `work` must not raise.
    """

    def __init__(self, work: Callable[[], T], done: Callable[[T], None], deadline: float = DEADLINE) -> None:
        self._work, self._done, self._deadline = work, done, deadline
        self._running: asyncio.Future[T] | None = None
        self._began, self._number = 0.0, 0

    async def fresh(self) -> None:
        """Returns when `done` has the result of a call that started after this one.

        Raises TimeoutError if a call takes longer than the deadline, at once if one already does.
        """
        now = asyncio.get_running_loop().time
        before = self._number
        wanted = False
        while not wanted:
            running = self._running or self._begin()
            wanted = self._number > before
            left = self._began + self._deadline - now()
            if left > 0:
                await asyncio.wait((running,), timeout=left)
            if not running.done():
                raise TimeoutError(errno.ETIMEDOUT, "timeout")

    def _begin(self) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        running: asyncio.Future[T] = loop.create_future()
        self._running, self._began = running, loop.time()
        self._number += 1

        def run() -> None:
            found = self._work()
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._end, running, found)

        threading.Thread(target=run, name="files", daemon=True).start()
        return running

    def _end(self, running: asyncio.Future[T], found: T) -> None:
        self._running = None
        self._done(found)
        running.set_result(found)


class Contents:
    """The contents of some files, read again when they have changed."""

    def __init__(self, paths: Iterable[Path], deadline: float = DEADLINE) -> None:
        self._paths = tuple(dict.fromkeys(paths))
        self._stamps: dict[Path, Stamp] = {}
        self._found: dict[Path, bytes | OSError | ValueError] = {}
        self._at: Path | None = None  # the file that the thread is reading
        self._late: Path | None = None
        self._calls = Calls(self._look, self._keep, deadline)

    async def refresh(self) -> None:
        """Reads the changed files; never fails, because `read` raises their errors."""
        if not self._paths:
            return
        try:
            await self._calls.fresh()
        except TimeoutError:
            self._late = self._at

    def read(self, path: Path) -> bytes:
        """The content as of the last refresh; raises the OSError or ValueError of reading it."""
        found = self._found.get(path)
        if found is None or path == self._late:
            raise TimeoutError(errno.ETIMEDOUT, "timeout")
        if not isinstance(found, bytes):
            raise found.with_traceback(None)
        return found

    def _look(self) -> dict[Path, tuple[Stamp, bytes | OSError | ValueError]]:
        """The files that have changed; runs in a thread."""
        changed: dict[Path, tuple[Stamp, bytes | OSError | ValueError]] = {}
        for path in self._paths:
            self._at = path
            now = stable_stamp(path)
            if not now or now != self._stamps.get(path):
                try:
                    changed[path] = (now, read(path))
                except (OSError, ValueError) as error:
                    changed[path] = ((), error)
        self._at = None
        return changed

    def _keep(self, changed: dict[Path, tuple[Stamp, bytes | OSError | ValueError]]) -> None:
        self._late = None
        for path, (seen, found) in changed.items():
            self._stamps[path], self._found[path] = seen, found
