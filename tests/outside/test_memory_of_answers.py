"""The memory that an answer takes: little more than its bytes, whatever they are."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web

from exporter import errors
from exporter.client.response import BodyReader
from exporter.inventory import decode, elements, envelope
from tests.faults import inventory
from tests.faults.inventory import failures, own, poller, record, records, refresh, value
from tests.inventory import reading
from tests.outside.memory_of import SHAPES

MEBIBYTES = 24
BECAME = {
    "numbers in a record": "too_large b",
    "fractions in a record": "too_large",
    "members of a record": "too_large",
    "members beside a list": "",
    "a long text": "a",
}
"""Of all other shapes the page is refused as `too_large`."""


@pytest.fixture(scope="module")
def measured() -> dict[str, tuple[str, int]]:
    command = [sys.executable, "-m", "tests.outside.memory_of", str(MEBIBYTES)]
    run = subprocess.run(command, capture_output=True, check=True, text=True)
    found: dict[str, tuple[str, int]] = json.loads(run.stdout)
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_a08_an_answer_takes_a_small_multiple_of_its_bytes(
    shape: str, measured: dict[str, tuple[str, int]]
) -> None:
    became, grown = measured[shape]
    assert became == BECAME.get(shape, "too_large")
    assert grown < 3 * MEBIBYTES


def large(number: int) -> inventory.Item:
    return record(number, characteristic=[number] * 600_000)


async def test_a08_a_record_that_is_too_large_is_counted_and_the_crawl_is_incomplete(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(25)) as (source, built):
        await refresh(built)
        source.records[7] = large(7)
        for _ in range(3):
            await refresh(built)
            assert inventory.ids(built) == [one["id"] for one in records(25)], "what was held is kept"
            assert (own(built, "up"), own(built, "complete")) == (1, 0)
        counted = 'ses_inventory_exporter_records_rejected_total{collection="services",reason="too_large"}'
        assert value(built, counted) == 3
        assert "1 records have more than 500000 values" in poller(built).recorder.problem
        source.records[7] = record(7)
        await refresh(built)
        assert own(built, "complete") == 1


async def test_a08_a_page_of_too_much_is_a_failed_page_with_a_sentence(tmp_path: Path) -> None:
    body = gzip.compress(b'{"items":[%b0]}' % (b"0," * 5_000_000))
    assert len(body) < 65_536
    async with inventory.over(tmp_path, records(25)) as (source, built):
        await refresh(built)

        async def bomb(_: web.Request) -> web.StreamResponse:
            headers = {"Content-Encoding": "gzip"}
            return web.Response(body=body, content_type="application/json", headers=headers)

        source.answer = bomb
        await refresh(built)
        assert len(inventory.ids(built)) == 25
        assert (own(built, "up"), failures(built, "too_large")) == (0, 1)
        assert "the answer has more than 100000 elements, which is no page" in poller(built).recorder.error
        assert source.url in poller(built).recorder.error
        assert "page_size" in poller(built).status.last_error_hint


@pytest.mark.parametrize("value", ["", ",,,", [], {"a": "b"}])
def test_the_values_of_a_record_are_counted_exactly(value: object) -> None:
    long = "," * (1 << 20)
    for number, refused in ((249_000, False), (501_000, True)):
        body = json.dumps([{"id": "a", "name": long, "x": [value] * number}]).encode()
        batch = decode.page(body, reading.reader("tmf-v4"), {}, b"sixteen bytes...")
        assert [reject.reason for reject in batch.rejects] == ["too_large"] * refused


def excess(written: object) -> str:
    return elements.excess(json.dumps(written).encode())


def test_a_page_of_usual_records_is_read_however_many_commas_it_has() -> None:
    characteristics = [{"name": 'a, "b"', "value": "[,{,"}] * 20
    found = [{"id": f"{number}", "place": [[], {}], "x": characteristics} for number in range(10_000)]
    assert not excess(found)
    assert not excess({"total": len(found), "items": found, "href": 'x,"\\'})
    body = json.dumps({"result": found}).encode()
    assert len(decode.page(body, reading.reader("tmf-v4"), {}, b"sixteen bytes...").fresh) == 10_000


@pytest.mark.parametrize("element", [0, "", 'a "b", c\\', [], {}, [[]], {"a": [{}]}, None])
def test_elements_are_counted_exactly(element: object) -> None:
    most = elements.MOST
    for number, refused in ((most, False), (most + 1, True)):
        for written in ([element] * number, {"a": {"b": 1}, "items": [element] * number, "c": 1}):
            # where they are few commas, nothing is counted: the answer must have some more
            body = json.dumps(written).encode()
            commas = b"%b\n" % body if body.count(b",") >= most else body
            assert bool(elements.excess(commas)) is refused, (element, number)


def test_an_object_may_have_many_members_but_not_very_many() -> None:
    long = {"items": [[0] * 200_000]}
    assert not excess({**dict.fromkeys(map(str, range(9_000)), 0), **long})
    assert "10000 members" in excess({**dict.fromkeys(map(str, range(10_001)), 0), **long})


@pytest.mark.parametrize("start", [b"", b" " * 100, b"\xef\xbb\xbf"])
@pytest.mark.parametrize("opening", [b"[", b'{"items":[', b'{"a":[],"x":['])
def test_what_stands_before_an_answer_hides_nothing(start: bytes, opening: bytes) -> None:
    with pytest.raises(errors.Malformed, match="more than") as caught:
        envelope.opened(b"%b%b%b" % (start, opening, b"0," * 200_000))
    assert caught.value.reason == "too_large"


@pytest.mark.parametrize(
    "body",
    [b"", b",", b'"', b"0,", b"]", b"[]", b'["', b"[0,[", b"[}", b"[0]]", b'{"a', b'[{"a":[0,', b'[{"\\'],
)
def test_what_is_no_json_is_not_judged(body: bytes) -> None:
    for end in (b'"%b' % (b",0" * 150_000), b'"%b"' % (b",0" * 150_000)):
        assert "lists and objects" not in elements.excess(b"%b%b" % (body, end))


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20, 5_000_000])
@pytest.mark.parametrize("step", [1000, 1 << 22])
def test_a_body_is_whole_however_its_gzip_is_cut(size: int, step: int) -> None:
    for content in (bytes(size), random.Random(size).randbytes(size)):
        packed = gzip.compress(content[: size // 2]) + gzip.compress(content[size // 2 :])
        taken = BodyReader("gzip", size, "http://inventory.example/service")
        for start in range(0, len(packed), step):
            taken.feed(packed[start : start + step])
        assert taken.finish() == content
