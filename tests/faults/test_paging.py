"""F34 to F41: lists that are not given page by page as they were asked for."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from aiohttp import web

from tests.faults import inventory
from tests.faults.catalogue import fault
from tests.faults.inventory import Item, listed, part, record, records
from tests.faults.logged import Logged

COMPLETE = 'ses_inventory_exporter_complete{collection="services"} == 0'


@fault(
    34,
    "the position is ignored: always the first page",
    "Detected after a dozen requests; the first page is served, and the crawl is incomplete",
    metric=COMPLETE,
    alert="InventoryIncomplete",
)
async def test_f34_a_page_that_repeats_for_ever_is_taken_once(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(1000)) as (source, built):

        async def answer(request: web.Request) -> web.Response:
            return listed(source.records[: part(request)[1]], 1000)

        source.answer = answer
        await inventory.refresh(built)
        assert inventory.ids(built) == [item["id"] for item in records(10)]
        assert inventory.own(built, "complete") == 0
        assert "ignores offset" in built.store.status().collections[0].last_error
        assert len(source.asked) <= 24

        source.answer = source.page
        await inventory.refresh(built)
        assert (len(inventory.ids(built)), inventory.own(built, "complete")) == (1000, 1)


@fault(
    35,
    "the server returns fewer records per page than requested",
    "Continues after the returned records, not after the requested number",
    metric="",
    alert="",
)
async def test_f35_a_server_that_caps_its_pages_is_read_by_what_comes(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(97), {"collections.services.page_size": 40}) as (
        source,
        built,
    ):

        async def answer(request: web.Request) -> web.Response:
            start, limit = part(request)
            return listed(source.records[start : start + min(limit, 7)], 97)

        source.answer = answer
        await inventory.refresh(built)
        assert (len(inventory.ids(built)), inventory.own(built, "complete")) == (97, 1)


@fault(
    36,
    "a short or empty page in the middle of a list",
    "Continues until the total is reached; if records are missing then, the crawl is incomplete",
    metric=COMPLETE,
    alert="InventoryIncomplete",
)
async def test_f36_a_page_that_comes_short_or_empty_is_not_the_end(tmp_path: Path) -> None:
    hidden = {*range(24, 30), *range(40, 50)}  # six of one page, and all of another
    async with inventory.over(tmp_path, records(60)) as (source, built):

        async def answer(request: web.Request) -> web.Response:
            start, limit = part(request)
            rows = range(start, min(60, start + limit))
            return listed([source.records[row] for row in rows if row not in hidden], 60)

        source.answer = answer
        await inventory.refresh(built)
        assert inventory.ids(built) == [record(row)["id"] for row in range(60) if row not in hidden]
        assert inventory.own(built, "complete") == 0
        assert inventory.own(built, "records_expected") == 60


@pytest.mark.parametrize(
    ("totals", "complete"),
    [
        ((None,), 1),
        ((7,), 1),
        ((1000,), 0),
        ((30,), 1),
        (("-1",), 1),
        (("many",), 1),
        ((60, 59, 58, 60), 1),
    ],
    ids=["missing", "too small", "too large", "counts to thirty", "negative", "no number", "changing"],
)
@fault(
    37,
    "a total that is missing, wrong, capped or changing",
    "Used as a check only: all returned records are read; a larger total makes the crawl incomplete",
    metric=COMPLETE,
    alert="InventoryIncomplete",
)
async def test_f37_a_total_is_a_check_and_never_the_only_stop(
    tmp_path: Path, totals: tuple[object, ...], complete: int
) -> None:
    async with inventory.over(tmp_path, records(60)) as (source, built):

        async def answer(request: web.Request) -> web.Response:
            start, limit = part(request)
            return listed(source.records[start : start + limit], totals[start // limit % len(totals)])

        source.answer = answer
        await inventory.refresh(built)
        assert len(inventory.ids(built)) == 60
        assert inventory.own(built, "complete") == complete


async def test_a_total_that_stops_counting_at_a_hundred_thousand_does_not_stop_the_crawl(
    tmp_path: Path,
) -> None:
    changes = {"collections.services.page_size": 10_000, "collections.services.include_types": ["VSAT"]}
    items = [{"id": str(number)} for number in range(100_030)]
    async with inventory.over(tmp_path, [*items, record(0)], changes) as (source, built):

        async def answer(request: web.Request) -> web.Response:
            start, limit = part(request)
            return listed(source.records[start : start + limit], min(100_000, len(source.records)))

        source.answer = answer
        await inventory.refresh(built)
        assert inventory.ids(built) == ["S00000"], "the last of all records is behind the total"


@fault(
    38,
    "records shift while the list is read: some come twice, some never",
    "Duplicates are stored once and counted; if the number does not match, the list is crawled again, and "
    "if it still does not match, the crawl is incomplete and nothing is removed",
    metric="ses_inventory_exporter_duplicates_total",
    alert="InventoryIncomplete",
)
async def test_f38_a_list_that_moves_while_it_is_read_is_read_once_more_and_never_called_complete(
    tmp_path: Path,
) -> None:
    async with inventory.over(tmp_path, records(60)) as (source, built):
        await inventory.refresh(built)
        walk = len(source.asked)
        offset = 0

        async def moving(request: web.Request) -> web.Response:
            """At every page one record joins at the front and one leaves behind it, so the total stays."""
            nonlocal offset
            offset += 1
            start, limit = part(request)
            shifted = source.records[-offset:] + source.records[:-offset]
            return listed(shifted[start : start + limit], 60)

        source.answer = moving
        source.asked.clear()
        await inventory.refresh(built)
        assert walk < len(source.asked) <= 2 * walk + 8, "one more walk and no third"
        assert inventory.own(built, "complete") == 0
        assert inventory.own(built, "duplicates_total") > 0
        assert len(inventory.ids(built)) == len(set(inventory.ids(built))) == 60

        source.answer = source.page
        await inventory.refresh(built)
        assert inventory.own(built, "complete") == 1


@fault(
    39,
    "the Link to the next page leads to another host, is relative, or leads in a circle",
    "Relative links are followed; no request goes to another origin, and no page is requested twice",
    metric=COMPLETE,
    alert="InventoryIncomplete",
)
async def test_f39_links_are_followed_on_their_own_origin_only_and_never_in_circles(tmp_path: Path) -> None:
    changes = {"collections.services.paging": {"style": "link"}}
    async with (
        inventory.Inventory(records(60)) as foreign,
        inventory.over(tmp_path, records(30), changes) as (source, built),
    ):
        after: dict[int, str] = {}

        async def answer(request: web.Request) -> web.Response:
            start = part(request)[0]
            link = f'<{after[start]}>; rel="next"' if start in after else ""
            return listed(source.records[start : start + 10], None, Link=link)

        source.answer = answer
        after.update({0: "/service?offset=10&limit=10", 10: "service?offset=20&limit=10"})
        await inventory.refresh(built)
        assert (len(inventory.ids(built)), inventory.own(built, "complete")) == (30, 1)

        source.records.pop(5)
        for astray in (f"{foreign.url}/service?offset=20", "/service?offset=0&limit=10"):
            after[10] = astray
            source.asked.clear()
            await inventory.refresh(built)
            assert inventory.own(built, "complete") == 0
            assert len(inventory.ids(built)) == 30, "what was not proved gone is kept"
            assert len(source.asked) <= 6
        assert not foreign.asked


@fault(
    40,
    "the last page of a hundred fails, retries included",
    "The 99 other pages are updated, nothing is removed, the crawl is incomplete",
    metric="ses_inventory_exporter_records_unread",
    alert="InventoryIncomplete",
)
async def test_f40_a_page_that_fails_costs_its_page_only(tmp_path: Path, logged: Logged) -> None:
    async with inventory.over(tmp_path, records(1000)) as (source, built):
        await inventory.refresh(built)
        assert len(inventory.ids(built)) == 1000

        async def answer(request: web.Request) -> web.Response:
            start, limit = part(request)
            if start < 1000 and start + limit > 990:
                return web.Response(status=500)
            return listed(source.records[start : start + limit], 1000)

        source.answer = answer
        source.records[7] = record(7, state="terminated")
        source.records[500] = record(5000)  # in place of another
        await inventory.refresh(built)
        assert not logged.events("refresh failed")
        terminated = 'ses_inventory_service_status{service_id="S00007",status="terminated"}'
        assert inventory.value(built, terminated) == 1
        assert len(inventory.ids(built)) == 1001
        assert inventory.own(built, "up") == 1
        assert inventory.own(built, "complete") == 0
        assert inventory.own(built, "records_unread") == 10
        assert inventory.own(built, "records_retained") == 11

        source.answer = source.page
        await inventory.refresh(built)
        assert (len(inventory.ids(built)), inventory.own(built, "complete")) == (1000, 1)
        assert inventory.own(built, "records_unread") == inventory.own(built, "records_retained") == 0
        assert "S00500" not in inventory.ids(built)


async def test_f41_a_second_query_without_an_end_meets_the_deadline_of_both(tmp_path: Path) -> None:
    queries = [{"state": "active"}, {"state": "inactive"}]
    changes = {"limits.crawl_deadline": "2s", "collections.services.query": queries}
    async with inventory.over(tmp_path, records(20), changes) as (source, built):

        async def answer(request: web.Request) -> web.StreamResponse:
            await asyncio.sleep(0.1 if request.query["state"] == "active" else 60)
            return await source.page(request)

        source.answer = answer
        await inventory.refresh(built)
        said = inventory.poller(built).recorder.error
        assert re.search(r"within 2 s, \d\.\d s of it on the queries before this one; 0 pages came", said)


@pytest.mark.parametrize(
    ("limit", "reason", "most"),
    [
        ({"limits.pages": 20}, "", 20),
        ({"limits.records": 150}, "", 24),
        ({"limits.bytes": 100}, "too_large", 10),
        ({"limits.crawl_deadline": "1s"}, "deadline", 1000),
    ],
    ids=["pages", "records", "bytes", "seconds"],
)
@fault(
    41,
    "an endless list",
    "Stopped by the limit on pages, records, bytes of a response or duration of a crawl; nothing is removed",
    metric='ses_inventory_exporter_refresh_failures_total{reason="deadline"}',
    alert="InventoryIncomplete",
)
async def test_f41_a_list_without_an_end_meets_a_cap(
    tmp_path: Path, limit: dict[str, object], reason: str, most: int
) -> None:
    async with inventory.over(tmp_path, records(20), limit) as (source, built):
        delay = 0.02 if reason == "deadline" else 0.0

        async def answer(request: web.Request) -> web.Response:
            start, size = part(request)
            await asyncio.sleep(delay)
            endless: list[Item] = [record(start + row) for row in range(size)]
            return listed(endless)

        source.answer = answer
        await inventory.refresh(built)
        # an incomplete walk is looked at once more, so each cap may be met twice
        assert len(source.asked) <= 2 * most
        if reason:
            assert (inventory.own(built, "up"), inventory.failures(built, reason)) == (0, 1)
            assert not inventory.served(built)
        else:
            assert (inventory.own(built, "up"), inventory.own(built, "complete")) == (1, 0)
            assert (
                f"limits.{next(iter(limit)).partition('.')[2]}"
                in built.store.status().collections[0].last_error
            )
