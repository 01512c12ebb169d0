"""What a shard keeps of a record that another shard stores: what it rests on, its name where that is shown.

Invariant: for `exporter.topology` a slim record refers to the same things as the whole one.
"""

from __future__ import annotations

from exporter.inventory import dialects, text
from exporter.inventory.condition import PROBLEMS
from exporter.inventory.record import Link, Record

CARRIER_ENDS = frozenset(("gateway", "terminal"))
"""The roles, or types, of places that are the ends of a carrier, folded."""


def is_carrier_end(place: Link) -> bool:
    """Whether a place of a carrier is one of its two ends."""
    return text.fold(place.role) in CARRIER_ENDS or text.fold(place.type) in CARRIER_ENDS


def slim(record: Record, mapping: dialects.Collection) -> Record:
    """The record with what the topology reads of it. `mapping` is its dialect's collection.

    The name is kept where the record has a problem, or is found by its name.
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
