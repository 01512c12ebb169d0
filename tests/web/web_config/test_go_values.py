"""Go's notation of flags, durations and numbers."""

from __future__ import annotations

import ssl

import pytest

from exporter.web.web_config import go_values


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("0s", 0.0),
        ("1s", 1.0),
        ("250ms", 0.25),
        ("1.5h", 5400.0),
        (".5s", 0.5),
        ("2.s", 2.0),
        ("1m30s", 90.0),
        ("3us", 3e-6),
        ("3µs", 3e-6),
        ("3ns", 3e-9),
        ("", None),
        ("1", None),
        ("-1s", None),
        ("1d", None),
        ("1 s", None),
        ("s", None),
        (".s", None),
        ("٣s", None),
        ("1s1", None),
    ],
)
def test_durations_are_gos(text: str, seconds: float | None) -> None:
    assert go_values.seconds(text) == (seconds if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("text", ["true", "True", "YES", "on", "y"])
def test_a_flag_may_be_on_in_many_words(text: str) -> None:
    assert go_values.flag(text) is True


@pytest.mark.parametrize("text", ["false", "NO", "Off", "n"])
def test_a_flag_may_be_off_in_many_words(text: str) -> None:
    assert go_values.flag(text) is False


@pytest.mark.parametrize("text", ["1", "", "truth", "null"])
def test_other_words_are_no_flag(text: str) -> None:
    assert go_values.flag(text) is None


def test_a_count_has_digits_only() -> None:
    assert go_values.count("020") == 20
    for text in ("-1", "1.0", "1e3", "", "1234567890", "٣"):
        assert go_values.count(text) is None


@pytest.mark.parametrize("name", go_values.SUITES)
def test_openssl_has_every_suite_under_the_name_given_here(name: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(go_values.SUITES[name])
    assert go_values.SUITES[name] in [suite["name"] for suite in context.get_ciphers()]


@pytest.mark.parametrize("name", go_values.CURVES)
def test_openssl_has_every_curve_under_the_name_given_here(name: str) -> None:
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ecdh_curve(go_values.CURVES[name])
