"""How ServiceNow formats a record: its Resource Inventory API (`sn_ni_core`), services in the same format.

ServiceNow documents no TMF638, so services are what a custom API there would return. There is no status:
the life cycle is in characteristics, always text, and operational_status is missing, so degraded cannot be
told from operational. No number, no boolean and no time zone anywhere.
"""

from __future__ import annotations

import time

from exporter.simulator import tmf, traits
from exporter.simulator.record import (
    CARRIER,
    DEGRADED,
    DOWN,
    MAINTENANCE,
    OPERATIONAL,
    RESOURCE,
    RETIRED,
    FleetRecord,
)
from exporter.simulator.tmf import Json

SERVICES, RESOURCES = "/api/x_tmf638_inventory", "/api/sn_ni_core"

LIFE_CYCLE = {
    OPERATIONAL: ("Operational", "In Use", "1"),
    DEGRADED: ("Operational", "In Use", "1"),
    DOWN: ("Operational", "Pending Repair", "5"),
    MAINTENANCE: ("Operational", "In Maintenance", "3"),
    RETIRED: ("End of Life", "Retired", "7"),
}
"""life_cycle_stage, life_cycle_stage_status and install_status."""

RELATIONS = {
    "contains": "Contains::Contained by",
    "containedIn": "Contained by::Contains",
    "connectedTo": "Connects to::Connected by",
    "dependsOn": "Depends on::Used by",
    "parent": "Child of::Parent of",
    "child": "Parent of::Child of",
    "bundle": "Members::Member of",
    "pairedWith": "Exchanges data with::Exchanges data with",
}

NOBODY = {"id": "", "name": ""}
"""How a reference to nothing looks."""


def shape(record: FleetRecord) -> Json:
    """The record as a JSON object."""
    return _resource(record) if record.kind == RESOURCE else _service(record)


def _moment(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))


def _common(record: FleetRecord, base: str, entity: str) -> Json:
    return {
        "id": record.code,
        "href": f"{base}/{entity}/{record.code}",
        "@type": tmf.type_of(record),
        "name": record.name,
        "description": traits.description(record),
        "category": traits.category(record),
        "place": _place(record),
        "relatedParty": [
            {"id": one["id"], "role": one["role"], "@referredType": one["type"]}
            for one in tmf.parties(record)
        ],
        f"{entity}Specification": {"id": traits.specification(record).code},
        f"{entity}Characteristic": _characteristics(record),
        f"{entity}Relationship": [
            {"relationshipType": RELATIONS[word], entity: tmf.reference(far)}
            for word, far in tmf.relations(record)
        ],
    }


def _service(record: FleetRecord) -> Json:
    ended = "" if record.ended is None else _moment(record.ended)
    hardware = [part for part in record.parts if part.kind == RESOURCE and part not in tmf.support(record)]
    return _common(record, SERVICES, "service") | {
        "serviceType": record.type,
        "startDate": _moment(record.started),
        "endDate": ended,
        "serviceDate": _moment(record.created),
        # a single place leaves no room for a carrier's two ends: they are supporting resources too
        "supportingResource": [tmf.reference(part) for part in hardware if part.status != RETIRED],
        "supportingService": [tmf.reference(part) for part in tmf.support(record)],
    }


def _resource(record: FleetRecord) -> Json:
    return _common(record, RESOURCES, "resource") | {
        "startOperatingDate": _moment(record.started),
        "endOperatingDate": "" if record.ended is None else _moment(record.ended),
    }


def _place(record: FleetRecord) -> Json:
    """One place without name and role; a carrier's is its terminal, as far as it has one."""
    found = tmf.places(record)
    if not found:
        return dict(NOBODY)
    code, _, _, type_name = found[-1] if record.kind == CARRIER else found[0]
    return {"id": code, "@referredType": type_name}


def _characteristics(record: FleetRecord) -> list[Json]:
    stage, status, installed = LIFE_CYCLE[record.status]
    kinds = {str: "string", int: "integer", float: "decimal"}
    told = [
        {"name": name, "valueType": kinds[type(value)], "value": str(value)}
        for name, value in traits.characteristics(record)
    ]
    return [
        *told,
        {"name": "life_cycle_stage", "valueType": "reference", "value": stage},
        {"name": "life_cycle_stage_status", "valueType": "reference", "value": status},
        {"name": "install_status", "valueType": "integer", "value": installed},
        {"name": "monitor", "valueType": "boolean", "value": "false"},
    ]
