"""The token bucket, by a clock that the tests move."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from exporter.web.web_config.models import RateLimit
from exporter.web.web_config.token_bucket import TokenBucket


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_may_come_at_once_and_then_one_an_interval() -> None:
    clock = Clock()
    bucket = TokenBucket(RateLimit(2.0, 3), clock)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    clock.now += 1.9
    assert not bucket.take()
    clock.now += 0.2
    assert [bucket.take() for _ in range(2)] == [True, False]


def test_a_pause_fills_it_up_to_its_burst_and_no_further() -> None:
    clock = Clock()
    bucket = TokenBucket(RateLimit(1.0, 2), clock)
    clock.now += 1e9
    assert [bucket.take() for _ in range(3)] == [True, True, False]


@given(
    st.floats(0.01, 10),
    st.integers(1, 5),
    st.lists(st.floats(0, 20, allow_nan=False), min_size=1, max_size=60),
)
def test_it_never_gives_more_than_its_burst_and_one_an_interval(
    interval: float, burst: int, pauses: list[float]
) -> None:
    clock = Clock()
    clock.now = 0.0
    bucket = TokenBucket(RateLimit(interval, burst), clock)
    given_so_far = 0
    for now in accumulate(pauses):
        clock.now = now
        given_so_far += bucket.take()
        assert given_so_far <= burst + now / interval + 1e-6
