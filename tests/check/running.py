"""The commands themselves, run in a thread next to a small server, and configurations for it."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from exporter import cli
from tests.outside.test_what_is_listed import service

Json = dict[str, Any]


def run(*arguments: str) -> tuple[int, str]:
    """The exit status of a command and all that it prints."""
    said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = cli.main(arguments)
    return status, said.buffer.getvalue().decode()  # type: ignore[attr-defined]


def services(count: int, **parts: object) -> list[Json]:
    return [service(number, **parts) for number in range(count)]


def sole(url: str, dialect: str = "tmf-v4", **collection: object) -> Json:
    """A configuration of services only."""
    api: Json = {"url": url, "dialect": dialect}
    return {"apis": {"tmf638": api}, "collections": {"services": collection}}
