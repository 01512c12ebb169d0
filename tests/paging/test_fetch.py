"""Whole crawls of lists that real servers give page by page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from exporter import errors
from exporter.client import Page
from exporter.inventory.dialects import Paging
from exporter.paging import fetch, pagination
from tests.source.servers import Told, asking
from tests.virtual_time import within

OFFSET = Paging()
PAGE = Paging(style="page", size_param="size", position_param="page", first=1)
THIRTY = fetch.Deadline(30)
Answer = Callable[[web.Request], Awaitable[web.Response]]


class Reader:
    """Reads lists of one server; keeps the ids that came."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ids: list[int] = []
        self.told = Told()
        self.taking = self.most_taking = 0

    async def take(self, page: Page, query: pagination.Query) -> fetch.Store:
        self.taking += 1
        self.most_taking = max(self.taking, self.most_taking)
        await asyncio.sleep(0.002)
        self.taking -= 1
        try:
            ids = json.loads(page.body)
        except ValueError as error:
            raise errors.Malformed("the page is not JSON") from error

        def keep() -> pagination.PageResult:
            new = len(set(ids) - set(self.ids))
            self.ids += ids
            return pagination.PageResult(query, len(ids), new, fetch.total(page, OFFSET), page.status)

        return keep

    async def read(
        self, *, width: int = 4, deadline: fetch.Deadline | None = THIRTY, retries: int = 0
    ) -> pagination.ListResult:
        generator = pagination.paginate(
            OFFSET, 10, {"status": "1"}, width=width, caps=pagination.Caps(1000, 10_000)
        )
        async with asking(self.url, self.told, retries=retries) as client:
            try:
                return await fetch.read_list(client, self.url, generator, self.take, deadline=deadline)
            finally:
                assert not [task for task in asyncio.all_tasks() if "Client.get" in repr(task.get_coro())]


@asynccontextmanager
async def reading(answer: Answer) -> AsyncIterator[Reader]:
    """A reader of a server that answers as told."""
    app = web.Application()
    app.router.add_get("/service", answer)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield Reader(f"http://127.0.0.1:{runner.addresses[0][1]}/service")
    finally:
        await runner.cleanup()


def listing(
    count: int, total: int | None = None, bad: Callable[[int], web.Response | None] = lambda start: None
) -> Answer:
    """A list of `count` ids with offset and limit; `bad` may answer for a position instead."""

    async def answer(request: web.Request) -> web.Response:
        start, limit = int(request.query["offset"]), int(request.query["limit"])
        await asyncio.sleep(start % 3 * 0.002)
        headers = {} if total is None else {"X-Total-Count": str(total)}
        rows = list(range(start, min(count, start + limit)))
        return bad(start) or web.json_response(rows, headers=headers)

    return answer


@pytest.mark.parametrize("total", [95, None])
async def test_a_list_is_read_to_its_end(total: int | None) -> None:
    async with reading(listing(95, total)) as reader:
        result = await reader.read()
    assert sorted(reader.ids) == list(range(95))
    assert (result.complete, result.received, result.pages) == (True, 95, 10 if total else 11)


async def test_pages_are_asked_for_at_once_and_never_more_than_the_width() -> None:
    now = most = 0
    plain = listing(200, 200)

    async def counting(request: web.Request) -> web.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        try:
            return await plain(request)
        finally:
            now -= 1

    async with reading(counting) as reader:
        await reader.read(width=3)
    assert most == 3


async def test_a_page_that_fails_first_fails_the_crawl() -> None:
    async with reading(listing(95, 95, lambda start: web.Response(status=503))) as reader:
        with pytest.raises(errors.Broken, match="503 Service Unavailable"):
            await reader.read()
    assert reader.told.codes == {"503": 1}


async def test_a_first_page_that_fails_and_all_probes_with_it_fail_the_crawl() -> None:
    async with reading(listing(95, 95, lambda start: web.Response(status=504))) as reader:
        with pytest.raises(errors.Broken, match="504 Gateway Timeout"):
            await reader.read()
    assert reader.told.codes == {"504": 4}


