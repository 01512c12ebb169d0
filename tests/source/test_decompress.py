"""Bodies that come in pieces."""

from __future__ import annotations

import gzip
import random
import tracemalloc
import zlib

import pytest

from exporter import errors
from exporter.client.response import BodyReader

PLAIN = random.Random(1).randbytes(3000).hex().encode()


@pytest.mark.parametrize(
    ("encoding", "sent"),
    [
        ("", PLAIN),
        ("gzip", gzip.compress(PLAIN)),
        ("gzip", gzip.compress(PLAIN[:77]) + gzip.compress(PLAIN[77:])),
        ("gzip", gzip.compress(PLAIN) + bytes(512)),
        ("gzip", gzip.compress(PLAIN) + b"\r\n"),
        ("deflate", zlib.compress(PLAIN)),
        ("deflate", zlib.compress(PLAIN) + b"\n"),
        ("deflate", zlib.compress(PLAIN)[2:-4]),
    ],
)
@pytest.mark.parametrize("length", [1, 1000, 10_000])
def test_it_does_not_matter_how_a_body_is_cut(encoding: str, sent: bytes, length: int) -> None:
    body = BodyReader(encoding, len(PLAIN), "http://inventory.example")
    for start in range(0, len(sent), length):
        body.feed(sent[start : start + length])
    assert body.finish() == PLAIN


def test_f55_no_more_than_the_cap_is_ever_held() -> None:
    body = BodyReader("gzip", 1000, "http://inventory.example")
    bomb = gzip.compress(b" " * (64 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(errors.Malformed, match="larger than 1000 bytes"):
            body.feed(bomb)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_f23_a_wrong_checksum_is_a_failure() -> None:
    sent = bytearray(gzip.compress(PLAIN))
    sent[-5] ^= 1
    with pytest.raises(errors.Malformed) as caught:
        BodyReader("gzip", 10_000, "http://inventory.example").feed(bytes(sent))
    assert caught.value.reason == "encoding"


def test_an_answer_without_a_body_is_not_compressed_wrongly() -> None:
    assert BodyReader("gzip", 10, "http://inventory.example").finish() == b""
