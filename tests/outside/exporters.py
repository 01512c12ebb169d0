"""Exporters in the process of a test: their clock, and their pages on a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

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
    runner = web.AppRunner(server.application(built.store), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
