"""A TMF638 inventory of plain records on a real socket, and the exporter's rooms over it.

A test changes `records`, or answers in its own words with `answer`; everything between the socket and the
exposition is the program. What the rows need of raw sockets is `rawserver`'s. Invariant: an inventory that is
left alone gives all its records, pages by offset and limit and announces how many there are.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from aiohttp import web

from exporter import app, settings
from exporter.collections.poller import Poller
from tests import crawling

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
Item = dict[str, Any]

PASSWORD = "canary-of-the-inventory"
"""What the exporter shows to every inventory here; it must be found nowhere else."""

OWN = "ses_inventory_exporter_"
ONE = '{collection="services"}'


def record(number: int, **changes: object) -> Item:
    """The service of that number."""
    return {
        "id": f"S{number:05}",
        "name": f"Service {number}",
        "@type": "CustomerFacingService",
        "serviceType": "VSAT",
        "state": "active",
        "startDate": "2026-01-01T00:00:00Z",
        **changes,
    }


def records(count: int) -> list[Item]:
    return [record(number) for number in range(count)]


class Inventory:
    """One list of services at `url`; `asked` are the queries so far, `most` the most under way at once."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.records = list(items)
        self.answer: Answer = self.page
        self.asked: list[Mapping[str, str]] = []
        self.under_way = self.most = 0
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_get("/service", self._count)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _count(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(dict(request.query))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            return await self.answer(request)
        finally:
            self.under_way -= 1

    async def page(self, request: web.Request) -> web.Response:
        """The part that is asked for."""
        start, limit = part(request)
        return listed(self.records[start : start + limit], len(self.records))

    def configuration(self, listen_address: str) -> str:
        """Settings that read it; quick to give up, with nothing but the one collection."""
        credentials = {"username": "monitor", "password": PASSWORD}
        api = {"url": self.url, "dialect": "tmf-v4", "basic_auth": credentials}
        tree = {
            "apis": {"tmf638": api},
            "collections": {"services": {"query": {}, "page_size": 10}},
            "limits": {"retries": 0, "concurrency": 4},
            "web": {"listen_address": listen_address},
        }
        return yaml.safe_dump(tree)


def part(request: web.Request) -> tuple[int, int]:
    """The offset and the limit of a request."""
    return int(request.query.get("offset", "0")), int(request.query.get("limit", "100"))


def listed(items: Sequence[object], total: object = None, **headers: str) -> web.Response:
    """A page of these items; `total` None announces nothing."""
    if total is not None:
        headers["X-Total-Count"] = str(total)
    return web.Response(body=json.dumps(items).encode(), content_type="application/json", headers=headers)


@asynccontextmanager
async def over(
    folder: Path, items: Sequence[Item], changes: Mapping[str, object] | None = None
) -> AsyncIterator[tuple[Inventory, app.Runtime]]:
    """An inventory of these items and a house over it; nothing is crawled yet."""
    async with Inventory(items) as inventory:
        config = crawling.configured(inventory, folder, changes)  # type: ignore[arg-type]
        async with app.built(config) as built:
            yield inventory, built


@asynccontextmanager
async def serving(
    config: settings.Settings, again: app.Again | None = None
) -> AsyncIterator[tuple[app.Runtime, str]]:
    """The whole program at work in this process: its house, and the URL it serves."""
    there: asyncio.Future[tuple[app.Runtime, str]] = asyncio.get_running_loop().create_future()

    async def watch(house: app.Runtime, url: str) -> None:
        if not there.done():
            there.set_result((house, url))

    work = asyncio.create_task(app.serve(config, watch, again))
    await asyncio.wait((work, there), return_when=asyncio.FIRST_COMPLETED)
    try:
        yield there.result() if there.done() else await work  # type: ignore[misc]
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def until(met: Callable[[], object], seconds: float = 20.0) -> None:
    """Waits until the call gives something true."""
    async with asyncio.timeout(seconds):
        while not met():
            await asyncio.sleep(0.01)


async def crawled(built: app.Runtime) -> None:
    """Waits until the program at work has crawled for the first time."""
    await until(lambda: poller(built).status.up)


def poller(built: app.Runtime) -> Poller:
    return built.pollers[0]


async def refresh(built: app.Runtime) -> None:
    """One full crawl, now."""
    await poller(built).refresh("full")


def served(built: app.Runtime) -> list[str]:
    """The inventory's part of a scrape, its HELP and TYPE lines included."""
    own = re.compile(r"(?:# (?:HELP|TYPE) )?(?:ses_inventory_exporter_|process_|python_)")
    return [line for line in crawling.text(built).splitlines() if not own.match(line)]


def value(built: app.Runtime, series: str) -> float:
    """The value of the one series that is written so."""
    found = [line for line in crawling.lines(built, series) if line[len(series)] == " "]
    assert len(found) == 1, (series, found)
    return float(found[0].rpartition(" ")[2])


def own(built: app.Runtime, name: str) -> float:
    """One of the exporter's own values of the collection."""
    return value(built, f"{OWN}{name}{ONE}")


def ids(built: app.Runtime) -> list[str]:
    """The ids that are served, sorted."""
    found = (re.search(r'service_id="([^"]*)"', line) for line in served(built) if "_status{" in line)
    return sorted(match[1] for match in found if match)


def failures(built: app.Runtime, reason: str) -> float:
    """How many refreshes failed for that reason."""
    lines = crawling.lines(built, f"{OWN}refresh_failures_total{{")
    return sum(float(line.rpartition(" ")[2]) for line in lines if f'reason="{reason}"' in line)
