"""What became of the records that a crawl received: the numbers of the status add up, and have names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from exporter import app, status
from exporter.web import landing
from tests.faults import inventory

PARTS = ("stored", "excluded", "other_shards", "rejected", "duplicates", "overlapping")


def items() -> list[inventory.Item]:
    """Fifty: thirty records of one type and twelve of another, five that come twice, three without an id."""
    wanted = [inventory.record(number) for number in range(30)]
    others = [inventory.record(number, serviceType="Teleport") for number in range(30, 42)]
    return [*wanted, *others, *wanted[:5], *({"name": f"nameless {number}"} for number in range(3))]


def shown(built: app.Runtime) -> dict[str, Any]:
    """The collection in `/api/v1/status`."""
    (one,) = json.loads(status.as_json(built.store.status()))["data"]["collections"]
    return dict(one)


CASES = {
    "all": ({}, {"stored": 42, "rejected": 3, "duplicates": 5}),
    "a type": (
        {"collections.services.include_types": ["VSAT"]},
        {"stored": 30, "excluded": 12, "rejected": 3, "duplicates": 5},
    ),
    "two queries": (
        {"collections.services.query": [{"a": "1"}, {"a": "2"}]},
        {"stored": 42, "rejected": 6, "duplicates": 10, "overlapping": 42},
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_o15_the_numbers_of_a_crawl_are_named_and_add_up(tmp_path: Path, case: str) -> None:
    changes, expected = CASES[case]
    async with inventory.over(tmp_path, items(), changes) as (_, built):
        for _ in range(2):  # the second time most records are known by their digests
            await inventory.refresh(built)
            one = shown(built)
            assert {part: one[part] for part in PARTS if one[part]} == expected
            assert one["received"] == sum(one[part] for part in PARTS)
            assert one["records"] == one["stored"]


async def test_o15_shards_and_types_are_counted_apart(tmp_path: Path) -> None:
    stored = []
    for index in range(2):
        changes = {
            "collections.services.include_types": ["VSAT"],
            "shard.index": index,
            "shard.count": 2,
        }
        async with inventory.over(tmp_path, items(), changes) as (_, built):
            for _ in range(2):
                await inventory.refresh(built)
                one = shown(built)
                assert one["received"] == 50 == sum(one[part] for part in PARTS)
                assert one["complete"] and one["unique"] == 45
            stored.append(one["stored"])
            assert one["other_shards"] > 0 and one["excluded"] > 0
    assert sum(stored) == 30


async def test_o15_the_landing_page_explains_the_difference(tmp_path: Path) -> None:
    changes = {"collections.services.include_types": ["VSAT"]}
    async with inventory.over(tmp_path, items(), changes) as (_, built):
        await inventory.refresh(built)
        page = landing.page(built.store.status())
    assert "<dt>Received</dt><dd>50 " in page
    assert "= 30 stored + 12 excluded by type + 3 rejected + 5 duplicates" in page


async def test_o15_a_total_that_excluded_records_explain_is_no_doubt(tmp_path: Path) -> None:
    types = ("VSAT", "Teleport")
    whole = [inventory.record(number, serviceType=types[number % 2]) for number in range(40)]
    changes = {"collections.services.include_types": ["VSAT"]}
    async with inventory.over(tmp_path, whole, changes) as (_, built):
        await inventory.refresh(built)
        page = landing.page(built.store.status())
    assert "= 20 stored + 20 excluded by type" in page
    assert "<dt>Expected</dt>" not in page


async def test_o15_records_that_the_query_excludes_are_among_the_rejected(tmp_path: Path) -> None:
    whole = [inventory.record(number, state="active" if number % 10 else "designed") for number in range(40)]
    changes = {"collections.services.query": {"state": "active"}}
    async with inventory.over(tmp_path, whole, changes) as (_, built):
        await inventory.refresh(built)
        one = shown(built)
    assert one["rejects"]["filter_ignored"]["count"] == 4
    assert {part: one[part] for part in PARTS if one[part]} == {"stored": 36, "rejected": 4}
    assert one["received"] == 40
