"""When tokens are asked for, without a socket and with a clock that is set by hand."""

from __future__ import annotations

import asyncio
import base64
import json
import urllib.parse
from pathlib import Path

import pytest

from exporter import errors, settings
from exporter.client.auth import Token, TokenRequest, TokenSource

Answer = tuple[int, bytes]

CANARY = "c4n4ry s3cret:%"


class Endpoint:
    """The token endpoint and the clock: gives out t1, t2, …; counts what it is asked."""

    def __init__(self, **written: object) -> None:
        config = {
            "client_id": "me",
            "client_secret": CANARY,
            "token_url": "https://login.example/token?tenant=x",
            **written,
        }
        self.now = 0.0
        self.asks: list[TokenRequest] = []
        self.says: Answer | errors.SourceError | None = None
        self.life: object = 100
        self.given = 0
        self.open = asyncio.Event()
        """While it is not set, requests for tokens wait."""
        self.open.set()
        self.tokens = TokenSource(
            settings.OAuth2.model_validate(config), "tmf638", self.post, clock=lambda: self.now
        )

    async def post(self, ask: TokenRequest) -> Answer:
        self.asks.append(ask)
        await self.open.wait()
        said = self.answer()
        if isinstance(said, errors.SourceError):
            raise said
        return said

    def answer(self) -> Answer | errors.SourceError:
        if self.says is not None:
            return self.says
        self.given += 1
        fields = {"access_token": f"t{self.given}", "expires_in": self.life}
        return 200, json.dumps(fields).encode()

    async def request(self, status: int = 200) -> list[str]:
        """The tokens that a request tries at an API that always answers with `status`."""
        token, tried = await self.tokens.token(), []
        while True:
            tried.append(name(token))
            if status == 200:
                self.tokens.accepted(token)
                return tried
            other = await self.tokens.replacement(token, len(tried))
            if other is None:
                return tried
            token = other


def name(token: Token | None) -> str:
    return token.header.removeprefix("Bearer ") if token else ""


async def refusal(endpoint: Endpoint) -> errors.SourceError:
    with pytest.raises(errors.SourceError) as caught:
        await endpoint.tokens.token()
    return caught.value


async def waiting(endpoint: Endpoint, count: int) -> list[asyncio.Task[list[str]]]:
    """Requests that wait for a token that one of them has asked for."""
    endpoint.open.clear()
    tasks = [asyncio.create_task(endpoint.request()) for _ in range(count)]
    before = len(endpoint.asks)
    while len(endpoint.asks) == before:
        await asyncio.sleep(0)
    return tasks


async def test_one_token_serves_many_requests_until_it_is_to_be_renewed() -> None:
    endpoint = Endpoint()
    for endpoint.now in (0.0, 50.0, 74.0):
        assert await endpoint.request() == ["t1"]
    endpoint.now = 76.0
    assert await endpoint.request() == ["t2"]
    assert len(endpoint.asks) == 2


async def test_those_who_wait_for_their_turn_share_the_token_of_the_first() -> None:
    endpoint = Endpoint()
    tasks = await waiting(endpoint, 4)
    endpoint.open.set()
    assert await asyncio.gather(*tasks) == [["t1"]] * 4
    assert len(endpoint.asks) == 1


async def test_while_one_renews_early_the_others_go_on_with_the_old_token() -> None:
    endpoint = Endpoint()
    await endpoint.request()
    endpoint.now = 80.0
    (renewing,) = await waiting(endpoint, 1)
    assert await endpoint.request() == ["t1"]
    endpoint.open.set()
    assert await renewing == ["t2"]
    assert await endpoint.request() == ["t2"]


async def test_a_renewal_that_was_given_up_is_taken_up_by_another() -> None:
    endpoint = Endpoint()
    await endpoint.request()
    endpoint.now = 80.0
    (cancelled,) = await waiting(endpoint, 1)
    cancelled.cancel()
    endpoint.open.set()
    assert await endpoint.request() == ["t1"]
    endpoint.now = 91.0
    assert await endpoint.request() == ["t2"]


@pytest.mark.parametrize(
    "problem",
    [
        (400, b"{}"),
        errors.Unreachable("POST: away", reason="timeout"),
        errors.Broken("POST: 500", status=500),
    ],
)
async def test_an_endpoint_that_fails_harms_nobody_while_the_old_token_lives(
    problem: Answer | errors.SourceError,
) -> None:
    endpoint = Endpoint()
    await endpoint.request()
    endpoint.now, endpoint.says = 80.0, problem
    assert await endpoint.request() == ["t1"]
    endpoint.now = 96.0
    assert (await refusal(endpoint)).reason in ("auth", "timeout", "server")
    endpoint.now, endpoint.says = 200.0, None
    assert await endpoint.request() == ["t2"]


