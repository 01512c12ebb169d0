"""One collection, crawled again and again: what changes, what is kept, what is said."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web

from exporter import app
from exporter.exposition import render
from exporter.inventory.condition import Condition
from exporter.inventory.snapshot import Snapshot
from tests import crawling
from tests.faults import inventory
from tests.faults.inventory import record, records
from tests.model.server import Server


def value(built: object, series: str) -> float:
    found = crawling.lines(built, f"{series} ")
    assert len(found) == 1, found
    return float(found[0].split()[-1])


async def test_a_change_of_status_is_served_after_the_next_delta(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (simulator, built):
        poller = crawling.poller(built, "carriers")
        await poller.refresh()
        ident = next(
            ident
            for ident, held in poller.snapshot.records.items()
            if held.record.condition is Condition.OPERATIONAL
        )
        before = value(built, f'ses_inventory_carrier_status_since_timestamp_seconds{{carrier_id="{ident}"}}')
        now = time.time()
        simulator.fleet.set_status(ident, "down", now)
        asked = simulator.requests
        await poller.refresh()
        assert simulator.requests - asked <= 2, "a delta asks for what changed, not for everything"
        assert crawling.lines(built, f'ses_inventory_carrier_status{{carrier_id="{ident}"') == [
            f'ses_inventory_carrier_status{{carrier_id="{ident}",status="Non-Operational"}} 1'
        ]
        assert value(built, f'ses_inventory_carrier_operational{{carrier_id="{ident}"}}') == 0
        since = value(built, f'ses_inventory_carrier_status_since_timestamp_seconds{{carrier_id="{ident}"}}')
        assert before < now - 1 <= since
        assert value(built, f'ses_inventory_carrier_status_changes_total{{carrier_id="{ident}"}}') == 1
        own = "ses_inventory_exporter_"
        assert value(built, f'{own}refreshes_total{{collection="carriers",mode="delta"}}') == 1
        assert crawling.lines(built, f"{own}status_changes_total")


async def test_a_removed_record_leaves_with_the_next_complete_crawl_and_not_before(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (simulator, built):
        poller = crawling.poller(built, "services")
        await poller.refresh()
        ident = next(iter(poller.snapshot.records))
        simulator.fleet.remove(ident)
        await poller.refresh()
        assert crawling.lines(built, f'ses_inventory_service_info{{service_id="{ident}"')
        await poller.refresh("full")
        assert not crawling.lines(built, f'ses_inventory_service_info{{service_id="{ident}"')
        assert value(built, 'ses_inventory_exporter_records_removed_total{collection="services"}') == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("html", "html"),
        ("error-object:share=1", "error_object"),
        ("truncate:share=1", "json"),
        ("500:share=1", "server"),
        ("429:share=1,retry_after=0", "throttled"),
    ],
)
async def test_a_failing_api_changes_nothing_of_what_is_served(
    tmp_path: Path, fault: str, reason: str
) -> None:
    async with crawling.house(tmp_path, {"limits.retries": 0}) as (simulator, built):
        poller = crawling.poller(built, "carriers")
        await poller.refresh()
        good = crawling.lines(built, "ses_inventory_carrier")
        assert good
        crawling.trouble(simulator, fault)
        await poller.refresh()
        assert (poller.status.up, poller.status.last_error_reason) == (False, reason)
        assert crawling.lines(built, "ses_inventory_carrier") == good
        assert value(built, 'ses_inventory_exporter_up{collection="carriers"}') == 0
        crawling.trouble(simulator)
        await poller.refresh()
        assert poller.recorder.error == ""
        assert value(built, 'ses_inventory_exporter_up{collection="carriers"}') == 1


async def test_f67_a_first_start_against_a_dead_api_serves_no_zeros(tmp_path: Path) -> None:
    async with crawling.house(tmp_path, {"limits.retries": 0}, faults=("500:share=1",)) as (_, built):
        for poller in built.pollers:
            await poller.refresh()
        assert built.store.ready() == (
            False,
            "Waiting for the initial crawl of services, carriers, resources.",
        )
        assert built.store.healthy()[0]
        assert {line.split("{")[0] for line in crawling.lines(built, "ses_inventory_")} == {
            line.split("{")[0] for line in crawling.lines(built, "ses_inventory_exporter_")
        }
        assert value(built, 'ses_inventory_exporter_up{collection="carriers"}') == 0


async def test_f42_a_list_that_is_suddenly_empty_is_believed_only_after_confirmations(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (simulator, built):
        poller = crawling.poller(built, "services")
        await poller.refresh()
        held = list(poller.snapshot.records)
        for ident in held:
            simulator.fleet.remove(ident)
        for _ in range(2):
            await poller.refresh("full")
            assert len(poller.snapshot.records) == len(held)
            assert poller.status.held_back == len(held)
            assert value(built, 'ses_inventory_exporter_complete{collection="services"}') == 0
        await poller.refresh("full")
        assert not poller.snapshot.records
        assert all(line.endswith(" 0") for line in crawling.lines(built, "ses_inventory_services"))
        assert value(built, 'ses_inventory_exporter_complete{collection="services"}') == 1


async def test_f18_a_row_that_always_fails_costs_only_itself(tmp_path: Path) -> None:
    changes = {"limits.retries": 0, "collections.carriers.page_size": 10}
    async with crawling.house(tmp_path, changes, faults=("504:rows=25,collection=carriers",)) as (_, built):
        poller = crawling.poller(built, "carriers")
        await poller.refresh()
        assert len(poller.snapshot.records) == 49
        assert poller.status.complete is False
        assert value(built, 'ses_inventory_exporter_records_unread{collection="carriers"}') == 1
        assert "504" in poller.recorder.problem


async def test_too_many_rejects_fail_the_crawl(tmp_path: Path) -> None:
    async with crawling.house(tmp_path, faults=("null-ids:share=0.5",)) as (_, built):
        poller = crawling.poller(built, "carriers")
        await poller.refresh()
        assert (poller.status.up, poller.status.last_error_reason) == (False, "rejects")
        assert not poller.published


async def test_preserved_types_keep_the_first_status_seen(tmp_path: Path) -> None:
    changes = {"collections.resources.preserve_status_types": ["Modem"]}
    async with crawling.house(tmp_path, changes) as (simulator, built):
        poller = crawling.poller(built, "resources")
        await poller.refresh()
        modem = next(held.record for held in poller.snapshot.records.values() if held.record.type == "Modem")
        simulator.fleet.set_status(modem.id, "down", time.time())
        await poller.refresh()
        assert poller.snapshot.records[modem.id].record.status == modem.status


async def test_several_queries_are_one_collection(tmp_path: Path) -> None:
    both = [{"status": "1"}, {"@type": "element"}]
    changes = {"collections.services.query": both, "collections.services.exclude_types": []}
    async with crawling.house(tmp_path, changes) as (_, built):
        poller = crawling.poller(built, "services")
        await poller.refresh()
        assert len(poller.snapshot.records) == 80
        assert poller.status.complete


async def test_queries_may_overlap(tmp_path: Path) -> None:
    both = [{"@type": "Carrier"}, {"@type": "Carrier"}]
    async with crawling.house(tmp_path, {"collections.carriers.query": both}, dialect="tmf-v4") as (_, built):
        poller = crawling.poller(built, "carriers")
        await poller.refresh()
        assert (len(poller.snapshot.records), poller.status.complete, poller.status.duplicates) == (
            50,
            True,
            0,
        )


async def test_records_that_come_in_while_a_list_is_read_cost_a_second_look(tmp_path: Path) -> None:
    changes = {"collections.carriers.page_size": 10}
    async with crawling.house(tmp_path, changes, quirks=("shift",)) as (_, built):
        poller = crawling.poller(built, "carriers")
        await poller.refresh()
        assert (len(poller.snapshot.records), poller.status.complete) == (50, True)


async def test_a_bug_in_one_collection_is_counted_and_ends_nothing(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (_, built):
        poller = crawling.poller(built, "carriers")
        poller._exposition = None
        await poller.refresh()
        assert (poller.status.up, poller.status.last_error_reason) == (False, "bug")


async def test_two_shards_together_hold_every_record_once(tmp_path: Path) -> None:
    found: list[str] = []
    for index in (0, 1):
        async with crawling.house(tmp_path, {"shard": {"index": index, "count": 2}}) as (_, built):
            poller = crawling.poller(built, "carriers")
            await poller.refresh()
            assert poller.status.complete
            found += poller.snapshot.records
    assert len(found) == len(set(found)) == 50


async def test_an_unchanged_refresh_publishes_nothing(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (_, built):
        poller = crawling.poller(built, "carriers")
        await poller.refresh()
        body, held = built.store._published["carriers"].body, poller.snapshot
        await poller.refresh("full")
        assert built.store._published["carriers"].body is body
        assert poller.snapshot is held


async def test_the_operator_lets_the_next_complete_crawl_pass_the_shrink_guard(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (simulator, built):
        poller = crawling.poller(built, "services")
        await poller.refresh()
        assert built.store.accept(()) == "No removals are pending."
        for ident in list(poller.snapshot.records):
            simulator.fleet.remove(ident)
        await poller.refresh("full")
        assert len(poller.snapshot.records) == 30
        sentence = built.store.accept(("services",))
        assert sentence.startswith("Accepted: 30 removals in services.")
        crawling.trouble(simulator, "500:share=1")
        await poller.refresh()
        assert len(poller.snapshot.records) == 30, "only a complete crawl may remove"
        crawling.trouble(simulator)
        await poller.refresh()
        assert not poller.snapshot.records
        simulator.fleet.add_service(time.time())
        assert built.store.accept(()) == "No removals are pending."


async def test_after_an_acceptance_the_guard_is_on_watch_again(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (simulator, built):
        poller = crawling.poller(built, "carriers")
        await poller.refresh()
        first, second = list(poller.snapshot.records)[:25], list(poller.snapshot.records)[25:40]
        for gone, left in ((first, 25), (second, 25)):
            for ident in gone:
                simulator.fleet.remove(ident)
            await poller.refresh("full")
            if gone is first:
                built.store.accept(())
                await poller.refresh()
            assert len(poller.snapshot.records) == left


async def test_a_refresh_that_listed_records_and_failed_is_no_confirmation_that_they_are_gone(
    tmp_path: Path,
) -> None:
    options = replace(crawling.SMALL, services=30, carriers=2, resources=6)
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(Server(options))
        changes = {"limits.concurrency": 1, "limits.retries": 0, "collections.services.page_size": 10}
        built = await stack.enter_async_context(app.built(crawling.configured(simulator, tmp_path, changes)))
        poller = crawling.poller(built, "services")

        def refuse() -> None:
            raise web.HTTPUnauthorized

        async def full(*faults: str) -> None:
            crawling.trouble(simulator, *faults)
            simulator.begin()
            await poller.refresh("full")

        await full()
        for _ in range(2):
            await full("empty")
        simulator.moves.extend([lambda: None, lambda: None, refuse])
        await full()
        assert value(built, 'ses_inventory_exporter_up{collection="services"}') == 0
        for shown in (30, 30, 0):
            await full("empty")
            assert len(crawling.lines(built, "ses_inventory_service_info{")) == shown


async def test_f44_ten_times_as_many_records_are_served_with_a_warning(tmp_path: Path) -> None:
    async with crawling.house(tmp_path, services=5) as (simulator, built):
        poller = crawling.poller(built, "services")
        await poller.refresh()
        warned = 'ses_inventory_exporter_growth_warnings_total{collection="services"}'
        assert value(built, warned) == 0
        for _ in range(45):
            simulator.fleet.add_service(time.time())
        await poller.refresh("full")
        assert len(poller.snapshot.records) == 50
        assert value(built, warned) == 1


async def test_f53_a_refresh_longer_than_its_interval_is_counted_and_does_not_overlap(tmp_path: Path) -> None:
    changes = {
        "collections.services.refresh_interval": "1s",
        "collections.services.full_refresh_interval": "1s",
    }
    async with crawling.house(tmp_path, changes, latency=0.6) as (_, built):
        poller = crawling.poller(built, "services")
        running = asyncio.create_task(poller.run())
        while not crawling.lines(
            built, 'ses_inventory_exporter_refresh_overruns_total{collection="services"} 1'
        ):
            await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_f46_references_to_records_that_are_not_held_are_counted(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (_, built):
        name = 'ses_inventory_exporter_references_dangling{collection="carriers"}'
        for collection in ("services", "resources", "carriers"):
            await crawling.poller(built, collection).refresh()
        poller = crawling.poller(built, "carriers")
        before = value(built, name)
        built.store.publish("resources", render.Body(), Snapshot())
        await poller.refresh("full")
        assert value(built, name) > before


async def test_the_rate_of_requests_is_predicted_from_the_last_crawls(tmp_path: Path) -> None:
    changes = {
        "collections.services.refresh_interval": "60s",
        "collections.services.full_refresh_interval": "600s",
        "collections.services.page_size": 10,
    }
    async with crawling.house(tmp_path, changes) as (_, built):
        poller = crawling.poller(built, "services")
        await poller.refresh()
        await poller.refresh()
        full = poller.recorder.requests["full"]
        assert full > 3
        assert poller.recorder.requests["delta"] == 1
        assert poller.requests_per_hour() == 6 * full + 54 * 1
        built.group.request_rates()
        predicted = value(built, 'ses_inventory_exporter_requests_per_hour{api="tmf638"}')
        assert predicted > poller.requests_per_hour() > 0


async def test_a_few_bad_records_may_be_all_that_changed_today(tmp_path: Path) -> None:
    bad = {**record(5000), "id": None}
    changes = {"collections.services.delta": {"updatedDaysAgo": "0"}}
    async with inventory.over(tmp_path, [*records(100), bad], changes) as (source, built):
        await inventory.refresh(built)
        source.answer = only_of_today(source, [record(0, state="terminated"), bad])
        poller = inventory.poller(built)
        await poller.refresh()
        assert inventory.own(built, "up") == 1
        assert crawling.lines(
            built, 'ses_inventory_service_status{service_id="S00000",status="terminated"} 1'
        )
        await poller.refresh()
        fulls = 'ses_inventory_exporter_refreshes_total{collection="services",mode="full"} 1.0'
        assert crawling.lines(built, fulls), "the bad record was there in the full crawl, too"


async def test_bad_records_that_are_new_to_a_delta_are_looked_at_by_a_full_crawl(tmp_path: Path) -> None:
    changes = {"collections.services.delta": {"updatedDaysAgo": "0"}}
    async with inventory.over(tmp_path, records(100), changes) as (source, built):
        await inventory.refresh(built)
        source.records = [{"uid": item["id"], **item, "id": None} for item in source.records]
        source.answer = only_of_today(source, source.records[:3])
        poller = inventory.poller(built)
        await poller.refresh()
        await poller.refresh()
        assert (inventory.own(built, "up"), inventory.failures(built, "rejects")) == (0, 1)
        assert value(
            built, 'ses_inventory_exporter_records_rejected_total{collection="services",reason="missing_id"}'
        ) == (3 + 100)
        assert built.store.status().collections[0].rejects["missing_id"].count == 100
        assert len(inventory.ids(built)) == 100


async def test_an_api_that_refuses_the_deltas_parameter_is_told_by_its_name(tmp_path: Path) -> None:
    changes = {"collections.services.delta": {"updatedDaysAgo": "0"}}
    async with inventory.over(tmp_path, records(30), changes) as (source, built):
        await inventory.refresh(built)
        whole = source.page

        async def answer(request: web.Request) -> web.Response:
            refused = web.json_response({"message": "unknown parameter"}, status=400)
            return refused if "updatedDaysAgo" in request.query else await whole(request)

        source.answer = answer
        poller = inventory.poller(built)
        await poller.refresh()
        assert poller.status.last_error_hint == (
            "does the API know updatedDaysAgo? correct or empty collections.services.delta"
        )


async def test_after_an_outage_longer_than_a_delta_tells_of_everything_is_asked_for(tmp_path: Path) -> None:
    changes = {"collections.services.delta": {"updatedDaysAgo": "0"}}
    async with inventory.over(tmp_path, records(30), changes) as (source, built):
        await inventory.refresh(built)
        poller = inventory.poller(built)
        poller.status.last_success = time.time() - 25 * 3600
        for wanted in (None, "0"):  # everything, then what changed again
            source.asked.clear()
            await poller.refresh()
            assert {query.get("updatedDaysAgo") for query in source.asked} == {wanted}


async def test_an_api_that_always_announces_more_than_it_shows_is_looked_at_twice_but_once(
    tmp_path: Path,
) -> None:
    async with inventory.over(tmp_path, records(30), {"collections.services.page_size": 10}) as (
        source,
        built,
    ):

        async def answer(request: web.Request) -> web.Response:
            start, limit = inventory.part(request)
            return inventory.listed(source.records[start : start + limit], 33)

        source.answer = answer
        looks = []
        for _ in range(3):
            source.asked.clear()
            await inventory.refresh(built)
            looks.append(sum(query["offset"] == "0" for query in source.asked))
            assert "announced 33, received 30" in inventory.poller(built).recorder.problem
        assert looks == [2, 1, 1]


def only_of_today(source: inventory.Inventory, changed: list[inventory.Item]) -> inventory.Answer:
    """An API whose deltas show these records; everything else is as ever."""

    async def answer(request: web.Request) -> web.Response:
        start, limit = inventory.part(request)
        shown = changed if "updatedDaysAgo" in request.query else source.records
        return inventory.listed(shown[start : start + limit], len(shown))

    return answer


async def test_before_what_changed_was_ever_asked_for_each_query_is_reckoned_with(tmp_path: Path) -> None:
    changes = {
        "collections.services.query": [{"status": "1"}, {"status": "2"}],
        "collections.services.refresh_interval": "60s",
        "collections.services.full_refresh_interval": "600s",
    }
    async with crawling.house(tmp_path, changes) as (_, built):
        poller = crawling.poller(built, "services")
        await poller.refresh()
        assert poller.requests_per_hour() == 6 * poller.recorder.requests["full"] + 54 * 2
        await poller.refresh()
        assert poller.recorder.requests["delta"] == 2


async def test_the_pause_after_a_failure_doubles_up_to_the_interval(tmp_path: Path) -> None:
    loop, moments = asyncio.get_running_loop(), []

    async def refused(request: web.Request) -> web.Response:
        moments.append(loop.time())
        return web.Response(status=403)

    changes = {"collections.services.refresh_interval": "5m"}
    async with inventory.over(tmp_path, records(3), changes) as (source, built):
        source.answer = refused
        running = asyncio.create_task(inventory.poller(built).run())
        await asyncio.sleep(1300)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    pauses = [later - earlier for earlier, later in pairwise(moments)]
    for pause, longest in zip(pauses[:8], (5, 10, 20, 40, 80, 160, 300, 300), strict=True):
        assert 0.9 * longest - 0.1 <= pause <= longest + 0.1
