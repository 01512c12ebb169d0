"""How versions 2 and 3 of TMF638 and TMF639 show a record: one lifecycleState, references without names.

Owns what was different before v4. TMF638 v3 follows its specification (3.0.0); what is public of the others
follows implementations: in v2 relationships have a `type` and resources a `characteristic`. Invariant: what
later versions brought (resourceStatus, administrativeState, operatingStatus) does not occur.
"""

from __future__ import annotations

from typing import NamedTuple

from exporter.simulator import tmf, tmf_v4, traits
from exporter.simulator.record import (
    DEGRADED,
    DOWN,
    MAINTENANCE,
    OPERATIONAL,
    RESOURCE,
    RETIRED,
    SEGMENT,
    FleetRecord,
)
from exporter.simulator.tmf import Json

LIFECYCLE = {
    OPERATIONAL: "Active",
    DEGRADED: "Active",  # there is no word for it
    DOWN: "Inactive",
    MAINTENANCE: "Suspended",
    RETIRED: "Retired",
}


class Version(NamedTuple):
    """Where the lists of a version are, and what it calls things."""

    services: str
    resources: str
    relation: str
    resource_characteristics: str


V2 = Version(
    "/tmf-api/serviceInventory/v2", "/tmf-api/resourceInventoryManagement/v2", "type", "characteristic"
)
V3 = Version(
    "/tmf-api/serviceInventory/v3",
    "/tmf-api/resourceInventoryManagement/v3",
    "relationshipType",
    "resourceCharacteristic",
)


def lifecycle(record: FleetRecord) -> str:
    """The lifecycleState of a resource."""
    return LIFECYCLE[record.status]


def v2(record: FleetRecord) -> Json:
    """The record as v2 shows it."""
    return _shape(V2, record)


def v3(record: FleetRecord) -> Json:
    """The record as v3 shows it."""
    return _shape(V3, record)


def _shape(version: Version, record: FleetRecord) -> Json:
    return tmf.present(_resource(version, record) if record.kind == RESOURCE else _service(version, record))


def _service(version: Version, record: FleetRecord) -> Json:
    specification = traits.specification(record)
    return {
        **tmf.service(record, f"{version.services}/service/{record.code}"),
        "state": tmf_v4.state(record),
        "serviceSpecification": {
            "id": specification.code,
            "name": specification.name,
            "version": specification.version,
        },
        "place": _places(record),
        "relatedParty": _parties(record),
        "serviceCharacteristic": tmf.characteristics(record),
        "supportingResource": [_resource_ref(version, part) for part in tmf.hardware(record)],
        # among them the segments of a carrier, resources though they are: there is no better place
        "supportingService": [_service_ref(version, part) for part in tmf.support(record)],
        "serviceRelationship": [
            {version.relation: word, "service": _service_ref(version, far)}
            for word, far in tmf.relations(record)
        ],
    }


def _resource(version: Version, record: FleetRecord) -> Json:
    specification = traits.specification(record)
    return {
        "id": record.code,
        "href": f"{version.resources}/resource/{record.code}",
        "@type": tmf.type_of(record),
        "name": record.name,
        "description": traits.description(record) or None,
        "category": traits.category(record),
        "lifecycleState": lifecycle(record),
        "startDate": traits.moment(record.started),
        "endDate": None if record.ended is None else traits.moment(record.ended),
        "resourceSpecification": {"id": specification.code, "name": specification.name},
        "place": _places(record),
        "relatedParty": _parties(record),
        version.resource_characteristics: tmf.characteristics(record),
        "resourceRelationship": [
            {version.relation: word, "resource": _resource_ref(version, far)}
            for word, far in tmf.relations(record)
        ],
    }


def _places(record: FleetRecord) -> list[Json]:
    return [
        {"id": code, "name": name, "role": role, "@type": type_name}
        for code, name, role, type_name in tmf.places(record)
    ]


def _parties(record: FleetRecord) -> list[Json]:
    return [{"id": one["id"], "name": one["name"], "role": one["role"]} for one in tmf.parties(record)]


def _resource_ref(version: Version, record: FleetRecord) -> Json:
    return {**tmf.reference(record), "href": f"{version.resources}/resource/{record.code}"}


def _service_ref(version: Version, record: FleetRecord) -> Json:
    """A ServiceRef of v3: no name."""
    if record.type == SEGMENT:
        return _resource_ref(version, record)
    return {
        "id": record.code,
        "href": f"{version.services}/service/{record.code}",
        "@referredType": tmf.type_of(record),
    }
