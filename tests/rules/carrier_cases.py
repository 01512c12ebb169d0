"""Cases of single carriers: down, degraded, in maintenance, going down repeatedly, and without data."""

from __future__ import annotations

from tests.rules.scenario import SINCE_TEXT, Case, Fires, Series, current, firing, series, silent

NOT_OPERATIONAL, DEGRADED, FLAPPING = (
    f"InventoryCarrier{word}" for word in ("NotOperational", "Degraded", "Flapping")
)
C1 = {
    "carrier_id": "C1",
    "name": "F0001",
    "satellite": "SES-17",
    "transponder": "TP7K",
    "gateway": "Betzdorf",
    "party": "Northwind",
}
_WHERE = "customer Northwind, satellite SES-17, transponder TP7K, gateway Betzdorf"
DOWN = Fires(NOT_OPERATIONAL, C1, f"Carrier F0001 has been down since {SINCE_TEXT}: {_WHERE}")
BARE = Fires(
    NOT_OPERATIONAL,
    {"carrier_id": "C2"},
    f"Carrier C2 has been down since {SINCE_TEXT}: "
    "customer unknown, satellite unknown, transponder unknown, gateway unknown",
)
SICK = Fires(DEGRADED, C1, f"Carrier F0001 has been degraded since {SINCE_TEXT}: {_WHERE}")
FLAPS = Fires(FLAPPING, C1, f"Carrier F0001 went down 2 more times within an hour: {_WHERE}")


def problem(values: str, instance: str = "a:1", condition: str = "down", **changed: str) -> Series:
    """The carrier C1 with a problem."""
    labels = {**C1, "status": condition.title(), "carrier_type": "Forward", "condition": condition, **changed}
    return series("carrier_problem_since_timestamp_seconds", values, instance=instance, **labels)


def bare(values: str, instance: str = "a:1") -> Series:
    """The carrier C2, of which nothing but the id is known."""
    labels = {"carrier_id": "C2", "condition": "down"}
    return series("carrier_problem_since_timestamp_seconds", values, instance=instance, **labels)


