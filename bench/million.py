"""`python -m bench.million [CARRIERS]`: what is promised of a million records, tried and shown as a table.

One exporter crawls, refreshes and is scraped (`growing`), its scrapes are read line by line (`lines`), and a
real Prometheus takes in one shard of about 100,000 records. The figures are kept beside those of `growth`,
where they are of the same day and machine. The exit status is 1 where a promise is not held.
Takes some minutes, 4 GB of disk, and some 10 GB of memory for Prometheus.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
import tempfile
import time
import urllib.parse
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench import point, programs, sizing
from bench.__main__ import MALLOC, Row, bound, spoken
from bench.inventory import Inventory
from bench.point import Point
from bench.slices import configured, served
from exporter import settings
from exporter.inventory import text
from tests.end_to_end import running

CARRIERS = 1_000_000
SHARD = 100_000  # carriers of the shard that Prometheus takes in, about
LONGEST = 1200.0  # seconds that the first crawl may take
INTERVAL = 60  # seconds between two of Prometheus' scrapes, and what one may take


class Shard(NamedTuple):
    """The first of `shards`: what it should hold and serve, and what Prometheus says of it.

    `seconds` is of Prometheus' scrape, `resident` its memory in bytes.
    """

    shards: int
    expected: int
    series: int
    records: int
    listed: int
    taken: int
    seconds: float
    resident: int


@contextlib.asynccontextmanager
async def exporting(file: Path) -> AsyncIterator[str]:
    """The installed command at work, with a snapshot; yields its URL."""
    port = running.free_port()
    address = f"127.0.0.1:{port}"
    arguments = ("serve", "--config.file", str(file), "--web.listen-address", address)
    malloc = (f"{name}={value}" for name, value in MALLOC.items())
    async with running.process("env", *malloc, running.COMMAND, *arguments):
        await running.until(lambda: running.get(f"http://{address}/-/ready"), LONGEST)
        yield f"http://{address}"


@contextlib.asynccontextmanager
async def prometheus(folder: Path, target: str) -> AsyncIterator[str]:
    """A real Prometheus that scrapes seldom enough, after its first scrape; yields its URL."""
    address = f"127.0.0.1:{running.free_port()}"
    every = f"{INTERVAL}s"
    job = {"job_name": "inventory", "static_configs": [{"targets": [urllib.parse.urlsplit(target).netloc]}]}
    config = {"global": {"scrape_interval": every, "scrape_timeout": every}, "scrape_configs": [job]}
    file = folder / "prometheus.yml"
    file.write_text(json.dumps(config))
    arguments = (f"--config.file={file}", f"--storage.tsdb.path={folder / 'tsdb'}")
    async with running.process("prometheus", *arguments, f"--web.listen-address={address}"):
        await running.until(lambda: answers(f"http://{address}", "up == 1"), LONGEST)
        yield f"http://{address}"


def answers(url: str, promql: str) -> list[float]:
    """What Prometheus answers to a question: the values of its series."""
    question = urllib.parse.urlencode({"query": promql})
    found = json.loads(running.get(f"{url}/api/v1/query?{question}"))["data"]["result"]
    return [float(one["value"][1]) for one in found]


def held(carriers: int, count: int) -> int:
    """How many of the carriers the first of so many shards holds."""
    return sum(text.stable_hash(f"CAR{number:07d}") % count == 0 for number in range(1, carriers + 1))


def series(url: str) -> int:
    """The carriers' series, as the exporter's status page has them."""
    return int(json.loads(running.get(f"{url}/api/v1/status"))["data"]["collections"][0]["series"])


def seen(url: str, file: Path) -> dict[str, Any]:
    """What Prometheus has of the exporter with these settings; all families at once take it too long."""
    names = [family.name for family in settings.load(file, {}).targets()[0].families]
    own = re.search(r"^process_resident_memory_bytes (\S+)$", running.get(f"{url}/metrics"), re.MULTILINE)
    return {
        "records": int(sum(answers(url, "sum(ses_inventory_carriers)"))),
        "listed": int(sum(answers(url, "count(ses_inventory_carrier_info)"))),
        "taken": int(sum(value for name in names for value in answers(url, f"count({name})"))),
        "seconds": max(answers(url, "scrape_duration_seconds")),
        "resident": int(float(own[1])) if own else 0,
    }


async def ingested(inventory: Inventory) -> Shard:
    """One shard, from the pages to Prometheus."""
    count = max(1, round(inventory.carriers / SHARD))
    file = configured(inventory, "shard.yaml", shard={"index": 0, "count": count})
    expected = await asyncio.to_thread(held, inventory.carriers, count)
    async with exporting(file) as url, prometheus(inventory.folder, url) as asked:
        found = await asyncio.to_thread(seen, asked, file)
        return Shard(count, expected, await asyncio.to_thread(series, url), **found)


async def tried(carriers: int) -> tuple[Point, dict[str, Any], Shard]:
    """The exporter's figures, what `lines` says, and the shard."""
    with tempfile.TemporaryDirectory() as name:
        began = time.monotonic()
        async with served(Path(name), carriers) as inventory:
            print(
                f"{inventory.bytes / 1e9:.2f} GB of pages: {time.monotonic() - began:.0f} s", file=sys.stderr
            )
            file = configured(inventory, "settings.yaml")
            place = (name, str(carriers), str(inventory.port), str(file))
            found = await spoken("bench.growing", *place, "lines")
            lines = found.pop("lines")
            return msgspec.convert(found, Point), lines, await ingested(inventory)


