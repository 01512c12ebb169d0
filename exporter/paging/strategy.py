"""What every way through a list has in common: the parts that are asked for, and what came of them.

The ways themselves are `offset_strategies`'s (parts that can be counted) and `link_strategies`'s (each page
leads to the next). Pure: no clock, no I/O. Invariant: every ask moves a course on, so that any course ends or
meets a cap.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from exporter.paging.next_link import NOWHERE, Onward

NOT_FOUND = 404
"""What some servers answer behind the end of a list, and a proxy for any page when no server is behind it."""

CAPPED_TOTAL = 100_000
"""The total at which ServiceNow stops counting."""


class Ask(msgspec.Struct, frozen=True):
    """One part of the list.

    `offset_strategies` counts records from 0 (offset, range) or pages from 0 (page, link, cursor); `limit` is
    the number of records to ask for. `span` is the number of records this ask alone answers for, 0 where the
    next one begins wherever this one ends. `gap` marks the rest of a page that came short, and `is_unit` the
    question at the end what positions count. `next_link` is how the page before led here, nothing for parts
    that can be counted.
    """

    position: int
    limit: int
    span: int = 0
    gap: bool = False
    is_unit: bool = False
    onward: Onward = NOWHERE


class Came(msgspec.Struct, frozen=True):
    """What a page brought: `items` records, `new` of them with ids not seen before (of the first page: all).

    `total` is the number of records announced so far, None for none; `status` and `next_link` are the
    answer's.
    """

    items: int
    new: int
    total: int | None
    status: int = 200
    onward: Onward = NOWHERE


class Course(Protocol):
    """The way through a list. `total` is always the number of records announced so far, None for none."""

    def ahead(self, total: int | None, flying: int) -> Ask | None:
        """The next part that may be asked for while `flying` others are; None to wait for them, or to end."""
        ...

    def heard(self, ask: Ask, came: Came) -> None:
        """A page came."""
        ...

    def lost(self, ask: Ask, total: int | None) -> int:
        """A page cannot be read; returns an estimate of the records behind it."""
        ...

    def check_unit(self) -> None:
        """At the end, the course is to find out whether its positions count what it believes."""

    def rows(self, ask: Ask) -> range | None:
        """The rows of the list behind an ask, counted in records from 0; None where that is unknown.

        What is known may grow while the walk goes on.
        """
        return None

    def mended(self, ask: Ask, came: Came, reached: int) -> None:
        """What was lost has come after all, in parts.

        `came.items` are the rows that are there, unreadable ones included, the last in front of `reached`.
        """

    def doubt(self, total: int | None) -> str:
        """Why the end of the course may not be the end of the list, as a sentence; "" for no doubt."""
        return ""


def doubted(total: int, reached: int, first: int, size: int) -> bool:
    """Whether an announced total that has been reached is no proof of the end.

    It is none where more than that came, where it is the number at which a server stops counting, and where
    it is just the length of a full first page: some servers announce each page's own length.
    """
    if reached != total or total == CAPPED_TOTAL:
        return reached >= total
    # a list that ends where a page does: only one more page tells it from a total that is too small
    return first > 0 and total % first == 0 and (total > first or total >= size)
