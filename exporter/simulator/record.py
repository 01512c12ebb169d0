"""A record of the made-up operator in neutral words: what it is, its state, what it refers to.

Owns the shape only. `generator` makes records, `fleet` holds and changes them, `traits` derives what is never
stored, `ses` and `tmf` show them. References are Python references, so that a name or an id of a referenced
record can never be stale. Invariant: a code (`SVC0000123`) never changes and is never used twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

SERVICE, CARRIER, RESOURCE = "service", "carrier", "resource"
KINDS = (SERVICE, CARRIER, RESOURCE)
PREFIXES = {SERVICE: "SVC", CARRIER: "CAR", RESOURCE: "RES"}

OPERATIONAL, DOWN, DEGRADED, MAINTENANCE, RETIRED = (
    "operational",
    "down",
    "degraded",
    "maintenance",
    "retired",
)
STATUSES = (OPERATIONAL, DOWN, DEGRADED, MAINTENANCE, RETIRED)

SEGMENT = "BandwidthSegment"

DAY = 86_400
"""Seconds of a day."""


class Customer(NamedTuple):
    """Who pays for services; `number` counts from 0."""

    number: int
    name: str

    @property
    def code(self) -> str:
        """The id shown as related party."""
        return f"CUS{self.number + 1:07d}"


class CustomerSite(NamedTuple):
    """Where a terminal stands; `number` counts from 0."""

    number: int
    name: str

    @property
    def code(self) -> str:
        """The id shown as place."""
        return f"SIT{self.number + 1:07d}"


@dataclass(slots=True, eq=False)
class FleetRecord:
    """One service, carrier or resource. Times are Unix seconds; `ended` None means open-ended.

    `parts` are the records it stands on (of any kind), `relations` pairs of a word and a record of its own
    kind. `revision` grows with every change of what would be shown, so that bytes can be cached.
    """

    kind: str
    number: int
    name: str
    type: str
    created: int
    started: int
    updated: int
    status: str = OPERATIONAL
    ended: int | None = None
    customer: Customer | None = None
    site: CustomerSite | None = None
    parts: Sequence[FleetRecord] = ()
    relations: Sequence[tuple[str, FleetRecord]] = ()
    revision: int = 0

    @property
    def code(self) -> str:
        """The external id, such as `CAR0000123`."""
        return f"{PREFIXES[self.kind]}{self.number:07d}"

    def part(self, type_name: str) -> FleetRecord | None:
        """The first part of that type, or None."""
        return next((part for part in self.parts if part.type == type_name), None)

    def refers_to(self, other: FleetRecord) -> bool:
        """Whether this record shows `other` anywhere."""
        return any(part is other for part in self.parts) or any(far is other for _, far in self.relations)
