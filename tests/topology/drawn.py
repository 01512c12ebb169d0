"""Records of three collections as hypothesis draws them, and random histories of their snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from exporter.inventory.condition import Condition
from exporter.inventory.record import KINDS, Link, Record
from exporter.inventory.snapshot import Snapshot, StoredRecord, stored

_TEXTS = st.sampled_from(("", "one", "two", 'q"uote\\'))
_IDENTS = st.sampled_from(tuple(f"{name[0].upper()}{number}" for name in KINDS for number in range(4)))
_LINKS = st.lists(
    st.builds(Link, id=st.just("") | _IDENTS, role=st.sampled_from(("dependsOn", "contains", "odd"))),
    max_size=3,
).map(tuple)
_TIMES = st.none() | st.sampled_from((100.0, 200.0, 300.0))

PARTS = st.fixed_dictionaries(
    {
        **dict.fromkeys(("name", "party", "place", "gateway", "satellite", "transponder"), _TEXTS),
        **dict.fromkeys(("resources", "services", "relations"), _LINKS),
        "condition": st.sampled_from(tuple(Condition)),
        "status_known": st.booleans(),
        "start": _TIMES,
        "end": _TIMES,
    }
)

Wanted = Mapping[str, Mapping[str, Mapping[str, Any]] | None]
"""The fields of each record by collection and id; None for a collection without a snapshot."""

WANTED = st.fixed_dictionaries(
    {
        name: st.none()
        | st.dictionaries(st.sampled_from([f"{name[0].upper()}{number}" for number in range(4)]), PARTS)
        for name in KINDS
    }
)


def snapshots(wanted: Wanted, before: Mapping[str, Snapshot] | None = None) -> dict[str, Snapshot]:
    """The snapshots of these records; a record that is as before is the same object."""
    found = {}
    for collection, records in wanted.items():
        if records is None:
            continue
        known = (before or {}).get(collection, Snapshot()).records
        kept: dict[str, StoredRecord] = {}
        for ident, parts in records.items():
            new = stored(Record(ident, **parts), 0, 0.0)
            kept[ident] = known[ident] if known.get(ident) == new else new
        found[collection] = Snapshot(kept)
    return found
