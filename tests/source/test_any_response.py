"""Whatever bytes and headers a response has: a page, or an error of the tree; never another exception."""

from __future__ import annotations

import codecs
import gzip
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import errors
from exporter.client import error_mapping, redaction, response

URL = "http://inventory.example/service"
INFO = error_mapping.RequestInfo("GET", URL, "apis.tmf638", "apis.tmf638")
MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0", b"\x1f\x8b\x08", b"x\x9c")
STARTS = st.sampled_from((b"", b"[", b"{", b"<html><title>", *MARKS))
BODIES = st.builds(lambda start, rest: start + rest, STARTS, st.binary(max_size=200))
CODINGS = st.sampled_from(["", "gzip", "deflate", "br", "UTF-8", "none", "gzip, gzip", "\x00", "é" * 99])
REAL = ("", "utf-8", "ISO-8859-1", "windows-1252", "utf-16", "shift_jis", "iso-2022-jp", "hz", "cp037")
ODD = ("rot13", "zip", "unicode_escape", "latin-77", "cp99999", "gb\0", "x" * 999)
CHARSETS = st.sampled_from((*REAL, *ODD))
HEADERS = st.dictionaries(
    st.sampled_from(
        ["Retry-After", "Date", "RateLimit", "X-RateLimit-Remaining", "WWW-Authenticate", "Location"]
    ),
    st.text(max_size=40),
)


@given(BODIES, CODINGS, CHARSETS, st.integers(1, 99))
def test_any_body_is_utf_8_or_an_error(body: bytes, coding: str, charset: str, length: int) -> None:
    reader = response.BodyReader(coding, 10_000, URL)
    try:
        for start in range(0, len(body), length):
            reader.feed(body[start : start + length])
        response.as_utf8(reader.finish(), charset, URL)
    except errors.Malformed as error:
        assert error.reason in ("encoding", "too_large")
    assert isinstance(reader.received(), bytes)


TEXT = '[{"id":"S1","name":"Zürich € 東京"}]'


PACKED = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "gzip twice": lambda body: gzip.compress(gzip.compress(body)),
}
CODED = ("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-16-le", "utf-32", "gb18030")


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize(
    "coding", ["", "gzip", "deflate", "br", "identity", "none", "utf-8", "gzip, deflate"]
)
@pytest.mark.parametrize("charset", CODED)
def test_json_is_recognised_whatever_its_labels_say(packed: str, coding: str, charset: str) -> None:
    reader = response.BodyReader(coding, 10_000, URL)
    reader.feed(PACKED[packed](TEXT.encode(charset)))
    declared = charset if charset == "gb18030" else "ISO-8859-1"
    found = response.as_utf8(reader.finish(), declared, URL)
    assert json.loads(found.removeprefix(codecs.BOM_UTF8)) == json.loads(TEXT)


@given(BODIES, st.integers(100, 599), HEADERS)
def test_any_refusal_is_an_error_with_words_that_fit(
    body: bytes, status: int, headers: dict[str, str]
) -> None:
    words = redaction.cut(redaction.api_words(body, status))
    assert len(words) <= 200
    assert words.isprintable()
    if not error_mapping.is_page(status):
        assert isinstance(error_mapping.from_status(status, headers, INFO, words), errors.SourceError)


@pytest.mark.parametrize("odd", ["\u00ad", "\u0378", "\ue000", "\u200b", "\u061c", "\U000e0001"])
@pytest.mark.parametrize("form", ["{}", '["{}"]', "<html><title>{}</title>"])
def test_what_cannot_be_seen_in_the_words_of_a_refusal_is_replaced(odd: str, form: str) -> None:
    body = form.format(f"no{odd}way").encode()
    assert redaction.api_words(body, 400) == "no\ufffdway"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "message", "reason", "Fault", "x"]), inner, max_size=3)
    ),
)


@given(JSON)
def test_any_json_of_a_refusal_has_words_or_none(value: object) -> None:
    assert isinstance(redaction.api_words(json.dumps(value).encode(), 400), str)
