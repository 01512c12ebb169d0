"""`python -m bench.pace`: the promises about the pace, measured literally over loopback, as one table.

A server with 16 workers and 200 ms a page is read in under a sixth of the time that one page after the other
takes; one that handles a request at a time is not read slower than by one request at a time; one that allows
three at a time refuses hardly any request after the first minute. The server runs in this process, the
client is the one the exporter uses. Invariant: every page is read.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence

import yarl
from aiohttp import web

from bench import programs
from exporter import settings
from exporter.client import Client, Page
from exporter.paging import fetch, pagination
from exporter.paging.strategies import Query
from exporter.telemetry import Telemetry

PAGES = int(os.environ.get("BENCH_PAGES", "2500"))
PAGE = 40
LEARNING = 60.0
ALLOWED = 3


class Inventory:
    """A list of `pages` pages: one of the `workers` takes `seconds` for each; 429 above `allowed`."""

    def __init__(self, pages: int, workers: int, seconds: float, allowed: int = 10**9) -> None:
        self.pages, self._seconds, self._allowed = pages, seconds, allowed
        self._workers = asyncio.Semaphore(workers)
        self._flying = 0
        self.most = 0
        self.answers: list[tuple[float, int]] = []  # the moment, and 1 if it was turned away

    async def answer(self, request: web.Request) -> web.Response:
        turned_away = self._flying >= self._allowed
        self.answers.append((asyncio.get_running_loop().time(), int(turned_away)))
        if turned_away:
            return web.Response(status=429)
        self._flying += 1
        self.most = max(self.most, self._flying)
        try:
            async with self._workers:
                await asyncio.sleep(self._seconds)
        finally:
            self._flying -= 1
        begin = (int(request.query["page"]) - 1) * PAGE
        records = [{"id": number} for number in range(begin, min(begin + PAGE, self.pages * PAGE))]
        return web.json_response(records, headers={"X-Total-Count": str(self.pages * PAGE)})

    def share(self) -> float:
        """The share that was turned away after the learning, of all if everything was over before."""
        began = self.answers[0][0]
        later = [away for moment, away in self.answers if moment >= began + LEARNING]
        return sum(later) / len(later) if later else sum(away for _, away in self.answers) / len(self.answers)


async def read(inventory: Inventory, limits: Mapping[str, int] = {}) -> float:
    """Crawls the inventory with default settings but these limits; gives the seconds it took."""
    app = web.Application()
    app.router.add_get("/service", inventory.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = yarl.URL.build(scheme="http", host="127.0.0.1", port=runner.addresses[0][1], path="/service")
    config = settings.Settings.model_validate(
        {"apis": {"tmf638": {"url": str(url.origin())}}, "collections": {"services": {}}, "limits": limits}
    )
    target = config.targets()[0]
    ids: set[int] = set()

    async def take(page: Page, query: Query) -> fetch.Store:
        found = {record["id"] for record in json.loads(page.body)}

        def keep() -> pagination.PageResult:
            new = len(found - ids)
            ids.update(found)
            return pagination.PageResult(
                query, items=len(found), new=new, total=fetch.total(page, target.paging)
            )

        return keep

    caps = pagination.Caps(config.limits.pages, config.limits.records)
    pages = pagination.paginate(target.paging, PAGE, {}, width=config.limits.concurrency, caps=caps)
    try:
        async with Client("tmf638", target.http, config.limits, Telemetry()) as client:
            began = asyncio.get_running_loop().time()
            result = await fetch.read_list(client, str(url), pages, take, deadline=None)
            seconds = asyncio.get_running_loop().time() - began
    finally:
        await runner.cleanup()
    if not result.complete:
        raise SystemExit(f"not complete: {result.reason}")
    return seconds


async def measure() -> list[tuple[str, str]]:
    workers, crowded = Inventory(PAGES, 16, 0.2), Inventory(PAGES, PAGES, 0.2, allowed=ALLOWED)
    one_by_one, serial = Inventory(PAGES // 5, 1, 0.05), Inventory(PAGES // 5, 1, 0.05)
    quick, slow = await read(workers), await read(crowded)
    alone, shared = await read(one_by_one, {"concurrency": 1}), await read(serial)
    line = PAGES * 0.2
    away, sent = sum(one for _, one in crowded.answers), len(crowded.answers)
    return [
        ("pages, at 200 ms each", f"{PAGES:,}"),
        ("one after the other", f"{line:.0f} s"),
        ("of a server with 16 workers", f"{quick:.1f} s, at most {workers.most} at once"),
        ("ratio (promised: over 6)", f"{line / quick:.1f}"),
        (f"pages of a server that handles one at a time, 50 ms each: {serial.pages}", f"{shared:.1f} s"),
        ("with concurrency: 1", f"{alone:.1f} s"),
        ("ratio (promised: at most 1.1)", f"{shared / alone:.2f}"),
        (f"server that allows {ALLOWED} at a time, else 429", f"{slow:.1f} s (ideal {line / ALLOWED:.1f} s)"),
        ("turned away, all in all", f"{away} of {sent:,} ({away / sent:.2%})"),
        ("turned away after the first minute (promised: at most 2 %)", f"{crowded.share():.2%}"),
    ]


def table(rows: Sequence[tuple[str, str]]) -> None:
    width = max(len(name) for name, _ in rows)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")
    for name, value in rows:
        print(f"{name:<{width}}  {value}")


if __name__ == "__main__":
    programs.log_as_the_exporter()
    table(asyncio.run(measure()))
    sys.exit(0)
