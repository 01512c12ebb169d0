"""What a request is authorized with, without a socket."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from exporter import errors, settings
from exporter.client import auth


async def no_endpoint(request: auth.TokenRequest) -> tuple[int, bytes]:
    raise AssertionError


class Request:
    """One request with these settings, which may be refused."""

    def __init__(self, **written: object) -> None:
        api = settings.Api.model_validate({"url": "http://inventory.example", **written})
        self._credentials = auth.authorization(api, "tmf638", no_endpoint)
        self._refusals = 0
        self._token = auth.Token("")

    async def sent(self) -> str:
        """The value of Authorization."""
        self._token = await self._credentials.token()
        return self._token.header

    async def again(self) -> str | None:
        """What is sent after a 401; None for nothing."""
        self._refusals += 1
        other = await self._credentials.replacement(self._token, self._refusals)
        self._token = other or self._token
        return other and other.header


async def test_without_settings_nothing_is_sent() -> None:
    request = Request()
    assert await request.sent() == ""
    assert await request.again() is None


async def test_a_password_is_read_each_time_it_is_used(tmp_path: Path) -> None:
    file = tmp_path / "password"
    request = Request(basic_auth={"username": "u", "password_file": file})
    for password in ("first", "second"):
        file.write_text(f"{password}\n")
        header = await request.sent()
        assert base64.b64decode(header.removeprefix("Basic ")).decode() == f"u:{password}"


async def test_credentials_that_have_not_changed_are_not_tried_again() -> None:
    request = Request(authorization={"credentials": "t0k"})
    assert await request.sent() == "Bearer t0k"
    assert await request.again() is None


async def test_credentials_that_have_changed_are_tried_once(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    request = Request(authorization={"type": "Token", "credentials_file": file})
    assert await request.sent() == "Token old"
    file.write_text("new")
    assert await request.again() == "Token new"
    file.write_text("newer")
    assert await request.again() is None


async def test_f62_a_file_that_has_gone_is_an_error_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigError, match="gone"):
        await Request(authorization={"credentials_file": tmp_path / "gone"}).sent()
