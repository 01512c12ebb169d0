"""Counts a snapshot for people: how many records have which status, and what that means.

Metrics count for themselves in `metrics.render`; this is what the landing page and `check` show.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from exporter.inventory.record import Record


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


def tally(records: Iterable[Record]) -> Tally:
    """Counts the records once."""
    statuses: Counter[str] = Counter()
    meanings: Counter[bool | None] = Counter()
    unknown: Counter[str] = Counter()
    for record in records:
        statuses[record.status] += 1
        meanings[record.operational] += 1
        if not record.status_known:
            unknown[record.status] += 1
    return Tally(
        records=statuses.total(),
        statuses=dict(statuses.most_common()),
        operational=meanings[True],
        not_operational=meanings[False],
        unknown=tuple(word for word, _ in unknown.most_common(20)),
        unknown_records=unknown.total(),
    )
