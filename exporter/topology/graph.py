"""The graph of what rests on what, kept up to date by the records that change.

Each record is a number. An edge is stored at both of its ends, as 32 bits: the other end, whether a name or
an id was referred to, and which of the two refers. References to what is not stored wait for it by their key.
Invariants: after any updates the graph is that of the records there are, whatever their order; each
reference is attached to exactly what it means at present, or waits.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence

from exporter.inventory.condition import PROBLEMS, Condition
from exporter.topology.references import Node, Reference, Space, spaces

Pair = tuple[Node | None, Node | None]
"""A record before and after a change; None where it is new or removed."""

_CONDITIONS = tuple(Condition)
_CODES = {condition: code for code, condition in enumerate(_CONDITIONS)}
_COLLECTIONS = ("services", "carriers", "resources")
_NAMES = frozenset((Space.SERVICE_NAME, Space.RESOURCE_NAME))
_OWN, _NAMED, _SHIFT = 1, 2, 2  # bits of an edge: which end refers, by name or by id, and then the other end

_Edge = tuple[int, int, int]
"""Side (0 for what a record rests on, 1 for what rests on it), number, and what is stored there."""

_Waiting = tuple[int, Reference]
"""The number of a record, and its reference that means nothing at present."""


class Graph:
    """The records of all collections and their edges.

    References without an id find the records of the collections `named` by type and name, if only one has
    them. A reference that may mean a service or a carrier means the carrier.
    """

    def __init__(self, named: Iterable[str] = ("resources",)) -> None:
        self.problems: dict[int, float] = {}
        """The numbers of the records with a problem, and since when (Unix seconds)."""
        self._named = frozenset(named)
        self._numbers: dict[str, dict[str, int]] = {collection: {} for collection in _COLLECTIONS}
        self._names: dict[Space, dict[str, int]] = {space: {} for space in sorted(_NAMES)}
        self._namesakes: dict[tuple[Space, str], set[int]] = {}  # where several have a name
        self._waiting: dict[Space, dict[str, bytes]] = {space: {} for space in Space}
        self._ids: list[str] = []
        self._parties: list[str] = []
        self._kinds, self._codes = bytearray(), bytearray()
        self._sides: tuple[list[bytes], list[bytes]] = ([], [])
        self._free: list[int] = []
        self._touched: set[int] = set()

    def number(self, collection: str, ident: str) -> int | None:
        """The number of a record; it is another's when the record is gone."""
        return self._numbers[collection].get(ident)

    def collection(self, number: int) -> str:
        """The collection of a record."""
        return _COLLECTIONS[self._kinds[number]]

    def ident(self, number: int) -> str:
        """The id of a record."""
        return self._ids[number]

    def party(self, number: int) -> str:
        """The party of a record, "" for none."""
        return self._parties[number]

    def condition(self, number: int) -> Condition:
        """The condition of a record."""
        return _CONDITIONS[self._codes[number]]

    def is_stored(self, number: int) -> bool:
        """Whether there is a record with this number."""
        return bool(self._ids[number])

    def is_used(self, number: int) -> bool:
        """Whether anything but itself rests on a record."""
        supports = self._sides[1][number]
        return bool(supports) and any(edge >> _SHIFT != number for edge in memoryview(supports).cast("I"))

    def take_touched(self) -> set[int]:
        """The numbers of the records that changed, or on which other ones rest, since the last call."""
        touched, self._touched = self._touched, set()
        return touched

    def rests_on(self, number: int) -> list[int]:
        """What a record rests on directly; the same number may come twice, and be its own."""
        edges = self._sides[0][number]
        return [edge >> _SHIFT for edge in memoryview(edges).cast("I")] if edges else []

    def supports(self, number: int) -> list[int]:
        """What rests on a record directly; the same number may come twice, and be its own."""
        edges = self._sides[1][number]
        return [edge >> _SHIFT for edge in memoryview(edges).cast("I")] if edges else []

    def numbers(self, collection: str) -> Iterable[int]:
        """The numbers of all records of a collection."""
        return self._numbers[collection].values()

    def waiting(self) -> int:
        """How many references mean nothing at present."""
        return sum(len(these) // 4 for waiting in self._waiting.values() for these in waiting.values())

    def update(self, collection: str, pairs: Sequence[Pair]) -> None:
        """Records of a collection have changed; each occurs once."""
        self._withdraw(collection, pairs)
        for was, now in pairs:
            self._give_up_keys(collection, was, now)
        for was, now in pairs:
            self._take_keys(collection, was, now)
        self._refer(collection, pairs)

    def _withdraw(self, collection: str, pairs: Sequence[Pair]) -> None:
        """Takes away the references that records have no more."""
        gone: list[_Waiting] = []
        numbers = self._numbers[collection]
        for was, now in pairs:
            if was is None or (now is not None and now.references == was.references):
                continue
            kept = frozenset(now.references if now else ())
            source = numbers[was.id]
            gone += ((source, reference) for reference in was.references if reference not in kept)
        edges, waiting = self._sorted(gone)
        self._remove(edges)
        lost: defaultdict[tuple[Space, str], set[int]] = defaultdict(set)
        for source, reference in waiting:
            lost[reference.space, reference.key].add(source << 1 | reference.supports)
        for (space, key), these in lost.items():
            left = _without(self._waiting[space].pop(key), these)
            if left:
                self._waiting[space][key] = left

    def _sorted(self, references: Iterable[_Waiting]) -> tuple[list[_Edge], list[_Waiting]]:
        """The edges of the references that mean something at present, and the other references."""
        edges: list[_Edge] = []
        waiting: list[_Waiting] = []
        for source, reference in references:
            target = self._meant(reference.space, reference.key)
            if target is None:
                waiting.append((source, reference))
            else:
                edges += _ends(source, target, reference)
        return edges, waiting

    def _give_up_keys(self, collection: str, was: Node | None, now: Node | None) -> None:
        """A record has another name, or is gone: what referred to it means another, or waits."""
        if was is None:
            return
        by_id, by_name = spaces(collection)
        number = self._numbers[collection][was.id]
        if collection in self._named and was.name_key and (now is None or now.name_key != was.name_key):
            meant = self._meant(by_name, was.name_key)
            self._give_up_name(by_name, was.name_key, number)
            self._move(by_name, was.name_key, meant)
        if now is None:
            meant = self._meant(by_id, was.id)
            del self._numbers[collection][was.id]
            self._touched.add(number)
            self._move(by_id, was.id, meant)
            self._codes[number], self._ids[number], self._parties[number] = 0, "", ""
            self.problems.pop(number, None)
            self._free.append(number)

    def _take_keys(self, collection: str, was: Node | None, now: Node | None) -> None:
        """A record is new, or has another name: what refers to that means it from now on."""
        if now is None:
            return
        by_id, by_name = spaces(collection)
        if was is None:
            meant = self._meant(by_id, now.id)
            self._numbers[collection][now.id] = self._new_number(collection)
            self._move(by_id, now.id, meant)
        number = self._numbers[collection][now.id]
        if collection in self._named and now.name_key and (was is None or now.name_key != was.name_key):
            meant = self._meant(by_name, now.name_key)
            self._take_name(by_name, now.name_key, number)
            self._move(by_name, now.name_key, meant)
        self._touched.add(number)
        self._ids[number], self._parties[number] = now.id, now.party
        self._codes[number] = _CODES[now.condition]
        if now.condition in PROBLEMS:
            self.problems[number] = now.since
        else:
            self.problems.pop(number, None)

    def _give_up_name(self, space: Space, name: str, number: int) -> None:
        namesakes = self._namesakes.get((space, name))
        if namesakes is None:
            del self._names[space][name]
            return
        namesakes.remove(number)
        if len(namesakes) == 1:
            self._names[space][name] = namesakes.pop()
            del self._namesakes[space, name]

    def _take_name(self, space: Space, name: str, number: int) -> None:
        namesakes = self._namesakes.get((space, name))
        if namesakes is not None:
            namesakes.add(number)
        elif name in self._names[space]:
            self._namesakes[space, name] = {self._names[space].pop(name), number}
        else:
            self._names[space][name] = number

    def _new_number(self, collection: str) -> int:
        kind = _COLLECTIONS.index(collection)
        if self._free:
            number = self._free.pop()
            self._kinds[number] = kind
            return number
        self._kinds.append(kind)
        self._codes.append(0)
        for values in (self._ids, self._parties):
            values.append("")
        for side in self._sides:
            side.append(b"")
        return len(self._ids) - 1

    def _refer(self, collection: str, pairs: Sequence[Pair]) -> None:
        """Adds the references that records did not have before."""
        new: list[_Waiting] = []
        numbers = self._numbers[collection]
        for was, now in pairs:
            if now is None or (was is not None and now.references == was.references):
                continue
            known = frozenset(was.references if was else ())
            source = numbers[now.id]
            new += ((source, reference) for reference in now.references if reference not in known)
        self._attach(new)

    def _attach(self, references: Iterable[_Waiting]) -> None:
        """Stores references that are not stored yet."""
        edges, waiting = self._sorted(references)
        self._add(edges)
        gained: defaultdict[tuple[Space, str], array[int]] = defaultdict(lambda: array("I"))
        for source, reference in waiting:
            gained[reference.space, reference.key].append(source << 1 | reference.supports)
        for (space, key), new in gained.items():
            known = self._waiting[space].get(key, b"")
            self._waiting[space][key] = b"".join((known, new))

    def _meant(self, space: Space, key: str) -> int | None:
        """The record that a reference means at present; None if there is none, or no telling which."""
        if space is Space.RESOURCE_ID:
            return self._numbers["resources"].get(key)
        if space is Space.SERVICE_ID:
            found = self._numbers["carriers"].get(key)
            return self._numbers["services"].get(key) if found is None else found
        return self._names[space].get(key)

    def _move(self, space: Space, key: str, before: int | None) -> None:
        """Attaches the references to a key, which meant the record `before`, to what they mean now."""
        after = self._meant(space, key)
        if after == before:
            return
        moved: list[_Waiting] = []
        if before is None:
            for waiting in memoryview(self._waiting[space].pop(key, b"")).cast("I"):
                moved.append((waiting >> 1, Reference(space, key, waiting & 1)))
        else:
            mark = _NAMED if space in _NAMES else 0
            for supports, side in enumerate((1, 0)):  # of those that rest on it, and of those it rests on
                for edge in memoryview(self._sides[side][before]).cast("I"):
                    if edge & (_OWN | _NAMED) == mark:
                        moved.append((edge >> _SHIFT, Reference(space, key, supports)))
            self._remove(edge for source, one in moved for edge in _ends(source, before, one))
        self._attach(moved)

    def _remove(self, edges: Iterable[_Edge]) -> None:
        lost: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
        for side, number, edge in edges:
            lost[side, number].add(edge)
        self._touched.update(number for side, number in lost if side)
        for (side, number), gone in lost.items():
            self._sides[side][number] = _without(self._sides[side][number], gone)

    def _add(self, edges: Iterable[_Edge]) -> None:
        gained: defaultdict[tuple[int, int], array[int]] = defaultdict(lambda: array("I"))
        for side, number, edge in edges:
            gained[side, number].append(edge)
        self._touched.update(number for side, number in gained if side)
        for (side, number), new in gained.items():
            self._sides[side][number] = b"".join((self._sides[side][number], new))


def _ends(source: int, target: int, reference: Reference) -> tuple[_Edge, _Edge]:
    """What is stored of a reference, at the record that refers and at the other."""
    named = _NAMED if reference.space in _NAMES else 0
    return (
        (reference.supports, source, target << _SHIFT | named | _OWN),
        (1 - reference.supports, target, source << _SHIFT | named),
    )


def _without(edges: bytes, gone: set[int]) -> bytes:
    return array("I", (edge for edge in memoryview(edges).cast("I") if edge not in gone)).tobytes()
