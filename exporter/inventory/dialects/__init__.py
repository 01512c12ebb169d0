"""How implementations spell TM Forum's inventories, as data: the structs of which a dialect consists.

`vendors` has the dialects, `statuses` what status values mean; there is no code for any vendor, and settings
may override any part. A place to look is a *path*. `a.b` descends by key, through lists too; keys match
without regard to case, `_` and `-`. `characteristic[NAME]` reads a characteristic by name. `party[ROLE]`,
`place[ROLE]`, `resource[TYPE]` and `service[TYPE]` read the name of the first link with that role or type,
and `party[]` the first link of all. Invariant: everything is immutable and has a default that means "not
there".
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from exporter.inventory.condition import Condition
from exporter.inventory.dialects.relationships import Types

Paths = tuple[str, ...]


class Paging(msgspec.Struct, frozen=True):
    """How a list is asked for in parts.

    `style` is a name in `PAGING_STYLES`; `first` is the number of the first page (style page) or of the first
    record (styles offset and range), None for the usual one. The number of records is in the member
    `total_member` of the answer, else in the header `total_header`. The link or the cursor of the next page
    (styles link and cursor) is in the member `next_member`, else in the header `next_header`; a Link header
    is read as RFC 8288 has it. The list is in the member `records`, which is found where that is empty.
    Members are dotted paths; headers are matched without regard to case.
    """

    style: str = "offset"
    size_param: str = "limit"
    position_param: str = "offset"
    first: int | None = None
    cursor_param: str = "after"
    total_header: str = "X-Total-Count"
    next_header: str = "Link"
    next_member: str = ""
    total_member: str = ""
    records: str = ""

    @property
    def start(self) -> int:
        """The number of the first page or record."""
        return self.first if self.first is not None else int(self.style != "offset")


PAGING_STYLES = ("offset", "page", "link", "cursor", "range", "none")


class Fields(msgspec.Struct, frozen=True):
    """Where each field of a record is looked for; the names are those of `Record` and the raw link lists.

    `characteristics` and the five lists of links are plain paths of keys, and all of them are read; of the
    others the first that has a value wins.
    """

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
    created: Paths = ("creationDate", "created", "sysCreatedOn")
    updated: Paths = ("lastUpdate", "lastUpdated", "lastModified", "modified", "sysUpdatedOn")
    characteristics: Paths = ()
    parties: Paths = ("relatedParty",)
    places: Paths = ("place",)
    resources: Paths = ()
    services: Paths = ()
    relations: Paths = ()


class Collection(msgspec.Struct, frozen=True):
    """One collection of one dialect: how it is listed and what its words mean.

    `statuses` maps a status word to what it means. `states` are dimensions of further states, each with its
    paths; `refining` maps such a word to the condition that it gives a record in service, unless the record
    has a worse one. `exclude_types` are compared with the record's type and with its `@type`. Where
    `service_statuses` is not empty, a supporting service that gives a status of its own is kept only if that
    is one of them. `query` is None where nothing common to all implementations says which records of the list
    are meant: then only the operator can. `codes` maps a path of a status or a state to the words that stand
    for the numbers found there; the same number may mean another word elsewhere. Dates are read in
    `date_format`, as for `strptime`, first. `relationships` maps the type of a relationship to which of the
    two records rests on the other. `found_by_name` says that a reference without an id means the record with
    that type and name.
    """

    api: str
    path: str
    fields: Fields
    statuses: Mapping[str, Condition]
    query: Mapping[str, str] | None = {}
    states: Mapping[str, Paths] = {}
    refining: Mapping[str, Condition] = {}
    exclude_types: tuple[str, ...] = ()
    characteristics: tuple[str, ...] = ()
    service_statuses: tuple[str, ...] = ()
    codes: Mapping[str, Mapping[str, str]] = {}
    date_format: str = ""
    relationships: Types = {}
    found_by_name: bool = False


class Dialect(msgspec.Struct, frozen=True):
    """One way of speaking TMF638 and TMF639.

    `delta` is the query for what changed in the last 24 hours, empty where there is none. `marks` are paths
    that have a value in this dialect's records and not in every other's; they only distinguish dialects.
    """

    name: str
    title: str
    paging: Paging
    page_size: int
    collections: Mapping[str, Collection]
    delta: Mapping[str, str] = {}
    marks: Paths = ()
