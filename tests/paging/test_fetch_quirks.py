"""Whole refreshes of the simulator's inventory in every paging style it speaks, with the quirks of lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import crawling

SMALLER = {"collections.services.page_size": 7, "collections.carriers.page_size": 7}
WHOLE = {"services": 30, "carriers": 50}


async def refreshed(folder: Path, dialect: str, *quirks: str) -> dict[str, tuple[int, bool | None, str]]:
    """Records held, completeness and problem by collection, after one refresh of an inventory with quirks."""
    async with crawling.house(folder, SMALLER, dialect=dialect, quirks=quirks) as (_, built):
        found = {}
        for name in WHOLE:
            poller = crawling.poller(built, name)
            await poller.refresh()
            assert poller.recorder.error == ""
            held = len(poller.snapshot.records)
            found[name] = held, poller.status.complete, poller.recorder.problem
        return found


@pytest.mark.parametrize("dialect", ["tmf-v4", "tmf-v5", "ses"])
@pytest.mark.parametrize("style", ["link", "cursor", "range", "none"])
async def test_every_style_reads_the_same_inventory(tmp_path: Path, dialect: str, style: str) -> None:
    found = await refreshed(tmp_path, dialect, f"style={style}")
    assert found == {name: (count, True, "") for name, count in WHOLE.items()}


@pytest.mark.parametrize(
    "quirks",
    [
        ("style=link", "clamp=5"),
        ("style=link", "link-relative"),
        ("style=link", "link-foreign"),
        ("style=link", "link-loop"),
        ("style=link", "link-shrunk"),
        ("style=link", "206-last", "count-omitted-when-zero"),
        ("style=link", "422-limit=3"),
        ("style=link", "envelope=items"),
        ("style=link", "single-object"),
        ("style=cursor", "clamp=5"),
        ("style=cursor", "link-relative", "404-end"),
        ("style=cursor", "link-loop"),
        ("style=cursor", "link-foreign"),
        ("style=cursor", "link-shrunk"),
        ("style=cursor", "total-drift"),
        ("style=cursor", "400-limit=3"),
        ("style=range", "clamp=5"),
        ("style=range", "no-headers"),
        ("style=range", "total-sometimes"),
        ("style=range", "404-end"),
        ("style=range", "422-limit=3"),
        ("v5-2026", "style=cursor"),
    ],
    ids=" ".join,
)
async def test_quirks_of_a_list_cost_no_record(tmp_path: Path, quirks: tuple[str, ...]) -> None:
    found = await refreshed(tmp_path, "tmf-v5", *quirks)
    assert {name: held for name, (held, _, _) in found.items()} == WHOLE
    if "total-drift" not in quirks:  # whose totals promise records that do not exist
        assert {complete for _, complete, _ in found.values()} == {True}


@pytest.mark.parametrize("end", ["link-foreign", "link-loop"])
async def test_f39_links_that_lead_astray_without_a_total_are_reported_and_cost_no_record(
    tmp_path: Path, end: str
) -> None:
    found = await refreshed(tmp_path, "ses", "style=link", end)
    assert {name: held for name, (held, _, _) in found.items()} == WHOLE
    said = {"link-foreign": "another origin ('other.invalid')", "link-loop": "nothing new"}[end]
    for _, complete, problem in found.values():
        assert complete is False
        assert said in problem or "in a circle" in problem


@pytest.mark.parametrize("status", [400, 422])
async def test_f35_a_refused_limit_is_halved_once_and_remembered(tmp_path: Path, status: int) -> None:
    changes = {"collections.carriers.page_size": 40}
    quirks = (f"{status}-limit=12",)
    async with crawling.house(tmp_path, changes, dialect="tmf-v4", quirks=quirks) as (simulator, built):
        poller = crawling.poller(built, "carriers")
        await poller.refresh()
        assert (len(poller.snapshot.records), poller.status.complete) == (50, True)
        assert simulator.requests == 2 + 6
        await poller.refresh("full")
        assert simulator.requests == 2 + 6 + 6
        assert poller.status.complete
