"""Exporters in the process of a test: their clock, and their pages on a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp.test_utils import TestServer

from exporter import app
from exporter.web import server


class Clock:
    """The monotonic clock of an exporter, on which time passes only where a test says so."""

    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> float:
        return 1000.0 + self.passed


@asynccontextmanager
async def served(built: app.Runtime) -> AsyncIterator[str]:
    """The web side of an exporter on loopback; gives its URL."""
    async with TestServer(server.application(built.store)) as serving:
        yield str(serving.make_url("")).rstrip("/")