CASES = (
    Case(
        "a carrier that goes down fires after half a minute with its context, and is resolved when "
        "it is back",
        [problem("_x4 Sx20 stale"), current("1x60")],
        [
            *silent(NOT_OPERATIONAL, "90s", "2m"),
            *firing(DOWN, "150s", "12m", "750s"),
            *silent(NOT_OPERATIONAL, "13m"),
        ],
    ),
    Case(
        "a carrier of which only the id is known fires as well",
        [bare("Sx60"), current("1x60")],
        firing(BARE, "5m"),
    ),
    Case(
        "a carrier that is down in one evaluation only does not fire",
        [problem("_x4 S stale"), current("1x60")],
        silent(NOT_OPERATIONAL, "2m", "150s", "3m", "10m"),
    ),
    Case(
        "a carrier in maintenance raises no alert",
        [problem("Sx60", condition="maintenance"), current("1x60")],
        [*silent(NOT_OPERATIONAL, "20m"), *silent(DEGRADED, "20m"), *silent(FLAPPING, "20m")],
    ),
    Case(
        "a degraded carrier is a warning after two minutes, and is resolved when it is back",
        [problem("Sx40 stale", condition="degraded"), current("1x60")],
        [
            *silent(DEGRADED, "90s"),
            *firing(SICK, "2m", "20m"),
            *silent(DEGRADED, "21m"),
            *silent(NOT_OPERATIONAL, "10m"),
        ],
    ),
    Case(
        "a degraded carrier without data goes on",
        [problem("Sx40 stale", condition="degraded"), current("1x40 stale")],
        firing(SICK, "10m", "5h"),
    ),
    Case(
        "a carrier that was down and is in maintenance or degraded now is down no more",
        [problem("Sx20 stale"), problem("_x21 Sx60", condition="degraded"), current("1x99")],
        [*firing(DOWN, "10m"), *silent(NOT_OPERATIONAL, "12m"), *firing(SICK, "13m")],
    ),
    Case(
        "an exporter that is gone resolves nothing for a day",
        [problem("Sx20 stale"), current("1x20 stale")],
        [*firing(DOWN, "10m", "12m", "2h", "23h"), *silent(NOT_OPERATIONAL, "1456m")],
        "2m",
    ),
    Case(
        "an exporter that is gone and comes back with the carrier up resolves it",
        [problem("Sx20 stale"), current("1x20 stale _x1000 0x10 1x20")],
        [*firing(DOWN, "10m", "510m", "515m"), *silent(NOT_OPERATIONAL, "518m")],
    ),
    Case(
        "missing data: series that end without a mark resolve nothing either",
        [problem("Sx20"), current("1x20")],
        firing(DOWN, "3h"),
    ),
    Case(
        "an API that is gone resolves nothing, not even when the snapshot has expired; its return does",
        [problem("Sx100 stale"), current("1x20 0x400 1x20")],
        [*firing(DOWN, "10m", "50m", "52m", "210m"), *silent(NOT_OPERATIONAL, "213m")],
    ),
    Case(
        "a restart without a state file resolves nothing, and a carrier that is still down goes on",
        [problem("Sx20 stale _x30 Sx50"), current("1x20 stale 0x28 1x50")],
        firing(DOWN, "10m", "11m", "20m", "26m", "40m"),
    ),
    Case(
        "a restart without a state file resolves a carrier when the first crawl has it up",
        [problem("Sx20 stale"), current("1x20 stale 0x28 1x50")],
        [*firing(DOWN, "10m", "20m", "25m"), *silent(NOT_OPERATIONAL, "27m")],
    ),
    Case(
        "a restart with a state file goes on from it",
        [problem("Sx20 stale Sx20 stale"), current("1x20 stale 0x10 1x50")],
        [*firing(DOWN, "10m", "11m", "20m"), *silent(NOT_OPERATIONAL, "23m")],
    ),
    Case(
        "of a replica pair one is gone: the other goes on, and its word resolves",
        [
            problem("Sx20 stale"),
            problem("Sx40 stale", "b:1"),
            current("1x20 stale"),
            current("1x99", instance="b:1"),
        ],
        [*firing(DOWN, "10m", "11m", "20m"), *silent(NOT_OPERATIONAL, "22m")],
    ),
    Case(
        "a replica pair makes one alert, even where the two disagree on the name",
        [
            problem("Sx99"),
            problem(f"_x9 {1700000600}x90", "b:1", name="F0001 renamed"),
            current("1x99"),
            current("1x99", instance="b:1"),
        ],
        firing(DOWN, "3m", "20m"),
    ),
    Case(
        "a replica that is behind neither hides a carrier that is down nor keeps one that is back",
        [
            *(current("0x99", instance="old:1"), current("1x99", instance="new:1")),
            *(problem("Sx99", "new:1"), bare("Sx99", "old:1")),
        ],
        firing(DOWN, "10m"),
    ),
    Case(
        "the word of an exporter that is behind counts where there is no other",
        [problem("Sx99"), current("1x9 0x90")],
        firing(DOWN, "40m"),
    ),
    Case(
        "a shard that is gone keeps its carriers down, whatever another one says",
        [
            *(problem("Sx20 stale", "shard0:1"), current("1x20 stale", instance="shard0:1", coverage="s0")),
            *(bare("Sx20 stale", "shard1:1"), current("1x400", instance="shard1:1", coverage="s1")),
        ],
        firing(DOWN, "12m", "3h"),
    ),
    Case(
        "an instance that is renamed resolves nothing, and what it says counts once it is current",
        [
            *(problem("Sx20 stale"), current("1x20 stale")),
            *(problem("_x40 Sx20 stale", "b:1"), current("_x25 0x14 1x60", instance="b:1")),
        ],
        [*firing(DOWN, "10m", "11m", "15m", "20m", "30m"), *silent(NOT_OPERATIONAL, "32m")],
    ),
    Case(
        "a carrier that is renamed while it is down is the same alert",
        [problem("Sx20 stale"), problem("_x21 Sx60", name="F0001 renamed"), current("1x99")],
        firing(DOWN, "10m", "11m", "30m"),
    ),
    Case(
        "missing data: while the series limit drops series of the family, none of them is over",
        [
            *(problem("Sx20 stale"), current("1x200")),
            series(
                "exporter_series_dropped",
                "0x20 1x180",
                family="ses_inventory_carrier_problem_since_timestamp_seconds",
            ),
        ],
        firing(DOWN, "10m", "90m"),
    ),
    Case(
        "a carrier that goes down three times within an hour is flapping, for half an hour more",
        [problem("1x4 stale _x9 2x4 stale _x9 Sx4 stale"), current("1x400")],
        [*silent(FLAPPING, "15m"), *firing(FLAPS, "18m", "60m"), *silent(FLAPPING, "110m")],
    ),
    Case(
        "a carrier that goes down twice within an hour is not flapping",
        [problem("1x4 stale _x9 Sx4 stale"), current("1x400")],
        silent(FLAPPING, "10m", "18m", "60m"),
    ),
    Case(
        "missing data does not end the alert on a flapping carrier at once",
        [problem("1x4 stale _x9 2x4 stale _x9 Sx4 stale"), current("1x36 stale")],
        firing(FLAPS, "18m", "60m"),
    ),
)
