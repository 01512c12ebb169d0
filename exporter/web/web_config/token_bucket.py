"""A token bucket: how many requests may come, all clients together.

How full it may get and how fast it fills is `models.RateLimit`; what is answered where it is empty is
`middleware`'s. Invariant: over any time it gives no more than its burst and one for each interval.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from exporter.web.web_config.models import RateLimit


class TokenBucket:
    """The requests that may come now; full at first. `clock` gives seconds."""

    def __init__(self, pace: RateLimit, clock: Callable[[], float] = time.monotonic) -> None:
        self.pace, self._clock = pace, clock
        self._held, self._at = float(pace.burst), clock()

    def take(self) -> bool:
        """Whether one more may come; it is counted if so."""
        now = self._clock()
        gained = (now - self._at) / self.pace.interval
        self._held, self._at = min(float(self.pace.burst), self._held + gained), now
        if self._held < 1:
            return False
        self._held -= 1
        return True
