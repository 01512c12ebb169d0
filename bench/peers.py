"""What the exporter is measured against, each a process of its own: `python -m bench.peers WHAT …`.

`floor` fetches the same pages with aiohttp and only splits them, `plain` decodes each record with msgspec
into dicts, as a straightforward exporter would, `library` is prometheus-client: it collects, renders and
compresses the same families. Each prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import prometheus_client
from prometheus_client.parser import text_string_to_metric_families

WIDTH = 16
ROUNDS = 3


async def fetched(url: str, pages: int, use: Callable[[bytes], object]) -> float:
    """Seconds to fetch all pages, so many at once, and use each."""
    numbers = iter(range(1, pages + 1))
    began = time.perf_counter()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=WIDTH)) as session:

        async def work() -> None:
            for number in numbers:
                async with session.get(f"{url}/service?page={number}") as answer:
                    use(await answer.read())

        await asyncio.gather(*(work() for _ in range(WIDTH)))
    return time.perf_counter() - began


def crawled(url: str, pages: int, kind: Any) -> dict[str, float]:
    decoder = msgspec.json.Decoder(kind)
    runs = [asyncio.run(fetched(url, pages, decoder.decode)) for _ in range(ROUNDS)]
    return {"seconds": statistics.median(runs)}


class Parsed(prometheus_client.registry.Collector):
    """The same families as prometheus-client would hold them."""

    def __init__(self, text: str) -> None:
        self._families = list(text_string_to_metric_families(text))

    def collect(self) -> list[prometheus_client.Metric]:
        return self._families


def library(file: str) -> dict[str, float]:
    registry = prometheus_client.CollectorRegistry()
    registry.register(Parsed(gzip.decompress(Path(file).read_bytes()).decode()))
    began = time.perf_counter()
    text = prometheus_client.generate_latest(registry)
    rendered = time.perf_counter() - began
    gzip.compress(text, compresslevel=1)
    return {"rendered": rendered, "seconds": time.perf_counter() - began}


def main() -> int:
    what, *rest = sys.argv[1:]
    if what == "library":
        print(json.dumps(library(rest[0])))
    else:
        kind = list[msgspec.Raw] if what == "floor" else list[dict[str, Any]]
        print(json.dumps(crawled(rest[0], int(rest[1]), kind)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
