"""Tokens over real sockets: an API, a token endpoint, and the client between them."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import traceback
from pathlib import Path

import pytest
from aiohttp import web

from exporter import errors
from tests.source.certificates import CERTIFICATES
from tests.source.endpoint import Says, endpoint, in_turn, tokens
from tests.source.servers import Script, Server, Told, asking, says, serving, whole

CANARY = "c4n4ry-s3cret"


def oauth2(url: str, **written: object) -> dict[str, object]:
    return {"client_id": "me", "client_secret": CANARY, "token_url": url, **written}


def admits(*good: str) -> Script:
    """An API that answers 401 to all but these tokens."""

    async def script(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0)
        known = any(f"Authorization: Bearer {token}\r\n" in head for token in good)
        writer.write(whole(b"[1]") if known else whole(status="401 Unauthorized"))

    return script


async def failing(answers: Says, told: Told | None = None, **api: object) -> errors.SourceError:
    """The error of a client whose token endpoint answers so; no secret is anywhere in it."""
    async with serving(says(whole())) as server, endpoint(answers) as desk:
        async with asking(server.url, told, oauth2=oauth2(desk.url), **api) as client:  # type: ignore[arg-type]
            with pytest.raises(errors.SourceError) as caught:
                await client.get(server.url, ())
        assert server.heads == [], "without a token the API is not asked"
    error = caught.value
    printed = "".join(traceback.format_exception(error))
    for secret in (CANARY, base64.b64encode(f"me:{CANARY}".encode()).decode()):
        assert secret not in f"{printed} {error.hint} {error!r}"
    assert "POST http://127.0.0.1" in str(error)
    return error


async def test_requests_carry_a_token_that_was_asked_for_once() -> None:
    async with serving(admits("t1")) as server, endpoint(tokens()) as desk:
        api = {"oauth2": oauth2(desk.url), "http_headers": {"X-Tenant": {"values": ["acme"]}}}
        async with asking(server.url, **api) as client:  # type: ignore[arg-type]
            await asyncio.gather(*(client.get(server.url, ()) for _ in range(12)))
    ((headers, form),) = desk.asks
    assert form == {"grant_type": "client_credentials"}
    assert headers["Authorization"] == f"Basic {base64.b64encode(f'me:{CANARY}'.encode()).decode()}"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "X-Tenant" not in headers
    assert len(server.heads) == 12


async def test_f12_a_401_for_many_requests_is_followed_by_one_refresh_and_one_retry_each() -> None:
    told = Told()
    async with serving(admits("t2")) as server, endpoint(tokens()) as desk:
        async with asking(server.url, told, oauth2=oauth2(desk.url)) as client:
            pages = await asyncio.gather(*(client.get(server.url, ()) for _ in range(8)))
    assert {page.body for page in pages} == {b"[1]"}
    assert len(desk.asks) == 2
    assert (told.failures, told.retries) == ({}, 0)


async def test_f13_a_401_for_ever_is_reason_auth_and_no_loop() -> None:
    told = Told()
    async with serving(admits("never")) as server, endpoint(tokens()) as desk:
        async with asking(server.url, told, oauth2=oauth2(desk.url)) as client:
            for _ in range(3):
                with pytest.raises(errors.Refused) as caught:
                    await client.get(server.url, ())
    assert caught.value.reason == "auth"
    assert told.failures == {"auth": 3}
    assert 2 <= len(desk.asks) <= 4


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (web.json_response({"error": "invalid_client"}, status=400), "auth", "status 400: invalid_client"),
        (web.json_response({"error": CANARY}, status=401), "auth", "status 401"),
        (web.Response(text=f"<html>{CANARY}", content_type="text/html"), "auth", "a web page"),
        (web.Response(text="", status=204), "auth", "it is empty"),
        (web.Response(text=CANARY, status=404), "auth", "status 404"),
        (web.Response(status=302, headers={"Location": f"/login?x={CANARY}"}), "redirect", "/login"),
        (web.Response(text="x" * 300_000), "too_large", "too large"),
        (web.Response(body=b"x", headers={"Content-Encoding": "gzip"}), "encoding", "compressed"),
    ],
)
async def test_f25_an_endpoint_that_gives_no_token_fails_the_request_at_once(
    answer: web.Response, reason: str, words: str
) -> None:
    told = Told()

    async def same(number: int) -> web.StreamResponse:
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    error = await failing(same, told)
    assert error.reason == reason
    assert words in str(error)
    assert told.retries == 0


async def test_f25_an_endpoint_that_fails_for_a_moment_is_asked_again() -> None:
    told = Told()
    busy = in_turn(web.Response(status=503), web.Response(status=429), tokens())
    async with serving(says(whole(b"[2]"))) as server, endpoint(busy) as desk:
        async with asking(server.url, told, oauth2=oauth2(desk.url), retries=8) as client:
            assert (await client.get(server.url, ())).body == b"[2]"
    assert len(desk.asks) == 3
    assert set(told.failures) == {"server", "throttled"}


async def test_f17_of_many_who_share_an_endpoints_failure_each_says_once_that_it_is_not_tried_again() -> None:
    async def broken(number: int) -> web.StreamResponse:
        return web.Response(status=503)

    async with serving(says(whole())) as server, endpoint(broken) as desk:
        async with asking(server.url, oauth2=oauth2(desk.url), retries=1) as client:
            asked = (client.get(server.url, ()) for _ in range(60))
            caught = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(error, errors.Broken) for error in caught)
    assert {str(error).count("not tried again") for error in caught} == {0, 1}


async def test_f25_a_slow_endpoint_has_a_timeout_of_its_own() -> None:
    async def slow(number: int) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    error = await failing(slow, timeout="100ms", connect_timeout="100ms", retries=0)
    assert error.reason == "timeout"
    assert "apis.tmf638.timeout" in error.hint


async def test_f25_time_spent_at_the_endpoint_is_not_the_pages() -> None:
    async def slow(number: int) -> web.StreamResponse:
        await asyncio.sleep(0.25)
        return await tokens()(number)

    async def slowly(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.25)
        writer.write(whole())

    async with serving(slowly) as server, endpoint(slow) as desk:
        quick = asking(server.url, oauth2=oauth2(desk.url), timeout="400ms", retries=0)
        async with quick as client:
            await client.get(server.url, ())


async def test_an_endpoint_that_is_away_is_named() -> None:
    async with asking("http://127.0.0.1:1", oauth2=oauth2("http://login.invalid/token")) as client:
        with pytest.raises(errors.Unreachable) as caught:
            await client.get("http://127.0.0.1:1", ())
    assert caught.value.reason == "dns"
    assert "apis.tmf638.oauth2.token_url" in caught.value.hint


async def test_a_token_may_come_compressed() -> None:
    async def squeezed(number: int) -> web.StreamResponse:
        body = gzip.compress(json.dumps({"access_token": "t1"}).encode())
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    async with serving(admits("t1")) as server, endpoint(squeezed) as desk:
        async with asking(server.url, oauth2=oauth2(desk.url)) as client:
            assert (await client.get(server.url, ())).body == b"[1]"


async def test_the_endpoint_has_a_tls_config_of_its_own() -> None:
    answer = whole(b'{"access_token":"t1"}')
    async with serving(admits("t1")) as server, serving(says(answer), certificate="localhost.pem") as desk:
        url = f"{desk.url}/token"
        trusting = oauth2(url, tls_config={"ca_file": CERTIFICATES / "ca.pem"})
        async with asking(server.url, oauth2=trusting) as client:
            assert (await client.get(server.url, ())).body == b"[1]"
        async with asking(server.url, oauth2=oauth2(url)) as client:
            with pytest.raises(errors.Unreachable) as caught:
                await client.get(server.url, ())
    assert caught.value.reason == "tls"
    assert "apis.tmf638.oauth2.tls_config" in caught.value.hint


async def test_f62_the_clients_secret_is_read_each_time_it_is_used(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    written = {"client_secret": None, "client_secret_file": file}
    async with serving(admits("t2")) as server, endpoint(tokens(expires_in=0)) as desk:
        async with asking(server.url, oauth2=oauth2(desk.url, **written)) as client:
            with pytest.raises(errors.Refused, match=r"apis.tmf638.oauth2.client_secret_file") as caught:
                await client.get(server.url, ())
            assert caught.value.reason == "auth"
            file.write_text("rotated\n")
            await client.get(server.url, ())
    assert desk.asks[0][0]["Authorization"] == "Basic bWU6cm90YXRlZA=="


async def test_a_request_that_is_cancelled_at_the_endpoint_does_not_hold_the_others() -> None:
    asked = asyncio.Event()

    async def stuck_once(number: int) -> web.StreamResponse:
        if number == 1:
            asked.set()
            await asyncio.sleep(60)
        return await tokens()(number)

    async with serving(admits("t2")) as server, endpoint(stuck_once) as desk:
        async with asking(server.url, oauth2=oauth2(desk.url)) as client:
            stuck = asyncio.create_task(client.get(server.url, ()))
            await asked.wait()
            waiting = asyncio.create_task(client.get(server.url, ()))
            await asyncio.sleep(0.01)
            stuck.cancel()
            assert (await waiting).body == b"[1]"
            with pytest.raises(asyncio.CancelledError):
                await stuck
    assert len(desk.asks) == 2


@pytest.mark.parametrize("status", ["400 Bad Request", "403 Forbidden", "404 Not Found"])
async def test_f14_only_a_401_is_about_the_token(status: str) -> None:
    async with endpoint(tokens()) as desk, serving(says(whole(status=status))) as server:
        async with asking(server.url, oauth2=oauth2(desk.url)) as client:
            for _ in range(2):
                with pytest.raises(errors.Refused):
                    await client.get(server.url, ())
    assert (len(server.heads), len(desk.asks)) == (2, 1)


def refuses(status: str, *good: str) -> Script:
    """An API that refuses all but these tokens with this status."""

    async def script(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        known = any(f"Authorization: Bearer {token}\r\n" in head for token in good)
        writer.write(whole(b"[1]") if known else whole(b"no", status=status))

    return script


@pytest.mark.parametrize("status", ["403 Forbidden", "419 Page Expired", "440 Login Timeout", "498 Invalid"])
async def test_an_expired_token_that_is_refused_otherwise_is_renewed_once(status: str) -> None:
    told = Told()
    async with serving(refuses(status, "t1")) as server, endpoint(tokens()) as desk:
        async with asking(server.url, told, oauth2=oauth2(desk.url)) as client:
            await client.get(server.url, ())
            server.script = refuses(status, "t2")
            pages = await asyncio.gather(*(client.get(server.url, ()) for _ in range(8)))
    assert {page.body for page in pages} == {b"[1]"}
    assert (len(desk.asks), told.failures) == (2, {})


async def test_a_403_before_any_success_is_no_reason_for_another_token() -> None:
    async with serving(refuses("403 Forbidden")) as server, endpoint(tokens()) as desk:
        async with asking(server.url, oauth2=oauth2(desk.url)) as client:
            with pytest.raises(errors.Refused) as caught:
                await client.get(server.url, ())
    assert (caught.value.reason, len(desk.asks), len(server.heads)) == ("forbidden", 1, 1)


async def test_a_403_of_one_list_for_ever_is_no_loop_of_tokens() -> None:
    async def script(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(whole(b"no", status="403 Forbidden") if head.startswith("GET /b") else whole(b"[1]"))

    async with serving(script) as server, endpoint(tokens()) as desk:
        async with asking(server.url, oauth2=oauth2(desk.url)) as client:
            for _ in range(5):
                await client.get(f"{server.url}/a", ())
                with pytest.raises(errors.Refused):
                    await client.get(f"{server.url}/b", ())
    assert len(desk.asks) == 2
