"""When a request to an API may be sent, or sent again: concurrency, Retry-After, back-off, quotas, budgets.

Requests are admitted in the order in which they came; the clock is the running loop's. Invariants: the number
in flight is never over what the operator allows, no more requests than the budget are sent in any hour, a
slot is released however its request ends, and no wait but the budget's is longer than a minute.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from exporter import errors
from exporter.client import response
from exporter.telemetry import Telemetry
from exporter.token_bucket import TokenBucket

_FAST = 0.05
"""Seconds: with answers that take less on average, differences in their rate are noise."""

_GAIN = 0.25
"""The share of what a trial could bring at best that it must bring to be kept: less is noise."""

_LOSS = 0.1
"""The share of the answers a second that fewer requests may cost at most, and are kept."""

_BORNE = 64
"""Answers after which a refusal is an event, and not what the limit leads to."""

_FIRST_PAUSE, _LONGEST_PAUSE = 16, 1024
"""Answers between trials: doubled after each that failed."""

_FIRST_GAP, _LONGEST_GAP, _NARROWER = 0.02, 10.0, 0.93
"""Seconds between requests where even one at a time is too many: doubled by refusals, lessened by answers."""


class Concurrency:
    """How many requests may be in flight: `limit`, from 1 to `most`.

    It begins with 1. More are tried, and kept while that brings more answers a second; fewer are tried, and
    kept while that brings as many; refusals halve it. `gap` is the least time between two requests in
    seconds; 0 unless one at a time is still too many. `in_flight` is everywhere the number of requests in
    flight, the one that was answered included.
    """

    def __init__(self, most: int) -> None:
        self.limit = 1
        self.gap = 0.0
        self.generation = 0
        """Increased by each halving: answers to requests of an earlier one say nothing of this limit."""
        self._most = most
        self._good = 1  # the limit between trials
        self._rate = 0.0  # answers a second at that limit
        self._borne = 0  # answers since that limit was kept
        self._step = 1  # of the next trial or the current one: positive for more requests, negative for fewer
        self._is_trial = False
        self._pause = 0
        self._answers, self._seconds = 0, 0.0  # at this limit; negative while requests of the last one end
        self._since_failure = _LONGEST_PAUSE  # answers since a request failed as if under too much load

    def succeeded(self, generation: int, seconds: float, in_flight: int) -> None:
        """A request was answered within `seconds`."""
        self._since_failure += 1
        self._borne += 1
        self.gap = self.gap * _NARROWER if self.gap > _FIRST_GAP / 2 else 0.0
        # a limit that is hardly used says nothing; of answers that come together only the first meets all of
        # their requests in flight
        if generation != self.generation or 2 * in_flight < self.limit or self.gap:
            return
        self._answers += 1
        if self._answers > 0:
            self._seconds += seconds
            self._measured()

    def _measured(self) -> None:
        if self.limit < self._good and not self._is_trial:
            self._set(self.limit + 1)  # it was halved: what was borne before is soon allowed again
            return
        share = (4 if self._step > 0 else 16) if self._is_trial else 1
        if self._answers < max(2, self.limit, self._pause // share):
            return
        mean = max(self._seconds / self._answers, 1e-6)
        rate = self.limit / mean  # answers a second (Little's law)
        if self._is_trial and not self._is_kept(rate, mean):
            self._trial_failed()
            self._set(self._good)
            return
        if self._is_trial:
            self._good, self._borne, self._pause = self.limit, 0, 0
            self._step *= 2
        self._rate = rate
        self._try_another(mean)

    def _is_kept(self, rate: float, mean: float) -> bool:
        """Whether the limit that is tried is better than the last one."""
        expected = _GAIN * self._step / self._good
        return mean <= _FAST or rate >= self._rate * (1 + max(expected, -_LOSS))

    def _try_another(self, mean: float) -> None:
        """Begins a trial of another limit; of fewer requests only where answers are slow."""
        limit = min(self._most, max(1, self._good + self._step))
        if limit == self._good or (limit < self._good and mean <= _FAST):
            self._trial_failed()
            self._set(self._good)
            return
        self._step = limit - self._good
        self._set(limit)
        self._is_trial = True

    def throttled(self, generation: int, in_flight: int) -> None:
        """A request was refused by a server that counts requests: 429, or 503 with a Retry-After.

        Where no other request was in flight, only time between requests can help.
        """
        if generation == self.generation and min(self.limit, in_flight) == 1:
            self.gap = min(_LONGEST_GAP, max(_FIRST_GAP, 2 * self.gap))
        self.refused(generation, in_flight)

    def refused(self, generation: int, in_flight: int) -> None:
        """A request was refused for too much load: 503.

        One of several servers behind the address may be down as well; no gap would help.
        """
        if generation != self.generation:
            return
        reached = min(self.limit, in_flight)
        if self.limit > self._good:
            self._trial_failed()
        elif self._borne < _BORNE:
            self._good = max(1, reached - 1)
        self._halve(reached)

    def timed_out(self, generation: int, in_flight: int) -> None:
        """A request failed as it may under too much load: 502, 504, no answer in time.

        The first halves the limit, a later one only if the last answer failed, too: one page that always
        fails, and is requested again and again, must not slow down all the others.
        """
        if generation == self.generation and not 0 < self._since_failure < _LONGEST_PAUSE:
            self._halve(min(self.limit, in_flight))
        self._since_failure = 0

    def _trial_failed(self) -> None:
        """The next trial comes later, and goes the other way."""
        self._pause = min(_LONGEST_PAUSE, max(_FIRST_PAUSE, 2 * self._pause))
        self._step = -1 if self._step > 0 else 1

    def _halve(self, reached: int) -> None:
        self.generation += 1
        self._borne = 0
        self._set(max(1, reached // 2))

    def _set(self, limit: int) -> None:
        self._answers, self._seconds = -max(limit, self.limit), 0.0
        self.limit, self._is_trial = limit, False


LONGEST_WAIT = 60.0
"""Seconds: the longest wait that a server can ask for."""

_LONGEST_BACKOFF = 10.0
_TRANSIENT = ("connect", "reset", "timeout", "proxy", "empty", "error_object", "accepted")


def is_transient(error: errors.SourceError) -> bool:
    """Whether the same request may succeed in a moment."""
    if isinstance(error, errors.Throttled | errors.Broken):
        return True
    return not isinstance(error, errors.Refused) and error.reason in _TRANSIENT


def retry_delay(error: errors.SourceError, attempt: int, base: float, chance: Callable[[], float]) -> float:
    """Seconds to wait after the failure of attempt number `attempt` (from 0).

    What the server asks for, capped, and a little more, so that those it turned away do not come back
    together; else exponential from `base` seconds with full jitter. `chance` gives numbers in [0, 1).
    """
    wait = error.wait if isinstance(error, errors.Throttled | errors.Broken) else None
    if wait is not None:
        return min(wait, LONGEST_WAIT) + base * chance()
    return min(_LONGEST_BACKOFF, base * 2.0 ** min(attempt, 30)) * chance()


def is_overload(error: errors.SourceError) -> bool:
    """Whether there are too many requests for the server, and fewer at once would do."""
    return isinstance(error, errors.Throttled) or (isinstance(error, errors.Broken) and error.status == 503)


def may_be_overload(error: errors.SourceError) -> bool:
    """Whether the error may come of too much load, though it need not: one page may be too much by itself."""
    if isinstance(error, errors.Broken):
        return error.status in (502, 504)
    return isinstance(error, errors.Unreachable) and error.reason == "timeout"


def not_retried(error: errors.SourceError) -> errors.SourceError:
    """An error like this one that says that the request is not tried again although it might.

    It is another one, for all who wait for a token are given the same.
    """
    kind = type(error)
    other = kind.__new__(kind)
    vars(other).update(vars(error))
    other.args = (f"{error} (not tried again: too many requests to this API have failed lately)",)
    return other


class RetryBudget:
    """How many requests may be repeated: a fifth of all, so that a failing API is not asked ever more.

    Up to a hundred are saved; up to `floor` come back with time, one in three seconds, so that a small
    inventory, too, may be asked again. `now` is in seconds of any steady clock.
    """

    _SHARE, _MOST, _SECONDS_EACH = 0.2, 100.0, 3.0

    def __init__(self, floor: int = 20) -> None:
        self._bucket = TokenBucket(floor, self._SECONDS_EACH)

    def sent(self) -> None:
        """A request is sent for the first time."""
        self._bucket.earn(self._SHARE, self._MOST)

    def spend(self, now: float) -> bool:
        """Spends one repetition; False if none is left."""
        if self._bucket.wait(now) > 0:
            return False
        self._bucket.spend(now)
        return True


_LONGEST_WAIT = 60.0
"""Seconds between requests, whatever an API's quota says; the crawl has a deadline of its own."""

