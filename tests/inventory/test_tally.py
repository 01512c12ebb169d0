from __future__ import annotations

from exporter.inventory.condition import Condition
from exporter.inventory.record import Record
from exporter.inventory.snapshot import StatusCounts
from tests.inventory.reading import counted


def test_nothing_is_counted_as_nothing() -> None:
    assert counted([]) == StatusCounts()


def test_records_are_counted_by_status_and_by_what_it_means() -> None:
    found = counted(
        [
            Record("1", status="Up", condition=Condition.OPERATIONAL),
            Record("2", status="Down", condition=Condition.DOWN),
            Record("3", status="Up", condition=Condition.OPERATIONAL),
            Record("4", status="Odd", status_known=False),
            Record("5", status="Unknown"),
        ]
    )
    assert found == StatusCounts(
        records=5,
        statuses={"Up": 2, "Down": 1, "Odd": 1, "Unknown": 1},
        conditions={Condition.DOWN: 1, Condition.OPERATIONAL: 2, Condition.UNKNOWN: 2},
        unknown=("Odd",),
        unknown_records=1,
    )
    assert next(iter(found.statuses)) == "Up", "the most frequent first"
