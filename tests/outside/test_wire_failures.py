"""Answers that say that they failed, with a good status, beside records or instead of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aiohttp import web

from exporter import errors
from exporter.inventory import decode, envelope
from tests import crawling
from tests.faults import inventory
from tests.faults.inventory import listed, own, part, poller, records, refresh
from tests.inventory import reading

LIST = b'"data":[{"id":"a"},{"id":"b"}]'


@pytest.mark.parametrize(
    "member",
    [
        b'"error":{"message":"Transaction cancelled"}',
        b'"Errors":{"code":503}',
        b'"FAULT":"down"',
        b'"errors":["x"]',
        b'"status":"failure"',
        b'"Status":"ERROR"',
        b'"status":"fail"',
        b'"success":false',
        b'"success":"False"',
        b'"errorList":[{"code":7}]',
        b'"errorCount":3',
        b'"failures":[{"shard":1}]',
        b'"@error":"x"',
        b'"statusCode":503',
        b'"resultCode":"ERROR"',
        b'"status":"PARTIAL_SUCCESS"',
        b'"partialResults":true',
    ],
)
def test_t01_a_failure_beside_a_list_is_no_page(member: bytes) -> None:
    for body in (b"{%b,%b}" % (LIST, member), b"{%b,%b}" % (member, LIST)):
        with pytest.raises(errors.Malformed) as caught:
            decode.split(body)
        assert caught.value.reason == "error_object"
        assert envelope.failure(body) is not None


@pytest.mark.parametrize("nothing", [b"{}", b"[]", b"null", b"0", b'""', b"false"])
def test_t01_an_empty_error_is_none(nothing: bytes) -> None:
    body = b'{"error":%b,"Errors":%b,"failures":%b,"errorCount":%b,%b,%b}' % (
        *[nothing] * 4,
        b'"status":"success","success":true,"statusCode":200,"resultCode":"OK","returnCode":0',
        LIST,
    )
    assert envelope.failure(body) is None
    assert len(decode.split(body)) == 2


def test_t01_the_message_has_the_words_of_the_api_cut() -> None:
    found = envelope.failure(b'{"error":{"message":"Transaction cancelled %b"},%b}' % (b"x" * 10_000, LIST))
    assert "Transaction cancelled" in str(found)
    assert len(str(found)) < 300


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"id":"internal_error","code":"E500","message":"down"}', "error_object"),
        (b'{"id":"request-7","services":[{"id":"a"},{"id":"b"}]}', "envelope"),
        (b'{"id":"request-7","services":[{"name":"a"},{"name":"b"}]}', "envelope"),
        (b'{"id":"request-7","services":[]}', "envelope"),
    ],
)
def test_t03_an_id_makes_no_record_of_an_error_or_an_envelope(body: bytes, reason: str) -> None:
    with pytest.raises(errors.Malformed) as caught:
        decode.split(body)
    assert caught.value.reason == reason


async def test_t01_a_list_beside_an_error_ends_no_crawl_and_removes_nothing(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(25)) as (source, built):
        await refresh(built)

        async def cut_short(request: web.Request) -> web.Response:
            start, limit = part(request)
            shown = source.records[start : start + limit]
            if start < 20:
                return listed(shown, 25)
            failed = {"result": shown[:2], "error": {"message": "Transaction cancelled"}, "status": "failure"}
            return web.json_response(failed)

        source.answer = cut_short
        problems = []
        for _ in range(4):
            await refresh(built)
            assert len(inventory.ids(built)) == 25
            assert own(built, "complete") == 0
            problems.append(poller(built).recorder.problem)
        assert "Transaction cancelled" in problems[0]


async def test_t01_several_results_in_one_answer_are_no_page(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(25)) as (source, built):
        await refresh(built)

        async def several(request: web.Request) -> web.Response:
            start, limit = part(request)
            if start + limit <= 20:
                return listed(source.records[start : start + limit])
            return web.json_response(source.records[start:20], status=207)

        source.answer = several
        for _ in range(3):
            await refresh(built)
            assert len(inventory.ids(built)) == 25
            assert own(built, "complete") == 0


@pytest.mark.parametrize("stray", ["", None, 7, "text", [], False])
@pytest.mark.parametrize("place", ["in a record's place", "beyond what was asked"])
async def test_t02_what_is_no_object_is_no_record(tmp_path: Path, stray: object, place: str) -> None:
    async with inventory.over(tmp_path, records(60)) as (source, built):

        async def page(request: web.Request) -> web.Response:
            start, limit = part(request)
            shown: list[object] = list(source.records[start : start + limit])
            if start == 10 and place == "in a record's place":
                shown[4] = stray
            elif start == 10:
                shown.insert(4, stray)
            return listed(shown, 60)

        source.answer = page
        await refresh(built)
        lost = place == "in a record's place"
        assert own(built, "complete") == (0 if lost else 1)
        # in smaller parts of the page the row comes after all
        assert len(inventory.ids(built)) >= 59
        assert crawling.lines(built, f'{inventory.OWN}records_rejected_total{{collection="services"')


@pytest.mark.parametrize("stray", ["", None])
async def test_t02_what_stands_in_a_records_place_hides_it_where_no_total_tells(
    tmp_path: Path, stray: object
) -> None:
    async with inventory.over(tmp_path, records(60)) as (source, built):
        hidden: set[int] = set()

        async def untold(request: web.Request) -> web.Response:
            start, limit = part(request)
            shown: list[object] = list(source.records[start : start + limit])
            return listed([stray if start + place in hidden else one for place, one in enumerate(shown)])

        source.answer = untold
        await refresh(built)
        assert own(built, "complete") == 1
        hidden |= {14, 33}
        for _ in range(6):
            await refresh(built)
            assert own(built, "complete") == 0
            assert len(inventory.ids(built)) == 60
        assert "2 elements of the list are no records" in poller(built).recorder.problem
        hidden.clear()
        await refresh(built)
        assert own(built, "complete") == 1


async def test_t02_what_stands_in_a_records_place_is_no_vacant_place(tmp_path: Path) -> None:
    """One record is hidden all the time, and each time another one at a page border, as in a moving list."""
    async with inventory.over(tmp_path, records(60)) as (source, built):
        starts: list[int] = []

        async def hiding(request: web.Request) -> web.Response:
            start, limit = part(request)
            starts.append(start)
            hidden = {4, 10 if starts.count(0) % 2 else 18}
            rows = range(start, min(60, start + limit))
            return listed([None if row in hidden else source.records[row] for row in rows], 60)

        await refresh(built)
        source.answer = hiding
        for _ in range(6):
            await refresh(built)
            assert len(inventory.ids(built)) == 60
            assert own(built, "complete") == 0
        assert starts.count(0) > 6, "some of the lists were read again"


@pytest.mark.parametrize(
    "answer",
    [
        {"id": "internal_error", "code": "E500", "message": "out of order"},
        {"id": "b7a1", "services": [{"id": "S1"}, {"id": "S2"}]},
        {"id": "b7a1", "services": [{"name": "no id"}, {"name": "none, either"}]},
        {"id": "b7a1", "services": [], "requestTime": 3},
        {"id": "42", "state": "queued", "href": "/monitor/42"},
    ],
    ids=["error", "envelope", "envelope without ids", "empty envelope", "monitor"],
)
async def test_t03_an_object_with_an_id_invents_no_record(tmp_path: Path, answer: object) -> None:
    async with inventory.over(tmp_path, records(25)) as (source, built):
        await refresh(built)

        async def single(request: web.Request) -> web.Response:
            return web.json_response(answer, status=202 if "href" in str(answer) else 200)

        source.answer = single
        for _ in range(4):
            await refresh(built)
            assert len(inventory.ids(built)) == 25
            assert own(built, "up") == 0


@pytest.mark.parametrize(
    "error",
    [
        {"id": "e1", "code": "E500", "message": "out of order"},
        {"id": "e1", "@type": "Error", "code": "20", "reason": "out of order", "status": "500"},
        {"id": "e1", "type": "about:blank", "status": 500, "title": "Server", "detail": "out of order"},
        {"id": "e1", "error": {"text": "out of order"}},
    ],
)
@pytest.mark.parametrize("place", ["alone", "at the end"])
async def test_t03_an_error_with_an_id_among_the_records_is_none(
    tmp_path: Path, error: dict[str, object], place: str
) -> None:
    async with inventory.over(tmp_path, records(25)) as (source, built):
        await refresh(built)

        async def cut_short(request: web.Request) -> web.Response:
            start, limit = part(request)
            shown = [] if place == "alone" else source.records[start : start + limit]
            return listed([*shown, error] if len(shown) < limit else shown)

        source.answer = cut_short
        for _ in range(4):
            await refresh(built)
            assert inventory.ids(built) == [one["id"] for one in source.records]
            assert not (own(built, "complete") and own(built, "up"))
        recorder = poller(built).recorder
        assert "an error is listed among the records: out of order" in f"{recorder.error}{recorder.problem}"


@pytest.mark.parametrize(
    "parts",
    [
        {"code": "A7", "reason": "moved"},
        {"status": "error", "message": "link down", "code": "7", "name": "Modem"},
        {"error": {"text": "sync lost"}, "state": "active"},
    ],
)
def test_t03_a_record_that_has_an_error_is_a_record(parts: dict[str, object]) -> None:
    body = json.dumps([{"id": "a", "serviceType": "VSAT", **parts}]).encode()
    assert len(decode.page(body, reading.reader("tmf-v4"), {}, b"key").fresh) == 1


@pytest.mark.parametrize("clamp", [1000, 4])
@pytest.mark.parametrize("total", [True, False], ids=["total", "no total"])
async def test_t04_an_offset_that_counts_pages_is_found_out(tmp_path: Path, clamp: int, total: bool) -> None:
    async with inventory.over(tmp_path, records(65)) as (source, built):

        async def pages(request: web.Request) -> web.Response:
            number, limit = part(request)
            limit = min(limit, clamp)
            return listed(source.records[number * limit : (number + 1) * limit], 65 if total else None)

        source.answer = pages
        for _ in range(2):
            await refresh(built)
            assert own(built, "complete") == 0
            assert "paging.style: page" in poller(built).recorder.problem


@pytest.mark.parametrize("total", [True, False], ids=["total", "no total"])
async def test_t04_an_offset_that_begins_to_count_pages_removes_nothing(tmp_path: Path, total: bool) -> None:
    async with inventory.over(tmp_path, records(95)) as (source, built):
        unit = 1

        async def counted(request: web.Request) -> web.Response:
            start, limit = part(request)
            first = start * (limit if unit > 1 else 1)
            return listed(source.records[first : first + limit], 95 if total else None)

        source.answer = counted
        for unit in (1, 1, 2, 2, 2, 2, 2, 2):
            await refresh(built)
            assert own(built, "complete") == (unit == 1)
            assert len(inventory.ids(built)) == 95
        assert "paging.style: page" in poller(built).recorder.problem
        unit = 1
        await refresh(built)
        assert own(built, "complete") == 1


async def test_t04_an_offset_that_counts_records_is_asked_about_once(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(20)) as (source, built):

        async def untold(request: web.Request) -> web.Response:
            start, limit = part(request)
            return listed(source.records[start : start + limit])

        source.answer = untold
        for _ in range(3):
            await refresh(built)
            assert own(built, "complete") == 1
        assert [asked.get("offset") for asked in source.asked].count("1") == 1
