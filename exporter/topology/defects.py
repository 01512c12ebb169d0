"""Defects of the data: records that lack what they should have, or say what cannot be.

Counts are kept up to date by changes; what depends on the time is looked up at the time. Retired records are
not counted. Of each defect some ids are kept as examples.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter

from exporter.inventory.condition import Condition
from exporter.inventory.record import Record
from exporter.inventory.snapshot import Shown, StoredRecord
from exporter.topology.graph import Graph

EXAMPLES = 20
"""Ids of a defect that are given as examples, at most."""

_KEPT = 5 * EXAMPLES  # as many are kept, so that they last while defects are corrected
_LONGEST = 2_048  # entries of a piece, which is then divided
_STEP = 256  # records between two pauses

_ALL = ("services", "carriers", "resources")
_CHECKS: Mapping[str, tuple[tuple[str, ...], Callable[[Record], bool]]] = {
    "no_party": (("services", "carriers"), lambda one: not one.party),
    "no_place": (("services",), lambda one: not one.place),
    "no_satellite": (("carriers",), lambda one: not one.satellite),
    "no_transponder": (("carriers",), lambda one: not one.transponder),
    "no_gateway": (("carriers",), lambda one: not one.gateway),
    "no_supporting_resource": (("services", "carriers"), lambda one: not (one.resources or one.services)),
    "unknown_status": (_ALL, lambda one: not one.status_known),
}
"""The defects that a record alone shows: the collections that can have them, and when a record has one."""

PAST_END, BEFORE_START, DUPLICATE = (
    "past_end_but_operational",
    "before_start_but_operational",
    "duplicate_name",
)


class _Tally:
    """How many records have a defect, and the ids of some."""

    def __init__(self) -> None:
        self.count = 0
        self.examples: dict[str, None] = {}

    def add(self, ident: str) -> None:
        self.count += 1
        if len(self.examples) < _KEPT:
            self.examples[ident] = None

    def remove(self, ident: str) -> None:
        self.count -= 1
        self.examples.pop(ident, None)

    @property
    def lacks_examples(self) -> bool:
        return len(self.examples) < min(self.count, EXAMPLES)


class Defects:
    """The defects of one collection."""

    def __init__(self, collection: str) -> None:
        self._checks = {name: fails for name, (only, fails) in _CHECKS.items() if collection in only}
        self._tallies = {name: _Tally() for name in self._checks}
        self._ends, self._starts = SortedIds("d"), SortedIds("d")  # of the operational records
        self._names = SortedIds("q")  # by the hash of the name
        self._shared: dict[int, None] = {}  # the hashes of names that several records have
        self._duplicates = 0

    def replace(self, ident: str, was: Shown | None, now: Shown | None) -> None:
        """Counts a record as it is now in place of what it was; None where it is new or removed."""
        before, after = _counted(was), _counted(now)
        for name, fails in self._checks.items():
            failed, failing = before is not None and fails(before), after is not None and fails(after)
            if failed and not failing:
                self._tallies[name].remove(ident)
            elif failing and not failed:
                self._tallies[name].add(ident)
        for listed, read in ((self._ends, _end), (self._starts, _start)):
            _move(listed, ident, read(before), read(after))
        self._rename(ident, _name(before), _name(after))

    def find_examples(self, records: Iterable[StoredRecord], pause: Callable[[], object]) -> None:
        """Looks for examples among all records of the collection, if there are too few of a defect."""
        lacking = {name: one for name, one in self._tallies.items() if one.lacks_examples}
        for number, stored in enumerate(records if lacking else ()):
            if number % _STEP == 0:
                pause()
                lacking = {
                    name: one for name, one in lacking.items() if len(one.examples) < min(one.count, _KEPT)
                }
                if not lacking:
                    return
            record = _counted(stored.shown())
            for name, tally in lacking.items():
                if record is not None and self._checks[name](record):
                    tally.examples[stored.id] = None

    def counts(self, now: float) -> Mapping[str, int]:
        """How many records have each defect at a time (Unix seconds), zeros included."""
        return {
            **{name: tally.count for name, tally in self._tallies.items()},
            PAST_END: self._ends.up_to(now),
            BEFORE_START: len(self._starts) - self._starts.up_to(now),
            DUPLICATE: self._duplicates,
        }

    def timed(self, now: float) -> tuple[int, int]:
        """The counts that change as time passes."""
        counts = self.counts(now)
        return counts[PAST_END], counts[BEFORE_START]

    def examples(self, now: float) -> Mapping[str, Sequence[str]]:
        """The ids of some records with each defect; first those that are longest past their end."""
        ended, started = self._ends.up_to(now), self._starts.up_to(now)
        found = {
            **{name: sorted(tally.examples)[:EXAMPLES] for name, tally in self._tallies.items()},
            PAST_END: self._ends.idents(0, min(EXAMPLES, ended)),
            BEFORE_START: self._starts.idents(started, EXAMPLES),
            DUPLICATE: list(islice(self._namesakes(), EXAMPLES)),
        }
        return {name: tuple(idents) for name, idents in found.items()}

    def _rename(self, ident: str, was: int | None, now: int | None) -> None:
        if was == now:
            return
        for name, weight in ((was, -1), (now, 1)):
            if name is None:
                continue
            (self._names.remove if weight < 0 else self._names.add)(name, ident)
            # of two of a name both count, of one none
            sharing = sum(1 for _ in islice(self._names.with_number(name), 3))
            larger = max(sharing, sharing - weight)
            self._duplicates += weight * (0 if larger < 2 else 2 if larger == 2 else 1)
            if sharing > 1:
                self._shared[name] = None
            else:
                self._shared.pop(name, None)

    def _namesakes(self) -> Iterator[str]:
        """Ids of records that share a name, those of a name one after the other."""
        for name in self._shared:
            yield from self._names.with_number(name)


def _counted(shown: Shown | None) -> Record | None:
    """The record, if it is one of which defects are counted."""
    if shown is None or shown.record.condition is Condition.RETIRED:
        return None
    return shown.record


def _end(record: Record | None) -> float | None:
    return record.end if record is not None and record.condition is Condition.OPERATIONAL else None


def _start(record: Record | None) -> float | None:
    return record.start if record is not None and record.condition is Condition.OPERATIONAL else None


def _name(record: Record | None) -> int | None:
    return hash(record.name) if record is not None and record.name else None


def _move(listed: SortedIds, ident: str, was: float | None, now: float | None) -> None:
    if was == now:
        return
    if was is not None:
        listed.remove(was, ident)
    if now is not None:
        listed.add(now, ident)


_MARKS = {"carriers": 1, "resources": 2}
_NEEDLESS = frozenset((Condition.PLANNED, Condition.RETIRED))


class Unused:
    """Carriers and resources of this shard that nothing rests on, as the graph has them; one byte per record.

    Services need no dependents, nor does what is planned or retired.
    `is_own` says of a collection and an id whether this shard stores the record.
    """

    def __init__(self, is_own: Callable[[str, str], bool]) -> None:
        self._is_own = is_own
        self._marks = bytearray()  # by the number of the record; 0 for one that is used, or none
        self._counts = dict.fromkeys(_MARKS, 0)

    def update(self, graph: Graph, numbers: Iterable[int]) -> None:
        """Of the records with these numbers something has changed: itself, or what rests on it."""
        for number in numbers:
            if number >= len(self._marks):
                self._marks.extend(bytes(number + 1 - len(self._marks)))
            before, after = self._marks[number], self._mark(graph, number)
            if before == after:
                continue
            self._marks[number] = after
            for collection, mark in _MARKS.items():
                self._counts[collection] += (mark == after) - (mark == before)

    def count(self, collection: str) -> int | None:
        """How many records of a collection nothing rests on; None where they need no dependents."""
        return self._counts.get(collection)

    def examples(self, graph: Graph, collection: str, most: int) -> tuple[str, ...]:
        """The ids of some of them."""
        return tuple(islice(map(graph.ident, self._numbers(_MARKS.get(collection, 0))), most))

    def _mark(self, graph: Graph, number: int) -> int:
        if not graph.is_stored(number) or graph.is_used(number) or graph.condition(number) in _NEEDLESS:
            return 0
        collection = graph.collection(number)
        return _MARKS.get(collection, 0) if self._is_own(collection, graph.ident(number)) else 0

    def _numbers(self, mark: int) -> Iterator[int]:
        at = self._marks.find(mark) if mark else -1
        while at >= 0:
            yield at
            at = self._marks.find(mark, at + 1)


class SortedIds:
    """Ids of records in the order of a number of each, such as a time; 16 bytes per record, each pair once.

    Short sorted pieces follow each other, so that no insertion moves much and none delays other threads.
    `typecode` is that of `array` for the numbers.
    """

    def __init__(self, typecode: str) -> None:
        self._typecode = typecode
        self._pieces: list[tuple[array[float], list[str]]] = []
        self._last: list[tuple[float, str]] = []  # the last pair of each piece

    def add(self, number: float, ident: str) -> None:
        """Adds a pair."""
        if not self._pieces:
            self._pieces.append((array(self._typecode), []))
            self._last.append((number, ident))
        at = min(bisect_left(self._last, (number, ident)), len(self._last) - 1)
        numbers, idents = self._pieces[at]
        place = _place(numbers, idents, number, ident)
        numbers.insert(place, number)
        idents.insert(place, ident)
        self._last[at] = numbers[-1], idents[-1]
        if len(numbers) > _LONGEST:
            half = len(numbers) // 2
            self._pieces[at : at + 1] = ((numbers[:half], idents[:half]), (numbers[half:], idents[half:]))
            self._last.insert(at, (numbers[half - 1], idents[half - 1]))

    def remove(self, number: float, ident: str) -> None:
        """Removes a pair; raises `KeyError` where there is none."""
        at = bisect_left(self._last, (number, ident))
        if at == len(self._pieces):
            raise KeyError(ident)
        numbers, idents = self._pieces[at]
        place = _place(numbers, idents, number, ident)
        if (numbers[place], idents[place]) != (number, ident):
            raise KeyError(ident)
        del numbers[place], idents[place]
        if numbers:
            self._last[at] = numbers[-1], idents[-1]
        else:
            del self._pieces[at], self._last[at]

    def __len__(self) -> int:
        return sum(len(idents) for _, idents in self._pieces)

    def up_to(self, number: float) -> int:
        """How many pairs have this number or a lesser one."""
        at = bisect_right(self._last, number, key=itemgetter(0))
        before = sum(len(idents) for _, idents in self._pieces[:at])
        return before + (bisect_right(self._pieces[at][0], number) if at < len(self._pieces) else 0)

    def idents(self, start: int, count: int) -> list[str]:
        """So many ids, or as many as there are, from a place in the order on."""
        found: list[str] = []
        for _, idents in self._pieces:
            if start < len(idents):
                found += idents[start : start + count - len(found)]
            start = max(0, start - len(idents))
            if len(found) >= count:
                break
        return found

    def with_number(self, number: float) -> Iterator[str]:
        """The ids with exactly this number."""
        for at in range(bisect_left(self._last, (number, "")), len(self._pieces)):
            numbers, idents = self._pieces[at]
            first = bisect_left(numbers, number)
            last = bisect_right(numbers, number, first)
            yield from idents[first:last]
            if last < len(numbers):
                return


def _place(numbers: array[float], idents: list[str], number: float, ident: str) -> int:
    """Where a pair is in a piece, or belongs."""
    first = bisect_left(numbers, number)
    return bisect_left(idents, ident, first, bisect_right(numbers, number, first))