async def test_a_secret_that_has_gone_harms_nobody_while_the_old_token_lives(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(CANARY)
    endpoint = Endpoint(client_secret=None, client_secret_file=file)
    await endpoint.request()
    file.unlink()
    endpoint.now = 80.0
    assert await endpoint.request() == ["t1"]
    endpoint.now = 101.0
    with pytest.raises(errors.ConfigError, match=r"oauth2.client_secret_file.*cannot be read"):
        await endpoint.tokens.token()
    file.write_text("rotated")
    await endpoint.request()
    assert base64.b64decode(endpoint.asks[-1].headers["Authorization"].split()[1]) == b"me:rotated"


# --- F12, F13: 401 of the API ---


async def test_f12_one_401_is_followed_by_one_fresh_token_and_one_retry() -> None:
    endpoint = Endpoint()
    first = await endpoint.tokens.token()
    assert name(first) == "t1"
    assert name(await endpoint.tokens.replacement(first, 1)) == "t2"
    assert await endpoint.request() == ["t2"]


async def test_f12_many_401s_for_one_token_are_followed_by_one_fresh_token() -> None:
    endpoint = Endpoint()
    refused = [await endpoint.tokens.token() for _ in range(8)]
    assert {name(await endpoint.tokens.replacement(token, 1)) for token in refused} == {"t2"}
    assert len(endpoint.asks) == 2


async def test_f12_a_token_that_is_no_longer_the_current_one_is_not_missed() -> None:
    endpoint = Endpoint()
    late = early = await endpoint.tokens.token()
    assert name(await endpoint.tokens.replacement(early, 1)) == "t2"
    assert name(await endpoint.tokens.replacement(late, 1)) == "t2"
    assert await endpoint.request() == ["t2"]


async def test_f13_a_401_for_ever_asks_for_tokens_ever_less() -> None:
    endpoint = Endpoint()
    endpoint.life = 1e9
    while endpoint.now < 3600:
        await endpoint.request(401)
        endpoint.now += 1
    assert 10 <= len(endpoint.asks) <= 20
    before = len(endpoint.asks)
    await endpoint.request(200)
    assert len(await endpoint.request(401)) == 2, "what has worked is renewed at once again"
    assert len(endpoint.asks) == before + 1


async def test_f13_many_requests_that_are_refused_together_count_once() -> None:
    endpoint = Endpoint()
    refused = [await endpoint.tokens.token() for _ in range(8)]
    fresh = [await endpoint.tokens.replacement(token, 1) for token in refused]
    for token in fresh:
        assert token is not None
        assert await endpoint.tokens.replacement(token, 2) is None
    endpoint.now = 5.1
    assert await endpoint.request(401) == ["t2", "t3"]


# --- F25: the token endpoint ---


async def test_f25_an_endpoint_that_refuses_is_asked_ever_less_and_reason_auth() -> None:
    endpoint = Endpoint()
    endpoint.says = (400, b'{"error": "invalid_client"}')
    error = await refusal(endpoint)
    assert error.reason == "auth"
    assert str(error) == "POST https://login.example/token: no token, but status 400: invalid_client"
    assert "client_secret" in error.hint
    assert "apis.tmf638.oauth2" in error.hint
    assert await refusal(endpoint) is error, "the answer is known"
    while endpoint.now < 3600:
        await refusal(endpoint)
        endpoint.now += 1
    assert 20 <= len(endpoint.asks) <= 40, "two ways each time"
    endpoint.now, endpoint.says = 4000.0, None
    assert await endpoint.request() == ["t1"]


async def test_f25_those_who_wait_for_an_endpoint_that_is_down_fail_together() -> None:
    endpoint = Endpoint()
    endpoint.says = errors.Unreachable("away", reason="timeout")
    tasks = await waiting(endpoint, 4)
    endpoint.open.set()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(result, errors.Unreachable)
    assert len(endpoint.asks) == 1
    endpoint.now, endpoint.says = 0.06, None
    assert await endpoint.request() == ["t1"], "it may well have passed"


async def test_f16_an_endpoint_that_asks_to_wait_is_left_alone_so_long() -> None:
    endpoint = Endpoint()
    endpoint.says = errors.Throttled("busy", wait=30.0)
    await refusal(endpoint)
    endpoint.now, endpoint.says = 29.0, None
    await refusal(endpoint)
    endpoint.now = 31.0
    assert await endpoint.request() == ["t1"]


async def test_a_token_without_a_lifetime_is_used_until_it_is_refused() -> None:
    endpoint = Endpoint()
    endpoint.life = None
    await endpoint.request()
    endpoint.now, endpoint.says = 10_000.0, errors.Unreachable("away")
    assert await endpoint.request() == ["t1"]
    endpoint.now, endpoint.says = 20_000.0, None
    assert await endpoint.request() == ["t2"]


# --- what is asked ---


def form(ask: TokenRequest) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(ask.form, strict_parsing=True))


async def test_the_secret_is_tried_in_the_header_first_and_what_worked_is_kept() -> None:
    endpoint = Endpoint(scopes=["read", "list"], endpoint_params={"audience": "a&b"})
    endpoint.says = (401, b"{}")
    await refusal(endpoint)
    header, body = endpoint.asks
    assert header.url == body.url == "https://login.example/token?tenant=x"
    assert base64.b64decode(header.headers["Authorization"].split()[1]) == b"me:c4n4ry+s3cret%3A%25"
    wanted = {"grant_type": "client_credentials", "scope": "read list", "audience": "a&b"}
    assert form(header) == wanted
    assert "Authorization" not in body.headers
    assert form(body) == {**wanted, "client_id": "me", "client_secret": CANARY}

    endpoint.now, endpoint.says = 10.0, None
    endpoint.answer = lambda: (  # type: ignore[method-assign]
        (200, b'{"access_token": "b"}') if "client_secret" in endpoint.asks[-1].form else (400, b"")
    )
    assert await endpoint.request() == ["b"]
    endpoint.now = 10_000.0
    await endpoint.request()
    assert ["client_secret" in ask.form for ask in endpoint.asks[2:]] == [False, True, True]


async def test_what_the_operator_writes_as_a_parameter_wins() -> None:
    endpoint = Endpoint(endpoint_params={"grant_type": "urn:odd", "scope": "mine"}, scopes=["theirs"])
    await endpoint.request()
    assert form(endpoint.asks[0]) == {"grant_type": "urn:odd", "scope": "mine"}


async def test_no_repr_shows_what_is_sent() -> None:
    endpoint = Endpoint()
    await endpoint.request()
    assert repr(endpoint.asks) == "[TokenRequest(url='https://login.example/token?tenant=x')]"
