"""A `Record`: one service, carrier or resource, whatever the version of its API.

Every text in it is safe for a label (no control characters, valid Unicode, capped length), so that equal ids
are equal labels. Records are stored packed, as MessagePack, which takes a third of the memory. Invariant: a
record is immutable, and what is packed unpacks to an equal one.
"""

from __future__ import annotations

import msgspec

from exporter.inventory.condition import Condition

KINDS = {"services": "service", "carriers": "carrier", "resources": "resource"}
"""Collection → the kind of record in it, which is also the middle of the metric names."""


class Link(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A pointer to something else: a party, a place, a supporting resource or service, a relation.

    `role` is the role of a party or place, or the type of a relationship. Absent parts are empty text.
    """

    id: str
    name: str = ""
    type: str = ""
    role: str = ""


class Record(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One service, carrier or resource.

    Times are Unix seconds, None where the inventory does not say. `condition` is what the status means,
    refined by `states`, which are further (dimension, state) pairs. The four words `gateway` to `transponder`
    are filled for carriers only.
    """

    id: str
    name: str = ""
    description: str = ""
    type: str = ""
    category: str = ""
    specification: str = ""
    party: str = ""
    place: str = ""
    gateway: str = ""
    terminal: str = ""
    satellite: str = ""
    transponder: str = ""
    status: str = ""
    condition: Condition = Condition.UNKNOWN
    status_known: bool = True
    states: tuple[tuple[str, str], ...] = ()
    parties: tuple[Link, ...] = ()
    places: tuple[Link, ...] = ()
    resources: tuple[Link, ...] = ()
    services: tuple[Link, ...] = ()
    relations: tuple[Link, ...] = ()
    characteristics: tuple[tuple[str, str], ...] = ()
    numbers: tuple[tuple[str, float], ...] = ()
    start: float | None = None
    end: float | None = None
    created: float | None = None
    updated: float | None = None


class StatusSummary(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What is counted of a record; few are different, and equal ones are kept once."""

    status: str
    type: str
    condition: Condition
    status_known: bool


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Record)


def pack(record: Record) -> bytes:
    """The record as MessagePack: an array of its fields in their order."""
    return _ENCODER.encode(record)


def unpack(packed: bytes) -> Record:
    """The record of what `pack` made; raises `msgspec.DecodeError` for anything else."""
    return _DECODER.decode(packed)


def status_summary(record: Record) -> StatusSummary:
    """What is counted of a record."""
    return StatusSummary(record.status, record.type, record.condition, record.status_known)


def with_status(packed: bytes, other: StatusSummary) -> bytes:
    """The packed record with another status and its meaning."""
    return pack(
        msgspec.structs.replace(
            unpack(packed),
            status=other.status,
            condition=other.condition,
            status_known=other.status_known,
        )
    )
