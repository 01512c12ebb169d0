"""F26 to F28: answers of a good status whose body is no list of records, or hardly one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import pytest

from tests import crawling
from tests.faults import rawserver
from tests.faults.catalogue import fault
from tests.faults.faulty import Houses

RECORDS = rawserver.carriers()
GOOD = rawserver.lists(RECORDS)
TEXT = json.dumps(RECORDS[10:20]).encode()
NAME = b'"Carrier 13"'


def answers(body: bytes) -> rawserver.Script:
    """This body to every request."""
    return rawserver.says(rawserver.whole(body, "X-Total-Count: 30", "Content-Type: application/json"))


def on_the_second_page(body: bytes) -> rawserver.Script:
    """This body instead of the second page, whatever its size; the others are good."""

    def second(head: str) -> bool:
        return 10 <= rawserver.asked(head)[1] < 20

    return rawserver.where(second, answers(body), GOOD)


UNREADABLE: Mapping[str, tuple[bytes, str]] = {
    "truncated": (TEXT[:-200], "json"),
    "NaN": (TEXT.replace(NAME, b"NaN"), "json"),
    "Infinity": (TEXT.replace(NAME, b"-Infinity"), "json"),
    "a lone surrogate": (TEXT.replace(NAME, b'"\\ud800"'), "json"),
    "half a pair": (TEXT.replace(NAME, b'"\\udc00\\ud800"'), "json"),
    "invalid UTF-8": (TEXT.replace(NAME, b'"\xff\xfe"'), "encoding"),
    "half of UTF-16": (TEXT.decode().encode("utf-16")[:-1], "encoding"),
    "a second document": (TEXT + TEXT, "json"),
    "two marks": (b"\xef\xbb\xbf\xef\xbb\xbf" + TEXT, "json"),
    "no JSON at all": (b"OK", "json"),
}


@fault(
    26,
    "truncated JSON, a byte-order mark, NaN, a lone surrogate, invalid UTF-8",
    "A byte-order mark is dropped; everything else fails the page, or the crawl if it is the first page: "
    "kept, reason `json` or `encoding`",
    metric='ses_inventory_exporter_refresh_failures_total{reason=~"json|encoding"}',
    alert="InventoryApiFailing",
)
async def test_f26_a_page_that_is_no_json_fails_alone_and_a_mark_does_not_matter(houses: Houses) -> None:
    async with houses.good() as it:
        for name in ("truncated", "NaN", "a lone surrogate", "invalid UTF-8"):
            body, reason = UNREADABLE[name]
            await it.keeps(answers(body), reason)
            it.server.script = on_the_second_page(body)
            await it.refresh()
            assert (it.own("up"), it.own("complete"), it.own("records")) == (1, 0, 30), name
            assert it.own("records_unread") >= 1
            assert it.inventory == it.served
            it.server.script = GOOD
            await it.good()
        it.server.script = on_the_second_page(b"\xef\xbb\xbf" + TEXT)
        await it.refresh()
        assert (it.own("up"), it.own("complete")) == (1, 1)
        assert it.inventory == it.served


@pytest.mark.parametrize("name", UNREADABLE)
async def test_no_text_that_is_not_json_changes_what_is_served(houses: Houses, name: str) -> None:
    body, reason = UNREADABLE[name]
    async with houses.good() as it:
        await it.keeps(answers(body), reason)


DEEP = b"[" * 100_000 + b"]" * 100_000
DEEPLY: Mapping[str, bytes] = {
    "the page": DEEP,
    "a field that is read": TEXT.replace(NAME, DEEP),
    "a field that is not read": TEXT.replace(NAME, b'"x","unheard-of":' + DEEP),
    "objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "without an end": b"[" * 100_000,
}


@fault(
    27,
    "JSON nested 100,000 deep",
    "Kept, reason `nesting`, also in a field that is not used",
    metric='ses_inventory_exporter_refresh_failures_total{reason="nesting"}',
    alert="InventoryApiFailing",
)
async def test_f27_a_page_nested_without_end_is_a_failure_and_no_crash(houses: Houses) -> None:
    async with houses.good() as it:
        for body in DEEPLY.values():
            await it.keeps(answers(body), "nesting")


def enveloped(name: str) -> rawserver.Script:
    """Pages inside of an object."""

    async def script(head: str, writer: asyncio.StreamWriter) -> None:
        _, offset, limit = rawserver.asked(head)
        body = json.dumps({"count": 10, name: RECORDS[offset : offset + limit]}).encode()
        writer.write(rawserver.whole(body, "X-Total-Count: 30"))

    return script


REFUSALS = (
    b'{"error":{"message":"Transaction cancelled"},"status":"failure"}',
    b'{"code":"42","reason":"Insufficient rights"}',
    b'{"errors":["down"]}',
    b'{"message":"down"}',
)


@fault(
    28,
    'an envelope, a single object, `{"error": …}` with 200',
    "Known envelopes and single records are accepted; an error object is a failure: kept, reason "
    "`error_object`; so is any other object without a list, reason `envelope`. An empty list by any name, or "
    "`null`, is an empty list, of which the shrink guard keeps the records",
    metric='ses_inventory_exporter_refresh_failures_total{reason=~"error_object|envelope"}',
    alert="InventoryApiFailing",
)
async def test_f28_envelopes_are_opened_and_error_objects_are_failures(houses: Houses) -> None:
    async with houses.good() as it:
        for name in ("result", "items", "data", "records"):
            it.server.script = enveloped(name)
            await it.refresh()
            assert (it.own("up"), it.own("complete")) == (1, 1), name
            assert it.inventory == it.served
        it.server.script = GOOD
        for body in REFUSALS:
            await it.keeps(answers(body), "error_object")
        await it.keeps(answers(b'{"unheard-of":"maintenance"}'), "envelope")
        await it.keeps(answers(b'"maintenance"'), "envelope")
        for body in (
            b'{"unheard-of":[]}',
            b"null",
        ):  # nothing, by any name: as an empty list, which is guarded
            it.server.script = answers(body)
            await it.refresh()
            assert (it.own("up"), it.own("complete")) == (1, 0), body
            assert it.inventory == it.served


async def test_a_single_record_is_a_list_of_one(houses: Houses) -> None:
    one = rawserver.says(rawserver.whole(json.dumps(RECORDS[7]).encode(), "X-Total-Count: 1"))
    async with rawserver.raw(one) as server, houses.over(server) as it:
        await it.good()
        status = 'ses_inventory_carrier_status{carrier_id="C07",status="active"} 1'
        assert crawling.lines(it.built, "ses_inventory_carrier_status{") == [status]
