"""Identities, without a socket."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

import pytest

from exporter import errors, settings
from exporter.client import auth
from exporter.client.token_response import Answer


def flow(**written: object) -> auth.Flow:
    return auth.identity(
        settings.Api.model_validate({"url": "http://inventory.example", **written}), "tmf638"
    )()


def test_without_settings_nobody_in_particular_asks() -> None:
    nobody = flow()
    assert next(nobody) == {}
    assert auth.after(nobody, Answer(401)) is None


def test_a_password_is_read_each_time_it_is_used(tmp_path: Path) -> None:
    file = tmp_path / "password"
    identity = auth.identity(
        settings.Api.model_validate(
            {"url": "http://inventory.example", "basic_auth": {"username": "u", "password_file": file}}
        ),
        "tmf638",
    )
    for password in ("first", "second"):
        file.write_text(f"{password}\n")
        step = next(identity())
        assert isinstance(step, Mapping)
        assert base64.b64decode(step["Authorization"].removeprefix("Basic ")).decode() == f"u:{password}"


def test_credentials_that_have_not_changed_are_not_tried_again() -> None:
    bearer = flow(authorization={"credentials": "t0k"})
    assert next(bearer) == {"Authorization": "Bearer t0k"}
    assert auth.after(bearer, Answer(401)) is None


def test_credentials_that_have_changed_are_tried_once(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    bearer = flow(authorization={"type": "Token", "credentials_file": file})
    assert next(bearer) == {"Authorization": "Token old"}
    file.write_text("new")
    assert auth.after(bearer, Answer(401)) == {"Authorization": "Token new"}
    assert auth.after(bearer, Answer(401)) is None


def test_only_a_401_is_about_credentials(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    bearer = flow(authorization={"credentials_file": file})
    next(bearer)
    file.write_text("new")
    assert auth.after(bearer, Answer(403)) is None


def test_f62_a_file_that_has_gone_is_an_error_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigError, match="gone"):
        next(flow(authorization={"credentials_file": tmp_path / "gone"}))
