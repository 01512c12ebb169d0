"""F14 to F24: answers that keep to TCP and TLS, and say no, nothing, or nonsense; tokens are elsewhere."""

from __future__ import annotations

import asyncio
import email.utils
import gzip
import json
import time
import zlib
from collections.abc import Callable, Mapping

import pytest

from exporter.settings import Api
from tests import crawling
from tests.faults import rawserver
from tests.faults.catalogue import fault
from tests.faults.faulty import Houses

GOOD = rawserver.lists(rawserver.carriers())


def refuses(status: str, *headers: str) -> rawserver.Script:
    """Answers every request with this status."""
    return rawserver.says(rawserver.whole(b"{}", *headers, status=status))


@fault(
    14,
    "403 on one API",
    "Kept for its collections, reason `forbidden`; those of the other API are refreshed as usual",
    metric='ses_inventory_exporter_refresh_failures_total{reason="forbidden"}',
    alert="InventoryAccessRefused",
)
async def test_f14_an_api_that_refuses_us_does_not_touch_the_other(houses: Houses) -> None:
    def of_services(head: str) -> bool:
        return head.startswith("GET /service")

    modem = {"id": "M1", "name": "Modem 1", "resourceStatus": "available", "@type": "Modem"}
    both = rawserver.where(of_services, GOOD, rawserver.lists([modem]))
    async with rawserver.raw(both) as server:
        other = {"url": server.url, "dialect": "tmf-v4"}
        changes = {"apis.tmf639": other, "collections.resources": {"page_size": 10}}
        async with houses.over(server, changes) as it:
            resources = crawling.poller(it.built, "resources")
            await resources.refresh()
            await it.good()
            changed = rawserver.lists([{**modem, "resourceStatus": "alarm"}])
            server.script = rawserver.where(of_services, refuses("403 Forbidden"), changed)
            await it.kept("forbidden")
            await resources.refresh()
            assert it.value('up{collection="resources"}') == 1
            status = 'ses_inventory_resource_status{resource_id="M1",status="alarm"} 1'
            assert crawling.lines(it.built, "ses_inventory_resource_status{") == [status]


@fault(
    15,
    "404 or 410 for the whole list",
    "Kept, reason `not_found`; one request per refresh",
    metric='ses_inventory_exporter_refresh_failures_total{reason="not_found"}',
    alert="InventoryApiFailing",
)
async def test_f15_a_list_that_is_not_there_is_asked_for_once_a_refresh_and_kept(houses: Houses) -> None:
    async with houses.good({"limits.retries": 3}) as it:
        for status in ("404 Not Found", "410 Gone"):
            asked = len(it.server.heads)
            it.server.script = refuses(status)
            await it.kept("not_found")
            assert len(it.server.heads) - asked == 2, "one request in each of two refreshes"
            it.server.script = GOOD
            await it.recovers()


def later(seconds: float) -> str:
    """A moment as HTTP writes it, a little more than so many seconds from now: it has no fractions."""
    return email.utils.formatdate(time.time() + seconds + 1, usegmt=True)


@fault(
    16,
    "429 with a Retry-After",
    "Waits for that time plus a random delay, at most until the crawl's deadline; invalid values are "
    "ignored; fewer concurrent requests afterwards",
    metric='ses_inventory_exporter_request_failures_total{reason="throttled"}',
    alert="InventoryThrottled",
)
async def test_f16_a_server_that_asks_to_wait_is_obeyed_within_reason(houses: Houses) -> None:
    clock = asyncio.get_running_loop().time
    async with houses.good({"limits.retries": 1}) as it:
        before = it.value('concurrency_limit{api="tmf638"}')
        for kind, least in (("0.3", 0.3), ("date", 0.3), ("-5", 0.0), ("soon", 0.0)):
            wanted = later(0.3) if kind == "date" else kind
            busy = refuses("429 Too Many Requests", f"Retry-After: {wanted}")
            it.server.script, began = rawserver.first([busy], GOOD), clock()
            await it.good()
            assert clock() - began >= least, "the next request comes when it may, and not before"
        assert it.value('concurrency_limit{api="tmf638"}') <= max(1, before / 2)
        assert it.value('request_failures_total{api="tmf638",reason="throttled"}') == 4
    async with houses.good({"limits.retries": 1, "limits.crawl_deadline": "1s"}) as it:
        absurd = refuses("429 Too Many Requests", "Retry-After: 99999999")
        it.server.script = rawserver.first([absurd], GOOD)
        await it.refresh()
        assert it.failures("deadline") == 1
        assert it.inventory == it.served


