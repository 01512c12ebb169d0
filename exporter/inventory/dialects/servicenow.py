"""ServiceNow's own TMF639 (`sn_ni_core`, after version 4.0.1), and TMF638 as built upon the same tables.

A resource there has no status of its own: what is known of it are characteristics named after the columns of
its table, always text. A list needs an `@type`, which is a table, and gives that table only: which ones are
wanted is the operator's to say (`query` as a list), so there is no default to be silently incomplete.
Invariant: data only.
"""

from __future__ import annotations

import msgspec

from exporter.inventory.dialects import field_paths, statuses
from exporter.inventory.dialects.model import Collection, Dialect, Paging

_STATUS = (
    "characteristic[life_cycle_stage_status]",
    "characteristic[operational_status]",
    "characteristic[install_status]",
)
_STATES = {
    "lifecycle": ("characteristic[life_cycle_stage]",),
    "operational": ("characteristic[operational_status]", "operationalState"),
    "install": ("characteristic[install_status]",),
}
_CODES = {
    "characteristic[operational_status]": statuses.OPERATIONAL_CODES,
    "characteristic[install_status]": statuses.INSTALL_CODES,
}
_WORDS = statuses.joined(statuses.SNOW, statuses.SNOW_LIFE)
_IDS = ("id", "sysId", "externalId")

_RESOURCES = Collection(
    api="tmf639",
    path="resource",
    fields=msgspec.structs.replace(
        field_paths.RESOURCE, id=_IDS, status=(*_STATUS, "resourceStatus", "status", "operationalState")
    ),
    statuses=statuses.joined(_WORDS, statuses.RESOURCE),
    states=_STATES,
    refining=statuses.SNOW_REFINING,
    exclude_types=field_paths.EXCLUDED_RESOURCES,
    codes=_CODES,
)

_SERVICES = msgspec.structs.replace(
    _RESOURCES,
    api="tmf638",
    path="service",
    fields=msgspec.structs.replace(field_paths.SERVICE, id=_IDS, status=("state", "status", *_STATUS)),
    statuses=statuses.joined(statuses.SERVICE, _WORDS),
    states={**field_paths.STATES, **_STATES},
    refining={**statuses.REFINING, **statuses.SNOW_REFINING},
    exclude_types=(),
)

_CARRIERS = msgspec.structs.replace(
    _SERVICES,
    fields=msgspec.structs.replace(field_paths.CARRIER, id=_IDS, status=("state", "status", *_STATUS)),
    query=None,
    characteristics=field_paths.CARRIER_CHARACTERISTICS,
)

SERVICENOW = Dialect(
    name="servicenow",
    title="ServiceNow, Resource Inventory Open API",
    paging=Paging(),
    page_size=100,
    collections={"services": _SERVICES, "carriers": _CARRIERS, "resources": _RESOURCES},
    marks=(*field_paths.FLAT, *_STATUS, "characteristic[life_cycle_stage]"),
)
