"""How implementations spell TM Forum's inventories, as data: where fields sit, what states mean, how lists page.

There is no code for any vendor: an entry of `DIALECTS` names, for each collection, the places to look for
each field (first one that holds something wins), the table of states, the query that lists it, and its
paging. `decode` compiles and applies this; settings may override any part. Invariant: adding a dialect adds
an entry here and a directory of recorded pages under `tests/inventory/pages/`, nothing else.

A place to look is a *path*. `a.b` descends by key, through lists too; keys match without regard to case,
`_` and `-`. `characteristic[NAME]` reads a characteristic by name. `party[ROLE]`, `place[ROLE]`,
`resource[TYPE]` and `service[TYPE]` read the name of the first link with that role or type, and `party[]`
the first link of all.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

Paths = tuple[str, ...]


class Paging(msgspec.Struct, frozen=True):
    """How a list is asked for in parts.

    `style` is a name in `PAGING_STYLES`; `first` is the number of the first page (style page only);
    `total_header` the header that announces the number of records, matched without regard to case.
    """

    style: str = "offset"
    size_param: str = "limit"
    position_param: str = "offset"
    first: int = 1
    cursor_param: str = ""
    total_header: str = "X-Total-Count"


PAGING_STYLES = ("offset", "page", "none")


class Fields(msgspec.Struct, frozen=True):
    """Where each field of a record is looked for; the names are those of `Record` and the raw link lists."""

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
    kept_type: Paths = ("@type",)
    start: Paths = ()
    end: Paths = ()
    created: Paths = ("creationDate", "created")
    updated: Paths = ("lastUpdate", "lastUpdated", "lastModified", "modified")
    characteristics: Paths = ()
    parties: Paths = ("relatedParty",)
    places: Paths = ("place",)
    resources: Paths = ()
    services: Paths = ()
    relations: Paths = ()


class Collection(msgspec.Struct, frozen=True):
    """One collection of one dialect: how it is listed and what its words mean.

    `statuses` maps a status word to True (operational), False (not operational) or None (known, but it says
    nothing of either). `states` are dimensions of further states, each with its paths; `refining` maps such a
    word to False where it makes an operational headline not operational.
    """

    api: str
    path: str
    fields: Fields
    statuses: Mapping[str, bool | None]
    query: Mapping[str, str] = {}
    states: Mapping[str, Paths] = {}
    refining: Mapping[str, bool] = {}
    exclude_types: tuple[str, ...] = ()
    characteristics: tuple[str, ...] = ()


class Dialect(msgspec.Struct, frozen=True):
    """One way of speaking TMF638 and TMF639; `delta` is the query that lists what changed in the last 24 hours."""

    name: str
    title: str
    paging: Paging
    page_size: int
    collections: Mapping[str, Collection]
    delta: Mapping[str, str] = {}
