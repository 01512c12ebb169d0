"""A warning that clients can cause as often as they like, written once a minute with how often it was due.

The first one is written at once. Those of the minute after it are counted and stand in the next line, which
is written when the minute is over and it is due again. Invariant: one line a minute, whatever clients do.
"""

from __future__ import annotations

import structlog

MINUTE = 60.0
"""Seconds between two lines."""

log = structlog.get_logger(__name__)


class OnceAMinute:
    """The warnings with one `event`."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._logged = float("-inf")
        self._times = 0

    def warn(self, now: float, **facts: object) -> None:
        """It is due; `now` is in seconds of the loop's clock.

        The line has the facts of this time, and as `times` how often it was due since the line before it.
        """
        self._times += 1
        if now - self._logged >= MINUTE:
            log.warning(self._event, **facts, times=self._times)
            self._logged, self._times = now, 0
