"""What is missing of a walk: pages that failed, the parts that they are taken into, and what is said of them.

Which part is asked for when, and what follows from its answer, is `bisect`'s. Invariant: the records of a
hole are counted as unread until it is closed, and its bad rows for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from exporter.paging.strategy import Ask

DIVISIBLE = frozenset({"500", "502", "504", "timeout", "reset", "json", "too_large", "error_object"})
"""Causes that may lie in one row: a server that is too slow for it, fails or breaks off at it, writes
nonsense or says in the body that it failed. All others are the API's own, whatever the page."""

TOO_MUCH = (400, 422)
"""What an API may answer to a first page of more records than it is willing to give."""


class Hole:
    """A page that is missing: `ask` is the walk's, `estimate` the records behind it, `cause` why it failed.

    `why` is that in words, for messages.
    """

    def __init__(self, ask: Ask, estimate: int, cause: str, why: str = "") -> None:
        self.ask, self.estimate, self.cause, self.why = ask, estimate, cause, why
        self.rows: range | None = None  # None until it is opened
        self.pending = 0  # parts that wait or fly
        self.failures = self.new = self.reached = 0
        self.left: list[range] = []  # parts given up
        self.bad: dict[int, str] = {}
        self.is_closed = self.is_given_up = False

    @property
    def patience(self) -> int:
        """Parts that may fail before one has come: twice as many as halvings lead to a single row."""
        return 2 * len(self.rows or ()).bit_length() + 2

    def unread(self, total: int | None) -> int:
        """Records of it that did not come, bad rows aside, as far as anybody can know while it is open."""
        if self.rows is None or self.is_given_up or not self.left:
            return max(0, self.estimate - self.new)
        ends = [part.stop if total is None else min(part.stop, total) for part in self.left]
        return sum(max(0, end - part.start) for part, end in zip(self.left, ends, strict=True))


class Part(msgspec.Struct, frozen=True):
    """Some rows of a hole, and how they are asked for."""

    ask: Ask
    rows: range
    hole: Hole
    role: Literal["part"] = "part"


class Probe(msgspec.Struct, frozen=True):
    """One row, asked for to learn whether the API answers at all."""

    ask: Ask
    role: Literal["probe"] = "probe"


class Unread(msgspec.Struct, frozen=True):
    """What a walk could not read: `pages`, and the `records` about behind them, the last because of `why`.

    `rows` are the single rows that cannot be read beside, with the cause of each, by position from 0.
    """

    pages: int
    records: int
    why: str
    rows: Mapping[int, str]

    def told(self) -> list[str]:
        """As the ends of sentences; rows count from 1 there."""
        reasons = []
        if self.pages:
            last = f", the last because {self.why}" if self.why else ""
            pages = "1 page" if self.pages == 1 else f"{self.pages} pages"
            reasons.append(f"{pages} could not be read (about {self.records} records{last})")
        if self.rows:
            first = min(self.rows)
            more = f" (and {len(self.rows) - 1} more)" if len(self.rows) > 1 else ""
            cause = self.rows[first]
            # only an error object says more than its name
            words = f" ({self.why})" if self.why and not self.pages and cause == "error_object" else ""
            reasons.append(f"row {first + 1}{more} cannot be read: {cause}{words}")
        return reasons
