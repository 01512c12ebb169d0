"""Answers that are no page, or not the page that they seem to be."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from exporter import errors
from exporter.inventory import decode
from tests.faults import inventory
from tests.faults.inventory import own, part, records, refresh
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


@pytest.mark.parametrize("element", [b"0", b"{}", b'""', b"[]", b"null", b'{"a":1}'])
def test_a08_a_list_of_millions_is_refused_before_it_takes_their_memory(element: bytes) -> None:
    for body in (b"[%b]", b'{"result":[%b]}'):
        with pytest.raises(errors.Malformed) as caught:
            decode.split(body % b",".join([element] * 1_100_000))
        assert caught.value.reason == "too_large"


def test_a08_a_long_page_of_records_is_read() -> None:
    body = b",".join(b'{"id":"%d","name":"a, b, c"}' % number for number in range(60_000))
    assert len(decode.split(b"[%b]" % body)) == 60_000


def test_a08_a_key_of_many_megabytes_is_cut_in_the_message() -> None:
    with pytest.raises(errors.Malformed) as caught:
        decode.split(b'{"%b":1}' % (b"k" * (8 << 20)))
    assert len(str(caught.value)) < 300


async def test_a05_the_configured_page_size_comes_back_after_refusals_by_chance(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(60)) as (source, built):
        await refresh(built)
        refusals = iter(range(3))

        async def moody(request: web.Request) -> web.StreamResponse:
            return (
                web.Response(status=400) if next(refusals, None) is not None else await source.page(request)
            )

        source.answer = moody
        for _ in range(3):
            source.asked.clear()
            await refresh(built)
            assert len(inventory.ids(built)) == 60
        assert {asked["limit"] for asked in source.asked} == {"10"}


async def test_a05_a_size_that_is_always_refused_is_tried_ever_more_seldom(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(60)) as (source, built):

        async def strict(request: web.Request) -> web.StreamResponse:
            return web.Response(status=400) if part(request)[1] > 5 else await source.page(request)

        source.answer = strict
        tried = []
        for number in range(12):
            source.asked.clear()
            await refresh(built)
            assert own(built, "complete") == 1
            if any(asked["limit"] == "10" for asked in source.asked):
                tried.append(number)
        assert tried == [0, 2, 5, 10]
