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
    OPERATIONAL,
    PLANNED,
    RESOURCE,
    SERVICE,
    FleetRecord,
    Role,
    Specification,
    by_status,
)

Json = dict[str, Any]

STATES_V4 = by_status("active", "inactive", "active", "inactive", "terminated", "designed")
RESOURCE_STATUSES = by_status("available", "alarm", "alarm", "suspended", "unknown", "reserved")
LIFECYCLES_V3 = by_status("Active", "Inactive", "Active", "Suspended", "Retired", "Planned")
_ADMINISTRATIVE_STATES = by_status("unlocked", "unlocked", "unlocked", "locked", "unlocked", "unlocked")
_OPERATIONAL_STATES = by_status("enable", "disable", "enable", "disable", "disable", "enable")

_TYPES = {SERVICE: "CustomerFacingService", CARRIER: "Carrier"}


class TmfVersion(NamedTuple):
    """One version: the base paths of both APIs, and how each part of a record is formatted.

    An entity is `service` or `resource`. `finish` makes the changes that depend on more than one part.
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
    finish: Callable[[FleetRecord, Json], Json] = lambda record, shown: shown

    def href(self, record: FleetRecord) -> str:
        """The path of a record; bandwidth segments are resources wherever they are referred to."""
        if record.kind == RESOURCE:
            return f"{self.resources}/resource/{record.code}"
        return f"{self.services}/service/{record.code}"

    def format_record(self, record: FleetRecord) -> Json:
        """The record as a JSON object."""
        listed = content.without_retired(record)
        entity = "resource" if record.kind == RESOURCE else "service"
        characteristics_key = {"service": "serviceCharacteristic", "resource": self.resource_characteristics}
        shown = {
            "id": record.code,
            "href": self.href(record),
            "@type": type_of(record),
            "name": record.name,
            "description": content.description(record) or None,
            "category": content.category(record),
            **self.attributes(record),
            f"{entity}Specification": self.specification(entity, content.specification(record)),
            "place": [self.place(place) for place in content.places(listed)],
            "relatedParty": [self.party(party) for party in content.parties(record)],
            characteristics_key[entity]: [self.characteristic(found) for found in characteristics(record)],
        }
        if entity == "service":
            # the segments of a carrier are resources, but no attribute but supportingService fits better
            parts = {
                "resource": content.supporting_resources(listed),
                "service": content.supporting_services(listed),
            }
            for kind, found in parts.items():
                shown[f"supporting{kind.capitalize()}"] = [self.reference(self, kind, part) for part in found]
        shown[f"{entity}Relationship"] = [
            self.relation(entity, word, self.reference(self, entity, far)) for word, far in listed.relations
        ]
        return present(self.finish(record, shown))


def type_of(record: FleetRecord) -> str:
    """The `@type`."""
    return _TYPES.get(record.kind, record.type)


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


def attributes_v4(record: FleetRecord) -> Json:
    """Dates, flags and states; v5 has a few more."""
    works = record.status in (OPERATIONAL, DEGRADED)
    if record.kind == RESOURCE:
        return {
            "startOperatingDate": content.timestamp(record.started),
            "endOperatingDate": content.end_timestamp(record),
            "resourceStatus": RESOURCE_STATUSES[record.status],
            "administrativeState": _ADMINISTRATIVE_STATES[record.status],
            "operationalState": _OPERATIONAL_STATES[record.status],
            "usageState": "active" if works and record.customer else "idle",
        }
    return {
        "serviceType": record.type,
        "serviceDate": content.service_date(record),
        "startDate": content.timestamp(record.started),
        "endDate": content.end_timestamp(record),
        "hasStarted": record.status != PLANNED,
        "isServiceEnabled": works,
        "state": STATES_V4[record.status],
    }


def _attributes_v3(record: FleetRecord) -> Json:
    if record.kind != RESOURCE:
        return attributes_v4(record)
    return {
        "lifecycleState": LIFECYCLES_V3[record.status],
        "startDate": content.timestamp(record.started),
        "endDate": content.end_timestamp(record),
    }


def _specification_v3(entity: str, found: Specification) -> Json:
    version = found.version if entity == "service" else None
    return present({"id": found.code, "name": found.name, "version": version})


def _reference_v3(version: TmfVersion, entity: str, record: FleetRecord) -> Json:
    if record.kind == RESOURCE:
        return {**reference(record), "href": version.href(record)}
    return {"id": record.code, "href": version.href(record), "@referredType": type_of(record)}


def _specification_v4(entity: str, found: Specification) -> Json:
    if entity == "service":
        shown = {"id": found.code, "name": found.name, "version": found.version}
        return {**shown, "@referredType": "ServiceSpecification"}
    href = f"/tmf-api/resourceCatalog/v4/resourceSpecification/{found.code}"
    return {"id": found.code, "href": href, "name": found.name, "version": found.version}


def _role_v4(found: Role) -> Json:
    return {"id": found.code, "name": found.name, "role": found.role, "@referredType": found.type}


def _finish_v4(record: FleetRecord, shown: Json) -> Json:
    """In TMF639 `place` is one object and relationships have links; in TMF638 `place` is a list."""
    if record.kind == RESOURCE:
        sites = "/tmf-api/geographicSiteManagement/v4/geographicSite"
        place = next(iter(shown["place"]), None)
        shown["place"] = place and {**place, "href": f"{sites}/{place['id']}"}
        for relation in shown["resourceRelationship"]:
            relation["resource"]["href"] = f"{V4.resources}/resource/{relation['resource']['id']}"
    return shown


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
    attributes=attributes_v4,
    specification=_specification_v4,
    place=_role_v4,
    party=_role_v4,
    reference=lambda version, entity, record: reference(record),
    finish=_finish_v4,
)
