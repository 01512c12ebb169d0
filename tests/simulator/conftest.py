from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import aiohttp
import pytest

from exporter.simulator.server import Options, Simulator
from tests.simulator.client import Walker

Run = Callable[..., Awaitable[Walker]]

SMALL = Options(listen_port=0, services=45, carriers=60, resources=90)


@pytest.fixture
async def run() -> AsyncIterator[Run]:
    """Starts a small simulator with the given options changed, and gives a client of it."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def start(**changes: object) -> Walker:
            simulator = Simulator(replace(SMALL, **changes))  # type: ignore[arg-type]
            await stack.enter_async_context(simulator)
            return Walker(session, simulator)

        yield start