@fault(
    17,
    "a burst of 5xx",
    "Retried with increasing random delays, as often as the retry budget allows",
    metric="ses_inventory_exporter_request_retries_total",
    alert="",
)
async def test_f17_a_burst_of_5xx_is_survived_and_an_api_that_is_down_not_flooded(houses: Houses) -> None:
    async with houses.good({"limits.retries": 3}) as it:
        bad = [refuses("502 Bad Gateway"), refuses("503 Service Unavailable")]
        it.server.script = rawserver.first(bad, GOOD)
        await it.good()
        assert it.own("complete") == 1
        assert it.value('request_retries_total{api="tmf638"}') == 2
    changes = {"collections.carriers.page_size": 1, "limits.concurrency": 16, "limits.retries": 2}
    async with houses.good(changes) as it:
        it.server.heads.clear()
        it.server.script = rawserver.where(holds(0), GOOD, refuses("500 Internal Server Error"))
        for _ in range(5):
            await it.refresh()
            assert it.inventory == it.served
        assert it.failures("partial") == 5
        # without a budget two of three requests would be repetitions
        assert it.value('request_retries_total{api="tmf638"}') < 0.45 * len(it.server.heads)


def holds(*rows: int) -> Callable[[str], bool]:
    """Whether a page holds one of these rows, counted from 0."""

    def bad(head: str) -> bool:
        _, offset, limit = rawserver.asked(head)
        return any(offset <= row < offset + limit for row in rows)

    return bad


@fault(
    18,
    "504 or 502 for one particular page, always",
    "If the API counts rows, the page is halved until the bad rows are found; only these are unread and "
    "keep their last known state; all others are updated",
    metric="ses_inventory_exporter_records_unread",
    alert="InventoryIncomplete",
)
async def test_f18_a_row_that_cannot_be_read_costs_itself_and_nothing_else(houses: Houses) -> None:
    async with houses.good() as it:
        records = rawserver.carriers()
        new = {**records[11], "state": "terminated"}
        changed = rawserver.lists([*records[:11], new, *records[12:]])
        it.server.script = rawserver.where(holds(12, 17), refuses("504 Gateway Timeout"), changed)
        await it.refresh()
        assert (it.own("up"), it.own("complete")) == (1, 0)
        assert (it.own("records_unread"), it.own("records_retained"), it.own("records")) == (2, 2, 30)
        for ident, status in (("C11", "terminated"), ("C12", "active"), ("C17", "active")):
            labels = f'carrier_id="{ident}",status="{status}"'
            assert crawling.lines(it.built, f"ses_inventory_carrier_status{{{labels}}}"), ident
        assert "504" in it.poller.recorder.problem


@fault(
    19,
    "200 with a web page (maintenance, log-in)",
    "A failure, never an empty list: kept, reason `html`, with the page's title",
    metric='ses_inventory_exporter_refresh_failures_total{reason="html"}',
    alert="InventoryApiFailing",
)
async def test_f19_a_web_page_is_no_list_and_shows_its_title(houses: Houses) -> None:
    async with houses.good() as it:
        await it.keeps(rawserver.says(rawserver.LOGIN), "html")
        assert "Log in" in it.logged.events("refresh failed")[-1]["hint"]


NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
NOTHING_THERE = b"HTTP/1.1 204 No Content\r\nX-Total-Count: 0\r\n\r\n"


@fault(
    20,
    "204, or 200 without a body",
    "Kept, reason `empty`; an empty list if the total says 0, nothing is stored, or pages came before",
    metric='ses_inventory_exporter_refresh_failures_total{reason="empty"}',
    alert="InventoryApiFailing",
)
async def test_f20_an_answer_without_a_body_is_no_empty_list_unless_it_says_so(houses: Houses) -> None:
    async with houses.good() as it:
        await it.keeps(rawserver.says(NO_CONTENT), "empty")
        await it.keeps(rawserver.says(rawserver.whole(b"")), "empty")
    for nothing in (NOTHING_THERE, NO_CONTENT, rawserver.whole(b"")):
        async with rawserver.raw(rawserver.says(nothing)) as server, houses.over(server) as it:
            await it.good()
            assert (it.own("complete"), it.own("records")) == (1, 0)


@fault(
    21,
    "206 or 200",
    "Both are pages",
    metric="ses_inventory_exporter_complete == 1",
    alert="",
)
async def test_f21_the_status_does_not_say_whether_a_page_is_the_last(houses: Houses) -> None:
    records = rawserver.carriers()

    def always(status: bytes) -> rawserver.Script:
        async def script(head: str, writer: asyncio.StreamWriter) -> None:
            line, rest = rawserver.page(head, records).split(b"\r\n", 1)
            writer.write(b"\r\n".join((line.replace(line[9:], status), rest)))

        return script

    async with houses.good() as it:
        for status in (b"200 OK", b"206 Partial Content"):
            it.server.script = always(status)
            await it.refresh()
            assert (it.own("up"), it.own("complete"), it.own("records")) == (1, 1, 30)
            assert it.inventory == it.served


