"""The dialects: TM Forum's versions 2 to 5, ServiceNow, and the SES middleware over ServiceNow. Data only.

TM Forum's official specifications (638 v3 to v5, 639 v4 and v5) are the source of theirs. Each API of one
version is described for the other too. To add a dialect, add it to `DIALECTS` and its pages to
`tests/inventory/pages/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from exporter.inventory.dialects import Collection, Dialect, Fields, Paging, Paths, relationships, statuses

_SERVICE_FIELDS = Fields(
    type=("serviceType", "characteristic[ElementType]", "characteristic[type]", "@type"),
    specification=("serviceSpecification.name", "serviceSpecification.id", "serviceSpecification"),
    status=("state", "status"),
    start=("startDate", "serviceDate"),
    end=("endDate",),
    characteristics=("serviceCharacteristic", "characteristic"),
    resources=("supportingResource",),
    services=("supportingService",),
    relations=("serviceRelationship", "relatedService"),
)

_CARRIER_FIELDS = msgspec.structs.replace(
    _SERVICE_FIELDS,
    type=("characteristic[type]", "characteristic[ElementType]", "serviceType", "@type"),
    gateway=("place[gateway]", "resource[Gateway]"),
    terminal=("place[terminal]", "resource[Terminal]"),
    satellite=("resource[Satellite]",),
    transponder=("resource[Transponder]",),
)

_RESOURCE_FIELDS = Fields(
    type=("@type", "resourceType", "@baseType"),
    specification=("resourceSpecification.name", "resourceSpecification.id", "resourceSpecification"),
    status=("resourceStatus", "status", "operationalState"),
    start=("startOperatingDate", "startDate"),
    end=("endOperatingDate", "endDate"),
    characteristics=("resourceCharacteristic", "characteristic"),
    relations=("resourceRelationship", "relatedResource", "supportingResource"),
)

_STATES = {
    "lifecycle": ("lifecycleState", "lifecycleStatus"),
    "operating": ("operatingStatus",),
    "administrative": ("administrativeState",),
    "operational": ("operationalState",),
    "usage": ("usageState",),
    "alarm": ("alarmStatus",),
    "availability": ("availabilityStatus",),
    "procedural": ("proceduralStatus",),
    "control": ("controlStatus",),
    "standby": ("standbyStatus",),
    "allocation": ("allocationStatus",),
}
"""Dimensions of further states; all versions' names, for implementations mix them."""

_CARRIER_CHARACTERISTICS = (
    "uplinkAlias",
    "downlinkAlias",
    "uplinkCenterFrequency",
    "downlinkCenterFrequency",
    "symbolRate",
    "allocatedBandwidth",
    "modulation",
    "polarization",
)
"""What operators want to see of a carrier."""

_EXCLUDED_RESOURCES = ("Card", "BandwidthSegment", "LogicalPort", "Multicast", "Slot", "Port", "Circuit")
"""Parts of resources: many, and of no interest by themselves."""

_FLAT = ("relatedParty.name", "relatedParty.id", "place.name", "place.id")
"""Marks of all dialects but version 5, which wraps what it refers to."""


_SES_IDS = ("externalId", "id", "uuid")
_SES_STATUS = ("status", "state")

_SES_SERVICES = Collection(
    api="tmf638",
    path="service",
    fields=msgspec.structs.replace(_SERVICE_FIELDS, id=_SES_IDS, status=_SES_STATUS),
    statuses=statuses.SNOW,
    states=_STATES,
    query={"status": "1"},
    exclude_types=("element",),  # the carriers have a collection of their own
    relationships=relationships.TMF,
)

_SES_CARRIERS = msgspec.structs.replace(
    _SES_SERVICES,
    fields=msgspec.structs.replace(_CARRIER_FIELDS, id=_SES_IDS, status=_SES_STATUS),
    query={"@type": "element"},
    exclude_types=(),
    characteristics=_CARRIER_CHARACTERISTICS,
    service_statuses=("Operational",),
)

