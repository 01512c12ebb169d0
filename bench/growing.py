"""`python -m bench.growing FOLDER CARRIERS PORT SETTINGS [LINES]`: one exporter at one size, from inside.

Prints one line of JSON: a `point.Point`, and with a fifth argument what `bench.lines` says of its scrapes. It
is a process of its own, so that nothing but the exporter is measured; who changes the inventory or reads the
scrapes is yet another. Invariant: nothing of the exporter is touched but what an operator could ask of it.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bench import programs
from bench.__main__ import spoken
from bench.inventory import Inventory
from bench.point import Point
from bench.worker import ROUNDS, cold, refreshed, resident, wrk
from exporter import app, settings

SECONDS = 5
SHARE = 0.01  # of the records are changed before one of the refreshes


def peak() -> int:
    """The most bytes of this process that ever were in memory."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


async def crawled(house: app.Runtime, change: Callable[[], object]) -> dict[str, Any]:
    """What crawling costs and what is held; `change` changes the inventory, once."""
    poller = house.pollers[0]
    found: dict[str, Any] = {}
    found["cold"], found["cold_cpu"] = await cold(poller)
    found["resident"] = resident()
    found["unchanged"], found["unchanged_cpu"] = await refreshed(poller, ROUNDS)
    found["changed"], found["changed_cpu"] = await refreshed(poller, 1, change)
    shown = house.store.status().collections[0]
    found["carriers"], found["series"] = shown.records, shown.series
    for encoding in ("gzip", "identity"):
        found[encoding] = house.store.scrape("text", encoding, ())[0]
    found["resident_later"] = resident()
    return found


async def measure(house: app.Runtime, address: str, inventory: Inventory) -> Point:
    """Everything there is to know of one size."""

    def change() -> None:
        where = (str(inventory.folder), str(inventory.carriers), str(SHARE), "0")
        subprocess.run((sys.executable, "-m", "bench.slices", *where), check=True)

    found = await crawled(house, change)
    if found["carriers"] != inventory.carriers:
        raise RuntimeError(f"{found['carriers']} records of {inventory.carriers} are held")
    scrapes = await wrk(f"{address}/metrics", SECONDS, 1)
    return msgspec.convert({**found, **scrapes, "peak": peak()}, Point)


def main() -> int:
    programs.log_as_the_exporter()
    folder, carriers, port, file, *lines = sys.argv[1:]
    inventory = Inventory(Path(folder), int(carriers), int(port))
    config = settings.load(Path(file), {})
    said: dict[str, Any] = {}
    over = asyncio.Event()

    async def watch(house: app.Runtime, address: str) -> None:
        try:
            said.update(msgspec.to_builtins(await measure(house, address, inventory)))
            if lines:
                said["lines"] = await spoken("bench.lines", f"{address}/metrics")
        except Exception as error:
            said["error"] = repr(error)
        over.set()

    async def run() -> None:
        serving = asyncio.create_task(app.serve(config, watch))
        ended = asyncio.create_task(over.wait())
        await asyncio.wait((serving, ended), return_when=asyncio.FIRST_COMPLETED)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(run())
    print(json.dumps(said))
    return 1 if "error" in said else 0


if __name__ == "__main__":
    sys.exit(main())