@fault(
    22,
    "a redirect to another host, in a circle, or from https to http",
    "Kept, reason `redirect`; credentials and custom headers never leave the API's origin",
    metric='ses_inventory_exporter_refresh_failures_total{reason="redirect"}',
    alert="InventoryApiFailing",
)
async def test_f22_a_redirect_never_takes_us_elsewhere(houses: Houses) -> None:
    def onward(location: str) -> rawserver.Script:
        return refuses("302 Found", f"Location: {location}")

    for changes in ({}, {"apis.tmf638.follow_redirects": True}):
        async with rawserver.raw(GOOD) as elsewhere, houses.good(changes) as it:
            await it.keeps(onward(f"{elsewhere.url}/service?token=canary-in-location"), "redirect")
            await it.keeps(onward(f"{it.server.url}/service"), "redirect")
            assert elsewhere.heads == []


async def test_a_redirect_from_https_to_http_is_not_followed(houses: Houses) -> None:
    changes = {"apis.tmf638.tls_config": {"insecure_skip_verify": True}, "apis.tmf638.follow_redirects": True}
    async with rawserver.raw(GOOD) as plain, houses.good(changes, "localhost.pem") as it:
        await it.keeps(refuses("301 Moved Permanently", f"Location: {plain.url}/service"), "redirect")
        assert plain.heads == []


BODY = json.dumps(rawserver.carriers()).encode()
MISTAKEN: Mapping[str, bytes] = {
    "unknown": rawserver.whole(bytes(range(200, 256)) * 9, "Content-Encoding: br"),
    "no gzip": rawserver.whole(b"?" * 500, "Content-Encoding: gzip"),
    "corrupt": rawserver.whole(gzip.compress(BODY)[:200] + b"?" * 300, "Content-Encoding: gzip"),
    "cut": rawserver.whole(gzip.compress(BODY)[:-30], "Content-Encoding: gzip"),
    "wrong checksum": rawserver.whole(gzip.compress(BODY)[:-8] + b"?" * 8, "Content-Encoding: gzip"),
}
MISLABELLED: Mapping[str, bytes] = {
    "wrong": rawserver.whole(BODY, "Content-Encoding: gzip"),
    "another": rawserver.whole(zlib.compress(BODY), "Content-Encoding: gzip"),
    "doubled": rawserver.whole(gzip.compress(gzip.compress(BODY)), "Content-Encoding: gzip, gzip"),
    "doubled in secret": rawserver.whole(gzip.compress(gzip.compress(BODY)), "Content-Encoding: gzip"),
    "unknown": rawserver.whole(BODY, "Content-Encoding: br"),
}


async def test_f23_a_body_with_a_wrong_label_is_read(houses: Houses) -> None:
    async with houses.good() as it:
        for name, answer in MISLABELLED.items():
            it.server.script = rawserver.says(answer)
            await it.refresh()
            assert it.own("up") == 1, (name, it.poller.recorder.error)


@fault(
    23,
    "a wrong, duplicate or corrupt Content-Encoding",
    "What the first bytes show is read; else kept, reason `encoding`",
    metric='ses_inventory_exporter_refresh_failures_total{reason="encoding"}',
    alert="InventoryApiFailing",
)
async def test_f23_a_body_that_cannot_be_decompressed_is_a_failure(houses: Houses) -> None:
    async with houses.good() as it:
        for name, answer in MISTAKEN.items():
            it.server.script = rawserver.says(answer)
            await it.refresh()
            assert (it.own("up"), it.inventory) == (0, it.served), name
        it.server.script = GOOD
        await it.recovers()
        await it.keeps(rawserver.says(MISTAKEN["corrupt"]), "encoding")


@fault(
    24,
    "64 kB of headers",
    "Kept, reason `too_large`",
    metric='ses_inventory_exporter_refresh_failures_total{reason="too_large"}',
    alert="InventoryApiFailing",
)
async def test_f24_headers_without_end_are_a_failure_and_no_crash(houses: Houses) -> None:
    async with houses.good() as it:
        await it.keeps(rawserver.says(rawserver.LONG_HEADER), "too_large")


@pytest.mark.parametrize("key", ["timeout", "connect_timeout"])
def test_every_request_has_a_limit_by_default(key: str) -> None:
    assert 0 < Api.model_fields[key].default <= 30
