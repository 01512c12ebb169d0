"""Counts a snapshot for people: how many records have which status, and what that means.

Metrics count for themselves in `exposition.render`; this is what the landing page and `check` show.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from exporter.inventory.record import Record, Standing, standing


class Tally(msgspec.Struct, frozen=True):
    """Records by headline status, the most frequent first; and how many of them are operational or not.

    `unknown` are the status words whose meaning the dialect does not know; their records are neither.
    """

    records: int = 0
    statuses: Mapping[str, int] = {}
    operational: int = 0
    not_operational: int = 0
    unknown: tuple[str, ...] = ()
    unknown_records: int = 0


class Count:
    """The same, kept up to date by changes, so that one record's change costs one record's work."""

    def __init__(self) -> None:
        self._statuses: Counter[str] = Counter()
        self._meanings: Counter[bool | None] = Counter()
        self._unknown: Counter[str] = Counter()

    def add(self, records: Iterable[Standing], weight: int = 1) -> None:
        """Counts records that stand so in, or out with a weight of -1."""
        for record in records:
            self._statuses[record.status] += weight
            self._meanings[record.operational] += weight
            if not record.status_known:
                self._unknown[record.status] += weight

    @property
    def records(self) -> int:
        """How many records are counted."""
        return self._statuses.total()

    def copy(self) -> Count:
        """The same counts, to be changed while these are still served."""
        other = Count()
        other._statuses, other._meanings = self._statuses.copy(), self._meanings.copy()
        other._unknown = self._unknown.copy()
        return other

    def tally(self) -> Tally:
        """What the counts come to; words that no record has any more are forgotten."""
        self._statuses, self._unknown = +self._statuses, +self._unknown
        return Tally(
            records=self._statuses.total(),
            statuses=dict(self._statuses.most_common()),
            operational=self._meanings[True],
            not_operational=self._meanings[False],
            unknown=tuple(word for word, _ in self._unknown.most_common(20)),
            unknown_records=self._unknown.total(),
        )


def tally(records: Iterable[Record]) -> Tally:
    """Counts the records once."""
    count = Count()
    count.add(map(standing, records))
    return count.tally()
