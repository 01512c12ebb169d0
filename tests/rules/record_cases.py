"""Cases of resources in alarm and of the quality of the inventory. One sample every 30 seconds."""

from __future__ import annotations

from tests.rules.scenario import SINCE_TEXT, Case, Fires, Series, current, firing, series, silent

ALARM, VANISHED, PAST_END, GROWING = (
    f"Inventory{word}" for word in ("ResourceInAlarm", "RecordVanished", "ServicePastEnd", "DefectsGrowing")
)
R1 = {"resource_id": "R1", "name": "Modem 7", "resource_type": "Modem", "party": "Northwind", "place": "Nuuk"}
IN_ALARM = Fires(
    ALARM, R1, f"Modem Modem 7 has been in alarm since {SINCE_TEXT}: customer Northwind, place Nuuk"
)
CURRENT = current("1x900", "resources")


def problem(values: str, status: str = "available", condition: str = "degraded") -> Series:
    """The resource R1 with a problem."""
    return series(
        "resource_problem_since_timestamp_seconds", values, **R1, status=status, condition=condition
    )


def alarm(values: str, state: str = "major") -> Series:
    """The alarm state of R1."""
    return series("resource_state", values, resource_id="R1", dimension="alarm", state=state)


def removed(values: str, collection: str, instance: str = "a:1") -> Series:
    """The number of removed records."""
    return series("exporter_records_removed_total", values, instance=instance, collection=collection)


def vanished(number: int, collection: str, **more: str) -> Fires:
    """The alert on so many records that are gone."""
    return Fires(
        VANISHED,
        {"job": "i", "collection": collection},
        f"{number} {collection} are no longer in the inventory",
        "Removed within an hour, missing from complete crawls of i.",
        more,
    )


def past_end(values: str) -> Series:
    """The number of services past their end."""
    return series("service_defects", values, defect="past_end_but_operational")


def growing(number: int) -> Fires:
    """The alert on more carriers without a customer."""
    return Fires(
        GROWING,
        {"job": "i", "instance": "a:1", "defect": "no_party"},
        f"{number} more carriers than a day ago have the defect no_party",
        "Counted by exporter a:1. A change of the inventory, or of its interface, may be the cause.",
        {"collection": "carriers"},
    )


CASES = (
    Case(
        "a resource in alarm fires after two minutes, and is resolved when the alarm is cleared",
        [problem("_x4 Sx20 stale"), alarm("_x4 1x20 stale"), CURRENT],
        [*silent(ALARM, "210s"), *firing(IN_ALARM, "4m", "12m"), *silent(ALARM, "14m")],
    ),
    Case(
        "two alarms of a resource are one alert, and so is an alarm in the status value",
        [problem("Sx60", "alarm"), alarm("1x60"), alarm("1x60", "alarmOutstanding"), CURRENT],
        firing(IN_ALARM, "10m"),
    ),
    Case(
        "a resource that is down without an alarm, or whose alarm is cleared, is not in alarm",
        [problem("Sx60", "suspended", "down"), alarm("1x60", "cleared"), CURRENT],
        silent(ALARM, "10m"),
    ),
    Case(
        "an exporter that is gone resolves no alarm",
        [problem("Sx20 stale"), alarm("1x20 stale"), current("1x20 stale", "resources")],
        firing(IN_ALARM, "10m", "3h"),
    ),
    Case(
        "records that are removed are an event of about two hours, counted once for a pair",
        [removed("7x20 10x400", "carriers"), removed("1x20 4x400", "carriers", "b:1")],
        [
            *silent(VANISHED, "10m"),
            *firing(vanished(3, "carriers"), "14m", "60m", "120m"),
            *silent(VANISHED, "140m"),
        ],
    ),
    Case(
        "removed resources are information only",
        [removed("7x20 10x400", "resources")],
        firing(vanished(3, "resources", severity="info"), "14m"),
    ),
    Case(
        "a restart removes no record, and neither does an exporter that is gone",
        [removed("7x20 0x400", "services"), removed("7x200 stale", "carriers")],
        silent(VANISHED, "14m", "60m", "110m"),
    ),
    Case(
        "missing data does not end the alert on records that vanished at once",
        [removed("7x20 10x20 stale", "carriers")],
        firing(vanished(3, "carriers"), "24m", "60m"),
    ),
    Case(
        "services past their end fire after an hour, also without data, and no longer when their end "
        "is moved",
        [past_end("2x200 stale _x300 0x100")],
        [
            *silent(PAST_END, "59m"),
            *firing(
                Fires(
                    PAST_END,
                    {"job": "i"},
                    "2 services are past their end",
                    "The inventory of i has them in operation although their end has passed.",
                ),
                "61m",
                "200m",
            ),
            *silent(PAST_END, "252m"),
        ],
    ),
    Case(
        "defects that grow by ten and by a tenth within a day fire",
        [series("carrier_defects", "50x2900 65x300", defect="no_party"), current("1x3000")],
        [*silent(GROWING, "1440m", "1470m"), *firing(growing(15), "1500m")],
        "2m",
    ),
    Case(
        "defects that grow by nine, or by less than a tenth, do not fire",
        [
            series("carrier_defects", "50x2900 59x300", defect="no_party"),
            series("carrier_defects", "500x2900 540x300", defect="no_gateway"),
        ],
        silent(GROWING, "1500m"),
        "2m",
    ),
)
