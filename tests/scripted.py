"""An inventory whose three lists a test writes by hand, on a real socket, and the exporter over it.

For the laws: what is listed is any JSON and changes at will, and what comes of it is looked at from outside,
as a scrape shows it. The simulator's fleet is the other inventory, which is likely instead of arbitrary.
Invariant: every list is given whole, in pages, with its total, in the order in which it stands here.
"""

from __future__ import annotations

import gzip
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client.parser import text_string_to_metric_families as parsed

from exporter import app, settings, state_file

Json = dict[str, Any]
Key = tuple[str, frozenset[tuple[str, str]]]
"""What tells series apart: the name of the sample, and its labels."""

Change = tuple[str, int, int, Json | None]
"""Of a collection, from a number on, so many records: what is merged into each, None to remove them."""

COLLECTIONS = ("services", "carriers", "resources")
OWN = "ses_inventory_exporter_"
_TAIL = f"# HELP {OWN}"  # where the exporter begins to speak of itself


def idents(collection: str, numbers: Iterable[int]) -> list[str]:
    """Ids of one collection."""
    return [f"{collection[0].upper()}{number:04}" for number in numbers]


class Inventory:
    """Lists by collection and id.

    `recent` are the ids by collection that a list of changes has; `twice` those that every list gives twice.
    """

    def __init__(self, lists: Mapping[str, Mapping[str, Json]] | None = None) -> None:
        self.lists: dict[str, dict[str, Json]] = {name: {} for name in COLLECTIONS}
        self.recent: dict[str, set[str]] = {name: set() for name in COLLECTIONS}
        self.twice: set[str] = set()
        self.url = ""
        for name, records in (lists or {}).items():
            self.lists[name] = dict(records)

    def put(self, collection: str, ident: str, parts: Json | None) -> None:
        """Merges parts into a record, which may be a new one; None removes it."""
        if parts is None:
            self.lists[collection].pop(ident, None)
            self.recent[collection].discard(ident)
        else:
            known = self.lists[collection].get(ident, {})
            self.lists[collection][ident] = {**known, **parts}
            self.recent[collection].add(ident)

    def change(self, changes: Iterable[Change]) -> None:
        """These changes happen, and from now on they alone are recent."""
        for ids in self.recent.values():
            ids.clear()
        for collection, first, count, parts in changes:
            for ident in idents(collection, range(first, first + count)):
                self.put(collection, ident, parts)

    async def answer(self, request: web.Request) -> web.Response:
        """One page of one list."""
        query = request.query
        carriers = query.get("@type") == "element"
        name = "resources" if request.path.startswith("/639") else "carriers" if carriers else "services"
        kind = {"services": {"@type": "service"}, "carriers": {"@type": "element"}}.get(name, {})
        shown = [
            {"externalId": ident, **parts, **kind}
            for ident, parts in self.lists[name].items()
            for _ in range(2 if ident in self.twice else 1)
            if "updatedDaysAgo" not in query or ident in self.recent[name]
        ]
        size = int(query["recordsPerPage"])
        start = (int(query["page"]) - 1) * size
        return web.json_response(shown[start : start + size], headers={"X-Total-Count": str(len(shown))})


@asynccontextmanager
async def served(inventory: Inventory) -> AsyncIterator[Inventory]:
    """The inventory on a socket."""
    application = web.Application()
    application.router.add_get("/638/service", inventory.answer)
    application.router.add_get("/639/resource", inventory.answer)
    async with TestServer(application) as server:
        inventory.url = str(server.make_url("")).rstrip("/")
        yield inventory


@asynccontextmanager
async def exporting(inventory: Inventory, **changes: object) -> AsyncIterator[app.Runtime]:
    """An exporter over the inventory that has asked nothing yet; `changes` are sections of its settings."""
    shown = {"uplinkAlias": None, "symbolRate": {"metric": "symbol_rate_hertz", "scale": 1000.0}}
    config: Json = {
        "apis": {
            "tmf638": {"url": f"{inventory.url}/638", "dialect": "ses"},
            "tmf639": {"url": f"{inventory.url}/639", "dialect": "ses"},
        },
        "collections": {name: {"page_size": 50, "characteristics": shown} for name in COLLECTIONS},
        "retention": {"shrink_guard": 1, "growth_guard": 1e9},
        **changes,
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "config.yaml")
        file.write_text(yaml.safe_dump(config))
        async with app.built(settings.load(file, {})) as house:
            yield house


@asynccontextmanager
async def from_nothing(house: app.Runtime) -> AsyncIterator[app.Runtime]:
    """Another exporter that holds what this one holds, from a state file, and so has rendered it at once."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "state")
        state_file.write(file, house.group.saved(), time.time())
        async with app.built(house.config) as other:
            await other.group.restore(state_file.read(file))
            yield other


async def refresh(house: app.Runtime, mode: str = "full") -> None:
    """A refresh of every collection, which succeeds; `mode` is full or delta."""
    for poller in house.pollers:
        await poller.refresh("full" if mode == "full" else None)
        assert poller.status.up, poller.recorder.error


async def step(inventory: Inventory, house: app.Runtime, mode: str, changes: Iterable[Change]) -> None:
    """The lists change, and a refresh of every collection follows."""
    inventory.change(changes)
    await refresh(house, mode)


def scrape(house: app.Runtime, form: str = "text", encoding: str = "identity") -> bytes:
    """All of one scrape."""
    length, pieces = house.store.scrape(form, encoding, ())
    whole = b"".join(pieces)
    assert len(whole) == length
    return whole


def inventory_of(text: str) -> str:
    """What a scrape says of the inventory, without what the exporter says of itself."""
    return text.partition(_TAIL)[0]


def own_of(text: str) -> str:
    """What the exporter says of itself, which moves from scrape to scrape."""
    return "".join(text.partition(_TAIL)[1:])


def texts(house: app.Runtime) -> tuple[str, str, str]:
    """What is said of the inventory: as text, as OpenMetrics, and as text out of gzip."""
    plain, openmetrics = (scrape(house, form).decode() for form in ("text", "openmetrics"))
    inflated = gzip.decompress(scrape(house, encoding="gzip")).decode()
    return inventory_of(plain), inventory_of(openmetrics), inventory_of(inflated)


def series(text: str) -> dict[Key, float]:
    """Every sample of a text by what tells it apart; fails where two cannot be told apart."""
    found: dict[Key, float] = {}
    for metric in parsed(text):
        for sample in metric.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, f"twice: {key}"
            found[key] = sample.value
    return found
