"""F55 to F60: memory, descriptors, processor and disk, of which there is never enough."""

from __future__ import annotations

import asyncio
import gc
import gzip
import io
import logging
import resource
import sys
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import structlog
from aiohttp import web

from exporter import state_file
from exporter.exposition import families, render, segments
from exporter.inventory import decode
from exporter.inventory.snapshot import SPARE, Changes, Snapshot
from exporter.inventory.snapshot import stored as hold
from tests import crawling
from tests.faults import inventory
from tests.faults.catalogue import fault
from tests.faults.inventory import OWN, record, records
from tests.faults.logged import Logged
from tests.inventory import reading

MB = 1 << 20


def bomb(size: int) -> bytes:
    """A list without records that is mostly blanks: so many bytes, about a thousandth of that compressed."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as file:
        file.write(b"[")
        for _ in range(size // MB):
            file.write(b" " * MB)
        file.write(b"]")
    return packed.getvalue()


@fault(
    55,
    "a body of some hundred kB that inflates to 300 MB",
    "Inflated in pieces up to `limits.bytes`; kept, reason `too_large`",
    metric='ses_inventory_exporter_refresh_failures_total{reason="too_large"}',
    alert="InventoryApiFailing",
)
async def test_f55_a_body_that_inflates_without_end_is_cut_at_the_cap(tmp_path: Path) -> None:
    packed = bomb(300 * MB)
    assert len(packed) < 2 * MB

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip", "X-Total-Count": "0"})

    async with inventory.over(tmp_path, records(20), {"limits.bytes": "8MiB"}) as (source, built):
        await inventory.refresh(built)
        before = inventory.served(built)
        source.answer = answer
        tracemalloc.start()
        try:
            await inventory.refresh(built)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        # what is in flight at once, each up to the cap, and one that is being put together
        assert peak < 6 * 8 * MB
        assert inventory.served(built) == before
        assert (inventory.own(built, "up"), inventory.failures(built, "too_large")) == (0, 1)
        source.answer = source.page
        await inventory.refresh(built)
        assert inventory.own(built, "up") == 1


@pytest.fixture
def log_level_of_the_program() -> Iterator[None]:
    """Logs as the program does by default: no line for each request."""
    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO), cache_logger_on_first_use=False
    )
    yield
    structlog.configure(**before)


@fault(
    56,
    "memory that grows with every refresh",
    "Constant over a thousand refreshes; at most the old and the new snapshot are in memory",
    metric="process_resident_memory_bytes",
    alert="",
)
@pytest.mark.usefixtures("log_level_of_the_program")
async def test_f56_memory_is_flat_over_a_thousand_refreshes(tmp_path: Path) -> None:
    """Counts the interpreter's blocks, which are exact, instead of resident pages, which are not."""
    counted: list[int] = []
    async with inventory.over(tmp_path, records(8)) as (source, built):
        for turn in range(1000):
            state = ("active", "inactive")[turn % 2]
            source.records[turn % 8] = record(turn % 8, name=f"turn {turn}", state=state)
            await inventory.refresh(built)
            source.asked.clear()
            if turn in (199, 999):
                gc.collect()
                counted.append(sys.getallocatedblocks())
        assert inventory.own(built, "records_changed_total") == 999
    early, late = counted
    assert late - early < 800, "less than one block a refresh"


async def test_f56_statuses_without_end_are_counted_within_bounds(tmp_path: Path) -> None:
    """A status with a time in it is another one in each refresh."""
    turns, ids = 50, range(30)
    async with inventory.over(tmp_path, []) as (source, built):
        for turn in range(turns):
            source.records = [
                record(number, state=f"degraded since {turn}:{number}", serviceType=f"VSAT {number % 20}")
                for number in ids
            ]
            await inventory.refresh(built)
            source.asked.clear()
        poller = inventory.poller(built)
        counted = crawling.lines(built, "ses_inventory_services{")
        values = Counter(line.rpartition(" ")[2] for line in counted)
        assert values["1"] == len(ids)
        assert values.total() == len(counted) <= SPARE + len(ids) + render.ZEROS
        assert len(poller.snapshot.words) == SPARE + len(ids)
        assert (
            f'ses_inventory_services{{status="degraded since {turns - 2}:3",service_type="VSAT 3"}} 0'
            in counted
        )
        assert not [line for line in counted if "degraded since 1:" in line], "forgotten"
        assert len(poller._exposition._cells) == len(poller._count._statuses) == len(ids)
        moves = crawling.lines(built, f"{OWN}status_changes_total{{")
        assert len(moves) == 1001
        assert sum(float(line.rpartition(" ")[2]) for line in moves) == (turns - 1) * len(ids)
        rest = f'{OWN}status_changes_total{{collection="services",from_status="other",to_status="other"}}'
        assert inventory.value(built, rest) == (turns - 1) * len(ids) - 1000


async def test_the_peak_of_a_refresh_is_the_old_snapshot_and_the_new_one(tmp_path: Path) -> None:
    page = {"collections.services.page_size": 500}
    async with inventory.over(tmp_path, records(4000), page) as (source, built):
        tracemalloc.start()
        try:
            await inventory.refresh(built)
            gc.collect()
            one = tracemalloc.get_traced_memory()[0]
            source.records = [record(number, name="another") for number in range(4000)]
            made = tracemalloc.get_traced_memory()[0] - one
            tracemalloc.reset_peak()
            await inventory.refresh(built)
            peak = tracemalloc.get_traced_memory()[1] - made
        finally:
            tracemalloc.stop()
    assert peak < 2 * one + 4 * MB, "what else there is are the pages that are being read"


