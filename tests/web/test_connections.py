"""The guard against clients that misbehave, over real sockets (faults F70 to F73)."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest
from aiohttp import ClientSession, web
from structlog.testing import capture_logs

from exporter.web import connections, listener
from exporter.web.sockets import Address

from .guarded import HEALTHY, PATIENT, Client, busy, connect, guarded, held_up
from .invented import InventedSite


@pytest.fixture
def _nothing_reserved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes have no connections of their own beyond the limit."""
    monkeypatch.setattr(connections, "RESERVED", 0)


SHORT = PATIENT._replace(headers=0.15)
HALF = b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: "


async def test_a_scrape_goes_through_and_the_connection_is_kept() -> None:
    async with guarded() as there:
        client = await connect(there.port)
        for _ in range(3):
            client.writer.write(HEALTHY)
            assert (await client.answer()).startswith(b"HTTP/1.1 200 OK")
        assert there.told.number == 1
        client.leave()
        await there.until(0)
        assert not there.told.reasons


async def test_f70_a_silent_connection_is_closed_when_its_time_is_over() -> None:
    async with guarded(SHORT) as there:
        assert await (await connect(there.port)).rest() == b""
        assert there.told.reasons == {"idle": 1}
        await there.until(0)


@pytest.mark.parametrize("half", [b"G", HALF, b"\r\n"])
async def test_f70_headers_that_never_end_are_cut_with_a_word(half: bytes) -> None:
    async with guarded(SHORT) as there:
        assert (await there.ask(half)).startswith(b"HTTP/1.1 408 ")
        assert there.told.reasons == {"headers": 1}


async def test_f70_dripping_gains_no_time() -> None:
    async with guarded(SHORT) as there:
        client = await connect(there.port)
        client.writer.write(HALF)
        await client.drip(b"x")
        assert there.told.reasons == {"headers": 1}
        await there.until(0)


@pytest.mark.parametrize("together", [b"", HALF], ids=["later", "at once"])
async def test_f70_a_further_request_has_the_same_time(together: bytes) -> None:
    async with guarded(SHORT) as there:
        client = await connect(there.port)
        client.writer.write(HEALTHY + together)
        assert (await client.answer()).startswith(b"HTTP/1.1 200 OK")
        client.writer.write(b"" if together else HALF)
        assert (await client.rest()).startswith(b"HTTP/1.1 408 ")
        assert there.told.reasons == {"headers": 1}


async def test_between_two_requests_there_is_more_time_and_its_end_is_nothing_to_tell() -> None:
    async with guarded(SHORT._replace(headers=0.05, idle=0.3)) as there:
        client = await connect(there.port)
        for _ in range(2):
            client.writer.write(HEALTHY)
            await client.answer()
            await asyncio.sleep(0.1)  # longer than headers may take
        assert await client.rest() == b""
        await there.until(0)
        assert not there.told.reasons


async def test_f70_hundreds_of_half_open_connections_leave_others_unaffected() -> None:
    async with guarded(SHORT._replace(headers=1.0), InventedSite(parts=(b"up 1\n",) * 50_000)) as there:
        slow = await asyncio.gather(*(connect(there.port) for _ in range(300)))
        for client in slow[::2]:
            client.writer.write(HALF)
        await there.until(300)
        async with ClientSession() as session:
            for _ in range(10):
                async with session.get(f"http://127.0.0.1:{there.port}/metrics") as answer:
                    assert answer.status == 200
                    assert len(await answer.read()) == 250_000
        assert there.told.most >= 301
        await asyncio.gather(*(client.rest() for client in slow))
        await there.until(0)
        assert there.told.reasons == {"headers": 150, "idle": 150}


@pytest.mark.usefixtures("_nothing_reserved")
async def test_f70_over_the_limit_a_new_connection_is_told_to_come_back_and_open_ones_go_on() -> None:
    async with guarded(PATIENT._replace(connections=2), None, None, held_up) as there:
        first, second = await busy(there.port), await busy(there.port)
        await there.at_work(2)
        with capture_logs() as logged:
            for _ in range(3):
                refused = await there.ask()
                assert refused.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
                assert b"\r\nRetry-After: 5\r\n" in refused
                assert refused.endswith(b"\r\n\r\nToo many connections; try again in a few seconds.\n")
        assert [entry["event"] for entry in logged] == ["connections refused"]
        assert there.told.reasons == {"full": 3}
        first.leave()
        await there.until(1)
        third = await connect(there.port)
        third.writer.write(HEALTHY)
        assert b" 200 OK" in await third.answer()
        assert there.told.most == 2
        for client in (second, third):
            client.leave()


