"""The dialects the simulator speaks, as data: where lists live, how they are asked for, how records look.

Owns `DIALECTS`; the shapes are functions in `ses`, `servicenow` and the `tmf_…` modules, queries are read by
`listing`. A new dialect is a module of shapes and an entry here; nothing branches on a dialect's name.
Invariant: all dialects show the same fleet under the same codes, so one seed can be compared across them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from exporter.simulator import generator, servicenow, ses, tmf, tmf_2026, tmf_early, tmf_v4, tmf_v5, traits
from exporter.simulator.record import CARRIER, RETIRED, SERVICE, FleetRecord
from exporter.simulator.response_options import PagingOptions, ResponseOptions

Attribute = Callable[[FleetRecord], str]
"""Reads from a record what a filter compares with."""


@dataclass(frozen=True)
class SimulatedDialect:
    """One way of showing the fleet.

    `bases` maps an API (`tmf638`, `tmf639`) to its path; `types` maps the `@type` asked of TMF638 to the
    kinds of records listed, "" being no `@type` at all. `attributes` are, by API, the attributes that can
    be filtered by; `volatile` those of them that may change while a record stays. `hidden` are the statuses
    that are never listed. `age_param` asks for records updated within the last N + 1 days, "" is none.
    `queries` is what an exporter should ask for, by collection: the union of these. `required` are parameters
    without which nothing is listed; `needs_accept` refuses requests without a fitting Accept header.
    `settings` is what an operator has to write of the paging, because it differs from the dialect's usual.
    """

    name: str
    bases: Mapping[str, str]
    paging: PagingOptions
    response: ResponseOptions
    types: Mapping[str, tuple[str, ...]]
    attributes: Mapping[str, Mapping[str, Attribute]]
    shape: Callable[[FleetRecord], dict[str, Any]]
    queries: Mapping[str, tuple[Mapping[str, str], ...]]
    page_size: int
    volatile: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    age_param: str = ""
    required: tuple[str, ...] = ()
    needs_accept: bool = False
    settings: Mapping[str, object] = field(default_factory=dict)


ENTITIES = {"tmf638": "service", "tmf639": "resource"}
"""The last part of each API's list: the same in every dialect."""

_SES_ATTRIBUTES: Mapping[str, Attribute] = {
    "@type": ses.type_of,
    "category": traits.category,
    "status": ses.installed,
}

_SES = SimulatedDialect(
    name="ses",
    bases={
        "tmf638": "/gstm/dataminer/tmf/api/v1/tmf638",
        "tmf639": "/gstm/dataminer/tmf/api/v1/tmf639",
    },
    paging=PagingOptions("page", "recordsPerPage", "page", first=1, default_size=40),
    response=ResponseOptions(),
    types={"": (SERVICE,), "service": (SERVICE,), "element": (CARRIER,)},
    attributes={"tmf638": _SES_ATTRIBUTES, "tmf639": _SES_ATTRIBUTES},
    shape=ses.shape,
    queries={
        "services": ({"status": "1"},),
        "carriers": ({"@type": "element"},),
        "resources": ({"status": "1"},),
    },
    page_size=40,
    age_param="updatedDaysAgo",
)

_TMF_PAGING = PagingOptions("offset", "limit", "offset", first=0, default_size=20)
_TMF_RESPONSE = ResponseOptions(total_header="X-Total-Count", result_header="X-Result-Count", partial="more")
_TMF_TYPES = {
    "": (SERVICE, CARRIER),
    "CustomerFacingService": (SERVICE,),
    "Carrier": (CARRIER,),
}
_TMF_QUERIES: Mapping[str, tuple[Mapping[str, str], ...]] = {
    "services": ({"@type": "CustomerFacingService"},),
    "carriers": ({"@type": "Carrier"},),
    "resources": ({},),
}
_COMMON: Mapping[str, Attribute] = {"@type": tmf.type_of, "category": traits.category}

_TMF_V4 = SimulatedDialect(
    name="tmf-v4",
    bases={"tmf638": tmf_v4.SERVICES, "tmf639": tmf_v4.RESOURCES},
    paging=_TMF_PAGING,
    response=_TMF_RESPONSE,
    types=_TMF_TYPES,
    attributes={
        "tmf638": {**_COMMON, "state": tmf_v4.state},
        "tmf639": {**_COMMON, "resourceStatus": tmf.resource_status},
    },
    shape=tmf_v4.shape,
    queries=_TMF_QUERIES,
    page_size=100,
    volatile=frozenset({"state", "resourceStatus", "lifecycleState", "operationalState"}),
    hidden=frozenset({RETIRED}),
)

_EARLY = {
    "tmf638": _TMF_V4.attributes["tmf638"],
    "tmf639": {**_COMMON, "lifecycleState": tmf_early.lifecycle},
}

_TMF_V2 = replace(
    _TMF_V4,
    name="tmf-v2",
    bases={"tmf638": tmf_early.V2.services, "tmf639": tmf_early.V2.resources},
    attributes=_EARLY,
    shape=tmf_early.v2,
)

_TMF_V3 = replace(
    _TMF_V4,
    name="tmf-v3",
    bases={"tmf638": tmf_early.V3.services, "tmf639": tmf_early.V3.resources},
    attributes=_EARLY,
    shape=tmf_early.v3,
)

_TMF_V5 = replace(
    _TMF_V4,
    name="tmf-v5",
    bases={"tmf638": tmf_v5.SERVICES, "tmf639": tmf_v5.RESOURCES},
    attributes={
        "tmf638": {**_COMMON, "state": tmf_v5.state},
        "tmf639": {**_COMMON, "resourceStatus": tmf.resource_status},
    },
    shape=tmf_v5.shape,
)

TMF_V5_2026 = replace(
    _TMF_V5,
    paging=replace(_TMF_PAGING, cursor_param="after", back_param="before"),
    response=replace(_TMF_RESPONSE, links=("next", "prev"), link_kind="cursor"),
    attributes={
        "tmf638": _TMF_V5.attributes["tmf638"],
        "tmf639": {
            **_COMMON,
            "lifecycleState": tmf_2026.lifecycle,
            "operationalState": tmf_2026.operational,
        },
    },
    shape=tmf_2026.shape,
)
"""v5 with TMF639 as released in April 2026, which calls itself 5.0.0 as well, and is thus no further dialect.

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
    attributes={"tmf638": {"@type": tmf.type_of}, "tmf639": {"@type": tmf.type_of}},
    shape=servicenow.shape,
    queries={**_TMF_QUERIES, "resources": tuple({"@type": name} for name in generator.SHARES)},
    required=("@type",),
    needs_accept=True,
)

DIALECTS: Mapping[str, SimulatedDialect] = {
    one.name: one for one in (_SES, _TMF_V2, _TMF_V3, _TMF_V4, _TMF_V5, _SERVICENOW)
}
