"""What is measured of one exporter, on a small simulator: figures that are there and hang together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench import growing
from exporter import app
from exporter.simulator.server import Simulator
from tests import crawling

pytestmark = pytest.mark.real_time  # the benchmarks measure

CARRIERS = {"collections": {"carriers": {"refresh_interval": "1d", "delta": {}}}}


@asynccontextmanager
async def at_work(folder: Path) -> AsyncIterator[tuple[Simulator, app.Runtime]]:
    async with crawling.house(folder, CARRIERS, carriers=40) as (simulator, house):
        yield simulator, house


async def crawled(simulator: Simulator, house: app.Runtime) -> dict[str, float]:
    def change() -> None:
        simulator.fleet.set_status("CAR0000001", "down", simulator.fleet.clock)

    poller = house.pollers[0]
    measuring = asyncio.create_task(growing.crawled(house, change))
    await asyncio.sleep(0)
    await poller.refresh()
    return await measuring


async def test_crawls_scrapes_and_memory_are_measured(tmp_path: Path) -> None:
    async with at_work(tmp_path) as (simulator, house):
        found = await crawled(simulator, house)
    assert found["carriers"] == 40
    assert found["series"] >= 400
    assert 0 < found["gzip"] < found["identity"]
    assert min(found[name] for name in ("cold", "cold_cpu", "unchanged", "changed")) > 0
    assert 10_000_000 < found["resident"] <= growing.peak()


async def test_a_crawl_that_fails_is_no_figure(tmp_path: Path) -> None:
    async with at_work(tmp_path) as (simulator, house):
        crawling.trouble(simulator, "html:share=1")
        with pytest.raises(RuntimeError):
            await crawled(simulator, house)
