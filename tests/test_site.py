"""What is served and said of the collections, over their whole life."""

import asyncio
from pathlib import Path

from exporter import app
from exporter.inventory.condition import Condition
from tests import crawling
from tests.outside.exporters import Clock


async def test_a_collection_waits_is_crawled_is_fresh_and_grows_stale(tmp_path: Path) -> None:
    clock = Clock()
    async with crawling.house(tmp_path, clock=clock) as (_, built):
        site = built.store
        assert {one.state for one in site.status().collections} == {"waiting"}
        assert site.status().ready is False
        for poller in built.pollers:
            await poller.refresh()
        status = site.status()
        assert status.ready and site.ready() == (True, "All collections have data.")
        carriers = status.collections[1]
        assert (carriers.name, carriers.state, carriers.records, carriers.complete) == (
            "carriers",
            "fresh",
            50,
            True,
        )
        assert sum(carriers.conditions.values()) == 50
        assert carriers.operational == carriers.conditions[Condition.OPERATIONAL] > 0
        assert carriers.status_conditions.keys() == carriers.statuses.keys()
        assert carriers.status_conditions["Operational"] is Condition.OPERATIONAL
        assert sum(carriers.statuses.values()) == 50
        assert carriers.series > 500
        assert carriers.age_seconds is not None and carriers.age_seconds < 60
        clock.passed += 1000
        assert site.status().collections[1].state == "stale"
        assert crawling.lines(built, 'ses_inventory_exporter_stale{collection="carriers"} 1')


async def test_what_was_restored_waits_for_its_first_crawl_which_alone_can_say_how_complete_it_is(
    tmp_path: Path,
) -> None:
    async with crawling.house(tmp_path) as (simulator, built):
        for poller in built.pollers:
            await poller.refresh()
        clock = Clock()
        async with app.built(built.config, clock) as again:
            await again.group.restore(built.group.saved())
            carriers = again.store.status().collections[1]
            assert (carriers.state, carriers.restored, carriers.complete) == ("waiting", True, None)
            assert (carriers.records, again.store.status().ready) == (50, True)
            clock.passed += 1000
            assert again.store.status().collections[1].state == "stale"
            crawling.trouble(simulator, "html")
            await crawling.poller(again, "carriers").refresh()
            assert again.store.status().collections[1].state == "failing"
            crawling.trouble(simulator)
            await crawling.poller(again, "carriers").refresh()
            carriers = again.store.status().collections[1]
            assert (carriers.state, carriers.restored, carriers.complete) == ("fresh", False, True)


async def test_f69_a_snapshot_past_its_staleness_is_no_longer_served(tmp_path: Path) -> None:
    clock = Clock()
    changes = {"retention.max_staleness": "1h", "web.startup_grace": "2h"}
    async with crawling.house(tmp_path, changes, clock=clock) as (_, built):
        await crawling.poller(built, "carriers").refresh()
        clock.passed += 3601
        await crawling.poller(built, "services").refresh()
        await crawling.poller(built, "resources").refresh()
        assert not crawling.lines(built, "ses_inventory_carrier")
        assert crawling.lines(built, "ses_inventory_service_info")
        assert crawling.lines(built, 'ses_inventory_exporter_stale{collection="carriers"} 1')
        assert built.store.ready() == (False, "The snapshot has expired, nothing is served: carriers.")


async def test_the_status_page_tells_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    faults = ("null-ids:share=0.1,collection=resources", "504:rows=15,collection=carriers")
    changes = {"limits.retries": 0, "collections.carriers.page_size": 10}
    async with crawling.house(tmp_path, changes, faults=faults) as (simulator, built):
        for poller in built.pollers:
            await poller.refresh()
        services, carriers, resources = built.store.status().collections
        assert (carriers.state, carriers.unread, carriers.complete) == ("incomplete", 1, False)
        assert "504" in carriers.last_error
        assert resources.rejects["missing_id"].count > 0
        assert resources.rejects["missing_id"].examples
        crawling.trouble(simulator, "html")
        await crawling.poller(built, "services").refresh()
        services = built.store.status().collections[0]
        assert (services.state, services.last_error_reason) == ("failing", "html")
        assert "web page" in services.last_error
        assert services.records == 30


async def test_readiness_ends_with_the_grace_even_without_a_snapshot(tmp_path: Path) -> None:
    async with crawling.house(tmp_path, {"web.startup_grace": "2m"}) as (_, built):
        assert not built.store.ready()[0]
        await asyncio.sleep(121)
        ready, said = built.store.ready()
        assert ready
        assert "still without a snapshot: services, carriers, resources" in said


async def test_progress_is_told_while_a_crawl_runs(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (_, built):
        recorder = crawling.poller(built, "carriers").recorder
        recorder.begun("full")
        recorder.page(40, 50)
        told = built.store.status().collections[1]
        assert told.refreshing
        assert told.progress == "full refresh: 40 of 50 records in 1 pages"


async def test_a_choice_of_collections_leaves_the_others_out(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (_, built):
        for poller in built.pollers:
            await poller.refresh()
        chosen = b"".join(built.store.scrape("text", "identity", ("carriers",))[1]).decode()
        assert "ses_inventory_carrier_info{" in chosen
        assert "ses_inventory_service_info{" not in chosen
        assert "ses_inventory_exporter_up{" in chosen
