"""How versions 2 to 4 of TMF638 and TMF639 format a record, and what all versions have in common.

Every version has the same parts (states, specification, places, parties, characteristics, references,
relationships); a `TmfVersion` names the functions that format them. v4 has only attributes of the
specification v4.0.0. TMF638 v3 follows its specification (3.0.0); v2 and TMF639 v3 follow implementations.
Retired records are not listed, so references to them are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from exporter.simulator import record as content
from exporter.simulator.record import (
    CARRIER,
    DEGRADED,
    DOWN,
    MAINTENANCE,
    OPERATIONAL,
    RESOURCE,
    RETIRED,
    SERVICE,
    FleetRecord,
    Role,
    Specification,
)

Json = dict[str, Any]

_TYPES = {SERVICE: "CustomerFacingService", CARRIER: "Carrier"}
_STATES_V4 = {
    OPERATIONAL: "active",
    DEGRADED: "active",  # v4 has no value for it
    DOWN: "inactive",
    MAINTENANCE: "inactive",
    RETIRED: "terminated",
}
_RESOURCE_STATUSES = {
    OPERATIONAL: "available",
    DEGRADED: "alarm",
    DOWN: "alarm",
    MAINTENANCE: "suspended",
    RETIRED: "unknown",
}
_LIFECYCLE_V3 = {
    OPERATIONAL: "Active",
    DEGRADED: "Active",  # v3 has no value for it
    DOWN: "Inactive",
    MAINTENANCE: "Suspended",
    RETIRED: "Retired",
}


class TmfVersion(NamedTuple):
    """One version: the base paths of both APIs, and how each part of a record is formatted.

    `entity` is `service` or `resource`. `characteristics` is the attribute of a resource's characteristics.
    """

    services: str
    resources: str
    attributes: Callable[[FleetRecord], Json]
    specification: Callable[[str, Specification], Json]
    place: Callable[[Role], Json]
    party: Callable[[Role], Json]
    characteristic: Callable[[Json], Json]
    reference: Callable[[TmfVersion, str, FleetRecord], Json]
    relation: Callable[[str, str, Json], Json]
    resource_characteristics: str = "resourceCharacteristic"

    def href(self, record: FleetRecord) -> str:
        """The path of a record; bandwidth segments are resources wherever they are referred to."""
        if record.kind == RESOURCE:
            return f"{self.resources}/resource/{record.code}"
        return f"{self.services}/service/{record.code}"


def type_of(record: FleetRecord) -> str:
    """The `@type`."""
    return _TYPES.get(record.kind, record.type)


def state_v4(record: FleetRecord) -> str:
    """ServiceStateType up to v4."""
    return _STATES_V4[record.status]


def resource_status(record: FleetRecord) -> str:
    """ResourceStatusType, the same values in v4 and in v5 of 2024."""
    return _RESOURCE_STATUSES[record.status]


def lifecycle_v3(record: FleetRecord) -> str:
    """The lifecycleState of a resource up to v3."""
    return _LIFECYCLE_V3[record.status]


def reference(record: FleetRecord) -> Json:
    """ResourceRef or ServiceRef of v4."""
    return {"id": record.code, "name": record.name, "@referredType": type_of(record)}


def characteristics(record: FleetRecord) -> list[Json]:
    """Characteristics up to v4; v5 adds a type."""
    return [
        {"name": name, "valueType": "string" if isinstance(value, str) else "number", "value": value}
        for name, value in content.characteristics(record)
    ]


def present(shown: Json) -> Json:
    """The object without the attributes that have no value."""
    return {key: value for key, value in shown.items() if value is not None}


def format_v2(record: FleetRecord) -> Json:
    """The record as v2 shows it: relationships have a `type` and resources a `characteristic`."""
    return present(format_record(V2, record))


def format_v3(record: FleetRecord) -> Json:
    """The record as v3 shows it."""
    return present(format_record(V3, record))


def format_v4(record: FleetRecord) -> Json:
    """The record as v4 shows it: in TMF639 `place` is one object, in TMF638 a list."""
    shown = format_record(V4, record)
    if record.kind == RESOURCE:
        sites = "/tmf-api/geographicSiteManagement/v4/geographicSite"
        place = next(iter(shown["place"]), None)
        shown["place"] = place and {**place, "href": f"{sites}/{place['id']}"}
        for relation in shown["resourceRelationship"]:
            relation["resource"]["href"] = f"{V4.resources}/resource/{relation['resource']['id']}"
    return present(shown)


def format_record(version: TmfVersion, record: FleetRecord) -> Json:
    """The record as the version shows it; attributes without a value are None."""
    listed = content.without_retired(record)
    entity = "resource" if record.kind == RESOURCE else "service"
    characteristic = version.resource_characteristics if record.kind == RESOURCE else "serviceCharacteristic"
    shown = {
        "id": record.code,
        "href": version.href(record),
        "@type": type_of(record),
        "name": record.name,
        "description": content.description(record) or None,
        "category": content.category(record),
        **version.attributes(record),
        f"{entity}Specification": version.specification(entity, content.specification(record)),
        "place": [version.place(place) for place in content.places(listed)],
        "relatedParty": [version.party(party) for party in content.parties(record)],
        characteristic: [version.characteristic(found) for found in characteristics(record)],
    }
    if record.kind != RESOURCE:
        shown |= {
            "supportingResource": [
                version.reference(version, "resource", part) for part in content.supporting_resources(listed)
            ],
            # the segments of a carrier are resources, but no other attribute fits better
            "supportingService": [
                version.reference(version, "service", part) for part in content.supporting_services(listed)
            ],
        }
    shown[f"{entity}Relationship"] = [
        version.relation(entity, word, version.reference(version, entity, far))
        for word, far in listed.relations
    ]
    return shown


def works(record: FleetRecord) -> bool:
    """Whether the record works, perhaps degraded."""
    return record.status in (OPERATIONAL, DEGRADED)


def service_attributes(record: FleetRecord) -> Json:
    """Dates and flags of a service: the same in all versions."""
    return {
        "serviceType": record.type,
        "serviceDate": content.service_date(record),
        "startDate": content.timestamp(record.started),
        "endDate": content.end_timestamp(record),
        "hasStarted": True,
        "isServiceEnabled": works(record),
    }


def resource_attributes(record: FleetRecord) -> Json:
    """Dates and states of a resource: the same in v4 and v5."""
    return {
        "startOperatingDate": content.timestamp(record.started),
        "endOperatingDate": content.end_timestamp(record),
        "resourceStatus": resource_status(record),
        "administrativeState": "locked" if record.status == MAINTENANCE else "unlocked",
        "operationalState": "enable" if works(record) else "disable",
        "usageState": "active" if works(record) and record.customer else "idle",
    }


def _attributes_v3(record: FleetRecord) -> Json:
    if record.kind != RESOURCE:
        return {**service_attributes(record), "state": state_v4(record)}
    return {
        "lifecycleState": lifecycle_v3(record),
        "startDate": content.timestamp(record.started),
        "endDate": content.end_timestamp(record),
    }


def _specification_v3(entity: str, found: Specification) -> Json:
    shown = {"id": found.code, "name": found.name}
    return shown | {"version": found.version} if entity == "service" else shown


def _reference_v3(version: TmfVersion, entity: str, record: FleetRecord) -> Json:
    if record.kind == RESOURCE:
        return {**reference(record), "href": version.href(record)}
    return {"id": record.code, "href": version.href(record), "@referredType": type_of(record)}


def _attributes_v4(record: FleetRecord) -> Json:
    if record.kind == RESOURCE:
        return resource_attributes(record)
    return {**service_attributes(record), "state": state_v4(record)}


def _specification_v4(entity: str, found: Specification) -> Json:
    service = entity == "service"
    shown = {
        "id": found.code,
        "href": None if service else f"/tmf-api/resourceCatalog/v4/resourceSpecification/{found.code}",
        "name": found.name,
        "version": found.version,
        "@referredType": "ServiceSpecification" if service else None,
    }
    return present(shown)


def _role_v4(found: Role) -> Json:
    return {"id": found.code, "name": found.name, "role": found.role, "@referredType": found.type}


V3 = TmfVersion(
    services="/tmf-api/serviceInventory/v3",
    resources="/tmf-api/resourceInventoryManagement/v3",
    attributes=_attributes_v3,
    specification=_specification_v3,
    place=lambda found: {"id": found.code, "name": found.name, "role": found.role, "@type": found.type},
    party=lambda found: {"id": found.code, "name": found.name, "role": found.role},
    characteristic=lambda found: found,
    reference=_reference_v3,
    relation=lambda entity, word, referred: {"relationshipType": word, entity: referred},
)
V2 = V3._replace(
    services="/tmf-api/serviceInventory/v2",
    resources="/tmf-api/resourceInventoryManagement/v2",
    relation=lambda entity, word, referred: {"type": word, entity: referred},
    resource_characteristics="characteristic",
)
V4 = V3._replace(
    services="/tmf-api/serviceInventory/v4",
    resources="/tmf-api/resourceInventoryManagement/v4",
    attributes=_attributes_v4,
    specification=_specification_v4,
    place=_role_v4,
    party=_role_v4,
    reference=lambda version, entity, record: reference(record),
)
