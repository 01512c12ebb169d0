"""`python -m bench.delay`: how long from a change in the inventory to the webhook, in real time, as shipped.

20 of 600 simulated carriers go down, one after the other, at random times within seven minutes. The exporter,
Prometheus and Alertmanager run with the shipped intervals; only the refresh interval of carriers is an
argument: `python -m bench.delay 1m 5m` (default: 1m, which is the exporter's). Each argument has programs of
its own, all at once, and is a row of the table. It takes about twelve minutes. Exit status 1 if the mean with
the default exceeds the bar.
"""

from __future__ import annotations

import asyncio
import datetime
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.outage import HEALTHY, exporting, prometheus
from bench.programs import required
from exporter.simulator.record import CARRIER, DOWN, FleetRecord
from exporter.simulator.server import Options, Simulator
from tests.end_to_end import running
from tests.end_to_end.chain import in_use
from tests.rules import running as alerting

ALERT = "InventoryCarrierNotOperational"
DEFAULT = "1m"
MEAN_BAR = 150.0
CARRIERS, CHANGES, SPAN = 600, 20, 420
SETTLED = 60
"""Seconds before the first change."""

LONGEST = 900.0
"""Seconds after the last change within which the last notification must have come."""

SEED = 5


@dataclass(frozen=True)
class Delays:
    """Seconds from each change to its notification, with this refresh interval of carriers."""

    refresh: str
    seconds: Sequence[float]

    def row(self) -> str:
        """A line of the table."""
        mean, slowest, fastest = statistics.fmean(self.seconds), max(self.seconds), min(self.seconds)
        return f"| {self.refresh} | {mean:.0f} | {fastest:.0f} | {slowest:.0f} |"


async def measure(folder: Path, refresh: str) -> Delays:
    """All changes with one refresh interval."""
    options = Options(
        listen_port=running.free_port(),
        services=CARRIERS // 5,
        carriers=CARRIERS,
        resources=CARRIERS // 2,
        shares=HEALTHY,
    )
    folder.mkdir()
    async with (
        Simulator(options) as simulator,
        alerting.webhook() as hook,
        alerting.alertmanager(folder, alerting.shortened(hook.url, {})) as alertmanager,
        exporting(simulator, folder, refresh) as exporter,
        prometheus(folder, exporter, alertmanager),
    ):
        await asyncio.sleep(SETTLED)
        choose = random.Random(SEED)
        carriers = choose.sample(in_use(simulator, CARRIER), CHANGES)
        moments = sorted(choose.uniform(0, SPAN) for _ in carriers)
        changing = asyncio.create_task(change(simulator, carriers, moments))
        heard = await notified(hook, CHANGES, SPAN + LONGEST)
        changed = await changing
    return Delays(refresh, sorted(heard[one] - changed[one] for one in changed))


async def change(
    simulator: Simulator, carriers: Sequence[FleetRecord], moments: Sequence[float]
) -> dict[str, float]:
    """Each carrier goes down at its moment, in seconds from now; when that was, by id."""
    began, changed = time.time(), {}
    for carrier, moment in zip(carriers, moments, strict=True):
        await asyncio.sleep(max(0.0, began + moment - time.time()))
        changed[carrier.code] = time.time()
        simulator.fleet.set_status(carrier.code, DOWN, changed[carrier.code])
    return changed


async def notified(hook: alerting.Webhook, number: int, longest: float) -> dict[str, float]:
    """When the first notification of each of so many carriers arrived, by id."""
    heard: dict[str, float] = {}
    end, read = time.time() + longest, 0
    while len(heard) < number:
        if time.time() > end:
            raise TimeoutError(f"{number - len(heard)} of {number} carriers had no notification in time")
        await asyncio.sleep(0.2)
        messages, read = hook.heard[read:], len(hook.heard)
        for _, message in messages:
            for alert in message["alerts"]:
                if alert["labels"]["alertname"] == ALERT and alert["status"] == "firing":
                    heard.setdefault(alert["labels"]["carrier_id"], time.time())
    return heard


async def main(refreshes: Sequence[str]) -> int:
    """Exit status 1 if the mean with the default exceeds the bar."""
    required("prometheus")
    with tempfile.TemporaryDirectory() as folder:
        measured = await asyncio.gather(*(measure(Path(folder, refresh), refresh) for refresh in refreshes))
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    today = datetime.datetime.now(datetime.UTC).date()
    print(f"{today}, {os.cpu_count()} cores, load {load}: {CHANGES} of {CARRIERS} carriers\n")
    print("| refresh of carriers | mean (s) | fastest (s) | slowest (s) |\n|---|---|---|---|")
    for one in measured:
        print(one.row())
    means = {one.refresh: statistics.fmean(one.seconds) for one in measured}
    return int(means.get(DEFAULT, 0.0) > MEAN_BAR)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:] or [DEFAULT])))
