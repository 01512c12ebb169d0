"""How a page is taken apart: into which smaller parts, and how one of them is asked for.

The cuts know rows, counted in records from 0, and nothing of failures: what is cut and when is `bisect`'s.
Pure. Invariant: the parts of a cut are the rows that were cut, each once and in order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from exporter.paging.strategy import Ask


class Cut(NamedTuple):
    """A way to take pages apart.

    `ask` says how rows are asked for, `split` cuts at least two of them into smaller parts. `is_counted` says
    that a position counts records, whatever a page's size may be; where it does not, a server that ignores
    sizes answers with the rows of another place.
    """

    ask: Callable[[range], Ask]
    split: Callable[[range], list[range]]
    is_counted: bool


def _at_record(rows: range) -> Ask:
    return Ask(rows.start, len(rows), span=len(rows))


def _halves(rows: range) -> list[range]:
    middle = rows.start + (len(rows) + 1) // 2
    return [range(rows.start, middle), range(middle, rows.stop)]


def _at_page(rows: range) -> Ask:
    return Ask(rows.start // len(rows), len(rows))


def _pages(rows: range) -> list[range]:
    """Smaller pages of one size: two if that is even, else as few as divide it."""
    count = next(number for number in range(2, len(rows) + 1) if len(rows) % number == 0)
    length = len(rows) // count
    return [range(start, start + length) for start in range(rows.start, rows.stop, length)]


RECORDS = Cut(_at_record, _halves, is_counted=True)
"""For positions in records: halves, and no other number."""

PAGES = Cut(_at_page, _pages, is_counted=False)
"""For page numbers: a page begins only at a multiple of its size. Cut is only what begins so."""
