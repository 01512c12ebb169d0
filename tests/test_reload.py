"""New settings while everything runs: they take over, or the old ones stay."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from exporter import app, errors, settings
from exporter.app import Reloads
from exporter.collections import PollerGroup
from tests import crawling


@dataclass
class Written:
    """The settings file, and what it holds now."""

    now: settings.Settings | errors.ConfigError

    def read(self) -> settings.Settings:
        if isinstance(self.now, errors.ConfigError):
            raise self.now
        return self.now


@asynccontextmanager
async def at_work(built: app.Runtime, written: Written) -> AsyncIterator[None]:
    shifts = asyncio.create_task(app._run_groups(built, written.read))
    try:
        yield
    finally:
        shifts.cancel()
        await asyncio.gather(shifts, return_exceptions=True)


async def fresh(built: app.Runtime) -> None:
    while not all(poller.status.up for poller in built.pollers):
        await asyncio.sleep(0.01)


async def test_new_settings_take_over_and_what_was_served_goes_on(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (simulator, built):
        written = Written(built.config)
        async with at_work(built, written):
            await fresh(built)
            before = crawling.lines(built, "ses_inventory_carrier")
            first = built.group
            changes = {"collections.carriers.refresh_interval": "7s", "collections.carriers.delta": {}}
            written.now = crawling.configured(simulator, tmp_path, changes)
            assert await built.store.reload() == (True, "The settings are reloaded.")
            while built.group is first:
                await asyncio.sleep(0.01)
            assert crawling.lines(built, "ses_inventory_carrier") == before
            name = 'ses_inventory_exporter_refresh_interval_seconds{collection="carriers"}'
            assert crawling.lines(built, name) == [f"{name} 7.0"]
            assert crawling.lines(built, 'ses_inventory_exporter_up{collection="carriers"} 1')


async def test_a_collection_that_is_off_now_is_no_longer_served(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (simulator, built):
        written = Written(built.config)
        async with at_work(built, written):
            await fresh(built)
            kept = {"services": {}, "carriers": {}}
            written.now = crawling.configured(simulator, tmp_path, {"collections": kept})
            await built.store.reload()
            while len(built.pollers) == 3:
                await asyncio.sleep(0.01)
            assert not crawling.lines(built, "ses_inventory_resource")
            assert not [line for line in crawling.text(built).splitlines() if '"resources"' in line]
            assert crawling.lines(built, "ses_inventory_carrier_info")
            assert built.store.ready()[0]


async def test_f61_settings_that_cannot_be_used_change_nothing_and_a_metric_says_so(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (_, built):
        written = Written(errors.ConfigError("is no number", path="limits.pages", hint="write a number"))
        async with at_work(built, written):
            crew = built.group
            good, sentence = await built.store.reload()
            assert not good
            assert sentence == "The old settings stay: limits.pages: is no number (write a number)"
            assert built.group is crew
            assert crawling.lines(built, "ses_inventory_exporter_config_last_reload_successful 0.0")
            written.now = built.config
            assert (await built.store.reload())[0]
            assert crawling.lines(built, "ses_inventory_exporter_config_last_reload_successful 1.0")
            assert built.group is crew, "the same settings need no new crew"


async def test_other_records_asked_for_are_served_when_they_have_come(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (simulator, built):
        written = Written(built.config)
        async with at_work(built, written):
            await fresh(built)
            before = len(crawling.lines(built, "ses_inventory_resource_info"))
            first = built.group
            changes = {"collections.resources.include_types": ["Satellite"]}
            written.now = crawling.configured(simulator, tmp_path, changes)
            await built.store.reload()
            while built.group is first:
                await asyncio.sleep(0.01)
            assert len(crawling.lines(built, "ses_inventory_resource_info")) == before
            await crawling.poller(built, "resources").refresh()
            after = len(crawling.lines(built, "ses_inventory_resource_info"))
            assert 0 < after < before


async def test_f65_reloads_that_are_asked_for_together_are_one() -> None:
    reloads = Reloads()
    answers = [reloads.ask() for _ in range(100)]
    async with reloads.next() as answer:
        late = reloads.ask()
        answer.set_result((True, "done"))
    assert {future.result() for future in answers} == {(True, "done")}
    assert not late.done(), "who asks while a reload runs may have written the file since it was read"
    async with reloads.next():
        pass
    assert late.result() == (False, "The settings could not be reloaded.")


async def test_f64_at_the_end_whoever_waits_or_still_asks_is_told_so() -> None:
    reloads = Reloads()
    waiting = reloads.ask()
    reloads.end()
    stopping = (False, "The exporter is stopping; the settings were not reloaded.")
    assert (await waiting, await reloads.ask(), await reloads.ask()) == (stopping,) * 3


async def test_limits_of_the_web_side_change_without_a_new_crew(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (_, built):
        web = built.config.web.model_copy(update={"max_scrapes": 3})
        written = Written(built.config.model_copy(update={"web": web}))
        async with at_work(built, written):
            crew = built.group
            assert (await built.store.reload())[0]
            await asyncio.sleep(0)
            assert built.store.max_scrapes == 3
            assert built.group is crew


async def changed_to(built: app.Runtime, written: Written, now: settings.Settings) -> None:
    """A reload of other settings, until the crew that works by them is at work."""
    before = built.group
    written.now = now
    assert await built.store.reload() == (True, "The settings are reloaded.")
    while built.group is before:
        await asyncio.sleep(0.01)


def said_of(built: app.Runtime, label: str) -> list[str]:
    return [line for line in crawling.text(built).splitlines() if label in line]


async def test_a_collection_that_could_never_be_crawled_leaves_no_series_when_it_is_off_now(
    tmp_path: Path,
) -> None:
    wrong = {"collections.resources.path": "nosuch", "limits.retries": 0}
    async with crawling.house(tmp_path, wrong) as (simulator, built):
        written = Written(built.config)
        async with at_work(built, written):
            while crawling.poller(built, "resources").status.up is not False:
                await asyncio.sleep(0.01)
            kept = {"services": {}, "carriers": {}}
            await changed_to(built, written, crawling.configured(simulator, tmp_path, {"collections": kept}))
            assert not said_of(built, 'collection="resources"')
            assert not said_of(built, 'api="tmf639"'), "no collection asks this API any more"
            assert said_of(built, 'api="tmf638"')


async def test_a_collection_that_is_on_again_begins_anew_and_so_does_its_api(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (simulator, built):
        everything, written = built.config, Written(built.config)
        async with at_work(built, written):
            await fresh(built)
            kept = {"services": {}, "carriers": {}}
            await changed_to(built, written, crawling.configured(simulator, tmp_path, {"collections": kept}))
            await changed_to(built, written, everything)
            assert said_of(built, 'exporter_up{collection="resources"} 0.0')
            assert said_of(built, 'exporter_concurrency_limit{api="tmf639"}')


async def test_the_size_of_what_is_served_no_longer_counts_a_collection_that_is_off(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (simulator, built):
        written = Written(built.config)
        async with at_work(built, written):
            await fresh(built)
            kept = crawling.configured(simulator, tmp_path, {"collections": {"carriers": {}}})
            await changed_to(built, written, kept)
            (told,) = said_of(built, 'exporter_exposition_bytes{encoding="identity"}')
            bodies = built.store._bodies("carriers")
            carriers = sum(part.length for body in bodies for part in body.parts("text"))
            assert float(told.split()[-1]) == carriers


async def test_a_reload_that_is_refused_leaves_no_series_of_what_is_not_at_work(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    async with crawling.house(tmp_path, {"collections": {"services": {}}}) as (simulator, built):
        written = Written(built.config)
        async with at_work(built, written):
            changes = {
                "collections": {"services": {}, "carriers": {}, "resources": {}},
                "apis.tmf639.tls_config": {"ca_file": str(broken)},
            }
            written.now = crawling.configured(simulator, tmp_path, changes)
            good, sentence = await built.store.reload()
            assert not good and "broken.pem" in sentence
            for label in ('"carriers"', '"resources"', '"tmf639"'):
                assert not said_of(built, label)
            assert said_of(built, '"services"')


async def test_a_stop_while_a_crew_takes_over_leaves_none_of_its_connections_open(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (simulator, built):
        for poller in built.pollers:
            await poller.refresh()
        config = crawling.configured(simulator, tmp_path, {"limits.retries": 1})
        old = built.group
        crew = await PollerGroup.prepared(config, built.telemetry, built.store, old)
        clients = list(crew._clients.values())
        taking_over = asyncio.create_task(app._replace_group(built, crew))
        while not all(client._opened for client in clients):
            await asyncio.sleep(0)
        sessions = [client._opened for client in clients if client._opened]
        taking_over.cancel()
        await asyncio.gather(taking_over, return_exceptions=True)
        assert built.group is old
        assert sessions and all(session.closed for session in sessions)
        await crawling.poller(built, "carriers").refresh()
        assert crawling.poller(built, "carriers").status.up, "the old crew's are still open"


async def test_a_budget_of_requests_that_is_lifted_is_no_longer_told(tmp_path: Path) -> None:
    async with crawling.house(tmp_path, {"apis.tmf638.requests_per_hour": 1000}) as (simulator, built):
        written = Written(built.config)
        async with at_work(built, written):
            await fresh(built)
            built.group.request_rates()
            assert said_of(built, 'exporter_request_budget{api="tmf638"} 1000.0')
            await changed_to(built, written, crawling.configured(simulator, tmp_path))
            built.group.request_rates()
            assert not said_of(built, "exporter_request_budget{")


async def test_another_limit_of_series_is_told_when_it_is_in_force(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (simulator, built):
        written = Written(built.config)
        async with at_work(built, written):
            await fresh(built)
            config = crawling.configured(simulator, tmp_path, {"limits.series_per_family": 20})
            await changed_to(built, written, config)
            assert crawling.lines(built, "ses_inventory_exporter_series_limit 20.0")


async def test_a_number_that_is_no_longer_wanted_is_no_longer_counted_as_served(tmp_path: Path) -> None:
    wanted = {"collections.carriers.characteristics": {"bandwidth": {"metric": "bandwidth_hertz"}}}
    async with crawling.house(tmp_path, wanted) as (simulator, built):
        written = Written(built.config)
        async with at_work(built, written):
            await fresh(built)
            of_it = '{family="ses_inventory_carrier_bandwidth_hertz"}'
            assert len(said_of(built, of_it)) == 2, "series, and series dropped"
            await changed_to(built, written, crawling.configured(simulator, tmp_path))
            await crawling.poller(built, "carriers").refresh()
            assert not said_of(built, of_it)


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        ({"max_scrapes": 3, "startup_grace": 1.0}, []),
        ({"max_scrapes": 3, "write_timeout": 9.0}, ["web.write_timeout"]),
    ],
)
async def test_a_restart_is_asked_for_only_where_a_setting_is_not_in_force(
    tmp_path: Path, changes: dict[str, object], needed: list[str]
) -> None:
    async with crawling.house(tmp_path) as (_, built):
        start = built.config
        other = start.model_copy(update={"web": start.web.model_copy(update=changes)})
        written = Written(other)
        async with at_work(built, written):
            for now, missing in ((other, needed), (other, needed), (start, [])):
                written.now = now
                with capture_logs() as lines:
                    assert (await built.store.reload())[0]
                assert [line["settings"] for line in lines if line["event"] == "restart needed"] == missing
