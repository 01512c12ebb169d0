"""Defects of the data: records that lack what they should have, or say what cannot be.

Counts are kept up to date by changes; what depends on the time is looked up at the time. Retired records are
not counted. Of each defect some ids are kept as examples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from exporter.inventory.condition import Condition
from exporter.inventory.record import Record
from exporter.inventory.snapshot import Shown, StoredRecord
from exporter.topology.sorted_ids import SortedIds

EXAMPLES = 20
"""Ids of a defect that are given as examples, at most."""

_KEPT = 5 * EXAMPLES  # as many are kept, so that they last while defects are corrected
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
