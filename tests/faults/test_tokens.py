"""F12, F13 and F25: credentials that are refused, and token endpoints that misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from tests.faults import rawserver
from tests.faults.catalogue import fault
from tests.faults.faulty import Faulty, Houses
from tests.source.endpoint import Endpoint, Says, endpoint, in_turn, tokens

GOOD = rawserver.lists(rawserver.carriers())


def oauth2(desk: Endpoint) -> dict[str, object]:
    """Settings with which tokens are fetched from there."""
    written = {"client_id": "me", "client_secret": "canary-client", "token_url": desk.url}
    params = {"endpoint_params": {"resource": "canary-param"}}
    return {"apis.tmf638.basic_auth": None, "apis.tmf638.oauth2": {**written, **params}}


def admits(*tokens: str) -> rawserver.Script:
    """Answers 401 to all but these tokens."""

    def stranger(head: str) -> bool:
        return not any(f"Authorization: Bearer {token}\r\n" in head for token in tokens)

    async def refuse(head: str, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.02)  # so that several requests are refused at once
        writer.write(rawserver.whole(status="401 Unauthorized"))

    return rawserver.where(stranger, refuse, GOOD)


@fault(
    12,
    "one 401",
    "A new token is requested once, unless it has been replaced already; each request is repeated once",
    metric='ses_inventory_exporter_requests_total{code="401"}',
    alert="",
)
async def test_f12_a_401_costs_one_token_for_all_and_one_more_try_each(houses: Houses) -> None:
    def later_page(head: str) -> bool:
        return rawserver.asked(head)[1] > 0

    withdrawn = rawserver.where(later_page, admits("t2"), admits("t1"))
    async with rawserver.raw(withdrawn) as server, endpoint(tokens()) as desk:
        async with houses.over(server, oauth2(desk)) as it:
            await it.good()
            assert it.own("complete") == 1
            assert it.value('requests_total{api="tmf638",code="401"}') == 2, "both later pages, at once"
            assert (len(server.heads), len(desk.asks)) == (6, 2), "one more try each, one token for both"
            assert it.value('request_retries_total{api="tmf638"}') == 0
            assert not it.logged.events("refresh failed")


@fault(
    13,
    "401 permanently",
    "Kept, reason `auth`; no request loop to the API or to the token endpoint",
    metric='ses_inventory_exporter_refresh_failures_total{reason="auth"}',
    alert="InventoryAccessRefused",
)
async def test_f13_a_401_for_ever_is_no_loop_at_the_token_endpoint(houses: Houses) -> None:
    async with rawserver.raw(admits("t1")) as server, endpoint(tokens()) as desk:
        async with houses.over(server, {**oauth2(desk), "limits.retries": 3}) as it:
            await it.good()
            server.script, asked = admits("nobody"), len(server.heads)
            await it.kept("auth")
            for _ in range(2):
                await it.refresh()
            assert len(desk.asks) <= 4
            assert len(server.heads) - asked <= 8, "two tries at most in each of four refreshes"


async def never(number: int) -> web.StreamResponse:
    await asyncio.sleep(60)
    return web.Response()


def gives(**fields: object) -> Callable[[], web.Response]:
    """An answer of a token endpoint."""
    return lambda: web.json_response({"access_token": "t1", **fields})


TOLERATED: Mapping[str, Callable[[], web.Response]] = {
    "no expires_in": gives(),
    "as text": gives(expires_in="3600"),
    "0": gives(expires_in=0),
    "negative": gives(expires_in=-7),
    "garbage": gives(expires_in="never", token_type=""),
}
REFUSED: Mapping[str, Callable[[], web.Response]] = {
    "400": lambda: web.json_response({"error": "invalid_client"}, status=400),
    "html": lambda: web.Response(text="<html>canary-page</html>", content_type="text/html"),
    "empty": lambda: web.Response(),
}


async def opened(houses: Houses, says: Says, look: Callable[[Faulty], Awaitable[None]]) -> None:
    """A house whose API admits the token t1, before its first crawl."""
    async with rawserver.raw(admits("t1")) as server, endpoint(says) as desk:
        # a timeout that only the endpoint exceeds
        changes = {**oauth2(desk), "apis.tmf638.timeout": "150ms"}
        async with houses.over(server, changes) as it:
            await look(it)


@fault(
    25,
    "a token endpoint that answers 400, HTML, an invalid or no expires_in, or slowly",
    "Tokens are renewed before they expire, also if expires_in is invalid; without a token kept, reason "
    "`auth`, or `timeout` after a timeout of its own",
    metric='ses_inventory_exporter_refresh_failures_total{reason="auth"}',
    alert="InventoryAccessRefused",
)
async def test_f25_an_odd_token_is_used_and_no_token_is_a_failure(houses: Houses) -> None:
    for answer in TOLERATED.values():
        await opened(houses, in_turn(answer()), Faulty.good)
    for answer in REFUSED.values():

        async def refused(it: Faulty) -> None:
            await it.refresh()
            assert it.failures("auth") == 1
            assert it.server.heads == [], "without a token the API is not asked"

        async def says(number: int, answer: Callable[[], web.Response] = answer) -> web.StreamResponse:
            return answer()

        await opened(houses, says, refused)

    async def slow(it: Faulty) -> None:
        await it.refresh()
        assert it.failures("timeout") == 1

    await opened(houses, never, slow)


async def test_a_token_is_renewed_before_it_ends_and_the_old_one_is_used_meanwhile(houses: Houses) -> None:
    down = web.json_response({"error": "temporarily_unavailable"}, status=503)
    soon = web.json_response({"access_token": "t1", "expires_in": 8})
    async with rawserver.raw(admits("t1", "t3")) as server:
        async with endpoint(in_turn(soon, down, tokens())) as desk:
            async with houses.over(server, oauth2(desk)) as it:
                await it.good()
                await asyncio.sleep(6.1)  # three quarters of its life
                await it.good()
                assert len(desk.asks) == 2, "it is asked for early, and a failure does no harm yet"
                assert not it.logged.events("refresh failed")
