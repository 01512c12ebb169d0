"""Ids of records in the order of a number of each, such as a time; 16 bytes per record.

Short sorted pieces follow each other, so that no insertion moves much and none holds up other threads.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from operator import itemgetter

_LONGEST = 2_048  # entries of a piece, which is then divided


class SortedIds:
    """Pairs of a number and an id, sorted; each pair occurs once.

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
