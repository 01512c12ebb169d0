"""How implementations spell TM Forum's inventories, as data: fields, states, queries, paging.

There is no code for any vendor: an entry of `DIALECTS` names, for each collection, the places to look for
each field (first one that holds something wins), the table of states, the query that lists it, and its
paging. `decode` compiles and applies this; settings may override any part. The structs are in `model`, words
that several dialects share in `statuses`, and each family of dialects has a module. Invariant: adding a
dialect adds data there, an entry here and a directory of pages under `tests/inventory/pages/`, nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping

from exporter.inventory.dialects import servicenow, ses, tmf
from exporter.inventory.dialects.model import PAGING_STYLES, Collection, Dialect, Fields, Paging, Paths

__all__ = ["DIALECTS", "PAGING_STYLES", "Collection", "Dialect", "Fields", "Paging", "Paths"]

DIALECTS: Mapping[str, Dialect] = {
    one.name: one for one in (ses.SES, tmf.V4, tmf.V5, tmf.V3, tmf.V2, servicenow.SERVICENOW)
}
"""All dialects by name; where two understand a page equally well, `check` prefers the earlier."""
