"""How the SES middleware over ServiceNow formats a record: its own `status`, and an `externalId` everywhere.

`id` is the database key, `externalId` the code that people use; references have the code as their `id`.
"""

from __future__ import annotations

from exporter.simulator import record as content
from exporter.simulator import tmf
from exporter.simulator.record import CARRIER, RESOURCE, SERVICE, FleetRecord, Role, by_status
from exporter.simulator.tmf import Json

BASE = "/gstm/dataminer/tmf/api/v1"

STATUS = by_status("Operational", "Non-Operational", "Degraded", "In Maintenance", "Retired", "Planned")

INSTALL_STATUSES = by_status("1", "1", "1", "1", "7", "4")
"""What `status=` selects by: 1 for installed, 4 for pending install, 7 for retired."""

_TYPES = {SERVICE: "service", CARRIER: "element"}


def type_of(record: FleetRecord) -> str:
    """The `@type`: of a resource its own type."""
    return _TYPES.get(record.kind, record.type)


def format_record(record: FleetRecord) -> Json:
    """The record as a JSON object."""
    shown = {
        "externalId": record.code,
        "id": content.system_id(record.code),
        "name": record.name,
        "description": content.description(record),
        "status": STATUS[record.status],
        "@type": type_of(record),
        "category": content.category(record),
        "creationDate": content.timestamp(record.created),
        "lastUpdate": content.timestamp(record.updated),
        "relatedParty": [
            {"id": party.code, "name": party.name, "role": party.role, "@referredType": party.type}
            for party in content.parties(record)
        ],
    }
    return tmf.present(shown | (_resource(record) if record.kind == RESOURCE else _service(record)))


def _service(record: FleetRecord) -> Json:
    return {
        "serviceType": record.type,
        "startDate": content.timestamp(record.started),
        "endDate": content.end_timestamp(record),
        "serviceDate": content.service_date(record),
        "serviceSpecification": _specification(record) | {"version": content.specification(record).version},
        "serviceRelationship": _relations(record, "service"),
        "serviceCharacteristic": tmf.characteristics(record),
        "place": [_place(place) for place in content.places(record)],
        "supportingResource": [_reference(part) for part in content.supporting_resources(record)],
        "supportingService": [_supporting(part) for part in content.supporting_services(record)],
    }


def _resource(record: FleetRecord) -> Json:
    return {
        "startOperatingDate": content.timestamp(record.started),
        "endOperatingDate": content.end_timestamp(record),
        "resourceSpecification": _specification(record),
        "place": [_place(place) for place in content.places(record)],
        "resourceRelationship": _relations(record, "resource"),
        "resourceCharacteristic": tmf.characteristics(record),
    }


def _specification(record: FleetRecord) -> Json:
    found = content.specification(record)
    return {"id": found.code, "name": found.name}


def _relations(record: FleetRecord, entity: str) -> list[Json]:
    return [
        {"relationshipType": word, entity: {"id": far.code, "name": far.name}}
        for word, far in record.relations
    ]


def _reference(part: FleetRecord) -> Json:
    return {"id": part.code, "name": part.name, "@referredType": part.type}


def _supporting(part: FleetRecord) -> Json:
    if part.kind == CARRIER:
        # the status of the support, which lasts as long as the carrier is assigned; not the carrier's own
        return {"id": part.code, "name": part.name, "status": "Operational"}
    return _reference(part) | {"status": STATUS[part.status]}


def _place(place: Role) -> Json:
    shown = {"id": place.code, "name": place.name, "role": place.role}
    return shown | {"@type": place.type} if place.role == "site" else shown
