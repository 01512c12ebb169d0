"""How long to wait, and what is worth another try."""

from __future__ import annotations

import pytest

from exporter import errors
from exporter.client import error_mapping, limiter, response

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("written", "wait"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("1.5", 1.5),
        ("999999999", 999_999_999.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("1e9", None),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("Tue, 14 Nov 2023 22:13:00 GMT", None),
        ("Tue, 99 Nov 2023 22:13:00 GMT", None),
    ],
)
def test_f16_retry_after_is_seconds_or_a_date_and_garbage_is_nothing(
    written: str, wait: float | None
) -> None:
    assert response.retry_after({"Retry-After": written}, NOW) == wait


def test_f51_a_date_is_compared_with_the_servers_own_clock() -> None:
    headers = {"Retry-After": "Tue, 14 Nov 2023 22:13:50 GMT", "Date": "Tue, 14 Nov 2023 22:13:45 GMT"}
    assert response.retry_after(headers, NOW + 86_400) == 5.0


def test_f16_what_a_server_asks_for_is_capped_and_never_cut_short() -> None:
    absurd = errors.Throttled("", wait=1e9)
    assert limiter.retry_delay(absurd, 0, 0.5, lambda: 0.999) == pytest.approx(60.4995)
    polite = errors.Broken("", status=503, wait=3.0)
    assert limiter.retry_delay(polite, 0, 0.5, lambda: 0.0) == 3.0


def test_f17_the_back_off_doubles_with_full_jitter_up_to_ten_seconds() -> None:
    broken = errors.Broken("", status=500)
    assert [limiter.retry_delay(broken, n, 0.5, lambda: 1.0) for n in range(6)] == [0.5, 1, 2, 4, 8, 10]
    assert limiter.retry_delay(broken, 10_000, 0.5, lambda: 0.5) == 5.0
    assert limiter.retry_delay(errors.Unreachable(""), 3, 0.5, lambda: 0.0) == 0.0


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (errors.Throttled("", wait=None), True),
        (errors.Broken("", status=500), True),
        (errors.Unreachable("", reason="connect"), True),
        (errors.Unreachable("", reason="reset"), True),
        (errors.Unreachable("", reason="timeout"), True),
        (errors.Malformed("", reason="empty"), True),
        (errors.Unreachable("", reason="dns"), False),
        (errors.Unreachable("", reason="tls"), False),
        (errors.Unreachable("", reason="proxy"), True),
        (errors.Malformed("", reason="html"), False),
        (errors.Malformed("", reason="too_large"), False),
        (errors.Refused("", status=404, reason="not_found"), False),
        (errors.Refused("", status=407, reason="proxy"), False),
    ],
)
def test_only_what_may_well_pass_is_tried_again(error: errors.SourceError, passing: bool) -> None:
    assert limiter.is_transient(error) is passing


def test_a_bare_url_shows_neither_user_nor_query() -> None:
    assert error_mapping.bare("https://u:p@host:8443/a/b?token=x#y") == "https://host:8443/a/b"


@pytest.mark.parametrize(
    "error",
    [
        errors.Broken("POST /token: 503", status=503, wait=3.0),
        errors.Throttled("GET /: 429", wait=None),
        errors.Unreachable("GET /: no connection", reason="proxy", hint="check the proxy"),
    ],
)
def test_an_error_that_is_not_tried_again_is_another_that_says_so_and_the_first_stays(
    error: errors.SourceError,
) -> None:
    before = str(error)
    other = limiter.not_retried(error)
    assert type(other) is type(error)
    assert vars(other) == vars(error)
    assert str(other).startswith(f"{before} (not tried again: ")
    assert str(error) == before
