"""F50 to F54: clocks that jump, clocks of others, dates that are none, and crawls that take too long."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web

from exporter import app
from exporter.status import CollectionStatus
from tests import crawling
from tests.faults import inventory
from tests.faults.catalogue import fault
from tests.faults.inventory import OWN, listed, part, record, records
from tests.faults.logged import Logged
from tests.source.endpoint import endpoint

HOUR = 3600.0


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forth", "back"])
@fault(
    50,
    "the machine's clock jumps by an hour, or the machine is suspended",
    "Affects only exported timestamps: intervals, deadlines, ages and tokens use the monotonic clock",
    metric="",
    alert="",
)
async def test_f50_a_clock_that_jumps_changes_nothing_but_exported_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    """The wall clock alone is moved, as settimeofday would; the monotonic one cannot be."""
    changes = {"retention.max_staleness": "30m", "limits.crawl_deadline": "30m"}
    async with inventory.over(tmp_path, records(20), changes) as (_, built):
        await inventory.refresh(built)
        before = inventory.served(built)
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + jump)
        assert inventory.own(built, "stale") == 0
        assert inventory.served(built) == before
        age = built.store.status().collections[0].age_seconds
        assert age is not None and age < 60

        await inventory.refresh(built)
        assert inventory.served(built) == before
        assert (inventory.own(built, "up"), inventory.own(built, "complete")) == (1, 1)
        assert inventory.own(built, "stale") == 0
        last = inventory.own(built, "last_success_timestamp_seconds")
        assert abs(last - time.time()) < 60, "what is exported is what the machine holds for the time"


@pytest.mark.parametrize("date", ["Mon, 01 Jan 1990 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"])
@fault(
    51,
    "the server's clock is years off",
    "The lifetime of a token starts when it is received; dates of the server are ignored",
    metric="",
    alert="",
)
async def test_f51_a_token_lives_from_its_receipt_whatever_the_time_is_there(
    tmp_path: Path, date: str
) -> None:
    life = 3600.0

    async def says(number: int) -> web.StreamResponse:
        fields = {"access_token": f"t{number}", "expires_in": life, "issued_at": 0, "expires_on": 1}
        return web.json_response(fields, headers={"Date": date, "Expires": date})

    async with endpoint(says) as desk:
        oauth2 = {"client_id": "exporter", "client_secret": inventory.PASSWORD, "token_url": desk.url}
        changes = {"apis.tmf638.basic_auth": None, "apis.tmf638.oauth2": oauth2}
        async with inventory.over(tmp_path, records(30), changes) as (source, built):
            shown: list[str] = []

            async def answer(request: web.Request) -> web.Response:
                shown.append(request.headers.get("Authorization", ""))
                start, limit = part(request)
                return listed(source.records[start : start + limit], 30, Date=date)

            source.answer = answer
            for _ in range(3):
                await inventory.refresh(built)
            assert inventory.own(built, "up") == 1
            assert (len(desk.asks), set(shown)) == (1, {"Bearer t1"})
    life = 0.3
    async with endpoint(says) as desk:
        changes = {"apis.tmf638.basic_auth": None, "apis.tmf638.oauth2": {**oauth2, "token_url": desk.url}}
        async with inventory.over(tmp_path, records(5), changes) as (_, built):
            await inventory.refresh(built)
            await asyncio.sleep(0.4)
            await inventory.refresh(built)
            assert (inventory.own(built, "up"), len(desk.asks)) == (1, 2)


@fault(
    52,
    "dates without a zone, `0000-00-00`, the year 9999, free text",
    "A date without a zone is UTC; invalid dates and placeholders are dropped and counted",
    metric='ses_inventory_exporter_values_dropped_total{reason="date"}',
    alert="",
)
async def test_f52_a_date_is_utc_or_it_is_dropped_and_counted(tmp_path: Path) -> None:
    noon = 1_768_478_400
    good = ["2026-01-15T12:00:00Z", "2026-01-15 12:00:00", "2026-01-15T13:00:00+01:00", "2026-01-15T12:00:00"]
    bad = ["0000-00-00", "0000-00-00T00:00:00Z", "9999-12-31T23:59:59Z", "soon", 4, {}]
    items = [record(number, startDate=date) for number, date in enumerate([*good, *bad])]
    async with inventory.over(tmp_path, items) as (_, built):
        await inventory.refresh(built)
        family = "ses_inventory_service_start_timestamp_seconds"
        assert crawling.lines(built, f"{family}{{") == [
            f'{family}{{service_id="S{number:05}"}} {noon}' for number in _served_order(built, len(good))
        ]
        assert len(inventory.ids(built)) == len(items)
        dropped = f'{OWN}values_dropped_total{{collection="services",reason="date"}}'
        assert inventory.value(built, dropped) == len(bad)


def _served_order(built: object, count: int) -> list[int]:
    """The numbers of the first records in the order in which records are served."""
    lines = crawling.lines(built, "ses_inventory_service_status{")  # type: ignore[arg-type]
    numbers = [int(line.partition('"S')[2][:5]) for line in lines]
    return [number for number in numbers if number < count]


@fault(
    53,
    "a crawl takes longer than the interval between two",
    "The next one waits: crawls never overlap; each overrun is counted, and logged once while it lasts",
    metric="ses_inventory_exporter_refresh_overruns_total",
    alert="InventoryStale",
)
async def test_f53_a_crawl_that_takes_longer_than_its_interval_never_meets_the_next(
    tmp_path: Path, logged: Logged
) -> None:
    changes = {"collections.services.refresh_interval": "1s", "collections.services.delta": {}}
    async with inventory.over(tmp_path, records(25), {**changes, "limits.concurrency": 1}) as (source, built):
        starts: list[int] = []

        async def answer(request: web.Request) -> web.Response:
            starts.append(part(request)[0])
            await asyncio.sleep(0.4)
            return await source.page(request)

        source.answer = answer
        running = asyncio.create_task(inventory.poller(built).run())
        await inventory.until(lambda: len(starts) >= 6)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert source.most == 1
        # each crawl is at its end before the list is begun again
        assert starts == [0, 10, 20, 0, 10, 20]
        assert inventory.own(built, "refresh_overruns_total") >= 1
        assert len(logged.events("refresh overran")) == 1


def _due(state: CollectionStatus, moment: float) -> bool:
    """Whether the next refresh is set for after that moment."""
    return (state.next_refresh or 0.0) > moment


@fault(
    54,
    "many exporters are started at the same moment",
    "All crawls are delayed at random, so that they do not run at the same time",
    metric="",
    alert="",
)
async def test_f54_exporters_started_together_do_not_ask_together(tmp_path: Path) -> None:
    first: list[float] = []
    later: list[float] = []
    changes = {"collections.services.refresh_interval": "2s"}
    async with inventory.Inventory(records(3)) as source:
        config = crawling.configured(source, tmp_path, changes)  # type: ignore[arg-type]
        for _ in range(8):
            async with app.built(config) as built:
                began = time.time()
                state = inventory.poller(built).status
                running = asyncio.create_task(inventory.poller(built).run())
                await inventory.until(partial(_due, state, began))
                first.append((state.next_refresh or 0.0) - began)
                await inventory.until(lambda state=state: state.last_success)
                await inventory.until(partial(_due, state, state.last_success))
                later.append((state.next_refresh or 0.0) - (state.last_success or 0.0))
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
    # eight draws from a fifth of a second fall within a fiftieth once in ten million times
    for waits in (first, later):
        assert max(waits) - min(waits) > 0.02
        assert max(waits) <= 2.1
