"""The law of shards: together they are the whole, and no record is in two.

Of what exporters say of themselves, `ADDING_UP` adds up to what one exporter of everything says: counts of
records and of changes, and the series of the families that have some for each record. `EVERYWHERE` is of the
API's list and not of the share, so each shard says what the whole says. All else is each process's own:
times, durations, requests, bytes, values dropped, and the series of the counts. Zeros of the counts are a
shard's own too, since it knows only the words that it has seen, and so is the limit of series. Roll-ups count
the records of a shard, so they add up; their series do not, since a place may have records in each. Defects
and dangling references add up, too, but for names that occur twice: a shard compares its own records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.exposition import topology_families
from exporter.topology.rollups import ROLL_UPS as KINDS_OF_ROLL_UPS
from tests import histories, scripted

COUNTS = tuple(f"ses_inventory_{name}" for name in scripted.COLLECTIONS)
ROLL_UPS = tuple(f"ses_inventory_{kind.name}" for kind in KINDS_OF_ROLL_UPS)
DEFECTS = tuple(family.name for family in topology_families.FAMILIES if family.name.endswith("_defects"))
WITHIN = ("defect", "duplicate_name")
"""The defect that is judged within a shard."""
COUNTED = (*COUNTS, *ROLL_UPS, *DEFECTS)
SINCE = tuple(f"_{what}_since_timestamp_seconds" for what in ("status", "problem", "affected"))
ADDING_UP = tuple(
    f"{scripted.OWN}{name}"
    for name in (
        *("records", "records_unknown_status", "records_retained"),
        *("records_added_total", "records_changed_total", "records_removed_total"),
        *("duplicates_total", "status_changes_total", "series", "references_dangling"),
    )
)
EVERYWHERE = tuple(f"{scripted.OWN}{name}" for name in ("records_expected", "records_rejected_total"))
ODD = ("", "é🛰", "\x00", 'q"uote', "x" * 1100)
IDENTS = st.integers(0, 40).map("{:04}".format) | st.sampled_from(ODD).map("odd{}".format)
RECORDS = st.dictionaries(IDENTS, histories.PARTS, max_size=20)
Series = Mapping[scripted.Key, float]


def _inventory(records: Mapping[str, scripted.Json]) -> scripted.Inventory:
    """The same records in every list, under ids of its own."""
    return scripted.Inventory(
        {
            name: {f"{name[0].upper()}{ident}": parts for ident, parts in records.items()}
            for name in scripted.COLLECTIONS
        }
    )


async def _scraped(
    inventory: scripted.Inventory, shard: tuple[int, int], steps: Iterable[Mapping[str, scripted.Json]]
) -> Series:
    """What one exporter shows that has followed these steps."""
    config = {"index": shard[0], "count": shard[1]}
    async with scripted.exporting(inventory, shard=config) as house:
        for records in steps:
            inventory.lists = _inventory(records).lists
            await scripted.refresh(house)
        for _ in range(2):  # what is gone leaves with these at the latest, in every shard
            await scripted.refresh(house)
        return scripted.series(scripted.scrape(house).decode())


async def _coverages(inventory: scripted.Inventory, shard: tuple[int, int]) -> set[str]:
    """The labels by which exporters of the same records are recognized."""
    found = await _scraped(inventory, shard, [{}])
    return {dict(key[1])["coverage"] for key in found if key[0] == f"{scripted.OWN}current"}


async def test_replicas_have_the_same_coverage_and_shards_have_others() -> None:
    async with scripted.served(_inventory({})) as inventory:
        first, replica, second = [await _coverages(inventory, shard) for shard in ((0, 2), (0, 2), (1, 2))]
    assert first == replica
    assert len(first) == len(scripted.COLLECTIONS)
    assert not first & second


def _of_records(found: Series) -> dict[scripted.Key, float]:
    """The series that are of one record each. When it was first seen is each process's own."""
    return {
        key: 0 if key[0].endswith(SINCE) else value
        for key, value in found.items()
        if not key[0].startswith((scripted.OWN, "process_", "python_")) and key[0] not in COUNTED
    }


def _only(found: Series, names: Iterable[str]) -> dict[scripted.Key, float]:
    """The samples with these names; no zeros, and no `series` of counts and of the topology."""
    wanted = set(names)
    others = {("family", name) for name in COUNTED} | {WITHIN}
    return {key: value for key, value in found.items() if key[0] in wanted and value and not key[1] & others}


