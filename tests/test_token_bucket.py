"""The token bucket: moments are arguments."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from exporter.token_bucket import TokenBucket


def take(bucket: TokenBucket, now: float) -> bool:
    """Whether a token is there, which is taken then."""
    if bucket.wait(now) > 0:
        return False
    bucket.spend(now)
    return True


def test_a_burst_may_come_at_once_and_then_one_an_interval() -> None:
    bucket = TokenBucket(3, 2.0)
    assert [take(bucket, 100.0) for _ in range(4)] == [True, True, True, False]
    assert not take(bucket, 101.9)
    assert [take(bucket, 102.1) for _ in range(2)] == [True, False]


def test_a_pause_fills_it_up_to_its_burst_and_no_further() -> None:
    bucket = TokenBucket(2, 1.0)
    assert bucket.wait(100.0) == 0
    assert [take(bucket, 1e9) for _ in range(3)] == [True, True, False]


def test_it_says_how_long_to_wait_for_the_next_token() -> None:
    bucket = TokenBucket(1, 8.0)
    bucket.spend(100.0)
    assert bucket.wait(102.0) == 6.0
    assert bucket.wait(108.0) == 0.0


@given(
    st.floats(0.01, 10),
    st.integers(1, 5),
    st.lists(st.floats(0, 20, allow_nan=False), min_size=1, max_size=60),
)
def test_it_never_gives_more_than_its_burst_and_one_an_interval(
    interval: float, burst: int, pauses: list[float]
) -> None:
    bucket = TokenBucket(burst, interval)
    given_so_far = 0
    for now in accumulate(pauses):
        given_so_far += take(bucket, now)
        assert given_so_far <= burst + now / interval + 1e-6


def test_what_is_earned_is_added_up_to_a_most_and_never_taken_away() -> None:
    bucket = TokenBucket(2, 10.0)
    for _ in range(2):
        bucket.spend(100.0)
    bucket.earn(0.25, 5)
    assert bucket.wait(100.0) == 7.5
    bucket.earn(0.25, 5)
    assert bucket.wait(100.0) == 5.0
    bucket.earn(9, 5)
    assert [take(bucket, 100.0) for _ in range(6)] == [True] * 5 + [False]
    bucket.earn(1, 0.5)
    assert bucket.wait(100.0) == 5.0
