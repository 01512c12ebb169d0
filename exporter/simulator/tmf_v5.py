"""How version 5 of TMF638 and TMF639 formats a record: nested parties and places, typed characteristics.

Only attributes of the specifications v5.0.0. TMF639 exists twice under that number: the release of 2024 with
resourceStatus, and the release of April 2026 with several states instead. TMF638 is the same in both.
"""

from __future__ import annotations

from exporter.simulator import record as content
from exporter.simulator.record import (
    DEGRADED,
    DOWN,
    MAINTENANCE,
    OPERATIONAL,
    RESOURCE,
    RETIRED,
    FleetRecord,
    Role,
    Specification,
)
from exporter.simulator.tmf import (
    Json,
    TmfVersion,
    format_record,
    present,
    reference,
    resource_attributes,
    service_attributes,
    works,
)

_OPERATING_STATUSES = {
    OPERATIONAL: "running",
    DEGRADED: "degraded",
    DOWN: "failed",
    MAINTENANCE: "stopped",
    RETIRED: "stopped",
}
_ALARMS_2026 = {DEGRADED: ["minor"], DOWN: ["critical", "alarmOutstanding"], MAINTENANCE: ["underRepair"]}
_AVAILABILITY_2026 = {
    OPERATIONAL: "online",
    DEGRADED: "degraded",
    DOWN: "failed",
    MAINTENANCE: "inTest",
    RETIRED: "notInstalled",
}


def state_v5(record: FleetRecord) -> str:
    """ServiceStateType of v5; operatingStatus says whether the service works."""
    return "terminated" if record.status == RETIRED else "active"


def lifecycle_2026(record: FleetRecord) -> str:
    """ResourceLifecycleStateType of TMF639 v5 of 2026."""
    return "pendingRemoval" if record.status == RETIRED else "installed"


def operational_2026(record: FleetRecord) -> str:
    """ResourceOperationalStateType of 2026: enabled or disabled, no longer enable or disable."""
    return "enabled" if works(record) else "disabled"


def format_v5(record: FleetRecord) -> Json:
    """The record as v5 shows it, in TMF639 the release of 2024."""
    return present(format_record(V5, record))


def format_release_2026(record: FleetRecord) -> Json:
    """The record as v5 shows it since April 2026: in TMF639 many states and no status."""
    shown = format_v5(record)
    if record.kind != RESOURCE:
        return shown
    del shown["resourceStatus"]
    for place in shown["place"]:
        place["@type"] = "RelatedPlaceRef"
    return shown | {
        "creationDate": content.timestamp(record.created),
        "lifecycleState": lifecycle_2026(record),
        "operationalState": operational_2026(record),
        "alarmStatus": _ALARMS_2026.get(record.status, []),
        "availabilityStatus": _AVAILABILITY_2026[record.status],
        "unknownStatus": False,
        "allocationStatus": "allocated" if record.customer else "free",
    }


def _attributes_v5(record: FleetRecord) -> Json:
    identifier = {
        "@type": "ExternalIdentifier",
        "id": content.system_id(record.code),
        "externalIdentifierType": "sys_id",
        "owner": "ServiceNow",
    }
    if record.kind == RESOURCE:
        return {**resource_attributes(record), "externalIdentifier": [identifier]}
    return {
        **service_attributes(record),
        "state": state_v5(record),
        "operatingStatus": _OPERATING_STATUSES[record.status],
        "externalIdentifier": [identifier],
    }


def _specification_v5(entity: str, found: Specification) -> Json:
    name = f"{entity.capitalize()}Specification"
    shown = {"@type": f"{name}Ref", "id": found.code, "name": found.name, "version": found.version}
    return shown | {"@referredType": name} if entity == "service" else shown


def _place_v5(found: Role) -> Json:
    place = {"id": found.code, "name": found.name, "@type": "PlaceRef", "@referredType": found.type}
    return {"@type": "RelatedPlaceRefOrValue", "role": found.role, "place": place}


def _party_v5(found: Role) -> Json:
    party = {"id": found.code, "name": found.name, "@type": "PartyRef", "@referredType": found.type}
    return {"@type": "RelatedPartyRefOrPartyRoleRef", "role": found.role, "partyOrPartyRole": party}


def _characteristic_v5(found: Json) -> Json:
    return {"@type": f"{found['valueType'].capitalize()}Characteristic", **found}


def _reference_v5(version: TmfVersion, entity: str, record: FleetRecord) -> Json:
    return {"@type": f"{entity.capitalize()}Ref", **reference(record)}


def _relation_v5(entity: str, word: str, referred: Json) -> Json:
    return {"@type": f"{entity.capitalize()}Relationship", "relationshipType": word, entity: referred}


V5 = TmfVersion(
    services="/serviceInventory/v5",
    resources="/resourceInventory/v5",
    attributes=_attributes_v5,
    specification=_specification_v5,
    place=_place_v5,
    party=_party_v5,
    characteristic=_characteristic_v5,
    reference=_reference_v5,
    relation=_relation_v5,
)
