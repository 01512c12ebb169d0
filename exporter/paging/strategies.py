"""The paging styles: for each the course through the list, and the words in which a part is asked for.

`STYLES` holds one entry for every name in the dialects' `PAGING_STYLES`; nobody else branches on a style.
Which part comes when is the courses' business (`offset_strategies`, `link_strategies`). Pure. Invariant: a
parameter whose name is empty is not sent, since this server has none of that kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from exporter.inventory.dialects import Paging
from exporter.paging.link_strategies import Chain
from exporter.paging.offset_strategies import Offset, Page, Single
from exporter.paging.split import PAGES, RECORDS, Cut
from exporter.paging.strategy import Ask, Course


class Words(msgspec.Struct, frozen=True):
    """How a part is asked for: paging's own parameters, in order, and headers.

    `link` is the absolute URL to ask for instead, as it is and without any parameter; "" for none.
    """

    params: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    link: str = ""


class Style(NamedTuple):
    """One paging style. `offset_strategies` names what an API ignores that always gives the same page.

    `cut` takes pages apart; None where only the page before knows where one begins.
    """

    course: Callable[[int], Course]
    words: Callable[[Paging, Ask], Words]
    position: Callable[[Paging], str] = lambda paging: paging.position_param
    cut: Cut | None = None


def worded(paging: Paging, ask: Ask) -> Words:
    """The words for `ask`."""
    return STYLES[paging.style].words(paging, ask)


def is_sized(paging: Paging) -> bool:
    """Whether the number of records of a page is asked for at all."""
    return worded(paging, Ask(0, 1)) != worded(paging, Ask(0, 2))


def cut(paging: Paging) -> Cut | None:
    """How pages are taken apart, None where they cannot be."""
    return STYLES[paging.style].cut if is_sized(paging) else None


def _named(*pairs: tuple[str, object]) -> Mapping[str, str]:
    return {name: str(value) for name, value in pairs if name}


def _by_offset(paging: Paging, ask: Ask) -> Words:
    return Words(_named((paging.size_param, ask.limit), (paging.position_param, ask.position)))


def _by_page(paging: Paging, ask: Ask) -> Words:
    number = paging.first + ask.position
    return Words(_named((paging.size_param, ask.limit), (paging.position_param, number)))


def _by_link(paging: Paging, ask: Ask) -> Words:
    if ask.onward.link:
        return Words(link=ask.onward.link)
    return Words(_named((paging.size_param, ask.limit)))


def _by_cursor(paging: Paging, ask: Ask) -> Words:
    size = (paging.size_param, ask.limit)
    if ask.onward.cursor:
        return Words(_named(size, (paging.cursor_param, ask.onward.cursor)))
    return Words(_named(size))


def _by_range(paging: Paging, ask: Ask) -> Words:
    """RFC 9110, section 14.2, with the unit `items` as in TMF630."""
    first = paging.first + ask.position
    return Words(headers={"Range": f"items={first}-{first + ask.limit - 1}"})


def _at_once(paging: Paging, ask: Ask) -> Words:
    return Words()


STYLES: Mapping[str, Style] = {
    "offset": Style(Offset, _by_offset, cut=RECORDS),
    "page": Style(Page, _by_page, cut=PAGES),
    "link": Style(Chain, _by_link, lambda paging: "its own links"),
    "cursor": Style(Chain, _by_cursor, lambda paging: paging.cursor_param),
    "range": Style(Offset, _by_range, lambda paging: "the Range header", RECORDS),
    "none": Style(Single, _at_once),
}
