"""Ids that look alike are those of different records, in the exposition and over a restart."""

from __future__ import annotations

import re
import zlib
from itertools import product
from pathlib import Path

import pytest

from exporter import app, state_file
from exporter.exposition import families, render
from exporter.inventory.snapshot import Changes
from tests import crawling
from tests.faults import inventory
from tests.faults.inventory import Item, own, record, refresh
from tests.inventory import reading
from tests.metrics import rendering

BLANKS = ["S1", " S1", "S1 ", "  S1", "S1\t", "S1\n", "\u00a0S1", "S1\u3000"]
CONTROLS = ["S\x00", "S\x01", "S\ufffd", "S\r", "S\n", "S\r\n", "S\t", "S ", "\u202eS", "\ufffdS"]
LONG = ["x" * 2000, "x" * 2001, f" {'x' * 2000}"]

ALIKE = (
    *(("75be4d1e", "4baa5d72"), ("d088475b", "c9008616"), ("5ee0f677", "c2251a25"), ("a4ee84b2", "bcfa94de")),
    *(("0184870c", "1d3d94d9"), ("21f38d3a", "1fe79d56"), ("5256b49d", "8975f091"), ("1ba4dd5e", "25b0ed32")),
    *(("6aedb6e3", "6ecd896b"), ("f1e37fde", "eff76fb2"), ("c76b3b01", "d88b9089"), ("d26d3f0a", "2eaad15c")),
)
"""Pairs of equal CRC-32: any choice of one of each, joined, has the CRC-32 of any other."""


def named(idents: list[str]) -> list[Item]:
    return [record(number, id=ident) for number, ident in enumerate(idents)]


def labels(idents: list[str]) -> list[str]:
    """The label values that these ids get, each record alone."""
    return [
        labels["service_id"]
        for one in named(idents)
        for labels in rendering.series([one], "tmf-v4")["ses_inventory_service_status"]
    ]


@pytest.mark.parametrize("idents", [BLANKS, CONTROLS, LONG], ids=["blanks", "control characters", "long"])
async def test_a12_ids_that_differ_in_what_a_label_cannot_show_are_two_records(
    tmp_path: Path, idents: list[str]
) -> None:
    async with inventory.over(tmp_path, named(idents)) as (_, built):
        await refresh(built)
        assert len(set(inventory.ids(built))) == len(idents)
        assert own(built, "complete") == 1


@pytest.mark.parametrize("hidden", ["S1\x00", " S1", "x" * 2000])
async def test_a12_an_id_written_like_the_label_of_another_one_is_another_record(
    tmp_path: Path, hidden: str
) -> None:
    (seen,) = labels([hidden])
    (again,) = labels([seen])
    assert len({hidden, seen, again}) == 3
    async with inventory.over(tmp_path, named([hidden, seen, again])) as (_, built):
        await refresh(built)
        assert len(set(inventory.ids(built))) == 3
        assert own(built, "complete") == 1


async def test_a12_ids_that_look_alike_are_two_records_after_a_restart(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, named(BLANKS)) as (_, built):
        await refresh(built)
        served = inventory.ids(built)
        assert len(set(served)) == len(BLANKS)
        state_file.write(tmp_path / "state", built.group.saved(), 1.0)
        async with app.built(built.config) as other:
            await other.group.restore(state_file.read(tmp_path / "state"))
            assert inventory.ids(other) == served
            await refresh(other)
            assert inventory.ids(other) == served


async def test_a12_a_reference_has_the_label_of_the_record_it_names(tmp_path: Path) -> None:
    items = named([*BLANKS, "a~0123456789abcdef"])
    for one, other in zip(items, [*items[1:], items[0]], strict=True):
        one["serviceRelationship"] = [{"relationshipType": "next", "service": {"id": other["id"]}}]
        one["supportingService"] = [{"id": other["id"]}]
    async with inventory.over(tmp_path, items) as (_, built):
        await refresh(built)
        told = crawling.lines(built, "ses_inventory_service_relationship_info{")
        for relationship in ("next", "supportingService"):
            pairs = [re.findall(r'_id="([^"]*)"', line) for line in told if f'"{relationship}"' in line]
            assert sorted(one for one, _ in pairs) == sorted(other for _, other in pairs)
            assert sorted(one for one, _ in pairs) == inventory.ids(built)


def test_a12_ids_made_to_have_one_checksum_are_spread_over_the_blocks_like_any_others() -> None:
    """A change renders one block anew: if all records were in it, many changes would cost their square."""
    idents = ["".join(chosen) for chosen in product(*ALIKE)]
    assert len({zlib.crc32(ident.encode()) for ident in idents}) == 1
    blocks: list[int] = []
    exposition = render.Exposition(families.of("services"), pause=lambda: blocks.append(1))
    first, second = (
        [{"externalId": ident, "status": status} for ident in idents] for status in ("Operational", "Ordered")
    )
    before = rendering.snapshot(first)
    exposition.update(before, Changes())
    blocks.clear()
    outcome = reading.full(before, second)
    assert len(outcome.changes.changed) == len(idents) == 4096
    exposition.update(outcome.snapshot, outcome.changes)
    assert len(blocks) == len(idents) // render.BUCKET
