"""Where log lines go and what they look like: logfmt or JSON on standard error.

One processor blanks whatever stands under a key that names a secret; no caller has to remember to. It owns no
decision about what is logged. Invariant: configuring twice is the same as configuring once.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import structlog

_SECRET = re.compile(r"password|secret|token|credential|authorization|cookie", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class _Steady(io.TextIOBase):
    """A stream whose end, or whose full disk, costs the line and never the work that is logged."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes the text if that can be done."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flushes if that can be done."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


def redact(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blanks values under keys that name secrets, and user information in any URL."""
    for key, value in event.items():
        if _SECRET.search(key):
            event[key] = "***"
        elif isinstance(value, str) and "@" in value:
            event[key] = _USERINFO.sub("***@", value)
    return event


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
            shape,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Steady(sys.stderr))),
        cache_logger_on_first_use=False,
    )
    # aiohttp logs a traceback for each malformed request; strangers must not be able to fill the log
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    logging.basicConfig(stream=sys.stderr, level=max(LEVELS[level], logging.WARNING), force=True)
