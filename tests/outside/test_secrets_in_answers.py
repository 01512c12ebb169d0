"""Answers that hold a secret: by chance, as data, or because a server repeats what it was sent."""

from __future__ import annotations

import asyncio
import html
import json
import re
import urllib.parse
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from tests.faults import rawserver
from tests.faults.conftest import watched_logs
from tests.faults.faulty import Faulty, house
from tests.faults.logged import Logged, shown
from tests.source.endpoint import endpoint, tokens

Settings = dict[str, object]


@asynccontextmanager
async def reading(folder: Path, script: rawserver.Script, kind: str, secret: str) -> AsyncIterator[Faulty]:
    """A house over a raw server or proxy, that has this secret by this kind of authentication."""
    file = folder / "secret"
    file.write_text(f"{secret}\n")
    api = "apis.tmf638"
    header = f"{api}.http_headers.X-Key"
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(rawserver.raw(script))
        grant = await stack.enter_async_context(endpoint(tokens(access_token=secret)))
        plain = await stack.enter_async_context(endpoint(tokens(access_token="granted-token")))
        fetched = {"client_id": "me", "token_url": plain.url}
        quoted = urllib.parse.quote(secret, safe="")
        kinds: Mapping[str, Settings] = {
            "password": {f"{api}.basic_auth.password": secret},
            "password_file": {f"{api}.basic_auth": {"username": "monitor", "password_file": str(file)}},
            "credentials": {f"{api}.authorization": {"credentials": secret}},
            "credentials_file": {f"{api}.authorization": {"credentials_file": str(file)}},
            "client_secret": {f"{api}.oauth2": {**fetched, "client_secret": secret}},
            "client_secret_file": {f"{api}.oauth2": {**fetched, "client_secret_file": str(file)}},
            "access token": {
                f"{api}.oauth2": {"client_id": "me", "client_secret": "of no use", "token_url": grant.url}
            },
            "header's secret": {header: {"secrets": [secret]}},
            "header's file": {header: {"files": [str(file)]}},
            "header's value": {header: {"values": [secret]}},
            "proxy": {
                f"{api}.url": "http://inventory.invalid",
                f"{api}.proxy_url": f"http://me:{quoted}@127.0.0.1:{server.port}",
            },
        }
        others = {f"{api}.basic_auth": None} if "basic" not in str(kinds[kind]) else {}
        changes = {**others, f"{api}.http_headers": None, **kinds[kind]}
        logged = Logged()
        with watched_logs(logged):
            yield await stack.enter_async_context(house(folder, logged, server, changes))


KINDS = (
    *("password", "password_file", "credentials", "credentials_file", "client_secret", "client_secret_file"),
    *("access token", "header's secret", "header's file", "header's value", "proxy"),
)
NAMED = [
    {"id": "active", "name": "reactive", "state": "active", "@type": "Carrier", "description": "/active/"},
    {"id": "2", "name": "active", "state": "inactive", "@type": "Carrier"},
]


@pytest.mark.parametrize("kind", KINDS)
async def test_t10_a_secret_that_occurs_in_the_data_changes_nothing_of_it(tmp_path: Path, kind: str) -> None:
    found = []
    for secret in ("active", "another"):
        async with reading(tmp_path, rawserver.lists(NAMED), kind, secret) as it:
            await it.good()
            assert it.own("complete") == 1
            found.append(re.sub(r"_timestamp_seconds.*", "", it.inventory))
    assert found[0] == found[1]
    assert 'ses_inventory_carrier_status_changes_total{carrier_id="active"} 0' in found[0]


def repeats(secret: str, answer: Callable[[str], bytes]) -> rawserver.Script:
    """Repeats, if it was sent any, the credential of the request and the secret itself."""

    async def script(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(" ".join((secret, *rawserver.credentials(head), secret))))

    return script


def numeric(text: str) -> str:
    return "".join(one if one.isalnum() else f"&#{ord(one)};" for one in text)


def slashed(text: str) -> str:
    return json.dumps(text).replace("/", "\\/").replace("=", "\\u003d").strip('"')


def titled(text: str) -> bytes:
    return rawserver.whole(f"<html><title>{text}</title>".encode(), "Content-Type: text/html")


def located(text: str) -> bytes:
    return rawserver.whole(b"", f"Location: /{urllib.parse.quote(text)}", status="302 Found")


ANSWERS: Mapping[str, Callable[[str], bytes]] = {
    "title": titled,
    "title in HTML": lambda text: titled(html.escape(text)),
    "title in numbers": lambda text: titled(numeric(text)),
    "error object": lambda text: rawserver.whole(f'{{"error": "{slashed(text)}"}}'.encode()),
    "escaped in an error object": lambda text: rawserver.whole(json.dumps({"error": numeric(text)}).encode()),
    "key of an object": lambda text: rawserver.whole(json.dumps({text: 1}).encode()),
    "redirect": located,
    "record without an id": lambda text: rawserver.whole(json.dumps([{"name": text}]).encode()),
    "total": lambda text: rawserver.whole(b"[]", f"X-Total-Count: {text}"),
}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("kind", KINDS)
async def test_a04_a_credential_that_is_repeated_is_shown_to_nobody(
    tmp_path: Path, kind: str, answer: str
) -> None:
    secret = "T0p+s/cr=t&x"
    good = rawserver.lists(NAMED)
    async with reading(tmp_path, good, kind, secret) as it:
        await it.good()
        it.server.script = repeats(secret, ANSWERS[answer])
        await it.refresh()
        texts = f"{shown(it.built)}\n{it.logged.text}\n{it.poller.status}"
        assert answer in ("record without an id", "total") or it.poller.recorder.error
    for form in (secret, html.escape(secret), urllib.parse.quote(secret), slashed(secret), "T0p", "cr=t"):
        assert form not in texts
    assert not any(part in texts for head in it.server.heads for part in rawserver.credentials(head))


async def test_a04_a_token_of_before_is_shown_to_nobody_either(tmp_path: Path) -> None:
    """The API refuses the first token, takes the second, and later repeats the first."""

    async def refusing_first(head: str, writer: asyncio.StreamWriter) -> None:
        refused = "first-of-tokens" in head
        status = "401 Unauthorized" if refused else "200 OK"
        writer.write(rawserver.whole(b"[]", status=status))

    names = iter(("first-of-tokens", "second-of-tokens"))

    async def gives(number: int) -> web.StreamResponse:
        return web.json_response({"access_token": next(names), "expires_in": 3600})

    async with rawserver.raw(refusing_first) as server, endpoint(gives) as grant:
        oauth2 = {"client_id": "me", "client_secret": "of no use", "token_url": grant.url}
        changes = {"apis.tmf638.basic_auth": None, "apis.tmf638.oauth2": oauth2}
        async with house(tmp_path, Logged(), server, changes) as it:
            await it.good()
            it.server.script = rawserver.says(titled("first-of-tokens second-of-tokens"))
            await it.refresh()
            assert "'*** ***'" in it.poller.status.last_error_hint
