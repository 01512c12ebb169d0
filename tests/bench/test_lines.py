"""What reads a scrape of any size believes nothing: bad lines, bad gzip and differences are all told."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bench import lines

GOOD = """\
# HELP fleet_info What "it" is \\\\ was.
# TYPE fleet_info gauge
fleet_info{carrier_id="1",name="a \\"b\\" \\\\ c\\nd } 1"} 1
fleet_info{carrier_id="2",name=""} 1
# TYPE fleet gauge
fleet 2
# HELP ses_inventory_exporter_seconds How long.
# TYPE ses_inventory_exporter_seconds histogram
ses_inventory_exporter_seconds_bucket{le="0.5"} 1.5e-05
ses_inventory_exporter_seconds_bucket{le="+Inf"} +Inf
ses_inventory_exporter_seconds_sum NaN
ses_inventory_exporter_seconds_count 3
"""


def taken(text: bytes) -> lines.Reader:
    reader = lines.Reader()
    reader.take(text)
    return reader


def test_good_lines_are_counted_with_and_without_what_the_exporter_says_of_itself() -> None:
    reader = taken(GOOD.encode())
    assert (reader.samples, reader.carriers, reader.bytes) == (7, 3, len(GOOD))
    assert reader.doubles() == 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b'# TYPE a gauge\na{b="c} 1\n', "line 2: no sample"),
        (b'# TYPE a gauge\na{b="\\x"} 1\n', "no sample"),
        (b'# TYPE a gauge\na{b="c"}\n', "no sample"),
        (b'# TYPE a gauge\na{b="c"} one\n', "no sample"),
        (b'# TYPE a gauge\na{b="c" d="e"} 1\n', "no sample"),
        (b"# TYPE a gauge\n\na 1\n", "no sample"),
        (b"# TYPE a gauge\nb 1\n", "a sample among those of a"),
        (b"# HELP a words\na 1\n", "a sample without a type"),
        (b"a 1\n", "a sample among those of"),
        (b"# EOF\n", "no HELP and no TYPE"),
        (b"# TYPE a gauge\n# TYPE a gauge\n", "typed twice"),
        (b"# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# HELP a again\n", "a family in two pieces"),
        (b'# TYPE a gauge\na{b="\xff"} 1\n', "not UTF-8"),
    ],
)
def test_a_line_that_prometheus_would_refuse_is_told(text: bytes, why: str) -> None:
    with pytest.raises(lines.Wrong, match=why):
        taken(text)


def test_a_series_that_comes_twice_is_counted() -> None:
    assert taken(b'# TYPE a gauge\na{b="c"} 1\na{b="d"} 1\na{b="c"} 2\n').doubles() == 1


def test_what_the_exporter_says_of_itself_may_differ_and_nothing_else() -> None:
    first = taken(GOOD.encode()).digest.digest()
    assert taken(GOOD.replace("seconds_count 3", "seconds_count 4").encode()).digest.digest() == first
    assert taken(GOOD.replace("fleet 2", "fleet 3").encode()).digest.digest() != first


Answers = Mapping[str, Callable[[], web.Response]]


def compressed(body: bytes) -> Callable[[], web.Response]:
    return lambda: web.Response(body=body, headers={"Content-Encoding": "gzip"})


def plain(text: str) -> Callable[[], web.Response]:
    return lambda: web.Response(text=text)


@asynccontextmanager
async def serving(answers: Answers) -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        return answers[request.headers["Accept-Encoding"]]()

    app = web.Application()
    app.router.add_get("/metrics", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/metrics"))


async def compared(answers: Answers) -> object:
    async with serving(answers) as url:
        return await asyncio.to_thread(lines.compared, url)


async def test_equal_scrapes_are_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "STEP", 50)  # lines are cut wherever the network cuts them
    said = await compared({"gzip": compressed(gzip.compress(GOOD.encode())), "identity": plain(GOOD)})
    assert said == {"samples": 7, "carriers": 3, "bytes": len(GOOD)}


WHOLE = gzip.compress(GOOD.encode())
TWO = b"%s%s" % (gzip.compress(GOOD[:100].encode()), gzip.compress(GOOD[100:].encode()))
DOUBLED = "# TYPE a gauge\na 1\na 1\n"


@pytest.mark.parametrize(
    ("body", "text", "why"),
    [
        (WHOLE, GOOD.replace("fleet 2", "fleet 3"), "differ"),
        (WHOLE, GOOD[:-1], "does not end"),
        (WHOLE, DOUBLED, "1 series came twice"),
        (TWO, GOOD, "not one gzip member"),
        (WHOLE[:-9], GOOD, "not one gzip member"),
        (b"%s\0\0\0\0%s" % (WHOLE[:-8], WHOLE[-4:]), GOOD, "incorrect data check"),
    ],
)
async def test_what_is_wrong_with_a_scrape_is_told(body: bytes, text: str, why: str) -> None:
    with pytest.raises(lines.Wrong, match=why):
        await compared({"gzip": compressed(body), "identity": plain(text)})


async def test_an_answer_that_was_not_asked_for_is_told() -> None:
    with pytest.raises(lines.Wrong, match="200 in identity, gzip was asked for"):
        await compared({"gzip": plain(GOOD)})
    with pytest.raises(lines.Wrong, match="503 in"):
        await compared({"gzip": lambda: web.Response(status=503)})


async def test_a_length_that_was_not_announced_is_told() -> None:
    with pytest.raises(lines.Wrong, match="were announced"):
        await compared({"gzip": lambda: unannounced(WHOLE)})


def unannounced(body: bytes) -> web.Response:
    answer = web.Response(body=body, headers={"Content-Encoding": "gzip"})
    answer.enable_chunked_encoding()
    return answer