_SES_RESOURCES = Collection(
    api="tmf639",
    path="resource",
    fields=msgspec.structs.replace(_RESOURCE_FIELDS, id=_SES_IDS, status=("status", "resourceStatus")),
    statuses=statuses.SNOW,
    states=_STATES,
    query={"status": "1"},
    exclude_types=_EXCLUDED_RESOURCES,
    relationships=relationships.TMF,
    found_by_name=True,
)

SES = Dialect(
    name="ses",
    title="SES middleware over ServiceNow",
    paging=Paging(style="page", size_param="recordsPerPage", position_param="page"),
    page_size=40,
    collections={"services": _SES_SERVICES, "carriers": _SES_CARRIERS, "resources": _SES_RESOURCES},
    delta={"updatedDaysAgo": "0"},
    marks=(*_FLAT, "externalId"),
)


_SNOW_STATUS = (
    "characteristic[life_cycle_stage_status]",
    "characteristic[operational_status]",
    "characteristic[install_status]",
)
_SNOW_STATES = {
    "lifecycle": ("characteristic[life_cycle_stage]",),
    "operational": ("characteristic[operational_status]", "operationalState"),
    "install": ("characteristic[install_status]",),
}
_SNOW_CODES = {
    "characteristic[operational_status]": statuses.OPERATIONAL_CODES,
    "characteristic[install_status]": statuses.INSTALL_CODES,
}
_SNOW_WORDS = statuses.joined(statuses.SNOW, statuses.SNOW_LIFE)
_SNOW_IDS = ("id", "sysId", "externalId")

_SNOW_RESOURCES = Collection(
    api="tmf639",
    path="resource",
    fields=msgspec.structs.replace(
        _RESOURCE_FIELDS, id=_SNOW_IDS, status=(*_SNOW_STATUS, "resourceStatus", "status", "operationalState")
    ),
    statuses=statuses.joined(_SNOW_WORDS, statuses.RESOURCE),
    states=_SNOW_STATES,
    refining=statuses.SNOW_REFINING,
    exclude_types=_EXCLUDED_RESOURCES,
    codes=_SNOW_CODES,
    relationships={**relationships.TMF, **relationships.SERVICENOW},
    found_by_name=True,
)

_SNOW_SERVICES = msgspec.structs.replace(
    _SNOW_RESOURCES,
    api="tmf638",
    path="service",
    fields=msgspec.structs.replace(_SERVICE_FIELDS, id=_SNOW_IDS, status=("state", "status", *_SNOW_STATUS)),
    statuses=statuses.joined(statuses.SERVICE, _SNOW_WORDS),
    states={**_STATES, **_SNOW_STATES},
    refining=statuses.joined(statuses.REFINING, statuses.SNOW_REFINING),
    exclude_types=(),
    found_by_name=False,
)

_SNOW_CARRIERS = msgspec.structs.replace(
    _SNOW_SERVICES,
    fields=msgspec.structs.replace(_CARRIER_FIELDS, id=_SNOW_IDS, status=("state", "status", *_SNOW_STATUS)),
    query=None,
    characteristics=_CARRIER_CHARACTERISTICS,
)

SERVICENOW = Dialect(
    name="servicenow",
    title="ServiceNow, Resource Inventory Open API",
    paging=Paging(),
    page_size=100,
    collections={"services": _SNOW_SERVICES, "carriers": _SNOW_CARRIERS, "resources": _SNOW_RESOURCES},
    marks=(*_FLAT, *_SNOW_STATUS, "characteristic[life_cycle_stage]"),
)


_EVENT_TIMES = ("timeOccurred", "timeOcurred")  # the second is the specifications' own spelling

_TMF_SERVICE: dict[str, Any] = {
    "id": ("id", "uuid", "externalId"),
    "updated": (*Fields().updated, *_EVENT_TIMES),
}
_TMF_RESOURCE: dict[str, Any] = {**_TMF_SERVICE, "id": ("id", "uuid", "externalId", "publicIdentifier")}

_SERVICE_FEATURES = (
    "serviceCharacteristic",
    "characteristic",
    "feature.featureCharacteristic",
    "feature.featureCharacteritic",  # so in the examples of TMF638 v5
)
_RESOURCE_FEATURES = (
    "resourceCharacteristic",
    "characteristic",
    "activationFeature.featureCharacteristic",
    "activationFeature.featureCharacteritic",
)
_V5_IDS = ("id", "uuid", "externalIdentifier.id", "externalId")


