"""Standard output and standard error, whatever they are: not UTF-8, full, closed, a pipe that nobody reads.

A text that their encoding lacks is printed with escapes (`\\u2026`). What cannot be written is found when
the verb has ended; the command line says it in a sentence. Invariant: nobody sees a traceback for it.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any, TextIO

from rich import console

_file: _File | None = None


class Console(console.Console):
    """A console whose user has gone is told of by BrokenPipeError, as that of `print` is."""

    def on_broken_pipe(self) -> None:
        """Raises again what rich would make an exit status of 1."""
        raise BrokenPipeError


class _File(io.FileIO):
    """A file that knows why it could not be written first; argparse, for one, tells nobody."""

    problem: OSError | None = None

    def write(self, data: Any) -> int:
        """Bytes written; raises OSError."""
        try:
            return super().write(data)
        except OSError as error:
            self.problem = self.problem or error
            raise


def prepare() -> None:
    """Makes standard output and standard error take any text, and tell later what could not be written."""
    global _file
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
    stream: TextIO | None = sys.stdout
    if stream is None:  # closed: what cannot be written is told of, as with a full disk
        _file = _File(os.open(os.devnull, os.O_RDONLY), "w")
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(_file), "utf-8", "backslashreplace")
    elif stream is sys.__stdout__ and isinstance(stream, io.TextIOWrapper):
        stream.flush()
        _file = _File(stream.fileno(), "w", closefd=False)
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(_file), stream.encoding, "backslashreplace", line_buffering=stream.isatty()
        )


def failure() -> OSError | None:
    """Why something printed could not be written to standard output; None where all of it was.

    Then the rest is thrown away, lest Python complain once more when it ends.
    """
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    if _file is None or _file.problem is None:
        return None
    _discard(sys.stdout)
    return _file.problem


def complain(text: str) -> None:
    """Prints a line on standard error; without effect where that cannot be written."""
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
