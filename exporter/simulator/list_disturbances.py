"""What quirks do to a list before a page is cut: records are added, duplicated, or hidden by access rules.

Every record of the fleet is in the list eventually unless access rules hide it, and those always hide the
same ones.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from exporter.simulator.fleet import Fleet
from exporter.simulator.list_request import ListRequest
from exporter.simulator.record import KINDS, FleetRecord

HIDDEN_RUN_START = 0.4
"""Where in a collection the records begin that are hidden in one run, so that whole pages are empty."""


class LateRecords:
    """Adds `count` records at the front of each list, one with each page after the first.

    Until then they are not listed; afterwards the list stays as it is.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._added: Counter[object] = Counter()

    def arrange(self, request: ListRequest, records: list[FleetRecord]) -> list[FleetRecord]:
        """The list for this request; a request for a later page adds one more record."""
        late = min(self._count, max(0, len(records) - 1))
        if not late:
            return records
        key = (request.api, request.kinds, request.filters, request.days)
        if request.position > 0 and self._added[key] < late:
            self._added[key] += 1
        early = len(records) - late
        return [*reversed(records[early : early + self._added[key]]), *records[:early]]


def with_duplicates(records: Sequence[FleetRecord]) -> list[FleetRecord]:
    """Every tenth record twice in a row, as a join of tables returns them."""
    return [record for record in records for _ in range(1 if record.number % 10 else 2)]


class AccessRules:
    """Which records a client may read: of the hidden share one half is scattered, the other is one run."""

    def __init__(self, hidden_share: float, seed: int, fleet: Fleet) -> None:
        self._hidden_share = hidden_share
        self._seed = seed
        sizes = {kind: sum(1 for _ in fleet.records(kind)) for kind in KINDS}
        stop = HIDDEN_RUN_START + hidden_share / 2
        self._runs = {
            kind: range(int(size * HIDDEN_RUN_START), int(size * stop)) for kind, size in sizes.items()
        }

    def hides(self, record: FleetRecord) -> bool:
        """Whether the record is hidden."""
        if not self._hidden_share:
            return False
        if self._hidden_share >= 1 or record.number in self._runs[record.kind]:
            return True
        return record_fraction(f"{self._seed} access {record.code}") < self._hidden_share / 2


def record_fraction(text: str) -> float:
    """A number from 0 up to 1 that is always the same for a text: a choice of records that stays."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest()) / 2**48
