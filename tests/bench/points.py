"""Made-up results for the tests of what shows them."""

from __future__ import annotations

from bench.point import Point, Run


def point(carriers: int) -> Point:
    """A point whose figures are in proportion, over 60 MB that an empty exporter takes."""
    held = 60_000_000 + 3000 * carriers
    return Point(
        carriers=carriers,
        series=20 * carriers,
        gzip=220 * carriers,
        identity=2400 * carriers,
        cold=9e-5 * carriers,
        cold_cpu=1e-4 * carriers,
        unchanged=7e-6 * carriers,
        unchanged_cpu=6e-6 * carriers,
        changed=1e-5 * carriers,
        changed_cpu=1e-5 * carriers,
        resident=held,
        resident_later=held,
        peak=2 * held,
        rate=1e6 / carriers,
        p99=1e-6 * carriers,
    )


def run(*carriers: int) -> Run:
    """A run of some made-up machine."""
    return Run("2026-11-23", "3.11.7", 2, "x86_64", tuple(map(point, carriers)))
