"""`python -m bench.worker FOLDER CARRIERS PORT SETTINGS [WHAT]`: one exporter at work, measured from inside.

Prints one line of JSON; WHAT is `cold` where only the first crawl matters. It is a process of its own so that
nothing but the exporter is measured; the pages it crawls are nginx's (`bench.inventory`), the scrapes come
from wrk.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import re
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from bench import programs
from bench.inventory import Inventory
from exporter import app, settings

ROUNDS = 3
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


async def stalls(worst: list[float]) -> None:
    """How late the event loop is at worst, in seconds."""
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        worst[0] = max(worst[0], time.perf_counter() - before - 0.001)


async def wrk(url: str, seconds: int, connections: int) -> dict[str, float]:
    """Requests a second and the 99th percentile, in seconds, of gzip scrapes; NaN where there is no wrk."""
    if programs.missing("wrk"):
        return {"rate": math.nan, "p99": math.nan}
    command = ("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "30s")
    header = ("-H", "Accept-Encoding: gzip")
    running = await asyncio.create_subprocess_exec(*command, *header, url, stdout=asyncio.subprocess.PIPE)
    said = (await running.communicate())[0].decode()
    requests = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    slowest = re.search(r"99%\s+([0-9.]+)(us|ms|s|m)", said)
    if requests is None or slowest is None or "Non-2xx" in said:
        raise RuntimeError(said)
    return {"rate": float(requests[1]), "p99": float(slowest[1]) * UNITS[slowest[2]]}


async def refreshed(poller: Any, rounds: int, before: Any = lambda: None) -> tuple[float, float]:
    """The medians of seconds and CPU seconds of full refreshes; `before` is called before each."""
    seconds, spent = [], []
    for _ in range(rounds):
        await asyncio.to_thread(before)
        began, cpu = time.perf_counter(), time.process_time()
        await poller.refresh("full")
        seconds.append(time.perf_counter() - began)
        spent.append(time.process_time() - cpu)
        if not poller.status.up or not poller.status.complete:
            raise RuntimeError(poller.recorder.error or poller.recorder.problem)
    return statistics.median(seconds), statistics.median(spent)


def spent() -> float:
    """Seconds of CPU of this process and those that it started and that have ended."""
    return sum(os.times()[:4])


async def cold(poller: Any) -> tuple[float, float]:
    """Waits for the first crawl: its seconds to the first body, and its seconds of CPU."""
    while not poller.status.refreshing:
        await asyncio.sleep(0.0005)
    began, cpu = time.perf_counter(), spent()
    while poller.status.up is None and not poller.published:
        await asyncio.sleep(0.001)
    seconds = time.perf_counter() - began
    while poller.status.up is None:
        await asyncio.sleep(0.001)
    if not poller.status.up:
        raise RuntimeError(poller.recorder.error)
    return seconds, spent() - cpu


async def first(house: app.Runtime, address: str, inventory: Inventory) -> dict[str, Any]:
    """The first crawl alone."""
    seconds, cpu = await cold(house.pollers[0])
    return {"cold": seconds, "cold_cpu": cpu, "series": _series(house)}


def _series(house: app.Runtime) -> int:
    return sum(collection.series for collection in house.store.status().collections)


async def measure(house: app.Runtime, address: str, inventory: Inventory) -> dict[str, Any]:
    found: dict[str, Any] = {}
    poller = house.pollers[0]
    worst = [0.0]
    watching = asyncio.create_task(stalls(worst))
    found["cold"], found["cold_cpu"] = await cold(poller)
    found["stall_cold"] = worst[0]
    found["records"] = len(poller.snapshot.records)
    found["resident"] = resident()
    found["unchanged"], found["unchanged_cpu"] = await refreshed(poller, ROUNDS)
    await refreshed(poller, 1, lambda: inventory.changed(0.01))
    worst[0] = 0.0
    found["changed"], found["changed_cpu"] = await refreshed(poller, ROUNDS, lambda: inventory.changed(0.01))
    found["stall_changed"] = worst[0]
    watching.cancel()
    found["resident_later"] = resident()
    url = f"{address}/metrics"
    _, pieces = house.store.scrape("text", "gzip", ())
    body = b"".join(pieces)
    (inventory.folder / "metrics.gz").write_bytes(body)
    found["gzip"] = len(body)
    found["identity"] = house.store.scrape("text", "identity", ())[0]
    found["series"] = _series(house)
    found["ours"] = await wrk(url, 5, 4)
    if not programs.missing("nginx"):
        found["nginx"] = await wrk(f"http://127.0.0.1:{inventory.port}/metrics", 5, 4)
    found["rest"] = await wrk(url, 5, 1)

    async def refreshing() -> None:
        while True:
            await refreshed(poller, 1, lambda: inventory.changed(0.01))

    busy = asyncio.create_task(refreshing())
    await asyncio.sleep(0.5)
    found["busy"] = await wrk(url, 8, 1)
    busy.cancel()
    await asyncio.gather(busy, return_exceptions=True)
    one = time.perf_counter()
    b"".join(house.store.scrape("text", "gzip", ())[1])
    found["one_gzip"] = time.perf_counter() - one
    return found


def main() -> int:
    programs.log_as_the_exporter()
    folder, carriers, port, file, *what = sys.argv[1:]
    measuring = first if what == ["cold"] else measure
    inventory = Inventory(Path(folder), int(carriers), int(port))
    config = settings.load(Path(file), {})
    found: dict[str, Any] = {}

    async def watch(house: app.Runtime, address: str) -> None:
        try:
            found.update(await measuring(house, address, inventory))
        except Exception as error:
            found["error"] = repr(error)
        over.set()

    over = asyncio.Event()

    async def run() -> None:
        serving = asyncio.create_task(app.serve(config, watch))
        await over.wait()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(run())
    print(json.dumps(found))
    return 1 if "error" in found else 0


if __name__ == "__main__":
    sys.exit(main())
