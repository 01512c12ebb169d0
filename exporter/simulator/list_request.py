"""What a request for a list asks for: which records, and which part of the list.

Owns the paging styles and the opaque tokens for the next page. A style reads its own parameters and ignores
those of all others. Unknown parameters are ignored, as inventories do; invalid values of known ones are
refused.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from exporter.simulator.record import CARRIER, RESOURCE
from exporter.simulator.response_options import PagingOptions, SimulatedDialect

EVERYTHING = 10**9
"""The size of a page without an end."""

_RANGE = re.compile(r"items=(\d{1,9})-(\d{1,9})")


class BadQuery(ValueError):
    """An invalid request; the message says what to request instead."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class PageToken(msgspec.Struct, frozen=True):
    """A place in a list: `position` counts records from 0, `code` is the record before it ("" for none).

    `query` is the query of the list, where the token stands for all of it.
    """

    position: int
    code: str = ""
    query: Mapping[str, str] = {}


def write_token(token: PageToken) -> str:
    """The token as text that is opaque to clients and safe in a URL."""
    return base64.urlsafe_b64encode(msgspec.json.encode(token)).decode()


def read_token(text: str) -> PageToken:
    """What a token means. Raises ValueError for anything that is none."""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text.encode()), type=PageToken)
    except (ValueError, msgspec.MsgspecError) as error:
        raise ValueError("not a token of this server") from error


@dataclass(frozen=True)
class ListRequest:
    """One request for a part of a list: `size` records from `position`, which counts records from 0.

    `days` is None for all records, N for those updated within the last N + 1 days. `anchor` is the code of
    the record before `position` when a token was issued, "" for none; `rest` is the query without the paging
    parameters.
    """

    api: str
    kinds: tuple[str, ...]
    filters: tuple[tuple[str, str], ...]
    days: int | None
    position: int
    size: int
    anchor: str = ""
    rest: tuple[tuple[str, str], ...] = ()

    @property
    def page(self) -> int:
        """The number of the page from 1, if all pages had this size."""
        return self.position // self.size + 1

    @property
    def rows(self) -> range:
        """The positions requested, counted from 1."""
        return range(self.position + 1, self.position + self.size + 1)

    @property
    def collection(self) -> str:
        """The exporter's name of the list."""
        if self.api == "tmf639":
            return "resources"
        return "carriers" if self.kinds == (CARRIER,) else "services"


def parse(
    dialect: SimulatedDialect, api: str, query: Mapping[str, str], range_header: str = ""
) -> ListRequest:
    """Reads a query string and a Range header. Raises BadQuery."""
    paging = dialect.paging
    query = query_of_token(paging, query)
    for name in dialect.required:
        if name not in query:
            raise BadQuery(f"{name} is required; name one type per request")
    position, size, anchor = page_position(paging, query, range_header)
    days = None
    if dialect.age_param and dialect.age_param in query:
        days = _number(query, dialect.age_param, 0, range(100_000))
    filters = {key: value for key, value in query.items() if key in dialect.attributes[api]}
    kinds: tuple[str, ...] = (RESOURCE,)
    if api == "tmf638":
        kinds = dialect.types.get(filters.pop("@type", ""), ())
    paging_params = (paging.size_param, paging.position_param, paging.cursor_param)
    return ListRequest(
        api=api,
        kinds=kinds,
        filters=tuple(sorted(filters.items())),
        days=days,
        position=position,
        size=size,
        anchor=anchor,
        rest=tuple((key, value) for key, value in query.items() if key not in paging_params),
    )


def query_of_token(paging: PagingOptions, query: Mapping[str, str]) -> Mapping[str, str]:
    """The query that a token stands for, with the token; the query itself without one."""
    token = _token(paging, query)
    if token is None or not token.query:
        return query
    return {**token.query, paging.cursor_param: query[paging.cursor_param]}


def page_position(
    paging: PagingOptions, query: Mapping[str, str], range_header: str = ""
) -> tuple[int, int, str]:
    """Position (from 0), size and anchor of the page requested. Raises BadQuery."""
    token = _token(paging, query)
    if token is not None:
        return token.position, _size(paging, query), token.code
    if paging.style == "none":
        return 0, EVERYTHING, ""
    if paging.style == "range":
        return *_range(paging, range_header), ""
    size = _size(paging, query)
    if paging.style in ("link", "cursor", "first"):  # every other page has a token, or there is none
        return 0, size, ""
    position = _number(query, paging.position_param, paging.first, range(paging.first, EVERYTHING))
    return (position - paging.first) * (size if paging.style == "page" else 1), size, ""


def _token(paging: PagingOptions, query: Mapping[str, str]) -> PageToken | None:
    name = paging.cursor_param
    if not name or name not in query:
        return None
    try:
        return read_token(query[name])
    except ValueError as error:
        raise BadQuery(f"{name} is {error}; follow the links") from error


def _number(query: Mapping[str, str], name: str, default: int, allowed: range) -> int:
    text = query.get(name, str(default))
    if text.isdecimal() and len(text) < 10 and int(text) in allowed:
        return int(text)
    raise BadQuery(f"{name} is {text!r}; use a whole number from {allowed.start} to {allowed.stop - 1}")


def _size(paging: PagingOptions, query: Mapping[str, str]) -> int:
    text = query.get(paging.size_param, "")
    if text.isdecimal() and len(text) < 10 and int(text) > paging.max_size:
        return _limited(paging, paging.size_param, text)
    return _number(query, paging.size_param, paging.default_size, range(1, paging.max_size + 1))


def _limited(paging: PagingOptions, name: str, text: str) -> int:
    """The size for a request that is too large: a refusal, or the maximum without notice."""
    if paging.beyond_max:
        message = f"{name} is {text!r}; use a whole number from 1 to {paging.max_size}"
        raise BadQuery(message, paging.beyond_max)
    return paging.max_size


def _range(paging: PagingOptions, header: str) -> tuple[int, int]:
    if not header:
        return 0, paging.default_size
    found = _RANGE.fullmatch(header)
    first, last = (int(text) for text in found.groups()) if found else (0, 0)
    if not 1 <= first <= last:
        raise BadQuery(f"Range is {header!r}; use one like items=1-100")
    size = last - first + 1
    return first - 1, size if size <= paging.max_size else _limited(paging, "Range", str(size))
