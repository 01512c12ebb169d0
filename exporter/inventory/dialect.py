"""How implementations spell TM Forum's inventories, as data: fields, states, queries, paging.

There is no code for any vendor: an entry of `DIALECTS` names, for each collection, the places to look for
each field (first one that holds something wins), the table of states, the query that lists it, and its
paging. `decode` compiles and applies this; settings may override any part. Invariant: adding a dialect adds
an entry here and a directory of recorded pages under `tests/inventory/pages/`, nothing else.

A place to look is a *path*. `a.b` descends by key, through lists too; keys match without regard to case,
`_` and `-`. `characteristic[NAME]` reads a characteristic by name. `party[ROLE]`, `place[ROLE]`,
`resource[TYPE]` and `service[TYPE]` read the name of the first link with that role or type, and `party[]`
the first link of all.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

Paths = tuple[str, ...]


class Paging(msgspec.Struct, frozen=True):
    """How a list is asked for in parts.

    `style` is a name in `PAGING_STYLES`; `first` is the number of the first page (style page only);
    `total_header` the header that announces the number of records, matched without regard to case.
    """

    style: str = "offset"
    size_param: str = "limit"
    position_param: str = "offset"
    first: int = 1
    cursor_param: str = ""
    total_header: str = "X-Total-Count"


PAGING_STYLES = ("offset", "page", "none")


class Fields(msgspec.Struct, frozen=True):
    """Where each field of a record is looked for; the names are those of `Record` and the raw link lists."""

    id: Paths = ("id",)
    name: Paths = ("name",)
    description: Paths = ("description",)
    type: Paths = ("@type",)
    category: Paths = ("category",)
    specification: Paths = ()
    party: Paths = ("party[customer]", "party[]")
    place: Paths = ("place[]",)
    gateway: Paths = ()
    terminal: Paths = ()
    satellite: Paths = ()
    transponder: Paths = ()
    status: Paths = ()
    entity_type: Paths = ("@type",)
    start: Paths = ()
    end: Paths = ()
    created: Paths = ("creationDate", "created")
    updated: Paths = ("lastUpdate", "lastUpdated", "lastModified", "modified")
    characteristics: Paths = ()
    parties: Paths = ("relatedParty",)
    places: Paths = ("place",)
    resources: Paths = ()
    services: Paths = ()
    relations: Paths = ()


class Collection(msgspec.Struct, frozen=True):
    """One collection of one dialect: how it is listed and what its words mean.

    `statuses` maps a status word to True (operational), False (not operational) or None (known, but it says
    nothing of either). `states` are dimensions of further states, each with its paths; `refining` maps such a
    word to False where it makes an operational headline not operational. `exclude_types` are compared with
    the record's type and with its `@type`. Where `service_statuses` is not empty, a supporting service that
    gives a status of its own is kept only if that is one of them.
    """

    api: str
    path: str
    fields: Fields
    statuses: Mapping[str, bool | None]
    query: Mapping[str, str] = {}
    states: Mapping[str, Paths] = {}
    refining: Mapping[str, bool] = {}
    exclude_types: tuple[str, ...] = ()
    characteristics: tuple[str, ...] = ()
    service_statuses: tuple[str, ...] = ()


class Dialect(msgspec.Struct, frozen=True):
    """One way of speaking TMF638 and TMF639; `delta` is the query for what changed in the last 24 hours."""

    name: str
    title: str
    paging: Paging
    page_size: int
    collections: Mapping[str, Collection]
    delta: Mapping[str, str] = {}


_LIFECYCLE = {
    "feasibilityChecked": False,
    "designed": False,
    "reserved": False,
    "inactive": False,
    "active": True,
    "terminated": False,
}
"""TMF638 v4, ServiceStateType."""

_LIFECYCLE_V5 = {**_LIFECYCLE, "suspended": False}
"""TMF638 v5, ServiceStateType."""

_RESOURCE_STATUS: dict[str, bool | None] = {
    "available": True,
    "reserved": True,  # spoken for, and working
    "standby": True,  # ready to take over, and working
    "alarm": False,
    "suspended": False,
    "unknown": None,
}
"""TMF639 v4, ResourceStatusType."""

_RESOURCE_STATUS_V5: dict[str, bool | None] = {
    **_RESOURCE_STATUS,
    "installed": True,
    "planned": False,
    "pendingRemoval": False,
    "not exists": False,
    # the release of April 2026 has no resourceStatus: its operationalState is the headline
    "enable": True,
    "enabled": True,
    "disable": False,
    "disabled": False,
}
"""TMF639 v5, both releases that call themselves 5.0.0."""

_NOT_WORKING = {
    "degraded": False,
    "failed": False,
    "limited": False,
    "stopping": False,
    "stopped": False,
    "disable": False,
    "disabled": False,
    "locked": False,
    "shutdown": False,
    "shuttingDown": False,
    "critical": False,
    "major": False,
    "outOfService": False,
    "offLine": False,
    "powerOff": False,
}
"""Words of the further states that make an active service or resource not operational."""

_SNOW_STATUS: dict[str, bool | None] = {
    "Operational": True,
    "Non-Operational": False,
    "Degraded": False,
    "Down": False,
    "In Maintenance": False,
    "Repair in Progress": False,
    "DR Standby": True,
    "Ready": True,
    "Installed": True,
    "In Stock": False,
    "On Order": False,
    "Pending Install": False,
    "Pending Repair": False,
    "Planned": False,
    "Suspended": False,
    "Absent": False,
    "Stolen": False,
    "Retired": False,
    "Unknown": None,
}
"""ServiceNow's operational and install status, as the SES middleware spells them."""

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

