"""References to records that are not stored, though others of their kind are.

A reference is judged only while every collection that may have its target has a snapshot, and unless its
type is one that is left out. Only references
that dangle are remembered, by their target; where records are removed, all others are looked through for
references to them. References of retired records are not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from typing import TypeVar

from exporter.inventory import text
from exporter.inventory.condition import Condition
from exporter.inventory.record import KINDS
from exporter.inventory.snapshot import Changes, Snapshot, StoredRecord

_Key = TypeVar("_Key")

Snapshots = Mapping[str, Snapshot]

_STEP = 256  # records between two pauses

_Space = tuple[str, ...]
"""The collections that may have a target: services and carriers are in one list of TMF638."""

_SERVICES: _Space = ("services", "carriers")
_RESOURCES: _Space = ("resources",)
_SPACES = (_SERVICES, _RESOURCES)
_RELATED = {"services": _SERVICES, "carriers": _SERVICES, "resources": _RESOURCES}

_Target = tuple[_Space, str]
_Source = tuple[str, str]
"""Collection and id of a record that refers."""


class DanglingReferences:
    """The references that dangle, and the records that they are in.

    `left_out` are the types, folded, of which a collection stores no records.
    """

    def __init__(self, left_out: Mapping[str, Set[str]] = {}) -> None:
        resources, services, carriers = (
            left_out.get(name, frozenset()) for name in ("resources", "services", "carriers")
        )
        # carriers are left out of the services, and their supporting services may be resources
        self._left_out: Mapping[_Space, Set[str]] = {
            _RESOURCES: resources,
            _SERVICES: resources | (services & carriers),
        }
        self._judged: set[_Space] = set()
        self._by_target: dict[_Target, dict[_Source, int]] = {}
        self._records: dict[str, dict[str, int]] = {collection: {} for collection in KINDS}
        self._total = dict.fromkeys(KINDS, 0)

    def references(self, collection: str) -> int:
        """How many references in the records of a collection dangle."""
        return self._total[collection]

    def records(self, collection: str) -> Mapping[str, int]:
        """The ids of the records of a collection with such references, and how many of them each has."""
        return self._records[collection]

    def is_judged(self, collection: str) -> bool:
        """Whether it is known of any reference in a collection if it dangles."""
        return bool(self._judged if collection in _SERVICES else self._judged & {_RESOURCES})

    def update(
        self,
        collection: str,
        changes: Changes,
        foreign: Changes,
        snapshots: Snapshots,
        pause: Callable[[], object],
    ) -> None:
        """These are the changes of a collection, and the snapshots after them.

        `foreign` are those of the records of other shards, to which references lead as well. `pause` is
        called between two steps, so that other threads may work.
        """
        judged = {space for space in _SPACES if all(name in snapshots for name in space)}
        for target in [target for target in self._by_target if target[0] not in judged]:
            self._forget(target)
        before, new, self._judged = judged & self._judged, judged - self._judged, judged
        touched: set[_Source] = set()
        for number, (ident, was, now) in enumerate(_changed(changes)):
            if number % _STEP == 0:
                pause()
            source = collection, ident
            touched.add(source)
            for target in self._targets(collection, was) if ident in self._records[collection] else ():
                if source in self._by_target.get(target, ()):
                    self._count(target, source, -1)
            for target in self._targets(collection, now) if before else ():
                if target[0] in before and not _is_known(target, snapshots):
                    self._count(target, source)
        gone: set[_Target] = set()
        for space in (space for space in before if collection in space):
            for one in (*changes.added, *foreign.added):
                self._forget((space, one.id))
            targets = ((space, one.id) for one in (*changes.removed, *foreign.removed))
            gone.update(target for target in targets if not _is_known(target, snapshots))
        if new or gone:
            self._search(snapshots, new, gone, touched, pause)

    def _search(
        self,
        snapshots: Snapshots,
        new: set[_Space],
        gone: set[_Target],
        touched: set[_Source],
        pause: Callable[[], object],
    ) -> None:
        """Looks through all records for references into new spaces, and to what is gone.

        The latter have been counted of the records `touched`.
        """
        for collection, snapshot in snapshots.items():
            for number, stored in enumerate(snapshot.records.values()):
                if number % _STEP == 0:
                    pause()
                for target in self._targets(collection, stored):
                    if target[0] in new:
                        dangles = not _is_known(target, snapshots)
                    else:
                        dangles = target in gone and (collection, stored.id) not in touched
                    if dangles:
                        self._count(target, (collection, stored.id))

    def _targets(self, collection: str, stored: StoredRecord | None) -> Iterator[_Target]:
        """What a record refers to by id."""
        record = stored.record if stored else None
        if record is None or record.condition is Condition.RETIRED:
            return
        for space, links in (
            (_RESOURCES, record.resources),
            (_SERVICES, record.services),
            (_RELATED[collection], record.relations),
        ):
            left_out = self._left_out[space]
            for link in links:
                if link.id and not (left_out and link.type and text.fold(link.type) in left_out):
                    yield space, link.id

    def _forget(self, target: _Target) -> None:
        """No reference to a target dangles."""
        for source, number in list(self._by_target.get(target, {}).items()):
            self._count(target, source, -number)

    def _count(self, target: _Target, source: _Source, number: int = 1) -> None:
        """Counts references, or takes them away where `number` is negative."""
        collection, ident = source
        _increase(self._by_target.setdefault(target, {}), source, number)
        if not self._by_target[target]:
            del self._by_target[target]
        _increase(self._records[collection], ident, number)
        self._total[collection] += number


def _increase(counts: dict[_Key, int], key: _Key, number: int) -> None:
    counts[key] = counts.get(key, 0) + number
    if not counts[key]:
        del counts[key]


def _changed(changes: Changes) -> Iterator[tuple[str, StoredRecord | None, StoredRecord | None]]:
    """The id of each record, and the record before and after; None where it is new or removed."""
    yield from ((one.id, one, None) for one in changes.removed)
    yield from ((new.id, old, new) for old, new in changes.changed)
    yield from ((one.id, None, one) for one in changes.added)


def _is_known(target: _Target, snapshots: Snapshots) -> bool:
    space, ident = target
    found = (snapshots[name] for name in space)
    return any(ident in one.records or ident in one.foreign.records for one in found)
