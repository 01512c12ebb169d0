from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.inventory import text


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("12.5", 12.5),
        (" -3 ", -3.0),
        ("1e6", 1e6),
        ("true", 1.0),
        ("TRUE", 1.0),
        ("False", 0.0),
        ("NaN", None),
        ("infinity", None),
        ("1e999", None),
        ("12 GHz", None),
        ("", None),
    ],
)
def test_a_text_is_a_number_a_truth_or_nothing(written: str, found: float | None) -> None:
    assert text.number(written) == found


@given(st.text())
def test_what_comes_out_can_be_published(written: str) -> None:
    found = text.number(written)
    assert found is None or math.isfinite(found)


def test_a_truth_is_spelt_as_json_spells_it_and_other_words_as_they_are() -> None:
    assert [text.truth(word) for word in ("True", "FALSE", "true", "Up")] == [
        "true",
        "false",
        "true",
        "Up",
    ]
