"""The shipped Alertmanager configuration: who is told, and what something above explains."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import pytest
import yaml

from tests.end_to_end.running import until
from tests.rules import reading, running

FOREVER = "2099-01-01T00:00:00Z"


def firing(labels: Iterable[Mapping[str, str]]) -> list[dict[str, object]]:
    """Alerts that begin now, so that Alertmanager waits for their company before it tells."""
    return [{"labels": one, "startsAt": now(), "endsAt": FOREVER} for one in labels]


def now() -> str:
    return datetime.now(UTC).isoformat()


def amtool(*arguments: str) -> str:
    done = subprocess.run([running.tool("amtool"), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout.strip()


def test_the_configuration_is_valid():
    amtool("check-config", str(running.SHIPPED))


ROUTES = [
    ({"team": "noc", "severity": "critical"}, "noc-page"),
    ({"team": "noc", "severity": "warning"}, "noc-chat"),
    ({"team": "noc", "severity": "info"}, "noc-chat"),
    ({"team": "monitoring", "severity": "critical"}, "monitoring-page"),
    ({"team": "monitoring", "severity": "warning"}, "monitoring-chat"),
    ({"severity": "critical"}, "monitoring-chat"),
]


@pytest.mark.parametrize(("labels", "receiver"), ROUTES, ids=lambda part: str(part))
def test_an_alert_goes_to_the_receiver_of_its_team_and_severity(labels, receiver):
    given = [f"{label}={value}" for label, value in labels.items()]
    assert amtool("config", "routes", "test", f"--config.file={running.SHIPPED}", *given) == receiver


@pytest.mark.parametrize("rule", reading.alerts(), ids=lambda rule: str(rule["alert"]))
def test_every_shipped_alert_that_is_critical_is_a_page_and_no_other(rule):
    given = [f"{label}={value}" for label, value in rule["labels"].items()]
    receiver = amtool(
        "config", "routes", "test", f"--config.file={running.SHIPPED}", f"alertname={rule['alert']}", *given
    )
    kind = "page" if rule["labels"]["severity"] == "critical" else "chat"
    assert receiver == f"{rule['labels']['team']}-{kind}"


def test_every_receiver_has_its_secret_in_a_file_and_tells_that_it_is_over():
    for receiver in yaml.safe_load(running.SHIPPED.read_text())["receivers"]:
        for hook in receiver["webhook_configs"]:
            assert hook["send_resolved"] is True
            assert set(hook["http_config"]["authorization"]) == {"credentials_file"}


def alert(kind: str, **labels: str) -> dict[str, str]:
    shipped = next(rule for rule in reading.alerts() if rule["alert"] == f"Inventory{kind}")
    return {"alertname": f"Inventory{kind}", **shipped["labels"], **labels}


def fleet(number: int) -> list[dict[str, str]]:
    """A satellite's outage and that many of its carriers, over several transponders and gateways."""
    carriers = [
        alert(
            "CarrierNotOperational",
            carrier_id=f"C{each}",
            satellite="SES-17",
            transponder=f"TP{each % 8}",
            gateway=f"GW{each % 3}",
        )
        for each in range(number)
    ]
    transponders = [
        alert("TransponderCarriersDown", satellite="SES-17", transponder=f"TP{each}") for each in range(8)
    ]
    return [alert("SatelliteCarriersDown", satellite="SES-17"), *transponders, *carriers]


WHERE = {"satellite": "SES-17", "transponder": "TP1", "gateway": "Betzdorf"}
ONE = {"job": "i", "instance": "a:1"}
C = {"collection": "carriers"}

INHIBITED = [
    (
        alert("SatelliteCarriersDown", satellite="SES-17"),
        alert("CarrierNotOperational", carrier_id="C1", **WHERE),
    ),
    (alert("SatelliteCarriersDown", satellite="SES-17"), alert("CarrierFlapping", carrier_id="C1", **WHERE)),
    (alert("SatelliteCarriersDown", satellite="SES-17"), alert("CarrierDegraded", carrier_id="C1", **WHERE)),
    (
        alert("SatelliteCarriersDown", satellite="SES-17"),
        alert("ServiceAffected", service_id="S1", satellite="SES-17", cause="TP1"),
    ),
    (
        alert("SatelliteCarriersDown", satellite="SES-17"),
        alert("TransponderCarriersDown", satellite="SES-17", transponder="TP1"),
    ),
    (
        alert("TransponderCarriersDown", satellite="SES-17", transponder="TP1"),
        alert("CarrierNotOperational", carrier_id="C1", **WHERE),
    ),
    (
        alert("GatewayCarriersDown", gateway="Betzdorf"),
        alert("CarrierNotOperational", carrier_id="C1", **WHERE),
    ),
    (
        alert("GatewayCarriersDown", gateway="Betzdorf"),
        alert("ServiceAffected", service_id="S1", gateway="Betzdorf", cause="R1"),
    ),
    (alert("CarrierNotOperational", carrier_id="C1"), alert("CarrierDegraded", carrier_id="C1")),
    (alert("ServiceNotOperational", service_id="S1"), alert("ServiceAffected", service_id="S1", cause="R1")),
    (alert("ServiceNotOperational", service_id="S1"), alert("ServiceDegraded", service_id="S1")),
    (alert("ExporterDown", **ONE), alert("Stale", **ONE, **C)),
    (alert("AccessRefused", **ONE, **C), alert("ApiFailing", **ONE, **C)),
    (alert("Stale", **ONE, **C), alert("ApiFailing", **ONE, **C)),
    (alert("ShrinkGuardHolding", **ONE, **C), alert("Incomplete", **ONE, **C)),
]

