"""The surface behind its guard on loopback, and clients that may misbehave."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from exporter.web import listener, server
from exporter.web.connections import ConnectionLimits
from exporter.web.sockets import Address

from .invented import InventedSite

BUSY = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
"""What keeps a connection at work where `held_up` is among the middlewares."""
PATIENT = ConnectionLimits(connections=1000, headers=60.0, write=60.0)
HEALTHY = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass
class Told:
    """What the telemetry was told."""

    number: int = 0
    most: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def connections(self, number: int) -> None:
        self.number, self.most = number, max(number, self.most)

    def connection_refused(self, reason: str) -> None:
        self.reasons[reason] += 1


@dataclass(frozen=True)
class Guarded:
    """The port it serves, and what was told."""

    port: int
    told: Told
    listener: listener.Listener

    async def ask(self, request: bytes = HEALTHY) -> bytes:
        """Everything that comes for these bytes until the server closes."""
        client = await connect(self.port)
        client.writer.write(request)
        return await client.rest()

    async def at_work(self, connections: int) -> None:
        """Waits until so many are being answered."""
        while sum(one.state == "busy" for one in self.listener.connections.open) != connections:
            await asyncio.sleep(0.005)

    async def until(self, connections: int) -> None:
        """Waits until so many are open."""
        while self.told.number != connections:
            await asyncio.sleep(0.005)


def always(context: ssl.SSLContext) -> listener.CurrentContext:
    """The same context for each connection."""

    async def current() -> ssl.SSLContext:
        return context

    return current


@asynccontextmanager
async def guarded(
    limits: ConnectionLimits = PATIENT,
    site: InventedSite | None = None,
    context: ssl.SSLContext | None = None,
    *middlewares: Middleware,
) -> AsyncIterator[Guarded]:
    """Serves as the program does; `middlewares` stand right before the pages."""
    application = server.application(site or InventedSite())
    application.middlewares.extend(middlewares)
    runner = web.AppRunner(application, shutdown_timeout=1.0)
    await runner.setup()
    told = Told()
    try:
        tls = None if context is None else always(context)
        site_ = listener.Listener(runner, [Address("127.0.0.1", 0)], limits, told, tls)
        await site_.start()
        yield Guarded(site_.listening[0].address.port, told, site_)
    finally:
        await runner.cleanup()


@web.middleware
async def held_up(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The landing page is never answered; everything else is."""
    if request.path == "/":
        await asyncio.Event().wait()
    return await handler(request)


@dataclass
class Client:
    """A connection on which anything may be said."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self) -> bytes:
        """The next answer, whole; it must have a Content-Length."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        return head + await self.reader.readexactly(length)

    async def rest(self) -> bytes:
        """Everything until the server closes, or as much as came before it hung up."""
        read = bytearray()
        try:
            while piece := await self.reader.read(1 << 20):
                read += piece
        except ConnectionError:
            pass
        self.leave()
        return bytes(read)

    async def drip(self, text: bytes) -> None:
        """Sends the same bytes again and again until the server has enough of it."""
        try:
            while not self.reader.at_eof():
                self.writer.write(text)
                await self.writer.drain()
                await asyncio.sleep(0.01)
        except ConnectionError:
            pass
        self.leave()

    def leave(self) -> None:
        self.writer.transport.abort()


async def connect(port: int, source: str = "127.0.0.1") -> Client:
    """A connection from this address."""
    return Client(*await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0)))


async def busy(port: int, source: str = "127.0.0.1") -> Client:
    """A connection with a request that is never answered, where `held_up` is among the middlewares."""
    client = await connect(port, source)
    client.writer.write(BUSY)
    return client
