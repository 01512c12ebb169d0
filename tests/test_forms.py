"""The forms of one text: gzip inflates to identity, OpenMetrics has its samples, a choice is its parts.

Asked over a socket with everything that clients send; `web.test_negotiate` has which header gets which form,
`end_to_end.test_same_text` that real clients read the same.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import chain, combinations, product
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.web import server
from tests import histories, scripted

Client = TestClient[Any, Any]

ACCEPTS = (
    "",
    "*/*",
    "text/plain",
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "application/openmetrics-text",
    "application/openmetrics-text;version=1.0.0;charset=utf-8",
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "application/openmetrics-text;q=0.4, text/plain;q=0.5",
)
SQUEEZED = (
    *("gzip", "GZIP", "x-gzip", "*", "deflate, gzip;q=0.3", "gzip;q=0.5, identity;q=0.1"),
    "br, gzip, zstd",
)
CHOSEN = tuple(chain.from_iterable(combinations(scripted.COLLECTIONS, size) for size in range(4)))


@asynccontextmanager
async def _surface(inventory: scripted.Inventory, steps: Sequence[Any] = ()) -> AsyncIterator[Client]:
    """A client of an exporter that has seen this history."""
    async with scripted.served(inventory), scripted.exporting(inventory) as house:
        for mode, changes in (("full", ()), *steps):
            await scripted.step(inventory, house, mode, changes)
        surface = TestServer(server.application(house.store))
        async with TestClient(surface, auto_decompress=False) as client:
            yield client


async def _asked(client: Client, chosen: Sequence[str], accept: str, encoding: str) -> tuple[str, str, str]:
    """The text, its content type and the encoding in which it came; whatever came is whole."""
    headers = {"Accept-Encoding": encoding, **({"Accept": accept} if accept else {})}
    query = [("collect[]", name) for name in chosen]
    async with client.get("/metrics", params=query, headers=headers) as answer:
        sent = await answer.read()
        assert answer.status == 200
        assert int(answer.headers["Content-Length"]) == len(sent)
        came = answer.headers.get("Content-Encoding", "identity")
        kind = answer.headers["Content-Type"]
    return (_inflated(sent) if came == "gzip" else sent).decode(), kind, came


def _inflated(sent: bytes) -> bytes:
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
    text = unpack.decompress(sent)
    assert unpack.eof and not unpack.unused_data, "one gzip member, no more and no less"
    assert gzip.decompress(sent) == text
    return text


def _samples(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def _unmoved(text: str) -> list[str]:
    """The lines of what the exporter says of itself, without the values, which move."""
    return [line if line[0] == "#" else line.rpartition(" ")[0] for line in text.splitlines()]


async def _alone(client: Client) -> dict[str, str]:
    """What is said of each collection, asked for by itself as plain text."""
    asked = {name: await _asked(client, [name], "text/plain", "identity") for name in scripted.COLLECTIONS}
    return {name: scripted.inventory_of(text) for name, (text, *_) in asked.items()}


async def _agrees(client: Client, chosen: Sequence[str], accept: str, encoding: str) -> None:
    """Fails where what gzip brings is not what identity brings, or either not what was asked for."""
    text, kind, came = await _asked(client, chosen, accept, encoding)
    plain, plain_kind, plain_came = await _asked(client, chosen, accept, "identity")
    assert (came, plain_came, kind) == ("gzip", "identity", plain_kind)
    assert scripted.inventory_of(text) == scripted.inventory_of(plain)
    assert _unmoved(scripted.own_of(text)) == _unmoved(scripted.own_of(plain))
    is_openmetrics = kind.startswith("application/openmetrics-text")
    assert text.endswith("\n# EOF\n") == is_openmetrics
    alone = await _alone(client)
    wanted = "".join(alone[name] for name in scripted.COLLECTIONS if name in chosen or not chosen)
    said = scripted.inventory_of(text)
    assert _samples(said) == _samples(wanted), "OpenMetrics has the samples of the text"
    assert is_openmetrics or said == wanted, "a choice is the parts that were chosen"


async def test_for_every_form_encoding_and_choice_gzip_inflates_to_what_identity_gives() -> None:
    async with _surface(histories.listed(70)) as client:
        for chosen, accept in product(CHOSEN, ACCEPTS):
            await _agrees(client, chosen, accept, "gzip")
        for encoding in SQUEEZED:
            await _agrees(client, (), "text/plain", encoding)


@settings(histories.LAW, max_examples=15)
@given(
    histories.SIZES,
    histories.STEPS,
    st.lists(
        st.tuples(st.sampled_from(CHOSEN), st.sampled_from(ACCEPTS), st.sampled_from(SQUEEZED)),
        min_size=3,
        max_size=3,
    ),
)
async def test_after_any_history_gzip_inflates_to_what_identity_gives(
    size: int, steps: Any, asked: Sequence[tuple[Sequence[str], str, str]]
) -> None:
    async with _surface(histories.listed(size), steps) as client:
        for chosen, accept, encoding in asked:
            await _agrees(client, chosen, accept, encoding)


async def test_a_collection_asked_for_twice_is_given_once() -> None:
    async with _surface(histories.listed(3)) as client:
        once, *_ = await _asked(client, ["carriers"], "text/plain", "gzip")
        twice, *_ = await _asked(client, ["carriers", "carriers"], "text/plain", "gzip")
    assert scripted.inventory_of(once) == scripted.inventory_of(twice) != ""