async def test_a_first_page_that_cannot_be_decoded_fails_the_crawl() -> None:
    async with reading(listing(95, 95, lambda start: web.Response(text="[1,"))) as reader:
        with pytest.raises(errors.Malformed, match="not JSON"):
            await reader.read()


@pytest.mark.parametrize("broken", [lambda: web.Response(status=503), lambda: web.Response()])
async def test_f40_a_later_page_that_fails_is_unread_and_the_others_are_kept(
    broken: Callable[[], web.Response],
) -> None:
    async with reading(listing(95, 95, lambda start: broken() if start == 50 else None)) as reader:
        result = await reader.read()
    assert set(reader.ids) == set(range(95)) - set(range(50, 60))
    assert (result.complete, result.unread_pages, result.unread_records) == (False, 1, 10)


async def test_f18_the_reason_of_an_unread_page_is_in_the_ending() -> None:
    answer = listing(30, 30, lambda start: web.Response(status=504) if 10 <= start < 20 else None)
    async with reading(answer) as reader:
        result = await reader.read(retries=1)
    assert reader.told.codes["200"] == 3
    assert f"GET {reader.url}: 504 Gateway Timeout" in result.reason


async def test_f14_a_page_that_says_we_may_not_ask_ends_the_crawl_at_once() -> None:
    answer = listing(1000, 1000, lambda start: web.Response(status=401) if start == 20 else None)
    async with reading(answer) as reader:
        with pytest.raises(errors.Refused, match="401"):
            await reader.read()
    assert reader.told.codes["200"] < 10


async def test_a_right_that_is_withdrawn_during_a_crawl_fails_it() -> None:
    answered: list[int] = []

    def withdrawn(start: int) -> web.Response | None:
        answered.append(start)
        return web.Response(status=403) if len(answered) > 4 else None

    async with reading(listing(1000, 1000, withdrawn)) as reader:
        with pytest.raises(errors.Refused, match="403"):
            await reader.read()
    assert len(answered) < 10


async def test_a_403_to_one_page_while_the_first_one_is_listed_costs_that_page() -> None:
    answer = listing(400, 400, lambda start: web.Response(status=403) if start == 20 else None)
    async with reading(answer) as reader:
        result = await reader.read()
    assert (result.unread_pages, result.received) == (1, 390)
    assert "403 Forbidden" in result.reason


@pytest.mark.parametrize("status", [404, 416])
async def test_a_refused_position_behind_the_first_is_an_empty_page(status: int) -> None:
    answer = listing(40, None, lambda start: web.Response(status=status) if start >= 40 else None)
    async with reading(answer) as reader:
        result = await reader.read()
    assert (result.complete, result.received) == (True, 40)


async def test_f15_a_first_page_that_is_not_found_fails_the_crawl() -> None:
    async with reading(listing(0, None, lambda start: web.Response(status=404))) as reader:
        with pytest.raises(errors.Refused, match="404"):
            await reader.read(retries=3)
    assert reader.told.codes == {"404": 1}


async def test_another_refusal_of_a_later_page_leaves_it_unread() -> None:
    answer = listing(40, 40, lambda start: web.Response(status=422) if start == 30 else None)
    async with reading(answer) as reader:
        assert (await reader.read()).unread_pages == 1


async def test_the_width_of_the_crawl_counts_where_the_walk_is_wider() -> None:
    async with reading(listing(200, 200)) as reader:
        generator = pagination.paginate(OFFSET, 10, {}, width=8, caps=pagination.Caps(1000, 10_000))
        flying: list[int] = []

        async def take(page: Page, query: pagination.Query) -> fetch.Store:
            flying.append(
                len([task for task in asyncio.all_tasks() if "Client.get" in repr(task.get_coro())])
            )
            return await reader.take(page, query)

        async with asking(reader.url, reader.told, retries=0) as client:
            result = await fetch.read_list(client, reader.url, generator, take, deadline=THIRTY)
    assert result.complete
    assert max(flying) <= 2


