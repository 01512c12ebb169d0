"""Records and pages as JSON bytes (UTF-8), made when first asked for and kept until the record changes.

Owns the bytes; which records go on a page is `listing`'s. Invariant: bytes are never older than the
record's revision, and no more than `KEPT` records' bytes are held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from exporter.simulator.record import FleetRecord

KEPT = 200_000
"""Some 300 MB at most, whatever the size of the fleet."""


class Bodies:
    """The bytes of each record as `shape` shows it."""

    def __init__(self, shape: Callable[[FleetRecord], dict[str, Any]]) -> None:
        self._shape = shape
        self._kept: dict[FleetRecord, tuple[int, bytes]] = {}
        self._encode = msgspec.json.Encoder().encode

    def page(self, records: Iterable[FleetRecord]) -> bytes:
        """A JSON array of the records."""
        return b"[%b]" % b",".join(map(self.record, records))

    def record(self, record: FleetRecord) -> bytes:
        """The record as a JSON object."""
        kept = self._kept.get(record)
        if kept is not None and kept[0] == record.revision:
            return kept[1]
        if len(self._kept) >= KEPT:
            self._kept.clear()
        made = self._encode(self._shape(record))
        self._kept[record] = (record.revision, made)
        return made
