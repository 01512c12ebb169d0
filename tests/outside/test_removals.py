"""Records that a list lacks, though they live; and what is believed of answers that do not agree.

Everything between the socket and the exposition is the program. The inventory changes between answers, as a
living one does. Rows: T5, T9, T11, T12, T13, T20, A1, A9, A10.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from bench import churn
from exporter import app
from exporter.inventory import absences, snapshot
from tests import crawling
from tests.faults import inventory
from tests.faults.inventory import Inventory, listed, own, part, poller, record, records, refresh

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def untold(source: Inventory) -> Answer:
    """The list without a total."""

    async def page(request: web.Request) -> web.Response:
        start, limit = part(request)
        return listed(source.records[start : start + limit])

    return page


@pytest.mark.parametrize("case", churn.CASES, ids=str)
async def test_a01_no_live_record_is_removed_and_each_deleted_one_is_gone_within_three_refreshes(
    case: churn.Case,
) -> None:
    """A full refresh crawls once or twice; a place that no answer shows to be vacant takes four crawls."""
    result = await churn.run(case, deletions=60)
    assert result.live_removed == 0
    if case.behind:
        assert result.complete < 1, "servers that do not agree are said to be"
    else:
        assert result.crawls, "deleted records are removed"
        assert max(result.refreshes) <= 3
        assert max(result.crawls) <= absences.PATIENCE
        assert result.left == 0


@pytest.mark.parametrize("total", [True, False], ids=["total", "no total"])
async def test_a01_a_record_at_a_page_border_survives_a_deletion_in_front_of_it(
    tmp_path: Path, total: bool
) -> None:
    async with inventory.over(tmp_path, records(60), {"limits.concurrency": 1}) as (source, built):
        source.answer = source.page if total else untold(source)
        await refresh(built)
        answer, victim = source.answer, source.records[3]

        async def moving(request: web.Request) -> web.StreamResponse:
            if part(request)[0] == 20 and victim in source.records:
                source.records.remove(victim)  # row 20 is where row 19 was: S00020 is in no page
            return await answer(request)

        source.answer = moving
        await refresh(built)
        await refresh(built)
        assert inventory.ids(built) == [one["id"] for one in source.records]


async def test_a01_a_record_that_one_list_lacks_is_kept_and_counted(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(25)) as (source, built):
        await refresh(built)
        answers, hidden = [], source.records[4]

        async def once(request: web.Request) -> web.StreamResponse:
            start, limit = part(request)
            answers.append(start)
            shown = [one for one in source.records if answers.count(0) > 1 or one is not hidden]
            return listed(shown[start : start + limit], len(shown))

        source.answer = once
        await refresh(built)
        assert answers.count(0) == 2, "a second crawl follows at once"
        assert "S00004" in inventory.ids(built)
        assert own(built, "complete") == 0
        assert "came back" in poller(built).recorder.problem


async def test_a01_while_removals_wait_for_servers_in_step_the_list_is_not_called_complete(
    tmp_path: Path,
) -> None:
    async with inventory.over(tmp_path, records(25)) as (source, built):
        await refresh(built)
        answers, hidden, gone = [], source.records[4], source.records.pop(14)["id"]

        async def once(request: web.Request) -> web.StreamResponse:
            start, limit = part(request)
            answers.append(start)
            shown = [one for one in source.records if answers.count(0) > 1 or one is not hidden]
            return listed(shown[start : start + limit], len(shown))

        source.answer = once
        complete = []
        for _ in range(5):
            await refresh(built)
            complete.append(own(built, "complete"))
            assert own(built, "complete") == (gone not in inventory.ids(built))
        assert complete[:2] == [0, 0]
        assert complete[-1] == 1


async def test_t05_ids_that_several_types_share_are_not_called_complete(tmp_path: Path) -> None:
    cards = [record(number, **{"@type": "Card", "serviceType": "Card"}) for number in range(10)]
    ports = [record(number, **{"@type": "Port", "serviceType": "Port"}) for number in range(10)]
    async with inventory.over(tmp_path, [*cards, *ports]) as (source, built):
        source.answer = untold(source)
        for _ in range(2):
            await refresh(built)
            assert own(built, "complete") == 0
            assert "10 ids, such as 'S00000', belong to several records" in poller(built).recorder.problem


async def test_t05_ids_that_classes_share_are_not_called_complete(tmp_path: Path) -> None:
    """Of two queries, and though the type that is shown is the same; after a restart as well."""
    kinds = ("CustomerFacingService", "ResourceFacingService")
    both = {kind: [record(number, **{"@type": kind}) for number in range(10)] for kind in kinds}
    queries = {"collections.services.query": [{"@type": kind} for kind in kinds]}
    async with inventory.over(tmp_path, [], queries) as (source, built):

        async def of_type(request: web.Request) -> web.StreamResponse:
            start, limit = part(request)
            return listed(both[request.query["@type"]][start : start + limit], 10)

        source.answer = of_type
        await refresh(built)
        async with app.built(built.config) as other:
            await other.group.restore(built.group.saved())
            for one in (built, other):
                await refresh(one)
                assert own(one, "complete") == 0
                assert "10 ids, such as 'S00000', belong to" in poller(one).recorder.problem


async def test_t09_a_total_of_the_whole_table_is_explained(tmp_path: Path) -> None:
    filtered = {"collections.services.query": {"region": "north"}}
    async with inventory.over(tmp_path, records(25), filtered) as (source, built):

        async def whole(request: web.Request) -> web.StreamResponse:
            start, limit = part(request)
            return listed(source.records[start : start + limit], 1000)

        source.answer = whole
        for _ in range(2):
            await refresh(built)
        assert own(built, "complete") == 0
        problem = poller(built).recorder.problem
        assert "paging.total_header" in problem
        assert "include_types" in problem


@pytest.mark.parametrize("row", ["t11", "a10"])
async def test_t11_and_a10_rejects_that_begin_alike_are_told_apart(tmp_path: Path, row: str) -> None:
    begin = {"description": "x" * 150}
    bad = [{**begin, "name": f"no id {number}"} for number in range(3)]
    async with inventory.over(tmp_path, [*records(60), *bad]) as (source, built):
        await refresh(built)
        assert own(built, "complete") == 1, poller(built).recorder.problem
        del source.records[5]
        await refresh(built)
        assert len(inventory.ids(built)) == 59


@pytest.mark.parametrize("total", [True, False], ids=["total", "no total"])
@pytest.mark.parametrize(
    "nameless",
    [
        {"id": None, "name": "lost its id", "state": "inactive"},
        {"id": [], "state": "inactive"},
        {},
    ],
    ids=["null", "empty", "hidden"],
)
async def test_t11_a_record_that_lost_its_id_is_removed_or_the_crawl_is_incomplete(
    tmp_path: Path, nameless: dict[str, object], total: bool
) -> None:
    """Its status may have changed: what is shown of it is not called complete."""
    async with inventory.over(tmp_path, [*records(30), {}]) as (source, built):
        source.answer = source.page if total else untold(source)
        await refresh(built)
        assert own(built, "complete") == 1, poller(built).recorder.problem
        source.records[4] = nameless
        complete = []
        for _ in range(5):
            await refresh(built)
            complete.append(own(built, "complete"))
            assert not ("S00004" in inventory.ids(built) and complete[-1])
        assert complete[0] == 0
        if nameless or not total:  # records that are alike in every byte never add up to a total
            assert complete[-1] == 1
            assert len(inventory.ids(built)) == 29


async def test_t11_a_record_that_lost_its_id_in_the_second_crawl_is_known_to_have(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(30)) as (source, built):
        await refresh(built)
        starts, old, new = [], source.records[4], {"name": "lost its id"}
        del source.records[20]

        async def page(request: web.Request) -> web.StreamResponse:
            start, limit = part(request)
            starts.append(start)
            source.records[4] = old if starts.count(0) == 1 else new
            return listed(source.records[start : start + limit], 29)

        source.answer = page
        for _ in range(3):
            await refresh(built)
            assert not ("S00004" in inventory.ids(built) and own(built, "complete"))


async def test_t11_records_without_id_that_were_there_before_explain_nothing(tmp_path: Path) -> None:
    """A deleted record next to one without id waits for more crawls, but is not unknown."""
    async with inventory.over(tmp_path, [*records(30), {"name": "no id"}]) as (source, built):
        await refresh(built)
        del source.records[29]
        await refresh(built)
        assert own(built, "complete") == 1
        assert own(built, "records_retained") == 1
        await refresh(built)
        assert len(inventory.ids(built)) == 29


async def test_t12_what_was_accepted_is_all_that_passes(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(100)) as (source, built):
        await refresh(built)
        everything = source.records
        source.records = everything[30:]
        await refresh(built)
        assert own(built, "records_held_back") == 30
        built.store.accept(())

        async def failing(request: web.Request) -> web.StreamResponse:
            return web.Response(status=503)

        source.answer = failing
        await refresh(built)
        source.answer, source.records = source.page, []
        await refresh(built)
        assert len(inventory.ids(built)) >= 70, "nobody accepted that all are gone"
        source.records = everything[30:]
        await refresh(built)
        await refresh(built)


def test_t12_what_is_listed_again_is_neither_pending_nor_accepted() -> None:
    guard = snapshot.ShrinkGuard(seen=1, fingerprint=7, pending=frozenset({"a", "b", "c"})).accept()
    assert guard.without({"d"}) is guard
    assert guard.without({"b", "d"}).pending == guard.without({"b"}).accepted == {"a", "c"}
    assert guard.without({"a", "b", "c"}) == snapshot.ShrinkGuard()


async def test_t12_what_is_listed_again_before_it_is_accepted_is_kept(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(50)) as (source, built):
        await refresh(built)
        everything, source.records = source.records, []
        await refresh(built)
        assert own(built, "records_held_back") == 50
        source.records = everything[:30]
        await refresh(built)
        assert own(built, "records_held_back") == 20
        assert len(inventory.ids(built)) == 50
        built.store.accept(())
        source.records = []
        await refresh(built)
        assert inventory.ids(built)[:30] == [one["id"] for one in everything[:30]]


async def test_t12_removals_are_confirmed_by_crawls_in_a_row(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(50)) as (source, built):
        await refresh(built)
        everything = source.records
        for source.records in ([], [], everything[:30], [], []):
            await refresh(built)
            assert len(inventory.ids(built)) >= 30
            assert own(built, "records_held_back") > 0


async def test_t12_what_was_accepted_is_removed_at_once(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(100)) as (source, built):
        await refresh(built)
        source.records = source.records[30:]
        await refresh(built)
        built.store.accept(())
        await refresh(built)
        assert len(inventory.ids(built)) == 70


async def test_t13_a_refresh_that_ends_between_rendering_and_swapping_spoils_no_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [*records(80), *(record(number, state="inactive") for number in range(80, 100))]
    async with inventory.over(tmp_path, items) as (source, built):
        await refresh(built)
        for number in range(80, 90):
            source.records[number] = record(number, state="active")
        counted = poller(built)._counted

        def ending(*_: object) -> None:
            raise asyncio.CancelledError

        monkeypatch.setattr(poller(built), "_counted", ending)
        with pytest.raises(asyncio.CancelledError):
            await refresh(built)
        monkeypatch.setattr(poller(built), "_counted", counted)
        await refresh(built)
        counts = {
            line.split('status="')[1].split('"')[0]: float(line.split()[-1])
            for line in crawling.lines(built, "ses_inventory_services{")
            if not line.endswith(" 0")
        }
        assert counts == {"active": 90, "inactive": 10}


@pytest.mark.parametrize("total", ["-1", "NaN", "many", "-60"])
async def test_t20_an_empty_list_with_a_total_that_cannot_be_proves_nothing(
    tmp_path: Path, total: str
) -> None:
    async with inventory.over(tmp_path, records(20)) as (source, built):
        await refresh(built)

        async def empty(request: web.Request) -> web.StreamResponse:
            return listed([], total)

        source.answer = empty
        for _ in range(6):
            await refresh(built)
            assert own(built, "complete") == 0
            assert len(inventory.ids(built)) == 20


@pytest.mark.parametrize(
    "members",
    [
        {"totalCount": 20},
        {"total": "20"},
        {"page": {"totalElements": 20}},
        {"total": {"value": 20, "relation": "eq"}},
        {"total": -1},
        {"count": 1e3},
    ],
)
async def test_t20_an_empty_list_that_announces_records_in_its_body_proves_nothing(
    tmp_path: Path, members: dict[str, object]
) -> None:
    async with inventory.over(tmp_path, records(20)) as (source, built):
        await refresh(built)

        async def empty(request: web.Request) -> web.StreamResponse:
            return web.json_response({"items": [], **members})

        source.answer = empty
        for _ in range(6):
            await refresh(built)
            assert own(built, "complete") == 0
            assert len(inventory.ids(built)) == 20
        assert "the list is empty, and the announced total is" in poller(built).recorder.problem


async def test_a09_yesterdays_answer_is_no_news(tmp_path: Path) -> None:
    new, old = "2026-06-02T00:00:00Z", "2026-06-01T00:00:00Z"
    items = [record(number, lastUpdate=new, state="inactive") for number in range(20)]
    async with inventory.over(tmp_path, items) as (source, built):
        await refresh(built)
        source.records = [record(number, lastUpdate=old, state="active") for number in range(20)]
        await refresh(built)
        shown = crawling.lines(built, 'ses_inventory_service_status{service_id="S00003"')
        assert shown == ['ses_inventory_service_status{service_id="S00003",status="inactive"} 1']
        assert own(built, "complete") == 0
        assert own(built, "records_outdated") == 20
        assert "20 records came in a version older than the stored one" in poller(built).recorder.problem
        newer = "2026-06-03T00:00:00Z"
        source.records = [record(number, lastUpdate=newer, state="active") for number in range(20)]
        await refresh(built)
        shown = crawling.lines(built, 'ses_inventory_service_status{service_id="S00003"')
        assert shown == ['ses_inventory_service_status{service_id="S00003",status="active"} 1']
        assert own(built, "complete") == 1


async def test_a09_what_stays_old_is_believed_in_the_end(tmp_path: Path) -> None:
    new, old = "2026-06-02T00:00:00Z", "2026-06-01T00:00:00Z"
    async with inventory.over(tmp_path, [record(1, lastUpdate=new)]) as (source, built):
        await refresh(built)
        source.records = [record(1, lastUpdate=old, name="restored from a backup")]
        for _ in range(4):
            await refresh(built)
        assert crawling.lines(built, 'ses_inventory_service_info{service_id="S00001",name="restored')
        assert own(built, "complete") == 1


async def test_a01_a_list_without_an_order_loses_nothing_by_chance(tmp_path: Path) -> None:
    chance = random.Random(7)
    async with inventory.over(tmp_path, records(60)) as (source, built):
        await refresh(built)

        async def shuffled(request: web.Request) -> web.StreamResponse:
            start, limit = part(request)
            return listed(chance.sample(source.records, 60)[start : start + limit])

        source.answer = shuffled
        for _ in range(12):
            await refresh(built)
            assert len(inventory.ids(built)) == 60


async def test_t12_removals_are_confirmed_by_finished_crawls_only(tmp_path: Path) -> None:
    """An empty list that announces records confirms nothing, however often it comes."""
    async with inventory.over(tmp_path, records(20)) as (source, built):
        announced = 0

        async def empty(_: web.Request) -> web.Response:
            return listed([], announced)

        await refresh(built)
        source.answer = empty
        await refresh(built)
        assert "20 removals are pending" in poller(built).recorder.problem
        announced = 2
        for _ in range(6):
            await refresh(built)
            assert len(inventory.ids(built)) == 20
            assert own(built, "complete") == 0


async def test_t12_a_record_is_gone_within_three_crawls_of_a_list_that_always_repeats_another(
    tmp_path: Path,
) -> None:
    """The place of a record at the beginning of a page is shown only by a second crawl, with other pages."""
    async with inventory.over(tmp_path, records(60)) as (source, built):

        async def repeating(request: web.Request) -> web.Response:
            start, limit = part(request)
            shown = [one for one in source.records for _ in range(2 if one["id"] == "S00030" else 1)]
            return listed(shown[start : start + limit], len(shown))

        source.answer = repeating
        for _ in range(4):
            await refresh(built)
        assert own(built, "complete") == 1, "what is repeated each time is the habit of the API"
        gone = source.records.pop(10)["id"]
        await refresh(built)
        assert gone not in inventory.ids(built)
        assert own(built, "complete") == 1
