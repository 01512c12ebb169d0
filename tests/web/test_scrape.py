"""`/metrics` over real sockets: forms, encodings, collections, limits."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, hdrs, web
from aiohttp.test_utils import TestClient
from hypothesis import given
from hypothesis import strategies as st
from pytest_aiohttp.plugin import AiohttpClient, AiohttpServer

from exporter.web import scrape, server

from .invented import InventedSite, status

Client = TestClient[web.Request, web.Application]
Serve = Callable[..., Awaitable[int]]
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}
TEXT = b"# HELP up Whether.\n# TYPE up gauge\nup 1\n"
LARGE = tuple(bytes([65 + number % 26]) * 1_000_000 for number in range(40))


@pytest.fixture
def site() -> InventedSite:
    return InventedSite()


@pytest.fixture
async def client(aiohttp_client: AiohttpClient, site: InventedSite) -> Client:
    return await aiohttp_client(server.application(site), auto_decompress=False)


async def scraped(client: Client, query: str = "", **headers: str) -> ClientResponse:
    # aiohttp's client would name encodings by itself.
    return await client.get(
        f"/metrics{query}", headers=headers, skip_auto_headers=[hdrs.ACCEPT, hdrs.ACCEPT_ENCODING]
    )


async def test_a_plain_scrape_is_text_as_it_is(client: Client) -> None:
    answer = await scraped(client)
    assert answer.status == 200
    assert answer.headers[hdrs.CONTENT_TYPE] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers[hdrs.VARY] == "Accept, Accept-Encoding"
    assert answer.headers[hdrs.CONTENT_LENGTH] == str(len(TEXT))
    assert hdrs.CONTENT_ENCODING not in answer.headers
    assert await answer.read() == TEXT


async def test_openmetrics_is_named_and_ended(client: Client) -> None:
    answer = await scraped(client, **OPENMETRICS)
    expected = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert answer.headers[hdrs.CONTENT_TYPE] == expected
    assert (await answer.read()).endswith(b"# EOF\n")


async def test_gzip_is_named_and_inflates_to_the_same(client: Client) -> None:
    answer = await scraped(client, **{"Accept-Encoding": "gzip"})
    body = await answer.read()
    assert answer.headers[hdrs.CONTENT_ENCODING] == "gzip"
    assert answer.headers[hdrs.CONTENT_LENGTH] == str(len(body))
    assert gzip.decompress(body) == TEXT


async def test_headers_in_several_lines_count_as_one(client: Client, site: InventedSite) -> None:
    lines = [("Accept", "text/plain;q=0.1"), ("Accept", OPENMETRICS["Accept"])]
    lines += [("Accept-Encoding", "identity;q=0"), ("Accept-Encoding", "gzip")]
    answer = await client.get("/metrics", headers=lines)
    assert answer.status == 200
    assert site.asked == [("openmetrics", "gzip", ())]


async def test_f73_a_client_that_refuses_both_encodings_gets_406(client: Client, site: InventedSite) -> None:
    answer = await scraped(client, **{"Accept-Encoding": "identity;q=0"})
    assert answer.status == 406
    assert "gzip and identity" in await answer.text()
    assert not site.asked


async def test_f73_a_client_that_accepts_neither_form_gets_text(client: Client) -> None:
    answer = await scraped(client, Accept="image/png, application/json;q=0")
    assert (answer.status, answer.content_type) == (200, "text/plain")


@pytest.mark.parametrize(
    ("query", "collections"),
    [
        ("", ()),
        ("?other=1", ()),
        ("?collect[]=carriers", ("carriers",)),
        ("?collect%5B%5D=carriers", ("carriers",)),
        ("?collect[]=resources&collect[]=services&collect[]=resources", ("services", "resources")),
    ],
)
async def test_collect_limits_a_scrape_to_collections_in_their_own_order(
    client: Client, site: InventedSite, query: str, collections: tuple[str, ...]
) -> None:
    assert (await scraped(client, query)).status == 200
    assert site.asked == [("text", "identity", collections)]


async def test_an_unknown_collection_is_400_and_told_the_valid_ones(
    client: Client, site: InventedSite
) -> None:
    answer = await scraped(client, "?collect[]=carriers&collect[]=modems")
    assert answer.status == 400
    expected = "Unknown collect[] 'modems'. Valid values: services, carriers, resources.\n"
    assert await answer.text() == expected
    assert answer.content_type == "text/plain"
    assert not site.asked


@pytest.mark.parametrize(
    "value", ["", "%ff", "%00", "%F0%9F%9B%B0", "x" * 4000, "%3Cscript%3E%0A", "Carriers"]
)
async def test_an_odd_collection_is_400_with_a_short_answer(client: Client, value: str) -> None:
    answer = await scraped(client, f"?collect[]={value}")
    assert answer.status == 400
    said = await answer.text()
    assert len(said) < 300
    assert said.isascii()
    assert said.count("\n") == 1


@pytest.mark.parametrize("query", ["?collect=carriers", "?collect[]=services&collect=carriers", "?collect="])
async def test_collect_without_brackets_is_400_and_not_everything(
    client: Client, site: InventedSite, query: str
) -> None:
    answer = await scraped(client, query)
    assert answer.status == 400
    assert await answer.text() == "Unknown parameter collect: write collect[]=NAME.\n"
    assert not site.asked


async def test_without_any_collection_none_is_valid(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(server.application(InventedSite(status(()))))
    answer = await client.get("/metrics?collect[]=carriers")
    assert "none, because no collection is enabled" in await answer.text()


async def test_head_asks_for_no_body_and_gets_its_length(client: Client) -> None:
    answer = await client.head("/metrics")
    assert (answer.status, await answer.read()) == (200, b"")
    assert int(answer.headers[hdrs.CONTENT_LENGTH]) > 0


async def test_parts_of_every_size_arrive_whole_and_in_order(
    aiohttp_client: AiohttpClient,
) -> None:
    sizes = (0, 1, 3000, scrape.RUN - 1, scrape.RUN, scrape.RUN + 1, 5 * scrape.RUN + 7, 2, 0)
    parts = tuple(bytes([number]) * size for number, size in enumerate(sizes))
    client = await aiohttp_client(server.application(InventedSite(parts=parts)))
    assert await (await scraped(client)).read() == b"".join(parts)


async def test_an_empty_exposition_is_still_an_answer(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(server.application(InventedSite(parts=())))
    answer = await scraped(client)
    assert (answer.status, await answer.read()) == (200, b"")


@given(st.lists(st.binary(max_size=40)), st.integers(1, 30))
def test_runs_are_the_parts_and_none_is_much_larger_than_asked(parts: list[bytes], size: int) -> None:
    runs = [bytes(run) for run in scrape.runs(parts, size)]
    assert b"".join(runs) == b"".join(parts)
    assert all(len(run) < 2 * size for run in runs)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serves as the program does; aiohttp's test server would cancel what a client leaves behind."""
    runners: list[web.AppRunner] = []

    async def served(site: InventedSite, patience: float = 60.0) -> int:
        runner = web.AppRunner(server.application(site, patience=patience))
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return int(runner.addresses[0][1])

    yield served
    for runner in runners:
        await runner.cleanup()


