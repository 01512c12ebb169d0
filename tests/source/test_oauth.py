"""When tokens are asked for, without a socket and with a clock that is set by hand."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Mapping
from pathlib import Path

import pytest

from exporter import errors, settings
from exporter.client import auth
from exporter.client.oauth2 import Ask, Steps, Tokens, Turn
from exporter.client.token_response import Answer

CANARY = "c4n4ry s3cret:%"


class Desk:
    """The token endpoint and the clock: gives out t1, t2, …; counts what it is asked."""

    def __init__(self, **written: object) -> None:
        config = {
            "client_id": "me",
            "client_secret": CANARY,
            "token_url": "https://login.example/token?tenant=x",
            **written,
        }
        self.now = 0.0
        self.asks: list[Ask] = []
        self.says: Answer | errors.SourceError | None = None
        self.life: object = 100
        self.given = 0
        self.tokens = Tokens(settings.OAuth2.model_validate(config), "tmf638", clock=lambda: self.now)

    def answer(self) -> Answer | errors.SourceError:
        if self.says is not None:
            return self.says
        self.given += 1
        fields = {"access_token": f"t{self.given}", "expires_in": self.life}
        return Answer(200, json.dumps(fields).encode())

    def serve(self, flow: Steps, step: object) -> str:
        """Does what the flow wants until it has headers; the token in them."""
        while not isinstance(step, Mapping):
            if isinstance(step, Ask):
                self.asks.append(step)
                said = self.answer()
                step = flow.throw(said) if isinstance(said, errors.SourceError) else flow.send(said)
            else:
                assert isinstance(step, Turn)
                step = next(flow)
        return str(step["Authorization"]).removeprefix("Bearer ")

    def begin(self) -> tuple[Steps, str]:
        flow = self.tokens.flow()
        return flow, self.serve(flow, next(flow))

    def after(self, flow: Steps, status: int) -> str:
        """The token of the second try; empty if there is none."""
        step = auth.after(flow, Answer(status))
        return self.serve(flow, step) if step is not None else ""

    def request(self, status: int = 200) -> list[str]:
        """The tokens that a request tries at an API that always answers with `status`."""
        flow, first = self.begin()
        second = self.after(flow, status)
        if second:
            assert auth.after(flow, Answer(status)) is None
        return [first, second] if second else [first]


def refusal(desk: Desk) -> errors.SourceError:
    with pytest.raises(errors.SourceError) as caught:
        desk.begin()
    return caught.value


def test_one_token_serves_many_requests_until_it_is_to_be_renewed() -> None:
    desk = Desk()
    for desk.now in (0.0, 50.0, 74.0):
        assert desk.request() == ["t1"]
    desk.now = 76.0
    assert desk.request() == ["t2"]
    assert len(desk.asks) == 2


def test_those_who_wait_for_their_turn_share_the_token_of_the_first() -> None:
    desk = Desk()
    waiting = [desk.tokens.flow() for _ in range(4)]
    steps = [next(flow) for flow in waiting]
    assert all(isinstance(step, Turn) for step in steps)
    assert [desk.serve(flow, step) for flow, step in zip(waiting, steps, strict=True)] == ["t1"] * 4
    assert len(desk.asks) == 1


def test_while_one_renews_early_the_others_go_on_with_the_old_token() -> None:
    desk = Desk()
    desk.request()
    desk.now = 80.0
    renewing = desk.tokens.flow()
    step = next(renewing)
    assert isinstance(step, Turn)
    assert desk.request() == ["t1"]
    assert desk.serve(renewing, step) == "t2"
    assert desk.request() == ["t2"]


def test_a_renewal_that_was_given_up_is_taken_up_by_another() -> None:
    desk = Desk()
    desk.request()
    desk.now = 80.0
    cancelled = desk.tokens.flow()
    next(cancelled)
    cancelled.close()
    assert desk.request() == ["t1"]
    desk.now = 91.0
    assert desk.request() == ["t2"]


@pytest.mark.parametrize(
    "problem",
    [
        Answer(400, b"{}"),
        errors.Unreachable("POST: away", reason="timeout"),
        errors.Broken("POST: 500", status=500),
    ],
)
def test_an_endpoint_that_fails_harms_nobody_while_the_old_token_lives(
    problem: Answer | errors.SourceError,
) -> None:
    desk = Desk()
    desk.request()
    desk.now, desk.says = 80.0, problem
    assert desk.request() == ["t1"]
    desk.now = 96.0
    assert refusal(desk).reason in ("auth", "timeout", "server")
    desk.now, desk.says = 200.0, None
    assert desk.request() == ["t2"]


def test_a_secret_that_has_gone_harms_nobody_while_the_old_token_lives(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(CANARY)
    desk = Desk(client_secret=None, client_secret_file=file)
    desk.request()
    file.unlink()
    desk.now = 80.0
    assert desk.request() == ["t1"]
    desk.now = 101.0
    with pytest.raises(errors.ConfigError, match=r"oauth2.client_secret_file.*cannot be read"):
        desk.begin()
    file.write_text("rotated")
    desk.request()
    assert base64.b64decode(desk.asks[-1].headers["Authorization"].split()[1]) == b"me:rotated"


# --- F12, F13: 401 of the API ---


def test_f12_one_401_is_followed_by_one_fresh_token_and_one_retry() -> None:
    desk = Desk()
    flow, first = desk.begin()
    assert first == "t1"
    assert desk.after(flow, 401) == "t2"
    assert auth.after(flow, Answer(200)) is None
    assert desk.request() == ["t2"]


def test_f12_many_401s_for_one_token_are_followed_by_one_fresh_token() -> None:
    desk = Desk()
    flows = [desk.begin()[0] for _ in range(8)]
    assert {desk.after(flow, 401) for flow in flows} == {"t2"}
    assert len(desk.asks) == 2


def test_f12_a_token_that_is_no_longer_the_current_one_is_not_missed() -> None:
    desk = Desk()
    late, _ = desk.begin()
    early, _ = desk.begin()
    assert desk.after(early, 401) == "t2"
    assert auth.after(early, Answer(200)) is None
    assert desk.after(late, 401) == "t2"
    assert desk.request() == ["t2"]


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_f14_only_a_401_is_about_the_token(status: int) -> None:
    desk = Desk()
    assert desk.request(status) == ["t1"]
    assert desk.request(status) == ["t1"]


def test_f13_a_401_for_ever_asks_for_tokens_ever_less() -> None:
    desk = Desk()
    desk.life = 1e9
    while desk.now < 3600:
        desk.request(401)
        desk.now += 1
    assert 10 <= len(desk.asks) <= 20
    before = len(desk.asks)
    desk.request(200)
    assert len(desk.request(401)) == 2, "what has worked is renewed at once again"
    assert len(desk.asks) == before + 1


def test_f13_many_requests_that_are_refused_together_count_once() -> None:
    desk = Desk()
    flows = [desk.begin()[0] for _ in range(8)]
    for flow in flows:
        desk.after(flow, 401)
    for flow in flows:
        assert auth.after(flow, Answer(401)) is None
    desk.now = 5.1
    assert desk.request(401) == ["t2", "t3"]


# --- F25: the token endpoint ---


def test_f25_an_endpoint_that_refuses_is_asked_ever_less_and_reason_auth() -> None:
    desk = Desk()
    desk.says = Answer(400, b'{"error": "invalid_client"}')
    error = refusal(desk)
    assert error.reason == "auth"
    assert str(error) == "POST https://login.example/token: no token, but status 400: invalid_client"
    assert "client_secret" in error.hint
    assert "apis.tmf638.oauth2" in error.hint
    assert refusal(desk) is error, "the answer is known"
    while desk.now < 3600:
        refusal(desk)
        desk.now += 1
    assert 20 <= len(desk.asks) <= 40, "two ways each time"
    desk.now, desk.says = 4000.0, None
    assert desk.request() == ["t1"]


def test_f25_those_who_wait_for_an_endpoint_that_is_down_fail_together() -> None:
    desk = Desk()
    desk.says = errors.Unreachable("away", reason="timeout")
    waiting = [desk.tokens.flow() for _ in range(4)]
    for flow in waiting:
        next(flow)
    for flow in waiting:
        with pytest.raises(errors.Unreachable):
            desk.serve(flow, Turn())
    assert len(desk.asks) == 1
    desk.now, desk.says = 0.06, None
    assert desk.request() == ["t1"], "it may well have passed"


def test_f16_an_endpoint_that_asks_to_wait_is_left_alone_so_long() -> None:
    desk = Desk()
    desk.says = errors.Throttled("busy", wait=30.0)
    refusal(desk)
    desk.now, desk.says = 29.0, None
    refusal(desk)
    desk.now = 31.0
    assert desk.request() == ["t1"]


def test_a_token_without_a_lifetime_is_used_until_it_is_refused() -> None:
    desk = Desk()
    desk.life = None
    desk.request()
    desk.now, desk.says = 10_000.0, errors.Unreachable("away")
    assert desk.request() == ["t1"]
    desk.now, desk.says = 20_000.0, None
    assert desk.request() == ["t2"]


# --- what is asked ---


def form(ask: Ask) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(ask.form, strict_parsing=True))


def test_the_secret_is_tried_in_the_header_first_and_what_worked_is_kept() -> None:
    desk = Desk(scopes=["read", "list"], endpoint_params={"audience": "a&b"})
    desk.says = Answer(401, b"{}")
    refusal(desk)
    header, body = desk.asks
    assert header.url == body.url == "https://login.example/token?tenant=x"
    assert base64.b64decode(header.headers["Authorization"].split()[1]) == b"me:c4n4ry+s3cret%3A%25"
    wanted = {"grant_type": "client_credentials", "scope": "read list", "audience": "a&b"}
    assert form(header) == wanted
    assert "Authorization" not in body.headers
    assert form(body) == {**wanted, "client_id": "me", "client_secret": CANARY}

    desk.now, desk.says = 10.0, None
    desk.answer = lambda: (  # type: ignore[method-assign]
        Answer(200, b'{"access_token": "b"}') if "client_secret" in desk.asks[-1].form else Answer(400)
    )
    assert desk.request() == ["b"]
    desk.now = 10_000.0
    desk.request()
    assert ["client_secret" in ask.form for ask in desk.asks[2:]] == [False, True, True]


def test_what_the_operator_writes_as_a_parameter_wins() -> None:
    desk = Desk(endpoint_params={"grant_type": "urn:odd", "scope": "mine"}, scopes=["theirs"])
    desk.request()
    assert form(desk.asks[0]) == {"grant_type": "urn:odd", "scope": "mine"}


def test_no_repr_shows_what_is_sent() -> None:
    desk = Desk()
    desk.request()
    assert repr(desk.asks) == "[Ask(url='https://login.example/token?tenant=x')]"
