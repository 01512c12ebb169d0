"""Pages of very many carriers: every id once, nothing that leads to another slice, none lost at the seams."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench import slices
from bench.inventory import PAGE
from exporter import settings
from exporter.simulator.generator import GROUP


def carriers(folder: Path) -> list[dict[str, Any]]:
    pages = sorted(folder.glob("[0-9]*.json"), key=lambda page: int(page.stem))
    return [row for page in pages for row in json.loads(page.read_bytes())]


def idents(rows: list[dict[str, Any]]) -> list[str]:
    return [row["externalId"] for row in rows]


def test_the_written_pages_hold_every_carrier_once_and_in_order(tmp_path: Path) -> None:
    inventory = slices.Sliced(tmp_path, 2 * PAGE + 7, 0)
    inventory.write()
    assert inventory.pages == [1, 2, 3]
    assert inventory.bytes == sum((tmp_path / f"{page}.json").stat().st_size for page in inventory.pages)
    assert json.loads((tmp_path / "empty.json").read_bytes()) == []
    assert idents(carriers(tmp_path)) == [f"CAR{number:07d}" for number in range(1, 2 * PAGE + 8)]


def test_a_later_slice_has_numbers_names_and_references_of_its_own(tmp_path: Path) -> None:
    first = [json.loads(row) for row in slices.slice_rows(0, 100)]
    size = slices.put(tmp_path, slices.SLICE, 100)
    later = carriers(tmp_path)
    assert [*tmp_path.iterdir()] == [tmp_path / f"{slices.SLICE // PAGE + 1}.json"]
    assert size == (tmp_path / f"{slices.SLICE // PAGE + 1}.json").stat().st_size
    assert idents(later) == [f"CAR{slices.SLICE + number:07d}" for number in range(1, 101)]
    for key in ("id", "name"):
        assert not {row[key] for row in first} & {row[key] for row in later}
    related = {one["service"]["id"] for row in later for one in row["serviceRelationship"]}
    assert related <= set(idents(later))
    segments = [[one["id"] for row in rows for one in row["supportingService"]] for rows in (first, later)]
    assert len(set(segments[0] + segments[1])) == len(segments[0]) + len(segments[1])
    assert all(row["externalId"] in one["name"] for row in later for one in row["supportingService"])


def test_a_slice_is_of_whole_pages_and_of_whole_groups() -> None:
    assert slices.SLICE % PAGE == 0
    assert slices.SLICE % (2 * GROUP) == 0


def test_a_share_of_the_records_changes_its_status_and_nothing_else(tmp_path: Path) -> None:
    inventory = slices.Sliced(tmp_path, PAGE + 100, 0)
    inventory.write()
    before = carriers(tmp_path)
    assert inventory.change(0.01) == 6
    pairs = [(old, new) for old, new in zip(before, carriers(tmp_path), strict=True) if old != new]
    assert len(pairs) == 6
    assert all({**new, "status": old["status"]} == old for old, new in pairs)


@pytest.mark.parametrize("index", [0, 1])
def test_the_settings_are_those_of_the_bench_with_further_keys(tmp_path: Path, index: int) -> None:
    inventory = slices.Sliced(tmp_path, 10, 1234)
    file = slices.configured(inventory, "some.yaml", shard={"index": index, "count": 2})
    found = settings.load(file, {})
    assert (found.shard.index, found.shard.count, found.web.write_timeout) == (index, 2, 1200.0)
    assert yaml.safe_load(file.read_text())["web"]["listen_address"] == "127.0.0.1:0"
    assert [target.collection for target in found.targets()] == ["carriers"]
