"""An inventory API on a raw socket, good until it is told otherwise, and the ways in which it goes wrong.

A `Script` answers one request; `RawServer.script` may be replaced between two refreshes, and the server may
be stopped, started again at the same port, or with another certificate. `whole` writes an answer that keeps
to HTTP; the scripts below do not. Token endpoints and proxies are in `tests.source.endpoint`. Invariant:
nothing here knows anything of the exporter.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import itertools
import json
import socket
import ssl
import struct
import urllib.parse
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.source.certificates import CERTIFICATES

Script = Callable[[str, asyncio.StreamWriter], Awaitable[None]]
"""Answers one request, given its head."""

Records = Sequence[Mapping[str, Any]]


def carriers(number: int = 30, status: str = "active") -> list[dict[str, Any]]:
    """Records as TMF638 v4 shows them."""
    return [
        {"id": f"C{index:02d}", "name": f"Carrier {index}", "state": status, "@type": "Carrier"}
        for index in range(number)
    ]


def whole(body: bytes = b"[]", *headers: str, status: str = "200 OK") -> bytes:
    """A complete answer that keeps to HTTP."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return b"".join(("\r\n".join(lines).encode("latin-1"), body))


def asked(head: str) -> tuple[str, int, int]:
    """Path, offset and limit of a request."""
    target = urllib.parse.urlsplit(head.split()[1])
    query = dict(urllib.parse.parse_qsl(target.query))
    return target.path, int(query.get("offset", 0)), int(query.get("limit", 0))


def credentials(head: str) -> list[str]:
    """What a request says of who asks: the values of those headers, and the pair of basic authentication."""
    fields = (line.partition(": ") for line in head.splitlines()[1:])
    found = [value for name, _, value in fields if name in ("Authorization", "Proxy-Authorization", "X-Key")]
    basic = (value.split()[1] for value in found if value.startswith("Basic "))
    return [*found, *(base64.b64decode(pair).decode() for pair in basic)]


def page(head: str, records: Records, *headers: str) -> bytes:
    """The good answer to a request: its part of the records, and how many there are."""
    _, offset, limit = asked(head)
    part = records[offset : offset + limit] if limit else records
    status = "200 OK" if len(part) == len(records) else "206 Partial Content"
    return whole(json.dumps(part).encode(), f"X-Total-Count: {len(records)}", *headers, status=status)


def lists(records: Records) -> Script:
    """Answers as it should."""

    async def script(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(page(head, records))

    return script


def says(answer: bytes) -> Script:
    """Answers the same to every request."""

    async def script(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return script


def hangs_up_after(answer: bytes) -> Script:
    """Answers and closes the connection, whatever the answer has announced."""

    async def script(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    return script


def resets_after(answer: bytes) -> Script:
    """Writes what is part of an answer, then resets the connection (RST, not FIN)."""

    async def script(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        await asyncio.sleep(0.01)  # so that the beginning arrives before the reset does
        reset(writer)

    return script


def first(answers: Sequence[Script], then: Script) -> Script:
    """The scripts one after the other, one a request; the last one for ever."""
    turns = itertools.chain(answers, itertools.repeat(then))

    async def script(head: str, writer: asyncio.StreamWriter) -> None:
        await next(turns)(head, writer)

    return script


def where(bad: Callable[[str], bool], fault: Script, otherwise: Script) -> Script:
    """The fault for the requests that are `bad`, given their heads."""

    async def script(head: str, writer: asyncio.StreamWriter) -> None:
        await (fault if bad(head) else otherwise)(head, writer)

    return script


async def silence(head: str, writer: asyncio.StreamWriter) -> None:
    """Never answers."""
    await asyncio.sleep(60)


async def drip(head: str, writer: asyncio.StreamWriter) -> None:
    """One byte after the other, so that no read ever waits for long."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n[")
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection with RST."""
    with contextlib.suppress(OSError):  # it may be closed already
        at_once = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    writer.transport.abort()


SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n[]"
UNFINISHED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n"
MISCOUNTED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n[]\r\n0\r\n\r\n"
NO_CHUNK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n[]\r\n0\r\n\r\n"
BOMB = whole(gzip.compress(b" " * (32 << 20)), "Content-Encoding: gzip")
LONG_HEADERS = whole(b"[]", *(f"X-{number}: {'x' * 4096}" for number in range(16)))
LONG_HEADER = whole(b"[]", f"X-Long: {'x' * 65536}")
LOGIN = whole(b"<!doctype html><html><head><title>Log in</title></head></html>", "Content-Type: text/html")
WRONG_PROTOCOL = b"\x15\x03\x03\x00\x02\x02\x46"
"""A TLS alert, fatal, protocol_version (RFC 8446, section 6): the answer of a server that is too old."""


class RawServer:
    """A server on loopback. `certificate` is a file of `CERTIFICATES`, empty for no TLS.

    `heads` are the requests so far. After `stop`, which resets all connections, `start` listens at the port
    it had. With `alert` the server sends these bytes to whoever connects and speaks no HTTP.
    """

    def __init__(self, script: Script, certificate: str = "") -> None:
        self.script = script
        self.certificate = certificate
        self.alert = b""
        self.heads: list[str] = []
        self.host, self.port = "127.0.0.1", 0
        self._listener: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def url(self) -> str:
        """Ends without a slash."""
        return f"{'https' if self.certificate else 'http'}://{self.host}:{self.port}"

    async def start(self) -> None:
        """Listens."""
        secured = None
        if self.certificate and not self.alert:
            secured = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            secured.load_cert_chain(CERTIFICATES / self.certificate)
        self._listener = await asyncio.start_server(self._connected, self.host, self.port, ssl=secured)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Is gone at once, like a machine that has been switched off; connections are reset."""
        if self._listener is not None:
            self._listener.close()
        self._listener = None
        connections = dict(self._connections)
        for task, writer in connections.items():
            reset(writer)
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections[task] = writer
        task.add_done_callback(self._connections.pop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.alert:
                await reader.read(4096)
                writer.write(self.alert)
                await writer.drain()
                return
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                self.heads.append(head)
                await self.script(head, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def raw(script: Script, certificate: str = "") -> AsyncIterator[RawServer]:
    """A server at work."""
    server = RawServer(script, certificate)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@contextlib.contextmanager
def black_hole(port: int) -> Iterator[None]:
    """Connections to the port of loopback neither stand nor fail: its backlog is full, SYNs are dropped."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(0)
        for _ in range(2):
            stuck = stack.enter_context(socket.socket())
            stuck.setblocking(False)
            stuck.connect_ex(listener.getsockname())
        yield
