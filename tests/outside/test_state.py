"""Each state of a collection, made with the whole exporter, and compared in all that is said of it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from exporter import app
from tests import crawling
from tests.faults import inventory
from tests.outside.exporters import Clock, served

DAY = 86_400.0


@dataclass
class Exporter:
    """An exporter over an inventory of services, its clock, and what it has logged."""

    source: inventory.Inventory
    built: app.Runtime
    clock: Clock
    logged: list[Any]
    url: str

    async def get(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}{path}") as answer:
            return answer.status, await answer.text()

    async def outputs(self) -> Outputs:
        """What every output says now; the scrape is asked last, so that none can lead the others."""
        _, page = await self.get("/")
        ready, readiness = await self.get("/-/ready")
        _, status = await self.get("/api/v1/status")
        _, metrics = await self.get("/metrics")
        (one,) = json.loads(status)["data"]["collections"]
        events = [line["event"] for line in self.logged if line["log_level"] != "debug"]
        return Outputs(page, one, ready, readiness.strip(), metrics, events)

    async def refresh(self) -> None:
        await inventory.refresh(self.built)


@dataclass
class Outputs:
    """The five outputs of one moment."""

    page: str
    status: dict[str, Any]
    ready: int
    readiness: str
    metrics: str
    events: list[str]

    @property
    def pill(self) -> str:
        """The word for the state on the landing page."""
        found = re.search(r'<span class="pill">\S+ (\w+)</span>', self.page)
        assert found
        return found[1].lower()

    def own(self, name: str) -> float:
        """One of the metrics that the exporter has about itself."""
        found = re.search(rf"^ses_inventory_exporter_{name}\{{[^}}]*\}} (\S+)$", self.metrics, re.MULTILINE)
        assert found, name
        return float(found[1])

    @property
    def families(self) -> float:
        """The sum of `ses_inventory_exporter_series`; 0 as long as there is none."""
        counts = re.findall(r"^ses_inventory_exporter_series\{[^}]*\} (\S+)$", self.metrics, re.MULTILINE)
        return sum(map(float, counts))

    @property
    def counted(self) -> bool:
        """Whether the count family is served, the witness of a snapshot."""
        return "\nses_inventory_services{" in self.metrics

    @property
    def listed(self) -> int:
        """How many records are served."""
        return self.metrics.count("\nses_inventory_service_info{")


@asynccontextmanager
async def over(folder: Path, count: int = 6, **changes: object) -> AsyncIterator[Exporter]:
    """An exporter over so many services, its pages on a real socket; nothing is crawled yet."""
    clock, dotted = Clock(), {key.replace("__", "."): value for key, value in changes.items()}
    async with inventory.Inventory(inventory.records(count)) as source:
        config = crawling.configured(source, folder, dotted)  # type: ignore[arg-type]
        with capture_logs() as logged:
            async with app.built(config, clock) as built, served(built) as url:
                yield Exporter(source, built, clock, logged, url)


async def never_crawled(exporter: Exporter) -> None:
    """Nothing happens."""


async def fresh(exporter: Exporter) -> None:
    await exporter.refresh()


async def empty(exporter: Exporter) -> None:
    exporter.source.records.clear()
    await exporter.refresh()


async def failing(exporter: Exporter) -> None:
    await exporter.refresh()
    exporter.source.answer = refused
    await exporter.refresh()


async def failing_from_the_start(exporter: Exporter) -> None:
    exporter.source.answer = refused
    await exporter.refresh()


async def stale(exporter: Exporter) -> None:
    await exporter.refresh()
    exporter.clock.passed += 0.9 * DAY


async def expired(exporter: Exporter) -> None:
    await exporter.refresh()
    exporter.clock.passed += DAY + 1


async def expired_while_failing(exporter: Exporter) -> None:
    await failing(exporter)
    exporter.clock.passed += DAY + 1
    await exporter.refresh()


async def served_again(exporter: Exporter) -> None:
    await expired_while_failing(exporter)
    await exporter.outputs()
    exporter.source.answer = exporter.source.page
    await exporter.refresh()


async def restored(exporter: Exporter) -> None:
    await restore(exporter, time.time() - 60)


async def restored_too_old(exporter: Exporter) -> None:
    await restore(exporter, time.time() - 2 * DAY)


async def restore(exporter: Exporter, last_success: float) -> None:
    """What another exporter over the same inventory has kept is restored, as last read at that time."""
    async with app.built(exporter.built.config) as other:
        await inventory.refresh(other)
        (kept,) = other.group.saved().values()
    old = msgspec.structs.replace(kept, last_success=last_success, last_full_success=last_success)
    await exporter.built.group.restore({"services": old})


async def refused(_: web.Request) -> web.Response:
    return web.Response(status=401)


Make = Callable[[Exporter], Awaitable[None]]


@dataclass
class Expected:
    """What every output must say in a state.

    `own` are metrics by their name; `logged` and `unlogged` are events of the log, `page` are parts of the
    landing page, `readiness` is the answer of `/-/ready`.
    """

    state: str
    listed: int
    ready: int
    readiness: str
    page: tuple[str, ...]
    own: Mapping[str, int]
    logged: tuple[str, ...] = ()
    unlogged: tuple[str, ...] = ()


ALL = "All collections have data."
ENDED = ("snapshot expired", "snapshot served again", "collection empty", "collection no longer empty")
STATES: list[tuple[Make, Expected]] = [
    (
        never_crawled,
        Expected(
            "waiting",
            *(0, 503, "Waiting for the initial crawl of services."),
            ("The first crawl has not ended.", "No records stored yet."),
            {"up": 0, "complete": 0, "stale": 0, "records": 0, "restored": 0},
            (),
            ENDED,
        ),
    ),
    (
        failing_from_the_start,
        Expected(
            "failing",
            *(0, 503, "Waiting for the initial crawl of services."),
            ("Nothing is served yet", "401"),
            {"up": 0, "complete": 0, "stale": 0, "records": 0, "restored": 0},
            ("refresh failed",),
            ENDED,
        ),
    ),
    (
        fresh,
        Expected(
            "fresh",
            *(6, 200, ALL),
            ("Refreshed on time; the last full crawl was complete.", "All data is current"),
            {"up": 1, "complete": 1, "stale": 0, "records": 6, "restored": 0},
            ("initial crawl complete",),
            ENDED,
        ),
    ),
    (
        empty,
        Expected(
            "empty",
            *(0, 200, "The inventory has no records: services."),
            (
                "found no records",
                "collections.<bdi>services</bdi>.query",
                "dialect",
                "1 of 1 collection needs",
            ),
            {"up": 1, "complete": 1, "stale": 0, "records": 0, "restored": 0},
            ("initial crawl complete", "collection empty"),
            ("snapshot expired",),
        ),
    ),
    (
        failing,
        Expected(
            "failing",
            *(6, 200, "The last refresh failed, the last good snapshot is served: services."),
            ("the last good snapshot is served", "401"),
            {"up": 0, "complete": 1, "stale": 0, "records": 6, "restored": 0},
            ("initial crawl complete", "refresh failed"),
            ENDED,
        ),
    ),
    (
        stale,
        Expected(
            "stale",
            *(6, 200, "The snapshot is stale: services."),
            ("Older than three refresh intervals", "21 hours 36 minutes ago"),
            {"up": 1, "complete": 1, "stale": 1, "records": 6, "restored": 0},
            ("initial crawl complete",),
            ENDED,
        ),
    ),
    (
        expired,
        Expected(
            "expired",
            *(0, 503, "The snapshot has expired, nothing is served: services."),
            (
                "<code>retention.max_staleness</code>",
                "0</strong> records served; 6 records in",
                "No refresh has",
            ),
            {"up": 1, "complete": 1, "stale": 1, "records": 6, "restored": 0},
            ("initial crawl complete", "snapshot expired"),
            ("snapshot served again", "collection empty"),
        ),
    ),
    (
        expired_while_failing,
        Expected(
            "expired",
            *(0, 503, "The snapshot has expired, nothing is served: services."),
            ("<code>retention.max_staleness</code>", "Remove the cause of the error below", "401"),
            {"up": 0, "complete": 1, "stale": 1, "records": 6, "restored": 0},
            ("refresh failed", "snapshot expired"),
            ("snapshot served again", "refresh recovered"),
        ),
    ),
    (
        served_again,
        Expected(
            "fresh",
            *(6, 200, ALL),
            ("Refreshed on time; the last full crawl was complete.",),
            {"up": 1, "complete": 1, "stale": 0, "records": 6, "restored": 0},
            ("refresh failed", "snapshot expired", "refresh recovered", "snapshot served again"),
            ("collection empty",),
        ),
    ),
    (
        restored,
        Expected(
            "waiting",
            *(6, 200, "Restored from the state file, not crawled yet: services."),
            ("Restored from the state file; no crawl has ended since the start.", "6</strong> records"),
            {"up": 0, "complete": 0, "stale": 0, "records": 6, "restored": 1},
            ("snapshot restored",),
            ENDED,
        ),
    ),
    (
        restored_too_old,
        Expected(
            "expired",
            *(0, 503, "The snapshot has expired, nothing is served: services."),
            ("<code>retention.max_staleness</code>", "0</strong> records served; 6 records in"),
            {"up": 0, "complete": 0, "stale": 1, "records": 6, "restored": 1},
            ("snapshot restored", "snapshot expired"),
            ("snapshot served again",),
        ),
    ),
]


@pytest.mark.parametrize(("make", "expected"), STATES, ids=[make.__name__ for make, _ in STATES])
async def test_t14_page_status_readiness_log_and_metrics_agree_in_each_state(
    tmp_path: Path, make: Make, expected: Expected
) -> None:
    async with over(tmp_path) as exporter:
        await make(exporter)
        said = await exporter.outputs()

        assert (said.status["state"], said.pill) == (expected.state, expected.state)
        assert (said.ready, said.readiness) == (expected.ready, expected.readiness)
        assert ('<span class="ready">Ready</span>' in said.page) == (said.ready == 200)
        assert {name: said.own(name) for name in expected.own} == expected.own
        assert {name: said.status[name] for name in ("records", "restored")} == {
            name: expected.own[name] for name in ("records", "restored")
        }
        for part in expected.page:
            assert part in said.page
        assert not set(expected.logged) - set(said.events)
        assert not set(expected.unlogged) & set(said.events)
        assert len(said.events) == len(set(said.events)), "each change is logged once"

        is_served = said.status["served"]
        assert said.listed == expected.listed
        assert said.counted == is_served
        assert said.families == said.status["series"]
        assert bool(said.status["series"]) == is_served, "the zeros of the counts are series, too"


async def test_t14_a_snapshot_that_nobody_asks_for_expires_all_the_same(tmp_path: Path) -> None:
    changes = {"retention.max_staleness": "1s", "collections.services.refresh_interval": "1h"}
    async with inventory.Inventory(inventory.records(3)) as source:
        config = crawling.configured(source, tmp_path, changes)  # type: ignore[arg-type]
        with capture_logs() as logged:
            async with inventory.serving(config) as (built, _):
                await inventory.until(
                    lambda: [line for line in logged if line["event"] == "snapshot expired"]
                )
                status = inventory.poller(built).status
                assert not status.served
    (line,) = [line for line in logged if line["event"] == "snapshot expired"]
    assert (line["log_level"], line["collection"], line["max_staleness"]) == ("warning", "services", 1.0)
    assert line["records"] == 3
    assert "until a refresh succeeds" in line["hint"]


async def test_t14_a_failure_after_the_snapshot_expired_is_not_said_to_serve_records(tmp_path: Path) -> None:
    async with over(tmp_path) as exporter:
        await expired(exporter)
        await exporter.outputs()
        exporter.source.answer = refused
        await exporter.refresh()
    (line,) = [line for line in exporter.logged if line["event"] == "refresh failed"]
    assert line["still_served"] == 0


async def test_t14_one_expired_collection_hides_no_other(tmp_path: Path) -> None:
    """After the start-up grace the exporter is ready while it serves something, and names what it lacks."""
    clock = Clock()
    async with crawling.house(tmp_path) as (_, other), app.built(other.config, clock) as built:
        for poller in built.pollers:
            await poller.refresh()
        clock.passed += DAY + 1
        assert built.store.ready() == (
            False,
            "The snapshot has expired, nothing is served: services, carriers, resources.",
        )
        await crawling.poller(built, "carriers").refresh()
        assert built.store.ready() == (
            True,
            "The snapshot has expired, nothing is served: services, resources.",
        )
        assert crawling.lines(built, "ses_inventory_carriers{")
        assert not crawling.lines(built, "ses_inventory_services{")
        assert {one.name: one.served for one in built.store.status().collections} == {
            "services": False,
            "carriers": True,
            "resources": False,
        }


async def test_t08_a_first_crawl_without_records_is_a_warning_with_a_hint(tmp_path: Path) -> None:
    async with over(tmp_path) as exporter:
        await empty(exporter)
        await exporter.refresh()
        (line,) = [line for line in exporter.logged if line["event"] == "collection empty"]
        assert line["log_level"] == "warning"
        assert "dialect" in line["hint"] and "collections.services.query" in line["hint"]

        exporter.source.records.extend(inventory.records(2))
        await exporter.refresh()
        assert (await exporter.outputs()).status["state"] == "fresh"
        assert [
            line["records"] for line in exporter.logged if line["event"] == "collection no longer empty"
        ] == [2]


async def test_t08_records_that_were_all_left_out_point_to_the_types(tmp_path: Path) -> None:
    async with over(tmp_path, collections__services__include_types=["Carrier"]) as exporter:
        await exporter.refresh()
        said = await exporter.outputs()
        (line,) = [line for line in exporter.logged if line["event"] == "collection empty"]
        assert line["received"] == 6
        assert "include_types" in line["hint"]
        assert said.pill == "empty"
        assert "6 records received and none stored." in said.page
