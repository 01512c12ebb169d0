"""A house that has read a good inventory from a raw server, and what the contract wants of it from then on.

It holds one collection, `carriers`, of TMF638 v4, thirty records in pages of ten, unless changed; every
secret there is in its settings is a canary. `kept` and `recovers` are the contract's KEEP, in words that
tests share. Invariant: `served` is the inventory's part of the exposition after the last good refresh.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from exporter import app, settings
from exporter.collections.poller import Poller
from tests import crawling
from tests.faults import rawserver
from tests.faults.logged import Logged

OWN = "ses_inventory_exporter_"


def written(url: str) -> dict[str, Any]:
    """Settings for a raw server, as the operator writes them."""
    return {
        "apis": {
            "tmf638": {
                "url": url,
                "dialect": "tmf-v4",
                "timeout": "5s",
                "connect_timeout": "2s",
                "basic_auth": {"username": "monitor", "password": "canary-password"},
                "http_headers": {"X-Key": {"secrets": ["canary-header"], "values": ["canary-value"]}},
            }
        },
        "collections": {"carriers": {"page_size": 10, "query": {"@type": "Carrier", "key": "canary-query"}}},
        "limits": {"retries": 0, "concurrency": 4},
    }


def changed(config: dict[str, Any], changes: Mapping[str, object]) -> dict[str, Any]:
    """The same with dotted keys set anew; None takes a key out."""
    for dotted, value in changes.items():
        *path, last = dotted.split(".")
        place = config
        for step in path:
            place = place.setdefault(step, {})
        if value is None:
            place.pop(last)
        else:
            place[last] = value
    return config


@dataclass
class Faulty:
    """The server, the house over it, and what the house has said."""

    server: rawserver.RawServer
    built: app.Runtime
    logged: Logged
    served: str = field(default="", init=False)

    @property
    def poller(self) -> Poller:
        return crawling.poller(self.built, "carriers")

    @property
    def inventory(self) -> str:
        """The inventory's part of the exposition."""
        return crawling.text(self.built).partition(f"# HELP {OWN}")[0]

    def value(self, series: str) -> float:
        """The value of one of the exporter's own series; 0 where it does not exist yet."""
        found = crawling.lines(self.built, f"{OWN}{series} ")
        return float(found[0].split()[-1]) if found else 0.0

    def own(self, name: str) -> float:
        """The value of one of the exporter's own metrics of the collection."""
        return self.value(f'{name}{{collection="carriers"}}')

    def failures(self, reason: str) -> float:
        """How many refreshes have failed for this reason."""
        return self.value(f'refresh_failures_total{{collection="carriers",mode="full",reason="{reason}"}}')

    async def refresh(self) -> None:
        await self.poller.refresh()

    async def good(self) -> None:
        """A refresh that succeeds; what is served afterwards is what must be kept."""
        await self.refresh()
        assert self.own("up") == 1, self.poller.recorder.error
        self.served = self.inventory

    async def kept(self, reason: str) -> None:
        """KEEP: two refreshes fail for this reason; what was served is still served, and it is told once."""
        failures, said = self.failures(reason), len(self.logged.events("refresh failed"))
        for _ in range(2):
            await self.refresh()
            assert self.inventory == self.served
            assert self.own("up") == 0
        assert self.failures(reason) == failures + 2, self.poller.recorder.error
        assert len(self.logged.events("refresh failed")) == said + 1, "logged once, not at each refresh"
        assert self.logged.events("refresh failed")[-1]["reason"] == reason
        assert self.poller.recorder.error
        assert self.built.store.healthy()[0]
        assert self.built.store.ready()[0]

    async def recovers(self) -> None:
        """The next refresh succeeds, without a restart; the inventory is what it was."""
        said = len(self.logged.events("refresh recovered"))
        await self.refresh()
        assert self.own("up") == 1, self.poller.recorder.error
        assert self.own("complete") == 1
        assert self.inventory == self.served
        assert len(self.logged.events("refresh recovered")) == said + 1

    async def keeps(self, script: rawserver.Script, reason: str) -> None:
        """KEEP as long as the server answers so, and recovery once it answers as it did."""
        good, self.server.script = self.server.script, script
        await self.kept(reason)
        self.server.script = good
        await self.recovers()


@asynccontextmanager
async def house(
    folder: Path, logged: Logged, server: rawserver.RawServer, changes: Mapping[str, object] | None = None
) -> AsyncIterator[Faulty]:
    """A house over the server, with the dotted keys of `changes`; nothing is crawled yet."""
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(changed(written(server.url), changes or {})))
    async with app.built(settings.load(file, {})) as built:
        yield Faulty(server, built, logged)


class Houses:
    """Opens houses for a test; the fixture `houses`."""

    def __init__(self, folder: Path, logged: Logged) -> None:
        self.folder, self._logged = folder, logged

    @asynccontextmanager
    async def over(
        self, server: rawserver.RawServer, changes: Mapping[str, object] | None = None
    ) -> AsyncIterator[Faulty]:
        """A house over a server that runs already; nothing is crawled yet."""
        async with house(self.folder, self._logged, server, changes) as it:
            yield it

    @asynccontextmanager
    async def good(
        self, changes: Mapping[str, object] | None = None, certificate: str = ""
    ) -> AsyncIterator[Faulty]:
        """A house over a server of its own, after a first good crawl."""
        async with rawserver.raw(rawserver.lists(rawserver.carriers()), certificate) as server:
            async with self.over(server, changes) as it:
                await it.good()
                yield it
