"""Connections that cannot be accepted because there are no file descriptors: counted, and a line a minute.

asyncio reports each failed `accept` to the loop's exception handler, hundreds of times a second, which writes
a traceback by default (fault F70). Owns what becomes of these reports; everything else goes on to the handler
that was there. Invariant: a shortage, however long, writes one line a minute.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from typing import Any

from exporter.web.connection_limits import Watch
from exporter.web.once_a_minute import OnceAMinute

_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_APART = 0.5
"""Seconds between two reports that count: asyncio tries once a second, and reports each try many times."""


class Shortage:
    """An exception handler of a loop."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._former: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None = None
        self._counted = float("-inf")
        self._warning = OnceAMinute("connections not accepted")

    def install(self, loop: asyncio.AbstractEventLoop) -> None:
        """Takes the place of the loop's handler."""
        self._former = loop.get_exception_handler()
        loop.set_exception_handler(self._handle)

    def remove(self, loop: asyncio.AbstractEventLoop) -> None:
        """Gives the place back."""
        if loop.get_exception_handler() == self._handle:
            loop.set_exception_handler(self._former)

    def _handle(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if "socket" in context and isinstance(error, OSError) and error.errno in _SHORTAGES:
            self._count(loop.time(), error)
        elif self._former is not None:
            self._former(loop, context)
        else:
            loop.default_exception_handler(context)

    def _count(self, now: float, error: OSError) -> None:
        if now - self._counted < _APART:
            return
        self._counted = now
        self._watch.cut("descriptors")
        self._watch.make_room()  # its descriptor is the next one's
        hint = "raise the limit of open files, or lower web.max_connections"
        self._warning.warn(now, reason=error.strerror, hint=hint)
