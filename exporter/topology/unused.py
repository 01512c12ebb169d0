"""Carriers and resources of this shard that nothing rests on, as the graph has them; one byte per record.

What is planned or retired needs no dependents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from exporter.inventory.condition import Condition
from exporter.topology.graph import Graph

_MARKS = {"carriers": 1, "resources": 2}
_NEEDLESS = frozenset((Condition.PLANNED, Condition.RETIRED))


class Unused:
    """The records of a graph that nothing rests on; services need no dependents.

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
