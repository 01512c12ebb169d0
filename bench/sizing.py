"""`python -m bench.sizing`: the plot and the page of `docs/sizing.md` from what `bench.growth` found.

Nothing is measured. It owns the words, the table and how much more memory than measured is suggested; the
plot is `plot`'s. Invariant: the same results give the same page, byte for byte.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path

from bench import plot, point
from bench.point import Point, Run

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/sizing.md"
PICTURE = ROOT / "docs/images/growth.svg"

INTERVAL = 60  # seconds between two scrapes
REQUEST, LIMIT = 1.2, 2.0
"""Memory request by resident memory after some refreshes, and memory limit by peak."""

HEAD = (
    *("carriers", "series", "scrape, gzip", "scrape, uncompressed", "samples per second"),
    *("resident", "peak", "CPU of an unchanged refresh", "memory request", "limit"),
)

OPENING = """\
# Sizing

How much memory the exporter and Prometheus need, measured with one exporter per size: {where}.
`python -m bench.growth` measures, `python -m bench.sizing` writes this page from `bench/growth.json`.

![CPU of a refresh, resident memory and size of a scrape against the number of carriers](images/growth.svg)

"""

CLOSING = """
* Each carrier is about 2 KB of JSON in the SES dialect and has {each:.1f} series. Services and resources have
  fewer. `ses-inventory-exporter check` estimates the number for your inventory.
* Samples per second are for one Prometheus server with a scrape interval of {interval} s. Plan 4 KB of its
  memory per series (3 KB were measured after the first scrape).
* Resident memory is measured after several refreshes, one of them with 1 % changed records; peak is the
  maximum. The request is {request:g} times the resident memory and the limit {limit:g} times the peak,
  rounded up.
* The peaks are of a version that read the first crawl in worker processes. In one process the first crawl of
  30,000 carriers took 136 MB, of 100,000 302 MB, which is below the limits.
* The table is of a version without the topology. With it 100,000 carriers take 338 MB after some refreshes,
  1.6 times as much: multiply memory, request and limit by 1.7.
* CPU of an unchanged refresh is for one crawl of everything. With a refresh interval of five minutes, 3 s are
  1 % of a core. The first crawl took {cold:.1f} s of CPU for {most:,} carriers.
* If this is too much for one process or one Prometheus, use shards (`shard: {{index, count}}`). Each shard
  reads all pages, but stores and serves only its part. Each record of another shard takes about 540 bytes.
"""


def suggested(size: float) -> str:
    """Bytes as a Kubernetes quantity, rounded up to 32 Mi, from 512 Mi to 128 Mi, from 4 Gi to 512 Mi."""
    step = next(step for most, step in ((512, 32), (4096, 128), (math.inf, 512)) if size <= most * 2**20)
    return f"{math.ceil(size / 2**20 / step) * step}Mi"


def megabytes(size: float) -> str:
    """Bytes as MB with three digits or more."""
    return f"{size / 1e6:,.{2 if size < 1e7 else 1 if size < 1e8 else 0}f} MB"


def row(one: Point) -> tuple[str, ...]:
    """The cells of one size."""
    return (
        f"{one.carriers:,}",
        f"{one.series:,}",
        megabytes(one.gzip),
        megabytes(one.identity),
        f"{one.series / INTERVAL:,.0f}",
        megabytes(one.resident_later),
        megabytes(one.peak),
        f"{one.unchanged_cpu:.2f} s",
        suggested(REQUEST * one.resident_later),
        suggested(LIMIT * one.peak),
    )


def table(run: Run) -> Iterator[str]:
    """The lines of the table."""
    yield f"| {' | '.join(HEAD)} |"
    yield f"|{'---:|' * len(HEAD)}"
    for one in run.points:
        yield f"| {' | '.join(row(one))} |"


def page(run: Run) -> str:
    """The whole page."""
    most = run.points[-1]
    closing = CLOSING.format(
        each=most.series / most.carriers,
        interval=INTERVAL,
        request=REQUEST,
        limit=LIMIT,
        cold=most.cold_cpu,
        most=most.carriers,
    )
    lines = "\n".join(table(run))
    return f"{OPENING.format(where=run.where)}{lines}\n{closing}"


def as_markdown() -> str:
    """The page of the results that are kept."""
    return page(point.load())


def write(run: Run) -> None:
    """Writes the page and the plot."""
    PAGE.write_text(page(run), encoding="utf-8")
    PICTURE.write_text(plot.svg(run), encoding="utf-8")


if __name__ == "__main__":
    write(point.load())
    sys.exit(0)
