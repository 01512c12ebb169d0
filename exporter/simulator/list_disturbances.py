"""What quirks do to a list before a page is cut: records are added, duplicated, or hidden by access rules.

Every record of the fleet is in the list eventually unless access rules hide it, and those always hide the
same ones.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from exporter.simulator.fleet import Fleet
from exporter.simulator.listing import ListRequest
from exporter.simulator.record import KINDS, FleetRecord

RUN_FROM = 0.4
"""Where in a collection the records begin that are hidden in one run, so that whole pages are empty."""


class LateArrivals:
    """Records that join a list at its front, one with each page read behind the first, `count` in all.

    Until then they are not listed at all; afterwards the list stays as it is, so the next walk is calm.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._come: Counter[object] = Counter()

    def arranged(self, ask: ListRequest, found: list[FleetRecord]) -> list[FleetRecord]:
        """The list as it is for this request; asking further on lets one more record arrive."""
        late = min(self._count, max(0, len(found) - 1))
        if not late:
            return found
        key = (ask.api, ask.kinds, ask.filters, ask.days)
        if ask.position > 0 and self._come[key] < late:
            self._come[key] += 1
        settled = len(found) - late
        return [*reversed(found[settled : settled + self._come[key]]), *found[:settled]]


def doubled(found: Sequence[FleetRecord]) -> list[FleetRecord]:
    """Every tenth record twice in a row, as a join of tables gives them."""
    return [record for record in found for _ in range(1 if record.number % 10 else 2)]


class AccessRules:
    """Who may see which records: half of the hidden ones are scattered, half are one run."""

    def __init__(self, share: float, seed: int, fleet: Fleet) -> None:
        self._share = share
        self._seed = seed
        sizes = {kind: sum(1 for _ in fleet.records(kind)) for kind in KINDS}
        self._runs = {
            kind: range(int(size * RUN_FROM), int(size * (RUN_FROM + share / 2)))
            for kind, size in sizes.items()
        }

    def hides(self, record: FleetRecord) -> bool:
        """Whether access rules take this record away."""
        if not self._share:
            return False
        if self._share >= 1 or record.number in self._runs[record.kind]:
            return True
        text = f"{self._seed} access {record.code}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=6).digest()) / 2**48 < self._share / 2
