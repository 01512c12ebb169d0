"""Ranges with a cursor behind the ETag of the first part, as a server with a state sees them."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from aiohttp import web

from tests import crawling
from tests.faults import inventory
from tests.faults.inventory import own, poller, records, refresh

RANGE = {"collections.services.paging": {"style": "range", "first": 0}, "collections.services.page_size": 10}


class Cursors:
    """A list by Range: the first part makes a cursor, later parts need it; `gone` are those that expired."""

    def __init__(self, source: inventory.Inventory) -> None:
        self.source = source
        self.made = self.parts = self.most = self.under_way = 0
        self.gone_at: set[int] = set()  # parts, counted from 1, at which the cursor is gone

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        try:
            return self._answer(request)
        finally:
            self.under_way -= 1

    def _answer(self, request: web.Request) -> web.StreamResponse:
        self.parts += 1
        first, last = map(int, re.findall(r"\d+", request.headers["Range"]))
        named = request.headers.get("If-Match")
        if first == 0:
            self.made += 1
        elif named is None:
            return web.Response(status=416)
        elif named != f'"c{self.made}"' or self.parts in self.gone_at:
            self.made += self.parts in self.gone_at
            return web.Response(status=412)
        shown = self.source.records[first : last + 1]
        if not shown:
            return web.Response(status=416)
        headers = {"ETag": f'"c{self.made}"', "X-Total-Count": str(len(self.source.records))}
        return web.json_response(shown, status=206, headers=headers)


async def test_later_parts_name_the_cursor_one_after_the_other(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(358), RANGE) as (source, built):
        cursors = Cursors(source)
        source.answer = cursors.answer
        await refresh(built)
        assert len(inventory.ids(built)) == 358
        assert (own(built, "complete"), cursors.most, cursors.made) == (1, 1, 1)


@pytest.mark.parametrize("gone", [2, 5, 36])
async def test_a_cursor_that_is_gone_begins_the_list_again(tmp_path: Path, gone: int) -> None:
    async with inventory.over(tmp_path, records(358), RANGE) as (source, built):
        cursors = Cursors(source)
        cursors.gone_at = {gone}
        source.answer = cursors.answer
        await refresh(built)
        assert len(inventory.ids(built)) == 358
        assert own(built, "complete") == 1, poller(built).status.last_error
        duplicates = crawling.lines(built, f"{inventory.OWN}records_duplicate_total")
        assert all(line.endswith(" 0.0") for line in duplicates), duplicates


async def test_a_cursor_that_is_always_gone_leaves_the_list_incomplete(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(58), RANGE) as (source, built):
        cursors = Cursors(source)
        cursors.gone_at = set(range(1, 100))
        source.answer = cursors.answer
        await refresh(built)
        assert (len(inventory.ids(built)), own(built, "complete")) == (10, 0)
        assert "cursor (If-Match) is gone" in poller(built).status.last_error
        assert cursors.parts <= 30


async def test_a_server_that_refuses_the_cursor_of_a_part_is_read_without(tmp_path: Path) -> None:
    """As with an ETag of each part: none of them is that of the first."""
    async with inventory.over(tmp_path, records(58), RANGE) as (source, built):

        async def answer(request: web.Request) -> web.StreamResponse:
            first, last = map(int, re.findall(r"\d+", request.headers["Range"]))
            if first and "If-Match" in request.headers:
                return web.Response(status=412)
            shown = source.records[first : last + 1]
            headers = {"ETag": f'"part-{first}"', "X-Total-Count": "58"}
            return web.json_response(shown, status=206, headers=headers)

        source.answer = answer
        await refresh(built)
        assert (len(inventory.ids(built)), own(built, "complete")) == (58, 1)
