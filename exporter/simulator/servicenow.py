"""How ServiceNow formats a record: its Resource Inventory API (`sn_ni_core`), services in the same format.

ServiceNow documents no TMF638, so services are what a custom API there would return. There is no status:
the life cycle is in characteristics, always text, and operational_status is missing, so degraded and
operational cannot be distinguished. No number, no boolean and no time zone anywhere.
"""

from __future__ import annotations

import time

from exporter.simulator import record as content
from exporter.simulator import tmf
from exporter.simulator.record import CARRIER, RESOURCE, FleetRecord, by_status
from exporter.simulator.tmf import Json

SERVICES, RESOURCES = "/api/x_tmf638_inventory", "/api/sn_ni_core"

_LIFE_CYCLE = by_status(
    ("Operational", "In Use", "1"),
    ("Operational", "Pending Repair", "5"),
    ("Operational", "In Use", "1"),
    ("Operational", "In Maintenance", "3"),
    ("End of Life", "Retired", "7"),
    ("Deploy", "Pending Install", "4"),
)
"""life_cycle_stage, life_cycle_stage_status and install_status."""

_RELATIONS = {
    "contains": "Contains::Contained by",
    "containedIn": "Contained by::Contains",
    "connectedTo": "Connects to::Connected by",
    "dependsOn": "Depends on::Used by",
    "parent": "Child of::Parent of",
    "child": "Parent of::Child of",
    "bundle": "Members::Member of",
    "pairedWith": "Exchanges data with::Exchanges data with",
}


def format_record(record: FleetRecord) -> Json:
    """The record as a JSON object."""
    listed = content.without_retired(record)
    entity, base = ("resource", RESOURCES) if record.kind == RESOURCE else ("service", SERVICES)
    shown = {
        "id": record.code,
        "href": f"{base}/{entity}/{record.code}",
        "@type": tmf.type_of(record),
        "name": record.name,
        "description": content.description(record),
        "category": content.category(record),
        "place": _place(listed),
        "relatedParty": [
            {"id": party.code, "role": party.role, "@referredType": party.type}
            for party in content.parties(record)
        ],
        f"{entity}Specification": {"id": content.specification(record).code},
        f"{entity}Characteristic": _characteristics(record),
        f"{entity}Relationship": [
            {"relationshipType": _RELATIONS[word], entity: tmf.reference(far)}
            for word, far in listed.relations
        ],
    }
    if record.kind == RESOURCE:
        return shown | {
            "startOperatingDate": _timestamp(record.started),
            "endOperatingDate": _timestamp(record.ended),
        }
    return shown | {
        "serviceType": record.type,
        "startDate": _timestamp(record.started),
        "endDate": _timestamp(record.ended),
        "serviceDate": _timestamp(record.created),
        "supportingResource": [tmf.reference(part) for part in content.supporting_resources(listed)],
        "supportingService": [tmf.reference(part) for part in content.supporting_services(listed)],
    }


def _timestamp(seconds: int | None) -> str:
    return "" if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))


def _place(record: FleetRecord) -> Json:
    """One place without name and role; of a carrier its terminal, if it has one."""
    found = content.places(record)
    if not found:
        return {"id": "", "name": ""}
    place = found[-1] if record.kind == CARRIER else found[0]
    return {"id": place.code, "@referredType": place.type}


def _characteristics(record: FleetRecord) -> list[Json]:
    stage, status, installed = _LIFE_CYCLE[record.status]
    value_types = {str: "string", int: "integer", float: "decimal"}
    found = [(name, value_types[type(value)], value) for name, value in content.characteristics(record)]
    found += [
        ("life_cycle_stage", "reference", stage),
        ("life_cycle_stage_status", "reference", status),
        ("install_status", "integer", installed),
        ("monitor", "boolean", "false"),
    ]
    return [{"name": name, "valueType": value_type, "value": str(value)} for name, value_type, value in found]
