"""Secrets are read when used, and shown nowhere."""

from pathlib import Path
from typing import Any

import pytest

from exporter.errors import ConfigError
from exporter.settings import Authorization, BasicAuth, Settings, load, read_secret

GOOD = Path(__file__).parent / "good"


def test_a_rotated_secret_is_seen_without_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("old\n")
    auth = BasicAuth(username="monitor", password_file=file)
    assert auth.read_password() == "old"
    file.write_text("new")
    assert auth.read_password() == "new"


def test_line_ends_after_a_secret_are_dropped_and_blanks_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"\xef\xbb\xbf p \r\n\n")
    assert read_secret(None, file, "key") == " p "


def test_a_secret_that_vanished_names_key_and_file(tmp_path: Path) -> None:
    auth = Authorization(credentials_file=tmp_path / "gone")
    with pytest.raises(
        ConfigError, match=r"^authorization\.credentials_file: .*/gone cannot be read: No such file"
    ):
        auth.read_credentials()


def test_a_password_that_is_not_written_is_empty() -> None:
    auth = BasicAuth(username="monitor")
    assert (auth.read_username(), auth.read_password()) == ("monitor", "")


def test_a_user_name_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "name").write_text("monitor\n")
    assert BasicAuth(username_file=tmp_path / "name").read_username() == "monitor"


def test_no_secret_is_shown_by_settings_in_any_form() -> None:
    text = (GOOD / "everything.yaml").read_text()
    config = load(GOOD / "everything.yaml", {})
    secrets = ("canary-9f2c", "user:secret", "SecretStr('b')", "'PEM'", "'a'")
    assert "user:secret" in text
    forms = (
        repr(config),
        str(config),
        config.model_dump(mode="json"),
        config.model_dump(),
        config.model_dump_json(),
    )
    shown = f"{forms} {config.targets()}"
    assert [secret for secret in secrets if secret in shown] == []


def test_dumped_settings_are_plain_json_values() -> None:
    shown = load(GOOD / "everything.yaml", {}).model_dump(mode="json")
    assert shown["apis"]["tmf638"]["http_headers"]["X-One"]["secrets"] == ["**********"]
    assert shown["apis"]["tmf638"]["proxy_url"] == "**********"
    assert shown["apis"]["tmf638"]["timeout"] == 90.0
    assert shown["state_file"].endswith("state")


def test_a_secret_passed_to_settings_themselves_is_not_shown_by_their_error() -> None:
    written: Any = {"tmf638": {"url": "http://a", "basic_auth": {"password": ["canary-9f2c"]}}}
    with pytest.raises(ValueError, match="basic_auth") as caught:
        Settings(apis=written)
    assert "canary" not in str(caught.value)
