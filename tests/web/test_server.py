"""The HTTP surface over real sockets."""

from __future__ import annotations

import asyncio
import json
import re

import pytest
from aiohttp import hdrs, web
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient, AiohttpServer

from exporter.web import landing, server

from .invented import HOSTILE, InventedSite, hostile, status

Client = TestClient[web.Request, web.Application]
PAGES = ("/", "/metrics", "/api/v1/status", "/api/v1/defects", "/-/healthy", "/-/ready", "/favicon.ico")


@pytest.fixture
def site() -> InventedSite:
    return InventedSite()


@pytest.fixture
async def client(aiohttp_client: AiohttpClient, site: InventedSite) -> Client:
    return await aiohttp_client(server.application(site))


async def raw(aiohttp_server: AiohttpServer, request: bytes) -> tuple[int, bytes]:
    """Sends bytes as they are; returns the status and all that came back until the server closed."""
    served = await aiohttp_server(server.application(InventedSite()))
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    found = re.match(rb"HTTP/1\.[01] (\d+)", answer)
    assert found
    return int(found[1]), answer


@pytest.mark.parametrize("path", [*PAGES, "/nowhere"])
async def test_every_answer_names_the_program_and_is_not_to_be_guessed_at(client: Client, path: str) -> None:
    answer = await client.get(path)
    assert answer.headers[hdrs.SERVER] == "ses-inventory-exporter"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert hdrs.CACHE_CONTROL in answer.headers


async def test_the_landing_page_is_html_under_its_policy(client: Client) -> None:
    answer = await client.get("/")
    assert answer.status == 200
    assert answer.headers[hdrs.CONTENT_TYPE] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == landing.POLICY
    assert answer.headers[hdrs.CACHE_CONTROL] == "no-store"
    assert await answer.text() == landing.page(status())


async def test_a_hostile_inventory_still_has_a_page_and_a_status(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(server.application(InventedSite(status(hostile()))))
    assert (await client.get("/")).status == 200
    answer = await client.get("/api/v1/status")
    assert answer.status == 200
    assert len(json.loads(await answer.read())["data"]["collections"]) == 3


async def test_the_status_is_json_that_nobody_keeps(client: Client) -> None:
    answer = await client.get("/api/v1/status")
    assert answer.headers[hdrs.CONTENT_TYPE] == "application/json"
    assert answer.headers[hdrs.CACHE_CONTROL] == "no-store"
    read = await answer.json()
    assert read["status"] == "success"
    assert read["data"]["version"] == "0.1.0"
    assert read["data"]["collections"][1]["statuses"]["Non-Operational"] == 301


async def test_the_defects_are_json_in_the_same_envelope(client: Client) -> None:
    answer = await client.get("/api/v1/defects")
    assert answer.headers[hdrs.CONTENT_TYPE] == "application/json"
    assert answer.headers[hdrs.CACHE_CONTROL] == "no-store"
    read = await answer.json()
    assert read["status"] == "success"
    assert read["data"] == {"carriers": {"no_party": {"records": 3, "examples": ["C1", HOSTILE]}}}


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
async def test_a_good_verdict_is_200_with_its_sentence(client: Client, path: str) -> None:
    answer = await client.get(path)
    assert answer.status == 200
    assert answer.headers[hdrs.CONTENT_TYPE] == "text/plain; charset=utf-8"
    assert (await answer.text()) in ("Healthy.\n", "Ready.\n")


async def test_a_bad_verdict_is_503_with_its_sentence(client: Client, site: InventedSite) -> None:
    site.health = (False, "The poller of carriers keeps dying.")
    site.readiness = (False, "Not ready: services has no snapshot\ud800.")
    healthy, ready = await client.get("/-/healthy"), await client.get("/-/ready")
    assert (healthy.status, await healthy.text()) == (503, "The poller of carriers keeps dying.\n")
    assert (ready.status, await ready.text()) == (503, "Not ready: services has no snapshot?.\n")


async def test_the_icon_is_nothing_and_may_be_kept(client: Client) -> None:
    answer = await client.get("/favicon.ico")
    assert answer.status == 204
    assert answer.headers[hdrs.CACHE_CONTROL] == "max-age=86400"


@pytest.mark.parametrize("path", PAGES)
async def test_f73_head_says_what_get_says_without_a_body(client: Client, path: str) -> None:
    got, headed = await client.get(path), await client.head(path)
    assert headed.status == got.status
    ours = {key: value for key, value in headed.headers.items() if key != hdrs.DATE}
    assert ours == {key: value for key, value in got.headers.items() if key != hdrs.DATE}
    assert await headed.read() == b""


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", PAGES)
async def test_f73_other_methods_are_405_and_told_what_is_allowed(
    client: Client, method: str, path: str
) -> None:
    answer = await client.request(method, path)
    assert answer.status == 405
    assert answer.headers[hdrs.ALLOW] == "GET, HEAD"
    assert await answer.text() == f"{path} takes only GET, HEAD.\n"


@pytest.mark.parametrize("path", ["/nowhere", "/metrics/", "/-/", "/-/reload", "/%3Cscript%3E", "/%ff%00"])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_f73_an_unknown_path_is_404_and_names_those_there_are(
    client: Client, method: str, path: str
) -> None:
    answer = await client.request(method, path)
    assert answer.status == 404
    assert answer.headers[hdrs.CONTENT_TYPE] == "text/plain; charset=utf-8"
    said = await answer.text()
    assert method == "HEAD" or all(f"\n{known}\n" in said for known in server.PATHS)
    assert "script" not in said


@pytest.mark.parametrize(
    "path",
    [b"/../../etc/passwd", b"/metrics/../../etc/passwd", b"/%2e%2e/%2e%2e/etc/passwd", b"/..%5cmetrics"],
)
async def test_f73_dots_lead_nowhere(aiohttp_server: AiohttpServer, path: bytes) -> None:
    request = b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path
    code, answer = await raw(aiohttp_server, request)
    assert code == 404
    assert b"root:" not in answer


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 9000), 400),
        (b"GET /metrics?%b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % (b"a" * 7000), 200),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: %b\r\n\r\n" % (b"a" * 90_000), 400),
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: \xff\xfe;q=\x80\r\nConnection: close\r\n\r\n", 200),
        (b"GET /metrics?collect[]=%ff%00&%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400),
        (b"GET http://elsewhere.example/metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
    ],
)
async def test_f73_what_no_browser_sends_is_answered_and_never_500(
    aiohttp_server: AiohttpServer, request_: bytes, code: int
) -> None:
    assert (await raw(aiohttp_server, request_))[0] == code
