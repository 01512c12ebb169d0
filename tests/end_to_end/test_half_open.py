"""What a scrape costs while 300 connections stand open and say nothing, or half of a request (fault F70).

Measured at the real exporter, with and without them in turns. With `-s` the medians are printed; the figure
of docs/reliability.md comes from here. Nothing is asserted of time: machines are shared.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import yaml

from tests.end_to_end import running

CROWD = 300
TURNS = 5
SCRAPES = 40  # of one turn
OPEN = "ses_inventory_exporter_connections"
HALF = b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: "


def patient(file: Path) -> Path:
    """The simulator's settings, but that a request may take its time: nobody is cut while we measure."""
    config = yaml.safe_load(file.read_text())
    config["web"]["header_timeout"] = "10m"
    for collection in config["collections"].values():
        collection |= {"refresh_interval": "1h", "full_refresh_interval": "1h"}
    file.write_text(yaml.safe_dump(config))
    return file


@asynccontextmanager
async def crowd(url: str) -> AsyncIterator[None]:
    """Every second one has begun to ask."""
    port = int(url.rpartition(":")[2])
    connections = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(CROWD)))
    for _, writer in connections[::2]:
        writer.write(HALF)
    try:
        yield
    finally:
        for _, writer in connections:
            writer.transport.abort()


async def scraped(url: str) -> tuple[list[float], int]:
    """The seconds of each of some scrapes, and how many connections stood in the end."""
    took = []
    async with aiohttp.ClientSession() as session:
        for _ in range(SCRAPES):
            began = time.perf_counter()
            async with session.get(f"{url}/metrics") as answer:
                text = await answer.text()
                assert answer.status == 200
            took.append(time.perf_counter() - began)
    (line,) = [line for line in text.splitlines() if line.startswith(f"{OPEN} ")]
    return took, int(float(line.rpartition(" ")[2]))


async def test_f70_a_scrape_takes_as_long_beside_300_half_open_connections(tmp_path: Path) -> None:
    alone: list[float] = []
    beside: list[float] = []
    async with running.simulated(tmp_path) as file, running.serving(patient(file)) as url:
        for _ in range(TURNS):
            await running.until(lambda: f"{OPEN} 1.0\n" in running.get(f"{url}/metrics"))
            alone += (await scraped(url))[0]
            async with crowd(url):
                took, stood = await scraped(url)
                beside += took
                assert stood == CROWD + 1, "none of them was cut meanwhile, and none of us refused"
    without, amid = statistics.median(alone), statistics.median(beside)
    print(f"\nscrape, median of {len(alone)}: {without * 1000:.2f} ms alone,", end=" ")
    print(f"{amid * 1000:.2f} ms beside {CROWD} half-open connections: {amid / without:.2f} times")
