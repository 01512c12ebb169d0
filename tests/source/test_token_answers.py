"""Tokens in answers of every shape."""

from __future__ import annotations

import json
import math

import pytest

from exporter.client import auth

CANARY = "c4n4ry-s3cret"


def read(fields: object, status: int = 200) -> auth.Token:
    return auth.read_token(status, json.dumps(fields).encode(), 1000.0)


def test_f51_a_lifetime_is_counted_from_when_we_asked() -> None:
    one = read({"access_token": "t", "token_type": "bearer", "expires_in": 3600})
    assert (one.header, one.renew, one.end) == ("Bearer t", 1000 + 3540, 1000 + 3595)


def test_a_short_life_is_not_spent_on_renewing() -> None:
    one = read({"access_token": "t", "expires_in": 8})
    assert (one.renew, one.end) == (1006.0, 1007.6)


@pytest.mark.parametrize("life", ["3600", 3600.0, "3600.0", " 3600 "])
def test_f25_a_lifetime_may_be_written_as_text(life: object) -> None:
    assert read({"access_token": "t", "expires_in": life}).end == 1000 + 3595


@pytest.mark.parametrize(
    "life", [None, 0, -5, "0", "soon", "", True, [], {}, "nan", "inf", "-1", "1" * 5000, "1e999"]
)
def test_f25_a_lifetime_that_makes_no_sense_is_an_hour_and_then_as_long_as_it_works(life: object) -> None:
    one = read({"access_token": "t", "expires_in": life})
    assert (one.renew, one.end) == (1000 + 3600, math.inf)


def test_f25_no_expires_in_is_no_error() -> None:
    assert read({"access_token": "t"}).header == "Bearer t"


def test_a_token_for_ever_is_renewed_once_a_day() -> None:
    assert read({"access_token": "t", "expires_in": 1e12}).renew == 1000 + 86_400


@pytest.mark.parametrize(
    ("kind", "scheme"),
    [("bearer", "Bearer"), ("BEARER", "Bearer"), ("", "Bearer"), (None, "Bearer"), ("DPoP", "DPoP")],
)
def test_the_scheme_is_written_as_servers_expect_it(kind: object, scheme: str) -> None:
    assert read({"access_token": "t", "token_type": kind}).header == f"{scheme} t"


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + json.dumps({"access_token": "t", "expires_in": 8}).encode(),
        b"access_token=t&token_type=bearer&expires_in=8\n",
    ],
)
def test_f25_a_mark_and_a_form_are_understood(body: bytes) -> None:
    assert auth.read_token(201, body, 0.0).end == 7.6


@pytest.mark.parametrize(
    "fields",
    [
        {"accessToken": "t", "tokenType": "bearer", "expiresIn": 8},
        {"AccessToken": "t", "TokenType": "Bearer", "ExpiresIn": "8"},
        {"access-token": "t", "expires-in": 8},
        {"token": "t", "expires_in": 8},
        {"data": {"accessToken": "t", "expiresIn": 8}, "success": True},
        {"result": {"access_token": "t", "expires_in": "8"}, "error": None},
    ],
)
def test_names_that_do_not_follow_the_standard_are_understood(fields: object) -> None:
    assert (read(fields).header, read(fields).end) == ("Bearer t", 1007.6)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, b'{"error": "invalid_client"}', "status 400: invalid_client"),
        (200, b'{"error": "invalid_scope", "access_token": "x"}', "status 200: invalid_scope"),
        (401, json.dumps({"error": CANARY, "error_description": CANARY}).encode(), "status 401"),
        (401, b"", "status 401"),
        (400, b"[" * 100_000, "status 400"),
        (200, b"<html>Log in</html>", "a web page"),
        (200, b" ", "it is empty"),
        (200, b"[]", "something else"),
        (200, b"\xff\xfe", "something else"),
        (200, json.dumps({"access_token": f"{CANARY}\r\nX: y"}).encode(), "something else"),
        (200, json.dumps({"access_token": 7, "x": CANARY}).encode(), "something else"),
        (200, b'{"access_token": ""}', "something else"),
        (200, json.dumps({"access_token": CANARY, "token_type": "a b"}).encode(), "token_type"),
        (200, json.dumps({"access_token": CANARY, "token_type": ["x"]}).encode(), "token_type"),
    ],
)
def test_f25_an_answer_without_a_token_is_told_apart_and_not_repeated(
    status: int, body: bytes, words: str
) -> None:
    with pytest.raises(auth.UnusableResponse, match=words) as caught:
        auth.read_token(status, body, 0.0)
    assert CANARY not in str(caught.value)


def test_no_repr_shows_a_token() -> None:
    assert CANARY not in repr(read({"access_token": CANARY}))
