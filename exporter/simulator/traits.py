"""What can be said of a record without storing it: description, specification, characteristics, further ids.

Owns the content that all dialects share; how it is laid out is theirs. Everything follows from the record's
own number and type, so a million records cost nothing until they are asked for. Invariant: the same record
always has the same traits, in the same order.
"""

from __future__ import annotations

import hashlib
import time
from typing import NamedTuple

from exporter.simulator import names
from exporter.simulator.record import CARRIER, DAY, RESOURCE, SEGMENT, SERVICE, Customer, FleetRecord

Value = str | int | float

BANDS = {"K": (14000.0, 10950.0), "C": (5925.0, 3700.0), "Ka": (27500.0, 17700.0)}
"""Where the uplink and the downlink of a band begin, in MHz."""

CATEGORIES = {
    "Satellite": "Space Segment",
    "Transponder": "Space Segment",
    "Terminal": "Customer Premises",
    "Modem": "Customer Premises",
    SEGMENT: "Capacity",
}

MAKERS = {
    "Satellite": ("Thales Alenia Space", "Boeing", "Airbus"),
    "Modem": ("iDirect", "Newtec", "Comtech", "Gilat"),
    "Antenna": ("Vertex", "ViaSat", "Intellian"),
}


class Specification(NamedTuple):
    """What a record is an instance of."""

    code: str
    name: str
    version: str


def description(record: FleetRecord) -> str:
    """One sentence for people, empty for a few records, as in real inventories."""
    if record.number % 11 == 0:
        return ""
    whose = f" for {record.customer.name}" if record.customer else ""
    where = f" at {record.site.name}" if record.site else ""
    return f"{record.type}{whose}{where}"


def category(record: FleetRecord) -> str:
    """CFS for customer-facing services, RFS for carriers, the segment of the network for resources."""
    if record.kind == RESOURCE:
        return CATEGORIES.get(record.type, "Ground Segment")
    return "CFS" if record.kind == SERVICE else "RFS"


def specification(record: FleetRecord) -> Specification:
    """The catalogue entry: one for each type and version."""
    version = f"{1 + record.number % 3}.0"
    return Specification(
        f"{record.type.replace(' ', '-').lower()}-{version}", f"{record.type} {version}", version
    )


def system_id(code: str) -> str:
    """The 32 hexadecimal digits by which the database under the inventory knows a record."""
    return hashlib.blake2b(code.encode(), digest_size=16).hexdigest()


def account_manager(customer: Customer) -> tuple[str, str]:
    """The id and the name of the person who looks after a customer."""
    number = customer.number % len(names.ACCOUNT_MANAGERS)
    return f"EMP{number + 1:07d}", names.ACCOUNT_MANAGERS[number]


def moment(seconds: int) -> str:
    """A time as RFC 3339 in UTC, `2025-03-04T05:06:07Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def service_day(record: FleetRecord) -> str:
    """The day a service was ordered for, `2025-03-04`: TMF638 leaves the format of serviceDate open."""
    return time.strftime("%Y-%m-%d", time.gmtime(record.started - DAY))


def characteristics(record: FleetRecord) -> list[tuple[str, Value]]:
    """Names and values, text or number; at least one."""
    if record.kind == CARRIER:
        return _of_carrier(record)
    if record.kind == SERVICE:
        return _of_service(record)
    return _of_resource(record)


def _of_service(record: FleetRecord) -> list[tuple[str, Value]]:
    rate = (2, 5, 10, 20, 50, 100)[record.number % 6]
    return [
        ("committedInformationRate", rate),
        ("maximumInformationRate", rate * 2),
        ("serviceLevel", ("Gold", "Silver", "Bronze")[record.number % 3]),
        ("vlan", 100 + record.number % 3900),
    ]


def _of_carrier(record: FleetRecord) -> list[tuple[str, Value]]:
    transponder = record.part("Transponder")
    band = names.BANDS[(transponder.number if transponder else record.number) % len(names.BANDS)]
    up, down = (round(start + record.number * 7 % 4800 / 10, 1) for start in BANDS[band])
    place = transponder.name if transponder else "unassigned"
    # some departments write frequencies as text, and so they come
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
    makers = MAKERS.get(record.type, ("General Dynamics", "Kratos"))
    found: list[tuple[str, Value]] = [("manufacturer", makers[record.number % len(makers)])]
    if record.type == "Satellite":
        found.append(("orbitalPosition", f"{record.number * 37 % 180}.{record.number % 10}°W"))
    elif record.type == "Transponder":
        found.append(("bandwidth", (27, 36, 54, 72)[record.number % 4]))
    elif record.type == SEGMENT:
        found.append(("bandwidth", _bandwidth(record)))
    else:
        found.append(("serialNumber", f"SN{record.number * 7919 % 10**8:08d}"))
    return found
