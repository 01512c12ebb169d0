"""A token bucket: at most so many at once, and one more every so many seconds.

Pure: moments are arguments, in seconds of one steady clock. It limits the requests of clients (`rate_limit`
of the web configuration), those to an API (`requests_per_hour`), and repetitions of those. Invariant: over
any time no more tokens are given than the burst, one for each interval, and what was earned.
"""

from __future__ import annotations


class TokenBucket:
    """Full at first: `burst` tokens, and a new one every `interval` seconds (above 0)."""

    def __init__(self, burst: int, interval: float) -> None:
        self._burst, self._interval = float(burst), interval
        self._tokens = self._burst
        self._updated: float | None = None

    def wait(self, now: float) -> float:
        """Seconds until a token is there; 0 for now."""
        self._refill(now)
        return max(0.0, (1 - self._tokens) * self._interval)

    def spend(self, now: float) -> None:
        """Takes a token; the caller has waited for it."""
        self._refill(now)
        self._tokens -= 1

    def earn(self, tokens: float, most: float) -> None:
        """Adds tokens that something else than time gives, up to `most`, which may be more than the burst."""
        self._tokens = max(self._tokens, min(most, self._tokens + tokens))

    def _refill(self, now: float) -> None:
        if self._updated is not None:
            filled = self._tokens + (now - self._updated) / self._interval
            self._tokens = max(self._tokens, min(self._burst, filled))
        self._updated = now