def _sum(shards: Iterable[Series]) -> dict[scripted.Key, float]:
    total: Counter[scripted.Key] = Counter()
    for shard in shards:
        total.update(shard)
    return dict(total)


@pytest.mark.histories
@settings(histories.LAW, max_examples=15)
@given(st.lists(RECORDS, min_size=1, max_size=3), st.sampled_from((2, 3, 5)))
async def test_the_shards_together_are_the_whole_and_no_record_is_in_two(steps: Any, count: int) -> None:
    async with scripted.served(_inventory({})) as inventory:
        whole = await _scraped(inventory, (0, 1), steps)
        shards = [await _scraped(inventory, (index, count), steps) for index in range(count)]
    parts = [_of_records(shard) for shard in shards]
    together = {key: value for part in parts for key, value in part.items()}
    assert together == _of_records(whole)
    assert sum(map(len, parts)) == len(together), "no series is in two"
    for names in (COUNTS, ROLL_UPS, DEFECTS, ADDING_UP):
        assert _sum(_only(shard, names) for shard in shards) == _only(whole, names)
    assert all(_only(shard, EVERYWHERE) == _only(whole, EVERYWHERE) for shard in shards)


async def test_a_record_of_another_shard_that_is_gone_rests_on_nothing_any_more() -> None:
    service = {"supportingResource": [{"id": "R0000"}]}
    resource = {"@type": "Satellite", "name": "SAT 1", "status": "Non-Operational"}
    lists = {
        "services": dict.fromkeys(scripted.idents("services", range(12)), service),
        "resources": {"R0000": resource},
    }
    shown = 0
    for index in range(3):
        inventory = scripted.Inventory(lists)
        async with (
            scripted.served(inventory),
            scripted.exporting(inventory, shard={"index": index, "count": 3}) as house,
        ):
            await scripted.refresh(house)
            own = _idents(scripted.texts(house)[0], "service_status", "service_id")
            gone = next(ident for ident in lists["services"] if (ident,) not in own)
            del inventory.lists["services"][gone]
            for _ in range(3):
                await scripted.refresh(house)
            found = scripted.series(scripted.texts(house)[0])
            shown += sum(
                value
                for (name, labels), value in found.items()
                if name == "ses_inventory_resource_dependents" and ("dependent_kind", "service") in labels
            )
    assert shown == 11


async def test_a_record_that_comes_twice_leaves_every_shard_complete() -> None:
    idents = scripted.idents("services", range(8))
    held: list[str] = []
    async with scripted.served(histories.listed(8)) as inventory:
        for index in range(3):
            inventory.lists["services"] = {ident: {} for ident in idents}
            inventory.twice = {idents[0]}
            async with scripted.exporting(inventory, shard={"index": index, "count": 3}) as house:
                await scripted.refresh(house)
                del inventory.lists["services"][idents[1]]
                await scripted.refresh(house)
                await scripted.refresh(house)
                assert [one.complete for one in house.store.status().collections] == [True, True, True]
                text = scripted.texts(house)[0]
                held += [ident for (ident,) in _idents(text, "service_status", "service_id")]
    assert sorted(held) == [idents[0], *idents[2:]], "what left the list has left its shard"


async def test_a_link_to_a_record_of_another_shard_is_shown_whole_by_the_shard_of_its_own_end() -> None:
    ends = [{"id": f"S{number:04}", "name": f"service {number}"} for number in range(8)]
    lists = {
        "services": {end["id"]: {"name": end["name"], "supportingService": ends} for end in ends},
        "carriers": {"C1": {"supportingService": ends, "supportingResource": [{"id": "R1", "name": "Sat"}]}},
        "resources": {"R1": {"@type": "Satellite"}},
    }
    inventory = scripted.Inventory(lists)
    async with scripted.served(inventory):
        shards = []
        for index in range(4):
            async with scripted.exporting(inventory, shard={"index": index, "count": 4}) as house:
                await scripted.refresh(house)
                shards.append(scripted.texts(house)[0])
    held = [set(_idents(text, "service_status", "service_id")) for text in shards]
    assert sum(map(bool, held)) > 1, "the ends are in more than one shard"
    for text, idents in zip(shards, held, strict=True):
        found = _idents(text, "service_relationship_info", "service_id", "related_service_id")
        assert set(found) == {(ident, end["id"]) for (ident,) in idents for end in ends}
    carried = [name for text in shards for name in _idents(text, "carrier_service_info", "service_name")]
    assert sorted(carried) == [(end["name"],) for end in ends]
    (row,) = (row for text in shards for row in _idents(text, "carrier_resource_info", "resource"))
    assert row == ("Sat",)


