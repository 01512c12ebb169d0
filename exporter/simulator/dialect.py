"""The dialects that the simulator speaks, as data: paths, filters, paging, and how records are formatted.

All dialects show the same fleet under the same codes, so one seed can be compared across them. A new dialect
is a function that formats a record and an entry here; nothing branches on a dialect's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from exporter.simulator import generator, record, servicenow, ses, tmf, tmf_v5
from exporter.simulator.record import CARRIER, RETIRED, SERVICE
from exporter.simulator.response_options import (
    Attribute,
    PagingOptions,
    ResponseOptions,
    SimulatedDialect,
)

ENTITIES = {"tmf638": "service", "tmf639": "resource"}
"""The last part of each API's list: the same in every dialect."""

_SES_ATTRIBUTES: Mapping[str, Attribute] = {
    "@type": ses.type_of,
    "category": record.category,
    "status": ses.install_status,
}

_SES = SimulatedDialect(
    name="ses",
    bases={api: f"{ses.BASE}/{api}" for api in ENTITIES},
    paging=PagingOptions("page", "recordsPerPage", "page", first=1, default_size=40),
    response=ResponseOptions(),
    types={"": (SERVICE,), "service": (SERVICE,), "element": (CARRIER,)},
    attributes=dict.fromkeys(ENTITIES, _SES_ATTRIBUTES),
    shape=ses.format_record,
    queries={
        "services": ({"status": "1"},),
        "carriers": ({"@type": "element"},),
        "resources": ({"status": "1"},),
    },
    page_size=40,
    age_param="updatedDaysAgo",
)

_QUERIES: Mapping[str, tuple[Mapping[str, str], ...]] = {
    "services": ({"@type": "CustomerFacingService"},),
    "carriers": ({"@type": "Carrier"},),
    "resources": ({},),
}
_COMMON: Mapping[str, Attribute] = {"@type": tmf.type_of, "category": record.category}

_TMF_V4 = SimulatedDialect(
    name="tmf-v4",
    bases={"tmf638": tmf.V4.services, "tmf639": tmf.V4.resources},
    paging=PagingOptions("offset", "limit", "offset", first=0, default_size=20),
    response=ResponseOptions(total_header="X-Total-Count", result_header="X-Result-Count", partial="more"),
    types={"": (SERVICE, CARRIER), "CustomerFacingService": (SERVICE,), "Carrier": (CARRIER,)},
    attributes={
        "tmf638": {**_COMMON, "state": tmf.state_v4},
        "tmf639": {**_COMMON, "resourceStatus": tmf.resource_status},
    },
    shape=tmf.format_v4,
    queries=_QUERIES,
    page_size=100,
    volatile=frozenset({"state", "resourceStatus", "lifecycleState", "operationalState"}),
    hidden=frozenset({RETIRED}),
)

_TMF_V3 = replace(
    _TMF_V4,
    name="tmf-v3",
    bases={"tmf638": tmf.V3.services, "tmf639": tmf.V3.resources},
    attributes={**_TMF_V4.attributes, "tmf639": {**_COMMON, "lifecycleState": tmf.lifecycle_v3}},
    shape=tmf.format_v3,
)

_TMF_V2 = replace(
    _TMF_V3,
    name="tmf-v2",
    bases={"tmf638": tmf.V2.services, "tmf639": tmf.V2.resources},
    shape=tmf.format_v2,
)

_TMF_V5 = replace(
    _TMF_V4,
    name="tmf-v5",
    bases={"tmf638": tmf_v5.V5.services, "tmf639": tmf_v5.V5.resources},
    attributes={**_TMF_V4.attributes, "tmf638": {**_COMMON, "state": tmf_v5.state_v5}},
    shape=tmf_v5.format_v5,
)

TMF_V5_2026 = replace(
    _TMF_V5,
    paging=replace(_TMF_V5.paging, cursor_param="after"),
    response=replace(_TMF_V5.response, links=("next",), link_kind="cursor"),
    attributes={
        **_TMF_V5.attributes,
        "tmf639": {
            **_COMMON,
            "lifecycleState": tmf_v5.lifecycle_2026,
            "operationalState": tmf_v5.operational_2026,
        },
    },
    shape=tmf_v5.format_release_2026,
)
"""v5 with TMF639 as released in April 2026, which is numbered 5.0.0 as well, so it is no further dialect.

Its `sort` and `filter` are ignored."""

_SERVICENOW = replace(
    _TMF_V4,
    name="servicenow",
    bases={"tmf638": servicenow.SERVICES, "tmf639": servicenow.RESOURCES},
    response=ResponseOptions(
        total_header="X-Total-Count",
        total_cap=100_000,
        range_format="items {start}-{stop}",
        links=("first", "last", "next", "previous"),
        partial="more",
    ),
    types={"CustomerFacingService": (SERVICE,), "Carrier": (CARRIER,)},
    attributes={api: {"@type": tmf.type_of} for api in ENTITIES},
    shape=servicenow.format_record,
    queries={**_QUERIES, "resources": tuple({"@type": name} for name in generator.SHARES)},
    required=("@type",),
    needs_accept=True,
)

DIALECTS: Mapping[str, SimulatedDialect] = {
    dialect.name: dialect for dialect in (_SES, _TMF_V2, _TMF_V3, _TMF_V4, _TMF_V5, _SERVICENOW)
}
