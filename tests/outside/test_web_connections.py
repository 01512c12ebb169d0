"""One client that takes all connections, scrapes or file descriptors: others are answered."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import resource
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from exporter.web import connections, listener, scrape, server
from tests.end_to_end import running
from tests.web.guarded import HEALTHY, PATIENT, Client, Told, busy, connect, guarded, held_up
from tests.web.invented import InventedSite

CROWD, ELSEWHERE = "127.0.0.2", "127.0.0.3"
SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
READY = b"GET /-/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
HALF = b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: "
LARGE = (b"a" * 20_000_000,)


async def asked(port: int, request: bytes, source: str) -> bytes:
    """What comes for a request from this address."""
    client = await connect(port, source)
    client.writer.write(request)
    answer = await client.answer()
    client.leave()
    return answer


@pytest.mark.parametrize("said", [b"", HALF, HEALTHY], ids=["silent", "half a request", "idle"])
@pytest.mark.parametrize("source", [ELSEWHERE, CROWD], ids=["another address", "the same address"])
async def test_a06_connections_that_do_nothing_make_room(said: bytes, source: str) -> None:
    async with guarded(PATIENT._replace(connections=512)) as there:
        crowd = []
        for _ in range(600):
            crowd.append(client := await connect(there.port, CROWD))
            client.writer.write(said)
        for request in (HEALTHY, READY, SCRAPE):
            assert b" 200 OK" in await asked(there.port, request, source)
        assert there.told.most <= 512
        assert set(there.told.reasons) == {"evicted"}
        for client in crowd:
            client.leave()


async def test_a06_the_oldest_silent_connection_makes_room() -> None:
    async with guarded(PATIENT._replace(connections=4), None, None, held_up) as there:
        worker = await busy(there.port, CROWD)
        await there.at_work(1)
        first, second = await connect(there.port, CROWD), await connect(there.port, CROWD)
        await there.until(3)
        assert b" 200 OK" in await asked(there.port, HEALTHY, CROWD)
        assert await first.rest() == b"", "the share of an address is three of four"
        second.writer.write(HEALTHY)
        assert b" 200 OK" in await second.answer()
        worker.leave()
        second.leave()


async def test_a06_one_address_at_work_leaves_a_quarter_to_others_and_probes_are_beyond_the_limit() -> None:
    async with guarded(PATIENT._replace(connections=4), None, None, held_up) as there:
        workers = [await busy(there.port, CROWD) for _ in range(3)]
        await there.at_work(3)
        assert b" 503 " in await asked(there.port, SCRAPE, CROWD)
        assert b" 200 OK" in await asked(there.port, SCRAPE, ELSEWHERE)
        workers += [await busy(there.port, ELSEWHERE)]
        await there.at_work(4)
        for request in (HEALTHY, READY):
            assert b" 200 OK" in await asked(there.port, request, "127.0.0.1")
        refused = await asked(there.port, SCRAPE, "127.0.0.1")
        assert b" 503 " in refused
        assert b"Too many connections" in refused
        assert there.told.reasons == {"full": 2}
        for worker in workers:
            worker.leave()


async def slow(port: int, source: str) -> Client:
    """A client that has begun to read a scrape and goes no further."""
    quiet = socket.socket()
    quiet.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    quiet.setblocking(False)
    quiet.bind((source, 0))
    await asyncio.get_running_loop().sock_connect(quiet, ("127.0.0.1", port))
    client = Client(*await asyncio.open_connection(sock=quiet, limit=1 << 12))
    client.writer.write(SCRAPE)
    assert b" 200 OK" in await client.reader.readuntil(b"\r\n\r\n")
    return client


@asynccontextmanager
async def readers(port: int, number: int) -> AsyncIterator[list[Client]]:
    """So many slow readers from one address."""
    crowd = [await slow(port, CROWD) for _ in range(number)]
    yield crowd
    for client in crowd:
        client.leave()


async def test_a06_forty_slow_readers_keep_no_other_address_out() -> None:
    async with guarded(site=InventedSite(max_scrapes=40, parts=LARGE)) as there, readers(there.port, 40):
        assert b" 200 OK" in await asked(there.port, HEALTHY, CROWD)
        assert (await asked(there.port, SCRAPE, ELSEWHERE)).endswith(b"a" * 1000)


async def test_a06_a_slow_reader_stops_counting_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    site = InventedSite(max_scrapes=4, parts=LARGE)
    async with guarded(site=site) as there, readers(there.port, 4):
        assert b" 503 " in await asked(there.port, SCRAPE, CROWD)
        monkeypatch.setattr(scrape, "STALLED", 0.0)
        assert (await asked(there.port, SCRAPE, CROWD)).endswith(b"a" * 1000)


async def test_a06_slow_readers_are_twice_the_limit_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrape, "STALLED", 0.0)
    async with guarded(site=InventedSite(max_scrapes=2, parts=LARGE)) as there:
        async with readers(there.port, 4) as crowd:
            assert (await asked(there.port, SCRAPE, CROWD)).endswith(b"a" * 1000)
            assert len(await crowd[0].rest()) < len(LARGE[0]), "the slowest has ended"


async def test_a12_slow_readers_that_are_cut_off_are_one_counted_line_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scrape, "STALLED", 0.0)
    async with guarded(site=InventedSite(max_scrapes=2, parts=LARGE)) as there:
        with capture_logs() as logged:
            async with readers(there.port, 12):
                monkeypatch.setattr(connections.OnceAMinute, "INTERVAL", 0.0)  # it is over
                async with readers(there.port, 1):
                    pass
    warnings = [line for line in logged if line["log_level"] == "warning"]
    assert [(line["event"], line.get("times")) for line in warnings] == [
        ("scrape cut off", 1),
        ("scrape cut off", 8),  # of 13 readers four are kept
    ]


async def test_a12_a_scrape_that_takes_too_long_is_one_counted_line_a_minute() -> None:
    application = server.application(InventedSite(max_scrapes=20, parts=LARGE), patience=0.2)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        with capture_logs() as logged:
            async with readers(int(runner.addresses[0][1]), 10) as crowd:
                await asyncio.sleep(0.3)
                for client in crowd:
                    assert len(await client.rest()) < len(LARGE[0])
    finally:
        await runner.cleanup()
    assert [(line["event"], line["times"]) for line in logged] == [("scrape cut off", 1)]


async def test_a12_refused_orders_are_one_counted_line_a_minute() -> None:
    order = b"POST /-/reload HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: cross-site\r\nContent-Length: 0\r\n\r\n"
    application = server.application(InventedSite(), enabled=server.AdminRequests(accept=True, reload=True))
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        with capture_logs() as logged:
            client = await connect(int(runner.addresses[0][1]), CROWD)
            for _ in range(50):
                client.writer.write(order)
                assert b" 403 " in await client.answer()
            client.leave()
    finally:
        await runner.cleanup()
    assert [(line["event"], line["times"]) for line in logged] == [("admin request refused", 1)]


def test_what_is_due_often_is_written_once_a_minute_with_how_often() -> None:
    warning = connections.OnceAMinute("something")
    with capture_logs() as logged:
        for second in range(125):
            warning.warn(float(second), second=second)
    assert [(line["second"], line["times"]) for line in logged] == [(0, 1), (60, 60), (120, 60)]


@pytest.mark.parametrize(
    ("host", "same"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::ffff:2"),
        ("fe80::1%eth0", "fe80::2%eth1"),
        ("", ""),
    ],
)
def test_one_client_is_an_address_or_64_bits_of_one(host: str, same: str) -> None:
    assert connections.network(host) == connections.network(same)
    assert connections.network(host) != connections.network("2001:db8:0:1::1")
    assert connections.network(host) != connections.network("192.0.2.2")


async def failing_accepts(times: int, number: int) -> Told:
    """What is told when the loop reports so many failed accepts."""
    told, loop = Told(), asyncio.get_running_loop()
    handler = listener.Shortages(connections.Connections(PATIENT, told))
    handler.install(loop)
    try:
        for _ in range(times):
            error = OSError(number, os.strerror(number))
            loop.call_exception_handler({"message": "", "exception": error, "socket": None})
    finally:
        handler.remove(loop)
    return told


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
async def test_a07_failed_accepts_are_one_line_and_counted(number: int) -> None:
    with capture_logs() as logged:
        told = await failing_accepts(512, number)
    assert [line["event"] for line in logged] == ["connections not accepted"]
    assert told.reasons == {"descriptors": 1}


async def test_a_failure_that_is_no_shortage_is_reported_as_before(caplog: pytest.LogCaptureFixture) -> None:
    assert not (await failing_accepts(2, errno.EPERM)).reasons
    assert len([record for record in caplog.records if record.name == "asyncio" and record.exc_info]) == 2


@pytest.mark.parametrize(
    ("wanted", "limit", "possible"), [(512, 1024, 512), (512, 256, 80), (65_536, 131_072, 65_536), (9, 10, 1)]
)
def test_o06_connections_leave_descriptors_to_everything_else(wanted: int, limit: int, possible: int) -> None:
    assert connections.max_connections(wanted, limit, requests=32, beyond=48) == possible


def limited(soft: int, hard: int) -> str:
    """The start of a shell command under these limits of open files."""
    return f"ulimit -Sn {soft} && ulimit -Hn {hard} && exec "


@pytest.mark.parametrize("source", ["127.0.0.1", CROWD], ids=["same address", "another address"])
async def test_o06_300_silent_connections_at_256_descriptors(tmp_path: Path, source: str) -> None:
    port, errors = running.free_port(), tmp_path / "stderr"
    async with running.simulated(tmp_path, "--carriers", "50") as file:
        command = (
            f"{limited(256, 256)}{running.COMMAND} serve --config.file {file} "
            f"--web.listen-address 127.0.0.1:{port} 2>{errors}"
        )
        process = await asyncio.create_subprocess_exec("sh", "-c", command)
        try:
            await running.until(lambda: running.get(f"http://127.0.0.1:{port}/-/ready"))
            crowd = [await connect(port, source) for _ in range(300)]
            for _ in range(3):
                for path in ("metrics", "-/healthy"):
                    assert await asyncio.to_thread(running.get, f"http://127.0.0.1:{port}/{path}")
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 10) == 0
            for client in crowd:
                client.leave()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    said = errors.read_text()
    assert "Traceback" not in said
    assert len(said) < 20_000
    assert "fewer connections than configured" in said


async def test_o06_the_soft_limit_is_raised_to_the_hard_one(tmp_path: Path) -> None:
    port = running.free_port()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    hard = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
    async with running.simulated(tmp_path, "--carriers", "5") as file:
        command = (
            f"{limited(128, hard)}{running.COMMAND} serve --config.file {file} "
            f"--web.listen-address 127.0.0.1:{port}"
        )
        process = await asyncio.create_subprocess_exec("sh", "-c", command)
        try:
            text = await running.until(lambda: running.get(f"http://127.0.0.1:{port}/metrics"))
            found = re.search(r"^process_max_fds (\S+)$", text, re.MULTILINE)
            assert found and float(found[1]) == hard
        finally:
            process.terminate()
            await process.wait()
