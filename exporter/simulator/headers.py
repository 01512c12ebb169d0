"""The headers of one page of a list: counts, Content-Range, Link.

They follow from the response options and the page alone, so the same page always has the same headers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from exporter.simulator import cursor
from exporter.simulator.dialect import SimulatedDialect
from exporter.simulator.listing import ListRequest
from exporter.simulator.response_options import ResponseOptions

ELSEWHERE = "http://other.invalid"
"""A host that does not exist, for links that lead off the inventory."""


@dataclass(frozen=True)
class PageSlice:
    """One page: the records from index `start` up to `stop` of a list of `length`.

    `shown` of them are left after access rules; `counted` is what the total counts, None for no total.
    `first_code` and `last_code` are the codes of the records at both ends, "" for none.
    """

    start: int
    stop: int
    length: int
    shown: int
    counted: int | None
    first_code: str = ""
    last_code: str = ""

    @property
    def more(self) -> bool:
        """Whether records follow."""
        return self.start < self.stop < self.length

    @property
    def whole(self) -> bool:
        """Whether the page is the whole list."""
        return self.stop - self.start == self.length


def page_headers(dialect: SimulatedDialect, ask: ListRequest, cut: PageSlice, where: str) -> dict[str, str]:
    """All headers of the page; `where` is the list's URL without a query."""
    response = dialect.response
    total = announced(response, cut.counted, ask.page)
    found = {}
    if response.total_header and total is not None:
        found[response.total_header] = str(total)
        if response.result_header:
            found[response.result_header] = str(cut.shown)
    if response.range_format and cut.start < cut.stop:
        found["Content-Range"] = response.range_format.format(
            start=cut.start,
            stop=cut.stop - 1,
            first=cut.start + 1,
            last=cut.stop,
            total="*" if total is None else total,
        )
    links = _links(dialect, ask, cut, where)
    if links:
        found["Link"] = ", ".join(f'<{url}>; rel="{name}"' for name, url in links.items())
    return found


def announced(response: ResponseOptions, counted: int | None, page: int) -> int | None:
    """The total that is told on that page, None where none is."""
    total = counted
    for alter in response.counts:
        if total is not None:
            total = alter(total, page)
    if total is not None and response.total_cap:
        total = min(total, response.total_cap)
    return total


def _links(dialect: SimulatedDialect, ask: ListRequest, cut: PageSlice, where: str) -> dict[str, str]:
    """Relation to URL, as far as there is such a page."""
    response = dialect.response
    size = max(1, ask.size)
    last_start = max(0, (cut.length - 1) // size * size)
    targets = {
        "first": (0, ""),
        "last": (last_start, ""),
        **({"next": (cut.stop, cut.last_code)} if cut.more else {}),
        **({name: (cut.start, cut.first_code) for name in ("prev", "previous") if cut.start}),
    }
    pointed = LINKS[response.link_kind]
    found = {}
    for name in response.links:
        if name in targets:
            at, code = targets[name]
            limit = min(size, cut.length - cut.stop) if name == "next" and response.link_shrinks else size
            query = pointed(dialect, ask, name, cursor.Cursor(at, code), limit)
            found[name] = f"{where}?{urlencode(query)}"
    if "next" in response.links and "next" not in found and cut.start < cut.stop:
        found |= _after_the_end(response, ask, where)
    if response.link_is_relative:
        found = {name: url.removeprefix(_origin(url)) for name, url in found.items()}
    return found


def _after_the_end(response: ResponseOptions, ask: ListRequest, where: str) -> dict[str, str]:
    """What `next` says where nothing is next."""
    again = f"?{urlencode(ask.rest)}" if ask.rest else ""
    return {
        "": {},
        "foreign": {"next": f"{where.replace(_origin(where), ELSEWHERE)}{again}"},
        "loop": {"next": f"{where}{again}"},
    }[response.link_end]


def _origin(url: str) -> str:
    """Scheme and host, unless they lead elsewhere, which no relative link can."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    return "" if origin == ELSEWHERE else origin


Query = Mapping[str, str]


def _by_offset(
    dialect: SimulatedDialect, ask: ListRequest, name: str, to: cursor.Cursor, limit: int
) -> Query:
    paging = dialect.paging
    at = max(0, to.at - limit) if name in ("prev", "previous") else to.at
    position = at // limit if paging.style == "page" else at
    return {
        **dict(ask.rest),
        paging.position_param: str(position + paging.first),
        paging.size_param: str(limit),
    }


def _by_cursor(
    dialect: SimulatedDialect, ask: ListRequest, name: str, to: cursor.Cursor, limit: int
) -> Query:
    paging = dialect.paging
    token = paging.back_param if name == "prev" else paging.cursor_param
    return {**dict(ask.rest), paging.size_param: str(limit), token: cursor.write(to)}


def _by_token(dialect: SimulatedDialect, ask: ListRequest, name: str, to: cursor.Cursor, limit: int) -> Query:
    """One token for everything: there is nothing to take apart, and nothing to put together."""
    paging = dialect.paging
    query = {**dict(ask.rest), paging.size_param: str(limit)}
    return {paging.cursor_param: cursor.write(cursor.Cursor(to.at, to.code, query))}


LINKS: Mapping[str, Callable[[SimulatedDialect, ListRequest, str, cursor.Cursor, int], Query]] = {
    "offset": _by_offset,
    "cursor": _by_cursor,
    "token": _by_token,
}
"""How links point to a page, by `ResponseOptions.link_kind`."""
