"""What the dialects make of the same fleet: shapes, states, whole references."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from exporter.simulator import generator
from exporter.simulator.dialect import DIALECTS, SimulatedDialect
from exporter.simulator.fleet import Fleet
from exporter.simulator.record import (
    CARRIER,
    DEGRADED,
    DOWN,
    KINDS,
    MAINTENANCE,
    OPERATIONAL,
    PLANNED,
    RESOURCE,
    RETIRED,
    SERVICE,
    STATUSES,
    FleetRecord,
)

NOW = 1_790_000_000.0
CODE = re.compile(r"^(SVC|CAR|RES)\d{7}$")

each_dialect = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)


@pytest.fixture
def fleet() -> Fleet:
    return Fleet(generator.Sizes(60, 80, 120), 638, NOW)


def listed(fleet: Fleet, dialect: SimulatedDialect) -> list[FleetRecord]:
    return [one for kind in KINDS for one in fleet.records(kind) if one.status not in dialect.hidden]


def references(value: Any) -> Iterator[str]:
    """Every text under the record that looks like a record's code."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)
    elif isinstance(value, str) and CODE.match(value):
        yield value


def code_of(shown: dict[str, Any]) -> str:
    return str(shown.get("externalId", shown["id"]))


@each_dialect
def test_every_reference_that_is_shown_leads_to_a_record_that_is_listed(
    fleet: Fleet, dialect: SimulatedDialect
) -> None:
    for code in ("CAR0000001", "RES0000001", "RES0000002", "SVC0000004"):
        fleet.set_status(code, RETIRED, NOW)
    shown = [dialect.shape(one) for one in listed(fleet, dialect)]
    codes = {code_of(one) for one in shown}
    found = {code for one in shown for code in references(one)}
    assert found == codes


@each_dialect
def test_all_dialects_show_the_same_codes_and_names(fleet: Fleet, dialect: SimulatedDialect) -> None:
    for kind in KINDS:
        for one in fleet.records(kind):
            shown = dialect.shape(one)
            assert (code_of(shown), shown["name"]) == (one.code, one.name)


@pytest.mark.parametrize("dialect", [one for one in DIALECTS.values() if one.name != "servicenow"])
def test_customer_and_site_are_told_with_their_roles(fleet: Fleet, dialect: SimulatedDialect) -> None:
    service = fleet.find("SVC0000001")
    assert service.customer
    assert service.site
    text = str(dialect.shape(service))
    for expected in ("customer", "account manager", service.customer.name, service.site.name, "site"):
        assert f"'{expected}'" in text


@pytest.mark.parametrize("status", STATUSES)
def test_ses_says_each_status_in_its_own_words(fleet: Fleet, status: str) -> None:
    words = {
        OPERATIONAL: "Operational",
        DOWN: "Non-Operational",
        DEGRADED: "Degraded",
        MAINTENANCE: "In Maintenance",
        RETIRED: "Retired",
        PLANNED: "Planned",
    }
    for code in ("SVC0000001", "CAR0000001", "RES0000005"):
        fleet.set_status(code, status, NOW)
        assert DIALECTS["ses"].shape(fleet.find(code))["status"] == words[status]