@pytest.mark.usefixtures("_nothing_reserved")
async def test_f70_that_the_limit_is_reached_again_is_news_again() -> None:
    async with guarded(PATIENT._replace(connections=1), None, None, held_up) as there:
        with capture_logs() as logged:
            for _ in range(2):
                client = await busy(there.port)
                await there.at_work(1)
                await there.ask()
                client.leave()
                await there.until(0)
        assert len(logged) == 2


@pytest.mark.usefixtures("_nothing_reserved")
async def test_f70_those_refused_do_not_gather(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "LINGERING", 3)
    async with guarded(PATIENT._replace(connections=1), None, None, held_up) as there:
        holder = await busy(there.port)
        await there.at_work(1)
        crowd = await asyncio.gather(*(connect(there.port) for _ in range(10)))
        answers = await asyncio.gather(*(client.rest() for client in crowd))
        assert sum(answer.startswith(b"HTTP/1.1 503") for answer in answers) == 3
        assert answers.count(b"") == 7
        holder.leave()


@pytest.mark.usefixtures("_nothing_reserved")
async def test_f70_one_refused_that_does_not_leave_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "_LINGER", 0.05)
    async with guarded(PATIENT._replace(connections=1), None, None, held_up) as there:
        holder = await busy(there.port)
        await there.at_work(1)
        refused = await connect(there.port)
        await refused.answer()
        with pytest.raises(ConnectionError):
            while True:
                refused.writer.write(b"x")
                await refused.writer.drain()
                await asyncio.sleep(0.01)
        for client in (holder, refused):
            client.leave()


@pytest.mark.usefixtures("_nothing_reserved")
async def test_stopping_ends_those_that_are_being_refused() -> None:
    async with guarded(PATIENT._replace(connections=1), None, None, held_up) as there:
        holder = await busy(there.port)
        await there.at_work(1)
        refused = await connect(there.port)
        await refused.answer()
        await there.listener.stop()
        assert await refused.rest() == b""
        await there.listener.start()  # for the runner, which stops it as well
        holder.leave()


async def test_headers_beyond_all_measure_are_cut_before_they_are_read() -> None:
    async with guarded() as there:
        client = await connect(there.port)
        client.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
        await client.drip(b"X-More: %b\r\n" % (b"a" * 8000))
        await there.until(0)
        assert set(there.told.reasons) <= {"headers"}  # aiohttp's own count of lines may be first


async def test_a_request_within_the_limit_of_bytes_may_come_in_any_pieces() -> None:
    async with guarded() as there:
        client = await connect(there.port)
        for _ in range(2):
            for place in range(len(HEALTHY)):
                client.writer.write(HEALTHY[place : place + 1])
                await client.writer.drain()
                await asyncio.sleep(0)
            assert b" 200 OK" in await client.answer()
        client.leave()


