"""The shipped rules, scrape configuration and routing with every wait divided by the same number.

What is shipped waits for half-minutes; a test cannot. Here half a minute is a second, and one wait outlasts
another as shipped, which is what inhibition lives on. Nothing else of the shipped files changes, but where
they lead. Windows never get shorter than three scrapes, or a late scrape would leave them empty.
"""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.end_to_end import running
from tests.rules import running as alerting
from tests.rules.reading import ROOT, RULES

FASTER = 30
"""How many shipped seconds a second of the test stands for."""

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
WINDOW = re.compile(r"(\[|offset )(\d+[smhd])")
SHORTEST, SHORTEST_WINDOW = 1.0, 3.0


def seconds(shipped: str) -> float:
    """The length of a duration with one unit, such as 90s or 2m."""
    return float(shipped[:-1]) * SECONDS[shipped[-1]]


def hastened(shipped: str, shortest: float = SHORTEST) -> str:
    """That duration in the test, as Prometheus and Alertmanager write it."""
    return f"{max(shortest, seconds(shipped) / FASTER) * 1000:.0f}ms"


def rules(folder: Path) -> list[Path]:
    """Copies of the shipped rules, hastened."""
    copies = []
    for file in RULES:
        content = yaml.safe_load(file.read_text())
        for group in content["groups"]:
            _hasten(group, "interval")
            for rule in group["rules"]:
                _hasten(rule, "for", "keep_firing_for")
                rule["expr"] = WINDOW.sub(_window, rule["expr"])
        copies.append(folder / file.name)
        copies[-1].write_text(json.dumps(content))
    return copies


def _window(found: re.Match[str]) -> str:
    return f"{found[1]}{hastened(found[2], SHORTEST_WINDOW)}"


def _hasten(block: dict[str, Any], *keys: str) -> None:
    block.update({key: hastened(block[key]) for key in keys if key in block})


def routing(receivers: str) -> dict[str, Any]:
    """The shipped configuration of Alertmanager, hastened, with its receivers at that URL."""
    config = alerting.shortened(receivers, {})
    for route in _routes(config["route"]):
        _hasten(route, "group_wait", "group_interval", "repeat_interval")
    return config


def _routes(route: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield route
    for further in route.get("routes", ()):
        yield from _routes(further)


def patience() -> float:
    """Seconds within which Alertmanager tells of an alert, be it the first of its group or a further one."""
    route = yaml.safe_load(alerting.SHIPPED.read_text())["route"]  # critical alerts wait as the root says
    return max(seconds(route[key]) for key in ("group_wait", "group_interval")) / FASTER


@asynccontextmanager
async def prometheus(folder: Path, exporter: str, told: str) -> AsyncIterator[str]:
    """A real Prometheus with the shipped configuration, hastened; `exporter` and `told` are URLs.

    Yields its own URL once the exporter is up.
    """
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    _hasten(config["global"], "scrape_interval", "evaluation_interval")
    (job,) = config["scrape_configs"]
    _hasten(job, "scrape_timeout")
    job["static_configs"] = [{"targets": [urllib.parse.urlsplit(exporter).netloc]}]
    (receiver,) = config["alerting"]["alertmanagers"]
    receiver["static_configs"] = [{"targets": [urllib.parse.urlsplit(told).netloc]}]
    config["rule_files"] = [str(file) for file in rules(folder)]
    file = folder / "prometheus.yml"
    file.write_text(json.dumps(config))
    port = running.free_port()
    command = (
        "prometheus",
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    async with running.process(*command):
        url = f"http://127.0.0.1:{port}"
        await running.until(lambda: alerting.ask(url, "up == 1"))
        yield url
