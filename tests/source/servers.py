"""Inventory APIs made of raw sockets, that misbehave exactly as told; and what the client told of them."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from exporter import settings
from exporter.client import Client
from tests.source.certificates import CERTIFICATES

Script = Callable[["Server", str, asyncio.StreamWriter], Awaitable[None]]
"""Answers one request, given its head."""


class Told:
    """The client's telemetry, kept in plain counters."""

    def __init__(self) -> None:
        self.codes: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.retries = 0
        self.limits: list[int] = []
        self.quotas: list[float] = []
        self.waits: list[float] = []

    def request(self, api: str, code: str, seconds: float) -> None:
        assert api == "tmf638"
        assert seconds >= 0
        self.codes[code] += 1

    def request_failed(self, api: str, reason: str) -> None:
        self.failures[reason] += 1

    def request_retried(self, api: str) -> None:
        self.retries += 1

    def concurrency(self, api: str, limit: int) -> None:
        self.limits.append(limit)

    def rate_limit(self, api: str, remaining: float) -> None:
        self.quotas.append(remaining)

    def waited(self, api: str, seconds: float) -> None:
        self.waits.append(seconds)


class Server:
    """What a raw server has been asked so far; `url` ends without a slash, `script` may be replaced."""

    def __init__(self, script: Script) -> None:
        self.heads: list[str] = []
        self.url = ""
        self.script = script

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heads.append(head.decode("latin-1"))
                await self.script(self, self.heads[-1], writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(
    script: Script,
    *,
    certificate: str = "",
    newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
    clients: str = "",
) -> AsyncIterator[Server]:
    """A server on loopback; with `certificate`, a file of `CERTIFICATES`, it speaks TLS up to `newest`.

    With `clients`, another of them, it insists on a certificate of that authority.
    """
    server = Server(script)
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.maximum_version = newest
        context.load_cert_chain(CERTIFICATES / certificate)
        if clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(CERTIFICATES / clients)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(server.answer(reader, writer)))

    listener = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    port = listener.sockets[0].getsockname()[1]
    server.url = f"{'https' if certificate else 'http'}://127.0.0.1:{port}"
    try:
        yield server
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def whole(body: bytes = b"[]", *headers: str, status: str = "200 OK") -> bytes:
    """A complete answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def says(*answers: bytes) -> Script:
    """Gives the answers one after the other, the last one for ever."""
    left = list(answers)

    async def script(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])

    return script


def then_closes(*answers: bytes) -> Script:
    """As `says`, and closes the connection after each."""
    say = says(*answers)

    async def script(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        await say(server, head, writer)
        await writer.drain()
        writer.close()

    return script


def then_resets(answer: bytes, *rest: bytes) -> Script:
    """Resets the connection after the first answer; gives the rest as `says` does."""
    left = [answer]
    say = says(*rest)

    async def script(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        if left:
            writer.write(left.pop())
            await writer.drain()
            await asyncio.sleep(0.02)  # so that the beginning arrives before the reset does
            writer.transport.abort()
        else:
            await say(server, head, writer)

    return script


def asking(
    url: str,
    told: Told | None = None,
    *,
    retries: int = 2,
    limits: dict[str, object] | None = None,
    **api: object,
) -> Client:
    """A client of `url`, quick to try again; `api` and `limits` as the operator writes them."""
    written = {"timeout": "5s", "connect_timeout": "2s", **api, "url": url}
    return Client(
        "tmf638",
        settings.Api.model_validate(written),
        settings.Limits.model_validate({"retries": retries, **(limits or {})}),
        told or Told(),
        backoff=0.001,
    )
