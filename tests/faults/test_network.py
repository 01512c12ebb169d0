"""F01 to F08 and F11: what happens below TLS and HTTP, on real sockets of loopback."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest
from aiohttp import connector

from exporter import settings
from tests.faults import rawserver
from tests.faults.catalogue import fault
from tests.faults.faulty import Houses

Hosts = dict[str, list[str]]
NAME = "inventory.invalid"


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> Hosts:
    """Stands in for the machine's hosts file: names and their addresses; others are really looked up."""
    known: Hosts = {}
    real = socket.getaddrinfo

    def getaddrinfo(host: str, *arguments: object, **named: object) -> list[object]:
        addresses = known.get(host, [host])
        return [found for one in addresses for found in real(one, *arguments, **named)]  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


@pytest.fixture
def eleven_seconds(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes aiohttp's connections and looked up names eleven seconds older."""
    older = [0.0]
    monkeypatch.setattr(connector, "monotonic", lambda: time.monotonic() + sum(older))
    return lambda: older.append(11.0)


@fault(
    1,
    "DNS fails",
    "Kept, reason `dns`; recovers by itself once the name resolves",
    metric='ses_inventory_exporter_refresh_failures_total{reason="dns"}',
    alert="InventoryApiFailing",
)
async def test_f01_a_name_that_does_not_resolve_changes_nothing_of_what_is_served(
    houses: Houses, hosts: Hosts, eleven_seconds: Callable[[], None]
) -> None:
    async with rawserver.raw(rawserver.lists(rawserver.carriers())) as server:
        changes = {"apis.tmf638.url": f"http://{NAME}:{server.port}"}
        async with houses.over(server, changes) as it:
            await it.refresh()
            assert it.failures("dns") == 1
            hosts[NAME] = ["127.0.0.1"]
            await it.good()
            del hosts[NAME]
            eleven_seconds()
            await server.stop()
            await server.start()
            await it.kept("dns")
            hosts[NAME] = ["127.0.0.1"]
            await it.recovers()


@fault(
    2,
    "connection refused",
    "Kept, reason `connect`",
    metric='ses_inventory_exporter_refresh_failures_total{reason="connect"}',
    alert="InventoryApiFailing",
)
async def test_f02_a_refused_connection_changes_nothing_of_what_is_served(houses: Houses) -> None:
    async with houses.good() as it:
        await it.server.stop()
        await it.kept("connect")
        await it.server.start()
        await it.recovers()


@fault(
    3,
    "connecting never ends",
    "The connect timeout (10 s by default) ends it; kept, reason `timeout`",
    metric='ses_inventory_exporter_refresh_failures_total{reason="timeout"}',
    alert="InventoryApiFailing",
)
async def test_f03_a_black_hole_ends_at_the_connect_timeout(houses: Houses) -> None:
    """The nearest thing to a firewall that drops packets: a socket with a full backlog does so, too."""
    assert settings.Api.model_fields["connect_timeout"].default <= 10
    async with houses.good({"apis.tmf638.connect_timeout": "100ms"}) as it:
        await it.server.stop()
        with rawserver.black_hole(it.server.port):
            await it.kept("timeout")
        assert "connect_timeout" in it.logged.events("refresh failed")[-1]["hint"]
        await it.server.start()
        await it.recovers()


TORN = rawserver.whole(b'[{"id":"C00"},{"id":"C01"}]' * 100)[:-20]


@fault(
    4,
    "the connection is reset in the middle of a body",
    "The page is requested again; if that fails, too, kept, reason `reset`",
    metric='ses_inventory_exporter_request_failures_total{reason="reset"}',
    alert="InventoryApiFailing",
)
async def test_f04_a_reset_in_a_body_costs_a_second_request_or_nothing_that_is_served(houses: Houses) -> None:
    torn, good = rawserver.resets_after(TORN), rawserver.lists(rawserver.carriers())
    async with houses.good({"limits.retries": 1}) as it:
        it.server.heads.clear()
        it.server.script = rawserver.first([torn], good)
        await it.good()
        assert it.server.heads[0] == it.server.heads[1], "the same page again"
        assert it.value('request_failures_total{api="tmf638",reason="reset"}') == 1
        assert it.failures("reset") == 0
        await it.keeps(torn, "reset")


@fault(
    5,
    "a body shorter than announced, or without its last chunk",
    "A failure even if what came can be read: kept, reason `reset`",
    metric='ses_inventory_exporter_refresh_failures_total{reason="reset"}',
    alert="InventoryApiFailing",
)
async def test_f05_the_beginning_of_a_body_is_no_page_even_if_it_parses(houses: Houses) -> None:
    async with houses.good() as it:
        await it.keeps(rawserver.hangs_up_after(rawserver.SHORT), "reset")
        await it.keeps(rawserver.hangs_up_after(rawserver.UNFINISHED), "reset")
        await it.keeps(rawserver.hangs_up_after(rawserver.MISCOUNTED), "reset")


async def test_a_body_in_no_chunks_at_all_is_no_page(houses: Houses) -> None:
    async with houses.good() as it:
        good, it.server.script = it.server.script, rawserver.says(rawserver.NO_CHUNK)
        await it.refresh()
        assert (it.own("up"), it.inventory) == (0, it.served)
        it.server.script = good
        await it.recovers()


@fault(
    6,
    "one byte every 0.2 s",
    "No read waits long, so the time of the whole request, and of the whole crawl, is limited: kept, reason "
    "`timeout` or `deadline`",
    metric='ses_inventory_exporter_refresh_failures_total{reason=~"timeout|deadline"}',
    alert="InventoryApiFailing",
)
async def test_f06_a_body_that_drips_is_cut_off_by_request_and_by_crawl(houses: Houses) -> None:
    """It drips twenty times as fast as the row says, so that no test waits for it."""
    async with houses.good({"apis.tmf638.timeout": "150ms"}) as it:
        await it.keeps(rawserver.drip, "timeout")
    async with houses.good({"limits.crawl_deadline": "1s"}) as it:
        await it.keeps(rawserver.drip, "deadline")


@fault(
    7,
    "accepts connections and never answers",
    "Kept, reason `timeout`",
    metric='ses_inventory_exporter_refresh_failures_total{reason="timeout"}',
    alert="InventoryApiFailing",
)
async def test_f07_silence_changes_nothing_of_what_is_served(houses: Houses) -> None:
    async with houses.good({"apis.tmf638.timeout": "100ms"}) as it:
        await it.keeps(rawserver.silence, "timeout")


@fault(
    8,
    "a host that has moved",
    "Recovers: each request opens a new connection, and names are resolved again after 10 s",
    metric="",
    alert="",
)
async def test_f08_a_host_that_has_moved_is_found_again_at_no_cost(
    houses: Houses, hosts: Hosts, eleven_seconds: Callable[[], None]
) -> None:
    hosts[NAME] = ["127.0.0.1"]
    async with rawserver.raw(rawserver.lists(rawserver.carriers())) as server:
        async with houses.over(server, {"apis.tmf638.url": f"http://{NAME}:{server.port}"}) as it:
            await it.good()
            await server.stop()
            server.host, hosts[NAME] = "127.0.0.2", ["127.0.0.2"]
            await server.start()
            eleven_seconds()
            await it.good()
            assert it.own("complete") == 1
            assert not it.logged.events("refresh failed")


@fault(
    11,
    "IPv6 is broken, IPv4 works",
    "Works: all addresses of a name are tried in parallel",
    metric="ses_inventory_exporter_up == 1",
    alert="",
)
async def test_f11_a_broken_first_address_does_not_matter(houses: Houses, hosts: Hosts) -> None:
    hosts[NAME] = ["2001:db8::1", "127.0.0.1"]  # the first is an address for documentation (RFC 3849)
    async with rawserver.raw(rawserver.lists(rawserver.carriers())) as server:
        async with houses.over(server, {"apis.tmf638.url": f"http://{NAME}:{server.port}"}) as it:
            await it.good()
            assert it.own("complete") == 1
            assert not it.logged.events("refresh failed")
