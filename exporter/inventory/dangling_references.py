"""Counts references that lead nowhere: to records that are not held, though others of their kind are.

They harm nothing, for a relation is shown as the inventory says it; but many of them are worth a look (fault
F46). What is excluded by the settings counts as not held.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping

from exporter.inventory.record import Link, Record
from exporter.inventory.snapshot import Changes

Known = Mapping[str, Collection[str]]
"""The ids that are held, by collection; a collection that is off or not crawled yet is left out."""

_SERVICES = ("services", "carriers")
_RELATED = {"services": _SERVICES, "carriers": _SERVICES, "resources": ("resources",)}


def count(collection: str, records: Iterable[Record], known: Known) -> int:
    """How many references of a collection's records lead to no record, where the record could be held."""
    resources = _held(known, ("resources",))
    services = _held(known, _SERVICES)
    related = _held(known, _RELATED[collection])
    found = 0
    for record in records:
        found += _lost(record.resources, resources)
        found += _lost(record.services, services)
        found += _lost(record.relations, related)
    return found


def may_differ(changes: Changes) -> bool:
    """Whether changes of a collection can change the count: not where only states and texts are others."""
    if changes.added or changes.removed:
        return True
    return any(_links(old.record) != _links(new.record) for old, new in changes.changed)


def _links(record: Record) -> tuple[tuple[Link, ...], ...]:
    return record.resources, record.services, record.relations


def _held(known: Known, collections: Iterable[str]) -> tuple[Container[str], ...]:
    """Where such a reference may lead; nowhere if a collection is not known, for then nobody can say."""
    if any(collection not in known for collection in collections):
        return ()
    return tuple(known[collection] for collection in collections)


def _lost(links: Iterable[Link], held: tuple[Container[str], ...]) -> int:
    if not held:
        return 0
    return sum(1 for link in links if link.id and not any(link.id in ids for ids in held))
