"""A `Record`: one service, carrier or resource, the same for all versions of the API.

Every text in it is safe for a label (no control characters, valid Unicode, capped length), so that equal ids
are equal labels. Records are stored packed, as MessagePack, which takes a third of the memory. Invariant: a
record is immutable, and what is packed unpacks to an equal one.
"""

from __future__ import annotations

import msgspec

from exporter.inventory import dialects, text
from exporter.inventory.condition import PROBLEMS, Condition

KINDS = {"services": "service", "carriers": "carrier", "resources": "resource"}
"""Collection → the kind of record in it, which is also the middle of the metric names."""

_CARRIER_ENDS = frozenset(("gateway", "terminal"))  # roles, or types, of places, folded


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
    are filled for carriers only. `class_mark` differs for different classes (`@type`), 0 for none.
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
    class_mark: int = 0


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


def is_carrier_end(place: Link) -> bool:
    """Whether a place of a carrier is one of its two ends."""
    return text.fold(place.role) in _CARRIER_ENDS or text.fold(place.type) in _CARRIER_ENDS


def slim(record: Record, mapping: dialects.Collection) -> Record:
    """What a shard keeps of a record that another shard stores: what the topology reads of it.

    `mapping` is its dialect's collection. For the topology a slim record refers to the same things as the
    whole one. The name is kept where the record has a problem, or is found by its name.
    """
    is_named = mapping.found_by_name or record.condition in PROBLEMS
    kept = {record.satellite, record.transponder, record.gateway, record.terminal}
    return Record(
        record.id,
        name=record.name if is_named else "",
        type=record.type if is_named else "",
        party=record.party,
        gateway=record.gateway,
        terminal=record.terminal,
        satellite=record.satellite,
        transponder=record.transponder,
        status=record.status,
        condition=record.condition,
        status_known=record.status_known,
        places=tuple(Link(one.id, "", one.type, one.role) for one in record.places if is_carrier_end(one)),
        resources=tuple(_slim(one, kept) for one in record.resources),
        services=tuple(_slim(one, kept) for one in record.services),
        relations=tuple(_slim(one, kept) for one in record.relations),
        updated=record.updated,
    )


def _slim(link: Link, kept: set[str]) -> Link:
    """The link without what its id makes superfluous; a name that is a field's shows that both are one."""
    if not link.id:
        return link
    return Link(link.id, link.name if link.name in kept else "", "", link.role)
