"""Answers that nobody asked for, answers that come late, and pages of another place than was asked for."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from multidict import CIMultiDict
from yarl import URL

from exporter import settings
from exporter.client.session import Peer, Request, Wire
from tests.faults import rawserver
from tests.faults.faulty import Faulty, house
from tests.faults.logged import Logged
from tests.source.certificates import CERTIFICATES
from tests.source.endpoint import proxying

RECORDS = rawserver.carriers(60)
IDS = {str(record["id"]) for record in RECORDS}
EMPTY = rawserver.whole()
EMPTY_WITH_TOTAL = rawserver.whole(b"[]", "X-Total-Count: 0")
UNASKED = {
    "an empty list": EMPTY,
    "an empty list with a total": EMPTY_WITH_TOTAL,
    "404": rawserver.whole(b"{}", status="404 Not Found"),
    "408": rawserver.whole(b"", "Connection: close", status="408 Request Timeout"),
    "the first page again": rawserver.whole(json.dumps(RECORDS[:10]).encode()),
    "half a header": EMPTY[:30],
    "no HTTP": b"\x00garbage " * 12,
}
TLS = {"apis.tmf638.tls_config": {"insecure_skip_verify": True}, "limits.concurrency": 1}


def page(head: str) -> bytes:
    """The good answer, without a total: nothing but the order of answers says what belongs to what."""
    return re.sub(rb"X-Total-Count: \d+\r\n", b"", rawserver.page(head, RECORDS))


class AtOnce:
    """Answers as it should, and sends `unasked` behind each answer."""

    def __init__(self, unasked: bytes) -> None:
        self.unasked = unasked

    async def __call__(self, head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join((page(head), self.unasked)))


class Later(AtOnce):
    """Sends `unasked` when the next request on the same connection is on its way already."""

    def __init__(self, unasked: bytes) -> None:
        super().__init__(unasked)
        self.used: set[asyncio.StreamWriter] = set()

    async def __call__(self, head: str, writer: asyncio.StreamWriter) -> None:
        if writer in self.used:
            writer.write(self.unasked)
            await writer.drain()
        self.used.add(writer)
        writer.write(page(head))


class Idle(AtOnce):
    """Sends `unasked` on every connection that stands, when told to."""

    def __init__(self, unasked: bytes) -> None:
        super().__init__(unasked)
        self.used: set[asyncio.StreamWriter] = set()

    async def __call__(self, head: str, writer: asyncio.StreamWriter) -> None:
        self.used.add(writer)
        writer.write(page(head))

    def send(self) -> None:
        for writer in self.used:
            if not writer.is_closing():
                writer.write(self.unasked)
        self.used.clear()


SENDING = (AtOnce, Later, Idle)
BROKEN = (AtOnce, "no HTTP")


async def crawls(it: Faulty) -> None:
    """A crawl that finds everything and says so."""
    await it.good()
    assert set(re.findall(r'carrier_info\{carrier_id="([^"]*)"', it.inventory)) == IDS
    assert it.own("complete") == 1


@pytest.mark.parametrize(
    ("sending", "name"), [pair for pair in itertools.product(SENDING, UNASKED) if pair != BROKEN]
)
async def test_a03_an_unasked_answer_is_not_that_to_the_next_request(
    tmp_path: Path, sending: type[AtOnce], name: str
) -> None:
    script = sending(UNASKED[name])
    async with rawserver.raw(script) as server:
        async with house(tmp_path, Logged(), server, {"limits.concurrency": 1}) as it:
            for _ in range(2):
                await crawls(it)
                if isinstance(script, Idle):
                    script.send()


@pytest.mark.parametrize("name", ["an empty list", "half a header"])
@pytest.mark.parametrize("sending", SENDING)
async def test_a03_an_unasked_answer_over_tls_is_not_that_to_the_next_request(
    tmp_path: Path, sending: type[AtOnce], name: str
) -> None:
    script = sending(UNASKED[name])
    async with rawserver.raw(script, "localhost.pem") as server, house(tmp_path, Logged(), server, TLS) as it:
        for _ in range(2):
            await crawls(it)
            if isinstance(script, Idle):
                script.send()


async def test_a03_what_is_no_http_in_one_piece_with_an_answer_fails_the_page(tmp_path: Path) -> None:
    async with rawserver.raw(rawserver.lists(RECORDS)) as server:
        async with house(tmp_path, Logged(), server) as it:
            await crawls(it)
            server.script = AtOnce(UNASKED["no HTTP"])
            await it.refresh()
            assert it.own("up") == 0
            assert it.inventory == it.served
            assert "the answer is not HTTP" in it.poller.state.last_error


@pytest.mark.parametrize("certificate", ["", "localhost.pem"], ids=["plain", "tunnel"])
@pytest.mark.parametrize("name", ["an empty list", "half a header"])
async def test_a03_an_unasked_answer_through_a_proxy_is_not_that_to_the_next_request(
    tmp_path: Path, name: str, certificate: str
) -> None:
    async with rawserver.raw(Later(UNASKED[name]), certificate) as server, proxying() as way:
        changes = {**TLS, "apis.tmf638.proxy_url": f"http://127.0.0.1:{way.port}"}
        async with house(tmp_path, Logged(), server, changes) as it:
            for _ in range(2):
                await crawls(it)


@pytest.mark.parametrize("unasked", UNASKED.values(), ids=UNASKED)
async def test_a03_an_unasked_answer_of_a_token_endpoint_is_not_that_to_the_next_request(
    tmp_path: Path, unasked: bytes
) -> None:
    tokens, refused, used = 0, 0, set()

    async def script(head: str, writer: asyncio.StreamWriter) -> None:
        nonlocal tokens
        if "/token" not in head:
            is_new = f"Bearer t{tokens}\r\n" in head and tokens > refused
            writer.write(page(head) if is_new else rawserver.whole(b"", status="401 Unauthorized"))
            return
        if writer in used:
            writer.write(unasked)
        used.add(writer)
        tokens += 1
        token = {"access_token": f"t{tokens}", "token_type": "Bearer", "expires_in": 3600}
        writer.write(rawserver.whole(json.dumps(token).encode()))

    async with rawserver.raw(script) as server:
        login = {"client_id": "me", "client_secret": "canary-client", "token_url": f"{server.url}/token"}
        changes = {"apis.tmf638.oauth2": login, "apis.tmf638.basic_auth": None, "limits.concurrency": 1}
        async with house(tmp_path, Logged(), server, changes) as it:
            for _ in range(3):
                await crawls(it)
                refused = tokens  # none of those so far is taken any more
    assert tokens == 3


async def test_a03_a_late_answer_is_not_that_to_another_request(tmp_path: Path) -> None:
    """A page takes too long; its answer comes when others have been asked for."""
    late: list[asyncio.StreamWriter] = []

    async def script(head: str, writer: asyncio.StreamWriter) -> None:
        if "offset=20" in head and not late:
            late.append(writer)
            return
        if late and not late[0].is_closing():
            late[0].write(EMPTY)
        writer.write(page(head))

    changes = {"apis.tmf638.timeout": "1s", "limits.retries": 1, "limits.concurrency": 1}
    async with rawserver.raw(script) as server, house(tmp_path, Logged(), server, changes) as it:
        await crawls(it)
        await crawls(it)
        await asyncio.wait_for(late[0].wait_closed(), 5)


@asynccontextmanager
async def holding(number: int) -> AsyncIterator[tuple[str, asyncio.Future[list[ssl.SSLSocket]]]]:
    """The URL of a server that answers over TLS, and then neither reads, nor sends, nor closes anything."""
    secured = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    secured.load_cert_chain(CERTIFICATES / "localhost.pem")
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(20)
    held: list[ssl.SSLSocket] = []

    def serve() -> list[ssl.SSLSocket]:
        while len(held) < number:
            connection, _ = listener.accept()
            connection.settimeout(20)
            held.append(secured.wrap_socket(connection, server_side=True))
            held[-1].recv(65536)
            held[-1].sendall(EMPTY)
        return held

    with listener:
        yield (
            f"https://127.0.0.1:{listener.getsockname()[1]}",
            asyncio.ensure_future(asyncio.to_thread(serve)),
        )
    for connection in held:
        connection.close()


async def test_a03_a_connection_ends_with_its_answer_whatever_the_server_does() -> None:
    """No descriptor stays open for a server that does not end TLS; asyncio would wait for that for 30 s."""
    async with holding(5) as (url, served):
        api = settings.Api.model_validate({"url": url, "tls_config": {"insecure_skip_verify": True}})
        wire, peer = Wire(api, 4), Peer("tmf638", api)
        async with wire:
            for _ in range(5):
                async with wire.exchange(peer, Request(URL(url), CIMultiDict())) as (response, _):
                    assert await response.read() == b"[]"
            for connection in await served:
                assert await asyncio.to_thread(_ended, connection)


def _ended(connection: ssl.SSLSocket) -> bool:
    """Whether the peer has ended TCP, after it may have ended TLS."""
    try:
        connection.recv(1)
        return socket.socket.recv(connection, 1) == b""
    except (ssl.SSLEOFError, ConnectionResetError):
        return True