def _collections(
    service: Mapping[str, Any], resource: Mapping[str, Any], meanings: tuple[statuses.Words, statuses.Words]
) -> dict[str, Collection]:
    """The shape the versions share; `service` and `resource` are the fields that one spells differently."""
    replace = msgspec.structs.replace
    services = Collection(
        api="tmf638",
        path="service",
        fields=replace(_SERVICE_FIELDS, **service),
        statuses=meanings[0],
        states=_STATES,
        refining=statuses.REFINING,
        relationships=relationships.TMF,
    )
    carriers = replace(
        services,
        fields=replace(_CARRIER_FIELDS, **service),
        query=None,
        characteristics=_CARRIER_CHARACTERISTICS,
    )
    resources = Collection(
        api="tmf639",
        path="resource",
        fields=replace(_RESOURCE_FIELDS, **resource),
        statuses=meanings[1],
        states=_STATES,
        refining=statuses.REFINING,
        exclude_types=_EXCLUDED_RESOURCES,
        relationships=relationships.TMF,
        found_by_name=True,
    )
    return {"services": services, "carriers": carriers, "resources": resources}


def _dialect(version: int, collections: Mapping[str, Collection], marks: Paths) -> Dialect:
    return Dialect(
        name=f"tmf-v{version}",
        title=f"TM Forum Open APIs, version {version}",
        paging=Paging(),
        page_size=100,
        collections=collections,
        marks=marks,
    )


_OLD = _collections(
    _TMF_SERVICE,
    {**_TMF_RESOURCE, "status": ("lifecycleState", "resourceStatus", "status", "operationalState")},
    (statuses.SERVICE, statuses.RESOURCE_V2),
)
_EARLY = {
    **_OLD,
    "resources": msgspec.structs.replace(
        _OLD["resources"],
        states={name: paths for name, paths in _STATES.items() if name != "lifecycle"},  # it is the headline
    ),
}

V2 = _dialect(
    2,
    _EARLY,
    (
        *_FLAT,
        *("lifecycleState", "characteristic", "serviceRelationship.type", "resourceRelationship.type"),
    ),
)

V3 = _dialect(3, _EARLY, (*_FLAT, "lifecycleState", "serviceOrder"))

V4 = _dialect(
    4,
    _collections(
        {**_TMF_SERVICE, "characteristics": _SERVICE_FEATURES},
        {**_TMF_RESOURCE, "characteristics": _RESOURCE_FEATURES},
        (statuses.SERVICE, statuses.RESOURCE),
    ),
    (*_FLAT, "serviceOrderItem", "feature", "isBundle", "relatedEntity", "resourceStatus"),
)

_RECENT = _collections(
    {**_TMF_SERVICE, "id": _V5_IDS, "characteristics": _SERVICE_FEATURES},
    {**_TMF_RESOURCE, "id": _V5_IDS, "characteristics": _RESOURCE_FEATURES},
    (statuses.SERVICE_V5, statuses.RESOURCE_V5),
)

V5 = _dialect(
    5,
    {
        **_RECENT,
        "resources": msgspec.structs.replace(
            _RECENT["resources"],
            states={
                **_STATES,
                "power": ("powerConsumingState", "powerState"),
                "unknown": ("unknownStatus",),
            },
            refining=statuses.REFINING_V5_RESOURCE,
        ),
    },
    (
        *("relatedParty.partyOrPartyRole", "place.place", "externalIdentifier", "operatingStatus", "intent"),
        *("serviceCharacteristic.@type", "resourceCharacteristic.@type", "activationFeature"),
        *("serviceOrderItem", "feature", "isBundle", "relatedEntity", "resourceOrderItem", "resourceStatus"),
        *("lifecycleState", "alarmStatus", "availabilityStatus", "allocationStatus", "controlStatus"),
    ),
)

DIALECTS: Mapping[str, Dialect] = {one.name: one for one in (SES, V4, V5, V3, V2, SERVICENOW)}
"""All dialects by name; where two understand a page equally well, `check` prefers the earlier."""
