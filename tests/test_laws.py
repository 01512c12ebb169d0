"""Laws of what is served, for any lists and any history: seen from outside, over sockets.

The exposition follows from what is held: nothing else may show, not how it came about nor the order in which
it came. `metrics.test_laws` has the first law for the renderer by itself, with all its measures; `test_forms`
has that of the forms in which one text is given, `test_shards` that of shards.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import histories, scripted

pytestmark = [pytest.mark.histories, pytest.mark.timeout(900)]

FORGETFUL = (
    *("_status_since_timestamp_seconds", "_status_changes_total"),
    *("_problem_since_timestamp_seconds", "_affected_since_timestamp_seconds"),
)
"""Families that tell of the past, which a first crawl cannot know."""


def _is_kept(key: scripted.Key, value: float) -> bool:
    """Whether a first crawl can know it: counts at zero are of what once was."""
    return value != 0 or key[0].endswith("_operational")


def _present(text: str) -> dict[scripted.Key, float]:
    """The samples that tell of the present alone."""
    found = scripted.series(text)
    return {k: v for k, v in found.items() if not k[0].endswith(FORGETFUL) and _is_kept(k, v)}


@settings(histories.LAW, max_examples=30)
@given(histories.SIZES, histories.STEPS)
async def test_after_any_history_the_text_is_what_rendering_from_nothing_gives(size: int, steps: Any) -> None:
    async with scripted.served(histories.listed(size)) as inventory, scripted.exporting(inventory) as house:
        for mode, changes in (("full", ()), *steps):
            await scripted.step(inventory, house, mode, changes)
            served = scripted.texts(house)
            async with scripted.from_nothing(house) as other:
                assert served == scripted.texts(other)
            assert served[0] == served[2], "gzip and identity"


@settings(histories.LAW, max_examples=25)
@given(histories.SIZES, histories.STEPS)
async def test_after_any_history_two_full_refreshes_show_what_a_first_crawl_shows(
    size: int, steps: Any
) -> None:
    """Two, for the place of a record that only a delta listed is in no list: four crawls must lack it."""
    async with scripted.served(histories.listed(size)) as inventory, scripted.exporting(inventory) as house:
        for mode, changes in (("full", ()), *steps, ("full", ()), ("full", ())):
            await scripted.step(inventory, house, mode, changes)
        async with scripted.exporting(inventory) as other:
            await scripted.refresh(other)
            assert _present(scripted.texts(house)[0]) == _present(scripted.texts(other)[0])


UNSEEN = {
    "services": {"@type", "startOperatingDate", "resourceRelationship", "resourceCharacteristic"},
    "carriers": {"@type", "category", "startOperatingDate", "resourceRelationship", "resourceCharacteristic"},
    "resources": {
        *("serviceType", "serviceSpecification", "serviceRelationship", "serviceCharacteristic"),
        *("startDate", "supportingResource", "supportingService"),
    },
}
"""Fields that a collection's records do not have, or that none of its families shows."""


def _said_of(text: str, collection: str) -> list[str]:
    """The samples of one collection."""
    kind = collection.removesuffix("s")
    return [line for line in text.splitlines() if line.startswith(f"ses_inventory_{kind}")]


async def test_a_change_of_any_one_field_alone_reaches_the_text() -> None:
    assert histories.CHANGED.keys() == histories.FIELDS.keys()
    changing = {name: scripted.idents(name, [7])[0] for name in scripted.COLLECTIONS}
    async with scripted.served(histories.listed(70)) as inventory, scripted.exporting(inventory) as house:
        await scripted.refresh(house)
        before = scripted.texts(house)[0]
        for field, (old, new) in histories.CHANGED.items():
            for value in (new, old):
                for name, ident in changing.items():
                    inventory.put(name, ident, {field: value})
                await scripted.refresh(house)
                served = scripted.texts(house)
                for name in changing:
                    same = _said_of(served[0], name) == _said_of(before, name)
                    assert same == (field in UNSEEN[name]), f"{field} of {name}"
                async with scripted.from_nothing(house) as other:
                    assert served == scripted.texts(other), field
                before = served[0]


