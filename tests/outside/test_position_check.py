"""An `offset` that counts pages where it should count records: position 1 shows it, whatever comes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from tests.faults import inventory
from tests.faults.inventory import listed, own, part, poller, record, records, refresh


def counting_pages(source: inventory.Inventory) -> inventory.Answer:
    """Answers without a total, in which an offset is the number of a page."""

    async def page(request: web.Request) -> web.Response:
        number, limit = part(request)
        return listed(source.records[number * limit : (number + 1) * limit])

    return page


def counting_records(source: inventory.Inventory) -> inventory.Answer:
    """Answers without a total, in which an offset is a position in the list."""

    async def page(request: web.Request) -> web.Response:
        start, limit = part(request)
        return listed(source.records[start : start + limit])

    return page


async def test_a_record_that_only_position_1_lists_beside_known_ids_is_not_removed(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(4), {"collections.services.page_size": 3}) as (source, built):
        source.answer = counting_records(source)
        await refresh(built)
        assert own(built, "complete") == 1
        ports = [record(number, **{"@type": "Port"}) for number in (1, 2)]
        source.records[3:3] = ports  # so that two of the three records of the second page have known ids
        source.answer = counting_pages(source)
        for _ in range(6):
            await refresh(built)
            assert own(built, "complete") == 0
            assert inventory.ids(built) == ["S00000", "S00001", "S00002", "S00003"]


async def test_nothing_is_complete_where_position_1_cannot_be_read(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(65)) as (source, built):
        pages = counting_pages(source)

        async def failing(request: web.Request) -> web.StreamResponse:
            return web.Response(status=503) if part(request)[0] == 1 else await pages(request)

        source.answer = failing
        await refresh(built)
        assert own(built, "complete") == 0
        assert "whether positions count records or pages is unknown" in poller(built).recorder.problem


async def test_nothing_is_complete_where_position_1_is_empty(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(8)) as (source, built):
        source.answer = counting_pages(source)
        await refresh(built)
        assert own(built, "complete") == 0
        assert "paging.style: page" in poller(built).recorder.problem


async def test_records_that_are_left_out_by_type_show_what_positions_count(tmp_path: Path) -> None:
    kinds = ("CustomerFacingService", "Port", "Card", "Line", "Site")
    mixed = [record(number, **{"@type": kinds[number % 5]}) for number in range(65)]
    changes = {"collections.services.include_types": ["CustomerFacingService"]}
    async with inventory.over(tmp_path, mixed, changes) as (source, built):
        source.answer = counting_pages(source)
        await refresh(built)
        assert own(built, "complete") == 0
        assert "paging.style: page" in poller(built).recorder.problem


@pytest.mark.parametrize("count", [0, 1])
async def test_a_list_that_was_too_short_to_show_what_positions_count_is_checked_again(
    tmp_path: Path, count: int
) -> None:
    async with inventory.over(tmp_path, records(count)) as (source, built):
        source.answer = counting_pages(source)
        await refresh(built)
        assert own(built, "complete") == 1
        source.records = records(35)
        await refresh(built)
        assert own(built, "complete") == 0
        assert "paging.style: page" in poller(built).recorder.problem


async def test_a_list_of_one_page_is_checked_in_each_crawl(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(10)) as (source, built):
        source.answer = counting_records(source)
        await refresh(built)
        assert own(built, "complete") == 1
        source.records, source.answer = records(30), counting_pages(source)
        await refresh(built)
        assert own(built, "complete") == 0


async def test_a_record_that_comes_before_position_1_is_read_is_stored(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(30)) as (source, built):
        there = counting_records(source)

        async def growing(request: web.Request) -> web.StreamResponse:
            if part(request)[0] == 1:
                source.records.insert(5, record(99))
            return await there(request)

        source.answer = growing
        await refresh(built)
        assert own(built, "complete") == 1
        assert "S00099" in inventory.ids(built)


async def test_an_api_that_refuses_positions_between_two_pages_is_complete(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(30)) as (source, built):
        there = counting_records(source)

        async def strict(request: web.Request) -> web.StreamResponse:
            start, limit = part(request)
            return web.Response(status=400) if start % limit else await there(request)

        source.answer = strict
        await refresh(built)
        assert own(built, "complete") == 1
        assert len(inventory.ids(built)) == 30


async def test_position_1_is_read_after_a_first_page_that_came_in_parts(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(30)) as (source, built):
        there = counting_records(source)
        failures = [0, 0]  # the positions of the next answers that fail

        async def slow_at_first(request: web.Request) -> web.StreamResponse:
            start, limit = part(request)
            if limit == 10 and start in failures:
                failures.remove(start)
                return web.Response(status=504)
            return await there(request)

        source.answer = slow_at_first
        await refresh(built)
        assert own(built, "complete") == 1, poller(built).recorder.problem
