"""The dialects the simulator speaks, as data: where lists live, how they are asked for, how records look.

Owns `DIALECTS`; the shapes are functions in `ses`, `tmf_v4` and `tmf_v5`, queries are read by `listing`. A
new dialect is a module of shapes and an entry here; nothing branches on a dialect's name. Invariant: all
dialects show the same fleet under the same codes, so that one seed can be compared across them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from exporter.simulator import ses, tmf, tmf_v4, tmf_v5, traits
from exporter.simulator.record import CARRIER, RETIRED, SERVICE, Record

Attribute = Callable[[Record], str]
"""Reads from a record what a filter compares with."""


@dataclass(frozen=True)
class Paging:
    """How a part of a list is asked for. `position_is` says whether positions count pages or records.

    `total_header` and `result_header` are sent with lists where they are not empty; lists with counts
    answer 206 while more follows.
    """

    position_is: str
    size_param: str
    position_param: str
    first: int
    default_size: int
    max_size: int = 1000
    total_header: str = ""
    result_header: str = ""


@dataclass(frozen=True)
class Dialect:
    """One way of showing the fleet.

    `bases` maps an API (`tmf638`, `tmf639`) to its path; `types` maps the `@type` asked of TMF638 to the
    kinds of records listed, "" being no `@type` at all. `attributes` are, by API, the attributes that can
    be filtered by; `volatile` those of them that may change while a record stays. `hidden` are the statuses
    that are never listed. `age_param` asks for records updated within the last N + 1 days, "" is none.
    `queries` is what an exporter should ask for, by collection.
    """

    name: str
    bases: Mapping[str, str]
    paging: Paging
    types: Mapping[str, tuple[str, ...]]
    attributes: Mapping[str, Mapping[str, Attribute]]
    shape: Callable[[Record], dict[str, Any]]
    queries: Mapping[str, Mapping[str, str]]
    page_size: int
    volatile: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    age_param: str = ""


ENTITIES = {"tmf638": "service", "tmf639": "resource"}
"""The last part of each API's list: the same in every dialect."""

_SES_ATTRIBUTES: Mapping[str, Attribute] = {
    "@type": ses.type_of,
    "category": traits.category,
    "status": ses.installed,
}

_SES = Dialect(
    name="ses",
    bases={
        "tmf638": "/gstm/dataminer/tmf/api/v1/tmf638",
        "tmf639": "/gstm/dataminer/tmf/api/v1/tmf639",
    },
    paging=Paging("page", "recordsPerPage", "page", first=1, default_size=40),
    types={"": (SERVICE,), "service": (SERVICE,), "element": (CARRIER,)},
    attributes={"tmf638": _SES_ATTRIBUTES, "tmf639": _SES_ATTRIBUTES},
    shape=ses.shape,
    queries={"services": {"status": "1"}, "carriers": {"@type": "element"}, "resources": {"status": "1"}},
    page_size=40,
    age_param="updatedDaysAgo",
)

_TMF_PAGING = Paging(
    "record",
    "limit",
    "offset",
    first=0,
    default_size=20,
    total_header="X-Total-Count",
    result_header="X-Result-Count",
)
_TMF_TYPES = {
    "": (SERVICE, CARRIER),
    "CustomerFacingService": (SERVICE,),
    "Carrier": (CARRIER,),
}
_TMF_QUERIES = {
    "services": {"@type": "CustomerFacingService"},
    "carriers": {"@type": "Carrier"},
    "resources": {},
}
_RESOURCE_ATTRIBUTES: Mapping[str, Attribute] = {
    "@type": tmf.type_of,
    "category": traits.category,
    "resourceStatus": tmf.resource_status,
}

_TMF_V4 = Dialect(
    name="tmf-v4",
    bases={"tmf638": tmf_v4.SERVICES, "tmf639": tmf_v4.RESOURCES},
    paging=_TMF_PAGING,
    types=_TMF_TYPES,
    attributes={
        "tmf638": {"@type": tmf.type_of, "category": traits.category, "state": tmf_v4.state},
        "tmf639": _RESOURCE_ATTRIBUTES,
    },
    shape=tmf_v4.shape,
    queries=_TMF_QUERIES,
    page_size=100,
    volatile=frozenset({"state", "resourceStatus"}),
    hidden=frozenset({RETIRED}),
)

_TMF_V5 = Dialect(
    name="tmf-v5",
    bases={"tmf638": tmf_v5.SERVICES, "tmf639": tmf_v5.RESOURCES},
    paging=_TMF_PAGING,
    types=_TMF_TYPES,
    attributes={
        "tmf638": {"@type": tmf.type_of, "category": traits.category, "state": tmf_v5.state},
        "tmf639": _RESOURCE_ATTRIBUTES,
    },
    shape=tmf_v5.shape,
    queries=_TMF_QUERIES,
    page_size=100,
    volatile=_TMF_V4.volatile,
    hidden=_TMF_V4.hidden,
)

DIALECTS: Mapping[str, Dialect] = {one.name: one for one in (_SES, _TMF_V4, _TMF_V5)}