NOT_INHIBITED = [
    (
        alert("SatelliteCarriersDown", satellite="SES-12"),
        alert("CarrierNotOperational", carrier_id="C1", **WHERE),
    ),
    (alert("SatelliteCarriersDown", satellite="SES-17"), alert("CarrierNotOperational", carrier_id="C1")),
    (alert("SatelliteCarriersDown", satellite="SES-17"), alert("GatewayCarriersDown", gateway="Betzdorf")),
    (alert("SatelliteCarriersDown", satellite="SES-17"), alert("ServiceNotOperational", service_id="S1")),
    (
        alert("TransponderCarriersDown", satellite="SES-17", transponder="TP2"),
        alert("CarrierNotOperational", carrier_id="C1", **WHERE),
    ),
    (
        alert("GatewayCarriersDown", gateway="Hawaii"),
        alert("CarrierNotOperational", carrier_id="C1", **WHERE),
    ),
    (alert("ExporterDown", **ONE), alert("CarrierNotOperational", carrier_id="C1", **WHERE)),
    (alert("ExporterDown", **ONE), alert("SatelliteCarriersDown", satellite="SES-17")),
    (alert("ExporterDown", **ONE), alert("Stale", job="i", instance="b:1", **C)),
    (alert("ApiFailing", **ONE, **C), alert("CarrierNotOperational", carrier_id="C1", **WHERE)),
    (alert("Stale", **ONE, **C), alert("CarrierNotOperational", carrier_id="C1", **WHERE)),
    (alert("Stale", **ONE, **C), alert("ApiFailing", **ONE, collection="services")),
    (
        alert("ServiceNotOperational", service_id="S2"),
        alert("ServiceAffected", service_id="S1", cause="R1"),
    ),
]


def tagged(pairs, begin: int) -> list[tuple[dict[str, str], dict[str, str]]]:
    """The pairs with values of their own, so that no pair touches another."""
    shared = ("satellite", "gateway", "service_id", "resource_id", "carrier_id", "instance")
    return [
        tuple(
            {key: f"{value}/{number}" if key in shared else value for key, value in one.items()}
            for one in pair
        )
        for number, pair in enumerate(pairs, begin)
    ]


async def test_what_lies_above_inhibits_what_lies_below_and_nothing_else(tmp_path):
    silent, told = tagged(INHIBITED, 0), tagged(NOT_INHIBITED, 1000)
    pairs = [*silent, *told]
    async with running.webhook() as hook, running.alertmanager(tmp_path, running.shortened(hook.url)) as url:
        given = firing(labels for pair in pairs for labels in pair)
        await asyncio.to_thread(running.post, url, given)
        all_labels = {frozenset(one["labels"].items()) for one in given}
        held = await until(lambda: (seen := running.suppressed(url)).keys() == all_labels and seen)
        for source, target in silent:
            assert held[frozenset(target.items())], f"{source} does not inhibit {target}"
        for source, target in told:
            assert not held[frozenset(target.items())], f"{source} inhibits {target}"


async def test_a_satellite_that_fails_with_500_carriers_is_one_message_and_one_when_it_is_over(
    tmp_path,
):
    async with running.webhook() as hook, running.alertmanager(tmp_path, running.shortened(hook.url)) as url:
        outage = firing(fleet(500))
        await asyncio.to_thread(running.post, url, outage)
        await until(lambda: hook.messages("firing"))
        over = [{**one, "endsAt": now()} for one in outage]
        await asyncio.to_thread(running.post, url, over)
        await until(lambda: hook.messages("resolved"))
    heard = [(receiver, message["status"], len(message["alerts"])) for receiver, message in hook.heard]
    assert heard == [("noc-page", "firing", 1), ("noc-page", "resolved", 1)]
    names = {one["labels"]["alertname"] for _, message in hook.heard for one in message["alerts"]}
    assert names == {"InventorySatelliteCarriersDown"}


async def test_carriers_that_no_outage_explains_come_in_one_message_a_satellite(tmp_path):
    carriers = [
        alert("CarrierNotOperational", carrier_id=f"C{each}", satellite=f"SES-{each % 2}")
        for each in range(40)
    ]
    async with running.webhook() as hook, running.alertmanager(tmp_path, running.shortened(hook.url)) as url:
        await asyncio.to_thread(running.post, url, firing(carriers))
        await until(lambda: len(hook.messages("firing")) == 2)
    assert sorted(len(message["alerts"]) for _, message in hook.heard) == [20, 20]


async def test_an_exporter_that_is_down_lets_a_new_carrier_through(tmp_path):
    async with running.webhook() as hook, running.alertmanager(tmp_path, running.shortened(hook.url)) as url:
        both = [alert("ExporterDown", **ONE), alert("CarrierNotOperational", carrier_id="C1", **WHERE)]
        await asyncio.to_thread(running.post, url, firing(both))
        await until(lambda: len(hook.messages("firing")) == 2)
    assert sorted(receiver for receiver, _ in hook.heard) == ["monitoring-page", "noc-page"]
