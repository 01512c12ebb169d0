"""Starts a real Prometheus, a real Alertmanager and a webhook that hears what it says.

The processes are ended by the handles that started them. What Alertmanager is told is the shipped file with
other receivers and shorter waits, so that a test does not wait for minutes.
"""

from __future__ import annotations

import json
import shutil
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from tests.end_to_end.running import free_port, get, process, until
from tests.rules.reading import ROOT, RULES

SHIPPED = ROOT / "deploy/alertmanager/alertmanager.yml"
WAITS = {"group_wait": "1s", "group_interval": "1s", "repeat_interval": "1h"}


def tool(*names: str) -> str:
    """The first of these programs that is on PATH."""
    for name in names:
        if shutil.which(name):
            return name
    raise AssertionError(
        f"none of {', '.join(names)} is on PATH. On Debian: apt-get install prometheus-alertmanager"
    )


@dataclass
class Webhook:
    """What a receiver was sent, oldest first: (receiver, message)."""

    url: str
    heard: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def messages(self, status: str) -> list[Mapping[str, Any]]:
        """The messages of a status, firing or resolved."""
        return [message for _, message in self.heard if message["status"] == status]


@asynccontextmanager
async def webhook() -> AsyncIterator[Webhook]:
    """A receiver on loopback; the first part of a path is the name of the receiver in the configuration."""
    port = free_port()
    hears = Webhook(f"http://127.0.0.1:{port}")

    async def hear(request: web.Request) -> web.Response:
        hears.heard.append((request.match_info["receiver"], await request.json()))
        return web.Response()

    application = web.Application(client_max_size=64 << 20)
    application.router.add_post("/{receiver}", hear)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield hears
    finally:
        await runner.cleanup()


def shortened(receivers: str, waits: Mapping[str, str] = WAITS) -> dict[str, Any]:
    """The shipped configuration with its receivers at that URL and with these waits in every route."""
    config: dict[str, Any] = yaml.safe_load(SHIPPED.read_text())
    for receiver in config["receivers"]:
        receiver["webhook_configs"] = [{"url": f"{receivers}/{receiver['name']}", "send_resolved": True}]
    _shorten(config["route"], waits)
    return config


def _shorten(route: dict[str, Any], waits: Mapping[str, str]) -> None:
    route.update(waits)
    for further in route.get("routes", ()):
        _shorten(further, waits)


@asynccontextmanager
async def alertmanager(folder: Path, config: Mapping[str, Any]) -> AsyncIterator[str]:
    """A real Alertmanager with this configuration; yields its URL."""
    port = free_port()
    file = folder / "alertmanager.yml"
    file.write_text(json.dumps(config))
    command = (
        tool("prometheus-alertmanager", "alertmanager"),
        f"--config.file={file}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    )
    async with process(*command):
        url = f"http://127.0.0.1:{port}"
        await until(lambda: get(f"{url}/-/ready"))
        yield url


def post(url: str, alerts: Sequence[Mapping[str, object]]) -> None:
    """Gives Alertmanager these alerts, as Prometheus does."""
    body = json.dumps(alerts).encode()
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(
        urllib.request.Request(f"{url}/api/v2/alerts", data=body, headers=headers), timeout=30
    ) as answer:
        answer.read()


def suppressed(url: str) -> dict[frozenset[tuple[str, str]], bool]:
    """Of each alert that Alertmanager holds, by its labels, whether another inhibits it."""
    held = json.loads(get(f"{url}/api/v2/alerts"))
    return {frozenset(alert["labels"].items()): bool(alert["status"]["inhibitedBy"]) for alert in held}


def hastened(folder: Path, wait: str) -> list[Path]:
    """Copies of the shipped rules in which every alert waits and holds no longer than `wait`."""
    copies = []
    for file in RULES:
        content = yaml.safe_load(file.read_text())
        for group in content["groups"]:
            group.pop("interval", None)
            for rule in group["rules"]:
                rule.update({key: wait for key in ("for", "keep_firing_for") if key in rule})
        copies.append(folder / file.name)
        copies[-1].write_text(json.dumps(content))
    return copies


@asynccontextmanager
async def prometheus(
    folder: Path, targets: Sequence[str], rules: Sequence[Path], told: str = ""
) -> AsyncIterator[str]:
    """A real Prometheus that scrapes and evaluates every second and tells the Alertmanager at `told`, if any.

    Targets and `told` are URLs. Yields its own URL once every target is up.
    """
    port = free_port()
    addresses = [urllib.parse.urlsplit(target).netloc for target in targets]
    jobs = [{"job_name": "ses-inventory", "static_configs": [{"targets": addresses}]}]
    config: dict[str, Any] = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(file) for file in rules],
        "scrape_configs": jobs,
    }
    if told:
        static = [{"targets": [urllib.parse.urlsplit(told).netloc]}]
        config["alerting"] = {"alertmanagers": [{"static_configs": static}]}
    file = folder / "prometheus.yml"
    file.write_text(json.dumps(config))
    command = (
        "prometheus",
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--rules.alert.resend-delay=1s",
    )
    async with process(*command):
        url = f"http://127.0.0.1:{port}"
        await until(lambda: len(ask(url, "up == 1")) == len(targets))
        yield url


def ask(url: str, promql: str) -> list[dict[str, Any]]:
    """What Prometheus answers to an instant query."""
    question = urllib.parse.urlencode({"query": promql})
    result: list[dict[str, Any]] = json.loads(get(f"{url}/api/v1/query?{question}"))["data"]["result"]
    return result


def evaluated(url: str) -> list[dict[str, Any]]:
    """The rules as Prometheus reports them: health, lastError, and alerts of those that have any."""
    groups = json.loads(get(f"{url}/api/v1/rules"))["data"]["groups"]
    return [rule for group in groups for rule in group["rules"]]
