"""No header and no body makes paging raise anything but a failure of the page."""

from __future__ import annotations

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from exporter.client import Page
from exporter.inventory.dialects import Paging
from exporter.paging import fetch, links, pagination

HEADERS = ("Link", "Content-Range", "X-Total-Count", "ETag", "X-Next", "Content-Type")
VALUES = st.text(max_size=30) | st.sampled_from(
    [
        *(
            '<http://[bad>; rel="next"',
            "</a?after=\udcff>; rel=next",
            "items 5-9/x",
            "items 5-9/60",
            "-1",
            "1e9",
        ),
        *('W/"x"', '"\udcff"', "9" * 400, "</service?offset=7>; rel=self", "*/3", "null"),
    ]
)
BODIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["items", "next", "total", "page", "id", "href"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)
HOW = st.builds(
    Paging,
    style=st.sampled_from(["offset", "page", "link", "cursor", "range", "none"]),
    next_member=st.sampled_from(["", "next", "page.next", "page"]),
    next_header=st.sampled_from(["Link", "X-Next", "ETag"]),
    total_member=st.sampled_from(["", "total", "page.total", "items"]),
    first=st.sampled_from([0, 1]),
)


@given(HOW, st.dictionaries(st.sampled_from(HEADERS), VALUES, max_size=4), BODIES | st.binary(max_size=20))
def test_no_header_and_no_body_makes_paging_raise(
    how: Paging, headers: dict[str, str], written: object
) -> None:
    body = written if isinstance(written, bytes) else json.dumps(written).encode()
    generator = pagination.paginate(how, 10, {"a": "b"}, width=2, caps=pagination.Caps(20, 100))
    queries = next(generator)
    positions = links.PagePositions()
    try:
        while queries:
            (query, *rest) = queries
            page = Page(query.params, 200, CIMultiDict(headers), body, 0.1, "http://127.0.0.1:1/service")
            positions.misplaced(query, page.headers)
            result = fetch.page_result(page, query, items=3, new=1)
            queries = (*rest, *generator.send(result))
    except StopIteration as stop:
        assert isinstance(stop.value, pagination.ListResult)
        msgspec.json.encode(stop.value.reason)
    for query in queries:
        assert all(value.isprintable() for _, value in query.headers)
