"""Standard output and standard error, even if they are not UTF-8, full, closed or a pipe that nobody reads.

Characters that their encoding lacks are printed as escapes (`\\u2026`). `failure` is why something could not
be written, for the command line to report when the command has ended. None of this causes a traceback.
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


def prepare() -> None:
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


def failure() -> OSError | None:
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
