"""What an operator may order over HTTP, and who may not."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import hdrs, web
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient, AiohttpServer

from exporter.web import server
from exporter.web.server import AdminRequests

from .invented import InventedSite

Client = TestClient[web.Request, web.Application]
ACCEPT, RELOAD = "/api/v1/accept", "/-/reload"
BOTH = AdminRequests(accept=True, reload=True)


@pytest.fixture
def site() -> InventedSite:
    return InventedSite()


@pytest.fixture
async def client(aiohttp_client: AiohttpClient, site: InventedSite) -> Client:
    return await aiohttp_client(server.application(site, enabled=BOTH))


@pytest.mark.parametrize(
    ("taken", "accept", "reload"),
    [
        (AdminRequests(), 404, 404),
        (AdminRequests(accept=True), 200, 404),
        (AdminRequests(reload=True), 404, 200),
        (BOTH, 200, 200),
    ],
)
async def test_an_order_that_is_not_enabled_is_a_page_that_there_is_not(
    aiohttp_client: AiohttpClient, site: InventedSite, taken: AdminRequests, accept: int, reload: int
) -> None:
    client = await aiohttp_client(server.application(site, enabled=taken))
    assert [(await client.post(path)).status for path in (ACCEPT, RELOAD)] == [accept, reload]
    for method in ("POST", "GET"):
        for path, setting in ((ACCEPT, "web.enable_admin_api"), (RELOAD, "web.enable_lifecycle")):
            hint = f"{path} is off: set {setting}."
            assert (hint in await (await client.request(method, path)).text()) == (path not in taken.paths)
    said = await (await client.get("/nowhere")).text()
    assert [path in said for path in (ACCEPT, RELOAD)] == [accept == 200, reload == 200]
    assert bool(site.accepted) == taken.accept


@pytest.mark.parametrize("path", [ACCEPT, RELOAD])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_an_order_is_a_post_and_nothing_else(
    client: Client, site: InventedSite, path: str, method: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status, answer.headers[hdrs.ALLOW]) == (405, "POST")
    assert await answer.text() == ("" if method == "HEAD" else f"{path} takes only POST.\n")
    assert not site.accepted


@pytest.mark.parametrize(
    ("query", "collections"),
    [
        ("", ("services", "carriers", "resources")),
        ("?collection=carriers", ("carriers",)),
        ("?collection=resources&collection=services&other=1", ("services", "resources")),
    ],
)
async def test_what_is_accepted_is_what_was_named_or_everything(
    client: Client, site: InventedSite, query: str, collections: tuple[str, ...]
) -> None:
    answer = await client.post(f"{ACCEPT}{query}")
    assert answer.status == 200
    assert answer.headers[hdrs.CONTENT_TYPE] == "text/plain; charset=utf-8"
    assert await answer.text() == f"Accepted: {', '.join(collections)}.\n"
    assert site.accepted == [collections]


async def test_an_unknown_collection_is_400_and_nothing_is_accepted(
    client: Client, site: InventedSite
) -> None:
    answer = await client.post(f"{ACCEPT}?collection=carriers&collection=modems%0a")
    assert answer.status == 400
    said = "Unknown collection 'modems\\n'. Valid values: services, carriers, resources.\n"
    assert await answer.text() == said
    assert not site.accepted


async def test_a_reload_says_how_it_went_and_settings_that_are_wrong_are_500(
    client: Client, site: InventedSite
) -> None:
    answer = await client.post(RELOAD)
    assert (answer.status, await answer.text()) == (200, "The settings were read again.\n")
    site.reloading = (False, "config.yaml: apis: missing \ud800; the old settings are still in force")
    answer = await client.post(RELOAD)
    assert answer.status == 500
    assert await answer.text() == "config.yaml: apis: missing ?; the old settings are still in force\n"


@pytest.mark.parametrize("path", [ACCEPT, RELOAD])
@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://OWN"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://proxy.example"}, 200),
        ({"Origin": "http://OWN"}, 200),
        ({"Origin": "https://OWN"}, 200),
        ({"Origin": "http://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://[::1"}, 403),
    ],
)
async def test_a_page_of_another_site_cannot_order_anything(
    client: Client, path: str, headers: dict[str, str], code: int
) -> None:
    own = f"{client.host}:{client.port}"
    sent = {name: value.replace("OWN", own) for name, value in headers.items()}
    answer = await client.post(path, headers=sent)
    assert answer.status == code
    assert code == 200 or "another site" in await answer.text()


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"GET /metrics HTTP/1.1\r\nContent-Length: 1", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked", 400),
        (b"DELETE /nowhere HTTP/1.1\r\nContent-Length: 99999999999", 400),
        (b"POST /api/v1/accept HTTP/1.1\r\nContent-Length: 4097", 413),
        (b"POST /nowhere HTTP/1.1\r\nContent-Length: 99999999999", 413),
        (b"POST /api/v1/accept HTTP/1.1\r\nTransfer-Encoding: chunked", 411),
    ],
)
async def test_f73_a_body_is_refused_before_it_comes(
    aiohttp_server: AiohttpServer, site: InventedSite, head: bytes, code: int
) -> None:
    served = await aiohttp_server(server.application(site, enabled=BOTH))
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"%b\r\nHost: x\r\n\r\n" % head)
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 %d " % code)
    assert b"\r\nConnection: close\r\n" in answer
    assert not site.accepted
    writer.close()


@pytest.mark.parametrize("path", [ACCEPT, RELOAD])
@pytest.mark.parametrize(("body", "kept"), [(b"", True), (b"{}", False), (b"x" * 4096, False)])
async def test_a_small_body_that_clients_send_by_habit_ends_the_connection_and_does_no_harm(
    client: Client, path: str, body: bytes, kept: bool
) -> None:
    for _ in range(2):
        answer = await client.post(path, data=body)
        assert answer.status == 200
        assert (answer.headers.get(hdrs.CONNECTION) != "close") == kept


async def test_a_get_that_announces_an_empty_body_has_none(client: Client) -> None:
    assert (await client.get("/-/healthy", headers={"Content-Length": "0"})).status == 200
