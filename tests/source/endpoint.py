"""A token endpoint and a forward proxy on loopback, that do just what they are told to."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import yarl
from aiohttp import web

Says = Callable[[int], Awaitable[web.StreamResponse]]
"""The answer to the request of that number, from 1."""


class Endpoint:
    """A token endpoint at `url`, and what it has been asked: headers and form."""

    def __init__(self, says: Says) -> None:
        self.url = ""
        self.asks: list[tuple[Mapping[str, str], dict[str, str]]] = []
        self._says = says

    async def answer(self, request: web.Request) -> web.StreamResponse:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.asks.append((dict(request.headers), form))
        return await self._says(len(self.asks))


def tokens(**fields: object) -> Says:
    """Gives t1, t2, …, with these further fields."""

    async def says(number: int) -> web.StreamResponse:
        return web.json_response({"access_token": f"t{number}", "expires_in": 3600, **fields})

    return says


@asynccontextmanager
async def endpoint(says: Says) -> AsyncIterator[Endpoint]:
    """The endpoint at work."""
    desk = Endpoint(says)
    app = web.Application()
    app.router.add_post("/token", desk.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    desk.url = f"http://127.0.0.1:{runner.addresses[0][1]}/token"
    try:
        yield desk
    finally:
        await runner.cleanup()


class Proxy:
    """A forward proxy: any host is 127.0.0.1 to it. With `refusal`, an answer, it lets nobody through."""

    def __init__(self, refusal: bytes = b"") -> None:
        self.heads: list[str] = []
        self.port = 0
        self._refusal = refusal
        self._tasks: set[asyncio.Task[None]] = set()

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head.decode("latin-1"))
            if self._refusal:
                writer.write(self._refusal)
                return
            method, target = self.heads[-1].split()[:2]
            url = yarl.URL(f"https://{target}" if method == "CONNECT" else target)
            inner_reader, inner = await asyncio.open_connection("127.0.0.1", url.port)
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                inner.write(head)
            await asyncio.gather(_pipe(reader, inner), _pipe(inner_reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    finally:
        writer.close()


@asynccontextmanager
async def proxying(refusal: bytes = b"") -> AsyncIterator[Proxy]:
    """The proxy at work."""
    proxy = Proxy(refusal)
    listener = await asyncio.start_server(proxy.connected, "127.0.0.1", 0)
    proxy.port = listener.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        listener.close()
        await proxy.stop()


def in_turn(*answers: web.StreamResponse | Says) -> Says:
    """Gives the answers one after the other; a function of the last kind for ever."""
    left = itertools.chain(answers)

    async def says(number: int) -> web.StreamResponse:
        answer = next(left, answers[-1])
        return answer if isinstance(answer, web.StreamResponse) else await answer(number)

    return says
