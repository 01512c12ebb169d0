"""When the state file is read and written: at the start, after refreshes, and once more on a stop.

What is in it is `warmstart`'s. Writing costs, so it may take a small share of the time only. Invariant: a
state file that cannot be used or written costs a warning and nothing else, and a file that is not ours stays.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path

import structlog

from exporter import errors, warmstart
from exporter.telemetry import Telemetry
from exporter.warmstart import Kept

log = structlog.get_logger()

_SHARE = 20.0  # times as long as a write took pass before the next one, so that it costs 5 % at most
_LONG = 3.0  # seconds of a write that is not worth waiting for on a stop
_ENOUGH = 4.0  # seconds of a stop that are left for a write, with one that is still under way before it


class Archive:
    """The state file at `path`; with None nothing is kept."""

    def __init__(self, path: Path | None, telemetry: Telemetry) -> None:
        self.path = path
        self._telemetry = telemetry
        self._took = 0.0
        self._next = 0.0
        self._failing = ""

    async def load(self) -> Mapping[str, Kept]:
        """What the last process kept, by collection; a file of ours that cannot be used is set aside."""
        if self.path is None:
            return {}
        try:
            return await asyncio.to_thread(warmstart.read, self.path)
        except errors.StateError as error:
            log.warning("state file unusable", **_words_of(error))
            await self._set_aside(self.path)
        return {}

    async def _set_aside(self, path: Path) -> None:
        try:
            log.warning("state file set aside", file=str(await asyncio.to_thread(warmstart.set_aside, path)))
        except errors.StateError as error:
            # why it is not ours was said when it was read
            why = {} if error.reason == "foreign" else _words_of(error)
            log.warning("state file left alone", file=error.path, **why)

    async def turn(self) -> None:
        """Waits until the next write may be made."""
        await asyncio.sleep(max(0.0, self._next - time.monotonic()))

    async def write(self, kept: Mapping[str, Kept]) -> None:
        """Writes what is kept; a failure is logged where it is news."""
        if self.path is None:
            return
        began, now = time.monotonic(), time.time()
        try:
            size = await asyncio.to_thread(warmstart.write, self.path, kept, now)
        except errors.StateError as error:
            self._telemetry.state_not_written()
            if self._failing != error.reason:
                log.warning("state not written", **_words_of(error))
            self._failing = error.reason
        else:
            self._telemetry.state_written(now, size)
            self._failing = ""
        self._took = time.monotonic() - began
        self._next = time.monotonic() + _SHARE * self._took

    async def close(self, kept: Mapping[str, Kept]) -> None:
        """Writes once more before the end, unless that takes too long for a stop."""
        if self._took > _LONG:
            return
        try:
            async with asyncio.timeout(_ENOUGH):
                await self.write(kept)
        except TimeoutError:
            log.warning(
                "state not written",
                reason="slow",
                error=f"{self.path}: the last write before the end took longer than {_ENOUGH:g} s",
                mend="nothing to do: the file of before stays, and what is newer is crawled anew",
            )


def _words_of(error: errors.StateError) -> dict[str, str]:
    """An error as a log line says it, with what to do in a place of its own."""
    return {"reason": error.reason, "error": f"{error.path}: {error.problem}", "mend": error.mend}
