"""The shipped rules in a real Prometheus that scrapes the exporter on the simulator."""

from __future__ import annotations

from collections.abc import Mapping

from tests.end_to_end.running import serving, simulated, until
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


DOWN = (
    "group by (carrier_id, satellite, transponder, gateway) "
    '(ses_inventory_carrier_problem_since_timestamp_seconds{condition="down"})'
)
OUTAGES = {
    "InventorySatelliteCarriersDown": ("satellite",),
    "InventoryTransponderCarriersDown": ("satellite", "transponder"),
    "InventoryGatewayCarriersDown": ("gateway",),
}


def explained(url: str, carrier: Mapping[str, str]) -> bool:
    """Whether an outage that fires explains that a carrier is down."""
    return any(
        all(labels[name] == carrier[name] for name in names)
        for alert, names in OUTAGES.items()
        for labels in firing(url, alert)
    )


def untold(url: str) -> set[str]:
    """The carriers that are down without an alert of their own and without an outage."""
    told = {labels["carrier_id"] for labels in firing(url, "InventoryCarrierNotOperational")}
    down = [one["metric"] for one in running.ask(url, DOWN)]
    return {one["carrier_id"] for one in down if one["carrier_id"] not in told and not explained(url, one)}


async def test_every_rule_evaluates_and_two_replicas_tell_each_carrier_once_with_its_context(tmp_path):
    rules = running.hastened(tmp_path, "1s")
    async with (
        simulated(tmp_path, "--services", "60", "--carriers", "300", "--resources", "200") as config,
        serving(config) as one,
        serving(config) as two,
        running.prometheus(tmp_path, [one, two], rules) as url,
    ):
        await until(lambda: running.ask(url, DOWN) and firing(url, "InventoryCarrierNotOperational"))
        await until(lambda: not untold(url))
        told = firing(url, "InventoryCarrierNotOperational")
        await until(lambda: all(rule["health"] != "unknown" for rule in running.evaluated(url)))
        unwell = {
            rule["name"]: rule.get("lastError") for rule in running.evaluated(url) if rule["health"] != "ok"
        }
    assert unwell == {}
    assert len(told) == len({labels["carrier_id"] for labels in told})
    for labels in told:
        assert all(labels[name] for name in ("name", "satellite", "transponder", "gateway", "party"))
