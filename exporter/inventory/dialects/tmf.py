"""TM Forum's own versions: 2 (TMF639), 3 (TMF638), 4 and 5, each for both APIs.

An API of one version only is described for the other too, so that any dialect can be configured for any API.
It owns what differs between the versions: words of states, and names that came and went. No query selects by
type: the specifications' own `@type` is Service, implementations extend it as they like, and which services
are carriers is the operator's to say. Invariant: data only; the official specifications of 638 v3 to v5 and
639 v4 and v5 are the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from exporter.inventory.dialects import field_paths, statuses
from exporter.inventory.dialects.model import Collection, Dialect, Fields, Paging, Paths

_EVENT_TIMES = ("timeOccurred", "timeOcurred")  # the second is the specifications' own spelling

_SERVICE: dict[str, Any] = {
    "id": ("id", "uuid", "externalId"),
    "updated": (*Fields().updated, *_EVENT_TIMES),
}
_RESOURCE: dict[str, Any] = {**_SERVICE, "id": ("id", "uuid", "externalId", "publicIdentifier")}

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
        fields=replace(field_paths.SERVICE, **service),
        statuses=meanings[0],
        states=field_paths.STATES,
        refining=statuses.REFINING,
    )
    carriers = replace(
        services,
        fields=replace(field_paths.CARRIER, **service),
        query=None,
        characteristics=field_paths.CARRIER_CHARACTERISTICS,
    )
    resources = Collection(
        api="tmf639",
        path="resource",
        fields=replace(field_paths.RESOURCE, **resource),
        statuses=meanings[1],
        states=field_paths.STATES,
        refining=statuses.REFINING,
        exclude_types=field_paths.EXCLUDED_RESOURCES,
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


def _with_states(
    collections: Mapping[str, Collection], name: str, states: Mapping[str, Paths]
) -> dict[str, Collection]:
    return {**collections, name: msgspec.structs.replace(collections[name], states=states)}


_EARLY = _with_states(
    _collections(
        _SERVICE,
        {**_RESOURCE, "status": ("lifecycleState", "resourceStatus", "status", "operationalState")},
        (statuses.SERVICE, statuses.RESOURCE_V2),
    ),
    "resources",
    {name: paths for name, paths in field_paths.STATES.items() if name != "lifecycle"},  # it is the headline
)

V2 = _dialect(
    2,
    _EARLY,
    (
        *field_paths.FLAT,
        *("lifecycleState", "characteristic", "serviceRelationship.type", "resourceRelationship.type"),
    ),
)

V3 = _dialect(3, _EARLY, (*field_paths.FLAT, "lifecycleState", "serviceOrder"))

V4 = _dialect(
    4,
    _collections(
        {**_SERVICE, "characteristics": _SERVICE_FEATURES},
        {**_RESOURCE, "characteristics": _RESOURCE_FEATURES},
        (statuses.SERVICE, statuses.RESOURCE),
    ),
    (*field_paths.FLAT, "serviceOrderItem", "feature", "isBundle", "relatedEntity", "resourceStatus"),
)

V5 = _dialect(
    5,
    _with_states(
        _collections(
            {**_SERVICE, "id": _V5_IDS, "characteristics": _SERVICE_FEATURES},
            {**_RESOURCE, "id": _V5_IDS, "characteristics": _RESOURCE_FEATURES},
            (statuses.SERVICE_V5, statuses.RESOURCE_V5),
        ),
        "resources",
        {
            **field_paths.STATES,
            "power": ("powerConsumingState", "powerState"),
            "unknown": ("unknownStatus",),
        },
    ),
    (
        *("relatedParty.partyOrPartyRole", "place.place", "externalIdentifier", "operatingStatus", "intent"),
        *("serviceCharacteristic.@type", "resourceCharacteristic.@type", "activationFeature"),
        *("serviceOrderItem", "feature", "isBundle", "relatedEntity", "resourceOrderItem", "resourceStatus"),
        *("lifecycleState", "alarmStatus", "availabilityStatus", "allocationStatus", "controlStatus"),
    ),
)
