"""A record of the simulated operator, independent of any dialect, and the content derived from it.

References are Python references, so that the name or id of a referenced record is never stale. Content that
all dialects share (description, specification, characteristics) is computed from a record's number and type:
it needs no memory, and the same record always has the same content. A code (`SVC0000123`) is never reused.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from exporter.simulator import names

SERVICE, CARRIER, RESOURCE = "service", "carrier", "resource"
KINDS = (SERVICE, CARRIER, RESOURCE)
PREFIXES = {SERVICE: "SVC", CARRIER: "CAR", RESOURCE: "RES"}

STATUSES = ("operational", "down", "degraded", "maintenance", "retired", "planned")
OPERATIONAL, DOWN, DEGRADED, MAINTENANCE, RETIRED, PLANNED = STATUSES

PROBLEMS = (DOWN, DEGRADED, MAINTENANCE)
"""The statuses of records that are in service and do not work as they should."""

OUT_OF_SERVICE = (RETIRED, PLANNED)
"""The statuses of records that are not in service any more, or not yet."""

T = TypeVar("T")


def by_status(*values: T) -> dict[str, T]:
    """A value for each of `STATUSES`, in their order."""
    return dict(zip(STATUSES, values, strict=True))


SEGMENT = "BandwidthSegment"
END_ROLES = {"Gateway": "gateway", "Terminal": "terminal"}
"""The resource types that are the two ends of a carrier, and their roles as places."""

DAY = 86_400
"""Seconds of a day."""

Value = str | int | float

_BANDS = {"K": (14000.0, 10950.0), "C": (5925.0, 3700.0), "Ka": (27500.0, 17700.0)}
"""Where the uplink and the downlink of a band begin, in MHz."""

_CATEGORIES = {
    "Satellite": "Space Segment",
    "Transponder": "Space Segment",
    "Terminal": "Customer Premises",
    "Modem": "Customer Premises",
    SEGMENT: "Capacity",
}

_MANUFACTURERS = {
    "Satellite": ("Thales Alenia Space", "Boeing", "Airbus"),
    "Modem": ("iDirect", "Newtec", "Comtech", "Gilat"),
    "Antenna": ("Vertex", "ViaSat", "Intellian"),
}


class Customer(NamedTuple):
    """A customer; `number` counts from 0."""

    number: int
    name: str

    @property
    def code(self) -> str:
        """The id shown as related party."""
        return f"CUS{self.number + 1:07d}"


class CustomerSite(NamedTuple):
    """The site of a terminal or a teleport; `number` counts from 0."""

    number: int
    name: str

    @property
    def code(self) -> str:
        """The id shown as place."""
        return f"SIT{self.number + 1:07d}"


class Specification(NamedTuple):
    """What a record is an instance of: one for each type and version."""

    code: str
    name: str
    version: str


class Role(NamedTuple):
    """A place or a party of a record, with its role there and its own type."""

    code: str
    name: str
    role: str
    type: str


@dataclass(slots=True, eq=False)
class FleetRecord:
    """One service, carrier or resource. Times are Unix seconds; `ended` None means open-ended.

    `parts` are the records that it depends on (of any kind), `relations` pairs of a relation type and a
    record of its own kind. `revision` grows with every change of what is shown: formatted records can be
    cached.
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
    parts: list[FleetRecord] = field(default_factory=list)
    relations: list[tuple[str, FleetRecord]] = field(default_factory=list)
    revision: int = 0

    @property
    def code(self) -> str:
        """The external id, such as `CAR0000123`."""
        return f"{PREFIXES[self.kind]}{self.number:07d}"

    def part(self, type_name: str) -> FleetRecord | None:
        """The first part of that type, or None."""
        return next((part for part in self.parts if part.type == type_name), None)

    def refers_to(self, other: FleetRecord) -> bool:
        """Whether `other` is among the parts or relations."""
        return any(part is other for part in self.parts) or any(far is other for _, far in self.relations)


def without_retired(record: FleetRecord) -> FleetRecord:
    """A copy without references to retired records, for dialects that do not list those."""
    return replace(
        record,
        parts=[part for part in record.parts if part.status != RETIRED],
        relations=[(word, far) for word, far in record.relations if far.status != RETIRED],
    )


def supporting_resources(record: FleetRecord) -> list[FleetRecord]:
    """The hardware of a service or carrier; a carrier's gateway and terminal are its places as well."""
    return [part for part in record.parts if part.kind == RESOURCE and part.type != SEGMENT]


def supporting_services(record: FleetRecord) -> list[FleetRecord]:
    """The carriers of a service, the bandwidth segments of a carrier."""
    return [part for part in record.parts if part.kind == CARRIER or part.type == SEGMENT]


def places(record: FleetRecord) -> list[Role]:
    """The two ends of a carrier, the customer's site of all others."""
    if record.kind == CARRIER:
        ends = [part for part in record.parts if part.type in END_ROLES]
        return [Role(part.code, part.name, END_ROLES[part.type], part.type) for part in ends]
    site = record.site
    return [] if site is None else [Role(site.code, site.name, "site", "GeographicSite")]


