"""Runs what a preview takes its data from: a simulated inventory, an exporter, a Prometheus, all on loopback.

It owns the settings with which a few minutes show something. Starting and ending programs is the end-to-end
tests' own code. Invariant: everything it started is ended when the context is left.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import yaml

from tests.end_to_end import running

SCRAPE_INTERVAL = 2.0
"""Seconds."""

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules"

INVENTORY = (
    *("--services", "300", "--carriers", "500", "--resources", "600", "--latency", "0.02"),
    *("--change-rate", "0.2", "--fault", "504:share=0.02", "--fault", "odd-dates:share=0.01"),
    *("--outage", "gateway@90s", "--outage", "transponder@45s+90s,every=3m", "--outage", "terminal@20s"),
    *("--outage", "transponder@30s,status=maintenance", "--outage", "carrier@60s+40s,every=80s"),
)


@asynccontextmanager
async def prometheus(folder: Path) -> AsyncIterator[str]:
    """A Prometheus that scrapes an exporter that reads a changing inventory; yields its URL."""
    async with (
        running.simulated(folder, *INVENTORY) as file,
        running.serving(_hurried(file)) as exporter,
    ):
        address = f"127.0.0.1:{running.free_port()}"
        target = {"targets": [urllib.parse.urlsplit(exporter).netloc]}
        jobs = [{"job_name": "ses-inventory", "static_configs": [target]}]
        config = folder / "prometheus.yml"
        every = {"scrape_interval": f"{int(SCRAPE_INTERVAL)}s", "evaluation_interval": "10s"}
        settings = {"global": every, "scrape_configs": jobs, "rule_files": [f"{RULES}/*.yml"]}
        config.write_text(json.dumps(settings), encoding="utf-8")
        command = (
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address={address}",
        )
        async with running.process(*command):
            url = f"http://{address}"
            await running.until(lambda: running.get(f"{url}/-/ready"))
            yield url


def _hurried(file: Path) -> Path:
    """The simulator's settings with short intervals, a state file, limits and characteristics."""
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    for collection in config["collections"].values():
        collection |= {"refresh_interval": "5s", "full_refresh_interval": "30s"}
    config["collections"]["resources"]["characteristics"] = ["manufacturer", "serialNumber", "bandwidth"]
    for api in config["apis"].values():
        api["requests_per_hour"] = 100_000
    config["state_file"] = str(file.with_suffix(".state"))
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return file
