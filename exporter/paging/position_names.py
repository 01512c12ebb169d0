"""Whether an API takes positions under other names than the one that it is asked with.

An API that ignores the position lists what it does by default, whatever is asked for: that looks like a whole
list. One more request, with all usual names at once, shows whether there is more. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from exporter.paging.strategies import NEW_IN_CHANGING

OFFSETS = (
    *("offset", "start", "startIndex", "skip", "from", "_start"),
    *("startAt", "firstResult", "sysparm_offset", "$skip"),
)
"""Usual names of the position of a record."""

OFFSETS_FROM_1 = ("startIndex", "start", "from", "offset")
"""Those that count from 1 in some APIs, such as SCIM's (RFC 7644, section 3.4.2.4)."""

NUMBERS = ("page", "pageNumber", "pageNo", "page_number", "pageIndex", "pageNum", "p", "currentPage")
"""Usual names of the number of a page."""

Names = Literal["known", "unknown"]
"""Whether it is known from earlier crawls that positions have no other name."""


class PositionNames:
    """What a list of one page shows when it is requested once or twice more, under all usual names."""

    def __init__(self, names: Names) -> None:
        self._left: list[Literal["second page", "page 1"]] = (
            ["page 1", "second page"] if names == "unknown" else []
        )
        self.doubt = self.warning = ""

    def params(self, items: int) -> Mapping[str, str]:
        """What to request next behind a first page of so many `items`; {} for nothing."""
        if not self._left:
            return {}
        if self._left.pop() == "page 1":  # the second one where pages are numbered from 0
            return dict.fromkeys(NUMBERS, "1")
        return {**dict.fromkeys(OFFSETS, str(items)), **dict.fromkeys(NUMBERS, "2")}

    def on_answer(self, first: int, items: int, new: int) -> None:
        """An answer of so many `items`, `new` of them, to the request behind so many `first` ones."""
        if items and new > NEW_IN_CHANGING * items:
            self.doubt = (
                f"the list is longer than the {first} records of its first page: under other names of the"
                " position the API lists more (`check` finds which)"
            )
        elif items and first >= 10 and not (first % 10 and first % 25):
            self.warning = (
                f"the API lists {first} records whatever position is requested: are these all, or as many as"
                " it lists by default?"
            )
        self._left = [] if items else self._left

    def on_refusal(self) -> None:
        """The request was refused or failed: nothing is known."""
        self._left = []
