"""Whole crawls by link, cursor and range of real servers, and of servers that refuse a page's size."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from exporter import errors
from exporter.client import Page
from exporter.inventory.dialects import Paging
from exporter.paging import fetch, pagination
from tests.source.servers import Told, asking

OFFSET = Paging()
LINK = Paging(style="link")
CURSOR = Paging(style="cursor")
RANGE = Paging(style="range")
Answer = Callable[[web.Request], web.Response]


class Reader:
    """Reads lists of one server; `asked` are the targets of the requests as they came in, undecoded."""

    def __init__(self) -> None:
        self.url = ""
        self.ids: list[int] = []
        self.sizes: list[int] = []
        self.asked: list[str] = []
        self.heads: list[dict[str, str]] = []
        self.told = Told()
        self.now = self.most = 0

    async def read(self, how: Paging, size: int = 10) -> pagination.ListResult:
        async def take(page: Page, query: pagination.Query) -> fetch.Store:
            ids = json.loads(page.body)
            ids = ids["items"] if isinstance(ids, dict) else ids

            def keep() -> pagination.PageResult:
                new = len(set(ids) - set(self.ids))
                self.ids += ids
                self.sizes.append(query.page_size)
                return fetch.page_result(page, query, len(ids), new)

            return keep

        generator = pagination.paginate(
            how, size, {"@type": "a b"}, width=3, caps=pagination.Caps(1000, 10_000)
        )
        async with asking(self.url, self.told, retries=0) as client:
            return await fetch.read_list(client, self.url, generator, take, deadline=fetch.Deadline(30))


@asynccontextmanager
async def reading(answer: Answer) -> AsyncIterator[Reader]:
    """A reader of a server that answers as told."""
    reader = Reader()

    async def counted(request: web.Request) -> web.Response:
        reader.asked.append(request.raw_path)
        reader.heads.append(dict(request.headers))
        reader.now += 1
        reader.most = max(reader.most, reader.now)
        await asyncio.sleep(0.002)
        reader.now -= 1
        return answer(request)

    app = web.Application()
    app.router.add_get("/{any:.*}", counted)
    async with TestServer(app) as server:
        reader.url = str(server.make_url("/api/service"))
        yield reader


def page(start: int, count: int, length: int = 10, **headers: str) -> web.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response(list(range(start, min(count, start + length))), headers=names)


ODD = "/api/service?t=a%2Fb+c%20d;x&&=1&n="
"""A link that any rewriting would change."""


async def test_links_are_followed_to_the_letter_one_after_the_other() -> None:
    def answer(request: web.Request) -> web.Response:
        start = int(request.raw_path.rpartition("&n=")[2]) if "&n=" in request.raw_path else 0
        link = f'</x>; rel=prev, <{ODD}{start + 10}>; rel="next"' if start < 30 else "</x>; rel=previous"
        return page(start, 35, Link=link)

    async with reading(answer) as reader:
        result = await reader.read(LINK)
    assert (result.complete, sorted(reader.ids)) == (True, list(range(35)))
    assert reader.asked == ["/api/service?@type=a+b&limit=10", *(f"{ODD}{at}" for at in (10, 20, 30))]
    assert reader.most == 1


async def test_f39_a_link_to_another_origin_is_not_asked_for() -> None:
    async with reading(lambda request: page(0, 500)) as elsewhere:
        foreign = f"<{elsewhere.url}?p=2>; rel=next"
        async with reading(lambda request: page(0, 500, Link=foreign)) as reader:
            result = await reader.read(LINK)
    assert elsewhere.asked == []
    assert len(reader.asked) == 1
    assert (
        result.reason
        == "the link to the next page leads to another origin ('127.0.0.1'), and is not followed"
    )


async def test_f39_a_loop_of_links_is_left() -> None:
    async with reading(lambda request: page(0, 500, Link="<?p=2>; rel=next")) as reader:
        result = await reader.read(LINK)
    assert reader.asked == ["/api/service?@type=a+b&limit=10", "/api/service?p=2"]
    assert "in a circle" in result.reason


@pytest.mark.parametrize("status", [500, 400, 410, 422])
async def test_f40_a_link_that_fails_leaves_the_rest_unread(status: int) -> None:
    def answer(request: web.Request) -> web.Response:
        failed = web.Response(status=status)
        return failed if "p" in request.query else page(0, 35, Link="<?p=2>; rel=next", X_Total_Count="35")

    async with reading(answer) as reader:
        result = await reader.read(LINK)
    assert (result.complete, result.unread_pages, result.unread_records) == (False, 1, 25)


async def test_cursors_from_links_go_beside_the_query() -> None:
    def answer(request: web.Request) -> web.Response:
        start = int(request.query.get("after", "c0")[1:])
        link = f"<http://internal:8080/?after=c{start + 10}>; rel=next" if start < 30 else ""
        return page(start, 35, Link=link)

    async with reading(answer) as reader:
        result = await reader.read(CURSOR)
    assert (result.complete, sorted(reader.ids)) == (True, list(range(35)))
    assert reader.asked[1] == "/api/service?@type=a+b&limit=10&after=c10"


async def test_a_cursor_in_the_body_is_followed_until_it_is_null() -> None:
    def answer(request: web.Request) -> web.Response:
        start = int(request.query.get("cursor", "0"))
        rows = list(range(start, min(35, start + 10)))
        return web.json_response({"items": rows, "page": {"next": start + 10 if start < 30 else None}})

    async with reading(answer) as reader:
        result = await reader.read(Paging(style="cursor", cursor_param="cursor", next_member="page.next"))
    assert (result.complete, sorted(reader.ids)) == (True, list(range(35)))


def ranged(count: int, *, empty: int = 416) -> Answer:
    """A list by Range of items counted from 1, as RFC 9110 has it: 206, or 416 behind the end."""

    def answer(request: web.Request) -> web.Response:
        first, last = (int(text) for text in request.headers["Range"].removeprefix("items=").split("-"))
        if first > count:
            return web.Response(status=empty, headers={"Content-Range": f"items */{count}"})
        stop = min(count, last)
        rows = list(range(first, stop + 1))
        headers = {"Content-Range": f"items {first}-{stop}/{count}"}
        return web.json_response(rows, status=206, headers=headers)

    return answer


async def test_ranges_are_asked_for_at_once_when_the_total_is_known() -> None:
    async with reading(ranged(95)) as reader:
        result = await reader.read(RANGE)
    assert (result.complete, result.expected, sorted(reader.ids)) == (True, 95, list(range(1, 96)))
    assert reader.most == 3
    assert {head["Range"] for head in reader.heads} == {f"items={at}-{at + 9}" for at in range(1, 100, 10)}
    assert set(reader.asked) == {"/api/service?@type=a+b"}
    assert {head["Accept"] for head in reader.heads} == {"application/json"}


async def test_no_range_of_an_empty_list_can_be_satisfied_and_that_is_no_failure() -> None:
    async with reading(ranged(0)) as reader:
        result = await reader.read(RANGE)
    assert (result.complete, result.received, len(reader.asked)) == (True, 0, 1)


async def test_a_first_page_by_offset_that_answers_416_fails_the_crawl() -> None:
    async with reading(lambda request: web.Response(status=416)) as reader:
        with pytest.raises(errors.Refused, match="416"):
            await reader.read(OFFSET)


def limited(status: int, most: int) -> Answer:
    """A list of 35 by offset that refuses limits above `most`."""

    def answer(request: web.Request) -> web.Response:
        start, limit = int(request.query.get("offset", 0)), int(request.query["limit"])
        return page(start, 35, limit, X_Total_Count="35") if limit <= most else web.Response(status=status)

    return answer


@pytest.mark.parametrize("status", [400, 422])
async def test_f35_a_refused_limit_is_halved_until_the_api_takes_it(status: int) -> None:
    async with reading(limited(status, 12)) as reader:
        result = await reader.read(OFFSET, size=40)
    assert (result.complete, sorted(reader.ids)) == (True, list(range(35)))
    assert set(reader.sizes) == {10}
    assert reader.told.codes == {str(status): 2, "200": 4}


async def test_a_refusal_that_no_limit_mends_is_raised_as_it_is() -> None:
    async with reading(limited(422, 0)) as reader:
        with pytest.raises(errors.Refused, match="422") as caught:
            await reader.read(OFFSET, size=40)
    assert len(reader.asked) == 6
    assert "try a smaller page_size" in caught.value.hint


async def test_a_failure_of_the_halved_page_is_raised_and_not_the_refusal_before_it() -> None:
    def answer(request: web.Request) -> web.Response:
        return web.Response(status=400 if request.query["limit"] == "40" else 503)

    async with reading(answer) as reader:
        with pytest.raises(errors.Broken, match="503"):
            await reader.read(OFFSET, size=40)
