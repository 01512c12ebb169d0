"""Cases of services: down or degraded themselves, affected by something else, and without data."""

from __future__ import annotations

from tests.rules.scenario import SINCE_TEXT, Case, Fires, Series, current, firing, series, silent

NOT_OPERATIONAL, DEGRADED, AFFECTED = (
    f"InventoryService{word}" for word in ("NotOperational", "Degraded", "Affected")
)
S1 = {
    "service_id": "S1",
    "name": "WAN Nuuk",
    "service_type": "Enterprise WAN",
    "party": "Northwind",
    "place": "Nuuk",
}
CAUSE = {
    "cause_kind": "resource",
    "cause_id": "R1",
    "cause": "Nuuk VSAT",
    "satellite": "SES-17",
    "gateway": "Betzdorf",
}
_WHOSE = f"since {SINCE_TEXT}: customer Northwind, place Nuuk"
DOWN = Fires(NOT_OPERATIONAL, S1, f"Service WAN Nuuk has been down {_WHOSE}")
EXPLAINED = Fires(
    NOT_OPERATIONAL,
    S1,
    f"Service WAN Nuuk has been down {_WHOSE}; cause: resource Nuuk VSAT, satellite SES-17, gateway Betzdorf",
)
SICK = Fires(DEGRADED, S1, f"Service WAN Nuuk has been degraded {_WHOSE}")
HIT = Fires(
    AFFECTED,
    {**S1, **CAUSE},
    f"Service WAN Nuuk has been affected since {SINCE_TEXT}: resource Nuuk VSAT is down; "
    "customer Northwind, place Nuuk, satellite SES-17, gateway Betzdorf",
)
CURRENT = current("1x900", "services")


def problem(values: str, instance: str = "a:1", condition: str = "down") -> Series:
    """The service S1 with a problem of its own."""
    labels = {**S1, "status": "terminated", "condition": condition}
    return series("service_problem_since_timestamp_seconds", values, instance=instance, **labels)


def affected(values: str, instance: str = "a:1", condition: str = "down", **changed: str) -> Series:
    """The service S1 resting on the resource R1, which has a problem."""
    labels = {**S1, **CAUSE, "cause_condition": condition, **changed}
    return series("service_affected_since_timestamp_seconds", values, instance=instance, **labels)


CASES = (
    Case(
        "a service that goes down fires after a minute with its customer, and is resolved when it is back",
        [problem("_x4 Sx20 stale"), CURRENT],
        [
            *silent(NOT_OPERATIONAL, "150s"),
            *firing(DOWN, "3m", "12m"),
            *silent(NOT_OPERATIONAL, "14m"),
            *silent(AFFECTED, "10m"),
        ],
    ),
    Case(
        "a service that is down names its cause, which is no other alert even if it is known later",
        [problem("Sx40 stale"), affected("_x10 Sx30 stale"), CURRENT],
        [*firing(DOWN, "3m"), *firing(EXPLAINED, "6m", "20m"), *silent(AFFECTED, "3m", "6m", "20m")],
    ),
    Case(
        "a degraded service is a warning, and one in maintenance no alert",
        [problem("Sx40 stale", condition="degraded"), problem("Sx40", "b:1", "maintenance"), CURRENT],
        [
            *silent(DEGRADED, "90s"),
            *firing(SICK, "150s", "15m"),
            *silent(DEGRADED, "22m"),
            *silent(NOT_OPERATIONAL, "10m"),
        ],
    ),
    Case(
        "a degraded service without data goes on",
        [problem("Sx40 stale", condition="degraded"), current("1x40 stale", "services")],
        firing(SICK, "10m", "5h"),
    ),
    Case(
        "a service that rests on something that is down is a warning with cause, customer and satellite",
        [affected("_x4 Sx40 stale"), CURRENT],
        [
            *silent(AFFECTED, "150s"),
            *firing(HIT, "3m", "22m", "30m"),
            *silent(AFFECTED, "34m"),
            *silent(NOT_OPERATIONAL, "10m"),
        ],
    ),
    Case(
        "a service that rests on something degraded or in maintenance raises no alert",
        [
            affected("Sx60", condition="degraded"),
            affected("Sx60", condition="maintenance", cause_id="R2"),
            CURRENT,
        ],
        silent(AFFECTED, "20m"),
    ),
    Case(
        "of several causes the oldest is named, in one alert a service",
        [affected("Sx60"), affected(f"{1700000600}x60", cause_id="R2", cause="Modem 7"), CURRENT],
        firing(HIT, "5m", "20m"),
    ),
    Case(
        "an exporter that is gone resolves nothing, and keeps the cause",
        [
            *(problem("Sx20 stale"), affected("Sx20 stale")),
            affected("Sx20 stale", service_id="S2"),
            current("1x20 stale", "services"),
        ],
        [
            *firing(EXPLAINED, "10m", "11m", "3h"),
            *firing(
                Fires(AFFECTED, {**HIT.labels, "service_id": "S2"}, HIT.summary),
                "10m",
                "3h",
            ),
        ],
    ),
    Case(
        "an API that is gone and a restart without a state file resolve nothing; a crawl with the "
        "service up does",
        [problem("Sx100 stale"), current("1x20 0x120 stale 0x20 1x60", "services")],
        [*firing(DOWN, "40m", "55m", "70m", "80m"), *silent(NOT_OPERATIONAL, "84m")],
    ),
    Case(
        "of a replica pair one is gone, and an instance is renamed: what is current counts",
        [
            *(problem("Sx20 stale"), problem("_x10 Sx30 stale", "b:1")),
            *(current("1x20 stale", "services"), current("_x10 1x200", "services", instance="b:1")),
        ],
        [*firing(DOWN, "5m", "15m", "20m"), *silent(NOT_OPERATIONAL, "23m")],
    ),
    Case(
        "a shard that is gone keeps its services down",
        [
            *(problem("Sx20 stale"), current("1x20 stale", "services", coverage="s0")),
            current("1x400", "services", instance="b:1", coverage="s1"),
        ],
        firing(DOWN, "15m", "3h"),
    ),
)