@settings(histories.LAW, max_examples=25)
@given(
    st.dictionaries(histories.NUMBERS, histories.PARTS, max_size=8),
    st.randoms(use_true_random=False),
    st.sampled_from((1, 2, 50)),
)
async def test_records_in_any_order_of_arrival_are_one_text(
    records: Any, chance: Any, page_size: int
) -> None:
    dated = {number: {**parts, "lastUpdate": "2026-01-01"} for number, parts in records.items()}
    found = set()
    for size in (50, page_size):
        inventory = histories.listed(0)
        for name in scripted.COLLECTIONS:
            for number in chance.sample(sorted(dated), len(dated)):
                inventory.put(name, scripted.idents(name, [number])[0], dated[number])
        collections = {name: {"page_size": size} for name in scripted.COLLECTIONS}
        async with (
            scripted.served(inventory),
            scripted.exporting(inventory, collections=collections) as house,
        ):
            await scripted.refresh(house)
            found.add(scripted.texts(house))
    assert len(found) == 1


@settings(histories.LAW, max_examples=15)
@given(histories.SIZES, histories.STEPS)
async def test_scrapes_without_a_change_between_them_are_the_same_bytes(size: int, steps: Any) -> None:
    """Two full refreshes come first: what only a delta listed and is gone is shown until the second one."""
    async with scripted.served(histories.listed(size)) as inventory, scripted.exporting(inventory) as house:
        for mode, changes in (("full", ()), *steps, ("full", ()), ("full", ())):
            await scripted.step(inventory, house, mode, changes)
        first = [scripted.scrape(house, encoding=encoding) for encoding in ("gzip", "identity")]
        await scripted.refresh(house)  # which finds everything as it was
        again = [scripted.scrape(house, encoding=encoding) for encoding in ("gzip", "identity")]
    for encoding, one, other in zip(("gzip", "identity"), first, again, strict=True):
        told = f"{scripted.OWN}exposition_bytes", frozenset({("encoding", encoding)})
        length = int(scripted.series(first[1].decode())[told])
        assert one[:length] == other[:length]
    assert len(scripted.inventory_of(first[1].decode()).encode()) == length, "so much is the inventory's"


async def test_references_are_counted_anew_where_one_target_goes_as_another_comes() -> None:
    links = {"C1": {"supportingResource": [{"id": "R1"}]}}
    told = f"{scripted.OWN}references_dangling", frozenset({("collection", "carriers")})
    async with (
        scripted.served(scripted.Inventory({"carriers": links, "resources": {"R1": {}}})) as inventory,
        scripted.exporting(inventory) as house,
    ):
        for target, dangling in (("R1", 0), ("R2", 1), ("R1", 0)):
            inventory.lists["resources"] = {target: {}}
            await scripted.refresh(house)
            await scripted.refresh(house)  # by when the carriers, asked first, have seen the resources
            assert scripted.series(scripted.scrape(house).decode())[told] == dangling


async def test_references_that_a_delta_changed_are_counted_by_the_next_full_crawl() -> None:
    links = {"C1": {"supportingResource": [{"id": "R1"}]}}
    told = f"{scripted.OWN}references_dangling", frozenset({("collection", "carriers")})
    async with (
        scripted.served(scripted.Inventory({"carriers": links, "resources": {"R1": {}}})) as inventory,
        scripted.exporting(inventory) as house,
    ):
        await scripted.refresh(house)
        await scripted.refresh(house)
        inventory.put("carriers", "C1", {"supportingResource": [{"id": "R2"}]})
        await scripted.refresh(house, "delta")
        await scripted.refresh(house)
        assert scripted.series(scripted.scrape(house).decode())[told] == 1


async def test_a_record_that_is_left_out_and_comes_twice_leaves_the_collection_complete() -> None:
    lists = {"resources": {"R1": {"@type": "Modem"}, "R2": {"@type": "Card"}}}
    async with (
        scripted.served(scripted.Inventory(lists)) as inventory,
        scripted.exporting(inventory) as house,
    ):
        inventory.twice = {"R2"}
        await scripted.refresh(house)
        assert [one.complete for one in house.store.status().collections] == [True, True, True]
