"""Secrets stay secret: whatever goes wrong, no canary of the settings is in a log line, metric or page.

Every test of this package is watched by the fixture `logged`; here each way to write a secret meets each of
the faults, with all log levels on, and servers that repeat what they were sent in all headers that we read.
"""

from __future__ import annotations

import asyncio
import base64
import json
import traceback
import urllib.parse
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from exporter import errors, settings
from tests.faults import rawserver, test_http, test_json_pages, test_tokens
from tests.faults.faulty import Faulty, Houses, changed, written
from tests.faults.logged import CANARY, Logged, leaks
from tests.source.endpoint import Says, endpoint, in_turn, tokens


def echoed(wrap: Callable[[str], bytes]) -> rawserver.Script:
    """Repeats what it was sent, on one line, wrapped up."""

    async def script(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(wrap(" ".join(head.split())))

    return script


def repeated(wrap: Callable[[str], bytes]) -> rawserver.Script:
    """Repeats nothing but the credentials that it was sent, wrapped up."""

    async def script(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(wrap(" ".join(rawserver.credentials(head))))

    return script


def as_title(text: str) -> bytes:
    return rawserver.whole(f"<html><title>{text}</title>".encode(), "Content-Type: text/html")


def as_error(text: str) -> bytes:
    """As PHP writes JSON, and with more escapes than it needs."""
    words = json.dumps(text).replace("/", "\\/").replace("=", "\\u003d").replace("+", "\\u002B")
    return rawserver.whole(f'{{"error":{words}}}'.encode())


def in_numbers(text: str) -> str:
    return "".join(one if one.isalnum() else f"&#{ord(one)};" for one in text)


def as_header(status: str, name: str) -> Callable[[str], bytes]:
    return lambda text: rawserver.whole(b"", f"{name}: {text}", status=status)


FAULTS: Mapping[str, rawserver.Script] = {
    "reset": rawserver.resets_after(rawserver.SHORT),
    "short": rawserver.hangs_up_after(rawserver.SHORT),
    "unfinished": rawserver.hangs_up_after(rawserver.UNFINISHED),
    "no chunk": rawserver.says(rawserver.NO_CHUNK),
    "drip": rawserver.drip,
    "silence": rawserver.silence,
    **{
        status: test_http.refuses(status)
        for status in ("401 No", "403 No", "404 No", "407 No", "418 No", "500 No", "504 No")
    },
    "wait": test_http.refuses("429 Busy", "Retry-After: soon"),
    "login": rawserver.says(rawserver.LOGIN),
    "nothing": rawserver.says(test_http.NO_CONTENT),
    "redirect": echoed(as_header("302 Found", "Location: /login?")),
    "redirect elsewhere": echoed(as_header("302 Found", "Location: https://login.example/?")),
    "long header": rawserver.says(rawserver.LONG_HEADER),
    "echo as Retry-After": echoed(as_header("503 Busy", "Retry-After")),
    "echo as total": echoed(lambda text: rawserver.whole(b"", f"X-Total-Count: {text}", f"Link: <{text}>")),
    "echo in an error object": echoed(lambda text: rawserver.whole(json.dumps({"error": text}).encode())),
    "echo as a page's title": echoed(as_title),
    "credentials as a page's title": repeated(as_title),
    "credentials as a page's title, escaped": repeated(lambda text: as_title(in_numbers(text))),
    "credentials in an error object": repeated(as_error),
    "credentials in a path": repeated(
        lambda text: rawserver.whole(b"", f"Location: /{urllib.parse.quote(text)}", status="302 Found")
    ),
    "echo as type": echoed(lambda text: rawserver.whole(b"{}", f"Content-Type: {text}")),
    "echo as length": echoed(lambda text: f"HTTP/1.1 200 OK\r\nContent-Length: {text}\r\n\r\n".encode()),
    "echo as encoding": echoed(as_header("200 OK", "Content-Encoding")),
    "echo instead of HTTP": echoed(lambda text: f"{text}\r\n\r\n".encode()),
    "bomb": rawserver.says(rawserver.BOMB),
    **{name: rawserver.says(answer) for name, answer in test_http.MISTAKEN.items()},
    **{name: test_json_pages.answers(body) for name, (body, _) in test_json_pages.UNREADABLE.items()},
    "nested": test_json_pages.answers(test_json_pages.DEEP),
    **{str(body): test_json_pages.answers(body) for body in test_json_pages.REFUSALS},
}


def filed(folder: Path, name: str) -> str:
    """A file with a secret in it."""
    file = folder / f"{name}.secret"
    file.write_text(f"canary-{name}\n")
    return str(file)


def basic(folder: Path) -> dict[str, object]:
    return {}


def basic_odd(folder: Path) -> dict[str, object]:
    return {
        "apis.tmf638.basic_auth": {"username": "canary-user", "password": "canary-/p+a=s&s<"},
        "apis.tmf638.http_headers.X-Key": {"values": ["canary-/v+a=l&u<"]},
    }


def basic_file(folder: Path) -> dict[str, object]:
    return {"apis.tmf638.basic_auth": {"username": "me", "password_file": filed(folder, "password")}}


def bearer(folder: Path) -> dict[str, object]:
    return {
        "apis.tmf638.basic_auth": None,
        "apis.tmf638.authorization": {"type": "Token", "credentials": "canary-credentials"},
    }


def bearer_file(folder: Path) -> dict[str, object]:
    return {
        "apis.tmf638.basic_auth": None,
        "apis.tmf638.authorization": {"credentials_file": filed(folder, "credentials")},
        "apis.tmf638.http_headers.X-Filed": {"files": [filed(folder, "header")]},
    }


WAYS = (basic, basic_odd, basic_file, bearer, bearer_file)
QUICK = {"apis.tmf638.timeout": "60ms", "apis.tmf638.connect_timeout": "60ms", "limits.bytes": "1MiB"}


async def through_all_faults(it: Faulty) -> None:
    """A failed refresh for each fault, then a good one; errors are looked at on the way."""
    await it.good()
    for name, script in FAULTS.items():
        it.server.script = script
        await it.refresh()
        assert it.own("up") == 0, name
        assert it.inventory == it.served, name
        assert not leaks(f"{it.poller.recorder.error} {it.poller.status.last_error_hint}"), name
    it.server.script = test_http.GOOD
    await it.recovers()


@pytest.mark.parametrize("way", WAYS)
async def test_no_fault_shows_a_secret(
    houses: Houses, logged: Logged, way: Callable[[Path], dict[str, object]]
) -> None:
    async with houses.good({**QUICK, **way(houses.folder)}) as it:
        sent = it.server.heads[0]
        assert leaks(sent), "it is there to be found: the API has been sent it"
        await through_all_faults(it)
        assert leaks("\n".join(it.server.heads))
    assert len(logged.text.splitlines()) > len(FAULTS)


async def test_no_fault_shows_a_secret_of_the_proxy(houses: Houses) -> None:
    async with rawserver.raw(test_http.GOOD) as proxy:
        changes = {
            **QUICK,
            "apis.tmf638.url": "http://inventory.invalid",
            "apis.tmf638.proxy_url": f"http://canary-user:canary-%2Fproxy%2B@127.0.0.1:{proxy.port}",
        }
        async with houses.over(proxy, changes) as it:
            await through_all_faults(it)


def repeats(status: int, kind: str, text: str) -> Says:
    """An endpoint that knows the secret and tells it."""

    async def says(number: int) -> web.StreamResponse:
        return web.Response(status=status, text=text, content_type=kind)

    return says


ENDPOINTS: Mapping[str, Says] = {
    "good": tokens(access_token="canary-token"),
    "slow": test_tokens.never,
    "odd": repeats(400, "application/json", '{"error":"canary-client","error_description":"canary-client"}'),
    "web page": repeats(200, "text/html", "<html><title>canary-client</title></html>"),
    "broken": repeats(500, "text/plain", "canary-client"),
    "no token": repeats(200, "application/json", '{"access_token":"canary token"}'),
    "odd kind": repeats(200, "application/json", '{"access_token":"x","token_type":"canary-client x"}'),
    "no JSON": repeats(200, "application/json", '{"access_token":"canary-token"'),
    "login": in_turn(web.Response(status=302, headers={"Location": "/login?secret=canary-client"})),
}


@pytest.mark.parametrize("name", ENDPOINTS)
async def test_no_token_endpoint_makes_us_show_a_secret(houses: Houses, name: str) -> None:
    async with rawserver.raw(test_http.GOOD) as server, endpoint(ENDPOINTS[name]) as desk:
        async with houses.over(server, {**QUICK, **test_tokens.oauth2(desk)}) as it:
            await it.refresh()
            for script in FAULTS.values():
                it.server.script = script
                await it.refresh()
        assert desk.asks


@asynccontextmanager
async def nobody() -> AsyncIterator[str]:
    """The port of a server that has gone."""
    async with rawserver.raw(test_http.GOOD) as server:
        url = server.url
    yield url


@asynccontextmanager
async def untrusted() -> AsyncIterator[str]:
    async with rawserver.raw(test_http.GOOD, "elsewhere.pem") as server:
        yield server.url


@asynccontextmanager
async def unnamed() -> AsyncIterator[str]:
    yield "http://inventory.invalid"


@pytest.mark.parametrize("place", [nobody, untrusted, unnamed])
async def test_no_secret_is_shown_where_nobody_is_reached(
    houses: Houses, place: Callable[[], AbstractAsyncContextManager[str]]
) -> None:
    async with place() as url:
        unused = rawserver.RawServer(rawserver.silence)
        async with houses.over(unused, {**QUICK, "apis.tmf638.url": url}) as it:
            await it.refresh()
            assert it.poller.recorder.error


MISTAKES: Mapping[str, dict[str, object]] = {
    "two ways": {"apis.tmf638.authorization": {"credentials": "canary-credentials"}},
    "user information": {"apis.tmf638.url": "http://me:canary-user@127.0.0.1"},
    "proxy": {"apis.tmf638.proxy_url": "socks5://me:canary-proxy@127.0.0.1"},
    "several lines": {"apis.tmf638.basic_auth.password": "canary-one\ncanary-two"},
    "no mapping": {"apis.tmf638.basic_auth": "canary-password"},
    "no list": {"apis.tmf638.http_headers": {"X-Key": "canary-header"}},
    "unknown key": {"apis.tmf638.basic_auth.pasword": "canary-password"},
    "a key": {"apis.tmf638.tls_config": {"cert": "canary-cert", "key": "canary-key"}},
    "params": {
        "apis.tmf638.basic_auth": None,
        "apis.tmf638.oauth2": {
            "client_id": "me",
            "client_secret": "canary-client",
            "token_url": "http://me:canary-user@x",
            "endpoint_params": {"key": ["canary-param"]},
        },
    },
}


@pytest.mark.parametrize("name", MISTAKES)
async def test_no_mistake_in_the_settings_shows_a_secret(houses: Houses, name: str) -> None:
    server = rawserver.RawServer(rawserver.silence)
    with pytest.raises(errors.ConfigError) as caught:
        async with houses.over(server, MISTAKES[name]):
            pass
    printed = "".join(traceback.format_exception(caught.value))
    assert not leaks(f"{printed} {caught.value!r}")


def test_the_settings_do_not_show_their_secrets(houses: Houses) -> None:
    file = houses.folder / "config.yaml"
    file.write_text(json.dumps(changed(written("http://127.0.0.1"), bearer_file(houses.folder))))
    loaded = settings.load(file, {})
    dumped = loaded.model_dump(mode="json")
    query = dumped["collections"]["carriers"].pop("query", None)
    assert query is not None, "the query is no secret, as the documentation of the settings says"
    shown = f"{loaded.apis!r} {loaded.apis!s} {dumped['apis']}"
    assert not leaks(shown)


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_the_canary_is_found_in_base64_too(before: str) -> None:
    pair = base64.b64encode(f"{before}{CANARY}x:y".encode()).decode()
    assert leaks(f"Authorization: Basic {pair}")
    assert not leaks("Authorization: Basic bW9uaXRvcjpzaW11bGF0b3I=")
