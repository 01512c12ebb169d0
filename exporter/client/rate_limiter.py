"""When the next request may go: after what the API asks for, within its quota and the operator's budget.

Pure: moments are arguments, in seconds of one steady clock. Waiting is `limiter`'s, how many may be in flight
`adaptive_concurrency`'s, the words of a quota are `quota`'s. Invariant: no more requests than the budget are
let go in any hour, and no wait but the budget's is longer than a minute.
"""

from __future__ import annotations

from exporter.client.quota import Quota
from exporter.token_bucket import TokenBucket

_LONGEST = 60.0
"""Seconds between requests, whatever an API's quota says; the crawl has a deadline of its own."""

_HOUR = 3660.0
"""An hour of the budget: a request may be under way for some time before the server counts it."""

_BURST = 0.1
"""The share of the budget that may be spent at once."""

_FEW, _FEW_SHARE = 10, 0.2
"""From so many requests left, or this share of a window's, the rest of the window is shared out."""


def hourly(requests: int) -> TokenBucket:
    """At most `requests` in any hour: a bucket that holds a tenth and is refilled evenly with the rest."""
    burst = max(1, int(requests * _BURST))
    return TokenBucket(burst, _HOUR / (requests - burst))


class Timetable:
    """When requests to one API may go. `budget` is the most requests in any hour, None for no limit."""

    def __init__(self, budget: int | None) -> None:
        self._budget = hourly(budget) if budget is not None else None
        self._held = float("-inf")
        self._last = float("-inf")
        self._window_end = float("-inf")
        self._share = 0.0  # seconds between requests within the window
        self._largest = 0.0  # quota ever seen, for APIs that do not tell how large theirs is

    def hold(self, until: float) -> None:
        """Nothing goes before the moment `until`."""
        self._held = max(self._held, until)

    def heard(self, quota: Quota, now: float) -> None:
        """The API told its quota at `now`; where little of it is left, the window is shared out evenly."""
        self._largest = max(self._largest, quota.limit or 0.0, quota.remaining)
        few = max(_FEW, (quota.limit or self._largest) * _FEW_SHARE)
        if quota.seconds is None or quota.remaining > few:
            self._window_end = float("-inf")
            return
        self._window_end = now + quota.seconds
        self._share = min(_LONGEST, quota.seconds / (quota.remaining + 1))

    def wait(self, now: float, gap: float) -> float:
        """Seconds until the next request may go; 0 for now. `gap` is the least time since the last one."""
        due = self._last + gap
        if now < self._window_end:
            # the next window brings a new quota
            due = max(due, min(self._last + self._share, self._window_end))
        waits = [self._held - now, due - now]
        if self._budget is not None:
            waits.append(self._budget.wait(now))
        return max(0.0, *waits)

    def sent(self, now: float) -> None:
        """A request goes now."""
        self._last = now
        if self._budget is not None:
            self._budget.spend(now)
