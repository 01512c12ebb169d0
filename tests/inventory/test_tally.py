from __future__ import annotations

from exporter.inventory.record import Record
from exporter.inventory.snapshot import StatusCounts, status_counts


def test_nothing_is_counted_as_nothing() -> None:
    assert status_counts([]) == StatusCounts()


def test_records_are_counted_by_status_and_by_what_it_means() -> None:
    found = status_counts(
        [
            Record("1", status="Up", operational=True),
            Record("2", status="Down", operational=False),
            Record("3", status="Up", operational=True),
            Record("4", status="Odd", operational=None, status_known=False),
            Record("5", status="Unknown", operational=None),
        ]
    )
    assert found == StatusCounts(
        records=5,
        statuses={"Up": 2, "Down": 1, "Odd": 1, "Unknown": 1},
        operational=2,
        not_operational=1,
        unknown=("Odd",),
        unknown_records=1,
    )
    assert next(iter(found.statuses)) == "Up", "the most frequent first"
