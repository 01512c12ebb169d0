"""Roots, ids and states: how a page, a record and its status are told."""

from __future__ import annotations

from exporter.inventory.condition import Condition
from tests.inventory.shapes.case import Case, one

CASES: dict[str, Case] = {
    "root: an array": Case("tmf-v4 services", [{"id": "1"}, {"id": "2"}], [{"id": "1"}, {"id": "2"}]),
    "root: an envelope": Case("ses services", {"result": [{"externalId": "1"}]}, [{"id": "1"}]),
    "root: one record as an object": Case(
        "tmf-v4 services", {"id": "1", "name": "A"}, [{"id": "1", "name": "A"}]
    ),
    "id: candidates in order": Case(
        "ses resources",
        [
            {"externalId": "X", "id": "1"},
            {"ExternalId": None, "id": 2},
            {"externalId": "", "id": "", "uuid": "3"},
        ],
        [{"id": "X"}, {"id": "2"}, {"id": "3"}],
    ),
    "id: externalIdentifier": Case(
        "tmf-v5 services", [{"externalIdentifier": [{"id": "X", "owner": "B"}]}], [{"id": "X"}]
    ),
    "id: a URN": Case(
        "tmf-v4 resources", [{"id": "urn:ngsi-ld:resource:1"}], [{"id": "urn:ngsi-ld:resource:1"}]
    ),
    "id: doubled in one page": Case(
        "tmf-v4 services", [{"id": "1", "uuid": "1"}, {"id": "1"}], [{"id": "1"}, {"id": "1"}]
    ),
    "service state: v4": one(
        "tmf-v4 services", {"state": "active"}, status="active", condition=Condition.OPERATIONAL
    ),
    "service state: v5 adds suspended": one(
        "tmf-v5 services", {"state": "suspended"}, condition=Condition.DOWN, status_known=True
    ),
    "service state: refined by operatingStatus": one(
        "tmf-v5 services",
        {"state": "active", "operatingStatus": "degraded"},
        status="active",
        condition=Condition.DEGRADED,
        states=(("operating", "degraded"),),
    ),
    "service state: SES status": one(
        "ses services",
        {"status": "Operational", "state": "x"},
        status="Operational",
        condition=Condition.OPERATIONAL,
    ),
    "resource status: v4": one(
        "tmf-v4 resources", {"resourceStatus": "alarm"}, status="alarm", condition=Condition.DOWN
    ),
    "resource status: v5 of 2024": one(
        "tmf-v5 resources", {"resourceStatus": "not exists"}, condition=Condition.RETIRED, status_known=True
    ),
    "resource status: v5 of 2026 has none": one(
        "tmf-v5 resources",
        {"operationalState": "enabled", "lifecycleState": "planned", "availabilityStatus": "online"},
        status="enabled",
        condition=Condition.PLANNED,
        states=(("lifecycle", "planned"), ("operational", "enabled"), ("availability", "online")),
    ),
    "resource status: installing, in no enumeration": one(
        "tmf-v5 resources",
        {"resourceStatus": "installing"},
        status="installing",
        condition=Condition.UNKNOWN,
        status_known=False,
    ),
    "resource status: lifecycleState of v2": one(
        "tmf-v2 resources",
        {"lifecycleState": "In Test"},
        status="In Test",
        condition=Condition.PLANNED,
        states=(),
    ),
    "resource status: life cycle characteristics": one(
        "servicenow resources",
        {
            "resourceCharacteristic": [
                {"name": "life_cycle_stage", "value": "Operational"},
                {"name": "life_cycle_stage_status", "value": "In Use"},
                {"name": "install_status", "value": "1"},
            ]
        },
        status="In Use",
        condition=Condition.OPERATIONAL,
        states=(("lifecycle", "Operational"), ("install", "Installed")),
    ),
    "resource status: install_status as text": one(
        "servicenow resources",
        {"resourceCharacteristic": [{"name": "install_status", "value": "5"}]},
        status="Pending Repair",
        condition=Condition.DOWN,
    ),
    "administrative, operational, usage: v4": one(
        "tmf-v4 resources",
        {
            "resourceStatus": "available",
            "administrativeState": "shutdown",
            "operationalState": "enable",
            "usageState": "idle",
        },
        condition=Condition.MAINTENANCE,
        states=(("administrative", "shutdown"), ("operational", "enable"), ("usage", "idle")),
    ),
    "administrative, operational, usage: v5 of 2026": one(
        "tmf-v5 resources",
        {"administrativeState": "shuttingDown", "operationalState": "enabled", "usageState": "busy"},
        condition=Condition.MAINTENANCE,
        states=(("administrative", "shuttingDown"), ("operational", "enabled"), ("usage", "busy")),
    ),
    "alarms: several at once": one(
        "tmf-v5 resources",
        {"operationalState": "enabled", "alarmStatus": ["minor", "critical"]},
        condition=Condition.DOWN,
        states=(("operational", "enabled"), ("alarm", "minor"), ("alarm", "critical")),
    ),
}
