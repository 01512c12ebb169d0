"""Answers that nobody asked for, answers that come late, and pages of another place than was asked for."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from multidict import CIMultiDict
from yarl import URL

from exporter import settings
from exporter.client.session import Peer, session
from exporter.inventory.dialects import Paging
from exporter.paging.links import PagePositions
from exporter.paging.strategies import Query
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


def page(head: str, *headers: str) -> bytes:
    """The good answer, without a total: nothing but the order of answers says what belongs to what."""
    return re.sub(rb"X-Total-Count: \d+\r\n", b"", rawserver.page(head, RECORDS, *headers))


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


async def crawls(it: Faulty) -> None:
    """A crawl that finds everything and says so."""
    await it.good()
    assert set(re.findall(r'carrier_info\{carrier_id="([^"]*)"', it.inventory)) == IDS
    assert it.own("complete") == 1


@pytest.mark.parametrize(("sending", "name"), [*itertools.product(SENDING, UNASKED)])
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


@pytest.mark.real_time
async def test_a03_a_connection_ends_with_its_answer_whatever_the_server_does() -> None:
    """No descriptor stays open for a server that does not end TLS; asyncio would wait for that for 30 s."""
    async with holding(5) as (url, served):
        api = settings.Api.model_validate({"url": url, "tls_config": {"insecure_skip_verify": True}})
        wire, peer = session(api, 4), Peer("tmf638", api)
        async with wire:
            for _ in range(5):
                async with wire.request(**peer.request(URL(url), CIMultiDict()).arguments) as response:
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


# --- pages of another place ---


Place = Callable[[int], str]
"""The header that names the place of the page that begins at this record."""

PLACES: dict[str, Place] = {
    "Link": lambda offset: f'Link: </service?offset={offset}&limit=10>; rel="self", </service>; rel="first"',
    "Content-Range": lambda offset: f"Content-Range: items {offset}-{offset + 9}/*",
    "Content-Range from 1": lambda offset: f"Content-Range: items {offset + 1}-{offset + 10}/*",
}


class Mixed:
    """Names the place of each page; instead of the page at `wanted` comes that at `given`, `times` times."""

    def __init__(self, place: Place, wanted: int, given: int, times: int) -> None:
        self.place, self.wanted, self.given, self.times = place, wanted, given, times

    async def __call__(self, head: str, writer: asyncio.StreamWriter) -> None:
        offset = rawserver.asked(head)[1]
        if offset == self.wanted and self.times:
            self.times -= 1
            head, offset = head.replace(f"offset={offset}", f"offset={self.given}"), self.given
        writer.write(page(head, self.place(offset)))


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize(("wanted", "given"), [(30, 20), (30, 0), (10, 0), (10, 60), (0, 20), (50, 70)])
async def test_a03_a_page_of_another_place_is_asked_for_once_more(
    tmp_path: Path, place: Place, wanted: int, given: int
) -> None:
    async with rawserver.raw(Mixed(place, wanted, given, 1)) as server:
        async with house(tmp_path, Logged(), server, {"limits.concurrency": 1}) as it:
            await crawls(it)


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize(("wanted", "given"), [(30, 20), (30, 0), (10, 20), (50, 70)])
async def test_a03_a_page_that_stays_another_one_keeps_a_crawl_from_being_complete(
    tmp_path: Path, place: Place, wanted: int, given: int, concurrency: int
) -> None:
    async with rawserver.raw(Mixed(place, 0, 0, 0)) as server:
        async with house(tmp_path, Logged(), server, {"limits.concurrency": concurrency}) as it:
            await crawls(it)
            server.script = Mixed(place, wanted, given, 1000)
            await it.refresh()
            assert it.own("complete") == 0 or it.own("up") == 0
            problem = it.poller.recorder.problem or it.poller.recorder.error
            assert "another page" in problem or "first page" in problem or "repeats the first" in problem
            assert it.inventory.count("carrier_info{") == 60, "nothing is removed"


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_a03_the_first_page_in_place_of_the_second_is_not_the_whole_list(
    tmp_path: Path, concurrency: int
) -> None:
    async with rawserver.raw(Mixed(PLACES["Link"], 10, 0, 1000)) as server:
        async with house(tmp_path, Logged(), server, {"limits.concurrency": concurrency}) as it:
            await it.refresh()
            assert it.own("complete") == 0
            assert "the API ignores offset" in it.poller.recorder.problem


async def test_a03_a_first_page_that_stays_another_one_is_a_failed_crawl(tmp_path: Path) -> None:
    async with rawserver.raw(Mixed(PLACES["Link"], 0, 0, 0)) as server:
        async with house(tmp_path, Logged(), server) as it:
            await crawls(it)
            server.script = Mixed(PLACES["Link"], 0, 20, 1000)
            await it.refresh()
            assert it.failures("misplaced") == 1
            assert "its Link names offset=20, and 0 was asked for" in it.poller.recorder.error
            assert it.inventory == it.served


@pytest.mark.parametrize(
    "header",
    [
        'Link: </service?offset=0&limit=10>; rel="self"',
        'Link: </service?limit=10>; rel="self"',
        'Link: <http://[>; rel="self"',
        "Content-Range: items 0-9/60",
        "Content-Range: items */60",
    ],
)
async def test_a_header_that_says_the_same_of_every_page_costs_one_request_and_no_record(
    tmp_path: Path, header: str
) -> None:
    script = Mixed(lambda offset: "X-None: 1", 0, 0, 0)
    async with rawserver.raw(script) as server:
        async with house(tmp_path, Logged(), server, {"limits.concurrency": 1}) as it:
            await crawls(it)
            usual = len(server.heads)
            script.place = lambda offset: header
            await crawls(it)
            assert len(server.heads) <= usual * 2 + 1


async def test_an_api_that_ignores_positions_and_says_so_may_still_give_everything_at_once(
    tmp_path: Path,
) -> None:
    """Twenty records to ten asked for, and the total is a multiple of that: one more page is asked for."""
    records = RECORDS[:20]

    async def script(head: str, writer: asyncio.StreamWriter) -> None:
        body = json.dumps(records).encode()
        writer.write(rawserver.whole(body, "X-Total-Count: 20", "Content-Range: items 0-19/20"))

    async with rawserver.raw(script) as server, house(tmp_path, Logged(), server) as it:
        await it.good()
        assert it.own("complete") == 1
        assert it.inventory.count("carrier_info{") == 20


OFFSET = Paging()
PAGE = Paging(style="page", position_param="page")
RANGE = Paging(style="range", first=0)


@pytest.mark.parametrize(
    ("paging", "sent", "answer", "is_misplaced"),
    [
        (OFFSET, {"offset": "10"}, {"Link": '<?offset=0>; rel="self"'}, True),
        (OFFSET, {"offset": "10"}, {"link": "<?offset=0>;rel=self"}, True),
        (OFFSET, {"offset": "10"}, {"Link": '<?offset=0>; rel="first"'}, False),
        (OFFSET, {"offset": "10"}, {"Link": '<?offset=10>; rel="self"'}, False),
        (OFFSET, {"offset": "10"}, {"Link": '<?offset=0>; rel="self"', "Content-Range": "10-19/60"}, False),
        (OFFSET, {"offset": "10"}, {"Link": '<?start=0>; rel="self"'}, False),
        (OFFSET, {"offset": "10"}, {"Content-Range": "items 10-19/60"}, False),
        (OFFSET, {"offset": "10"}, {"Content-Range": "11-20/*"}, False),
        (OFFSET, {"offset": "10"}, {"Content-Range": "items 12-20/60"}, True),
        (OFFSET, {"offset": "60"}, {"Content-Range": "items 50-59/60"}, False),
        (OFFSET, {"offset": "10"}, {"Content-Range": "a-b"}, False),
        (OFFSET, {}, {"Content-Range": "items 5-9/60"}, False),
        (PAGE, {"page": "1"}, {"Content-Range": "items 0-9/60"}, False),
        (PAGE, {"page": "1"}, {"Content-Range": "items 1-10/60"}, False),
        (PAGE, {"page": "1"}, {"Content-Range": "items 11-20/60"}, True),
        (PAGE, {"page": "2"}, {"Content-Range": "items 1-10/60"}, True),
        (PAGE, {"page": "2"}, {"Content-Range": "items 50-99/600"}, False),
        (PAGE, {"page": "2"}, {"Link": "<?page=5>;rel=self"}, True),
        (PAGE, {"page": "7"}, {"Link": "<?page=5>;rel=self", "X-Total-Count": "50"}, False),
        (RANGE, {"Range": "items=10-19"}, {"Content-Range": "items 10-14/60"}, False),
        (RANGE, {"Range": "items=10-19"}, {"Content-Range": "items 0-9/60"}, True),
    ],
)
def test_which_page_is_another_one(
    paging: Paging, sent: dict[str, str], answer: dict[str, str], is_misplaced: bool
) -> None:
    pairs = tuple(sent.items())
    params, headers = ((), pairs) if "Range" in sent else (pairs, ())
    query = Query(params, 2, first=False, headers=headers, page_size=10, paging=paging)
    assert (PagePositions().misplaced(query, CIMultiDict(answer)) is not None) is is_misplaced


def test_a_neighbour_is_another_page_once_it_is_known_how_pages_are_counted() -> None:
    places = PagePositions()

    def wrong(asked: int, claimed: int) -> bool:
        query = Query((("page", str(asked)),), asked, first=False, page_size=10, paging=PAGE)
        return places.misplaced(query, {"Link": f"<?page={claimed}>; rel=self"}) is not None

    assert [wrong(1, 0), wrong(2, 1), wrong(3, 3), wrong(3, 2)] == [False, False, True, False]