_HOUR = 3660.0
"""An hour of the budget: a request may be under way for some time before the server counts it."""

_BURST = 0.1
"""The share of the budget that may be spent at once."""

_FEW, _FEW_SHARE = 10, 0.2
"""From so many requests left, or this share of a window's, the rest of the window is shared out."""


def hourly(requests: int) -> TokenBucket:
    """At most `requests` in any hour: a bucket with a tenth of them, refilled evenly with the rest."""
    burst = max(1, int(requests * _BURST))
    return TokenBucket(burst, _HOUR / (requests - burst))


class Schedule:
    """When requests to one API may be sent. `budget` is the most requests in any hour, None for no limit."""

    def __init__(self, budget: int | None) -> None:
        self._budget = hourly(budget) if budget is not None else None
        self._paused_until = float("-inf")
        self._last = float("-inf")
        self._window_end = float("-inf")
        self._share = 0.0  # seconds between requests within the window
        self._largest = 0.0  # quota ever seen, for APIs that do not say how large theirs is

    def pause(self, until: float) -> None:
        """Nothing is sent before `until`."""
        self._paused_until = max(self._paused_until, until)

    def on_quota(self, quota: response.Quota, now: float) -> None:
        """The API announced its quota at `now`; where little is left, the window is shared out evenly."""
        self._largest = max(self._largest, quota.limit or 0.0, quota.remaining)
        few = max(_FEW, (quota.limit or self._largest) * _FEW_SHARE)
        if quota.seconds is None or quota.remaining > few:
            self._window_end = float("-inf")
            return
        self._window_end = now + quota.seconds
        self._share = min(_LONGEST_WAIT, quota.seconds / (quota.remaining + 1))

    def wait(self, now: float, gap: float) -> float:
        """Seconds until the next request may be sent, 0 for now. `gap` is the least time since the last."""
        due = self._last + gap
        if now < self._window_end:
            # the next window brings a new quota
            due = max(due, min(self._last + self._share, self._window_end))
        waits = [self._paused_until - now, due - now]
        if self._budget is not None:
            waits.append(self._budget.wait(now))
        return max(0.0, *waits)

    def sent(self, now: float) -> None:
        """A request is sent now."""
        self._last = now
        if self._budget is not None:
            self._budget.spend(now)


