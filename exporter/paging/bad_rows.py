"""Rows of a list that its API cannot give, remembered from one crawl to the next.

It owns which rows are asked for again and when: a row that failed is left alone for one crawl, then for two,
for four, and so on. Counted in crawls and not in seconds, for that is what the asking costs: a bad row never
takes more than a small share of the requests, however often the list is read. Finding the rows is
`bisect`'s, asking around them the walk's. Pure. Invariant: whatever is asked for and comes is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import msgspec

LONGEST_REST = 64
"""Crawls that a row is left alone at most."""

MOST = 200
"""Rows that are remembered; a list with more is asked as if nothing were known of the rest."""


class BadRow(msgspec.Struct, frozen=True):
    """One row: its `offset_strategies` in the list from 0, and why it could not be read, a status or a word.

    It is left alone for `rest` more crawls; after the last time it was asked for it was `interval`.
    """

    position: int
    cause: str
    interval: int = 1
    rest: int = 1


class BadRows(msgspec.Struct, frozen=True):
    """The bad rows of one list, by position; `total` is what the list announced then, None for nothing."""

    rows: tuple[BadRow, ...] = ()
    total: int | None = None

    @property
    def causes(self) -> Mapping[int, str]:
        """Why each row could not be read, by position."""
        return {row.position: row.cause for row in self.rows}

    @property
    def resting(self) -> AbstractSet[int]:
        """The positions that are not asked for in the crawl to come."""
        return {row.position for row in self.rows if row.rest > 0}

    def fits(self, total: int | None) -> bool:
        """Whether a list that announces `total` may still have its rows where they were."""
        return total is None or self.total is None or total == self.total

    def after(self, failed: Mapping[int, str], came: AbstractSet[int], total: int | None) -> BadRows:
        """What is to be remembered after a crawl in which some rows `failed`, and others `came`.

        All others have had a rest, whether the crawl left them alone or did not get to them.
        """
        known = {
            row.position: msgspec.structs.replace(row, rest=max(0, row.rest - 1))
            for row in self.rows
            if row.position not in came
        }
        for position, cause in failed.items():
            interval = min(LONGEST_REST, 2 * known[position].interval) if position in known else 1
            known[position] = BadRow(position, cause, interval, rest=interval)
        rows = tuple(known[position] for position in sorted(known)[:MOST])
        return BadRows(rows, self.total if total is None else total) if rows else NOTHING_KNOWN


NOTHING_KNOWN = BadRows()