@fault(
    57,
    "descriptors and ports that leak",
    "Never more connections to an API than `limits.concurrency`; each is closed after its response",
    metric="process_open_fds",
    alert="",
)
async def test_f57_connections_are_bounded_and_end(tmp_path: Path) -> None:
    fds = Path("/proc/self/fd")
    async with inventory.over(tmp_path, records(200)) as (source, built):
        await inventory.refresh(built)
        before = len(list(fds.iterdir()))
        for turn in range(10):
            source.answer = broken if turn % 3 == 2 else source.page
            await inventory.refresh(built)
        assert len(list(fds.iterdir())) <= before
        assert source.most <= 4


async def broken(_: web.Request) -> web.Response:
    return web.Response(status=500)


@fault(
    58,
    "the event loop is blocked",
    "Decoding of large pages, rendering and compressing run off the loop; the lag is exported as a metric",
    metric="ses_inventory_exporter_event_loop_lag_seconds",
    alert="",
)
async def test_f58_heavy_work_is_off_the_loop_and_a_late_loop_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where work is done is observed; how long it takes is the benchmark's business."""
    places: dict[str, set[bool]] = {"decode": set(), "render": set()}
    decoded, updated = decode.page, render.Exposition.update

    def seen(what: str) -> None:
        places[what].add(threading.current_thread() is threading.main_thread())

    def page(*arguments: object) -> object:
        seen("decode")
        return decoded(*arguments)  # type: ignore[arg-type]

    def update(*arguments: object) -> object:
        seen("render")
        return updated(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(decode, "page", page)
    monkeypatch.setattr(render.Exposition, "update", update)
    large = [record(number, description="x" * 900) for number in range(499)]
    async with inventory.over(tmp_path, large, {"collections.services.page_size": 500}) as (source, built):
        await inventory.refresh(built)
        assert places == {"decode": {False}, "render": {False}}
        async with inventory.serving(built.config) as (house, _):
            lag = f"{OWN}event_loop_lag_seconds"
            await inventory.crawled(house)
            time.sleep(0.7)  # a blocked loop is what is wanted
            await inventory.until(lambda: inventory.value(house, lag) >= 0.1)
        assert source.asked


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow beyond a few bytes: what a full disk is to one who writes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@fault(
    59,
    "the disk is full or read-only",
    "Logged and counted; nothing else is affected, and the previous file stays",
    metric='ses_inventory_exporter_state_writes_total{result="failed"}',
    alert="InventoryStateNotWritten",
)
async def test_f59_a_disk_that_takes_nothing_costs_a_warning(tmp_path: Path, logged: Logged) -> None:
    """A limit on the size of files stands for the full disk, the kernel's /sys for the read-only one."""
    file = tmp_path / "state"
    writes = f'{OWN}state_writes_total{{result="%s"}}'
    async with inventory.over(tmp_path, records(20), {"state_file": str(file)}) as (_, built):
        await inventory.refresh(built)
        await built.state_file.write(built.group.saved())
        assert inventory.value(built, writes % "good") == 1
        before, served = file.read_bytes(), inventory.served(built)
        with full_disk():
            await built.state_file.write(built.group.saved())
            await built.state_file.write(built.group.saved())
        assert inventory.value(built, writes % "failed") == 2
        assert len(logged.events("state not written")) == 1
        assert str(file) in logged.events("state not written")[0]["error"]
        assert file.read_bytes() == before
        assert {one.name for one in tmp_path.iterdir()} == {"state", "config.yaml"}
        await inventory.refresh(built)
        assert (inventory.served(built), inventory.own(built, "up")) == (served, 1)
        await built.state_file.write(built.group.saved())
        assert inventory.value(built, writes % "good") == 2
        assert len(state_file.read(file)["services"].snapshot.records) == 20

    async with inventory.over(tmp_path, records(20), {"state_file": "/sys/inventory-state"}) as (_, built):
        async with inventory.serving(built.config) as (house, _):
            await inventory.until(lambda: inventory.value(house, writes % "failed") >= 1)
            assert len(inventory.ids(house)) == 20
            assert house.store.healthy()[0] and house.store.ready()[0]


@pytest.fixture(scope="module")
def large() -> render.Body:
    """A hundred thousand records, rendered."""
    one = reading.held(record(0), reading.reader("tmf-v4"))
    ids = [f"S{number:06}" for number in range(100_000)]
    renewed = (msgspec.structs.replace(one.record, id=ident) for ident in ids)
    held = {each.id: hold(each, one.digest, one.since) for each in renewed}
    snapshot = Snapshot(held, {}, ((one.status_summary.status, one.status_summary.type),))
    exposition = render.Exposition(families.of("services"))
    return exposition.update(snapshot, Changes(added=tuple(held.values())))


@fault(
    60,
    "a tenth of a CPU core",
    "`/metrics` is answered within a second for 100,000 records: a scrape copies rendered bytes",
    metric="",
    alert="",
)
async def test_f60_a_scrape_of_a_hundred_thousand_records_costs_a_tenth_of_a_second_of_processor(
    tmp_path: Path, large: render.Body
) -> None:
    """Processor time is counted: a tenth of a second of it is a second on a tenth of a processor."""
    async with inventory.over(tmp_path, records(1)) as (_, built):
        async with inventory.serving(built.config) as (house, url):
            await inventory.crawled(house)
            house.store.publish("services", large, Snapshot())
            reader, writer = await _asking(url)
            spent = time.process_time()
            size = 0
            while chunk := await reader.read(MB):
                size += len(chunk)
            spent = time.process_time() - spent
            writer.close()
    assert size > len(segments.join(large.parts("text")).deflated) > 100_000
    assert spent < 0.1


async def _asking(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=MB)
    request = f"GET /metrics HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
    writer.write(request.encode())
    return reader, writer
