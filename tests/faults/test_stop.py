"""F64: what a stop lets finish, and what it does not wait for."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from exporter import settings, state_file
from tests import crawling
from tests.end_to_end import running
from tests.faults import inventory
from tests.faults.catalogue import fault
from tests.faults.inventory import Inventory, record, records

SILENT = """
import os, socket, sys, threading
from exporter import cli, state_file

def silent(*_, **__):
    os.write(1, b"no answer\\n")
    threading.Event().wait()

resolve = socket.getaddrinfo
def resolver(host, *rest, **more):
    return (silent if host == "inventory.test" else resolve)(host, *rest, **more)

if sys.argv.pop(1) == "resolver":
    socket.getaddrinfo = resolver
else:
    state_file.read = silent
sys.exit(cli.main())
"""
"""The exporter with a resolver, or a disk with the state file, that never answers."""


@asynccontextmanager
async def process(file: Path, *options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The installed exporter at work; what it serves, and its URL."""
    port = running.free_port()
    address = ("--web.listen-address", f"127.0.0.1:{port}")
    command = (running.COMMAND, "serve", "--config.file", str(file), *address, *options)
    async with running.process(*command) as started:
        yield started, f"http://127.0.0.1:{port}"


@fault(
    64,
    "SIGTERM in the middle of a crawl and of a scrape",
    "The scrape finishes, the crawl is cancelled; exit status 0 within ten seconds",
    metric="",
    alert="",
)
async def test_f64_a_stop_lets_scrapes_finish_and_crawls_go(tmp_path: Path) -> None:
    async with Inventory(wide()) as source:
        changes = {
            "collections.services.page_size": 1000,
            "collections.services.refresh_interval": "1s",
        }
        crawling.configured(source, tmp_path, changes)  # type: ignore[arg-type]
        async with process(tmp_path / "config.yaml") as (exporter, url):
            await running.until(lambda: running.get(f"{url}/-/ready"))

            async def stalled(_: web.Request) -> web.Response:
                await asyncio.sleep(60)
                raise AssertionError

            source.answer = stalled
            asked = len(source.asked)
            await inventory.until(lambda: len(source.asked) > asked and source.under_way)
            reader, writer = await asking(url, "/metrics")
            length = await announced(reader)
            exporter.terminate()
            await asyncio.sleep(0.3)  # it is stopping, and we have read next to nothing
            body = await reader.readexactly(length)
            writer.close()
            assert body.count(b"\nses_inventory_service_status{") == 4000
            async with asyncio.timeout(10):
                assert await exporter.wait() == 0


async def test_f64_further_signals_cut_nothing_of_a_stop(tmp_path: Path) -> None:
    """As of a service manager with SendSIGHUP=, and of somebody who presses Ctrl-C again and again."""
    state = tmp_path / "state"
    async with Inventory(wide()) as source:
        changes = {"collections.services.page_size": 1000, "state_file": str(state)}
        crawling.configured(source, tmp_path, changes)  # type: ignore[arg-type]
        async with process(tmp_path / "config.yaml") as (exporter, url):
            await running.until(lambda: running.get(f"{url}/-/ready") and state.exists())
            state.unlink()
            reader, writer = await asking(url, "/metrics")
            left = await announced(reader)
            exporter.terminate()
            for _ in range(16):  # a megabyte: there is still more than the system holds
                for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM, signal.SIGINT):
                    exporter.send_signal(number)
                left -= len(await reader.readexactly(1 << 16))
            await reader.readexactly(left)
            writer.close()
            async with asyncio.timeout(10):
                assert await exporter.wait() == 0
    assert len(state_file.read(state)["services"].snapshot.records) == 4000


@pytest.mark.parametrize(("silent", "listening"), [("resolver", True), ("disk", False)])
async def test_f64_a_stop_waits_for_no_thread(tmp_path: Path, silent: str, listening: bool) -> None:
    state, port = tmp_path / "state", running.free_port()
    state_file.write(state, {}, 1.0)
    before = state.read_bytes()
    async with Inventory([]) as source:
        source.url = "http://inventory.test:8080"
        changes = {"state_file": str(state)} if silent == "disk" else {}
        crawling.configured(source, tmp_path, changes)  # type: ignore[arg-type]
        arguments = (str(tmp_path / "config.yaml"), "--web.listen-address", f"127.0.0.1:{port}")
        command = (sys.executable, "-c", SILENT, silent, "serve", "--config.file", *arguments)
        async with running.process(*command) as exporter:
            assert exporter.stdout is not None
            said = await exporter.stdout.readuntil(b"no answer\n")
            assert (b"event=listening" in said) == listening
            exporter.send_signal(signal.SIGHUP)
            exporter.terminate()
            async with asyncio.timeout(10):
                await exporter.communicate()
            assert exporter.returncode == 0
    assert state.read_bytes() == before, "what could not be restored is not written over"


async def test_f64_an_order_to_reload_is_answered_by_a_stop(tmp_path: Path) -> None:
    loads, go = 0, threading.Event()
    async with Inventory(records(20)) as source:
        changes = {"web.enable_lifecycle": True}
        config = crawling.configured(source, tmp_path, changes)  # type: ignore[arg-type]

        def again() -> settings.Settings:
            nonlocal loads
            loads += 1
            go.wait()
            return config

        async with inventory.serving(config, again) as (house, url), ClientSession() as client:
            os.kill(os.getpid(), signal.SIGHUP)
            await inventory.until(lambda: loads)
            order = asyncio.create_task(client.post(f"{url}/-/reload"))
            await inventory.until(lambda: house.reloads._waiting)
            os.kill(os.getpid(), signal.SIGTERM)
            try:
                answer = await order
            finally:
                go.set()
            assert answer.status == 500
            assert "is stopping" in await answer.text()


def wide() -> list[inventory.Item]:
    """Records whose scrape is more than the sockets' buffers hold, though nothing is deflated."""
    return [record(number, description=f"{number} {random.random()}" * 40) for number in range(4000)]


async def announced(reader: asyncio.StreamReader) -> int:
    """The length of an answer of `wide` records, whose head is read."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split()[0])
    assert length > 4 << 20, "more than the sockets' buffers hold"
    return length


async def asking(url: str, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request on a connection whose buffer is small; the answer is the reader's."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=sock, limit=4096)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    return reader, writer
