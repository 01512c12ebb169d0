"""The operator's middleware over ServiceNow: external ids, its own `status`, page numbers, a daily delta.

It owns what is known of that middleware; the status words are ServiceNow's (`statuses`). Invariant: data
only.
"""

from __future__ import annotations

import msgspec

from exporter.inventory.dialects import field_paths, statuses
from exporter.inventory.dialects.model import Collection, Dialect, Paging

_IDS = ("externalId", "id", "uuid")
_STATUS = ("status", "state")

_SERVICES = Collection(
    api="tmf638",
    path="service",
    fields=msgspec.structs.replace(field_paths.SERVICE, id=_IDS, status=_STATUS),
    statuses=statuses.SNOW,
    states=field_paths.STATES,
    query={"status": "1"},
    exclude_types=("element",),  # the carriers have a collection of their own
)

_CARRIERS = msgspec.structs.replace(
    _SERVICES,
    fields=msgspec.structs.replace(field_paths.CARRIER, id=_IDS, status=_STATUS),
    query={"@type": "element"},
    exclude_types=(),
    characteristics=field_paths.CARRIER_CHARACTERISTICS,
    service_statuses=("Operational",),
)

_RESOURCES = Collection(
    api="tmf639",
    path="resource",
    fields=msgspec.structs.replace(field_paths.RESOURCE, id=_IDS, status=("status", "resourceStatus")),
    statuses=statuses.SNOW,
    states=field_paths.STATES,
    query={"status": "1"},
    exclude_types=field_paths.EXCLUDED_RESOURCES,
)

SES = Dialect(
    name="ses",
    title="SES middleware over ServiceNow",
    paging=Paging(style="page", size_param="recordsPerPage", position_param="page", first=1),
    page_size=40,
    collections={"services": _SERVICES, "carriers": _CARRIERS, "resources": _RESOURCES},
    delta={"updatedDaysAgo": "0"},
    marks=(*field_paths.FLAT, "externalId"),
)
