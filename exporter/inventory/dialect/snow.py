"""ServiceNow's own TMF639 (`sn_ni_core`, after version 4.0.1), and TMF638 as built upon the same tables.

A resource there has no status of its own: what is known of it are characteristics named after the columns of
its table, always text. A list needs an `@type`, which is a table, and gives that table only: which ones are
wanted is the operator's to say (`query` as a list), so there is no default to be silently incomplete.
Invariant: data only.
"""

from __future__ import annotations

import msgspec

from exporter.inventory.dialect import places, words
from exporter.inventory.dialect.shape import Collection, Dialect, Paging

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
    "characteristic[operational_status]": words.OPERATIONAL_CODES,
    "characteristic[install_status]": words.INSTALL_CODES,
}
_WORDS = words.joined(words.SNOW, words.SNOW_LIFE)
_IDS = ("id", "sysId", "externalId")

_RESOURCES = Collection(
    api="tmf639",
    path="resource",
    fields=msgspec.structs.replace(
        places.RESOURCE, id=_IDS, status=(*_STATUS, "resourceStatus", "status", "operationalState")
    ),
    statuses=words.joined(_WORDS, words.RESOURCE),
    states=_STATES,
    refining=words.SNOW_REFINING,
    exclude_types=places.EXCLUDED_RESOURCES,
    codes=_CODES,
)

_SERVICES = msgspec.structs.replace(
    _RESOURCES,
    api="tmf638",
    path="service",
    fields=msgspec.structs.replace(places.SERVICE, id=_IDS, status=("state", "status", *_STATUS)),
    statuses=words.joined(words.SERVICE, _WORDS),
    states={**places.STATES, **_STATES},
    refining={**words.REFINING, **words.SNOW_REFINING},
    exclude_types=(),
)

_CARRIERS = msgspec.structs.replace(
    _SERVICES,
    fields=msgspec.structs.replace(places.CARRIER, id=_IDS, status=("state", "status", *_STATUS)),
    query=None,
    characteristics=places.CARRIER_CHARACTERISTICS,
)

SERVICENOW = Dialect(
    name="servicenow",
    title="ServiceNow, Resource Inventory Open API",
    paging=Paging(),
    page_size=100,
    collections={"services": _SERVICES, "carriers": _CARRIERS, "resources": _RESOURCES},
    marks=(*places.FLAT, *_STATUS, "characteristic[life_cycle_stage]"),
)
