"""What versions 4 and 5 of TMF638 and TMF639 have in common: the words, and the attributes that stayed.

Owns the shared parts of a record's JSON; `tmf_v4` and `tmf_v5` add what is a version's own. What is retired
is not listed by these dialects, so references to it are left out. Invariant: no attribute here that one of
the specifications (v4.0.0, v5.0.0; in 639 v5 the release of 2024, with resourceStatus) lacks.
"""

from __future__ import annotations

from typing import Any

from exporter.simulator import traits
from exporter.simulator.record import (
    CARRIER,
    DEGRADED,
    DOWN,
    MAINTENANCE,
    OPERATIONAL,
    RESOURCE,
    RETIRED,
    SEGMENT,
    SERVICE,
    FleetRecord,
)

Json = dict[str, Any]

RESOURCE_STATUS = {
    OPERATIONAL: "available",
    DEGRADED: "alarm",
    DOWN: "alarm",
    MAINTENANCE: "suspended",
    RETIRED: "unknown",
}

TYPE = {SERVICE: "CustomerFacingService", CARRIER: "Carrier"}
ENDS = {"Gateway": "gateway", "Terminal": "terminal"}


def type_of(record: FleetRecord) -> str:
    """The record's `@type`."""
    return TYPE.get(record.kind, record.type)


def resource_status(record: FleetRecord) -> str:
    """ResourceStatusType, the same words in v4 and in v5 of 2024."""
    return RESOURCE_STATUS[record.status]


def present(shown: Json) -> Json:
    """Without the attributes that have no value."""
    return {key: value for key, value in shown.items() if value is not None}


def service(record: FleetRecord, href: str) -> Json:
    """What both versions of TMF638 share."""
    return {
        "id": record.code,
        "href": href,
        "@type": type_of(record),
        "name": record.name,
        "description": traits.description(record) or None,
        "category": traits.category(record),
        "serviceType": record.type,
        "serviceDate": traits.service_day(record),
        "startDate": traits.moment(record.started),
        "endDate": None if record.ended is None else traits.moment(record.ended),
        "hasStarted": True,
        "isServiceEnabled": record.status in (OPERATIONAL, DEGRADED),
    }


def resource(record: FleetRecord, href: str) -> Json:
    """What both versions of TMF639 share."""
    working = record.status in (OPERATIONAL, DEGRADED)
    return {
        "id": record.code,
        "href": href,
        "@type": type_of(record),
        "name": record.name,
        "description": traits.description(record) or None,
        "category": traits.category(record),
        "startOperatingDate": traits.moment(record.started),
        "endOperatingDate": None if record.ended is None else traits.moment(record.ended),
        "resourceStatus": resource_status(record),
        "administrativeState": "locked" if record.status == MAINTENANCE else "unlocked",
        "operationalState": "enable" if working else "disable",
        "usageState": "active" if working and record.customer else "idle",
    }


def places(record: FleetRecord) -> list[tuple[str, str, str, str]]:
    """Id, name, role and type of each place: a carrier's two ends, else the customer's site."""
    if record.kind == CARRIER:
        ends = [part for part in record.parts if part.type in ENDS and part.status != RETIRED]
        return [(part.code, part.name, ENDS[part.type], part.type) for part in ends]
    site = record.site
    return [] if site is None else [(site.code, site.name, "site", "GeographicSite")]


def parties(record: FleetRecord) -> list[Json]:
    """Id, name, role and `type` (of the party) of the customer and of who looks after it."""
    if record.customer is None:
        return []
    code, name = traits.account_manager(record.customer)
    return [
        {
            "id": record.customer.code,
            "name": record.customer.name,
            "role": "customer",
            "type": "Organization",
        },
        {"id": code, "name": name, "role": "account manager", "type": "Individual"},
    ]


def hardware(record: FleetRecord) -> list[FleetRecord]:
    """Supporting resources: a carrier's gateway and terminal are its places instead, as with SES."""
    elsewhere = (*ENDS, SEGMENT) if record.kind == CARRIER else ()
    found = [one for one in record.parts if one.kind == RESOURCE and one.type not in elsewhere]
    return [one for one in found if one.status != RETIRED]


def support(record: FleetRecord) -> list[FleetRecord]:
    """Supporting services: the carriers of a service, the bandwidth segments of a carrier."""
    found = [one for one in record.parts if one.kind == CARRIER or one.type == SEGMENT]
    return [one for one in found if one.status != RETIRED]


def relations(record: FleetRecord) -> list[tuple[str, FleetRecord]]:
    """Words and records, as far as these dialects list them."""
    return [(word, far) for word, far in record.relations if far.status != RETIRED]


def reference(record: FleetRecord) -> Json:
    """ResourceRef or ServiceRef."""
    return {"id": record.code, "name": record.name, "@referredType": type_of(record)}


def related(word: str, key: str, target: Json) -> Json:
    """ServiceRelationship or ResourceRelationship; `key` says which."""
    return {"relationshipType": word, key: target}


def characteristics(record: FleetRecord) -> list[Json]:
    """Characteristics as v4 has them; v5 adds a type."""
    return [
        {"name": name, "valueType": "string" if isinstance(value, str) else "number", "value": value}
        for name, value in traits.characteristics(record)
    ]
