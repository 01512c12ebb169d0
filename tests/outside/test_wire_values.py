"""Numbers and dates whose notation only a programming language reads, seen in the exposition."""

from __future__ import annotations

import math

import pytest

from exporter.inventory import dates, text
from tests import scripted

NUMBERS = {"symbolRate": {"metric": "symbol_rate_hertz", "scale": 1e6}}
GAUGE = "ses_inventory_carrier_symbol_rate_hertz"


async def gauges(*written: object) -> tuple[dict[str, float], float]:
    """The gauge of each carrier by id, and how many values were counted as unreadable numbers."""
    records = {
        f"C{number:04}": {
            "status": "Operational",
            "serviceCharacteristic": [{"name": "symbolRate", "value": one}],
        }
        for number, one in enumerate(written)
    }
    async with scripted.served(scripted.Inventory({"carriers": records})) as inventory:
        collections = {name: {"page_size": 50, "characteristics": NUMBERS} for name in scripted.COLLECTIONS}
        async with scripted.exporting(inventory, collections=collections) as house:
            await scripted.refresh(house)
            found = scripted.series(scripted.scrape(house).decode())
    shown = {dict(labels)["carrier_id"]: value for (name, labels), value in found.items() if name == GAUGE}
    dropped = {"collection": "carriers", "reason": "number"}
    counter = "ses_inventory_exporter_values_dropped_total"
    counted = [
        value
        for (name, labels), value in found.items()
        if name == counter and dropped.items() <= dict(labels).items()
    ]
    return shown, sum(counted)


async def test_t21_numbers_are_those_of_json_and_prometheus_only() -> None:
    foreign = [
        "1_000",
        "١٢",
        "１２",
        "inf",
        "Infinity",
        "-inf",
        "nan",
        "0x10",
        "1e",
        "1 000",
        "\u00a012",
        "1__0",
        ".",
    ]
    shown, dropped = await gauges("12", "-0.5e1", "+7", ".5", "007", *foreign)
    assert shown == {"C0000": 12e6, "C0001": -5e6, "C0002": 7e6, "C0003": 5e5, "C0004": 7e6}
    assert dropped == len(foreign)


async def test_t21_booleans_are_not_scaled() -> None:
    shown, dropped = await gauges(True, False, "true", "FALSE", 1)
    assert shown == {"C0000": 1, "C0001": 0, "C0002": 1, "C0003": 0, "C0004": 1e6}
    assert dropped == 0


async def test_a12_what_is_infinite_after_scaling_is_not_published() -> None:
    shown, dropped = await gauges(1e305, "-1e305", 1e300)
    assert [*shown] == ["C0002"]
    assert all(map(math.isfinite, shown.values()))
    assert dropped == 2


@pytest.mark.parametrize("written", ["2026-W03-4", "2026-01-15X12:00:00", "２０２６-01-15", "2026-015"])
def test_t21_dates_are_those_that_are_documented(written: str) -> None:
    assert dates.moment(written) is None


def test_a_number_of_a_million_digits_is_none() -> None:
    assert text.number("1" * 1_000_000) is None
    assert text.number(f"{' ' * 1_000_000}x") is None
