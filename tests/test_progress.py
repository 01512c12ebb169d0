"""What a person sees of a crawl, in a terminal and elsewhere."""

import asyncio
import io
from pathlib import Path

import pytest
from rich.console import Console

from exporter import initial_crawl
from tests import crawling


async def test_a_terminal_shows_bars_that_fill(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    async with crawling.house(tmp_path, latency=0.15) as (_, built), asyncio.TaskGroup() as group:
        for poller in built.pollers:
            group.create_task(poller.refresh())
        group.create_task(initial_crawl.show(built, console))
    shown = console.file.getvalue()
    assert "50/50" in shown
    assert "50 records, complete" in shown


async def test_elsewhere_there_is_a_line_for_each_collection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(initial_crawl, "_LINE", 0.0)
    console = Console(file=io.StringIO(), force_terminal=False, width=200)
    changes = {"limits.retries": 0, "collections.services.page_size": 10}
    faults = ("html:collection=carriers", "504:rows=15,collection=services")
    crawled = crawling.house(tmp_path, changes, latency=0.15, faults=faults)
    async with crawled as (_, built), asyncio.TaskGroup() as group:
        group.create_task(initial_crawl.show(built, console))
        for poller in built.pollers:
            group.create_task(poller.refresh())
    shown = console.file.getvalue()
    assert "resources: 60 records, complete" in shown
    assert "carriers: failed: " in shown and "web page" in shown
    assert "services: 29 records, incomplete: row 15" in shown
    assert "records so far" in shown


async def test_a_service_logs_how_far_a_long_crawl_has_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(initial_crawl, "_LINE", 0.05)
    async with crawling.house(tmp_path, latency=0.2) as (_, built), asyncio.TaskGroup() as group:
        group.create_task(initial_crawl.log_progress(built))
        for poller in built.pollers:
            group.create_task(poller.refresh())
    assert "crawling" in capsys.readouterr().out
