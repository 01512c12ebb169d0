"""Every query of every dashboard has an answer from a real Prometheus that scraped real exporters.

Two exporters, so that what replicas or other dialects do is seen too: one on a healthy inventory, one on an
inventory with all the faults that the panels about faults are for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
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


def unanswered(ask: Callable[[str], list[dict]]) -> list[boards.Query]:
    """The queries that have no answer now."""
    return [query for query in boards.queries() if not ask(boards.filled(query.expr))]


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


EVERY = 'instance=~".*"'


def alone(url: str) -> str:
    """The matcher of one exporter."""
    return f'instance="{url.removeprefix("http://")}"'


def folded(series: list[dict]) -> list[tuple[list[tuple[str, str]], str]]:
    """Labels and values in a stable order."""
    return sorted((sorted(one["metric"].items()), one["value"][1]) for one in series)
