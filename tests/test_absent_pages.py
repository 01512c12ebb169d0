"""Pages answered with 404 where no total is announced: the end, or a proxy without a server behind it."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import web

from tests import crawling
from tests.faults import inventory
from tests.faults.inventory import Inventory, listed, own, part, poller, records, refresh

BY_OFFSET: dict[str, object] = {"collections.services.page_size": 10}
BY_PAGE = BY_OFFSET | {"collections.services.paging": {"style": "page", "position_param": "page", "first": 0}}


class Absent:
    """Lists an inventory without a total; of those positions it knows nothing, nor of any behind the end."""

    def __init__(self, source: Inventory, *rounds: frozenset[int]) -> None:
        self.source = source
        self.rounds: Iterator[frozenset[int]] = iter(rounds)
        self.now: frozenset[int] = frozenset()
        source.answer = self

    async def __call__(self, request: web.Request) -> web.Response:
        start, limit = part(request)
        start = int(request.query["page"]) * limit if "page" in request.query else start
        if start == 0:  # a new look at the list
            with suppress(StopIteration):
                self.now = next(self.rounds)
        shown = self.source.records[start : start + limit]
        is_there = shown and self.now.isdisjoint(range(start, start + limit))
        return listed(shown) if is_there else web.Response(status=404)


NOWHERE: frozenset[int] = frozenset()


@pytest.mark.parametrize("how", [BY_OFFSET, BY_PAGE], ids=["offset", "page"])
async def test_a_page_that_is_not_found_before_pages_that_are_is_no_end(
    tmp_path: Path, how: dict[str, object]
) -> None:
    async with inventory.over(tmp_path, records(200), how) as (source, built):
        Absent(source, NOWHERE, *[frozenset({170})] * 2)
        await refresh(built)
        assert own(built, "complete") == 1
        await refresh(built)
        assert (own(built, "complete"), len(inventory.ids(built))) == (0, 200)
        assert "answered 404, and records followed all the same" in poller(built).recorder.problem


@pytest.mark.parametrize("how", [BY_OFFSET, BY_PAGE], ids=["offset", "page"])
async def test_an_end_by_404_that_would_remove_records_is_looked_at_twice(
    tmp_path: Path, how: dict[str, object]
) -> None:
    async with inventory.over(tmp_path, records(200), how) as (source, built):
        Absent(source, NOWHERE, frozenset(range(180, 200)), NOWHERE)
        await refresh(built)
        await refresh(built)
        assert (own(built, "complete"), len(inventory.ids(built))) == (1, 200)


async def test_a_list_whose_end_is_a_404_loses_what_was_removed_from_it(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(200), BY_OFFSET) as (source, built):
        Absent(source)
        await refresh(built)
        await refresh(built)
        asked = len(source.asked)
        await refresh(built)
        assert len(source.asked) - asked == asked // 2, "nothing was missing, so one look was enough"
        del source.records[5]
        await refresh(built)
        assert len(crawling.lines(built, "ses_inventory_service_info{")) == 199
        assert own(built, "complete") == 1