def parties(record: FleetRecord) -> list[Role]:
    """The customer and the account manager."""
    customer = record.customer
    if customer is None:
        return []
    number = customer.number % len(names.ACCOUNT_MANAGERS)
    return [
        Role(customer.code, customer.name, "customer", "Organization"),
        Role(f"EMP{number + 1:07d}", names.ACCOUNT_MANAGERS[number], "account manager", "Individual"),
    ]


def description(record: FleetRecord) -> str:
    """One sentence; empty for some records, as in real inventories."""
    if record.number % 11 == 0:
        return ""
    customer = f" for {record.customer.name}" if record.customer else ""
    site = f" at {record.site.name}" if record.site else ""
    return f"{record.type}{customer}{site}"


def category(record: FleetRecord) -> str:
    """CFS for customer-facing services, RFS for carriers, the segment of the network for resources."""
    if record.kind == RESOURCE:
        return _CATEGORIES.get(record.type, "Ground Segment")
    return "CFS" if record.kind == SERVICE else "RFS"


def specification(record: FleetRecord) -> Specification:
    """The catalogue entry."""
    version = f"{1 + record.number % 3}.0"
    code = f"{record.type.replace(' ', '-').lower()}-{version}"
    return Specification(code, f"{record.type} {version}", version)


def system_id(code: str) -> str:
    """The database key behind a code: 32 hexadecimal digits."""
    return hashlib.blake2b(code.encode(), digest_size=16).hexdigest()


def timestamp(seconds: int) -> str:
    """A time as RFC 3339 in UTC, `2025-03-04T05:06:07Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def end_timestamp(record: FleetRecord) -> str | None:
    """When the record ended or will end, None for open-ended."""
    return None if record.ended is None else timestamp(record.ended)


def service_date(record: FleetRecord) -> str:
    """The day a service was ordered for, `2025-03-04`: TMF638 leaves the format of serviceDate open."""
    return time.strftime("%Y-%m-%d", time.gmtime(record.started - DAY))


def service_level(record: FleetRecord) -> str:
    """Gold, Silver or Bronze."""
    return ("Gold", "Silver", "Bronze")[record.number % 3]


def characteristics(record: FleetRecord) -> list[tuple[str, Value]]:
    """Names and values; at least one."""
    by_kind = {SERVICE: _of_service, CARRIER: _of_carrier, RESOURCE: _of_resource}
    return by_kind[record.kind](record)


def _of_service(record: FleetRecord) -> list[tuple[str, Value]]:
    rate = (2, 5, 10, 20, 50, 100)[record.number % 6]
    return [
        ("committedInformationRate", rate),
        ("maximumInformationRate", rate * 2),
        ("serviceLevel", service_level(record)),
        ("vlan", 100 + record.number % 3900),
    ]


def _of_carrier(record: FleetRecord) -> list[tuple[str, Value]]:
    transponder = record.part("Transponder")
    band = names.BANDS[(transponder.number if transponder else record.number) % len(names.BANDS)]
    up, down = (round(start + record.number * 7 % 4800 / 10, 1) for start in _BANDS[band])
    place = transponder.name if transponder else "unassigned"
    # real inventories have some frequencies as text
    frequencies: tuple[Value, Value] = (f"{up:.1f}", f"{down:.1f}") if record.number % 3 == 0 else (up, down)
    return [
        ("ElementType", record.type),
        ("uplinkAlias", f"{place} UL-{record.number}"),
        ("downlinkAlias", f"{place} DL-{record.number}"),
        ("uplinkCenterFrequency", frequencies[0]),
        ("downlinkCenterFrequency", frequencies[1]),
        ("symbolRate", 1000 + record.number % 40 * 500),
        ("modulation", ("QPSK", "8PSK", "16APSK", "32APSK")[record.number % 4]),
        ("polarization", ("H", "V", "LHCP", "RHCP")[record.number % 4]),
        ("allocatedBandwidth", _bandwidth(record)),
    ]


def _bandwidth(record: FleetRecord) -> float:
    """MHz, 1.2 to 24.6."""
    return round(1.2 + record.number % 40 * 0.6, 1)


def _of_resource(record: FleetRecord) -> list[tuple[str, Value]]:
    manufacturers = _MANUFACTURERS.get(record.type, ("General Dynamics", "Kratos"))
    by_type: dict[str, tuple[str, Value]] = {
        "Satellite": ("orbitalPosition", f"{record.number * 37 % 180}.{record.number % 10}°W"),
        "Transponder": ("bandwidth", (27, 36, 54, 72)[record.number % 4]),
        SEGMENT: ("bandwidth", _bandwidth(record)),
    }
    serial_number = ("serialNumber", f"SN{record.number * 7919 % 10**8:08d}")
    return [
        ("manufacturer", manufacturers[record.number % len(manufacturers)]),
        by_type.get(record.type, serial_number),
    ]
