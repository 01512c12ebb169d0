"""How single values are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from exporter.settings import types


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("0", 0), (0, 0), ("0s", 0), ("500ms", 0.5), ("30s", 30), ("5m", 300), ("1h30m", 5400), ("1d", 86400),
        ("1w", 604800), ("1y", 31536000), ("1d1h1m1s1ms", 90061.001),
    ],
)  # fmt: skip
def test_durations_are_prometheus_own(written: object, seconds: float) -> None:
    assert types.parse_duration(written) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "written", ["", " 5m", "5 m", "1m1h", "-5m", "1.5h", "5M", "٣s", True, None, [], "9" * 400, 5, 0.5]
)
def test_anything_else_is_no_duration(written: object) -> None:
    with pytest.raises(PydanticCustomError):
        types.parse_duration(written)


@given(st.integers(0, 10**11))
def test_a_duration_survives_being_written_and_read(milliseconds: int) -> None:
    assert types.parse_duration(types.format_duration(milliseconds / 1000)) == pytest.approx(
        milliseconds / 1000
    )


@pytest.mark.parametrize(
    ("written", "size"),
    [("1", 1), (512, 512), ("64MiB", 1 << 26), ("2 GB", 2 * 10**9), ("7KB", 7000), ("3B", 3)],
)
def test_sizes_have_decimal_and_binary_units(written: object, size: int) -> None:
    assert types.parse_size(written) == size


@pytest.mark.parametrize(
    ("written", "host", "port"),
    [
        (":10638", None, 10638),
        ("0.0.0.0:1", "0.0.0.0", 1),
        ("[::]:0", "::", 0),
        ("[fe80::1%eth0]:65535", "fe80::1%eth0", 65535),
        ("localhost:80", "localhost", 80),
    ],
)
def test_addresses_are_host_and_port(written: str, host: str | None, port: int) -> None:
    assert types.split_address(written) == (host, port)


@pytest.mark.parametrize(
    "written", ["", ":", "80", "::1:80", "[::1]", "a b:1", ":-1", ":99999", "user@host:1", "[x y]:1"]
)
def test_anything_else_is_no_address(written: str) -> None:
    with pytest.raises(PydanticCustomError):
        types.split_address(written)


@given(st.text(st.characters(exclude_characters="@"), min_size=1))
def test_whatever_a_password_holds_what_is_shown_of_its_url_does_not_hold_it(password: str) -> None:
    shown = types.bare_url(f"https://monitor:{password}canary@host/path?token=canary#canary")
    assert shown == "https://host/path"


def test_a_long_value_is_cut_in_messages() -> None:
    assert len(types.shown("x" * 1000)) == 42
