"""Dates in the notations of inventories: what is beyond doubt is read, the rest by a format or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.inventory import dates

MOMENT = 1706933106.0  # 2024-02-03T04:05:06Z


@pytest.mark.parametrize(
    "written",
    [
        *(1706933106, 1706933106.0, 1706933106000, 1706933106000000, 20240203040506),
        *("1706933106", "1706933106000", "20240203040506", "20240203T040506Z", "20240203T050506+01:00"),
        *("/Date(1706933106000)/", "/Date(1706933106000+0100)/", r"\/Date(1706933106000)\/"),
        *([2024, 2, 3, 4, 5, 6], [2024, 2, 3, 4, 5, 6, 0]),
        *(
            "2024-02-03T04:05:06Z[UTC]",
            "2024-02-03T05:05:06+01:00[Europe/Luxembourg]",
            "2024-02-03 04:05:06 UTC",
        ),
        *("Sat, 03 Feb 2024 04:05:06 GMT", "Saturday, 03-Feb-24 04:05:06 GMT", "Sat Feb  3 04:05:06 2024"),
        *("2024/02/03 04:05:06", "03-FEB-2024 04:05:06", "Feb 3, 2024 4:05:06 AM", " 2024-02-03T04:05:06Z "),
    ],
)
def test_what_is_beyond_doubt_is_read(written: object) -> None:
    assert dates.moment(written) == MOMENT


@pytest.mark.parametrize(
    "written",
    [
        *([2024, 2, 3], "2024/02/03", "3 Feb 2024", "February 3, 2024", "03-Feb-2024"),
        *("20240203", 20240203),
    ],
)
def test_a_day_begins_at_midnight(written: object) -> None:
    assert dates.moment(written) == 1706918400


@pytest.mark.parametrize(
    "written",
    [
        *(
            "03/02/2024",
            "03.02.2024",
            "202402030405",
            "20240230",
            "00000000",
            "2024",
            "tomorrow",
            "2024-02-30",
            "31 Feb 2024",
        ),
        *(0, -1, 7, 12345678, 202402030405, True, 1e300, float("nan"), 10**400),
        *([2024], [2024, 13, 1], ["2024", "02", "03"], [2024, 2, 3, True], [2024] * 100, {}, {"a": 1}),
        *("9999-12-31", "/Date(-1)/", "/Date(999999999999999)/", "1" * 500),
    ],
)
def test_what_is_in_doubt_or_no_date_is_none(written: object) -> None:
    assert dates.moment(written) is None


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("03.02.2024 04:05:06", "%d.%m.%Y %H:%M:%S"),
        ("02/03/2024 04:05:06", "%m/%d/%Y %H:%M:%S"),
        (240203040506, "%y%m%d%H%M%S"),
        ("2024-02-03T04:05:06Z", "%d.%m.%Y"),
    ],
)
def test_a_format_comes_first_and_does_not_keep_others_from_being_read(written: object, form: str) -> None:
    assert dates.is_format(form)
    assert dates.moment(written, form) == MOMENT


@pytest.mark.parametrize("form", ["", "day and month", "%Y", "%H:%M", "%Q", "%", "%d.%m."])
def test_a_format_needs_a_whole_day(form: str) -> None:
    assert not dates.is_format(form)


@given(
    st.text() | st.integers() | st.floats() | st.lists(st.integers() | st.text(), max_size=8) | st.none(),
    st.sampled_from(["", "%d.%m.%Y"]) | st.text(max_size=6),
)
def test_no_value_and_no_format_raises(written: object, form: str) -> None:
    found = dates.moment(written, form)
    assert found is None or 0 < found < 7258118400
    dates.is_format(form)
