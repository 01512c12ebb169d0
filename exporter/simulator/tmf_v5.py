"""How TMF638 and TMF639 v5 show a record: nested parties and places, typed characteristics.

Owns what is v5's own, operatingStatus and externalIdentifier among it; `tmf` owns what v4 shares. Invariant:
only attributes of the specifications v5.0.0, in TMF639 the release of 2024, which still has resourceStatus.
"""

from __future__ import annotations

from exporter.simulator import tmf, traits
from exporter.simulator.record import DEGRADED, DOWN, MAINTENANCE, OPERATIONAL, RESOURCE, RETIRED, FleetRecord
from exporter.simulator.tmf import Json

OPERATING = {
    OPERATIONAL: "running",
    DEGRADED: "degraded",
    DOWN: "failed",
    MAINTENANCE: "stopped",
    RETIRED: "stopped",
}
SERVICES, RESOURCES = "/serviceInventory/v5", "/resourceInventory/v5"


def state(record: FleetRecord) -> str:
    """ServiceStateType of v5: whether it works at the moment is said by operatingStatus instead."""
    return "terminated" if record.status == RETIRED else "active"


def shape(record: FleetRecord) -> Json:
    """The record as TMF638 or TMF639 v5 shows it."""
    return tmf.present(_resource(record) if record.kind == RESOURCE else _service(record))


def _service(record: FleetRecord) -> Json:
    specification = traits.specification(record)
    return {
        **tmf.service(record, f"{SERVICES}/service/{record.code}"),
        "state": state(record),
        "operatingStatus": OPERATING[record.status],
        "externalIdentifier": _identifiers(record),
        "serviceSpecification": {
            "@type": "ServiceSpecificationRef",
            "id": specification.code,
            "name": specification.name,
            "version": specification.version,
            "@referredType": "ServiceSpecification",
        },
        "place": [_place(*place) for place in tmf.places(record)],
        "relatedParty": _parties(record),
        "serviceCharacteristic": _characteristics(record),
        "supportingResource": [
            {"@type": "ResourceRef", **tmf.reference(part)} for part in tmf.hardware(record)
        ],
        "supportingService": [{"@type": "ServiceRef", **tmf.reference(part)} for part in tmf.support(record)],
        "serviceRelationship": [
            {
                "@type": "ServiceRelationship",
                **tmf.related(word, "service", {"@type": "ServiceRef", **tmf.reference(far)}),
            }
            for word, far in tmf.relations(record)
        ],
    }


def _resource(record: FleetRecord) -> Json:
    specification = traits.specification(record)
    return {
        **tmf.resource(record, f"{RESOURCES}/resource/{record.code}"),
        "externalIdentifier": _identifiers(record),
        "resourceSpecification": {
            "@type": "ResourceSpecificationRef",
            "id": specification.code,
            "name": specification.name,
            "version": specification.version,
        },
        "place": [_place(*place) for place in tmf.places(record)],
        "relatedParty": _parties(record),
        "resourceCharacteristic": _characteristics(record),
        "resourceRelationship": [
            {
                "@type": "ResourceRelationship",
                **tmf.related(word, "resource", {"@type": "ResourceRef", **tmf.reference(far)}),
            }
            for word, far in tmf.relations(record)
        ],
    }


def _place(code: str, name: str, role: str, type_name: str) -> Json:
    place = {"id": code, "name": name, "@type": "PlaceRef", "@referredType": type_name}
    return {"@type": "RelatedPlaceRefOrValue", "role": role, "place": place}


def _parties(record: FleetRecord) -> list[Json]:
    return [
        {
            "@type": "RelatedPartyRefOrPartyRoleRef",
            "role": one["role"],
            "partyOrPartyRole": {
                "id": one["id"],
                "name": one["name"],
                "@type": "PartyRef",
                "@referredType": one["type"],
            },
        }
        for one in tmf.parties(record)
    ]


def _characteristics(record: FleetRecord) -> list[Json]:
    return [
        {"@type": "StringCharacteristic" if one["valueType"] == "string" else "NumberCharacteristic", **one}
        for one in tmf.characteristics(record)
    ]


def _identifiers(record: FleetRecord) -> list[Json]:
    return [
        {
            "@type": "ExternalIdentifier",
            "id": traits.system_id(record.code),
            "externalIdentifierType": "sys_id",
            "owner": "ServiceNow",
        }
    ]
