from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.inventory import dates, text

ODD = st.text(st.characters(codec=None), max_size=40) | st.text("ab \t\r\n\x00\u202e\ud800…~", max_size=40)
LENGTHS = st.integers(min_value=20, max_value=60)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("Forward Carrier", "Forward Carrier"),
        ("  SES-17 \n", "SES-17"),
        (True, "true"),
        (False, "false"),
        (42, "42"),
        (-1, "-1"),
        (10**400, ""),
        (14.25, "14.25"),
        (14000.0, "14000"),
        (None, ""),
        ([], ""),
        ({"value": 1}, ""),
        ("Not Specified.", ""),
        ("not\tspecified", ""),
        ("not specified by the customer", "not specified by the customer"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("a\tb", "a b"),
        ("a\x00b\x1bc\x7fd\x9fe", "a\ufffdb\ufffdc\ufffdd\ufffde"),
        ("\u202egpj.exe", "\ufffdgpj.exe"),
        ("half \ud83d a pair", "half \ufffd a pair"),
        ("Zürich 🛰 衛星", "Zürich 🛰 衛星"),
    ],
)
def test_a_scalar_becomes_a_label_value_and_anything_else_nothing(value: object, said: str) -> None:
    assert text.clean(value) == said


def test_a_long_text_is_cut_to_the_length_and_says_so() -> None:
    assert text.clean("x" * 1000) == "x" * 1000
    assert text.clean("x" * 1001) == f"{'x' * 997}…"
    assert text.clean("x" * 10_000_000, 20) == f"{'x' * 17}…"


@given(ODD | st.integers() | st.floats() | st.booleans(), LENGTHS)
@example(" " * 100 + "a", 20)
def test_cleaning_twice_is_cleaning_once(value: object, length: int) -> None:
    once = text.clean(value, length)
    assert text.clean(once, length) == once
    assert len(once.encode()) <= length, "bytes, of valid Unicode"
    assert not set(once) & {chr(code) for code in range(32) if code != 10}


@given(ODD, ODD, LENGTHS)
@example("a\x00", "a\x01", 20)
@example("x" * 30, "x" * 31, 20)
@example("a ", "a", 20)
@example("\na", "\ta", 20)
def test_different_ids_stay_different(one: str, other: str, length: int) -> None:
    first, second = text.identity(one, length), text.identity(other, length)
    assert len(first.encode()) <= length
    if one != other:
        assert first != second or not first


@given(ODD, ODD, LENGTHS)
@example(" a", "a", 40)
def test_no_id_can_be_written_so_that_it_becomes_another_ones_label(
    one: str, other: str, length: int
) -> None:
    first = text.identity(one, length)
    for aimed in (first, f"{other}{first}", f" {first}"):
        if aimed != one:
            assert text.identity(aimed, length) != first or not first


@given(ODD, LENGTHS)
def test_an_id_is_a_clean_label_value(ident: str, length: int) -> None:
    found = text.identity(ident, length)
    assert text.clean(found, length) == found


@pytest.mark.parametrize("nothing", [None, "", "  ", True, False, {}, [], {"id": 1}, "Not Specified"])
def test_what_is_no_scalar_is_no_id(nothing: object) -> None:
    assert text.identity(nothing) == ""


def test_a_number_is_an_id() -> None:
    assert text.identity(4711) == "4711"
    assert text.identity(2**80) == str(2**80)
    assert text.identity(7.0) == text.identity("7")
    assert text.identity(0.1) == "0.1"
    assert text.identity(1.0000000000000002) != text.identity(1.0)


def test_an_id_that_can_be_a_label_is_left_as_it_is() -> None:
    for ident in (
        "urn:ngsi-ld:Service:α",
        "two\nlines",
        "~",
        "a~0123456789abcde",
        "a~0123456789ABCDEF",
        "a b",
    ):
        assert text.identity(ident) == ident


def test_an_id_that_cannot_be_a_label_ends_in_a_digest_of_all_of_it() -> None:
    for ident in (" a", "a ", "a\t", "\u00a0a", "a~0123456789abcdef"):
        assert re.fullmatch(r"a\S*~[0-9a-f]{16}", text.identity(ident)), ident


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1970-01-02", 86400.0),
        ("2026-01-15T12:00:00Z", 1768478400.0),
        ("2026-01-15T12:00:00.250Z", 1768478400.25),
        ("2026-01-15T13:00:00+01:00", 1768478400.0),
        ("2026-01-15 12:00:00", 1768478400.0),
        (" 2026-01-15T12:00:00 ", 1768478400.0),
        ("2026-01-15", 1768435200.0),
        ("1970-01-01", None),
        ("0000-00-00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59Z", None),
        ("next Tuesday", None),
        ("", None),
        (1768478400, 1768478400.0),
        (None, None),
        ({"dateTime": "2026-01-15"}, None),
    ],
)
def test_a_date_is_unix_seconds_in_utc_or_nothing(written: object, seconds: float | None) -> None:
    assert dates.moment(written) == seconds


def test_a_date_without_a_zone_is_utc_wherever_the_exporter_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "America/New_York")
        time.tzset()
        assert dates.moment("2026-01-15 12:00:00") == 1768478400.0
        assert dates.moment("2026-01-15") == 1768435200.0
    time.tzset()


@given(ODD | st.datetimes().map(str) | st.integers())
def test_no_text_breaks_the_reading_of_dates(written: object) -> None:
    found = dates.moment(written)
    assert found is None or 0 < found < 7258118400


def test_words_are_compared_without_case_spaces_underscores_and_hyphens() -> None:
    assert text.fold("Non-Operational") == text.fold("non operational") == text.fold("NON_OPERATIONAL")
    assert text.fold("x" * 200) == "x" * 200


def test_the_share_an_id_falls_into_never_changes() -> None:
    assert text.stable_hash("CAR0000123") == 12700027561256065785
    assert text.stable_hash("half \ud83d a pair") != text.stable_hash("half a pair")


def test_texts_that_recur_are_held_once_and_those_that_never_do_not_at_all() -> None:
    words = text.Words(20)
    assert words.of(" Modem ") == "Modem"
    assert words.of("".join(["Mo", "dem"])) is words.of("Modem")
    assert (words.of(None), words.of(7), words.of("x" * 30)) == ("", "7", f"{'x' * 17}…")
    for number in range(5_000):
        assert words[f"text {number}"] == f"text {number}"
    assert words["x" * 200] == f"{'x' * 17}…"
    assert len(words) <= 2_000


@given(st.floats())
def test_a_number_is_written_the_same_whatever_the_length_it_may_have(number: float) -> None:
    assert text.clean(number) == text.clean(text.scalar(number))


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ([2026, 1, 15], 1768435200.0),
        ([2026, 1, 15, 12], 1768478400.0),
        ([2026, 1, 15, 12, 30, 5, 7000000], 1768480205.007),
        ([2026, 1], None),
        ([2026, 1, "x"], None),
        (["a", 2026, 1, 15], None),
        ([2026, 1, 15, 1, 1, 1, 1, 1], None),
        (1768435200, 1768435200.0),
        (1768435200000, 1768435200.0),
        (1768435200000000, 1768435200.0),
        (1768435200000000000, 1768435200.0),
    ],
)
def test_a_date_may_be_a_list_of_numbers_or_a_unix_time_in_smaller_units(
    written: object, seconds: float | None
) -> None:
    assert dates.moment(written) == seconds
