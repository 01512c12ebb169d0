"""`python -m bench.outage`: one outage from the inventory to the page, in real time, as shipped.

A simulated satellite fails. The exporter with its default intervals, and Prometheus and Alertmanager with the
shipped files, do the rest; only addresses differ. What happened when is written to `bench/outage.json`, from
which `bench.outage_plot` draws. It takes about 16 minutes. Times are seconds since the satellite failed.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import sys
import tempfile
import time
import urllib.parse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import yaml

from bench import outage_plot
from bench.outage_plot import Message, Timeline
from exporter.simulator import outage
from exporter.simulator.server import Options, Simulator
from tests.end_to_end import running
from tests.rules import running as alerting
from tests.rules.reading import ROOT, RULES

SATELLITE = "SES-17"
START, DURATION = 240, 600
LONGEST = 1500.0
"""Seconds within which the page must have come, and then its end."""

WINDOW = "1h"
HEALTHY = tuple(f"{status}=0" for status in ("down", "degraded", "maintenance"))


async def measure(folder: Path) -> Timeline:
    """One outage, from the failure until the page is resolved."""
    options = Options(
        listen_port=running.free_port(),
        shares=HEALTHY,
        outages=(f"satellite:{SATELLITE}@{START}s+{DURATION}s",),
    )
    async with (
        Simulator(options) as simulator,
        alerting.webhook() as hook,
        alerting.alertmanager(folder, alerting.shortened(hook.url, {})) as alertmanager,
        exporting(simulator, folder) as exporter,
        prometheus(folder, exporter, alertmanager) as url,
    ):
        failed = int(simulator.fleet.clock) + START
        assert time.time() < failed - 60, "the programs took too long to start"
        messages = await heard(hook, failed)
        await asyncio.sleep(60)  # the last samples are scraped
        alert = messages[0].alert
        states = (f'ALERTS{{alertname="{alert}",alertstate="{state}"}}' for state in ("pending", "firing"))
        pending, firing = (times(url, state, failed) for state in states)
        success = 'ses_inventory_exporter_last_success_timestamp_seconds{collection="carriers"}'
        return Timeline(
            date=datetime.datetime.now(datetime.UTC).date().isoformat(),
            satellite=SATELLITE,
            alert=alert,
            inventory=inventory(),
            refreshes=values(url, success, failed),
            scrapes=times(url, "up", failed),
            pending=pending,
            firing=firing,
            messages=messages,
        )


def inventory() -> dict[str, tuple[float, float]]:
    """From when to when the satellite, its carriers and its services are down."""
    what = ("satellite", "carriers", "services")
    return {
        one: (step, step + DURATION)
        for one, step in zip(what, (0, outage.DELAY, 2 * outage.DELAY), strict=True)
    }


async def heard(hook: alerting.Webhook, failed: float) -> tuple[Message, ...]:
    """The messages about the satellite, as they arrive, until it is resolved."""
    found: list[Message] = []
    while not any(one.status == "resolved" for one in found):
        read = len(hook.heard)
        await running.until(lambda read=read: len(hook.heard) > read, LONGEST)  # type: ignore[misc]
        now = time.time() - failed
        for receiver, message in hook.heard[read:]:
            (first, *_) = message["alerts"]
            labels = first["labels"]
            of_one_record = {"carrier_id", "service_id"} & labels.keys()
            if SATELLITE in labels.values() and not of_one_record:
                summary = first["annotations"]["summary"]
                found.append(Message(now, receiver, message["status"], labels["alertname"], summary))
    return tuple(found)


@asynccontextmanager
async def exporting(simulator: Simulator, folder: Path, refresh: str = "") -> AsyncIterator[str]:
    """An exporter with the default intervals, or this one for carriers; its URL once it is ready."""
    config = yaml.safe_load(simulator.configuration())
    for collection in config["collections"].values():
        del collection["refresh_interval"], collection["full_refresh_interval"]
    if refresh:
        config["collections"]["carriers"]["refresh_interval"] = refresh
    file = folder / "exporter.yaml"
    file.write_text(yaml.safe_dump(config))
    async with running.serving(file) as url:
        yield url


@asynccontextmanager
async def prometheus(folder: Path, exporter: str, alertmanager: str) -> AsyncIterator[str]:
    """A Prometheus with the shipped configuration and rules; its URL once it scrapes."""
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    (job,) = config["scrape_configs"]
    (receiver,) = config["alerting"]["alertmanagers"]
    job["static_configs"] = [{"targets": [urllib.parse.urlsplit(exporter).netloc]}]
    receiver["static_configs"] = [{"targets": [urllib.parse.urlsplit(alertmanager).netloc]}]
    config["rule_files"] = [str(file) for file in RULES]
    file = folder / "prometheus.yml"
    file.write_text(json.dumps(config))
    url = f"http://127.0.0.1:{running.free_port()}"
    address = f"--web.listen-address={urllib.parse.urlsplit(url).netloc}"
    storage = f"--storage.tsdb.path={folder / 'tsdb'}"
    async with running.process("prometheus", f"--config.file={file}", storage, address):
        await running.until(lambda: alerting.ask(url, "up == 1"))
        yield url


def samples(url: str, selector: str) -> list[tuple[float, float]]:
    """The times and values of all samples of the window, of all series, in the order of time."""
    found = alerting.ask(url, f"{selector}[{WINDOW}]")
    return sorted((at, float(value)) for series in found for at, value in series["values"])


def times(url: str, selector: str, failed: float) -> tuple[float, ...]:
    """When there were samples."""
    return tuple(sorted({round(at - failed, 1) for at, _ in samples(url, selector)}))


def values(url: str, selector: str, failed: float) -> tuple[float, ...]:
    """The different values, which are times."""
    return tuple(sorted({round(value - failed, 1) for _, value in samples(url, selector)}))


def main() -> None:
    """Measures, keeps the result and draws it."""
    with tempfile.TemporaryDirectory() as folder:
        timeline = asyncio.run(measure(Path(folder)))
    outage_plot.FILE.write_bytes(b"%s\n" % msgspec.json.format(msgspec.json.encode(timeline)))
    outage_plot.write()


if __name__ == "__main__":
    main()
    sys.exit(0)
