"""How TMF638 and TMF639 v4 show a record: flat parties and places, one state for everything.

Owns what is v4's own; `tmf` owns what v5 shares. Invariant: only attributes of the specifications v4.0.0;
in TMF639 `place` is a single object, in TMF638 a list.
"""

from __future__ import annotations

from exporter.simulator import tmf, traits
from exporter.simulator.record import DEGRADED, DOWN, MAINTENANCE, OPERATIONAL, RESOURCE, RETIRED, FleetRecord
from exporter.simulator.tmf import Json

STATE = {
    OPERATIONAL: "active",
    DEGRADED: "active",  # v4 has no word for it
    DOWN: "inactive",
    MAINTENANCE: "inactive",
    RETIRED: "terminated",
}
SERVICES, RESOURCES = "/tmf-api/serviceInventory/v4", "/tmf-api/resourceInventoryManagement/v4"
SITES = "/tmf-api/geographicSiteManagement/v4/geographicSite"
CATALOGUE = "/tmf-api/resourceCatalog/v4/resourceSpecification"


def state(record: FleetRecord) -> str:
    """ServiceStateType of v4, section Service of TMF638 v4."""
    return STATE[record.status]


def shape(record: FleetRecord) -> Json:
    """The record as TMF638 or TMF639 v4 shows it."""
    return tmf.present(_resource(record) if record.kind == RESOURCE else _service(record))


def _service(record: FleetRecord) -> Json:
    specification = traits.specification(record)
    return {
        **tmf.service(record, f"{SERVICES}/service/{record.code}"),
        "state": state(record),
        "serviceSpecification": {
            "id": specification.code,
            "name": specification.name,
            "version": specification.version,
            "@referredType": "ServiceSpecification",
        },
        "place": [_place(*place) for place in tmf.places(record)],
        "relatedParty": _parties(record),
        "serviceCharacteristic": tmf.characteristics(record),
        "supportingResource": [tmf.reference(part) for part in tmf.hardware(record)],
        "supportingService": [tmf.reference(part) for part in tmf.support(record)],
        "serviceRelationship": [
            tmf.related(word, "service", tmf.reference(far)) for word, far in tmf.relations(record)
        ],
    }


def _resource(record: FleetRecord) -> Json:
    specification = traits.specification(record)
    places = [{**_place(*place), "href": f"{SITES}/{place[0]}"} for place in tmf.places(record)]
    relations = [
        tmf.related(word, "resource", {**tmf.reference(far), "href": f"{RESOURCES}/resource/{far.code}"})
        for word, far in tmf.relations(record)
    ]
    return {
        **tmf.resource(record, f"{RESOURCES}/resource/{record.code}"),
        "resourceSpecification": {
            "id": specification.code,
            "href": f"{CATALOGUE}/{specification.code}",
            "name": specification.name,
            "version": specification.version,
        },
        "place": places[0] if places else None,  # one object, not a list: TMF639 v4
        "relatedParty": _parties(record),
        "resourceCharacteristic": tmf.characteristics(record),
        "resourceRelationship": relations,
    }


def _place(code: str, name: str, role: str, type_name: str) -> Json:
    return {"id": code, "name": name, "role": role, "@referredType": type_name}


def _parties(record: FleetRecord) -> list[Json]:
    return [
        {"id": one["id"], "name": one["name"], "role": one["role"], "@referredType": one["type"]}
        for one in tmf.parties(record)
    ]
