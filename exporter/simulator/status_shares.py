"""How many records have which status at the start, and how `--share` is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exporter.simulator.record import DEGRADED, DOWN, MAINTENANCE, PLANNED, PROBLEMS, RETIRED

STATUS_SHARES: Mapping[str, float] = {
    DOWN: 0.024,
    DEGRADED: 0.008,
    MAINTENANCE: 0.008,
    PLANNED: 0.0,
    RETIRED: 0.0,
}
"""The share of the records that has each status. Planned and retired ones are further records, in addition to
those asked for. A few retired services and resources are always there, which queries for installed ones leave
out."""


def parse(texts: Sequence[str]) -> Mapping[str, float]:
    """`STATUS_SHARES` with those written as `STATUS=SHARE`. Raises ValueError."""
    shares = dict(STATUS_SHARES)
    for text in texts:
        status, _, value = (part.strip() for part in text.partition("="))
        if status not in shares:
            raise ValueError(f"share {text!r}: there is no status {status!r}; use one of {', '.join(shares)}")
        try:
            shares[status] = float(value)
        except ValueError:
            shares[status] = -1.0
        if not 0 <= shares[status] <= 1:
            raise ValueError(f"share {text!r}: {value!r} is no share; use a number from 0 to 1")
    problems = sum(shares[status] for status in PROBLEMS)
    if problems > 1:
        raise ValueError(f"shares of {', '.join(PROBLEMS)} add up to {problems:g}; use at most 1 in all")
    return shares
