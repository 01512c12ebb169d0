"""`python -m bench.soak`: hours of a small operator's life in some minutes, as one table.

A simulator of 20,000 records changes 1 % of them between refreshes and fails 5 % of its answers; an exporter
refreshes everything every second or as fast as it can, and is scraped all along. Looked at are memory, failed
scrapes and the slowest one. `SOAK_REFRESHES` is the number of refreshes of each collection, `SOAK_MINUTES`
ends the run earlier where it is set.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import re
import statistics
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.end_to_end import running

REFRESHES = int(os.environ.get("SOAK_REFRESHES", "1000"))
SECONDS = 60 * float(os.environ.get("SOAK_MINUTES", "inf"))
RECORDS = {"services": 4000, "carriers": 12_000, "resources": 4000}
WARM_UP = REFRESHES // 10
FAULTS = ("500:share=0.02", "504:share=0.02", "truncate:share=0.01")
OWN = "ses_inventory_exporter_"


@dataclass
class Life:
    """What the scrapes saw: their seconds, how many failed, and (refreshes, resident bytes)."""

    seconds: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    memory: list[tuple[int, float]] = field(default_factory=list)
    last: str = ""


def value(text: str, series: str) -> float:
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


def total(text: str, family: str) -> float:
    return sum(float(one) for one in re.findall(rf"^{family}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE))


def refreshes(text: str) -> int:
    """Ended refreshes of the collection that is furthest behind."""
    return int(
        min(
            total(text, rf"{OWN}refresh_duration_seconds_count\{{collection=\"{name}\",mode=\"full\"\}}")
            + total(text, rf"{OWN}refresh_failures_total\{{collection=\"{name}\",.*\}}")
            for name in RECORDS
        )
    )


def scrape(url: str, life: Life) -> None:
    began = time.perf_counter()
    try:
        request = urllib.request.Request(f"{url}/metrics", headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()
    except OSError as error:
        life.failed.append(str(error))
    life.seconds.append(time.perf_counter() - began)


def look(url: str, life: Life) -> int:
    text = running.get(f"{url}/metrics?collect[]=services")
    life.last = "\n".join(line for line in text.splitlines() if line.startswith((OWN, "process_")))
    done = refreshes(life.last)
    life.memory.append((done, value(life.last, "process_resident_memory_bytes")))
    return done


async def live(url: str) -> Life:
    life = Life()
    looked, end = 0.0, time.monotonic() + SECONDS
    while True:
        await asyncio.to_thread(scrape, url, life)
        if time.monotonic() - looked > 3.0:
            looked = time.monotonic()
            done = await asyncio.to_thread(look, url, life)
            print(f"\r{done} of {REFRESHES} refreshes, {len(life.seconds)} scrapes", end="", file=sys.stderr)
            if done >= REFRESHES or looked > end:
                return life
        await asyncio.sleep(0.1)


async def soak() -> tuple[Life, float]:
    counts = [word for name, number in RECORDS.items() for word in (f"--{name}", str(number))]
    faults = [word for fault in FAULTS for word in ("--fault", fault)]
    rate = str(0.01 * sum(RECORDS.values()))  # a second: 1 % between two refreshes
    with tempfile.TemporaryDirectory() as folder:
        async with contextlib.AsyncExitStack() as stack:
            simulated = running.simulated(Path(folder), *counts, *faults, "--change-rate", rate)
            file = await stack.enter_async_context(simulated)
            config = yaml.safe_load(file.read_text())
            collections = config.setdefault("collections", {})
            for name in RECORDS:
                often = {"refresh_interval": "1s", "full_refresh_interval": "1s", "page_size": 500}
                collections[name] = {**(collections.get(name) or {}), **often}
            config["state_file"] = str(Path(folder, "state"))
            file.write_text(yaml.safe_dump(config))
            url = await stack.enter_async_context(running.serving(file))
            began = time.monotonic()
            life = await live(url)
            return life, time.monotonic() - began


def mean(life: Life, first: int, last: int) -> float:
    return statistics.mean(size for done, size in life.memory if first <= done <= last)


def table(life: Life, seconds: float) -> tuple[list[tuple[str, str]], bool]:
    hundred = max(1, REFRESHES // 10)
    early = mean(life, WARM_UP, WARM_UP + hundred)
    done = life.memory[-1][0]
    late = mean(life, done - hundred, done)
    growth = late / early - 1
    slowest = max(life.seconds)
    good = abs(growth) <= 0.05 and not life.failed and slowest <= 0.25
    failures = total(life.last, f"{OWN}refresh_failures_total")
    return [
        ("records", f"{sum(RECORDS.values()):,}"),
        ("refreshes of each collection", f"{done:,} in {seconds / 60:.0f} min"),
        ("refreshes that failed and changed nothing, all collections", f"{failures:.0f}"),
        ("answers with an error", f"{total(life.last, f'{OWN}request_failures_total'):.0f}"),
        ("records changed", f"{total(life.last, f'{OWN}records_changed_total'):,.0f}"),
        ("scrapes", f"{len(life.seconds):,}"),
        ("scrapes that failed", f"{len(life.failed)}"),
        ("scrape, median", f"{statistics.median(life.seconds) * 1000:.0f} ms"),
        ("scrape, slowest", f"{slowest * 1000:.0f} ms (at most 250)"),
        ("resident memory, first hundred after warm-up", f"{early / 1e6:.1f} MB"),
        ("resident memory, last hundred", f"{late / 1e6:.1f} MB"),
        ("difference", f"{growth:+.1%} (at most 5 %)"),
    ], good


def main() -> int:
    life, seconds = asyncio.run(soak())
    rows, good = table(life, seconds)
    print(f"\nPython {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}\n")
    print("| what | figure |\n|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