_LEAST_WAIT = 0.001


class Limiter:
    """Admits requests to the API `name`: at most `most` in flight, at most `budget` an hour (None: any).

    How long a request waits is bounded by the caller's deadline only.
    """

    def __init__(self, name: str, most: int, budget: int | None, telemetry: Telemetry) -> None:
        self._name = name
        self._telemetry = telemetry
        self._concurrency = Concurrency(most)
        self._schedule = Schedule(budget)
        self._in_flight = 0
        self._waiting: deque[asyncio.Future[int]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._reported = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Waits until a request may be sent; the block sends it, and its outcome changes the limit."""
        now = asyncio.get_running_loop().time
        queued = now()
        generation = await self._admitted()
        sent = now()
        self._telemetry.waited(self._name, sent - queued)
        try:
            yield
            self._concurrency.succeeded(generation, now() - sent, self._in_flight)
        except errors.SourceError as error:
            if isinstance(error, errors.Throttled | errors.Broken) and error.wait is not None:
                # before the slot is free, or the next request would be sent at once
                self.pause(min(error.wait, LONGEST_WAIT))
            if error.reason == errors.Throttled.reason:
                self._concurrency.throttled(generation, self._in_flight)
            elif is_overload(error):
                self._concurrency.refused(generation, self._in_flight)
            elif may_be_overload(error):
                self._concurrency.timed_out(generation, self._in_flight)
            raise
        finally:
            self._release()

    def report(self) -> None:
        """Reports how many requests may be in flight, where that has changed."""
        if self._concurrency.limit != self._reported:
            self._reported = self._concurrency.limit
            self._telemetry.concurrency(self._name, self._reported)

    def pause(self, seconds: float) -> None:
        """Nothing is sent for so many seconds; what is in flight is not affected."""
        self._schedule.pause(asyncio.get_running_loop().time() + seconds)

    def on_headers(self, headers: Mapping[str, str]) -> None:
        """An answer had these headers, which may announce a quota."""
        found = response.quota(headers, time.time())
        if found is not None:
            self._telemetry.rate_limit(self._name, found.remaining)
            self._schedule.on_quota(found, asyncio.get_running_loop().time())

    async def _admitted(self) -> int:
        """Waits until a request may be sent; gives the generation of the limit under which it is."""
        place: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._admit()
        try:
            return await place
        except asyncio.CancelledError:
            # where it was cancelled while it waited, its place is skipped by `_admit`
            if not place.cancelled():
                self._release()
            raise

    def _release(self) -> None:
        self._in_flight -= 1
        self.report()
        self._admit()

    def _admit(self) -> None:
        """Admits those who have waited longest, as many as may be sent now."""
        loop = asyncio.get_running_loop()
        while self._waiting and self._in_flight < self._concurrency.limit:
            if self._waiting[0].cancelled():
                self._waiting.popleft()
                continue
            now = loop.time()
            wait = self._schedule.wait(now, self._concurrency.gap)
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if wait > 0:
                # a rest that gets lost in rounding must not keep the loop busy
                self._timer = loop.call_at(now + max(wait, _LEAST_WAIT), self._admit)
                return
            place = self._waiting.popleft()
            self._in_flight += 1
            self._schedule.sent(now)
            place.set_result(self._concurrency.generation)
