"""`python -m bench` (`make bench`): the exporter and its peers on the same carriers, as one table.

Ratios of one run on one machine; times are medians. `BENCH_CARRIERS` is the number of carriers (100,000).
"""

from __future__ import annotations

import asyncio
import datetime
import json
import math
import os
import platform
import re
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench import programs
from bench.inventory import served
from bench.worker import ROUNDS

MALLOC = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "262144"}
"""glibc's allocator, as the systemd unit and the container image configure it."""

CARRIERS = int(os.environ.get("BENCH_CARRIERS", "100000"))

NOT_MEASURED = "not measured"
VERDICTS: Mapping[bool | None, str] = {True: "yes", False: "no", None: ""}
_NAN = re.compile(r"\bnan\b")


class Row(NamedTuple):
    """What was measured, the figure, what is promised, and whether that holds: None if not measured."""

    what: str
    figure: str
    promised: str
    holds: bool | None


async def spoken(module: str, *arguments: str) -> dict[str, Any]:
    """The JSON that a process of the benchmark prints."""
    command = (sys.executable, "-m", module, *arguments)
    environment = {**os.environ, **MALLOC}
    running = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=environment)
    said = (await running.communicate())[0].decode().splitlines()
    found: dict[str, Any] = json.loads(said[-1]) if said else {"error": f"{module} said nothing"}
    if "error" in found:
        raise RuntimeError(found["error"])
    return found


