"""How many requests at once, and how many again: decided from answers alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.client.limiter import Concurrency, RetryBudget


def answered(pace: Concurrency, answers: int, seconds: float = 0.2) -> None:
    """So many good answers, with as many requests in flight as there may be."""
    for _ in range(answers):
        pace.succeeded(pace.generation, seconds, pace.limit)


def saturated(pace: Concurrency, answers: int, rate: float) -> None:
    """Good answers of an API that gives so many a second, however many requests are in flight."""
    for _ in range(answers):
        pace.succeeded(pace.generation, max(0.2, pace.limit / rate), pace.limit)


def refused(pace: Concurrency, times: int = 1) -> None:
    for _ in range(times):
        pace.throttled(pace.generation, pace.limit)


def grown(most: int = 16) -> Concurrency:
    """At the most already."""
    pace = Concurrency(most)
    answered(pace, 4 * most)
    assert pace.limit == most
    return pace


def test_a_pace_begins_with_one() -> None:
    assert [Concurrency(most).limit for most in (1, 3, 16)] == [1, 1, 1]


def test_it_doubles_while_that_brings_more_answers_a_second() -> None:
    pace = Concurrency(16)
    limits = []
    for _ in range(32):
        answered(pace, 1)
        limits.append(pace.limit)
    assert limits == [1, *[2] * 4, *[4] * 8, *[8] * 16, *[16] * 3]


def test_it_goes_back_where_one_request_at_a_time_brings_as_many() -> None:
    pace = Concurrency(16)
    limits = []
    for _ in range(2000):
        saturated(pace, 1, 5.0)
        limits.append(pace.limit)
    assert max(limits) == 2
    assert limits.count(2) / len(limits) < 0.25, "more is tried now and then"


def test_an_api_that_becomes_slow_under_what_it_bore_is_asked_for_less() -> None:
    pace = grown()
    saturated(pace, 1500, 5.0)
    assert pace.limit <= 2
    answered(pace, 2500)
    assert pace.limit == 16


@pytest.mark.parametrize("rate", [25.0, 40.0, 60.0])
def test_it_stops_where_more_requests_bring_no_more_answers_a_second(rate: float) -> None:
    pace = Concurrency(16)
    enough = int(rate * 0.2)
    saturated(pace, 400, rate)
    limits = []
    for _ in range(5000):
        saturated(pace, 1, rate)
        limits.append(pace.limit)
    assert enough - 1 <= min(limits) and max(limits) <= enough + 1
    assert limits.count(enough) / len(limits) > 0.6, "more and fewer are tried now and then"


def test_a_limit_that_is_not_made_use_of_does_not_grow() -> None:
    pace = Concurrency(16)
    for _ in range(1000):
        pace.succeeded(pace.generation, 0.2, 1)
    assert pace.limit <= 4


def test_an_api_that_becomes_slower_meanwhile_is_asked_for_more_a_little_later() -> None:
    pace = Concurrency(16)
    answered(pace, 14)
    assert pace.limit == 8
    answered(pace, 16, seconds=0.6)
    assert pace.limit == 4
    answered(pace, 500, seconds=0.6)
    assert pace.limit == 16


def test_a_slow_answer_now_and_then_is_noise_in_the_end() -> None:
    pace = Concurrency(16)
    for number in range(3000):
        answered(pace, 1, seconds=1.0 if number % 20 == 7 else 0.2)
    assert pace.limit >= 15


def test_an_api_that_answers_within_milliseconds_is_never_too_slow() -> None:
    pace = Concurrency(16)
    answered(pace, 10, seconds=0.001)
    answered(pace, 300, seconds=0.02)
    assert pace.limit == 16


def test_refusals_halve_once_for_all_requests_that_were_in_flight() -> None:
    pace = grown()
    sent = pace.generation
    for in_flight in range(16, 8, -1):
        pace.refused(sent, in_flight)
    assert pace.limit == 8
    pace.succeeded(sent, 0.2, 16)
    assert pace.limit == 8


def test_timeouts_halve_once_for_all_requests_that_were_in_flight() -> None:
    pace = grown()
    sent = pace.generation
    for in_flight in range(16, 8, -1):
        pace.timed_out(sent, in_flight)
    assert pace.limit == 8


def test_a_refusal_with_few_in_flight_halves_those() -> None:
    pace = grown()
    pace.refused(pace.generation, 5)
    assert pace.limit == 2


def test_one_page_that_always_fails_halves_once_and_everything_recovers() -> None:
    pace = grown()
    lowest = []
    for _ in range(50):
        pace.timed_out(pace.generation, pace.limit)
        lowest.append(pace.limit)
        answered(pace, 20)
    assert lowest[0] == 8
    assert min(lowest) == 8
    assert pace.limit == 16


def test_after_a_long_time_without_it_the_next_failure_is_news_again() -> None:
    pace = grown()
    for _ in range(3):
        pace.timed_out(pace.generation, pace.limit)
        assert pace.limit == 8
        answered(pace, 1100)
        assert pace.limit == 16


def test_an_api_all_of_whose_answers_fail_is_asked_one_at_a_time() -> None:
    pace = grown()
    for _ in range(30):
        pace.timed_out(pace.generation, pace.limit)
    assert pace.limit == 1
    assert pace.gap == 0
    answered(pace, 200)
    assert pace.limit == 16


def crowd(pace: Concurrency, allowed: int, answers: int) -> tuple[int, float]:
    """Answers of an API that refuses what is over `allowed`: how many those were, and the mean limit."""
    away = limits = 0
    for _ in range(answers):
        limits += pace.limit
        if pace.limit > allowed:
            away += 1
            refused(pace)
        else:
            answered(pace, 1)
    return away, limits / answers


@pytest.mark.parametrize("allowed", [1, 2, 3, 5, 10])
def test_what_an_api_bears_is_learnt_and_seldom_exceeded(allowed: int) -> None:
    pace = Concurrency(16)
    crowd(pace, allowed, 300)
    away, mean = crowd(pace, allowed, 5000)
    assert away / 5000 <= 0.005
    assert mean >= allowed * 0.97


def test_an_api_that_bears_less_than_before_is_asked_for_less() -> None:
    pace = grown()
    answered(pace, 1000)
    crowd(pace, 3, 300)
    away, mean = crowd(pace, 3, 5000)
    assert away / 5000 <= 0.005
    assert mean >= 3 * 0.97


def test_an_api_that_bears_more_again_is_asked_for_more_and_more() -> None:
    pace = Concurrency(16)
    crowd(pace, 2, 5000)
    answered(pace, 1500)
    assert pace.limit > 2
    answered(pace, 1500)
    assert pace.limit == 16


def test_a_refusal_now_and_then_does_not_lower_what_is_hoped_for() -> None:
    pace = grown()
    answered(pace, 100)
    limits = []
    for _ in range(30):
        refused(pace)
        for _ in range(200):
            answered(pace, 1)
            limits.append(pace.limit)
    assert pace.limit >= 15
    assert sum(limits) / len(limits) > 12


def test_where_one_at_a_time_is_too_many_time_passes_in_between() -> None:
    pace = Concurrency(1)
    gaps = []
    for _ in range(40):
        refused(pace)
        gaps.append(pace.gap)
    assert gaps[0] >= 0.02
    assert gaps == sorted(gaps)
    assert gaps[-1] == 10
    answered(pace, 300)
    assert pace.gap == 0


def test_one_server_of_three_that_is_down_costs_no_time_in_between() -> None:
    pace = grown()
    for _ in range(100):
        pace.refused(pace.generation, pace.limit)
        answered(pace, 2)
    assert (pace.limit, pace.gap) == (1, 0)


ANSWERS = st.lists(
    st.tuples(
        st.sampled_from(["succeeded", "throttled", "refused", "timed_out"]),
        st.floats(0, 60),
        st.integers(1, 70),
        st.integers(0, 3),
    ),
    max_size=300,
)


@given(st.integers(1, 64), ANSWERS)
def test_whatever_is_answered_the_limit_stays_within_bounds(
    most: int, answers: list[tuple[str, float, int, int]]
) -> None:
    pace = Concurrency(most)
    for kind, seconds, in_flight, late in answers:
        before, sent = pace.limit, pace.generation - late
        if kind == "succeeded":
            pace.succeeded(sent, seconds, in_flight)
            assert pace.limit <= 2 * before
        else:
            getattr(pace, kind)(sent, in_flight)
            assert pace.limit <= before
            assert pace.limit == before or not late
        assert 1 <= pace.limit <= most
        assert 0 <= pace.gap <= 10
        assert pace.limit == 1 or not pace.gap


# --- repetitions ---


def test_a_small_crawl_may_repeat_and_not_for_ever() -> None:
    retries = RetryBudget()
    assert [retries.spend(0.0) for _ in range(21)] == [*[True] * 20, False]


def test_repetitions_come_back_with_time_up_to_the_floor() -> None:
    retries = RetryBudget(floor=2)
    assert [retries.spend(0.0) for _ in range(3)] == [True, True, False]
    assert [retries.spend(2.9), retries.spend(3.1), retries.spend(3.2)] == [False, True, False]
    assert [retries.spend(1e6) for _ in range(3)] == [True, True, False]


def test_every_five_requests_earn_one_repetition_and_no_more_than_a_hundred_are_saved() -> None:
    retries = RetryBudget(floor=0)
    spent = [retries.spend(0.0)]
    for _ in range(6):
        retries.sent()
    spent += [retries.spend(0.0) for _ in range(2)]
    assert spent == [False, True, False]
    for _ in range(5000):
        retries.sent()
    assert sum(retries.spend(0.0) for _ in range(200)) == 100


@given(st.lists(st.sampled_from(["sent", "spend", "time"]), max_size=300))
def test_repetitions_never_exceed_a_share_of_requests_and_the_floor(steps: list[str]) -> None:
    retries, now, sent, taken = RetryBudget(), 0.0, 0, 0
    for step in steps:
        if step == "sent":
            retries.sent()
            sent += 1
        elif step == "spend":
            taken += retries.spend(now)
        else:
            now += 1
        assert taken <= 20 + 0.2 * sent + now / 3 + 1e-6
