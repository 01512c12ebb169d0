"""The clocks of one connection where aiohttp is not what stands behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from exporter.web import connections
from exporter.web.connections import ConnectionLimits, Connections, DeadlineProtocol

from .guarded import Told, connect

LIMITS = ConnectionLimits(connections=9, headers=0.1, write=60.0, idle=0.1)


class Writer(asyncio.Protocol):
    """Writes more than any kernel buffers, without ever being told that nobody reads it."""

    def __init__(self, then: Callable[[asyncio.Transport], None]) -> None:
        self.read: list[bytes] = []
        self._then = then

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=1 << 30)
        transport.write(b"a" * 40_000_000)
        self._then(transport)

    def data_received(self, data: bytes) -> None:
        self.read.append(data)


@dataclass
class Standing:
    """A door that stands open to a client who reads nothing."""

    protocol: DeadlineProtocol
    writer: Writer
    told: Told

    async def gone(self) -> None:
        while self.told.number:
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def _patience_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_FLUSH", 0.1)


@asynccontextmanager
async def standing(then: Callable[[asyncio.Transport], None] = lambda _: None) -> AsyncIterator[Standing]:
    """`then` is done to the connection as soon as everything was written."""
    told, made = Told(), asyncio.Event()
    opened = Connections(LIMITS, told)
    doors: list[Standing] = []

    class Listener(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            new = opened.admit("127.0.0.1", transport.abort)
            assert new is not None
            writer = Writer(then)
            one = DeadlineProtocol(writer, opened, new, transport)
            transport.set_protocol(one)
            one.connection_made(transport)
            doors.append(Standing(one, writer, told))
            made.set()

    server = await asyncio.get_running_loop().create_server(Listener, "127.0.0.1", 0)
    client = await connect(server.sockets[0].getsockname()[1])
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await made.wait()
    yield doors[0]
    client.leave()
    server.close()


async def test_f71_a_close_whose_last_bytes_nobody_reads_is_forced() -> None:
    async with standing() as there:
        await there.gone()
        assert there.told.reasons == {"idle": 1}


async def test_f71_aiohttps_own_close_is_forced_too_and_is_nothing_to_tell() -> None:
    async with standing(lambda line: line.close()) as there:
        await there.gone()
        assert not there.told.reasons


async def test_what_comes_after_a_connection_was_cut_is_not_heard_and_stops_no_clock() -> None:
    async with standing() as there:
        while not there.told.reasons:
            await asyncio.sleep(0.01)
        there.protocol.data_received(b"GET / HTTP/1.1\r\n\r\n")  # as TLS may still hand over
        with there.protocol.handling():  # as of one in aiohttp's queue
            pass
        assert not there.writer.read
        await there.gone()
        assert there.told.reasons == {"idle": 1}
