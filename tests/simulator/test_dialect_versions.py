"""The dialects beside SES, v4 and v5 of 2024: v2, v3, v5 of 2026 and ServiceNow, in their own words."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from exporter.simulator import generator
from exporter.simulator.dialect import DIALECTS, TMF_V5_2026
from exporter.simulator.fleet import Fleet
from exporter.simulator.record import (
    DEGRADED,
    DOWN,
    KINDS,
    MAINTENANCE,
    OPERATIONAL,
    PLANNED,
    RESOURCE,
    RETIRED,
    SEGMENT,
    STATUSES,
    FleetRecord,
)

Json = dict[str, Any]
NOW = 1_790_000_000.0


@pytest.fixture
def fleet() -> Fleet:
    return Fleet(generator.Sizes(45, 60, 90), 638, NOW)


def characteristics(shown: Json) -> dict[str, Json]:
    key = next(key for key in shown if key.lower().endswith("characteristic"))
    return {one["name"]: one for one in shown[key]}


def resource_of(fleet: Fleet, type_name: str) -> FleetRecord:
    return next(one for one in fleet.records(RESOURCE) if one.type == type_name)


def test_one_seed_is_the_same_fleet_in_every_dialect(fleet: Fleet) -> None:
    others = [one for name, one in DIALECTS.items() if name != "ses"]
    for dialect in (*others, TMF_V5_2026):
        for kind in KINDS:
            for record in fleet.records(kind):
                assert dialect.shape(record)["id"] == record.code


@pytest.mark.parametrize("status", STATUSES)
def test_before_v4_a_resource_has_a_lifecycle_state_alone(fleet: Fleet, status: str) -> None:
    words = {
        OPERATIONAL: "Active",
        DEGRADED: "Active",
        DOWN: "Inactive",
        MAINTENANCE: "Suspended",
        RETIRED: "Retired",
        PLANNED: "Planned",
    }
    fleet.set_status("RES0000005", status, NOW)
    for name in ("tmf-v2", "tmf-v3"):
        shown = DIALECTS[name].shape(fleet.find("RES0000005"))
        assert shown["lifecycleState"] == words[status]
        assert not shown.keys() & {"resourceStatus", "operationalState", "administrativeState"}


def test_v2_calls_relationships_and_characteristics_otherwise_than_v3(fleet: Fleet) -> None:
    modem = resource_of(fleet, "Modem")
    v2, v3 = DIALECTS["tmf-v2"].shape(modem), DIALECTS["tmf-v3"].shape(modem)
    assert v2["characteristic"] == v3["resourceCharacteristic"]
    assert v2["resourceRelationship"][0]["type"] == "containedIn"
    assert v3["resourceRelationship"][0]["relationshipType"] == "containedIn"
    assert v2["href"] == f"/tmf-api/resourceInventoryManagement/v2/resource/{modem.code}"
    carrier = fleet.find("CAR0000001")
    assert "type" in DIALECTS["tmf-v2"].shape(carrier)["serviceRelationship"][0]
    assert "relationshipType" in DIALECTS["tmf-v3"].shape(carrier)["serviceRelationship"][0]


def test_a_service_reference_of_v3_has_no_name_and_that_of_a_resource_has(fleet: Fleet) -> None:
    shown = DIALECTS["tmf-v3"].shape(fleet.find("SVC0000001"))
    assert all("name" not in one for one in shown["supportingService"])
    assert all("name" in one for one in shown["supportingResource"])
    assert shown["state"] == "active"
    segment = DIALECTS["tmf-v3"].shape(fleet.find("CAR0000001"))["supportingService"][0]
    assert (segment["@referredType"], segment["name"]) == (SEGMENT, "BW CAR0000001")


@pytest.mark.parametrize(
    ("status", "states"),
    [
        (OPERATIONAL, ("installed", "unlocked", "enabled", [], "online")),
        (DEGRADED, ("installed", "unlocked", "enabled", ["minor"], "degraded")),
        (DOWN, ("installed", "unlocked", "disabled", ["critical", "alarmOutstanding"], "failed")),
        (MAINTENANCE, ("installed", "locked", "disabled", ["underRepair"], "inTest")),
        (RETIRED, ("pendingRemoval", "unlocked", "disabled", [], "notInstalled")),
    ],
)
def test_v5_of_2026_has_many_states_and_no_status(
    fleet: Fleet, status: str, states: tuple[object, ...]
) -> None:
    fleet.set_status("RES0000005", status, NOW)
    shown = TMF_V5_2026.shape(fleet.find("RES0000005"))
    keys = ("lifecycleState", "administrativeState", "operationalState", "alarmStatus", "availabilityStatus")
    assert tuple(shown[key] for key in keys) == states
    assert "resourceStatus" not in shown
    assert shown["unknownStatus"] is False


def test_v5_of_2026_left_services_alone(fleet: Fleet) -> None:
    carrier = fleet.find("CAR0000001")
    assert TMF_V5_2026.shape(carrier) == DIALECTS["tmf-v5"].shape(carrier)
    terminal = TMF_V5_2026.shape(resource_of(fleet, "Terminal"))
    assert terminal["place"][0]["@type"] == "RelatedPlaceRef"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (OPERATIONAL, ("Operational", "In Use", "1")),
        (DEGRADED, ("Operational", "In Use", "1")),
        (DOWN, ("Operational", "Pending Repair", "5")),
        (MAINTENANCE, ("Operational", "In Maintenance", "3")),
        (RETIRED, ("End of Life", "Retired", "7")),
    ],
)
def test_servicenow_tells_its_life_cycle_in_characteristics_only(
    fleet: Fleet, status: str, words: tuple[str, ...]
) -> None:
    for code in ("SVC0000001", "CAR0000001", "RES0000005"):
        fleet.set_status(code, status, NOW)
        shown = DIALECTS["servicenow"].shape(fleet.find(code))
        told = characteristics(shown)
        names = ("life_cycle_stage", "life_cycle_stage_status", "install_status")
        assert tuple(told[name]["value"] for name in names) == words
        assert "operational_status" not in told
        assert not [key for key in shown if key.endswith(("tatus", "tate"))]


def test_servicenow_writes_everything_as_text(fleet: Fleet) -> None:
    for kind in KINDS:
        for record in fleet.records(kind):
            text = json.dumps(DIALECTS["servicenow"].shape(record))
            assert not re.search(r": (-?\d|true|false|null)", text)
    told = characteristics(DIALECTS["servicenow"].shape(fleet.find("CAR0000001")))
    assert told["monitor"] == {"name": "monitor", "valueType": "boolean", "value": "false"}
    assert told["symbolRate"]["valueType"] == "integer"


def test_servicenow_refers_by_id_and_spares_names_and_roles(fleet: Fleet) -> None:
    service = fleet.find("SVC0000001")
    assert service.site
    assert service.customer
    shown = DIALECTS["servicenow"].shape(service)
    assert shown["place"] == {"id": service.site.code, "@referredType": "GeographicSite"}
    assert shown["serviceSpecification"].keys() == {"id"}
    assert shown["relatedParty"][0] == {
        "id": service.customer.code,
        "role": "customer",
        "@referredType": "Organization",
    }
    satellite = DIALECTS["servicenow"].shape(resource_of(fleet, "Satellite"))
    assert satellite["place"] == {"id": "", "name": ""}


def test_servicenow_keeps_a_carriers_ends_among_its_resources(fleet: Fleet) -> None:
    shown = DIALECTS["servicenow"].shape(fleet.find("CAR0000008"))
    types = [part["@referredType"] for part in shown["supportingResource"]]
    assert types == ["Satellite", "Transponder", "Gateway", "Terminal", "Modem"]
    assert shown["place"]["@referredType"] == "Terminal"


def test_servicenow_has_dates_without_zone_and_relations_in_two_words(fleet: Fleet) -> None:
    for record in fleet.records(RESOURCE):
        shown = DIALECTS["servicenow"].shape(record)
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", shown["startOperatingDate"])
        for relation in shown["resourceRelationship"]:
            assert re.fullmatch(r"[A-Z][a-z ]+::[A-Z][a-z ]+", relation["relationshipType"])
    satellite = DIALECTS["servicenow"].shape(resource_of(fleet, "Satellite"))
    words = {one["relationshipType"] for one in satellite["resourceRelationship"]}
    assert words == {"Contains::Contained by"}
    retired = next(one for one in fleet.records("service") if one.ended)
    assert re.match(r"\d{4}-", DIALECTS["servicenow"].shape(retired)["endDate"])