async def test_several_pages_are_decoded_at_once_and_no_more_than_may_be_asked_for() -> None:
    async with reading(listing(200, 200)) as reader:
        assert (await reader.read(width=4)).complete
        assert 1 < reader.most_taking <= 4
        assert sorted(reader.ids) == list(range(200))


async def test_pages_that_fail_now_and_then_do_not_end_the_crawl() -> None:
    answer = listing(400, 400, lambda start: web.Response(status=502) if start // 10 % 2 else None)
    async with reading(answer) as reader:
        result = await reader.read(width=1)
    assert (result.unread_pages, result.received) == (20, 200)


async def test_positions_that_are_not_found_between_pages_that_fail_are_answers() -> None:
    def bad(start: int) -> web.Response | None:
        return web.Response(status=502 if start // 10 % 2 else 404) if start else None

    async with reading(listing(400, 400, bad)) as reader:
        result = await reader.read(width=1)
    assert (result.unread_pages, result.received) == (20, 10)


async def test_ten_pages_in_a_row_that_fail_end_the_crawl() -> None:
    answer = listing(5000, 5000, lambda start: web.Response(status=502) if start >= 100 else None)
    async with reading(answer) as reader:
        with pytest.raises(errors.PartialCrawl, match=r"10 pages in a row failed: .*502") as caught:
            await reader.read(width=1)
    assert caught.value.reason == "partial"
    assert reader.told.codes == {"200": 10, "502": 10}


async def test_f06_a_deadline_ends_the_crawl_and_everything_in_flight() -> None:
    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(0 if request.query["offset"] == "0" else 60)
        return web.json_response(list(range(10)), headers={"X-Total-Count": "1000"})

    async with reading(slow) as reader:
        with within(0.2), pytest.raises(errors.PartialCrawl, match="1 pages came") as caught:
            await reader.read(deadline=fetch.Deadline(0.15))
    assert caught.value.reason == "deadline"
    assert "limits.crawl_deadline" in caught.value.hint


async def test_a_deadline_that_is_over_names_all_of_it_and_what_went_before() -> None:
    async def never(request: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    said = r"within 1800 s, 1799\.9 s of it on the queries before this one; 0 pages came"
    async with reading(never) as reader:
        with within(0.2), pytest.raises(errors.PartialCrawl, match=said):
            await reader.read(deadline=fetch.Deadline(1800, spent=1799.9))


async def test_a_timeout_that_is_not_the_deadlines_is_a_bug_and_stays_one() -> None:
    async with reading(listing(95, 95)) as reader:

        async def take(page: Page, query: pagination.Query) -> pagination.PageResult:
            raise TimeoutError("a bug")

        reader.take = take  # type: ignore[method-assign]
        with pytest.raises(TimeoutError, match="a bug"):
            await reader.read()


async def test_a_crawl_that_is_cancelled_leaves_nothing_in_flight() -> None:
    asked = asyncio.Event()

    async def silent(request: web.Request) -> web.Response:
        asked.set()
        await asyncio.sleep(60)
        return web.Response()

    async with reading(silent) as reader:
        task = asyncio.create_task(reader.read(deadline=None))
        await asked.wait()
        task.cancel()
        with within(1), pytest.raises(asyncio.CancelledError):
            await task


async def test_queries_in_flight_when_the_walk_ends_are_given_up() -> None:
    async def endless(request: web.Request) -> web.Response:
        number = int(request.query["page"])
        if number > 5:
            await asyncio.sleep(60)
        return web.json_response(list(range(number * 10, number * 10 + 10)))

    async with reading(endless) as reader:
        generator = pagination.paginate(PAGE, 10, {}, width=4, caps=pagination.Caps(1000, 45))
        async with asking(reader.url, reader.told) as client:
            with within(5):
                result = await fetch.read_list(client, reader.url, generator, reader.take, deadline=THIRTY)
    assert result.reason == "stopped after 50 records, more than limits.records"
