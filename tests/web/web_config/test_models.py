"""The values of the file as Go reads them, and what may be seen of them."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import get_args

import pytest

from exporter.errors import ConfigError
from exporter.web.web_config import models, reloader

from .served import HASHES


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "web.yml"


def loaded(file: Path, text: str) -> models.WebConfig:
    file.write_text(text, encoding="utf-8")
    return models.load(file)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("'0'", 0.0),
        ("", 0.0),
        ("''", 0.0),
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
    ],
)
def test_durations_are_gos(file: Path, text: str, seconds: float) -> None:
    config = loaded(file, f"rate_limit: {{interval: {text}, burst: 1}}")
    assert config.rate_limit.interval == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["1", "-1s", "1d", "1 s", "s", ".s", "٣s", "1s1", "0.0", "0x0", "true", "1:30"]
)
def test_other_texts_are_no_durations(file: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"rate_limit\.interval: is not a duration"):
        loaded(file, f"rate_limit: {{interval: {text}, burst: 1}}")


@pytest.mark.parametrize(
    ("text", "on"),
    [
        *(("true", True), ("True", True), ("YES", True), ("on", True), ("y", True), ("'true'", True)),
        *(("false", False), ("NO", False), ("Off", False), ("n", False)),
    ],
)
def test_a_flag_may_be_written_in_many_words(file: Path, text: str, on: bool) -> None:
    assert loaded(file, f"http_server_config: {{http2: {text}}}").http_server_config.http2 is on


@pytest.mark.parametrize("text", ["1", "truth", "'null'", "[true]"])
def test_other_words_are_no_flag(file: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="http2: must be true or false"):
        loaded(file, f"http_server_config: {{http2: {text}}}")


@pytest.mark.parametrize("text", ["-1", "1.0", "1e3", "1234567890", "٣", "0b1", "true"])
def test_a_count_has_at_most_nine_digits_and_nothing_else(file: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"rate_limit\.burst: "):
        loaded(file, f"rate_limit: {{interval: 1s, burst: {text}}}")


@pytest.mark.parametrize("name", models.TLS12_SUITES.values())
def test_openssl_has_every_suite_under_the_name_given_here(name: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(name)
    assert name in [suite["name"] for suite in context.get_ciphers()]


@pytest.mark.parametrize("name", get_args(models.Curve))
def test_openssl_has_every_curve_under_the_name_given_here(name: str) -> None:
    context, curve = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), reloader._CURVES[name]
    try:
        context.set_ecdh_curve("X448")
    except ssl.SSLError as error:  # this Python can set the NIST curves only, but knows the names of others
        if not name.startswith("CurveP"):
            with pytest.raises(ssl.SSLError, match=error.reason):
                context.set_ecdh_curve(curve)
            return
    context.set_ecdh_curve(curve)


def test_no_secret_is_in_the_repr(file: Path) -> None:
    key = "-----BEGIN PRIVATE KEY-----"
    config = loaded(
        file,
        f"tls_server_config: {{cert_file: a, key: '{key}'}}\nbasic_auth_users: {{alice: {HASHES['alice']}}}",
    )
    assert config.users == {b"alice": HASHES["alice"].encode()}
    for secret in (key, HASHES["alice"]):
        assert secret not in repr(config)


def test_paths_begin_at_the_folder_of_the_file(file: Path) -> None:
    config = loaded(file, "tls_server_config: {cert_file: a/b.crt, key_file: /c.key}")
    assert config.tls_server_config.files == (file.parent / "a/b.crt", Path("/c.key"))
