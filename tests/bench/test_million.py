"""The table of the million: a promise that is not held is never shown as held."""

from __future__ import annotations

import pytest

from bench import million
from tests.bench import points

GOOD = million.Shard(
    shards=10,
    expected=99_990,
    series=2_000_000,
    records=99_990,
    listed=99_990,
    taken=2_000_000,
    seconds=9.0,
    resident=8_000_000_000,
)


def test_every_promise_is_held_where_the_figures_are_good() -> None:
    one = points.point(300_000)
    rows = million.table(one, {"carriers": one.series}, GOOD)
    assert [row.what for row in rows if not row.holds] == []


@pytest.mark.parametrize(
    ("change", "row"),
    [
        ({"records": 99_989}, "records of the shard 0 of 10, by Prometheus"),
        ({"listed": 99_991}, "info series of the shard 0 of 10, by Prometheus"),
        ({"taken": 1_999_999}, "series of the shard 0 of 10, by Prometheus"),
        ({"seconds": 61.0}, "Prometheus' scrape of the shard 0 of 10"),
    ],
)
def test_a_shard_that_did_not_arrive_whole_breaks_its_promise(change: dict[str, float], row: str) -> None:
    one = points.point(300_000)
    rows = million.table(one, {"carriers": one.series}, GOOD._replace(**change))
    assert [found.what for found in rows if not found.holds] == [row]


def test_memory_cpu_and_samples_have_promises_of_their_own() -> None:
    one = points.point(3_000_000)
    rows = million.table(one, {"carriers": one.series - 1}, GOOD)
    assert [row.holds for row in rows[:4]] == [False] * 4


def test_what_else_is_known_is_shown_too() -> None:
    shown = dict(million.figures(points.point(1_000_000), GOOD))
    assert shown["resident a record"] == "3,060 bytes"
    assert shown["Prometheus' memory a series"] == "4,000 bytes"


def test_shards_hold_all_carriers_between_them() -> None:
    assert million.held(1000, 1) == 1000
    assert 50 < million.held(1000, 10) < 150
