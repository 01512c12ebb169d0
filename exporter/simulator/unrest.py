"""What happens to a list between cutting and reading: records that arrive, double, or may not be seen.

Owns the disturbances of lists that quirks ask for; single records are spoilt by `spelling` and `oddity`.
Invariant: each record of the fleet is still in the list sooner or later, unless access rules hide it, and
those hide the same records always.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from exporter.simulator.fleet import Fleet
from exporter.simulator.listing import Ask
from exporter.simulator.record import KINDS, Record

RUN_FROM = 0.4
"""Where in a collection the records begin that are hidden in one run, so that whole pages are empty."""


class Arrivals:
    """Records that join a list at its front, one with each page read behind the first, `count` in all.

    Until then they are not listed at all; afterwards the list stays as it is, so the next walk is calm.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._come: Counter[object] = Counter()

    def arranged(self, ask: Ask, found: list[Record]) -> list[Record]:
        """The list as it is for this request; asking further on lets one more record arrive."""
        late = min(self._count, max(0, len(found) - 1))
        if not late:
            return found
        key = (ask.api, ask.kinds, ask.filters, ask.days)
        if ask.position > 0 and self._come[key] < late:
            self._come[key] += 1
        settled = len(found) - late
        return [*reversed(found[settled : settled + self._come[key]]), *found[:settled]]


def doubled(found: Sequence[Record]) -> list[Record]:
    """Every tenth record twice in a row, as a join of tables gives them."""
    return [record for record in found for _ in range(1 if record.number % 10 else 2)]


class Access:
    """Who may see which records: half of the hidden ones are scattered, half are one run."""

    def __init__(self, share: float, seed: int, fleet: Fleet) -> None:
        self._share = share
        self._seed = seed
        sizes = {kind: sum(1 for _ in fleet.records(kind)) for kind in KINDS}
        self._runs = {
            kind: range(int(size * RUN_FROM), int(size * (RUN_FROM + share / 2)))
            for kind, size in sizes.items()
        }

    def hides(self, record: Record) -> bool:
        """Whether access rules take this record away."""
        if not self._share:
            return False
        if self._share >= 1 or record.number in self._runs[record.kind]:
            return True
        text = f"{self._seed} access {record.code}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=6).digest()) / 2**48 < self._share / 2
