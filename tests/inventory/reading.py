"""How these tests read: from JSON values or bytes to batches, records and snapshots, without a network.

Invariant: everything goes through `decode.page`, as in the program.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from exporter.inventory import decode, record_reader, snapshot
from exporter.inventory.dialects.vendors import DIALECTS
from exporter.inventory.draft import Draft
from exporter.inventory.filters import Selection
from exporter.inventory.record import Record, status_summary

KEY = b"sixteen bytes..."
NOW = 1_768_478_400.0  # 2026-01-15T12:00:00Z
NEVER = snapshot.ShrinkGuard(share=1.0)
"""A shrink guard that believes everything."""

Item = Mapping[str, Any]
Batch = decode.Batch[snapshot.StoredRecord]


def reader(name: str = "ses", collection: str = "services", **changes: Any) -> record_reader.Reader:
    """The reader of a dialect's collection as the program makes it from settings that say nothing."""
    mapping = DIALECTS[name].collections[collection]
    wishes = {
        "characteristics": mapping.characteristics,
        "selection": Selection.of(exclude=mapping.exclude_types),
    }
    return record_reader.Reader(mapping, **wishes | changes)


class _Everything(frozenset[str]):
    """A set that any id is in."""

    def __contains__(self, ident: object) -> bool:
        return True


ALL = _Everything()
"""What may be removed by a crawl that is believed at once."""


def batch(
    items: object,
    using: record_reader.Reader | None = None,
    known: Mapping[int, snapshot.StoredRecord] | None = None,
) -> Batch:
    """A page, given as bytes or as a JSON value, decoded."""
    body = items if isinstance(items, bytes) else json.dumps(items).encode()
    return decode.page(body, using or reader(), known or {}, KEY)


def records(items: object, using: record_reader.Reader | None = None) -> list[Record]:
    """The records of a page of which none is rejected or left out."""
    read = batch(items, using)
    assert not read.rejects, read.rejects
    assert not read.skipped, read.skipped
    return [one.record for one in read.fresh]


def record(item: object, using: record_reader.Reader | None = None) -> Record:
    """The one record that a JSON object is read to."""
    (only,) = records([item], using)
    return only


def draft(
    start: snapshot.Snapshot,
    *pages: object,
    now: float = NOW,
    using: record_reader.Reader | None = None,
    preserve: Sequence[str] = (),
) -> Draft:
    """A crawl of these pages that has not been committed."""
    crawl = Draft(start, preserve)
    for page in pages:
        crawl.add(batch(page, using, start.digests), now)
    return crawl


def full(start: snapshot.Snapshot, *pages: object, **how: Any) -> snapshot.Outcome:
    """A complete crawl that is believed."""
    return draft(start, *pages, **how).commit_full("", NEVER, ALL)


def held(item: object, using: record_reader.Reader | None = None, now: float = NOW) -> snapshot.StoredRecord:
    """One record as a snapshot holds it after the first crawl."""
    (only,) = full(snapshot.Snapshot(), [item], using=using, now=now).snapshot.records.values()
    return only


def counted(records: Sequence[Record]) -> snapshot.StatusCounts:
    """How many of these records have which status and condition."""
    counter = snapshot.StatusCounter()
    counter.add(map(status_summary, records))
    return counter.counts()
