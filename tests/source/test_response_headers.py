"""What headers tell of a quota, in every spelling; garbage tells nothing."""

from __future__ import annotations

import math

import multidict
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.client.response import Quota, http_date, quota

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


def told(**headers: str) -> Quota | None:
    return quota(multidict.CIMultiDict({name.replace("_", "-"): text for name, text in headers.items()}), NOW)


@pytest.mark.parametrize("prefix", ["X-RateLimit", "x-ratelimit", "RateLimit", "X-Rate-Limit"])
@pytest.mark.parametrize("reset", ["30", "1700000030", "1700000030000", "30;w=60"])
def test_three_headers_tell_what_is_left_until_when_and_of_how_much(prefix: str, reset: str) -> None:
    headers = {f"{prefix}-Limit": "100", f"{prefix}-Remaining": "7", f"{prefix}-Reset": reset}
    assert quota(multidict.CIMultiDict(headers), NOW) == Quota(7, 30, 100)


@pytest.mark.parametrize(
    ("written", "quota"),
    [
        ('"default";r=50;t=30', Quota(50, 30)),
        ('"burst";r=5;t=1, "day";r=900;t=36000', Quota(900, 36000)),
        ('"only";r=3', Quota(3, None)),
        ("default;r=50; t=30", Quota(50, 30)),
        ("limit=100, remaining=50, reset=30", Quota(50, 30, 100)),
        ("remaining=0,reset=9", Quota(0, 9)),
        ('"x";q=3', None),
        ("nonsense", None),
        ("limit=100", None),
        ("r=-5;t=-1", None),
    ],
)
def test_the_combined_header_is_understood_in_the_drafts_that_differ(
    written: str, quota: Quota | None
) -> None:
    assert told(RateLimit=written) == quota


def test_a_limit_with_policies_behind_it_is_the_first_number() -> None:
    found = told(RateLimit_Limit="100, 100;w=60, 5000;w=3600", RateLimit_Remaining="1", RateLimit_Reset="2")
    assert found == Quota(1, 2, 100)


def test_a_reset_as_unix_time_is_compared_with_the_servers_own_clock() -> None:
    found = told(
        X_RateLimit_Remaining="3", X_RateLimit_Reset="1600000045", Date="Sun, 13 Sep 2020 12:26:40 GMT"
    )
    assert found == Quota(3, 45)


def test_a_reset_in_the_past_is_now() -> None:
    assert told(X_RateLimit_Remaining="3", X_RateLimit_Reset="1600000000") == Quota(3, 0)


def test_of_several_quotas_the_tightest_counts() -> None:
    found = told(RateLimit='"a";r=100;t=10', X_RateLimit_Remaining="5", X_RateLimit_Reset="60")
    assert found == Quota(5, 60)
    assert told(RateLimit='"a";r=100;t=10', X_RateLimit_Remaining="5") == Quota(100, 10)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X_RateLimit_Remaining": ""},
        {"X_RateLimit_Remaining": "-1"},
        {"X_RateLimit_Remaining": "many"},
        {"X_RateLimit_Remaining": "1e5"},
        {"X_RateLimit_Remaining": "9" * 400},
        {"X_RateLimit_Remaining": "²"},
        {"X_RateLimit_Limit": "1000", "X_RateLimit_Reset": "1700000030", "X_RateLimit_Rule": "a1b2"},
    ],
)
def test_garbage_is_no_quota(headers: dict[str, str]) -> None:
    assert told(**headers) is None


@pytest.mark.parametrize("reset", ["", "soon", "-1", "nan", "Tue, 14 Nov 2023 22:13:50 GMT"])
def test_a_reset_that_is_garbage_is_unknown(reset: str) -> None:
    assert told(X_RateLimit_Remaining="3", X_RateLimit_Reset=reset) == Quota(3, None)


WORDS = st.text('0123456789rt=;,." e-wlimtrng', max_size=40)


@given(WORDS, WORDS, WORDS, WORDS)
def test_whatever_is_written_is_no_error(one: str, remaining: str, reset: str, date: str) -> None:
    found = told(RateLimit=one, RateLimit_Remaining=remaining, RateLimit_Reset=reset, Date=date)
    if found is not None:
        assert 0 <= found.remaining < math.inf
        assert found.seconds is None or 0 <= found.seconds < math.inf


def test_a_date_that_is_none_is_no_moment() -> None:
    assert http_date("Tue, 14 Nov 2023 22:13:20 GMT") == NOW
    assert http_date("yesterday") is None
