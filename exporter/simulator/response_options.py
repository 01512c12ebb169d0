"""How lists are requested and answered, as plain values: paging, filters, counts, links, status codes.

`list_request` reads requests by `PagingOptions`, `listing` and `headers` answer by `ResponseOptions`; a quirk
is a changed copy of them (`quirk_effects`). No value is a vendor's name: each difference is a field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from exporter.simulator.record import FleetRecord

Attribute = Callable[[FleetRecord], str]
"""Reads from a record the attribute that a filter compares."""

ChangeTotal = Callable[[int, int], int | None]
"""From a total and a page number (from 1) to the total announced on that page, None for none."""


@dataclass(frozen=True)
class PagingOptions:
    """How a page is requested. `style` is `offset`, `page` (numbers), `link`, `cursor`, `range`, `first`
    (always the first page) or `none` (no pages).

    `first` is where positions begin. A request for more than `max_size` records is refused with the status
    `beyond_max`, or gets `max_size` records where that is 0. `cursor_param` is the parameter for a token from
    an earlier response, "" for none.
    """

    style: str
    size_param: str
    position_param: str
    first: int
    default_size: int
    max_size: int = 1000
    beyond_max: int = 400
    cursor_param: str = ""


@dataclass(frozen=True)
class ResponseOptions:
    """How a list is answered.

    `total_header` and `result_header` "" are not sent; `total_cap` 0 is none; `changes` are applied to the
    total in turn. `range_format` is the Content-Range with the fields `start` and `stop` (from 0), `first`
    and `last` (from 1) and `total`; "" sends none. `links` are the relations of the Link header, `link_kind`
    says how they name a page ("offset", "cursor", or a "token" for the whole query), and `link_end` says what
    `next` is on the last page: "" for none, "foreign" or "loop". `partial` is a name in `listing.PARTIAL`.
    `past_end` and `no_records` are the statuses after the last record and for an empty list. `envelope` is
    the member that contains the list, "" for a bare list. `hidden_share` of the records is removed by access
    rules after a page was cut; `counted` is what the total then counts: "all", "readable" or "none".
    `late_records` are added at the front while the list is read for the first time; with `duplicate_ids`
    every tenth record is listed twice.
    """

    total_header: str = ""
    result_header: str = ""
    total_cap: int = 0
    changes: tuple[ChangeTotal, ...] = ()
    range_format: str = ""
    links: tuple[str, ...] = ()
    link_kind: str = "offset"
    link_end: str = ""
    link_is_relative: bool = False
    link_shrinks: bool = False
    partial: str = "never"
    past_end: int = 200
    no_records: int = 200
    envelope: str = ""
    single_is_object: bool = False
    hidden_share: float = 0.0
    counted: str = "all"
    late_records: int = 0
    duplicate_ids: bool = False

    @property
    def announces_total(self) -> bool:
        """Whether any header says how many records there are."""
        return bool(self.total_header) or "{total}" in self.range_format


@dataclass(frozen=True)
class SimulatedDialect:
    """One way to serve the fleet.

    `bases` maps an API (`tmf638`, `tmf639`) to its path; `types` maps the `@type` requested of TMF638 to the
    kinds listed, "" being no `@type`. `attributes` are, by API, the attributes that can be filtered by.
    Records with a status in `hidden` are never listed. `age_param` requests records updated within the last N
    + 1 days, "" for none. `queries` is what an exporter should request, by collection: the union of these.
    `required` are parameters without which a request is refused; `needs_accept` refuses requests with an
    Accept header that does not allow JSON. `settings` are the settings of the paging that an operator
    configures because they differ from the defaults of the dialect.
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
    hidden: frozenset[str] = frozenset()
    age_param: str = ""
    required: tuple[str, ...] = ()
    needs_accept: bool = False
    settings: Mapping[str, object] = field(default_factory=dict)