def equal(what: str, figure: int, wanted: int) -> Row:
    """A row of a number that is only right where it is another one."""
    return Row(what, f"{figure:,}", f"{wanted:,}", figure == wanted)


def table(one: Point, lines: dict[str, Any], shard: Shard) -> list[Row]:
    """What is promised, and whether it is held."""
    which = f"the shard 0 of {shard.shards}"
    return [
        bound("peak resident", one.peak / 1e9, 4, " GB"),
        bound("resident after refreshes", one.resident_later / 1e9, 4, " GB"),
        bound("CPU of an unchanged refresh", one.unchanged_cpu, 15, " s"),
        # `lines` has ended without an error, or there would be no table
        equal("carriers' samples, all lines valid, gzip = identity", lines["carriers"], one.series),
        equal(f"records of {which}, by Prometheus", shard.records, shard.expected),
        equal(f"info series of {which}, by Prometheus", shard.listed, shard.expected),
        equal(f"series of {which}, by Prometheus", shard.taken, shard.series),
        bound(f"Prometheus' scrape of {which}", shard.seconds, INTERVAL, " s"),
    ]


def figures(one: Point, shard: Shard) -> list[tuple[str, str]]:
    """What else is known of it."""
    return [
        ("carriers, series", f"{one.carriers:,}, {one.series:,}"),
        ("a scrape, gzip and identity", f"{one.gzip / 1e6:,.0f} MB, {one.identity / 1e6:,.0f} MB"),
        ("cold crawl to first body", f"{one.cold:.1f} s, {one.cold_cpu:.1f} s of CPU"),
        ("unchanged refresh", f"{one.unchanged:.1f} s, {one.unchanged_cpu:.1f} s of CPU"),
        ("refresh with 1 % changed", f"{one.changed:.1f} s, {one.changed_cpu:.1f} s of CPU"),
        ("resident a record", f"{one.resident_later / one.carriers:,.0f} bytes"),
        ("Prometheus' memory a series", f"{shard.resident / max(1, shard.taken):,.0f} bytes"),
        ("gzip scrapes, one client", f"{one.rate:.1f} a second, p99 {one.p99 * 1000:.0f} ms"),
    ]


def main() -> int:
    programs.required("nginx", "wrk", "prometheus")
    one, lines, shard = asyncio.run(tried(int(sys.argv[1]) if len(sys.argv) > 1 else CARRIERS))
    rows = table(one, lines, shard)
    kept = point.load()
    if kept.where == point.begun().where:  # of the same machine and day: one run
        point.save(kept.joined(one))
        sizing.write(point.load())
    print(f"{point.begun().where}\n")
    print("| what | figure | promised | |\n|---|---|---|---|")
    for row in rows:
        print(f"| {row.what} | {row.figure} | {row.promised} | {'yes' if row.holds else 'no'} |")
    print("\n| what it is made of | |\n|---|---|")
    for line in figures(one, shard):
        print(f"| {' | '.join(line)} |")
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
