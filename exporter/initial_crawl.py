"""Initial crawls: shows how far they are, in a terminal, as lines or in the log; `once` makes one and ends.

Progress ends when every collection has had its first refresh.
"""

from __future__ import annotations

import asyncio
import time

import structlog
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from exporter import app, settings
from exporter.app import Runtime
from exporter.collections.poller import Poller

_POLL = 0.2  # seconds between two looks at the pollers
_LINE = 5.0  # seconds between two plain lines of a long crawl

log = structlog.get_logger()


async def once(config: settings.Settings, watch: app.Watch) -> tuple[Runtime, bytes]:
    """One crawl of every collection, and `watch` during it; the runtime after it, and the exposition."""
    async with app.built(config) as runtime:
        async with asyncio.TaskGroup() as group:
            crawls = [group.create_task(poller.refresh()) for poller in runtime.pollers]
            watching = group.create_task(watch(runtime, ""))
            await asyncio.wait(crawls)
            watching.cancel()
        return runtime, b"".join(runtime.store.scrape("text", "identity", ())[1])


async def show(runtime: Runtime, console: Console) -> None:
    """Shows the first refresh of every collection until it has ended."""
    if console.is_terminal:
        await _bars(runtime, console)
    else:
        await _lines(runtime, console)


async def log_progress(runtime: Runtime) -> None:
    """Logs the progress of first crawls that take long, for a service, which has no terminal."""
    while unfinished := _unfinished(runtime):
        await asyncio.sleep(_LINE)
        for poller in unfinished:
            name, recorder = poller.target.collection, poller.recorder
            if poller.status.up is None:
                log.info("crawling", collection=name, records=recorder.items, pages=recorder.pages)


def _unfinished(runtime: Runtime) -> list[Poller]:
    return [poller for poller in runtime.pollers if poller.status.up is None]


async def _bars(runtime: Runtime, console: Console) -> None:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("records"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as progress:
        tasks = {
            poller.target.collection: progress.add_task(poller.target.collection, total=None, note="")
            for poller in runtime.pollers
        }
        waiting = True
        while waiting:
            waiting = bool(_unfinished(runtime))
            for poller in runtime.pollers:
                recorder, done = poller.recorder, poller.status.up is not None
                total = recorder.items if done else recorder.announced or None
                note = result(poller) if done else ""
                task = tasks[poller.target.collection]
                progress.update(task, completed=recorder.items, total=total, note=note)
            await asyncio.sleep(_POLL)


async def _lines(runtime: Runtime, console: Console) -> None:
    shown: set[str] = set()
    last = time.monotonic()
    while len(shown) < len(runtime.pollers):
        for poller in runtime.pollers:
            name = poller.target.collection
            if poller.status.up is not None and name not in shown:
                shown.add(name)
                console.print(f"{name}: {result(poller)}", highlight=False, markup=False)
        if time.monotonic() - last > _LINE:
            last = time.monotonic()
            for poller in _unfinished(runtime):
                line = f"{poller.target.collection}: {poller.recorder.items} records so far"
                console.print(line, highlight=False, markup=False)
        await asyncio.sleep(_POLL)


def result(poller: Poller) -> str:
    """The result of the collection's last refresh, in one line."""
    status, recorder = poller.status, poller.recorder
    if status.up is False:
        hint = f" ({status.last_error_hint})" if status.last_error_hint else ""
        return f"failed: {recorder.error}{hint}"
    records = f"{status.records} records"
    return f"{records}, complete" if status.complete else f"{records}, incomplete: {recorder.problem}"
