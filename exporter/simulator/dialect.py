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


def _from_status(values: Mapping[str, str]) -> Attribute:
    return lambda record: values[record.status]


def _tmf(
    name: str, version: tmf.TmfVersion, state: Mapping[str, str], **resource_states: Mapping[str, str]
) -> SimulatedDialect:
    """A version of TMF638 and TMF639 that can be filtered by `state` and by the states of resources."""
    common: Mapping[str, Attribute] = {"@type": tmf.type_of, "category": record.category}
    states = {key: _from_status(values) for key, values in resource_states.items()}
    return SimulatedDialect(
        name=name,
        bases={"tmf638": version.services, "tmf639": version.resources},
        paging=PagingOptions("offset", "limit", "offset", first=0, default_size=20),
        response=ResponseOptions(
            total_header="X-Total-Count", result_header="X-Result-Count", partial="more"
        ),
        types={"": (SERVICE, CARRIER), "CustomerFacingService": (SERVICE,), "Carrier": (CARRIER,)},
        attributes={"tmf638": {**common, "state": _from_status(state)}, "tmf639": {**common, **states}},
        shape=version.format_record,
        queries={
            "services": ({"@type": "CustomerFacingService"},),
            "carriers": ({"@type": "Carrier"},),
            "resources": ({},),
        },
        page_size=100,
        hidden=frozenset({RETIRED}),
    )


_SES_ATTRIBUTES: Mapping[str, Attribute] = {
    "@type": ses.type_of,
    "category": record.category,
    "status": _from_status(ses.INSTALL_STATUSES),
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

_TMF_V2 = _tmf("tmf-v2", tmf.V2, tmf.STATES_V4, lifecycleState=tmf.LIFECYCLES_V3)
_TMF_V3 = _tmf("tmf-v3", tmf.V3, tmf.STATES_V4, lifecycleState=tmf.LIFECYCLES_V3)
_TMF_V4 = _tmf("tmf-v4", tmf.V4, tmf.STATES_V4, resourceStatus=tmf.RESOURCE_STATUSES)
_TMF_V5 = _tmf("tmf-v5", tmf_v5.V5, tmf_v5.STATES, resourceStatus=tmf_v5.RESOURCE_STATUSES)

TMF_V5_2026 = replace(
    _tmf(
        "tmf-v5",
        tmf_v5.V5_2026,
        tmf_v5.STATES,
        lifecycleState=tmf_v5.LIFECYCLES_2026,
        operationalState=tmf_v5.OPERATIONAL_STATES_2026,
    ),
    paging=replace(_TMF_V5.paging, cursor_param="after"),
    response=replace(_TMF_V5.response, links=("next",), link_kind="cursor"),
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
    queries={**_TMF_V4.queries, "resources": tuple({"@type": name} for name in generator.SHARES)},
    required=("@type",),
    needs_accept=True,
)

DIALECTS: Mapping[str, SimulatedDialect] = {
    dialect.name: dialect for dialect in (_SES, _TMF_V2, _TMF_V3, _TMF_V4, _TMF_V5, _SERVICENOW)
}
