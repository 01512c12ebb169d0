"""Connections are kept, and not for ever (F08)."""

from __future__ import annotations

import asyncio
import gc

import aiohttp
import pytest
from multidict import CIMultiDict
from yarl import URL

from exporter import errors, settings
from exporter.source.pool import OLDEST, Pool
from exporter.source.wire import Peer, Request, Wire
from tests.source.servers import Server, Told, asking, serving, then_closes, whole


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


class Connections:
    """A script that counts the connections it is asked over; holds answers back until `let` is set."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.let = asyncio.Event()
        self.let.set()

    async def __call__(self, server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        if writer not in self.writers:
            self.writers.append(writer)
        self.seen.append(self.writers.index(writer))
        await self.let.wait()
        writer.write(whole())


def wire(url: str, clock: Clock) -> tuple[Wire, Peer]:
    api = settings.Api.model_validate({"url": url})
    return Wire(api, 4, clock=clock), Peer("tmf638", api)


async def got(wire: Wire, peer: Peer, url: str, form: str | None = None) -> bytes:
    async with wire.exchange(peer, Request(URL(url), CIMultiDict(), form)) as (response, _):
        return await response.read()


async def test_f08_a_connection_is_kept_until_it_is_old_and_not_longer() -> None:
    clock, connections = Clock(), Connections()
    async with serving(connections) as server:
        over, peer = wire(server.url, clock)
        async with over:
            for passed in (0.0, OLDEST, 0.1, OLDEST, OLDEST):
                clock.now += passed
                await got(over, peer, server.url)
        assert connections.seen == [0, 0, 1, 1, 2]


async def test_f08_an_old_connection_is_closed_when_its_last_request_is_over_and_not_before() -> None:
    clock, connections = Clock(), Connections()
    async with serving(connections) as server:
        over, peer = wire(server.url, clock)
        async with over:
            connections.let.clear()
            slow = asyncio.create_task(got(over, peer, server.url))
            while not connections.seen:
                await asyncio.sleep(0.001)
            clock.now += OLDEST + 1
            quick = asyncio.create_task(got(over, peer, server.url))
            while len(connections.seen) < 2:
                await asyncio.sleep(0.001)
            assert not slow.done()
            connections.let.set()
            assert await slow == await quick == b"[]"
            await asyncio.wait_for(connections.writers[0].wait_closed(), 5)
            await got(over, peer, server.url)
        assert connections.seen == [0, 1, 1]


async def test_f08_several_dead_connections_of_one_session_replace_it_once() -> None:
    made: list[aiohttp.ClientSession] = []

    def session() -> aiohttp.ClientSession:
        made.append(aiohttp.ClientSession())
        return made[-1]

    pool = Pool(session, Clock())
    pool.open()
    async with pool.lease() as one, pool.lease() as other:
        await pool.replace(one)
        await pool.replace(other)
        assert [each.closed for each in made] == [False, False]
    assert [each.closed for each in made] == [True, False]
    await pool.close()
    assert made[1].closed


async def test_a_wire_that_is_closed_closes_former_connections_too() -> None:
    clock, connections = Clock(), Connections()
    async with serving(connections) as server:
        over, peer = wire(server.url, clock)
        async with over:
            connections.let.clear()
            slow = [asyncio.create_task(got(over, peer, server.url))]
            while not connections.seen:
                await asyncio.sleep(0.001)
            clock.now += OLDEST + 1
            slow.append(asyncio.create_task(got(over, peer, server.url)))
            while len(connections.seen) < 2:
                await asyncio.sleep(0.001)
        for ended in await asyncio.gather(*slow, return_exceptions=True):
            assert isinstance(ended, errors.Unreachable)
        gc.collect()


async def test_f08_dead_connections_that_were_kept_cost_no_retry_and_no_second_dead_one() -> None:
    told, connections = Told(), Connections()
    async with serving(connections) as server, asking(server.url, told, retries=0) as client:
        connections.let.clear()
        pages = [asyncio.create_task(client.get(server.url, ())) for _ in range(4)]
        while len(connections.seen) < 4:
            await asyncio.sleep(0.001)
        connections.let.set()
        await asyncio.gather(*pages)
        # the host has moved: whatever stood is torn down when it is used again, as behind a firewall
        torn = list(connections.writers)

        async def move(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
            if writer in torn:
                writer.transport.abort()
            else:
                await connections(server, head, writer)

        server.script = move
        assert (await client.get(server.url, ())).status == 200
        assert len(server.heads) == 4 + 2
    assert (told.failures, told.retries) == ({}, 0)


async def test_f08_a_fresh_connection_that_is_lost_is_a_failure_and_is_not_sent_twice_in_secret() -> None:
    async with serving(then_closes(b"")) as server:
        async with asking(server.url, retries=0) as client:
            with pytest.raises(errors.Unreachable) as caught:
                await client.get(server.url, ())
        assert caught.value.reason == "reset"
        assert len(server.heads) == 1


async def test_f08_a_form_is_never_sent_twice() -> None:
    connections = Connections()

    async def tear(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with serving(connections) as server:
        over, peer = wire(server.url, Clock())
        async with over:
            await got(over, peer, server.url)
            server.script = tear
            with pytest.raises(errors.Unreachable) as caught:
                await got(over, peer, server.url, "a=b")
        assert (type(caught.value), caught.value.reason) == (errors.Unreachable, "reset")
        assert len(server.heads) == 2
