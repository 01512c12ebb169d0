"""Log lines, logfmt or JSON on standard error, and the standard streams of the process.

A processor blanks values under keys that name secrets. `serve` replaces standard error by a `Stderr`, which
never blocks. Streams may be full, closed, not UTF-8, or a pipe that nobody reads: characters that their
encoding lacks are escaped (`\\u2026`), and none of this causes a traceback.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import logging
import os
import re
import select
import sys
import threading
from collections import deque
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO, cast

import rich.console
import structlog

_SECRET = re.compile(r"password|secret|token|credential|authorization|cookie", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

PENDING = 1 << 20
"""Characters that may wait to be written: some 5,000 lines."""
LAST_LINES = 2.0
"""Seconds that the end of the process waits for what is still to be written."""
_CLOSED = -1  # a file descriptor that cannot be written


log = structlog.get_logger()


class _Steady(io.TextIOBase):
    """A stream that drops a line if it is closed or its disk is full, and never raises."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes the text if that can be done."""
        if self._stream is not None:
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flushes if that can be done."""
        if self._stream is not None:
            with contextlib.suppress(OSError, ValueError):
                self._stream.flush()


class Stderr(io.TextIOBase):
    """A text stream over a file descriptor. `write` never blocks: a thread writes the lines, in order.

    Where nobody reads the other end, as of a pipe that is full, lines wait up to `pending` characters; those
    that find no room are dropped and reported to `dropped`. It may be used by any thread.
    """

    encoding = "utf-8"

    def __init__(self, descriptor: int, encoding: str = "utf-8", *, pending: int = PENDING) -> None:
        self.encoding = encoding  # what it cannot encode is escaped
        self._descriptor = descriptor
        self._pending = pending
        self._begun = ""  # the beginning of an unfinished line
        self._lines: deque[str] = deque()
        self._size = 0
        self._lost = 0  # lines dropped since the last one that was written
        self._at_work = False
        # Reentrant: a warning by a destructor may be written while this thread writes.
        self._change = threading.Condition(threading.RLock())
        self.dropped: Callable[[int], object] = lambda lines: None
        threading.Thread(target=self._work, name="log-writer", daemon=True).start()

    def fileno(self) -> int:
        """The file descriptor that is written to."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether a person reads it."""
        return self._descriptor != _CLOSED and os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Adds the text to what is to be written; drops the lines that find no room."""
        with self._change:
            *lines, self._begun = f"{self._begun}{text}".split("\n")
            for line in lines:
                self._add(f"{line}\n")
            if len(self._begun) > self._pending:
                self._end_line()
            self._change.notify_all()
        return len(text)

    def _add(self, line: str) -> None:
        if self._lines and self._size + len(line) > self._pending:
            self._lose(1)
        else:
            self._lines.append(line)
            self._size += len(line)

    def _end_line(self) -> None:
        """Takes what has begun as a line, without its end."""
        if self._begun:
            self._add(self._begun)
            self._begun = ""

    def flush(self) -> None:
        """Nothing: the thread writes as soon as it can. `drain` waits for it."""

    def drain(self, seconds: float = LAST_LINES) -> bool:
        """Waits until everything is written, at most so long; whether it is."""
        with self._change:
            self._end_line()
            self._change.notify_all()
            return self._change.wait_for(lambda: not self._lines and not self._at_work, seconds)

    def _lose(self, lines: int) -> None:
        self._lost += lines
        self.dropped(lines)

    def _work(self) -> None:
        while True:
            with self._change:
                self._at_work = False
                self._change.notify_all()
                self._change.wait_for(lambda: self._lines)
                lines, self._size, self._at_work = list(self._lines), 0, True
                self._lines.clear()
            written = _written(self._descriptor, "".join(lines).encode(self.encoding, "backslashreplace"))
            with self._change:
                if not written:
                    self._lose(len(lines))
                lost = self._lost if written else 0
                self._lost -= lost
            if lost:
                log.warning("log lines dropped", lines=lost)


def _written(descriptor: int, data: bytes) -> bool:
    """Writes everything, however long that takes; False where it cannot be written."""
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(descriptor, left) :]
        except BlockingIOError:  # somebody else has made it so that it does not wait
            poll = select.poll()
            poll.register(descriptor, select.POLLOUT)
            poll.poll()
        except OSError:
            return False
    return True


def never_block() -> None:
    """From now on no write to `sys.stderr` waits, and the end of the process writes what is left if it can.

    Everything is in one order: log lines, warnings, the traceback of a crash. The end of the process waits
    `LAST_LINES` seconds for a reader. Streams without a file descriptor stay as they are.
    """
    stream: TextIO | None = sys.stderr
    if isinstance(stream, Stderr):
        return
    descriptor, encoding = _CLOSED, "utf-8"
    if stream is not None:  # it is None where the process was started without
        try:
            stream.flush()
            descriptor, encoding = stream.fileno(), stream.encoding
        except (OSError, ValueError):
            return
    unblocked = Stderr(descriptor, encoding)
    sys.stderr = cast(TextIO, unblocked)
    atexit.register(unblocked.drain)


def drain() -> None:
    """Writes what is left to be written to standard error, if that can be done in `LAST_LINES` seconds."""
    if isinstance(sys.stderr, Stderr):
        sys.stderr.drain()


def report_dropped(dropped: Callable[[int], object]) -> None:
    """From now on this is called with the number of lines that were dropped, by any thread."""
    if isinstance(sys.stderr, Stderr):
        sys.stderr.dropped = dropped


def redact(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blanks values under keys that name secrets, and user information in any URL."""
    for key, value in event.items():
        if _SECRET.search(key):
            event[key] = "***"
        elif isinstance(value, str) and "@" in value:
            event[key] = _USERINFO.sub("***@", value)
    return event