_EXCLUDED_RESOURCES = ("Card", "BandwidthSegment", "LogicalPort", "Multicast", "Slot", "Port", "Circuit")

_SERVICE = Fields(
    type=("serviceType", "characteristic[ElementType]", "characteristic[type]", "@type"),
    specification=("serviceSpecification.name", "serviceSpecification.id"),
    status=("state", "status"),
    start=("startDate", "serviceDate"),
    end=("endDate",),
    characteristics=("serviceCharacteristic", "characteristic"),
    resources=("supportingResource",),
    services=("supportingService",),
    relations=("serviceRelationship", "relatedService"),
)

_CARRIER = msgspec.structs.replace(
    _SERVICE,
    type=("characteristic[type]", "characteristic[ElementType]", "serviceType", "@type"),
    gateway=("place[gateway]", "resource[Gateway]"),
    terminal=("place[terminal]", "resource[Terminal]"),
    satellite=("resource[Satellite]",),
    transponder=("resource[Transponder]",),
)

_RESOURCE = Fields(
    specification=("resourceSpecification.name", "resourceSpecification.id"),
    status=("resourceStatus", "status", "operationalState"),
    start=("startOperatingDate", "startDate"),
    end=("endOperatingDate", "endDate"),
    characteristics=("resourceCharacteristic", "characteristic"),
    relations=("resourceRelationship", "relatedResource"),
)


def _tmf(
    name: str, title: str, service_words: Mapping[str, bool | None], resource_words: Mapping[str, bool | None]
) -> Dialect:
    """The shape that TM Forum's versions share; they differ in the words of their states."""
    service = Collection(
        api="tmf638",
        path="service",
        fields=_SERVICE,
        statuses=service_words,
        states=_STATES,
        refining=_NOT_WORKING,
        query={"@type": "CustomerFacingService"},
    )
    carrier = msgspec.structs.replace(
        service,
        fields=_CARRIER,
        query={"@type": "Carrier"},
        characteristics=_CARRIER_CHARACTERISTICS,
    )
    resource = Collection(
        api="tmf639",
        path="resource",
        fields=_RESOURCE,
        statuses=resource_words,
        states=_STATES,
        refining=_NOT_WORKING,
        exclude_types=_EXCLUDED_RESOURCES,
    )
    return Dialect(
        name=name,
        title=title,
        paging=Paging(),
        page_size=100,
        collections={"services": service, "carriers": carrier, "resources": resource},
    )


def _ses() -> Dialect:
    """The middleware over ServiceNow: external ids, its own `status`, page numbers, a delta of 24 hours."""
    ids = ("externalId", "id", "uuid")
    service = Collection(
        api="tmf638",
        path="service",
        fields=msgspec.structs.replace(_SERVICE, id=ids, status=("status", "state")),
        statuses=_SNOW_STATUS,
        states=_STATES,
        query={"status": "1"},
        exclude_types=("element",),  # the carriers have a collection of their own
    )
    carrier = msgspec.structs.replace(
        service,
        fields=msgspec.structs.replace(_CARRIER, id=ids, status=("status", "state")),
        query={"@type": "element"},
        exclude_types=(),
        characteristics=_CARRIER_CHARACTERISTICS,
        service_statuses=("Operational",),
    )
    resource = Collection(
        api="tmf639",
        path="resource",
        fields=msgspec.structs.replace(_RESOURCE, id=ids, status=("status", "resourceStatus")),
        statuses=_SNOW_STATUS,
        states=_STATES,
        query={"status": "1"},
        exclude_types=_EXCLUDED_RESOURCES,
    )
    return Dialect(
        name="ses",
        title="SES middleware over ServiceNow",
        paging=Paging(style="page", size_param="recordsPerPage", position_param="page", first=1),
        page_size=40,
        collections={"services": service, "carriers": carrier, "resources": resource},
        delta={"updatedDaysAgo": "0"},
    )


DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        _ses(),
        _tmf("tmf-v4", "TM Forum Open APIs, version 4", _LIFECYCLE, _RESOURCE_STATUS),
        _tmf("tmf-v5", "TM Forum Open APIs, version 5", _LIFECYCLE_V5, _RESOURCE_STATUS_V5),
    )
}