class Slow:
    """A client that asks for everything and reads nothing but what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def head(self) -> bytes:
        """The head of the answer: from then on its scrape is running."""
        return await self.reader.readuntil(b"\r\n\r\n")

    async def rest(self) -> bytes:
        """Everything until the server closes, or as much as came before it hung up."""
        read = bytearray()
        try:
            while piece := await self.reader.read(1 << 20):
                read += piece
        except ConnectionError:
            pass
        return bytes(read)

    def leave(self) -> None:
        self.writer.transport.abort()


async def slow(port: int, connection: str = "close") -> Slow:
    quiet = socket.socket()
    quiet.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    quiet.setblocking(False)
    await asyncio.get_running_loop().sock_connect(quiet, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=quiet, limit=1 << 12)
    writer.write(f"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\n\r\n".encode())
    await writer.drain()
    return Slow(reader, writer)


async def health(port: int) -> int:
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}/-/healthy") as answer:
        return answer.status


async def once_free(port: int) -> bytes:
    """Scrapes until there is room again."""
    async with ClientSession() as session:
        while True:
            async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                if answer.status != 503:
                    return await answer.read()
            await asyncio.sleep(0.01)


async def test_f72_a_scrape_over_the_limit_is_told_to_come_back(serve: Serve) -> None:
    port = await serve(InventedSite(max_scrapes=1, parts=LARGE))
    first = await slow(port)
    assert b" 200 OK" in await first.head()
    second = await slow(port)
    refused = await second.head()
    assert b" 503 " in refused
    assert b"Retry-After: 1\r\n" in refused
    assert await second.rest() == b"Too many scrapes at once; try again in a second.\n"
    assert await health(port) == 200
    assert await first.rest() == b"".join(LARGE)
    first.leave()
    second.leave()


async def test_f72_many_scrapes_at_once_get_the_same_bytes_or_are_told_to_come_back(serve: Serve) -> None:
    port = await serve(InventedSite(max_scrapes=40))
    clients = await asyncio.gather(*(slow(port) for _ in range(200)))
    heads = await asyncio.gather(*(client.head() for client in clients))
    bodies = await asyncio.gather(*(client.rest() for client in clients))
    for head, body in zip(heads, bodies, strict=True):
        assert (b" 200 OK" in head and body == TEXT) or b" 503 " in head
    for client in clients:
        client.leave()


async def test_f71_a_reader_too_slow_is_cut_off_and_its_place_is_free(serve: Serve) -> None:
    site = InventedSite(max_scrapes=1, parts=LARGE)
    port = await serve(site, patience=0.1)
    stuck = await slow(port, "keep-alive")
    await stuck.head()
    site.parts = (b"up 1\n",)
    assert await once_free(port) == b"up 1\n"
    assert len(await stuck.rest()) < sum(map(len, LARGE))
    stuck.leave()


async def test_f71_a_client_that_leaves_in_the_middle_frees_its_place_and_is_no_error(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    site = InventedSite(max_scrapes=1, parts=LARGE)
    port = await serve(site)
    leaving = await slow(port)
    await leaving.head()
    site.parts = (b"up 1\n",)
    leaving.leave()
    assert await once_free(port) == b"up 1\n"
    assert not [entry for entry in caplog.records if entry.levelname == "ERROR"]


async def test_f71_a_client_that_leaves_before_it_is_answered_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    arrived, left = asyncio.Event(), asyncio.Event()

    @web.middleware
    async def late(request: web.Request, handler: Callable[..., Awaitable[web.StreamResponse]]) -> Any:
        arrived.set()
        while request.transport is not None and not request.transport.is_closing():
            await asyncio.sleep(0.001)  # as where a password is being checked
        try:
            return await handler(request)
        finally:
            left.set()

    application = server.application(InventedSite())
    application.middlewares.append(late)
    # As the program runs it: aiohttp's own server for tests would cancel what nobody waits for any more.
    runner = web.AppRunner(application, handler_cancellation=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        leaving = await slow(runner.addresses[0][1])
        async with asyncio.timeout(30):
            await arrived.wait()
            leaving.leave()
            await left.wait()
    finally:
        await runner.cleanup()
    assert not [entry for entry in caplog.records if entry.levelname == "ERROR"]


async def test_f64_a_scrape_is_over_when_the_system_has_all_of_it(aiohttp_server: AiohttpServer) -> None:
    kept: list[int] = []

    @web.middleware
    async def look(request: web.Request, handler: Callable[..., Awaitable[web.StreamResponse]]) -> Any:
        assert request.transport is not None
        # so little that even a short scrape does not fit
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        answer = await handler(request)
        kept.append(request.transport.get_write_buffer_size())
        return answer

    parts = (b"less than asyncio would wait for\n" * 1500,)
    application = server.application(InventedSite(parts=parts))
    application.middlewares.append(look)
    running = await aiohttp_server(application)
    slowly = await slow(running.port)
    await slowly.head()
    assert await slowly.rest() == b"".join(parts)
    assert kept == [0]
    slowly.leave()


async def test_f74_a_scrape_that_began_before_a_refresh_ends_as_it_began(serve: Serve) -> None:
    site = InventedSite(parts=LARGE)
    first = await slow(await serve(site))
    await first.head()
    site.parts = (b"new\n",)
    assert await first.rest() == b"".join(LARGE)
    first.leave()
