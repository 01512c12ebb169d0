"""What a run of `bench.growth` found, as a file: the machine, and one point for each number of carriers.

It owns the shape of `bench/growth.json`; `growing` measures the points, `plot` and `sizing` show them.
Invariant: the points of a run are of one machine and in the order of their carriers.
"""

from __future__ import annotations

import datetime
import os
import platform
from hashlib import blake2b
from pathlib import Path

import msgspec

FILE = Path(__file__).with_name("growth.json")


class Point(msgspec.Struct, frozen=True):
    """One exporter at one size. Memory and scrapes in bytes; refreshes in seconds and seconds of CPU.

    `resident_later` is after several refreshes, one of them with 1 % of the records changed, `peak` the most
    at any time; `rate` is gzip scrapes a second of one client, `p99` in seconds.
    """

    carriers: int
    series: int
    gzip: int
    identity: int
    cold: float
    cold_cpu: float
    unchanged: float
    unchanged_cpu: float
    changed: float
    changed_cpu: float
    resident: int
    resident_later: int
    peak: int
    rate: float
    p99: float


class Run(msgspec.Struct, frozen=True):
    """Some points, when they were measured, and where."""

    date: str
    python: str
    cores: int
    machine: str
    points: tuple[Point, ...] = ()

    def joined(self, point: Point) -> Run:
        """The run with one more point, in place of one of the same size."""
        others = (one for one in self.points if one.carriers != point.carriers)
        points = sorted((*others, point), key=lambda one: one.carriers)
        return msgspec.structs.replace(self, points=tuple(points))

    @property
    def where(self) -> str:
        """The date and the machine in half a line."""
        return f"{self.date}, Python {self.python}, {self.cores} cores, {self.machine}"

    @property
    def fingerprint(self) -> str:
        """Sixteen characters that differ where anything that was found differs."""
        return blake2b(msgspec.json.encode(self), digest_size=8).hexdigest()


def begun() -> Run:
    """A run of today on this machine, without points."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return Run(today, platform.python_version(), os.cpu_count() or 1, platform.machine())


def load(file: Path = FILE) -> Run:
    """The run that a file holds. Raises OSError and `msgspec.DecodeError`."""
    return msgspec.json.decode(file.read_bytes(), type=Run)


def save(run: Run, file: Path = FILE) -> None:
    """Writes a run so that people can read it, too."""
    file.write_bytes(b"%s\n" % msgspec.json.format(msgspec.json.encode(run)))
