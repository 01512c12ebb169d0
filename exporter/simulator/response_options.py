"""How lists are requested and answered, as plain values: paging, counts, links, status codes.

`position` reads requests by `PagingOptions`, `page` and `headers` answer by `ResponseOptions`; a quirk is a
changed copy of them (`quirk_effects`). No value is a vendor's name: each difference is a field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Count = Callable[[int, int], int | None]
"""From a total and the number of a page (from 1) to the total that is announced there, None for none."""


@dataclass(frozen=True)
class PagingOptions:
    """How a part of a list is asked for. `style` is a name in `position.STYLES`.

    `first` is where positions begin. What asks for more than `max_size` records is refused with the status
    `beyond_max`, or silently gets `max_size` where that is 0. `cursor_param` is the parameter for a token
    that an earlier answer gave, `back_param` the same for the page before; "" where there is none.
    """

    style: str
    size_param: str
    position_param: str
    first: int
    default_size: int
    max_size: int = 1000
    beyond_max: int = 400
    cursor_param: str = ""
    back_param: str = ""


@dataclass(frozen=True)
class ResponseOptions:
    """What a list is answered with.

    `total_header` and `result_header` "" are not sent; `total_cap` 0 is none, `counts` alter the total one
    after the other. `range_format` is the Content-Range with the fields `start` and `stop` (from 0), `first`
    and `last` (from 1) and `total`; "" sends none. `links` are the relations of the Link header and
    `link_kind` how they point (`headers.LINKS`); `link_end` says what `next` does on the last page: nothing,
    "foreign" or "loop". `partial` is a name in `page.PARTIAL`. `past_end` and `nobody` are the statuses
    behind the last record and for a list without any. `envelope` is the member that holds the list, "" for a
    bare one. `hidden_share` of the records is taken away by access rules after a page was cut; `counted` is
    what the total then counts: "all", "readable" or "none". `arrivals` records join the list at its front
    while it is being read; with `doubles` every tenth record is listed twice in a row.
    """

    total_header: str = ""
    result_header: str = ""
    total_cap: int = 0
    counts: tuple[Count, ...] = ()
    range_format: str = ""
    links: tuple[str, ...] = ()
    link_kind: str = "offset"
    link_end: str = ""
    link_is_relative: bool = False
    link_shrinks: bool = False
    partial: str = "never"
    past_end: int = 200
    nobody: int = 200
    envelope: str = ""
    single_is_object: bool = False
    hidden_share: float = 0.0
    counted: str = "all"
    arrivals: int = 0
    doubles: bool = False

    @property
    def announces_total(self) -> bool:
        """Whether any header says how many records there are."""
        return bool(self.total_header) or "{total}" in self.range_format
