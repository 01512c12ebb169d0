"""No connection is kept from one request to the next (F08), and nothing is sent twice."""

from __future__ import annotations

import asyncio
import gc

import aiohttp
import pytest
from multidict import CIMultiDict
from yarl import URL

from exporter import errors, settings
from exporter.client.session import Peer, session
from tests.source.servers import Server, asking, serving, then_closes, whole


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


def session_of(url: str) -> tuple[aiohttp.ClientSession, Peer]:
    api = settings.Api.model_validate({"url": url, "tls_config": {"insecure_skip_verify": True}})
    return session(api, 4), Peer("tmf638", api)


async def got(over: aiohttp.ClientSession, peer: Peer, url: str, form: str | None = None) -> bytes:
    request = peer.request(URL(url), CIMultiDict(), form)
    with request.errors_mapped():
        async with over.request(**request.arguments) as response:
            return await response.read()


@pytest.mark.parametrize("certificate", ["", "localhost.pem"])
async def test_f08_each_request_has_a_connection_that_ends_with_its_answer(certificate: str) -> None:
    connections = Connections()
    async with serving(connections, certificate=certificate) as server:
        over, peer = session_of(server.url)
        async with over:
            for number in range(3):
                await got(over, peer, server.url)
                await asyncio.wait_for(connections.writers[number].wait_closed(), 5)
        assert connections.seen == [0, 1, 2]
        assert all("\r\nConnection: close\r\n" in head for head in server.heads)


async def test_a_session_that_is_closed_closes_the_connections_of_requests_in_flight() -> None:
    connections = Connections()
    async with serving(connections) as server:
        over, peer = session_of(server.url)
        async with over:
            connections.let.clear()
            slow = [asyncio.create_task(got(over, peer, server.url)) for _ in range(2)]
            while len(connections.seen) < 2:
                await asyncio.sleep(0.001)
        for ended in await asyncio.gather(*slow, return_exceptions=True):
            assert isinstance(ended, errors.Unreachable)
        gc.collect()


async def test_f08_a_connection_that_is_lost_is_a_failure_and_is_not_sent_twice_in_secret() -> None:
    async with serving(then_closes(b"")) as server:
        async with asking(server.url, retries=0) as client:
            with pytest.raises(errors.Unreachable) as caught:
                await client.get(server.url, ())
        assert caught.value.reason == "reset"
        assert len(server.heads) == 1


async def test_f08_a_form_is_never_sent_twice() -> None:
    async def tear(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with serving(tear) as server:
        over, peer = session_of(server.url)
        async with over:
            with pytest.raises(errors.Unreachable) as caught:
                await got(over, peer, server.url, "a=b")
        assert (type(caught.value), caught.value.reason) == (errors.Unreachable, "reset")
        assert len(server.heads) == 1
