"""Numbers, times and foreign text as a person reads them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web import landing


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 seconds"),
        (0.4, "under a second"),
        (1, "1 second"),
        (59.9, "59 seconds"),
        (60, "1 minute"),
        (130, "2 minutes 10 seconds"),
        (3600, "1 hour"),
        (3605, "1 hour"),
        (7500, "2 hours 5 minutes"),
        (90_000, "1 day 1 hour"),
        (86_400 * 1234.0, "1,234 days"),
        (86_400 + 59, "1 day"),
        (-5, "0 seconds"),
        (1e300, "over a century"),
        (math.nan, "0 seconds"),
        (math.inf, "0 seconds"),
    ],
)
def test_a_span_is_said_in_its_two_largest_units(seconds: float, said: str) -> None:
    assert landing.span(seconds) == said


def test_a_moment_past_and_one_to_come_are_said_in_words() -> None:
    assert landing.ago(61) == "1 minute 1 second ago"
    assert landing.ago(0.2) == "just now"
    assert landing.ahead(300) == "in 5 minutes"
    assert landing.ahead(-300) == "now"


def test_a_moment_is_written_in_utc_to_the_second() -> None:
    assert landing.utc(1_795_000_000) == "2026-11-18 11:06:40 UTC"
    assert landing.iso(1_795_000_000) == "2026-11-18T11:06:40+00:00"


@pytest.mark.parametrize("when", [math.nan, math.inf, -1e300, 1e18])
def test_a_moment_outside_the_calendar_is_unknown(when: float) -> None:
    assert landing.iso(when) == ""
    assert landing.utc(when) == "an unknown time"


def test_counts_have_their_thousands_set_apart_and_one_is_singular() -> None:
    assert landing.counted(1, "record") == "1 record"
    assert landing.counted(12345, "record") == "12,345 records"


def test_f47_text_that_steers_is_replaced() -> None:
    assert landing.clean("a\x00b\x1bc\u202ed\u2066e\ud800f\r") == "a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf\ufffd"


@given(st.text(alphabet=st.characters()), st.integers(1, 50))
def test_any_text_comes_out_short_and_encodable(text: str, limit: int) -> None:
    cleaned = landing.clean(text, limit)
    cleaned.encode()
    assert "\x00" not in cleaned
    assert len(cleaned) <= limit


@given(st.floats())
def test_no_number_is_too_odd_for_a_span_or_a_moment(number: float) -> None:
    assert landing.span(number)
    assert landing.ago(number)
    assert landing.ahead(number)
    assert landing.utc(number)
