"""Whole crawls and refreshes of lists whose server fails at particular rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from exporter import errors
from exporter.paging import fetch
from tests import crawling
from tests.paging.test_fetch import Answer, reading

QUICK = {"limits.retries": 0}


def failing(
    count: int, bad: set[int], broken: Callable[[], web.Response], total: int | None = None
) -> Answer:
    """A list of `count` ids with offset and limit; pages with a row of `bad` are `broken`."""

    async def answer(request: web.Request) -> web.Response:
        start = int(request.query["offset"])
        rows = list(range(start, min(count, start + int(request.query["limit"]))))
        if bad & set(rows):
            return broken()
        return web.json_response(rows, headers={} if total is None else {"X-Total-Count": str(total)})

    return answer


@pytest.mark.parametrize("total", [95, None])
@pytest.mark.parametrize(
    ("broken", "cause"),
    [
        (lambda: web.Response(status=504), "504"),
        (lambda: web.Response(status=502), "502"),
        (lambda: web.Response(status=500), "500"),
        (lambda: web.Response(text="[1,", content_type="application/json"), "json"),
    ],
)
async def test_f18_pages_that_always_fail_are_taken_apart(
    broken: Callable[[], web.Response], cause: str, total: int | None
) -> None:
    async with reading(failing(95, {0, 55}, broken, total)) as reader:
        result = await reader.read()
    assert sorted(reader.ids) == [row for row in range(95) if row not in (0, 55)]
    assert result.reason.startswith(f"row 1 (and 1 more) cannot be read: {cause}")
    assert (result.complete, result.unread_pages, result.unread_records) == (False, 0, 2)


async def test_many_parts_that_fail_in_a_row_are_not_an_api_that_is_broken() -> None:
    async with reading(failing(95, {50, 51, 53, 56, 58}, lambda: web.Response(status=504), 95)) as reader:
        result = await reader.read(width=1)
    assert result.unread_records == 5
    assert len(reader.ids) == 90


async def test_a_list_of_one_row_that_fails_is_a_failure() -> None:
    async with reading(failing(1, {0}, lambda: web.Response(status=504))) as reader:
        with pytest.raises(errors.Broken, match="504"):
            await reader.read()


async def test_a_part_that_may_not_be_read_ends_the_crawl() -> None:
    async def answer(request: web.Request) -> web.Response:
        start, limit = int(request.query["offset"]), int(request.query["limit"])
        if limit < 10:
            return web.Response(status=403)
        if start == 20:
            return web.Response(status=504)
        return web.json_response(list(range(start, min(50, start + limit))))

    async with reading(answer) as reader:
        with pytest.raises(errors.Refused, match="403"):
            await reader.read()


async def test_when_the_share_of_the_time_for_pages_is_over_what_came_is_not_lost_for_parts() -> None:
    async with reading(failing(95, {55}, lambda: web.Response(status=504), 95)) as reader:
        result = await reader.read(deadline=fetch.Deadline(30, for_pages=0.0))
    assert (result.unread_pages, result.unread_records, len(reader.ids)) == (1, 10, 85)


@pytest.mark.parametrize("dialect", ["ses", "tmf-v4"])
async def test_f18_every_carrier_but_the_one_that_cannot_be_read_is_published(
    tmp_path: Path, dialect: str
) -> None:
    changes = {**QUICK, "collections.carriers.page_size": 20}
    fault = "504:rows=17,collection=carriers"
    async with crawling.house(tmp_path, changes, dialect=dialect, faults=(fault,)) as (simulator, built):
        poller = crawling.poller(built, "carriers")
        await poller.refresh()
        assert poller.recorder.error == ""
        assert len(poller.snapshot.records) == 49
        assert (poller.status.complete, poller.status.unread) == (False, 1)
        assert "row 17 cannot be read: 504" in poller.recorder.problem
        crawling.trouble(simulator)
        for _ in range(3):
            await poller.refresh("full")
        assert (len(poller.snapshot.records), poller.status.complete) == (50, True)


async def test_f18_a_bad_row_among_many_pages_costs_one_record(tmp_path: Path) -> None:
    changes = {**QUICK, "collections.resources.page_size": 10}
    async with crawling.house(tmp_path, changes, faults=("502:rows=17+34,collection=resources",)) as (
        _,
        built,
    ):
        poller = crawling.poller(built, "resources")
        await poller.refresh()
        assert poller.status.unread == 2
        assert poller.status.complete is False
        assert "row 17 (and 1 more) cannot be read: 502" in poller.recorder.problem
