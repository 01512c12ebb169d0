"""The paging styles: the strategy of each, and how a page is written in a request.

`STYLES` has an entry for every name in the dialects' `PAGING_STYLES`; only `bisect` knows styles besides.
Pure. Invariant: a parameter whose name is empty is not sent, since the server has none of that kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from exporter.inventory.dialects import Paging
from exporter.paging.strategies import (
    LinkStrategy,
    OffsetStrategy,
    PageRequest,
    PageStrategy,
    SingleStrategy,
    Strategy,
)


class Parameters(msgspec.Struct, frozen=True):
    """How a page is requested: the parameters of paging itself, in order, and headers.

    `link` is an absolute URL to request instead, as it is and without any parameter; "" for none.
    """

    params: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    link: str = ""


class Style(NamedTuple):
    """One paging style. `position` names what an API ignores that always gives the first page."""

    strategy: Callable[[int], Strategy]
    parameters: Callable[[Paging, PageRequest], Parameters]
    position: Callable[[Paging], str] = lambda paging: paging.position_param


def parameters(paging: Paging, request: PageRequest) -> Parameters:
    """How `request` is written under `paging`."""
    return STYLES[paging.style].parameters(paging, request)


def is_sized(paging: Paging) -> bool:
    """Whether requests say how many records a page should have."""
    return parameters(paging, PageRequest(0, 1)) != parameters(paging, PageRequest(0, 2))


def _named(*pairs: tuple[str, object]) -> Parameters:
    return Parameters({name: str(value) for name, value in pairs if name})


def _by_offset(paging: Paging, request: PageRequest) -> Parameters:
    return _named((paging.size_param, request.limit), (paging.position_param, request.position))


def _by_page(paging: Paging, request: PageRequest) -> Parameters:
    number = paging.first + request.position
    return _named((paging.size_param, request.limit), (paging.position_param, number))


def _by_link(paging: Paging, request: PageRequest) -> Parameters:
    if request.next_page.link:
        return Parameters(link=request.next_page.link)
    return _named((paging.size_param, request.limit))


def _by_cursor(paging: Paging, request: PageRequest) -> Parameters:
    name = paging.cursor_param if request.next_page.cursor else ""
    return _named((paging.size_param, request.limit), (name, request.next_page.cursor))


def _by_range(paging: Paging, request: PageRequest) -> Parameters:
    """RFC 9110, section 14.2, with the unit `items` as in TMF630."""
    first = paging.first + request.position
    return Parameters(headers={"Range": f"items={first}-{first + request.limit - 1}"})


STYLES: Mapping[str, Style] = {
    "offset": Style(OffsetStrategy, _by_offset),
    "page": Style(PageStrategy, _by_page),
    "link": Style(LinkStrategy, _by_link, lambda paging: "its own links"),
    "cursor": Style(LinkStrategy, _by_cursor, lambda paging: paging.cursor_param),
    "range": Style(OffsetStrategy, _by_range, lambda paging: "the Range header"),
    "none": Style(SingleStrategy, lambda paging, request: Parameters()),
}
