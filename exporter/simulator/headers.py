"""The headers of one page of a list: counts, Content-Range, Link.

They follow from the response options and the page alone, so the same page always has the same headers.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from exporter.simulator.list_request import ListRequest, PageToken, write_token
from exporter.simulator.response_options import ResponseOptions, SimulatedDialect

FOREIGN_ORIGIN = "http://other.invalid"
"""A host that does not exist, for links that leave the inventory."""


@dataclass(frozen=True)
class PageSlice:
    """One page: the records from index `start` up to `stop` of a list of `length`.

    `shown` of them are left after access rules; `counted` is what the total counts, None for no total.
    `last_code` is the code of the last record, "" for none.
    """

    start: int
    stop: int
    length: int
    shown: int
    counted: int | None
    last_code: str = ""

    @property
    def has_next(self) -> bool:
        """Whether records follow."""
        return self.start < self.stop < self.length

    @property
    def is_whole_list(self) -> bool:
        """Whether the page is the whole list."""
        return self.stop - self.start == self.length


def page_headers(
    dialect: SimulatedDialect, request: ListRequest, page: PageSlice, url: str
) -> dict[str, str]:
    """All headers of the page; `url` is the list's without a query."""
    response = dialect.response
    total = announced_total(response, page.counted, request.page)
    headers = {}
    if response.total_header and total is not None:
        headers[response.total_header] = str(total)
        if response.result_header:
            headers[response.result_header] = str(page.shown)
    if response.range_format and page.start < page.stop:
        headers["Content-Range"] = response.range_format.format(
            start=page.start,
            stop=page.stop - 1,
            first=page.start + 1,
            last=page.stop,
            total="*" if total is None else total,
        )
    links = _links(dialect, request, page, url)
    if links:
        headers["Link"] = ", ".join(f'<{target}>; rel="{name}"' for name, target in links.items())
    return headers


def announced_total(response: ResponseOptions, counted: int | None, page: int) -> int | None:
    """The total announced on that page (from 1), None for none."""
    total = counted
    for change in response.changes:
        if total is not None:
            total = change(total, page)
    if total is not None and response.total_cap:
        total = min(total, response.total_cap)
    return total


def _links(dialect: SimulatedDialect, request: ListRequest, page: PageSlice, url: str) -> dict[str, str]:
    """URLs by relation, as far as there is such a page."""
    response = dialect.response
    size = max(1, request.size)
    next_size = min(size, page.length - page.stop) if response.link_shrinks else size
    targets = {
        "first": (PageToken(0), size),
        "last": (PageToken(max(0, (page.length - 1) // size * size)), size),
    }
    if page.has_next:
        targets["next"] = (PageToken(page.stop, page.last_code), next_size)
    if page.start:
        targets["previous"] = (PageToken(max(0, page.start - size)), size)
    links = {
        name: f"{url}?{urlencode(_query(dialect, request, *targets[name]))}"
        for name in response.links
        if name in targets
    }
    if "next" in response.links and "next" not in links and page.start < page.stop and response.link_end:
        origin = url if response.link_end == "loop" else url.replace(_origin(url), FOREIGN_ORIGIN)
        links["next"] = f"{origin}?{urlencode(request.rest)}" if request.rest else origin
    if response.link_is_relative:
        links = {
            name: target if target.startswith(FOREIGN_ORIGIN) else target.removeprefix(_origin(target))
            for name, target in links.items()
        }
    return links


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _query(dialect: SimulatedDialect, request: ListRequest, to: PageToken, size: int) -> dict[str, str]:
    """The query of a link to `size` records from `to`."""
    paging, kind = dialect.paging, dialect.response.link_kind
    query = dict(request.rest)
    if kind == "token":
        query[paging.size_param] = str(size)
        return {paging.cursor_param: write_token(PageToken(to.position, to.code, query))}
    if kind == "cursor":
        return {**query, paging.size_param: str(size), paging.cursor_param: write_token(to)}
    position = to.position // size if paging.style == "page" else to.position
    return {**query, paging.position_param: str(position + paging.first), paging.size_param: str(size)}
