"""The shipped rules in a real Prometheus that scrapes the exporter on the simulator."""

from __future__ import annotations

import asyncio
import json

from tests.end_to_end.running import get, serving, simulated, until
from tests.rules import running


def firing(url: str, name: str) -> list[dict[str, str]]:
    """The labels of the alerts of this name that fire."""
    return [
        one["labels"]
        for rule in running.evaluated(url)
        if rule["name"] == name
        for one in rule["alerts"]
        if one["state"] == "firing"
    ]


def not_operational(exporter: str) -> int:
    """How many carriers the exporter says are not operational."""
    collections = json.loads(get(f"{exporter}/api/v1/status"))["data"]["collections"]
    return next(one["not_operational"] for one in collections if one["name"] == "carriers")


async def test_every_rule_evaluates_and_two_replicas_tell_each_carrier_once_with_its_context(tmp_path):
    rules = running.hastened(tmp_path, "1s")
    async with (
        simulated(tmp_path, "--services", "60", "--carriers", "300", "--resources", "200") as config,
        serving(config) as one,
        serving(config) as two,
        running.prometheus(tmp_path, [one, two], rules) as url,
    ):
        expected = await asyncio.to_thread(not_operational, one)
        assert expected > 0
        told = await until(lambda: firing(url, "InventoryCarrierNotOperational"))
        await until(lambda: all(rule["health"] != "unknown" for rule in running.evaluated(url)))
        unwell = {
            rule["name"]: rule.get("lastError") for rule in running.evaluated(url) if rule["health"] != "ok"
        }
    assert unwell == {}
    assert len(told) == len({labels["carrier_id"] for labels in told}) == expected
    for labels in told:
        assert all(labels[name] for name in ("name", "satellite", "transponder", "gateway", "party"))
