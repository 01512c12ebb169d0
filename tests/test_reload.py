"""New settings while everything runs: they take over, or the old ones stay."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from exporter import app, errors, settings
from exporter.reload import Reloads
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
async def at_work(built: app.House, written: Written) -> AsyncIterator[None]:
    shifts = asyncio.create_task(app._shifts(built, written.read))
    try:
        yield
    finally:
        shifts.cancel()
        await asyncio.gather(shifts, return_exceptions=True)


async def fresh(built: app.House) -> None:
    while not all(poller.state.up for poller in built.pollers):
        await asyncio.sleep(0.01)


async def test_new_settings_take_over_and_what_was_served_goes_on(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (simulator, built):
        written = Written(built.config)
        async with at_work(built, written):
            await fresh(built)
            before = crawling.lines(built, "ses_inventory_carrier")
            first = built.crew
            changes = {"collections.carriers.refresh_interval": "7s", "collections.carriers.delta": {}}
            written.now = crawling.configured(simulator, tmp_path, changes)
            assert await built.site.reload() == (True, "The settings are reloaded.")
            while built.crew is first:
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
            await built.site.reload()
            while len(built.pollers) == 3:
                await asyncio.sleep(0.01)
            assert not crawling.lines(built, "ses_inventory_resource")
            assert not [line for line in crawling.text(built).splitlines() if '"resources"' in line]
            assert crawling.lines(built, "ses_inventory_carrier_info")
            assert built.site.ready()[0]


async def test_f61_settings_that_cannot_be_used_change_nothing_and_a_metric_says_so(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (_, built):
        written = Written(errors.ConfigError("is no number", path="limits.pages", mend="write a number"))
        async with at_work(built, written):
            crew = built.crew
            good, sentence = await built.site.reload()
            assert not good
            assert sentence == "The old settings stay: limits.pages: is no number (write a number)"
            assert built.crew is crew
            assert crawling.lines(built, "ses_inventory_exporter_config_last_reload_successful 0.0")
            written.now = built.config
            assert (await built.site.reload())[0]
            assert crawling.lines(built, "ses_inventory_exporter_config_last_reload_successful 1.0")
            assert built.crew is crew, "the same settings need no new crew"


async def test_other_records_asked_for_are_served_when_they_have_come(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (simulator, built):
        written = Written(built.config)
        async with at_work(built, written):
            await fresh(built)
            before = len(crawling.lines(built, "ses_inventory_resource_info"))
            first = built.crew
            changes = {"collections.resources.include_types": ["Satellite"]}
            written.now = crawling.configured(simulator, tmp_path, changes)
            await built.site.reload()
            while built.crew is first:
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
        answer.yes("done")
    assert {future.result() for future in answers} == {(True, "done")}
    assert not late.done(), "who asks while a reload runs may have written the file since it was read"
    async with reloads.next():
        pass
    assert late.result() == (False, "The settings could not be reloaded.")


async def test_limits_of_the_web_side_change_without_a_new_crew(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (_, built):
        web = built.config.web.model_copy(update={"max_scrapes": 3})
        written = Written(built.config.model_copy(update={"web": web}))
        async with at_work(built, written):
            crew = built.crew
            assert (await built.site.reload())[0]
            await asyncio.sleep(0)
            assert built.site.max_scrapes == 3
            assert built.crew is crew