async def test_f70_a_body_that_nobody_reads_is_not_taken_for_headers_that_never_end() -> None:
    async with guarded(PATIENT._replace(headers=0.3)) as there:
        said = await there.ask(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        assert said.startswith(b"HTTP/1.1 404 ")
        assert said.count(b"HTTP/1.1 ") == 1
        await there.until(0)
        assert not there.told.reasons


async def test_a_thousand_requests_in_one_breath_are_answered_in_their_order() -> None:
    async with guarded() as there:
        client = await connect(there.port)
        paths = [b"/-/healthy" if number % 2 else b"/nowhere" for number in range(1000)]
        asked = b"".join(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path for path in paths)
        client.writer.write(asked)
        codes = [(await client.answer())[9:12] for _ in paths]
        assert codes == [b"200" if path == b"/-/healthy" else b"404" for path in paths]
        client.leave()


async def stuck(port: int) -> Client:
    """A client whose window is as small as it gets."""
    quiet = socket.socket()
    quiet.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    quiet.setblocking(False)
    await asyncio.get_running_loop().sock_connect(quiet, ("127.0.0.1", port))
    return Client(*await asyncio.open_connection(sock=quiet, limit=1 << 12))


PAGE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "asked",
    [b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", PAGE * 1000, PAGE * 1000 + HALF],
    ids=["a large one", "many small ones", "and half of one more"],
)
async def test_f71_who_does_not_read_what_was_asked_for_is_cut_whatever_the_page(asked: bytes) -> None:
    site = InventedSite(parts=(b"a" * 40_000_000,))
    async with guarded(PATIENT._replace(write=0.15, headers=0.05), site) as there:
        client = await stuck(there.port)
        client.writer.write(asked)
        await there.until(1)
        await there.until(0)
        assert there.told.reasons == {"slow": 1}
        client.leave()


async def test_f71_who_reads_slowly_but_reads_gets_everything() -> None:
    site = InventedSite(parts=(b"a" * 20_000_000,))
    async with guarded(PATIENT._replace(headers=0.2), site) as there:
        client = await stuck(there.port)
        client.writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: identity\r\n\r\n")
        assert (await client.answer()).endswith(b"a" * 1000)
        assert not there.told.reasons
        client.leave()


async def test_what_is_asked_while_a_scrape_is_under_way_is_answered_after_it() -> None:
    site = InventedSite(parts=(b"a" * 20_000_000,))
    async with guarded(SHORT._replace(idle=0.1), site) as there:
        client = await stuck(there.port)
        client.writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await client.reader.readuntil(b"\r\n\r\n")
        client.writer.write(HEALTHY)
        client.writer.write(HALF)
        read = await client.rest()
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert read.startswith(b"a" * 20_000_000)
        assert b" 200 OK" in read[20_000_000:20_000_100]
        assert b"\nHealthy.\nHTTP/1.1 408 " in read
        assert there.told.reasons == {"headers": 1}


async def test_f72_a_thousand_scrapes_at_once_get_the_same_bytes_or_are_told_to_come_back() -> None:
    site = InventedSite(parts=(b"up 1\n",) * 2000)
    request = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    async with guarded(PATIENT._replace(connections=512), site) as there:
        answers = await asyncio.gather(*(there.ask(request) for _ in range(1000)))
        heads = [answer.split(b"\r\n", 1)[0] for answer in answers]
        bodies = {answer.split(b"\r\n\r\n", 1)[1] for answer in answers if b" 200 " in answer[:20]}
        assert bodies == {b"up 1\n" * 2000}
        # Beyond those told to come back some are closed unanswered: 32 at a time are told.
        assert set(heads) <= {b"HTTP/1.1 200 OK", b"HTTP/1.1 503 Service Unavailable", b""}
        await there.until(0)
        assert there.told.most <= 512
        assert b" 200 " in await there.ask(request)


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 9000),
        b"GET / HTTP/1.1\r\nHost: x\r\n%b\r\n" % (b"X: y\r\n" * 200),
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        HEALTHY + b"nonsense\r\n\r\n",
    ],
)
async def test_f73_what_is_no_request_is_400_dressed_like_any_answer_and_fills_no_log(
    request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with guarded() as there:
        with capture_logs() as logged:
            last = (await there.ask(request_)).rpartition(b"HTTP/1.")[2]
        assert last[2:].startswith(b"400 ")
        for header in (b"Server: ses-inventory-exporter", b"X-Content-Type-Options: nosniff"):
            assert header in last
        assert all(entry["log_level"] == "debug" for entry in logged)
        assert not [record for record in caplog.records if record.levelno > logging.DEBUG]


async def test_a_mistake_of_ours_is_500_dressed_and_logged_with_its_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = InventedSite()
    monkeypatch.setattr(site, "health", None)
    async with guarded(site=site) as there:
        with capture_logs() as logged:
            answer = await there.ask()
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert b"X-Content-Type-Options: nosniff" in answer
        assert [(entry["log_level"], entry["event"]) for entry in logged] == [("error", "response failed")]
        assert isinstance(logged[0]["exc_info"], TypeError)


async def test_f71_a_client_that_resets_in_the_middle_is_no_mistake_and_is_gone() -> None:
    site = InventedSite(parts=(b"a" * 40_000_000,))
    async with guarded(site=site) as there:
        with capture_logs() as logged:
            client = await stuck(there.port)
            client.writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            await client.reader.readuntil(b"\r\n\r\n")
            client.leave()
            await there.until(0)
        assert not [entry for entry in logged if entry["log_level"] == "error"]


async def test_a_client_that_says_no_more_after_asking_still_gets_its_answer() -> None:
    async with guarded() as there:
        client = await connect(there.port)
        client.writer.write(HEALTHY)
        assert b" 200 OK" in await client.answer()
        client.writer.write_eof()
        assert await client.rest() == b""
        await there.until(0)


async def test_an_address_in_use_is_an_error_of_the_start_and_nothing_stays_open() -> None:
    async with guarded() as there:
        runner = web.AppRunner(web.Application())
        await runner.setup()
        second = listener.Listener(runner, [Address("127.0.0.1", there.port)], PATIENT, there.told)
        assert second.name == f"http://127.0.0.1:{there.port}"
        with pytest.raises(OSError):
            await second.start()
        await runner.cleanup()
