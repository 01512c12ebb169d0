"""A token bucket: a burst of tokens, and a new token per interval.

Pure: times are arguments, in seconds of a monotonic clock. It limits the requests of clients (`rate_limit` of
the web configuration), those to an API (`requests_per_hour`), and retries. Invariant: in any period no more
tokens are spent than the burst, one per interval, and those earned.
"""

from __future__ import annotations


class TokenBucket:
    """Starts with `burst` tokens and gets a new one every `interval` seconds (above 0)."""

    def __init__(self, burst: int, interval: float) -> None:
        self._burst, self._interval = float(burst), interval
        self._tokens = self._burst
        self._updated: float | None = None

    def wait(self, now: float) -> float:
        """Seconds until a token is available; 0 if there is one."""
        self._refill(now)
        return max(0.0, (1 - self._tokens) * self._interval)

    def spend(self, now: float) -> None:
        """Takes a token. The caller has waited for it."""
        self._refill(now)
        self._tokens -= 1

    def earn(self, tokens: float, most: float) -> None:
        """Adds tokens, up to `most`, which may be more than the burst."""
        self._tokens = max(self._tokens, min(most, self._tokens + tokens))

    def _refill(self, now: float) -> None:
        if self._updated is not None:
            filled = self._tokens + (now - self._updated) / self._interval
            self._tokens = max(self._tokens, min(self._burst, filled))
        self._updated = now
