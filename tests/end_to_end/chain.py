"""The whole chain on loopback: a simulated inventory, exporter, Prometheus, Alertmanager, a webhook.

The inventory and the webhook live in this process, so that a test can change the one and read the other;
the rest are the real programs. Invariant: a chain begins with every record operational and the noc untold.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from exporter.simulator.record import CARRIER, KINDS, OPERATIONAL, RETIRED, FleetRecord
from exporter.simulator.server import Options, Simulator
from tests.end_to_end import hastening, running
from tests.rules import running as alerting

CARRIERS = 1200
INTERVALS = {"services": "1s", "carriers": "1s", "resources": "8s"}
"""From refresh to refresh. Of resources longer, so that their API is known to fail before they are stale."""


@dataclass(frozen=True)
class Told:
    """One alert in one message: who got it, what it says."""

    receiver: str
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]


@dataclass(frozen=True)
class Chain:
    """A chain that runs; `exporter` is its URL, `config` the file it runs with."""

    simulator: Simulator
    config: Path
    exporter: str
    prometheus: str
    hook: alerting.Webhook

    def told(self, alert: str, status: str, **labels: str) -> list[Told]:
        """The last word on each alert of that name and at least these labels, where it is of that status.

        The last, since a machine that is busy makes the exporter late, which is told, and then is over.
        """
        wanted = {"alertname": f"Inventory{alert}", **labels}.items()
        last = {frozenset(one.labels.items()): one for one in self._heard() if wanted <= one.labels.items()}
        return [one for one in last.values() if one.status == status]

    def messages(self, team: str) -> list[tuple[str, str, int]]:
        """Receiver, status and number of alerts of each message to a team, oldest first."""
        return [
            (receiver, message["status"], len(message["alerts"]))
            for receiver, message in self.hook.heard
            if receiver.startswith(team)
        ]

    def _heard(self) -> Iterator[Told]:
        for receiver, message in self.hook.heard:
            for alert in message["alerts"]:
                yield Told(receiver, alert["status"], alert["labels"], alert["annotations"])

    async def hears(self, alert: str, status: str, **labels: str) -> Told:
        """Waits until that is the last word of an alert; what was told of it."""
        return (await running.until(lambda: self.told(alert, status, **labels)))[0]

    async def settled(self, alert: str, number: int) -> None:
        """Waits until that many alerts of a name fire and Alertmanager had the time to tell of them."""
        counting = f'count(ALERTS{{alertname="Inventory{alert}",alertstate="firing"}}) or vector(0)'
        await running.until(lambda: alerting.ask(self.prometheus, counting)[0]["value"][1] == str(number))
        await asyncio.sleep(hastening.patience() + 1)

    def carriers(self, satellite: str) -> list[FleetRecord]:
        """The carriers over a satellite that are in use."""
        return [one for one in in_use(self.simulator, CARRIER) if place(one, "Satellite") == satellite]

    def change(self, status: str, *records: FleetRecord) -> None:
        """Gives records of the inventory a status, all at once."""
        for record in records:
            self.simulator.fleet.set_status(record.code, status, time.time())


def in_use(simulator: Simulator, kind: str) -> list[FleetRecord]:
    return [one for one in simulator.fleet.records(kind) if one.status != RETIRED]


def place(record: FleetRecord, type_name: str) -> str:
    """The name of the satellite, transponder or gateway that a carrier runs over."""
    part = record.part(type_name)
    assert part is not None
    return part.name


@asynccontextmanager
async def exporting(config: Path, url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """An exporter at that URL, ready."""
    command = ("serve", "--config.file", str(config), "--web.listen-address", url.removeprefix("http://"))
    async with running.process(running.COMMAND, *command) as exporter:
        await running.until(lambda: running.get(f"{url}/-/ready"))
        yield exporter


@asynccontextmanager
async def linked(folder: Path) -> AsyncIterator[tuple[Chain, asyncio.subprocess.Process]]:
    """The chain with nothing down, and the exporter in it, which may be killed."""
    options = Options(listen_port=running.free_port(), services=60, carriers=CARRIERS, resources=400)
    async with (
        Simulator(options) as simulator,
        alerting.webhook() as hook,
        alerting.alertmanager(folder, hastening.routing(hook.url)) as told,
    ):
        repair(simulator)
        config = configured(simulator, folder)
        url = f"http://127.0.0.1:{running.free_port()}"
        async with exporting(config, url) as exporter, hastening.prometheus(folder, url, told) as prometheus:
            chain = Chain(simulator, config, url, prometheus, hook)
            await running.until(lambda: counted(prometheus) == CARRIERS)
            assert chain.messages("noc") == []
            yield chain, exporter


def repair(simulator: Simulator) -> None:
    """Lets every record be operational, those apart that are retired."""
    for kind in KINDS:
        for record in in_use(simulator, kind):
            if record.status != OPERATIONAL:
                simulator.fleet.set_status(record.code, OPERATIONAL, time.time())


def configured(simulator: Simulator, folder: Path) -> Path:
    """The simulator's own settings, hastened: requests are not tried again before a refresh is given up."""
    config: dict[str, Any] = yaml.safe_load(simulator.configuration())
    for name, collection in config["collections"].items():
        collection |= {"refresh_interval": INTERVALS[name], "full_refresh_interval": "2m"}
    config |= {"limits": {"retries": 0}, "log": {"level": "error"}}
    file = folder / "exporter.yaml"
    file.write_text(yaml.safe_dump(config))
    return file


def counted(prometheus: str) -> int:
    """How many carriers the roll-ups count."""
    found = alerting.ask(prometheus, "sum(ses_inventory_satellite_carriers)")
    return int(found[0]["value"][1]) if found else 0
