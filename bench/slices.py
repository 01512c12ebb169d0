"""Pages of very many carriers, quickly and in little memory: an inventory written slice by slice.

Each slice is a fleet of its own, grown in a process of its own and moved to numbers that no other slice has;
the first is what `bench.inventory` writes. Invariants: no two slices share an id, and nothing refers to a
carrier of another slice.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.inventory import NGINX, PAGE, Inventory
from exporter.simulator.dialect import DIALECTS
from exporter.simulator.fleet import Fleet
from exporter.simulator.generator import Sizes
from exporter.simulator.record import CARRIER, FleetRecord
from tests.end_to_end import running

SLICE = 100_000
"""Carriers of one slice, whole pages and whole groups of the fleet's: 160 MB while it is written."""

_NGINX_READY = 60.0


@dataclass
class Sliced(Inventory):
    """The same pages as files, written by as many processes as there are cores."""

    def write(self) -> None:
        """Makes every record once and writes the pages."""
        cores = os.cpu_count() or 1
        with ProcessPoolExecutor(
            cores, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=1
        ) as pool:
            starts = range(0, self.carriers, SLICE)
            sizes = [
                pool.submit(put, self.folder, start, min(SLICE, self.carriers - start)) for start in starts
            ]
            self.bytes = sum(size.result() for size in sizes)
        self.pages = list(range(1, (self.carriers + PAGE - 1) // PAGE + 1))
        (self.folder / "empty.json").write_bytes(b"[]")


def put(folder: Path, start: int, count: int) -> int:
    """Writes the pages of `count` carriers from number `start` + 1; returns their bytes."""
    size = 0
    rows: list[bytes] = []
    number = start // PAGE
    for row in slice_rows(start, count):
        rows.append(row)
        if len(rows) == PAGE:
            number += 1
            size += (folder / f"{number}.json").write_bytes(b"[%s]" % b",".join(rows))
            rows = []
    if rows:
        size += (folder / f"{number + 1}.json").write_bytes(b"[%s]" % b",".join(rows))
    return size


def slice_rows(start: int, count: int) -> Iterator[bytes]:
    """The carriers of one slice as JSON."""
    fleet = Fleet(Sizes(0, count, 0), 638 + start // SLICE, time.time())
    carriers = list(fleet.records(CARRIER))
    for carrier in carriers:
        _move(carrier, start)
    shape = DIALECTS["ses"].shape
    for carrier in carriers:
        yield json.dumps(shape(carrier), separators=(",", ":")).encode()


def _move(carrier: FleetRecord, by: int) -> None:
    """Gives a carrier and its bandwidth segments numbers, and names, that are higher by so many carriers."""
    if not by:
        return
    old = carrier.code
    stem, _, last = carrier.name.rpartition(" ")
    carrier.number += by
    carrier.name = f"{stem} {last[0]}{int(last[1:]) + by // 2:04d}"
    for segment in carrier.parts:
        segment.number += 2 * by  # a carrier may have two
        segment.name = segment.name.replace(old, carrier.code)


@asynccontextmanager
async def served(folder: Path, carriers: int) -> AsyncIterator[Sliced]:
    """The inventory, written and served until the end of the block."""
    inventory = Sliced(folder, carriers, running.free_port())
    await asyncio.to_thread(inventory.write)
    folder.chmod(0o755)
    file = folder / "nginx.conf"
    user = "user root;" if os.getuid() == 0 else ""
    file.write_text(f"{user}{NGINX.format(folder=folder, port=inventory.port, total=carriers)}")
    async with running.process("nginx", "-c", str(file), "-p", str(folder)):
        await running.until(lambda: running.get(f"{inventory.url}/service?page=1"), _NGINX_READY)
        yield inventory


def configured(inventory: Inventory, name: str, **blocks: dict[str, Any]) -> Path:
    """A settings file that reads it, with further keys in some blocks; readers may be as slow as they are."""
    file = inventory.settings(inventory.folder / name)
    config = yaml.safe_load(file.read_text())
    for block, keys in {"web": {"write_timeout": "20m"}, **blocks}.items():
        config[block] = {**config.get(block, {}), **keys}
    file.write_text(yaml.safe_dump(config))
    return file


if __name__ == "__main__":  # changes a share of the records of a written inventory
    place, carriers, share, turn = sys.argv[1:]
    Sliced(Path(place), int(carriers), 0, turn=int(turn)).change(float(share))
