"""When the next request may go: holds, quotas, budgets."""

from __future__ import annotations

import bisect

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.client.limiter import Schedule, hourly
from exporter.client.response import Quota

NOW = 5000.0


def starts(table: Schedule, count: int, now: float = NOW, gap: float = 0.0) -> list[float]:
    """The seconds from `now` at which requests go that all want to go at once."""
    found = []
    moment = now
    for _ in range(count):
        moment += table.wait(moment, gap)
        table.sent(moment)
        found.append(moment - now)
    return found


def test_without_any_reason_to_wait_everything_goes_at_once() -> None:
    assert starts(Schedule(None), 1000) == [0.0] * 1000


def test_a_hold_is_for_all_and_a_shorter_one_does_not_end_it() -> None:
    table = Schedule(None)
    table.pause(NOW + 8)
    table.pause(NOW + 3)
    assert starts(table, 3) == [8.0, 8.0, 8.0]


def test_a_gap_is_between_two_requests() -> None:
    assert starts(Schedule(None), 4, gap=0.5) == [0.0, 0.5, 1.0, 1.5]


# --- quotas ---


def test_where_little_is_left_the_rest_of_the_window_is_shared_out() -> None:
    table = Schedule(None)
    table.on_quota(Quota(remaining=9, seconds=20, limit=1000), NOW)
    assert starts(table, 12)[:5] == [0.0, 2.0, 4.0, 6.0, 8.0]


def test_with_nothing_left_the_next_request_goes_with_the_next_window() -> None:
    table = Schedule(None)
    table.sent(NOW)
    table.on_quota(Quota(remaining=0, seconds=20), NOW)
    assert starts(table, 3, NOW + 1) == [19.0, 19.0, 19.0]


def test_a_share_of_the_window_ends_with_it() -> None:
    table = Schedule(None)
    table.on_quota(Quota(remaining=1, seconds=20), NOW)
    assert starts(table, 4, NOW + 5) == [0.0, 10.0, 15.0, 15.0]


def test_no_quota_keeps_anyone_waiting_for_more_than_a_minute() -> None:
    table = Schedule(None)
    table.sent(NOW)
    table.on_quota(Quota(remaining=0, seconds=1e9), NOW)
    assert starts(table, 2) == [60.0, 120.0]


@pytest.mark.parametrize(
    "plenty",
    [
        Quota(remaining=500, seconds=60, limit=1000),
        Quota(remaining=11, seconds=60),
        Quota(remaining=0, seconds=None),
        Quota(remaining=0, seconds=0),
    ],
)
def test_with_plenty_left_or_no_window_nobody_waits(plenty: Quota) -> None:
    table = Schedule(None)
    table.on_quota(Quota(remaining=0, seconds=20), NOW)
    table.on_quota(plenty, NOW)
    assert starts(table, 5) == [0.0] * 5


def test_an_api_that_does_not_tell_its_quota_is_taken_to_have_the_largest_it_told_of() -> None:
    table = Schedule(None)
    table.on_quota(Quota(remaining=1000, seconds=60), NOW)
    assert starts(table, 2) == [0.0, 0.0]
    table.on_quota(Quota(remaining=199, seconds=60), NOW)
    assert starts(table, 3, NOW + 1) == pytest.approx([0.0, 0.3, 0.6])


# --- the budget of an hour ---


def test_a_budget_lets_a_tenth_go_at_once_and_the_rest_evenly() -> None:
    gone = starts(Schedule(600), 64)
    assert gone[:60] == [0.0] * 60
    assert gone[60:] == pytest.approx([3660 / 540 * n for n in range(1, 5)])


def test_a_budget_is_made_use_of_but_for_a_tenth() -> None:
    gone = starts(Schedule(1000), 3000)
    hours = [sum(start <= moment < start + 3600 for moment in gone) for start in (0, 3600)]
    assert hours == [985, 885]


@settings(max_examples=60)
@given(st.integers(60, 400), st.lists(st.sampled_from([0.0, 0.1, 5.0, 70.0, 900.0, 4000.0]), max_size=900))
def test_in_no_hour_more_requests_go_than_the_budget_allows(requests: int, pauses: list[float]) -> None:
    budget, now, gone = hourly(requests), 0.0, []
    for pause in [*pauses, *[0.0] * requests]:
        now += pause
        now += budget.wait(now)
        budget.spend(now)
        gone.append(now)
    for first, moment in enumerate(gone):
        assert bisect.bisect_right(gone, moment + 3600) - first <= requests


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.floats(0, 1000)),
        st.tuples(st.just("hold"), st.floats(0, 60)),
        st.tuples(st.just("quota"), st.builds(Quota, st.floats(0, 1e6), st.none() | st.floats(0, 1e12))),
    ),
    max_size=60,
)


@given(STEPS)
def test_without_a_budget_nobody_ever_waits_for_more_than_a_minute(steps: list[tuple[str, object]]) -> None:
    table, now = Schedule(None), 0.0
    for kind, value in steps:
        if kind == "pass":
            assert isinstance(value, float)
            now += value
        elif kind == "hold":
            assert isinstance(value, float)
            table.pause(now + value)
        else:
            assert isinstance(value, Quota)
            table.on_quota(value, now)
        wait = table.wait(now, 0.0)
        assert 0 <= wait <= 60.001
        if not wait:
            table.sent(now)