_UNPRINTABLE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ud800-\\udfff]")


def printable(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escapes control characters in values, so that a line is a line and a terminal takes no orders from it.

    Line ends and tabs stay, as the renderers escape them; a traceback keeps its lines.
    """
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _UNPRINTABLE.sub(_escaped, value)
    return event


def _escaped(found: re.Match[str]) -> str:
    return found[0] if found[0] in "\n\t\r" else found[0].encode("unicode_escape").decode("ascii")


def configure(level: str, form: str) -> None:
    """Sets up logging; `level` is a key of `LEVELS`, `form` is logfmt or json."""
    shape: structlog.typing.Processor
    if form == "json":
        shape = structlog.processors.JSONRenderer()
    else:
        shape = structlog.processors.LogfmtRenderer(
            key_order=["ts", "level", "event", "collection"], drop_missing=True, bool_as_flag=False
        )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            structlog.processors.format_exc_info,
            redact,
            printable,
            shape,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Steady(sys.stderr))),
        cache_logger_on_first_use=False,
    )
    # aiohttp logs a traceback for each malformed request; unauthenticated clients must not fill the log
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    logging.basicConfig(stream=sys.stderr, level=max(LEVELS[level], logging.WARNING), force=True)


_file: _File | None = None


class Console(rich.console.Console):
    """A console that raises BrokenPipeError if nobody reads it any more, as `print` does."""

    def on_broken_pipe(self) -> None:
        """Raises again what rich would make an exit status of 1."""
        raise BrokenPipeError


class _File(io.FileIO):
    """A file that keeps its first error: argparse, for one, ignores errors when it prints."""

    problem: OSError | None = None

    def write(self, data: Any) -> int:
        """Bytes written; raises OSError."""
        try:
            return super().write(data)
        except OSError as error:
            self.problem = self.problem or error
            raise


def prepare_stdout() -> None:
    """Makes standard output and standard error take any text and keep the first error of writing."""
    global _file
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
    stream: TextIO | None = sys.stdout
    if stream is None:  # closed: reported as a full disk is
        _file = _File(os.open(os.devnull, os.O_RDONLY), "w")
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(_file), "utf-8", "backslashreplace")
    elif stream is sys.__stdout__ and isinstance(stream, io.TextIOWrapper):
        stream.flush()
        _file = _File(stream.fileno(), "w", closefd=False)
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(_file), stream.encoding, "backslashreplace", line_buffering=stream.isatty()
        )


def stdout_failure() -> OSError | None:
    """Why something printed could not be written to standard output; None where all of it was.

    The rest is then discarded, so that Python does not report the error again when it exits.
    """
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    if _file is None or _file.problem is None:
        return None
    _discard(sys.stdout)
    return _file.problem


def print_error(text: str) -> None:
    """Prints a line on standard error, if that can be written."""
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
