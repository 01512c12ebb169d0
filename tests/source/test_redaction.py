"""Credentials are blanked in texts for people, in whatever way a server writes them."""

from __future__ import annotations

import base64
import html
import json
import urllib.parse
from collections.abc import Callable

import pytest

from exporter.client.redaction import Credential, Redaction, of_header

SECRET = "p+a/s=s wörd&<x>%41"
BASIC = f"Basic {base64.b64encode(f'monitor:{SECRET}'.encode()).decode()}"


def blanked(header: str, text: str) -> str:
    return Redaction(of_header(header)).redact(text)


def numeric(text: str) -> str:
    return "".join(one if one.isalnum() else f"&#{ord(one)};" for one in text)


def hexadecimal(text: str) -> str:
    return "".join(one if one.isalnum() else f"&#x{ord(one):X};" for one in text)


def as_json(text: str) -> str:
    return json.dumps(text).replace("/", "\\/")


def as_javascript(text: str) -> str:
    return "".join(one if one.isalnum() else f"\\u{ord(one):04x}" for one in text)


def partly(text: str) -> str:
    """Only one of the characters is escaped, as html/template of Go does with `+`."""
    return text.replace("+", "&#43;")


WAYS: tuple[Callable[[str], str], ...] = (
    str,
    repr,
    html.escape,
    numeric,
    hexadecimal,
    partly,
    as_json,
    as_javascript,
    urllib.parse.quote,
    urllib.parse.quote_plus,
    lambda text: urllib.parse.quote(text, safe=""),
    lambda text: urllib.parse.quote(urllib.parse.quote(text)),
    lambda text: html.escape(as_json(text), quote=False),
    lambda text: text.encode().decode("latin-1"),
)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("header", "sent"),
    [
        (BASIC, SECRET),
        (BASIC, f"monitor:{SECRET}"),
        (BASIC, BASIC[6:]),
        (f"Bearer {BASIC[6:]}", BASIC[6:]),
        ("a+b/c=d&e", "a+b/c=d&e"),
        ("session=0123+456/789; other=x", "0123+456/789"),
    ],
)
def test_a_credential_is_found_however_it_is_escaped(
    way: Callable[[str], str], header: str, sent: str
) -> None:
    assert blanked(header, f"you sent ({way(sent)})!").replace("'", "").replace('"', "") == "you sent (***)!"


def test_a_base64_text_is_found_without_its_padding() -> None:
    assert blanked(BASIC, f"<{BASIC[6:].rstrip('=')}>").strip("=") == "<***>"


@pytest.mark.parametrize(
    ("header", "text", "left"),
    [
        ("Bearer abcdef123", "abcdef123 abcdef123", "*** ***"),
        ("Bearer abcdef123456", "it was abcdef12", "it was ***"),
        ("Bearer abcdef123456", "it was abcdef1", "it was abcdef1"),
        ("Bearer abc", "abc", "abc"),
        ("Bearer four", "four fourteen", "*** fourteen"),
        (BASIC, "the user monitor has no access to monitoring", "the user *** has no access to monitoring"),
        ("Bearer abcdef", "Bearer token wanted", "Bearer token wanted"),
        ("Basic !", "Basic !", "Basic !"),
    ],
)
def test_what_is_left_of_a_text(header: str, text: str, left: str) -> None:
    assert blanked(header, text) == left


def test_what_the_operator_wrote_stays() -> None:
    redaction = Redaction([Credential("inventory")], ["http://inventory.example"])
    found = redaction.redact("GET http://inventory.example/list: inventory is wrong")
    assert found == "GET http://inventory.example/list: *** is wrong"


def test_a_text_without_end_is_cut() -> None:
    found = Redaction([Credential("secret")]).redact(f"{'x' * 9_990}secret{'y' * 1_000_000}")
    assert len(found) == 10_000
    assert found.endswith("x***yyyyyy…")


@pytest.mark.parametrize(
    "text", ["%", "%zz", "&#;", "&#x110000;", "\\u12", "\\", "&#99999999;", "\\U99999999"]
)
def test_what_is_no_escape_does_no_harm(text: str) -> None:
    assert Redaction([Credential("secret")]).redact(f"{text} secret{text}") == f"{text} ***{text}"
