"""How the operator's middleware over ServiceNow shows a record: its own `status`, external ids everywhere.

Owns the JSON shapes of the SES dialect; how lists are asked for is in `dialect`, what is said in `traits`.
`id` is the database's key, `externalId` the code people use, and references carry the code as their `id`.
Invariant: shapes depend on the record and on what it refers to, never on the request.
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

STATUS = {
    OPERATIONAL: "Operational",
    DOWN: "Non-Operational",
    DEGRADED: "Degraded",
    MAINTENANCE: "In Maintenance",
    RETIRED: "Retired",
}

TYPE = {SERVICE: "service", CARRIER: "element"}
"""What `@type` says of the records of TMF638; resources say what they are."""


def shape(record: FleetRecord) -> Json:
    """The record as a JSON object."""
    shown = {SERVICE: _service, CARRIER: _carrier, RESOURCE: _resource}[record.kind](record)
    return {key: value for key, value in shown.items() if value is not None}


def type_of(record: FleetRecord) -> str:
    """The record's `@type`."""
    return TYPE.get(record.kind, record.type)


def installed(record: FleetRecord) -> str:
    """The install status that `status=` selects by: 1 for what is in use, 7 for what is retired."""
    return "7" if record.status == RETIRED else "1"


def _common(record: FleetRecord) -> Json:
    return {
        "externalId": record.code,
        "id": traits.system_id(record.code),
        "name": record.name,
        "description": traits.description(record),
        "status": STATUS[record.status],
        "@type": type_of(record),
        "category": traits.category(record),
        "creationDate": traits.moment(record.created),
        "lastUpdate": traits.moment(record.updated),
        "relatedParty": _parties(record),
    }


def _of_638(record: FleetRecord) -> Json:
    specification = traits.specification(record)
    return {
        **_common(record),
        "serviceType": record.type,
        "startDate": traits.moment(record.started),
        "endDate": None if record.ended is None else traits.moment(record.ended),
        "serviceDate": traits.service_day(record),
        "serviceSpecification": {
            "id": specification.code,
            "name": specification.name,
            "version": specification.version,
        },
        "serviceRelationship": _related(record, "service"),
        "serviceCharacteristic": _characteristics(record),
    }


def _service(record: FleetRecord) -> Json:
    carriers = [part for part in record.parts if part.kind == CARRIER]
    return _of_638(record) | {
        "place": _site(record),
        "supportingResource": [_resource_ref(part) for part in record.parts if part.kind == RESOURCE],
        # the state of the support, which holds as long as the carrier is assigned; not the carrier's own
        "supportingService": [
            {"id": one.code, "name": one.name, "status": "Operational"} for one in carriers
        ],
    }


def _carrier(record: FleetRecord) -> Json:
    ends = {"Gateway": "gateway", "Terminal": "terminal"}
    places = [part for part in record.parts if part.type in ends]
    segments = [part for part in record.parts if part.type == SEGMENT]
    hardware = [part for part in record.parts if part.type not in (*ends, SEGMENT)]
    return _of_638(record) | {
        "place": [{"id": one.code, "name": one.name, "role": ends[one.type]} for one in places],
        "supportingResource": [_resource_ref(part) for part in hardware],
        "supportingService": [_resource_ref(one) | {"status": STATUS[one.status]} for one in segments],
    }


def _resource(record: FleetRecord) -> Json:
    specification = traits.specification(record)
    return _common(record) | {
        "startOperatingDate": traits.moment(record.started),
        "endOperatingDate": None if record.ended is None else traits.moment(record.ended),
        "resourceSpecification": {"id": specification.code, "name": specification.name},
        "place": _site(record),
        "resourceRelationship": _related(record, "resource"),
        "resourceCharacteristic": _characteristics(record),
    }


def _parties(record: FleetRecord) -> list[Json]:
    if record.customer is None:
        return []
    code, name = traits.account_manager(record.customer)
    return [
        {
            "id": record.customer.code,
            "name": record.customer.name,
            "role": "customer",
            "@referredType": "Organization",
        },
        {"id": code, "name": name, "role": "account manager", "@referredType": "Individual"},
    ]


def _site(record: FleetRecord) -> list[Json]:
    if record.site is None:
        return []
    return [{"id": record.site.code, "name": record.site.name, "role": "site", "@type": "GeographicSite"}]


def _resource_ref(part: FleetRecord) -> Json:
    return {"id": part.code, "name": part.name, "@referredType": part.type}


def _related(record: FleetRecord, key: str) -> list[Json]:
    return [
        {"relationshipType": word, key: {"id": far.code, "name": far.name}} for word, far in record.relations
    ]


def _characteristics(record: FleetRecord) -> list[Json]:
    return [
        {"name": name, "valueType": "string" if isinstance(value, str) else "number", "value": value}
        for name, value in traits.characteristics(record)
    ]
