"""The guard with TLS: half-made handshakes are connections like any (fault F70)."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trustme
from aiohttp import ClientSession, web

from exporter.web import connections

from .guarded import HEALTHY, PATIENT, Client, connect, guarded
from .invented import InventedSite


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ours(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def theirs(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def secure(port: int, theirs: ssl.SSLContext) -> Client:
    return Client(*await asyncio.open_connection("127.0.0.1", port, ssl=theirs))


async def test_a_scrape_goes_through_and_the_connection_is_kept(
    ours: ssl.SSLContext, theirs: ssl.SSLContext
) -> None:
    site = InventedSite(parts=(b"up 1\n",) * 400_000)
    async with guarded(site=site, context=ours) as there:
        assert there.listener.name == "https://127.0.0.1:0"
        async with ClientSession() as session:
            for _ in range(3):
                url = f"https://127.0.0.1:{there.port}/metrics"
                async with session.get(url, ssl=theirs) as answer:
                    assert len(await answer.read()) == 2_000_000
            assert there.told.most == 1
        await there.until(0)
        assert not there.told.reasons


async def test_a_request_in_the_breath_that_ends_the_handshake_is_not_lost(
    ours: ssl.SSLContext, theirs: ssl.SSLContext
) -> None:
    """TLS 1.3 lets a client ask together with its last message of the handshake."""
    async with guarded(context=ours) as there:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        talk = theirs.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        client = await connect(there.port)
        while True:
            try:
                talk.do_handshake()
                break
            except ssl.SSLWantReadError:
                client.writer.write(outgoing.read())
                incoming.write(await client.reader.read(1 << 16))
        talk.write(HEALTHY)
        client.writer.write(outgoing.read())
        answer = b""
        while b"Healthy." not in answer:
            try:
                answer += talk.read(1 << 16)
            except ssl.SSLWantReadError:
                incoming.write(await client.reader.read(1 << 16))
        assert answer.startswith(b"HTTP/1.1 200 OK")
        client.leave()
        await there.until(0)


async def test_f70_a_handshake_that_never_ends_counts_and_is_cut(
    ours: ssl.SSLContext, theirs: ssl.SSLContext
) -> None:
    async with guarded(PATIENT._replace(headers=0.2, connections=1), context=ours) as there:
        silent = await connect(there.port)
        await there.until(1)
        assert await silent.rest() == b""
        await there.until(0)
        assert there.told.reasons == {"headers": 1}


async def test_f70_a_handshake_that_never_ends_makes_room(
    ours: ssl.SSLContext, theirs: ssl.SSLContext
) -> None:
    async with guarded(PATIENT._replace(connections=1), context=ours) as there:
        silent = await connect(there.port)
        await there.until(1)
        client = await secure(there.port, theirs)
        client.writer.write(HEALTHY)
        assert b" 200 OK" in await client.answer()
        assert await silent.rest() == b""
        assert there.told.reasons == {"evicted": 1}
        client.leave()


@pytest.mark.parametrize("said", [HEALTHY, b"\x16\x03\x01\x00\x05hello", b""])
async def test_f70_what_is_no_handshake_is_closed_and_given_back(ours: ssl.SSLContext, said: bytes) -> None:
    async with guarded(context=ours) as there:
        client = await connect(there.port)
        await there.until(1)
        client.writer.write(said)
        client.writer.write_eof()
        assert b"200" not in await client.rest()
        await there.until(0)


async def test_f70_leaving_in_the_middle_of_a_handshake_gives_the_place_back(ours: ssl.SSLContext) -> None:
    async with guarded(context=ours) as there:
        client = await connect(there.port)
        await there.until(1)
        client.leave()
        await there.until(0)
        assert not there.told.reasons


async def test_f70_a_secure_connection_that_is_silent_or_drips_is_cut_as_well(
    ours: ssl.SSLContext, theirs: ssl.SSLContext
) -> None:
    async with guarded(PATIENT._replace(headers=0.3), context=ours) as there:
        silent, slow = await secure(there.port, theirs), await secure(there.port, theirs)
        slow.writer.write(b"GET / HTTP/1.1\r\nX: ")
        await slow.drip(b"x")
        assert await silent.rest() == b""
        await there.until(0)
        assert there.told.reasons == {"idle": 1, "headers": 1}


async def test_f71_a_secure_reader_too_slow_is_cut(ours: ssl.SSLContext, theirs: ssl.SSLContext) -> None:
    site = InventedSite(parts=(b"a" * 40_000_000,))
    async with guarded(PATIENT._replace(write=0.2), site, ours) as there:
        client = await secure(there.port, theirs)
        client.writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await there.until(0)
        assert there.told.reasons == {"slow": 1}
        client.leave()


async def test_f64_a_secure_scrape_is_over_when_the_system_has_all_of_it(
    ours: ssl.SSLContext, theirs: ssl.SSLContext
) -> None:
    kept: list[int] = []

    @web.middleware
    async def look(request: web.Request, handler: Callable[..., Awaitable[web.StreamResponse]]) -> Any:
        assert request.transport is not None
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        through = connections.protocol_of(request)
        assert through is not None
        answer = await handler(request)
        kept.append(through._raw.get_write_buffer_size())
        return answer

    site = InventedSite(parts=(b"what TLS hands down at once\n" * 30_000,))
    async with guarded(PATIENT, site, ours, look) as there:
        client = await secure(there.port, theirs)
        client.writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await client.answer()).endswith(site.parts[0])
        await there.until(0)
        assert kept == [0]
        client.leave()


async def test_stopping_ends_handshakes_under_way(ours: ssl.SSLContext) -> None:
    async with guarded(context=ours) as there:
        client = await connect(there.port)
        await there.until(1)
    assert await client.rest() == b""
    await there.until(0)
