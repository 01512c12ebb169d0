"""HTTP that Go and curl read although it breaks the rules, over real sockets."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import errors
from exporter.client.session import Framing
from tests.source.servers import Server, asking, says, serving, then_closes

BODY = b'[{"id":1}]'
LENGTH = b"Content-Length: 10"
CHUNKED = b"Transfer-Encoding: chunked"


def answer(*lines: bytes, body: bytes = BODY, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join([status, *lines, b"", b""]) + body


def chunks(end: bytes = b"\r\n") -> bytes:
    return end.join([b"4", BODY[:4], b"6;x=1", BODY[4:], b"0", b"", b""])


READ = {
    "a line of 9 kB": answer(LENGTH, b"X-Long: %b" % (b"x" * 9000)),
    "a line of 60 kB": answer(LENGTH, b"X-Long: %b" % (b"x" * 60_000)),
    "a cookie of 20 kB": answer(LENGTH, b"Set-Cookie: a=%b" % (b"x" * 20_000)),
    "200 headers": answer(LENGTH, *(b"X-%d: a" % number for number in range(200))),
    "a length and chunks": answer(LENGTH, CHUNKED, body=chunks()),
    "chunks and a length": answer(CHUNKED, b"Content-Length: 7", body=chunks()),
    "the same length twice": answer(LENGTH, LENGTH),
    "the same length in one line": answer(b"Content-Length: 10, 10"),
    "a blank before the colon": answer(LENGTH, b"X-Total-Count : 1"),
    "a blank in the length's line": answer(b"Content-Length : 10"),
    "a tab before the colon": answer(b"Content-Length\t:\t10"),
    "an empty line after the body": answer(LENGTH, body=BODY + b"\r\n\r\n"),
    "a comment after the body": answer(LENGTH, body=BODY + b"\n<!-- node 7 -->"),
    "another answer after the body": answer(LENGTH, body=BODY + answer(LENGTH, body=b'[{"id":2}]')),
    "something after the chunks": answer(CHUNKED, body=chunks() + b"\r\njunk"),
    "something after no content": answer(body=b"gone", status=b"HTTP/1.1 204 No Content"),
    "chunks with bare line feeds": answer(CHUNKED, body=chunks(b"\n")),
    "chunks without the last line": answer(CHUNKED, body=chunks().removesuffix(b"\r\n")),
    "chunked twice": answer(CHUNKED, CHUNKED, body=chunks()),
    "a transfer coding of its own": answer(LENGTH, b"Transfer-Encoding: identity"),
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 10\n\n" + BODY,
    "a line without a colon": answer(LENGTH, b"garbage"),
    "a line without a name": answer(LENGTH, b": garbage"),
    "an empty length": answer(b"Content-Length:"),
    "a continued line": answer(LENGTH, b"X-A: b", b"  c"),
    "early hints": answer(b"Link: </x>", body=b"", status=b"HTTP/1.1 103 Early Hints") + answer(LENGTH),
    "empty lines before": b"\r\n\r\n" + answer(LENGTH),
    "no reason": answer(LENGTH, status=b"HTTP/1.1 200"),
}


@pytest.mark.parametrize("kind", READ)
async def test_what_is_harmless_is_read(kind: str) -> None:
    async with serving(then_closes(READ[kind])) as server, asking(server.url, retries=0) as client:
        if kind == "something after no content":
            with pytest.raises(errors.Malformed, match="204 without a body"):
                await client.get(server.url, ())
        else:
            page = await client.get(server.url, ())
            assert (page.status, page.body) == (200, BODY)
    assert len(server.heads) == 1


@pytest.mark.parametrize(
    ("sent", "reason", "words"),
    [
        (answer(LENGTH, b"Content-Length: 11"), "encoding", "Duplicate Content-Length"),
        (answer(b"Content-Length: -1"), "encoding", "Invalid character in Content-Length"),
        (answer(b"Content-Length: ten"), "encoding", "Invalid character in Content-Length"),
        (answer(LENGTH, b"X-A: s3cr\x00et"), "encoding", "Invalid HTTP header"),
        (answer(LENGTH, b"X A: s3cret"), "encoding", "Invalid header token"),
        (answer(CHUNKED, body=b"s3cret\r\n[]"), "encoding", "chunk size"),
        (answer(LENGTH, b"X-Long: %b" % (b"s3cret" * 12_000)), "too_large", "more than 65536 bytes"),
        (answer(LENGTH, *(b"X-%d: s3cret" % number for number in range(300))), "too_large", "many headers"),
        (b"SSH-2.0-s3cret\r\n", "encoding", "not HTTP: Bad status line"),
        (b"220 s3cret ESMTP\r\n", "encoding", "not HTTP: Bad status line"),
        (b"HTTP/1.1 s3cret OK\r\n\r\n", "encoding", "not HTTP: Bad status line: Invalid status code"),
    ],
)
async def test_what_is_not_read_is_refused_for_the_reason_that_the_parser_gives(
    sent: bytes, reason: str, words: str
) -> None:
    async def script(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)  # and keeps the connection open

    async with serving(script) as server, asking(server.url, retries=0) as client:
        with pytest.raises(errors.Malformed) as caught:
            await client.get(server.url, ())
    assert caught.value.reason == reason
    assert words in str(caught.value)
    assert "s3cret" not in f"{caught.value}{caught.value.hint}"
    assert caught.value.hint


async def test_a_server_that_answers_with_tls_is_named() -> None:
    async with serving(says(b"\x15\x03\x01\x00\x02\x02\x46")) as server, asking(server.url) as client:
        with pytest.raises(errors.Unreachable, match="speaks TLS on this port") as caught:
            await client.get(server.url, ())
    assert "https://" in caught.value.hint


@given(st.sampled_from([kind for kind in READ if len(READ[kind]) < 5000]), st.integers(1, 40))
def test_it_does_not_matter_how_an_answer_is_cut(kind: str, length: int) -> None:
    sent, whole_framing, framing = READ[kind], Framing(), Framing()
    pieces = [framing.feed(sent[start : start + length]) for start in range(0, len(sent), length)]
    assert b"".join(pieces) == whole_framing.feed(sent)


@given(st.binary(max_size=300), st.integers(0, 300))
def test_garbage_is_left_to_the_parser(garbage: bytes, place: int) -> None:
    framing = Framing()
    sent = chunks()
    framing.feed(answer(CHUNKED, body=sent[:place]))
    framing.feed(garbage)
    framing.feed(sent[place:])


async def test_a_body_to_the_end_of_the_connection_is_read() -> None:
    async with serving(then_closes(answer())) as server, asking(server.url) as client:
        assert (await client.get(server.url, ())).body == BODY