@pytest.mark.parametrize(
    ("status", "v4", "v5", "resource"),
    [
        (OPERATIONAL, "active", ("active", "running"), ("available", "unlocked", "enable")),
        (DOWN, "inactive", ("active", "failed"), ("alarm", "unlocked", "disable")),
        (DEGRADED, "active", ("active", "degraded"), ("alarm", "unlocked", "enable")),
        (MAINTENANCE, "inactive", ("active", "stopped"), ("suspended", "locked", "disable")),
        (RETIRED, "terminated", ("terminated", "stopped"), ("unknown", "unlocked", "disable")),
        (PLANNED, "designed", ("designed", "pending"), ("reserved", "unlocked", "enable")),
    ],
)
def test_tmf_says_each_status_in_the_words_of_the_specification(
    fleet: Fleet, status: str, v4: str, v5: tuple[str, str], resource: tuple[str, str, str]
) -> None:
    carrier, hardware = fleet.find("CAR0000001"), fleet.find("RES0000005")
    fleet.set_status(carrier.code, status, NOW)
    fleet.set_status(hardware.code, status, NOW)
    assert DIALECTS["tmf-v4"].shape(carrier)["state"] == v4
    shown = DIALECTS["tmf-v5"].shape(carrier)
    assert (shown["state"], shown["operatingStatus"]) == v5
    for name in ("tmf-v4", "tmf-v5"):
        shown = DIALECTS[name].shape(hardware)
        states = (shown["administrativeState"], shown["operationalState"])
        expected = "planned" if (status, name) == (PLANNED, "tmf-v5") else resource[0]  # a word of v5 only
        assert (shown["resourceStatus"], *states) == (expected, *resource[1:])


def test_a_ses_carrier_shows_gateway_terminal_satellite_transponder_and_segments(fleet: Fleet) -> None:
    shown = DIALECTS["ses"].shape(fleet.find("CAR0000008"))
    assert shown["@type"] == "element"
    assert re.fullmatch(r"[0-9a-f]{32}", shown["id"])
    assert [place["role"] for place in shown["place"]] == ["gateway", "terminal"]
    types = [part["@referredType"] for part in shown["supportingResource"]]
    assert types == ["Satellite", "Transponder", "Gateway", "Terminal", "Modem"]
    segments = [(one["@referredType"], one["status"]) for one in shown["supportingService"]]
    assert segments == [("BandwidthSegment", "Operational"), ("BandwidthSegment", "Retired")]
    values = {one["name"]: one["value"] for one in shown["serviceCharacteristic"]}
    assert values["ElementType"] == "Return Carrier"
    assert values["uplinkAlias"].endswith("UL-8")


def test_frequencies_come_as_numbers_and_as_text(fleet: Fleet) -> None:
    kinds = set()
    for carrier in fleet.records(CARRIER):
        shown = DIALECTS["ses"].shape(carrier)
        values = {one["name"]: one for one in shown["serviceCharacteristic"]}
        found = values["uplinkCenterFrequency"]
        kinds.add((found["valueType"], type(found["value"])))
        assert 3000 < float(found["value"]) < 32000
    assert kinds == {("number", float), ("string", str)}


def test_a_place_is_one_object_in_639_v4_a_list_in_638_v4_and_nested_in_v5(fleet: Fleet) -> None:
    terminal = next(one for one in fleet.records(RESOURCE) if one.type == "Terminal")
    satellite = fleet.find("RES0000001")
    service = fleet.find("SVC0000001")
    v4, v5 = DIALECTS["tmf-v4"].shape, DIALECTS["tmf-v5"].shape
    assert v4(terminal)["place"]["role"] == "site"
    assert "place" not in v4(satellite)
    assert v4(service)["place"][0]["role"] == "site"
    assert v5(service)["place"][0]["place"]["name"] == v4(service)["place"][0]["name"]
    assert v5(satellite)["place"] == []


def test_v5_types_its_characteristics_and_names_the_database_key(fleet: Fleet) -> None:
    shown = DIALECTS["tmf-v5"].shape(fleet.find("CAR0000001"))
    types = {one["@type"] for one in shown["serviceCharacteristic"]}
    assert types == {"StringCharacteristic", "NumberCharacteristic"}
    identifier = shown["externalIdentifier"][0]
    assert identifier["id"] == DIALECTS["ses"].shape(fleet.find("CAR0000001"))["id"]


def test_dates_are_rfc_3339_in_utc(fleet: Fleet) -> None:
    for record in fleet.records(SERVICE):
        shown = DIALECTS["ses"].shape(record)
        for key in ("startDate", "creationDate", "lastUpdate"):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", shown[key])
        assert ("endDate" in shown) == (record.ended is not None)
