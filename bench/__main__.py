"""`python -m bench` (`make bench`): the installed exporter against the simulator, as one table.

Times are medians of several scrapes over loopback in one run; the machine is shared, so look at ratios.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import prometheus_client
from prometheus_client.parser import text_string_to_metric_families

from tests.end_to_end import running

RECORDS = int(os.environ.get("BENCH_RECORDS", "50000"))
SCRAPES = 15


def scrape(url: str, **headers: str) -> tuple[float, bytes]:
    began = time.perf_counter()
    with urllib.request.urlopen(
        urllib.request.Request(f"{url}/metrics", headers=headers), timeout=60
    ) as answer:
        body = answer.read()
    return time.perf_counter() - began, body


def median(url: str, **headers: str) -> tuple[float, int]:
    runs = [scrape(url, **headers) for _ in range(SCRAPES)]
    return statistics.median(seconds for seconds, _ in runs), len(runs[-1][1])


class Parsed(prometheus_client.registry.Collector):
    """The same families as prometheus-client would hold them."""

    def __init__(self, text: str) -> None:
        self._families = list(text_string_to_metric_families(text))

    def collect(self) -> list[prometheus_client.Metric]:
        return self._families


def client_library(text: str) -> float:
    registry = prometheus_client.CollectorRegistry()
    registry.register(Parsed(text))
    runs = []
    for _ in range(3):
        began = time.perf_counter()
        prometheus_client.generate_latest(registry)
        runs.append(time.perf_counter() - began)
    return statistics.median(runs)


async def measure() -> list[tuple[str, str]]:
    services, resources = RECORDS // 5, RECORDS // 5
    counts = ("--services", services, "--carriers", RECORDS - services - resources, "--resources", resources)
    with tempfile.TemporaryDirectory() as folder:
        async with contextlib.AsyncExitStack() as stack:
            simulator = running.simulated(Path(folder), *(str(word) for word in counts))
            file = await stack.enter_async_context(simulator)
            began = time.perf_counter()
            url = await stack.enter_async_context(running.serving(file))
            crawled = time.perf_counter() - began
            gzip, squeezed = await asyncio.to_thread(median, url, **{"Accept-Encoding": "gzip"})
            plain, size = await asyncio.to_thread(median, url)
            text = (await asyncio.to_thread(scrape, url))[1].decode()
            rendered = await asyncio.to_thread(client_library, text)
    series = sum(not line.startswith("#") for line in text.splitlines())
    return [
        ("records", f"{RECORDS:,}"),
        ("series", f"{series:,}"),
        ("start to ready (every page crawled, decoded, rendered)", f"{crawled:.1f} s"),
        ("scrape, gzip", f"{gzip * 1000:.1f} ms, {squeezed / 1e6:.2f} MB"),
        ("scrape, identity", f"{plain * 1000:.1f} ms, {size / 1e6:.1f} MB"),
        ("prometheus-client generate_latest of the same, uncompressed", f"{rendered * 1000:.0f} ms"),
        ("ratio prometheus-client ÷ our gzip scrape", f"{rendered / gzip:.0f}"),
    ]


def main() -> int:
    rows = asyncio.run(measure())
    width = max(len(name) for name, _ in rows)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")
    for name, value in rows:
        print(f"{name:<{width}}  {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
