"""`python -m bench.pace`: the two promises about the pace, measured literally over loopback, as one table.

A list of 2,500 pages at 200 ms a page is read in under a sixth of the time that one after the other takes;
of a server that allows three at a time hardly any request is turned away after the first minute. The server
runs in this process, the client is the one the exporter uses. Invariant: every page is read in both.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import platform
import sys
import time
from collections.abc import Sequence

import structlog
import yarl
from aiohttp import web

from exporter import settings
from exporter.client import Client, Page
from exporter.paging import fetch, pagination
from exporter.paging.strategies import Query
from exporter.telemetry import Telemetry

PAGES = int(os.environ.get("BENCH_PAGES", "2500"))
SECONDS = 0.2
PAGE = 40
LEARNING = 60.0
ALLOWED = 3


class Inventory:
    """A list of `PAGES` pages; each takes `SECONDS`, and with more than `allowed` at once there is a 429."""

    def __init__(self, allowed: int) -> None:
        self._allowed = allowed
        self._flying = 0
        self.most = 0
        self.answers: list[tuple[float, int]] = []  # the moment, and 1 if it was turned away

    async def answer(self, request: web.Request) -> web.Response:
        turned_away = self._flying >= self._allowed
        self.answers.append((time.monotonic(), int(turned_away)))
        if turned_away:
            return web.Response(status=429)
        self._flying += 1
        self.most = max(self.most, self._flying)
        try:
            await asyncio.sleep(SECONDS)
        finally:
            self._flying -= 1
        begin = (int(request.query["page"]) - 1) * PAGE
        records = [{"id": number} for number in range(begin, min(begin + PAGE, PAGES * PAGE))]
        return web.json_response(records, headers={"X-Total-Count": str(PAGES * PAGE)})

    def share(self) -> float:
        """The share that was turned away after the learning, of all if everything was over before."""
        began = self.answers[0][0]
        later = [away for moment, away in self.answers if moment >= began + LEARNING]
        return sum(later) / len(later) if later else sum(away for _, away in self.answers) / len(self.answers)


async def read(inventory: Inventory) -> tuple[float, pagination.ListResult]:
    """Crawls the inventory with default settings: seconds, and how it ended."""
    app = web.Application()
    app.router.add_get("/service", inventory.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = yarl.URL.build(scheme="http", host="127.0.0.1", port=runner.addresses[0][1], path="/service")
    config = settings.Settings.model_validate(
        {"apis": {"tmf638": {"url": str(url.origin())}}, "collections": {"services": {}}}
    )
    target, limits = config.targets()[0], config.limits
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

    caps = pagination.Caps(limits.pages, limits.records)
    pages = pagination.paginate(target.paging, PAGE, {}, width=limits.concurrency, caps=caps)
    try:
        async with Client("tmf638", target.http, limits, Telemetry()) as client:
            began = time.monotonic()
            result = await fetch.read_list(client, str(url), pages, take, deadline=None)
            return time.monotonic() - began, result
    finally:
        await runner.cleanup()


async def measure() -> list[tuple[str, str]]:
    free, crowded = Inventory(10**9), Inventory(ALLOWED)
    quick, quick_end = await read(free)
    slow, slow_end = await read(crowded)
    for result in (quick_end, slow_end):
        if not result.complete:
            raise SystemExit(f"not complete: {result.reason}")
    line = PAGES * SECONDS
    away, sent = sum(one for _, one in crowded.answers), len(crowded.answers)
    return [
        ("pages, at 200 ms each", f"{PAGES:,}"),
        ("one after the other", f"{line:.0f} s"),
        ("as the exporter reads it", f"{quick:.1f} s, at most {free.most} at once"),
        ("ratio (promised: over 6)", f"{line / quick:.1f}"),
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
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    table(asyncio.run(measure()))
    sys.exit(0)
