"""Answers that are no page, or not the page that they seem to be."""

from __future__ import annotations

import pytest

from exporter import errors
from exporter.inventory import decode
from tests.inventory import reading


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'[{"id":"\xff"}]', "encoding"),
        (b'[{"id":"a","name":"caf\xe9"}]', "encoding"),
        (b'[{"id":"a","\xe9":1}]', "encoding"),
        (b'[{"id":"a","@type":"\xc3\x28"},{"id":"b"}]', "encoding"),
        ('[{"id":"é"}]'.encode("utf-16"), "encoding"),
        (b'{"\xff":1}', "encoding"),
        ('[{"id":"é'.encode()[:-1], "json"),
        (b'[{"id":"a"', "json"),
    ],
)
def test_a13_the_reason_comes_from_the_bytes(body: bytes, reason: str) -> None:
    """And not from the exception's class, which differs from version to version of msgspec."""
    with pytest.raises(errors.Malformed) as caught:
        decode.page(body, reading.reader("tmf-v4"), {}, b"key")
    assert caught.value.reason == reason
