"""How many records have which status at the start, and how that is written."""

from __future__ import annotations

from collections import Counter

import pytest

from exporter.simulator import generator, status_shares
from exporter.simulator.record import (
    CARRIER,
    DOWN,
    KINDS,
    OPERATIONAL,
    PLANNED,
    RESOURCE,
    RETIRED,
    SERVICE,
)
from tests.simulator.conftest import Run
from tests.simulator.test_generator import NOW, assert_whole


def statuses(*texts: str) -> dict[str, Counter[str]]:
    sizes = generator.Sizes(200, 400, 600, status_shares.parse(texts))
    records = generator.generate(sizes, 638, NOW)
    assert_whole(records)
    types = ("Satellite", "BandwidthSegment", "Slot", "Card", "Port")
    return {kind: Counter(one.status for one in records[kind] if one.type not in types) for kind in KINDS}


def test_planned_and_retired_records_are_in_addition() -> None:
    usual = statuses()
    assert usual[CARRIER].total() == 400
    assert {PLANNED, RETIRED}.isdisjoint(usual[CARRIER])
    assert (usual[SERVICE][RETIRED], usual[RESOURCE][RETIRED]) == (1, 3)
    found = statuses("planned=0.05", "retired=0.1")
    assert found[CARRIER].total() == 400 + 20 + 40
    assert [(found[kind][PLANNED], found[kind][RETIRED]) for kind in (SERVICE, CARRIER, RESOURCE)] == [
        *((10, 20), (20, 40), (30, 60)),
    ]


def test_the_shares_of_the_other_statuses_are_within() -> None:
    assert statuses("down=1", "degraded=0", "maintenance=0")[CARRIER] == {DOWN: 400}
    assert statuses("down=0", "degraded=0", "maintenance=0")[CARRIER] == {OPERATIONAL: 400}
    half = statuses("down=0.5", "degraded=0.25", "maintenance=0.25")[CARRIER]
    assert half[OPERATIONAL] == 0
    assert 150 < half[DOWN] < 250


def test_what_is_planned_starts_in_the_future_and_nothing_rests_on_it() -> None:
    records = generator.generate(generator.Sizes(60, 80, 120, status_shares.parse(["planned=0.1"])), 638, NOW)
    everything = [one for kind in KINDS for one in records[kind]]
    planned = [one for one in everything if one.status == PLANNED]
    assert all(one.created < NOW < one.started for one in planned)
    in_service = [one for one in everything if one.status != PLANNED]
    assert not any(one.refers_to(far) for one in in_service for far in planned)


@pytest.mark.parametrize(
    ("dialect", "listed", "words"),
    [
        ("ses", 60 + 6 + 6, {"Planned": 6, "Retired": 6}),
        ("tmf-v4", 60 + 6, {"designed": 6}),
        ("tmf-v5", 60 + 6, {"designed": 6}),
    ],
)
async def test_they_are_listed_in_the_words_of_the_dialect(
    run: Run, dialect: str, listed: int, words: dict[str, int]
) -> None:
    client = await run(dialect=dialect, shares=("planned=0.1", "retired=0.1"))
    carriers = await client.walk("carriers")
    assert len(carriers) == listed
    found = Counter(one.get("status") or one.get("state") for one in carriers)
    assert {word: found[word] for word in words} == words
    assert len(await client.walk("services")) == (45 if dialect == "ses" else 45 + 5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("broken=0.1", "share 'broken=0.1': there is no status 'broken'; use one of down, degraded, maint"),
        ("down", "share 'down': '' is no share; use a number from 0 to 1"),
        ("down=1.5", "share 'down=1.5': '1.5' is no share; use a number from 0 to 1"),
        ("down=nan", "share 'down=nan': 'nan' is no share; use a number from 0 to 1"),
        ("down=1", "shares of down, degraded, maintenance add up to 1.016; use at most 1 in all"),
    ],
)
def test_what_is_no_share_is_refused_with_what_to_write(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="share") as refused:
        status_shares.parse([text])
    assert str(refused.value).startswith(message)
