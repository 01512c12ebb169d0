"""Cases of outages: many carriers of a satellite, transponder or gateway at once, and what they leave out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.rules.scenario import Case, Fires, Series, current, firing, series, silent

SATELLITE, TRANSPONDER, GATEWAY = (
    f"Inventory{place}CarriersDown" for place in ("Satellite", "Transponder", "Gateway")
)
NOT_OPERATIONAL, SERVICE_DOWN, AFFECTED = (
    f"Inventory{word}" for word in ("CarrierNotOperational", "ServiceNotOperational", "ServiceAffected")
)

ROLLUPS = {
    "satellite": ("satellite",),
    "transponder": ("satellite", "transponder"),
    "gateway": ("satellite", "gateway"),
}
"""The labels of each roll-up of carriers by place."""


@dataclass(frozen=True)
class Carrier:
    """A carrier by what it runs over, and whether it goes down."""

    satellite: str
    transponder: str
    gateway: str
    goes_down: bool


def carriers(
    count: int, down: int, satellite: str = "SES-17", transponder: str = "", gateway: str = ""
) -> list[Carrier]:
    """So many carriers of a satellite, of which the first so many go down; transponder and gateway
    differ unless given.
    """
    return [
        Carrier(
            satellite,
            transponder or f"{satellite}/T{number}",
            gateway or f"{satellite}/G{number}",
            number < down,
        )
        for number in range(count)
    ]


def fleet(
    found: Sequence[Carrier],
    *,
    start: int = 4,
    lasting: int = 40,
    end: str = "up",
    instance: str = "a:1",
    first: int = 0,
) -> list[Series]:
    """The problems and roll-ups of carriers that go down with sample `start` for so many samples.

    `end` is what happens then: "up", all are back; "gone", the exporter is; "restart", it is for 21 samples,
    and all are back then. The ids are numbered from `first`.
    """
    return [
        *_problems(found, first, f"_x{start} Sx{lasting - 1} stale", instance),
        *_rollups(found, start, lasting, end, instance),
    ]


def _problems(found: Sequence[Carrier], first: int, values: str, instance: str) -> Iterator[Series]:
    for number, one in enumerate(found, first):
        if one.goes_down:
            yield series(
                "carrier_problem_since_timestamp_seconds",
                values,
                instance=instance,
                **{
                    "carrier_id": f"C{number}",
                    "name": f"F{number}",
                    "party": "Northwind",
                    "condition": "down",
                },
                **{"satellite": one.satellite, "transponder": one.transponder, "gateway": one.gateway},
            )


def _rollups(found: Sequence[Carrier], start: int, lasting: int, end: str, instance: str) -> Iterator[Series]:
    for kind, names in ROLLUPS.items():
        total = Counter(tuple((name, getattr(one, name)) for name in names) for one in found)
        down = Counter(tuple((name, getattr(one, name)) for name in names) for one in found if one.goes_down)
        for place, number in total.items():
            lost = down[place]
            for condition, first, then in (
                ("down", 0, lost),
                ("operational", number, number - lost),
                ("planned", 90, 90),
            ):
                after = {"up": f"{first}x200", "gone": "stale", "restart": f"stale _x20 {first}x200"}[end]
                values = f"{first}x{start - 1} {then}x{lasting - 1} {after}"
                yield series(
                    f"{kind}_carriers", values, instance=instance, condition=condition, **dict(place)
                )


def affected(number: int, satellite: str, values: str, gateway: str = "") -> list[Series]:
    """So many services of two customers that rest on the satellite."""
    return [
        series(
            "service_affected_since_timestamp_seconds",
            values,
            **{
                "service_id": f"S{one}",
                "name": f"WAN {one}",
                "party": f"Customer {one % 2}",
                "satellite": satellite,
            },
            **{"cause_kind": "resource", "cause_id": "SAT1", "cause": satellite, "cause_condition": "down"},
            gateway=gateway,
        )
        for one in range(number)
    ]


def down_service(values: str) -> Series:
    """The first of these services is reported as down itself."""
    return series(
        "service_problem_since_timestamp_seconds", values, service_id="S0", name="WAN 0", condition="down"
    )


def satellite(m: int, n: str, services: str = "0", customers: str = "0", name: str = "SES-17") -> Fires:
    """The alert on a satellite: m of n carriers."""
    return Fires(
        SATELLITE,
        {"satellite": name},
        f"Satellite {name}: {m}{n} carriers are down",
        f"Affected: {services} services of {customers} customers. Its carriers and services raise no "
        "alerts of their own.",
    )


def gateway(m: int, n: str, name: str = "G1") -> Fires:
    """The alert on a gateway."""
    return Fires(
        GATEWAY,
        {"gateway": name},
        f"Gateway {name}: {m}{n} carriers are down",
        "Affected: 0 services of 0 customers. Its carriers and services raise no alerts of their own.",
    )


TEN = carriers(10, 5)
HALF = satellite(5, " of 10")
TP1 = Fires(
    TRANSPONDER,
    {"satellite": "SES-17", "transponder": "TP1"},
    "Transponder TP1: 3 of 6 carriers are down",
    "Satellite SES-17. Its carriers raise no alerts of their own.",
)
BOTH = (current("1x400"), current("1x400", "services"))

CASES = (
    Case(
        "five carriers of ten are an outage of the satellite, without alerts on carriers, and over "
        "when they are back",
        [*fleet(TEN), *affected(7, "SES-17", "_x4 Sx39 stale"), down_service("_x4 Sx39 stale"), *BOTH],
        [
            *silent(SATELLITE, "2m"),
            *firing(satellite(5, " of 10", "7", "2"), "150s", "20m", "22m"),
            *silent(SATELLITE, "24m"),
            *silent(NOT_OPERATIONAL, "150s", "3m", "20m", "22m", "24m"),
            *silent(TRANSPONDER, "10m"),
            *silent(GATEWAY, "10m"),
            *silent(SERVICE_DOWN, "10m", "20m"),
            *silent(AFFECTED, "10m", "20m"),
        ],
    ),
    Case(
        "four carriers are too few for an outage", [*fleet(carriers(6, 4)), *BOTH], silent(SATELLITE, "10m")
    ),
    Case(
        "five carriers of eleven are too small a share for an outage of the satellite, and fire one by one",
        [*fleet(carriers(11, 5)), *BOTH],
        [*silent(SATELLITE, "10m"), *silent(GATEWAY, "10m"), *silent(TRANSPONDER, "10m")],
    ),
    Case(
        "carriers without a satellite, transponder and gateway make no outage",
        [
            *(
                series(
                    "carrier_problem_since_timestamp_seconds", "Sx60", carrier_id=f"C{one}", condition="down"
                )
                for one in range(9)
            ),
            *BOTH,
        ],
        [*silent(SATELLITE, "10m"), *silent(TRANSPONDER, "10m"), *silent(GATEWAY, "10m")],
    ),
    Case(
        "three carriers of six are an outage of the transponder, without alerts on carriers",
        [*fleet(carriers(6, 3, transponder="TP1")), *BOTH],
        [
            *silent(TRANSPONDER, "2m"),
            *firing(TP1, "150s", "20m"),
            *silent(TRANSPONDER, "24m"),
            *silent(NOT_OPERATIONAL, "3m", "20m"),
            *silent(SATELLITE, "10m"),
        ],
    ),
    Case(
        "two carriers of a transponder are too few",
        [*fleet(carriers(2, 2, transponder="TP1")), *BOTH],
        silent(TRANSPONDER, "10m"),
    ),
    Case(
        "a satellite with its transponder down is the alert on the satellite alone",
        [*fleet(carriers(6, 5, transponder="TP1")), *BOTH],
        [*firing(satellite(5, " of 6"), "5m"), *silent(TRANSPONDER, "5m"), *silent(NOT_OPERATIONAL, "5m")],
    ),
    Case(
        "a satellite that fails through two gateways is no outage of these",
        [
            *fleet(
                [
                    *(*carriers(5, 5, gateway="G1"), *carriers(5, 5, gateway="G2")),
                    *(*carriers(4, 0, "SES-4", gateway="G1"), *carriers(4, 0, "SES-4", gateway="G2")),
                ]
            ),
            *BOTH,
        ],
        [*firing(satellite(10, " of 10"), "4m"), *silent(GATEWAY, "3m", "4m", "20m", "24m")],
    ),
    Case(
        "a gateway that fails and takes most of a satellite along fires as well",
        [
            *fleet(
                [
                    *(*carriers(5, 5, gateway="G1"), *carriers(1, 0, gateway="G2")),
                    *carriers(2, 2, "SES-4", gateway="G1"),
                ]
            ),
            *BOTH,
        ],
        [
            *firing(satellite(5, " of 6"), "4m"),
            *firing(gateway(7, " of 7"), "4m"),
            *silent(NOT_OPERATIONAL, "4m"),
        ],
    ),
    Case(
        "a gateway that fails beside a satellite fires for the carriers that the satellite does not explain",
        [
            *fleet(
                [
                    *(*carriers(5, 5, gateway="G1"), *carriers(5, 5, gateway="G2")),
                    *(*carriers(5, 5, "SES-4", gateway="G1"), *carriers(6, 0, "SES-4", gateway="G3")),
                ]
            ),
            *BOTH,
        ],
        [
            *firing(satellite(10, " of 10"), "4m"),
            *firing(gateway(5, " of 10"), "4m"),
            *silent(GATEWAY, "24m"),
        ],
    ),
    Case(
        "missing data: an exporter that is gone ends no outage, and no carrier fires instead",
        [*fleet(TEN, end="gone"), current("1x43 stale"), current("1x43 stale", "services")],
        [
            *firing(HALF, "21m"),
            *firing(satellite(5, ""), "23m", "3h", "20h"),
            *silent(NOT_OPERATIONAL, "23m", "3h", "20h"),
        ],
    ),
    Case(
        "missing data: a transponder and a gateway without data are as they were",
        [
            *fleet(
                [*carriers(6, 3, transponder="TP1"), *carriers(8, 5, "SES-4", gateway="G1")][:6], end="gone"
            ),
            current("1x43 stale"),
        ],
        [
            *firing(TP1, "21m"),
            *firing(
                Fires(TRANSPONDER, TP1.labels, "Transponder TP1: 3 carriers are down", TP1.description), "3h"
            ),
        ],
    ),
    Case(
        "an outage of a gateway without data goes on",
        [
            *fleet([*carriers(3, 3, gateway="G1"), *carriers(9, 3, "SES-4", gateway="G1")], end="gone"),
            current("1x43 stale"),
        ],
        [*firing(gateway(6, " of 12"), "21m"), *firing(gateway(6, ""), "3h")],
    ),
    Case(
        "without data few carriers that were down before are no outage",
        [*fleet(carriers(20, 6), end="gone"), current("1x43 stale")],
        silent(SATELLITE, "20m", "3h"),
    ),
    Case(
        "a restart ends no outage; the first crawl with all carriers up does",
        [
            *fleet(TEN, end="restart"),
            current("1x43 stale 0x20 1x60"),
        ],
        [
            *firing(satellite(5, ""), "23m", "32m"),
            *silent(SATELLITE, "36m"),
            *silent(NOT_OPERATIONAL, "23m", "36m"),
        ],
    ),
    Case(
        "of a replica pair one is gone: the outage is counted once, and goes on",
        [
            *fleet(TEN, end="gone"),
            *fleet(TEN, lasting=80, instance="b:1"),
            *(current("1x43 stale"), current("1x200", instance="b:1")),
        ],
        [
            *firing(HALF, "10m", "23m", "40m"),
            *silent(SATELLITE, "44m"),
            *silent(NOT_OPERATIONAL, "10m", "40m"),
        ],
    ),
    Case(
        "two shards add up to an outage, and a shard that is gone ends it as little",
        [
            *fleet([*TEN[:4], *TEN[5:7]], end="gone", instance="s0:1"),
            *fleet(TEN[4:5], lasting=200, instance="s1:1", first=9),
            current("1x43 stale", instance="s0:1", coverage="s0"),
            current("1x200", instance="s1:1", coverage="s1"),
        ],
        [*firing(satellite(5, " of 7"), "10m"), *firing(satellite(5, ""), "40m")],
    ),
)