async def measured(carriers: int) -> dict[str, Any]:
    """Everything there is to know of so many carriers."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with served(folder, carriers) as inventory:
            file = inventory.settings(folder / "settings.yaml")
            place = (name, str(carriers), str(inventory.port), str(file))
            floor = await spoken("bench.peers", "floor", inventory.url, str(len(inventory.pages)))
            plain = await spoken("bench.peers", "plain", inventory.url, str(len(inventory.pages)))
            found = await spoken("bench.worker", *place)
            fewer = str(inventory.settings(folder / "fewer.yaml", characteristics=[]))
            again = [await spoken("bench.worker", *place, "cold") for _ in range(ROUNDS - 1)]
            slim = [await spoken("bench.worker", *place[:-1], fewer, "cold") for _ in range(ROUNDS)]
            library = await spoken("bench.peers", "library", str(folder / "metrics.gz"))
            topology = await spoken("bench.topology", str(carriers))
            everything = {
                **found,
                **_median((found, *again), ""),
                **_median(slim, "slim_"),
                "floor": floor["seconds"],
                "plain": plain["seconds"],
                "library": library["seconds"],
                **topology,
            }
            return without_nginx(everything) if programs.missing("nginx") else everything


def without_nginx(found: dict[str, Any]) -> dict[str, Any]:
    """What was measured, without what depends on how fast pages are served: that is NaN."""
    unknown = ("cold", "slim_cold", "unchanged", "changed", "floor", "plain")
    return {**found, **dict.fromkeys(unknown, math.nan), "nginx": {"rate": math.nan, "p99": math.nan}}


def _median(runs: Sequence[dict[str, Any]], prefix: str) -> dict[str, float]:
    """The medians of several first crawls."""
    return {
        f"{prefix}{part}": statistics.median(run[part] for run in runs)
        for part in ("cold", "cold_cpu", "series")
    }


def ratio(what: str, figure: float, least: float) -> Row:
    if math.isnan(figure):
        return Row(what, NOT_MEASURED, f"≥ {least:g}", None)
    return Row(what, f"{figure:.2f}" if figure < 100 else f"{figure:.0f}", f"≥ {least:g}", figure >= least)


def bound(what: str, figure: float, most: float, unit: str = "") -> Row:
    if math.isnan(figure):
        return Row(what, NOT_MEASURED, f"≤ {most:g}{unit}", None)
    return Row(what, f"{figure:,.2f}{unit}", f"≤ {most:g}{unit}", figure <= most)


def table(found: dict[str, Any]) -> list[Row]:
    """The rows of the table, from what was measured."""
    records = found["records"]
    ours, nginx = found["ours"]["rate"], found["nginx"]["rate"]
    return [
        ratio("gzip scrapes a second ÷ nginx serving the same file", ours / nginx, 0.8),
        ratio(
            "prometheus-client's collect, render and compress ÷ our gzip scrape",
            found["library"] * found["rest"]["rate"],
            300,
        ),
        ratio(
            "unchanged full refresh, records/s ÷ only fetched and split",
            found["floor"] / found["unchanged"],
            0.6,
        ),
        bound(
            "CPU of a refresh with 1 % changed ÷ unchanged", found["changed_cpu"] / found["unchanged_cpu"], 2
        ),
        ratio("cold crawl to first body, records/s", records / found["cold"], 12_000),
        ratio(
            f"the same without characteristics ({found['slim_series'] / records:.0f} series each)",
            records / found["slim_cold"],
            12_000,
        ),
        bound("p99 of scrapes during refreshes ÷ at rest", found["busy"]["p99"] / found["rest"]["p99"], 3),
        bound("longest event-loop stall during a cold crawl", found["stall_cold"] * 1000, 50, " ms"),
        bound("resident bytes a record, all included", found["resident_later"] / records, 2900),
        bound("of these the topology, in a whole fleet", found["topology_bytes"], 400),
        bound(
            "CPU of a refresh with 1 % changed ÷ without topology",
            found["changed_cpu"] / max(found["changed_cpu"] - found["topology_cpu"], 1e-9),
            1.3,
        ),
        bound("outage of 5,000 carriers, from commit to topology families", found["outage"], 1, " s"),
    ]


def figures(found: dict[str, Any]) -> list[tuple[str, str]]:
    """What the ratios are made of."""
    records = found["records"]
    rows = [
        ("carriers, series", f"{records:,}, {found['series']:,}"),
        ("a scrape, gzip and identity", f"{found['gzip'] / 1e6:.1f} MB, {found['identity'] / 1e6:.1f} MB"),
        ("cold crawl to first body", f"{found['cold']:.1f} s, {found['cold_cpu']:.1f} s of CPU"),
        (
            "the same without characteristics",
            f"{found['slim_cold']:.1f} s, {found['slim_cold_cpu']:.1f} s of CPU",
        ),
        ("unchanged refresh", f"{found['unchanged']:.2f} s, {found['unchanged_cpu']:.2f} s of CPU"),
        ("refresh with 1 % changed", f"{found['changed']:.2f} s, {found['changed_cpu']:.2f} s of CPU"),
        ("the same pages only fetched and split", f"{found['floor']:.2f} s"),
        ("the same pages decoded into dicts", f"{found['plain']:.2f} s"),
        (
            "gzip scrapes, one client",
            f"{found['rest']['rate']:.0f} a second, p99 {found['rest']['p99'] * 1000:.0f} ms",
        ),
        ("the same while refreshing", f"p99 {found['busy']['p99'] * 1000:.0f} ms"),
        ("longest stall of refreshes with 1 % changed", f"{found['stall_changed'] * 1000:.0f} ms"),
        (
            "outage of 5,000 carriers: families of carriers, of the topology",
            f"{found['outage_carriers']:.2f} s, {found['outage']:.2f} s ({found['outage_cpu']:.2f} s of CPU)",
        ),
        (
            "resident after the cold crawl, and later",
            f"{found['resident'] / 1e6:.0f} MB, {found['resident_later'] / 1e6:.0f} MB",
        ),
    ]
    return [(what, NOT_MEASURED if _NAN.search(figure) else figure) for what, figure in rows]


def main() -> int:
    if absent := programs.missing("nginx", "wrk"):
        print(f"{programs.advice(absent)}. What needs them is not measured.", file=sys.stderr, flush=True)
    found = asyncio.run(measured(CARRIERS))
    today = datetime.datetime.now(datetime.UTC).date()
    print(f"{today}, Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}\n")
    print("| what | figure | promised | |\n|---|---|---|---|")
    for row in table(found):
        print(f"| {row.what} | {row.figure} | {row.promised} | {VERDICTS[row.holds]} |")
    print("\n| what it is made of | |\n|---|---|")
    for line in figures(found):
        print(f"| {' | '.join(line)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