async def test_a_shard_knows_after_a_restart_what_it_knew_of_the_others() -> None:
    resource = {"@type": "Satellite", "name": "SAT 1", "status": "Non-Operational"}
    service = {"supportingResource": [{"id": "R0000"}]}
    lists = {"services": dict.fromkeys(scripted.idents("services", range(8)), service)}
    inventory = scripted.Inventory({**lists, "resources": {"R0000": resource}})
    async with scripted.served(inventory):
        for index in range(2):
            async with scripted.exporting(inventory, shard={"index": index, "count": 2}) as house:
                await scripted.refresh(house)
                served = scripted.texts(house)
                assert "ses_inventory_service_affected_since_timestamp_seconds{" in served[0]
                async with scripted.from_nothing(house) as other:
                    assert scripted.texts(other) == served
                    await scripted.refresh(other)
                    assert scripted.texts(other) == served


async def test_a_problem_affects_the_services_of_every_shard_and_counts_those_of_all() -> None:
    carriers = [f"C{number:04}" for number in range(6)]
    lists = {
        "services": {
            f"S{number:04}": {"name": "VSAT", "supportingService": [{"id": carriers[number % 6]}]}
            for number in range(24)
        },
        "carriers": {ident: {"supportingResource": [{"id": "R0000"}]} for ident in carriers},
        "resources": {"R0000": {"name": "SAT 1", "@type": "Satellite", "status": "Operational"}},
    }
    inventory = scripted.Inventory(lists)
    async with scripted.served(inventory), AsyncExitStack() as stack:
        shards = [
            await stack.enter_async_context(scripted.exporting(inventory, shard={"index": index, "count": 3}))
            for index in range(3)
        ]

        def shown(family: str, *labels: str) -> list[list[tuple[str, ...]]]:
            return [_idents(scripted.texts(shard)[0], family, *labels) for shard in shards]

        for mode, status in (("full", "Operational"), ("delta", "Degraded"), ("full", "Degraded")):
            inventory.change([("resources", 0, 1, {"status": status})])
            for shard in shards:
                await scripted.refresh(shard, mode)
            affected = shown("service_affected_since_timestamp_seconds", "service_id", "cause_id", "cause")
            owned = shown("service_status", "service_id")
            expected = [
                sorted((ident, "R0000", "SAT 1") for (ident,) in of_shard if status == "Degraded")
                for of_shard in owned
            ]
            assert [sorted(one) for one in affected] == expected
        assert all(owned), "each shard has some of the services"
        dependents = "resource_dependents"
        texts = [scripted.texts(shard)[0] for shard in shards if dependents in scripted.texts(shard)[0]]
        assert len(texts) == 1, "of the shard that has the satellite"
        counts = {
            dict(labels)["dependent_kind"]: value
            for (name, labels), value in scripted.series(texts[0]).items()
            if name == f"ses_inventory_{dependents}"
        }
        assert counts == {"service": 24, "carrier": 6, "party": 0}
        del inventory.lists["resources"]["R0000"]
        for _ in range(2):
            for shard in shards:
                await scripted.refresh(shard)
        assert not any(shown("service_affected_since_timestamp_seconds", "service_id"))


def _idents(text: str, family: str, *labels: str) -> list[tuple[str, ...]]:
    """These labels of each series of a family."""
    found = (dict(pairs) for name, pairs in scripted.series(text) if name == f"ses_inventory_{family}")
    return [tuple(one[label] for label in labels) for one in found]


async def test_what_dangles_in_the_whole_dangles_in_the_shard_that_holds_the_reference() -> None:
    lists: dict[str, dict[str, scripted.Json]] = {
        "services": {f"S{number}": {"supportingService": [{"id": f"S{number + 1}"}]} for number in range(9)}
    }
    others = (f"{scripted.OWN}references_dangling", frozenset({("collection", "services")}))
    async with scripted.served(scripted.Inventory(lists)) as inventory:
        found = []
        for shard in ((0, 1), (0, 2), (1, 2)):
            config = {"index": shard[0], "count": shard[1]}
            async with scripted.exporting(inventory, shard=config) as house:
                await scripted.refresh(house)
                await scripted.refresh(house)  # by when every collection is known
                found.append(scripted.series(scripted.scrape(house).decode())[others])
    whole, *shards = found
    assert whole == 1
    assert sum(shards) >= whole
