"""Every query of every dashboard has an answer from a real Prometheus that scraped real exporters.

Two exporters, so that what replicas or other dialects do is seen too: one on a healthy inventory, one on an
inventory with all the faults that the panels about faults are for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import yaml

from tests.end_to_end import running
from tests.grafana import boards

SIZES = ("--services", "130", "--carriers", "90", "--resources", "150", "--change-rate", "20")
FAULTS = ("500:share=0.5", "html:collection=services,pages=2", "null-ids:share=0.1", "odd-dates:share=0.2")


def hurried(file: Path) -> Path:
    """The simulator's settings with short intervals, limits, characteristics and a state file."""
    config = yaml.safe_load(file.read_text())
    for collection in config["collections"].values():
        collection |= {"refresh_interval": "1s", "full_refresh_interval": "2s"}
    config["collections"]["resources"]["characteristics"] = ["manufacturer"]
    for api in config["apis"].values():
        api["requests_per_hour"] = 1_000_000
    config["state_file"] = str(file.with_suffix(".state"))
    file.write_text(yaml.safe_dump(config))
    return file


UNASKED = ("Firing alerts",)
"""Panels about what is not in this Prometheus: it has no rules."""


def unanswered(ask: Callable[[str], list[dict]]) -> list[boards.Query]:
    """The queries that have no answer now."""
    wanted = (query for query in boards.queries() if query.panel not in UNASKED)
    return [query for query in wanted if not ask(boards.filled(query.expr))]


async def test_every_query_of_every_panel_has_an_answer(tmp_path: Path) -> None:
    faults = [word for fault in FAULTS for word in ("--fault", fault)]
    async with (
        running.simulated(tmp_path, *SIZES) as good,
        running.simulated(tmp_path, *SIZES, "--dialect", "tmf-v4", *faults) as bad,
        running.serving(hurried(good)) as first,
        running.serving(hurried(bad)) as second,
        running.prometheus(tmp_path, [first, second]) as ask,
    ):
        try:
            await running.until(lambda: not unanswered(ask), 60)
        finally:
            await asyncio.to_thread(printed, ask)


def printed(ask: Callable[[str], list[dict]]) -> None:
    """A table of all queries and how many series each gave."""
    print()
    for query in boards.queries():
        count = len(ask(boards.filled(query.expr)))
        print(
            f"{query.board:<24} {query.panel:<48} {query.ref}  {count:>5} {'' if count else 'EMPTY'}".rstrip()
        )


async def test_replicas_change_no_number_and_add_no_row(tmp_path: Path) -> None:
    still = ("--services", "40", "--carriers", "50", "--resources", "60")
    async with (
        running.simulated(tmp_path, *still) as file,
        running.serving(file) as first,
        running.serving(file) as second,
        running.prometheus(tmp_path, [first, second]) as ask,
    ):
        whole = "count(count by (instance) (ses_inventory_carrier_info)) == 2"
        await running.until(lambda: ask(whole))
        for query in boards.queries():
            if query.board == "ses-inventory-exporter" or query.panel == "Data age":
                continue  # there exporters differ, and are meant to
            both = await asyncio.to_thread(ask, boards.filled(query.expr))
            one = await asyncio.to_thread(ask, boards.filled(query.expr).replace(EVERY, alone(first)))
            assert folded(both) == folded(one), query


async def test_shards_together_give_the_numbers_of_a_whole(tmp_path: Path) -> None:
    still = ("--services", "40", "--carriers", "50", "--resources", "60")
    async with (
        running.simulated(tmp_path, *still) as file,
        running.serving(file) as whole,
        running.serving(shard(file, 0)) as first,
        running.serving(shard(file, 1)) as second,
        running.prometheus(tmp_path, [whole, first, second]) as ask,
    ):
        every = "count(count by (instance) (ses_inventory_carrier_info)) == 3"
        await running.until(lambda: ask(every))
        both = f'instance=~"{address(first)}|{address(second)}"'
        for query in boards.queries():
            if query.board == "ses-inventory-exporter" or query.panel == "Data age":
                continue  # there exporters differ, and are meant to
            filled = boards.filled(query.expr)
            parts = await asyncio.to_thread(ask, filled.replace(EVERY, both))
            one = await asyncio.to_thread(ask, filled.replace(EVERY, alone(whole)))
            assert folded(parts) == folded(one), query


def shard(file: Path, index: int) -> Path:
    """The settings of one of two shards."""
    config = yaml.safe_load(file.read_text()) | {"shard": {"index": index, "count": 2}}
    copy = file.with_name(f"shard-{index}.yaml")
    copy.write_text(yaml.safe_dump(config))
    return copy


async def test_without_a_snapshot_no_number_is_shown_but_that_nothing_was_ever_read(tmp_path: Path) -> None:
    async with (
        running.simulated(tmp_path) as file,
        unready(refused(file)) as exporter,
        running.prometheus(tmp_path, [exporter]) as ask,
    ):
        await running.until(lambda: ask("ses_inventory_exporter_up == 0"))
        for query in numbers():
            found = await asyncio.to_thread(ask, boards.filled(query.expr))
            if query.panel == "Data age":
                assert {one["value"][1] for one in found} == {"-1"}
            else:
                assert not found, query


def refused(file: Path) -> Path:
    """The simulator's settings with a wrong password."""
    config = yaml.safe_load(file.read_text())
    for api in config["apis"].values():
        api["basic_auth"] = {"username": "monitor", "password": "wrong"}
    file.write_text(yaml.safe_dump(config))
    return file


def numbers() -> list[boards.Query]:
    """What is shown as a number or a bar on the dashboards about the inventory."""
    return [
        boards.Query(uid, panel["title"], target["refId"], target["expr"])
        for uid, board in boards.boards().items()
        if uid != "ses-inventory-exporter"
        for panel in boards.panels(board)
        if panel["type"] in ("stat", "bargauge")
        for target in panel["targets"]
    ]


@asynccontextmanager
async def unready(file: Path) -> AsyncIterator[str]:
    """An exporter that serves metrics, whether or not it could read anything."""
    url = f"http://127.0.0.1:{running.free_port()}"
    arguments = ("--config.file", str(file), "--web.listen-address", address(url))
    async with running.process(running.COMMAND, "serve", *arguments):
        await running.until(lambda: running.get(f"{url}/metrics"))
        yield url


EVERY = 'instance=~".*"'


def alone(url: str) -> str:
    """The matcher of one exporter."""
    return f'instance="{address(url)}"'


def address(url: str) -> str:
    """Host and port."""
    return url.removeprefix("http://")


def folded(series: list[dict]) -> list[tuple[list[tuple[str, str]], str]]:
    """Labels and values in a stable order."""
    return sorted((sorted(one["metric"].items()), one["value"][1]) for one in series)
