"""The pages of one list, as a crawl has read it: which records they have, in which order. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple, TypeVar

from exporter.inventory import decode
from exporter.inventory.absences import Answers

Stored = TypeVar("Stored", bound=decode.Identified)


class ListPages(NamedTuple):
    """One list of a crawl: number, length and stored ids of its pages, all ids seen, the requested size.

    `shown` identifies the pages by which records they have.
    """

    pages: list[tuple[int, int, Sequence[str]]]
    seen: set[str | int]
    shown: set[int]
    size: int = 0

    def has_several_pages(self) -> bool:
        """Whether more than one of its pages had records."""
        return sum(items > 0 for _, items, _ in self.pages) > 1

    def answers(self) -> Answers:
        """Its answers that had records, in order."""
        pages = sorted((page for page in self.pages if page[1]), key=itemgetter(0))
        longest = max((items for _, items, _ in pages), default=0)
        # one page alone is no measure of how many records a page holds
        full = longest if len(pages) > 1 else max(longest, self.size)
        has_end = len(self.pages) == 1 or not pages or pages[-1][1] < full
        return Answers(tuple(ids for *_, ids in pages) or ((),), has_end)


def composition(batch: decode.Batch[Stored]) -> int:
    """Identifies which records a page has, in any order."""
    rejected = (reject.digest for reject in batch.rejects)
    return hash(frozenset((*batch.ids, *(mark for _, mark in batch.filtered_out), *rejected)))
