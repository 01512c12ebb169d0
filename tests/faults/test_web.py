"""F70 to F74: what anybody may do to the exporter's own port."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector

from exporter import app
from tests import crawling
from tests.faults import inventory
from tests.faults.catalogue import fault
from tests.faults.inventory import OWN, Inventory, Item, record, records
from tests.faults.logged import Logged
from tests.faults.test_stop import asking

REFUSED = f'{OWN}connections_refused_total{{reason="%s"}}'


@asynccontextmanager
async def program(
    folder: Path, items: list[Item], changes: Mapping[str, object] | None = None
) -> AsyncIterator[tuple[Inventory, app.Runtime, str]]:
    """The whole program, ready, over an inventory of these items."""
    wanted = {"collections.services.page_size": 1000, **(changes or {})}
    async with Inventory(items) as source:
        config = crawling.configured(source, folder, wanted)  # type: ignore[arg-type]
        async with inventory.serving(config) as (house, url):
            await inventory.crawled(house)
            yield source, house, url


async def connected(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = url.removeprefix("http://").rpartition(":")
    return await asyncio.open_connection(host, int(port))


@asynccontextmanager
async def clients() -> AsyncIterator[list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]:
    """Connections that are closed at the end, whatever becomes of them."""
    found: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    try:
        yield found
    finally:
        for _, writer in found:
            writer.close()


async def spoken(url: str, request: bytes) -> tuple[int, bytes]:
    """What is answered to these bytes: status and everything after it; 0 where the connection just ends."""
    reader, writer = await connected(url)
    writer.write(request)
    try:
        async with asyncio.timeout(15):
            answer = await reader.read()
    except ConnectionError:
        answer = b""
    writer.close()
    found = re.match(rb"HTTP/1\.[01] (\d{3})", answer)
    return (int(found[1]) if found else 0), answer


@fault(
    70,
    "clients that connect and send nothing, or send headers slowly",
    "Closed at `web.header_timeout`, or earlier to make room above `web.max_connections`; others are served",
    metric="ses_inventory_exporter_connections_refused_total",
    alert="",
)
async def test_f70_silent_and_dripping_clients_are_cut_and_harm_nobody(tmp_path: Path) -> None:
    changes = {"web.max_connections": 20, "web.header_timeout": "1s"}
    async with program(tmp_path, records(20), changes) as (_, house, url), ClientSession() as client:
        async with client.get(f"{url}/-/healthy") as answer:
            assert answer.status == 200
        async with clients() as silent:
            silent.extend([await connected(url) for _ in range(30)])
            assert (await spoken(url, b"GET /-/healthy HTTP/1.0\r\n\r\n"))[0] == 200, "the oldest make room"
            async with client.get(f"{url}/metrics") as answer:
                assert answer.status == 200, "who is in is served"
            async with asyncio.timeout(10):
                await asyncio.gather(*(gone(reader) for reader, _ in silent), *map(drip, silent[-5:]))
        assert (await spoken(url, b"GET /-/healthy HTTP/1.0\r\n\r\n"))[0] == 200
        for reason in ("evicted", "headers"):
            assert inventory.value(house, REFUSED % reason) >= 1


async def drip(client: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    """A request, a header line at a time, until nobody listens any more."""
    reader, writer = client
    writer.write(b"GET /metrics HTTP/1.1\r\n")
    while not reader.at_eof() and not writer.is_closing():
        await asyncio.sleep(0.1)
        writer.write(b"X-A: b\r\n")


async def gone(reader: asyncio.StreamReader) -> None:
    """Reads until the other side has closed, however it did."""
    with suppress(ConnectionError):
        await reader.read()


@fault(
    71,
    "clients that request a large scrape and read slowly",
    "They share the rendered bytes, and are closed at `web.write_timeout`",
    metric="ses_inventory_exporter_connections",
    alert="",
)
async def test_f71_slow_readers_share_the_bytes_and_are_cut(tmp_path: Path, logged: Logged) -> None:
    wide = [record(number, description=f"{number} {'long ' * 200}") for number in range(6000)]
    async with program(tmp_path, wide, {"web.write_timeout": "1s"}) as (_, house, url):
        async with clients() as slow:
            slow.extend([await asking(url, "/metrics") for _ in range(20)])
            heads = [await reader.readuntil(b"\r\n\r\n") for reader, _ in slow]
            assert all(b" 200 " in head for head in heads)
            length = int(heads[0].lower().partition(b"content-length:")[2].split()[0])
            assert length > 6 << 20
            async with ClientSession() as client, client.get(f"{url}/metrics") as answer:
                assert (await answer.text()).count("\nses_inventory_service_status{") == 6000
            # the pieces of a scrape are what is held anyway, and not copies of it
            first, second = (house.store.scrape("text", "gzip", ())[1] for _ in range(2))
            assert {id(piece) for piece in first} & {id(piece) for piece in second}
            await inventory.until(lambda: inventory.value(house, f"{OWN}connections") == 0)
            assert len(logged.events("scrape cut off")) == 1, "one line a minute, however many they are"


@fault(
    72,
    "a thousand scrapes at once",
    "As many as `web.max_scrapes` at a time get the same bytes, the others 503 with Retry-After",
    metric="",
    alert="",
)
@pytest.mark.real_time
async def test_f72_of_a_thousand_scrapes_each_is_whole_or_told_to_come_back(tmp_path: Path) -> None:
    changes = {"web.max_connections": 2000, "web.max_scrapes": 5}
    async with program(tmp_path, records(2000), changes) as (_, house, url):
        expected = inventory.served(house)

        async def scrape(client: ClientSession) -> int:
            async with client.get(f"{url}/metrics", headers={"Accept-Encoding": "gzip"}) as answer:
                body = await answer.text()
                if answer.status == 200:
                    assert body.partition(f"# HELP {OWN}")[0].splitlines() == expected
                else:
                    assert int(answer.headers["Retry-After"]) >= 1
                return answer.status

        async with ClientSession(connector=TCPConnector(limit=0)) as client:
            statuses = await asyncio.gather(*(scrape(client) for _ in range(1000)))
        assert set(statuses) <= {200, 503}
        assert statuses.count(200) >= 5
        async with ClientSession() as client:
            assert await scrape(client) == 200


GET = "GET {} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{}\r\n"
ODD: Mapping[str, tuple[str, set[int]]] = {
    "HEAD": ("HEAD /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", {200}),
    "POST": ("POST /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", {405}),
    "OPTIONS": ("OPTIONS /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", {405}),
    "no method": ("BREW / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", {405, 400}),
    "odd Accept": (GET.format("/metrics", "Accept: ;;q=,*/x;q=9,\x01\r\n"), {200, 400}),
    "Accept of nothing": (GET.format("/metrics", "Accept: image/png;q=1, */*;q=0\r\n"), {200}),
    "no encoding": (GET.format("/metrics", "Accept-Encoding: identity;q=0\r\n"), {406}),
    "q=0": (GET.format("/metrics", "Accept-Encoding: gzip;q=0\r\n"), {200}),
    "8 kB URL": (GET.format(f"/metrics?{'a' * 8192}", ""), {414, 400}),
    "dots": (GET.format("/../../etc/passwd", ""), {404, 400}),
    "escaped dots": (GET.format("/%2e%2e/%2e%2e/etc/passwd", ""), {404}),
    "nothing": (GET.format("/nothing", ""), {404}),
    "wrong collection": (GET.format("/metrics?collect[]=nothing", ""), {400}),
    "no HTTP": ("hello\r\n\r\n", {400}),
    "TLS": ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", {400, 0}),
    "wrong length": ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", {400}),
    "two lengths": ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", {400}),
}


@fault(
    73,
    "HEAD, POST, OPTIONS, odd headers, unsupported encodings, a URL of 8 kB, `../`, something that is "
    "not HTTP",
    "The appropriate status, never 500; nothing of the request is logged",
    metric="",
    alert="",
)
async def test_f73_whatever_is_asked_is_answered_with_the_status_that_fits(tmp_path: Path) -> None:
    async with program(tmp_path, records(20)) as (source, _, url):
        asked = len(source.asked)
        for name, (request, statuses) in ODD.items():
            status, answer = await spoken(url, request.encode("latin-1"))
            assert status in statuses, (name, answer[:200])
            assert b"root:" not in answer
        head = (await spoken(url, ODD["HEAD"][0].encode()))[1]
        assert head.endswith(b"\r\n\r\n"), "a HEAD has no body"
        assert len(source.asked) == asked, "no scrape causes a request to the inventory"


@fault(
    74,
    "a scrape while a refresh publishes",
    "Either the old or the new data, never a mixture",
    metric="",
    alert="",
)
async def test_f74_a_scrape_is_from_before_or_after_a_refresh(tmp_path: Path) -> None:
    def generation(number: int) -> list[Item]:
        word = ("active", "inactive")[number % 2]
        return [record(row, name=f"generation {number}", state=word) for row in range(1500)]

    async with program(tmp_path, generation(0)) as (source, house, url):
        over = asyncio.Event()
        seen: set[str] = set()

        async def scrape(encoding: str) -> None:
            headers = {"Accept-Encoding": encoding}
            async with ClientSession(auto_decompress=False) as client:
                while not over.is_set():
                    async with client.get(f"{url}/metrics", headers=headers) as answer:
                        body = await answer.read()
                    text = (gzip.decompress(body) if encoding == "gzip" else body).decode()
                    names = re.findall(r'name="(generation \d+)"', text)
                    words = re.findall(r'_status\{service_id="S\d+",status="(\w+)"\}', text)
                    # a service that is down is named again where its problem is
                    assert (len(names), len(words)) == (1500 if words[0] == "active" else 7500, 1500)
                    assert len(set(names)) == len(set(words)) == 1
                    number = int(names[0].rpartition(" ")[2])
                    assert words[0] == ("active", "inactive")[number % 2]
                    seen.add(names[0])

        scrapers = [asyncio.create_task(scrape(kind)) for kind in ("gzip", "identity", "gzip")]
        for number in range(1, 7):
            source.records = generation(number)
            await inventory.refresh(house)
        over.set()
        await asyncio.gather(*scrapers)
        assert len(seen) > 2
