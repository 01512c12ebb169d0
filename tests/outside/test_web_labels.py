"""The length of label values in bytes, which is what Prometheus counts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from exporter.inventory import text
from tests.end_to_end import running
from tests.metrics import rendering

LONG = ("Ж" * 3000, "🛰" * 3000, "x" * 3000, "é" * 3000, "👩‍🚀" * 1000)
FLAG, ASTRONAUT, THUMB = "e\u0301", "👩‍🚀", "👍🏽"


def record(number: int, word: str) -> dict[str, Any]:
    """A service that says the word wherever a word may stand."""
    link = {"id": f"{word}{number}", "name": word, "role": word, "@referredType": word}
    return {
        "id": f"{word}{number}",
        **dict.fromkeys(("name", "description", "serviceType", "category", "state", "@type"), word),
        "serviceSpecification": {"name": word},
        "relatedParty": [link],
        "place": [link],
        "supportingResource": [link],
        "serviceRelationship": [{"relationshipType": word, "service": link}],
        "serviceCharacteristic": [{"name": "plain", "value": word}],
    }


RECORDS = [record(number, word) for word in LONG for number in range(3)]


def test_o03_no_label_value_is_longer_than_a_thousand_bytes() -> None:
    found = rendering.series(RECORDS, "tmf-v4")
    assert len(found["ses_inventory_service_info"]) == len(RECORDS)
    values = [value for labels in found.values() for one in labels for value in one.values()]
    assert max(len(value.encode()) for value in values) in range(990, 1001)
    assert {labels["name"][-1] for labels in found["ses_inventory_service_info"]} == {"…"}
    for family, label in (("service_status", "service_id"), ("service_party_info", "party_id")):
        idents = {labels[label] for labels in found[f"ses_inventory_{family}"]}
        assert len(idents) == len(RECORDS), "ids that differ only at their end stay different"


@pytest.mark.parametrize("whole", ["Ж", "🛰", FLAG, ASTRONAUT, THUMB])
@pytest.mark.parametrize("length", range(64, 84))
def test_o03_a_cut_leaves_whole_characters(whole: str, length: int) -> None:
    said = text.clean(whole * 100, length)
    assert len(said.encode()) <= length
    kept = said.removesuffix("…")
    assert kept == whole * (len(kept) // len(whole))
    ident = text.identity(whole * 100, length)
    assert len(ident.encode()) <= length
    assert ident != text.identity(whole * 101, length)


@given(st.text(max_size=400), st.integers(min_value=64, max_value=300))
def test_any_text_fits_and_only_what_does_not_fit_is_cut(word: str, length: int) -> None:
    said = text.clean(word, length)
    assert len(said.encode()) <= length
    whole = text.clean(word, 65_536)  # which may be longer: what is replaced takes three bytes
    if max(len(word.encode()), len(whole.encode())) <= length:
        assert said == whole


@asynccontextmanager
async def inventory(records: list[dict[str, Any]]) -> AsyncIterator[str]:
    """A TMF638 API with one page of these records; yields its URL."""

    async def listed(_: web.Request) -> web.Response:
        return web.json_response(records, headers={"X-Total-Count": str(len(records))})

    application = web.Application()
    application.router.add_get("/service", listed)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_o03_a_prometheus_with_a_limit_of_1024_takes_the_scrape(tmp_path: Path) -> None:
    file = tmp_path / "inventory.yaml"
    async with inventory(RECORDS) as url:
        services = {"characteristics": ["plain"]}
        settings = {
            "apis": {"tmf638": {"url": url, "dialect": "tmf-v4"}},
            "collections": {"services": services},
        }
        file.write_text(json.dumps(settings))
        async with (
            running.serving(file) as served,
            running.prometheus(tmp_path, [served], label_value_length_limit=1024) as ask,
        ):
            stored = await running.until(lambda: ask("count(ses_inventory_service_info)"))
            assert float(stored[0]["value"][1]) == len(RECORDS)
            idents = await asyncio.to_thread(ask, "count by (service_id) (ses_inventory_service_status)")
            assert len(idents) == len(RECORDS)
