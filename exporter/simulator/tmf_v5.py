"""How version 5 of TMF638 and TMF639 formats a record: nested parties and places, typed characteristics.

Only attributes of the specifications v5.0.0. TMF639 exists twice under that number: the release of 2024 with
resourceStatus, and the release of April 2026 with several states instead. TMF638 is the same in both.
"""

from __future__ import annotations

from exporter.simulator import record as content
from exporter.simulator import tmf
from exporter.simulator.record import PLANNED, RESOURCE, FleetRecord, Role, Specification, by_status
from exporter.simulator.tmf import Json, TmfVersion, attributes_v4, reference

STATES = by_status("active", "active", "active", "active", "terminated", "designed")
RESOURCE_STATUSES = {**tmf.RESOURCE_STATUSES, PLANNED: "planned"}
_OPERATING_STATUSES = by_status("running", "failed", "degraded", "stopped", "stopped", "pending")

LIFECYCLES_2026 = by_status("installed", "installed", "installed", "installed", "pendingRemoval", "planned")
OPERATIONAL_STATES_2026 = by_status("enabled", "disabled", "enabled", "disabled", "disabled", "disabled")
_ALARMS_2026 = by_status([], ["critical", "alarmOutstanding"], ["minor"], ["underRepair"], [], [])
_AVAILABILITY_2026 = by_status("online", "failed", "degraded", "inTest", "notInstalled", "notInstalled")


def _attributes(record: FleetRecord) -> Json:
    shown = attributes_v4(record)
    if record.kind != RESOURCE:
        operating_status = _OPERATING_STATUSES[record.status]
        shown |= {"state": STATES[record.status], "operatingStatus": operating_status}
    else:
        shown["resourceStatus"] = RESOURCE_STATUSES[record.status]
    identifier = {
        "@type": "ExternalIdentifier",
        "id": content.system_id(record.code),
        "externalIdentifierType": "sys_id",
        "owner": "ServiceNow",
    }
    return shown | {"externalIdentifier": [identifier]}


def _specification(entity: str, found: Specification) -> Json:
    name = f"{entity.capitalize()}Specification"
    shown = {"@type": f"{name}Ref", "id": found.code, "name": found.name, "version": found.version}
    return shown | {"@referredType": name} if entity == "service" else shown


def _place(found: Role) -> Json:
    place = {"id": found.code, "name": found.name, "@type": "PlaceRef", "@referredType": found.type}
    return {"@type": "RelatedPlaceRefOrValue", "role": found.role, "place": place}


def _party(found: Role) -> Json:
    party = {"id": found.code, "name": found.name, "@type": "PartyRef", "@referredType": found.type}
    return {"@type": "RelatedPartyRefOrPartyRoleRef", "role": found.role, "partyOrPartyRole": party}


def _characteristic(found: Json) -> Json:
    return {"@type": f"{found['valueType'].capitalize()}Characteristic", **found}


def _reference(version: TmfVersion, entity: str, record: FleetRecord) -> Json:
    return {"@type": f"{entity.capitalize()}Ref", **reference(record)}


def _relation(entity: str, word: str, referred: Json) -> Json:
    return {"@type": f"{entity.capitalize()}Relationship", "relationshipType": word, entity: referred}


def _finish_2026(record: FleetRecord, shown: Json) -> Json:
    if record.kind != RESOURCE:
        return shown
    del shown["resourceStatus"]
    for place in shown["place"]:
        place["@type"] = "RelatedPlaceRef"
    return shown | {
        "creationDate": content.timestamp(record.created),
        "lifecycleState": LIFECYCLES_2026[record.status],
        "operationalState": OPERATIONAL_STATES_2026[record.status],
        "alarmStatus": _ALARMS_2026[record.status],
        "availabilityStatus": _AVAILABILITY_2026[record.status],
        "unknownStatus": False,
        "allocationStatus": "allocated" if record.customer else "free",
    }


V5 = TmfVersion(
    services="/serviceInventory/v5",
    resources="/resourceInventory/v5",
    attributes=_attributes,
    specification=_specification,
    place=_place,
    party=_party,
    characteristic=_characteristic,
    reference=_reference,
    relation=_relation,
)
V5_2026 = V5._replace(finish=_finish_2026)
