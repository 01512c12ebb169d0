"""Where in a list a request points: the paging styles, read from query and Range header.

Owns what a client may write to get a part; which records are there is `listing`'s. Invariant: a style reads
its own parameters and ignores those of all others, as the servers do that it imitates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from exporter.simulator import cursor
from exporter.simulator.response_options import PagingOptions

EVERYTHING = 10**9
"""The size of a page that has no end."""

_SPAN = re.compile(r"items=(\d{1,9})-(\d{1,9})")


class BadQuery(ValueError):
    """The client asked for something that cannot be; the message says what to ask instead."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Position:
    """`size` records from `start`, which counts records from 0.

    `anchor` is the code of the record that was beside `start` when it was given out, "" for none;
    `backwards` asks for the records before `start` instead.
    """

    start: int
    size: int
    anchor: str = ""
    backwards: bool = False


def unfolded(paging: PagingOptions, query: Mapping[str, str]) -> Mapping[str, str]:
    """The query that a token stands for, the token included; the query itself without one."""
    held = _token(query, paging.cursor_param)
    if held is None or not held.query:
        return query
    return {**held.query, paging.cursor_param: query[paging.cursor_param]}


def find(paging: PagingOptions, query: Mapping[str, str], span: str) -> Position:
    """What part is asked for; `span` is the Range header or "". Raises BadQuery."""
    for name, backwards in ((paging.cursor_param, False), (paging.back_param, True)):
        held = _token(query, name)
        if held is not None:
            return Position(held.at, _size(paging, query), held.code, backwards)
    return STYLES[paging.style](paging, query, span)


def number(query: Mapping[str, str], name: str, default: int, allowed: range) -> int:
    """A whole number of the query. Raises BadQuery, naming the parameter, for anything else."""
    text = query.get(name, str(default))
    if text.isdecimal() and len(text) < 10 and int(text) in allowed:
        return int(text)
    raise BadQuery(f"{name} is {text!r}; use a whole number from {allowed.start} to {allowed.stop - 1}")


def _token(query: Mapping[str, str], name: str) -> cursor.Cursor | None:
    if not name or name not in query:
        return None
    try:
        return cursor.read(query[name])
    except ValueError as error:
        raise BadQuery(f"{name} is {error}; follow the links") from error


def _size(paging: PagingOptions, query: Mapping[str, str]) -> int:
    text = query.get(paging.size_param, "")
    if text.isdecimal() and len(text) < 10 and int(text) > paging.max_size:
        return _most(paging, paging.size_param, text)
    return number(query, paging.size_param, paging.default_size, range(1, paging.max_size + 1))


def _most(paging: PagingOptions, name: str, text: str) -> int:
    """What comes of asking for too much: a refusal, or silently less."""
    if paging.beyond_max:
        message = f"{name} is {text!r}; use a whole number from 1 to {paging.max_size}"
        raise BadQuery(message, paging.beyond_max)
    return paging.max_size


def _place(paging: PagingOptions, query: Mapping[str, str]) -> int:
    return number(query, paging.position_param, paging.first, range(paging.first, EVERYTHING)) - paging.first


def _by_offset(paging: PagingOptions, query: Mapping[str, str], span: str) -> Position:
    return Position(_place(paging, query), _size(paging, query))


def _by_page(paging: PagingOptions, query: Mapping[str, str], span: str) -> Position:
    size = _size(paging, query)
    return Position(_place(paging, query) * size, size)


def _by_range(paging: PagingOptions, query: Mapping[str, str], span: str) -> Position:
    if not span:
        return Position(0, paging.default_size)
    found = _SPAN.fullmatch(span)
    first, last = (int(text) for text in found.groups()) if found else (0, 0)
    if not 1 <= first <= last:
        raise BadQuery(f"Range is {span!r}; use one like items=1-100")
    size = last - first + 1
    return Position(first - 1, size if size <= paging.max_size else _most(paging, "Range", str(size)))


def _always_first(paging: PagingOptions, query: Mapping[str, str], span: str) -> Position:
    return Position(0, _size(paging, query))


def _all_at_once(paging: PagingOptions, query: Mapping[str, str], span: str) -> Position:
    return Position(0, EVERYTHING)


STYLES: Mapping[str, Callable[[PagingOptions, Mapping[str, str], str], Position]] = {
    "offset": _by_offset,
    "page": _by_page,
    "link": _always_first,  # anything further is a token
    "cursor": _always_first,
    "range": _by_range,
    "first": _always_first,
    "none": _all_at_once,
}
"""What a request without a token means, by style."""
