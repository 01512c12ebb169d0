"""Roll-ups: how many records each place or party has in which condition, kept up to date by changes.

A place is counted as long as a record names it, then with all conditions, zeros included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from exporter.inventory.condition import Condition
from exporter.inventory.record import Record
from exporter.inventory.snapshot import Shown

_CONDITIONS = tuple(Condition)
_INDEX = {condition: index for index, condition in enumerate(_CONDITIONS)}


class RollUpKind(NamedTuple):
    """What is counted: the records of `collection`, by what `place` reads from each.

    `labels` name its parts. A record without the last of them is not counted.
    """

    name: str
    collection: str
    labels: tuple[str, ...]
    place: Callable[[Record], tuple[str, ...]]


ROLL_UPS = (
    RollUpKind("satellite_carriers", "carriers", ("satellite",), lambda one: (one.satellite,)),
    RollUpKind(
        "transponder_carriers",
        "carriers",
        ("satellite", "transponder"),
        lambda one: (one.satellite, one.transponder),
    ),
    RollUpKind(
        "gateway_carriers", "carriers", ("satellite", "gateway"), lambda one: (one.satellite, one.gateway)
    ),
    RollUpKind("party_carriers", "carriers", ("party",), lambda one: (one.party,)),
    RollUpKind("party_services", "services", ("party",), lambda one: (one.party,)),
)


class RollUp:
    """The counts of one kind, by place and condition."""

    def __init__(self, kind: RollUpKind) -> None:
        self.kind = kind
        self._counts: dict[tuple[str, ...], list[int]] = {}

    def replace(self, was: Shown | None, now: Shown | None) -> None:
        """Counts a record as it is now in place of what it was; None where it is new or removed."""
        before, after = self._cell(was), self._cell(now)
        if before != after:
            self._add(before, -1)
            self._add(after, 1)

    def places(self) -> list[tuple[str, ...]]:
        """The places, in order."""
        return sorted(self._counts)

    def at(self, place: tuple[str, ...]) -> Iterator[tuple[Condition, int]]:
        """How many records a place has in each condition, zeros included."""
        return zip(_CONDITIONS, self._counts[place], strict=True)

    def _cell(self, shown: Shown | None) -> tuple[tuple[str, ...], Condition] | None:
        """Where a record is counted; None for nowhere."""
        if shown is None:
            return None
        place = self.kind.place(shown.record)
        return (place, shown.record.condition) if place[-1] else None

    def _add(self, cell: tuple[tuple[str, ...], Condition] | None, weight: int) -> None:
        if cell is None:
            return
        place, condition = cell
        counts = self._counts.setdefault(place, [0] * len(_CONDITIONS))
        counts[_INDEX[condition]] += weight
        if not any(counts):
            del self._counts[place]
