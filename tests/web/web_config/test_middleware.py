"""What clients meet at the gate, on real sockets."""

from __future__ import annotations

import asyncio
from pathlib import Path

import bcrypt
import pytest
from pytest_aiohttp.plugin import AiohttpClient

from exporter.web import server
from exporter.web.web_config import AccessControl, SentCredentials, credentials
from tests.web.invented import InventedSite

from .served import ALICE, BOB, HASHES, USERS, Folder, served

PATHS = (
    "/",
    "/metrics",
    "/api/v1/status",
    "/api/v1/defects",
    "/-/healthy",
    "/-/ready",
    "/favicon.ico",
    "/nothing",
)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


async def test_without_a_file_everybody_comes_in() -> None:
    async with served(None) as there:
        assert (await there.get("/-/healthy"))[0] == 200
        assert not there.away


async def test_without_users_nobody_is_asked_who_they_are(folder: Folder) -> None:
    async with served(folder.web("basic_auth_users: {}")) as there:
        assert (await there.get())[0] == 200


async def test_no_path_is_excepted_from_authentication(folder: Folder) -> None:
    async with served(folder.web(USERS)) as there:
        for path in PATHS:
            status, text, headers = await there.get(path)
            assert status == 401, path
            assert headers["WWW-Authenticate"].startswith('Basic realm="')
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert "ses_inventory" not in text
        assert there.away == {"credentials": len(PATHS)}


async def test_who_is_known_sees_what_there_is(folder: Folder) -> None:
    async with served(folder.web(USERS)) as there:
        found = {path: (await there.get(path, ALICE))[0] for path in PATHS}
        assert found == {
            **dict.fromkeys(PATHS, 200),
            "/favicon.ico": 204,
            "/nothing": 404,
        }
        for stranger in (BOB, ("alice", "x"), ("alice", "x" * 5000)):
            assert (await there.get(auth=stranger))[0] == 401


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("Basic YTpi", SentCredentials(b"a", b"b")),
        ("bASIC  YTpi ", SentCredentials(b"a", b"b")),
        ("Basic YTpiOmM=", SentCredentials(b"a", b"b:c")),
        ("Basic Og==", SentCredentials(b"", b"")),
        ("Basic YWI=", None),
        ("Basic Y", None),
        ("Basic Y\u00e9", None),
        ("Basic ", None),
        ("Basic", None),
        ("Bearer YTpi", None),
        ("", None),
    ],
)
def test_credentials_are_read_as_rfc_7617_writes_them(header: str, said: SentCredentials | None) -> None:
    assert credentials(header) == said


async def test_a_name_may_be_written_in_any_script(folder: Folder) -> None:
    text = f"basic_auth_users:\n  Алиса: {HASHES['alice']}\n"
    async with served(folder.web(text)) as there:
        assert (await there.get(auth=("Алиса", "alice's secret")))[0] == 200


async def test_a_refused_request_with_a_body_is_answered_before_the_body_comes(folder: Folder) -> None:
    async with served(folder.web(USERS)) as there:
        reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
        writer.write(b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\nbegun")
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"Connection: close" in answer
        writer.close()


async def test_more_requests_than_the_rate_allows_are_told_when_to_come_back(folder: Folder) -> None:
    async with served(folder.web(f"rate_limit: {{interval: 90s, burst: 2}}\n{USERS}")) as there:
        assert [(await there.get())[0] for _ in range(2)] == [401, 401]
        status, _, headers = await there.get(auth=ALICE)
        assert (status, headers["Retry-After"]) == (429, "90")
        assert there.away == {"credentials": 2, "rate_limit": 1}
        folder.web("rate_limit: {interval: 1h, burst: 1}\n" + USERS)
        assert [(await there.get(auth=ALICE))[0] for _ in range(2)] == [200, 429]
        folder.web("rate_limit: {burst: 1}\n" + USERS)
        assert [(await there.get(auth=ALICE))[0] for _ in range(3)] == [200] * 3, "no interval, no limit"
        folder.web(USERS)
        assert (await there.get(auth=ALICE))[0] == 200


async def test_the_headers_of_the_file_prevail_on_every_answer(folder: Folder) -> None:
    policy = "default-src 'self'"
    text = f"""
http_server_config:
  headers:
    Content-Security-Policy: {policy}
    X-Frame-Options: sameorigin
    Strict-Transport-Security: max-age=60
    X-XSS-Protection: ""
{USERS}"""
    async with served(folder.web(text)) as there:
        for path, auth in (("/", ALICE), ("/metrics", ALICE), ("/nothing", ALICE), ("/", None)):
            headers = (await there.get(path, auth))[2]
            assert headers["Content-Security-Policy"] == policy
            assert headers["X-Frame-Options"] == "sameorigin"
            assert headers["Strict-Transport-Security"] == "max-age=60"
            assert "X-XSS-Protection" not in headers
            assert headers["Referrer-Policy"] == "no-referrer", "ours stay beside them"


async def test_who_waits_for_too_many_checks_is_told_so_and_the_others_are_served(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(folder.web(USERS)) as there:
        assert (await there.get(auth=ALICE))[0] == 200
        begun, real = asyncio.Event(), bcrypt.checkpw
        loop = asyncio.get_running_loop()
        over = asyncio.run_coroutine_threadsafe

        def slow(password: bytes, stored: bytes) -> bool:
            loop.call_soon_threadsafe(begun.set)
            over(released.wait(), loop).result(30)
            return real(password, stored)

        released = asyncio.Event()
        monkeypatch.setattr(bcrypt, "checkpw", slow)
        flood = [asyncio.create_task(there.get(auth=("alice", f"{number}"))) for number in range(20)]
        await begun.wait()
        assert (await there.get(auth=ALICE))[0] == 200
        while sum(there.away.values()) < 16:
            await asyncio.sleep(0.001)
        released.set()
        statuses = [(await task)[0] for task in flood]
        assert (statuses.count(503), statuses.count(401)) == (16, 4)
        assert there.away == {"busy": 16, "credentials": 4}


async def test_requests_are_refused_where_nobody_counts_them(
    folder: Folder, aiohttp_client: AiohttpClient
) -> None:
    access = AccessControl(folder.web("rate_limit: {interval: 1h, burst: 1}"))
    client = await aiohttp_client(server.application(InventedSite(), access=access))
    assert [(await client.get("/-/healthy")).status for _ in range(2)] == [200, 429]
