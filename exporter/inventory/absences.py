"""Which records the lists of a collection lack, and when they may be removed. Pure.

One list that was read to its end proves nothing of a single record: where another is deleted while the list
is paged, all that follow move up by one, and the record at the next page border is in no page. So a record
that a crawl lacks is noted and kept. It may be removed when two finished crawls in a row lack it and one of
them shows its place to be vacant: an answer in which the records before and after it are neighbours, for one
answer is never torn. Where no answer shows the place, more crawls are needed.

A record with a vacant place that comes back is a sign of servers that are out of step behind one address; for
some crawls nothing is removed then. Invariant: nothing is removable that the last crawl showed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise

import msgspec

CRAWLS = 2
"""Finished crawls in a row that must lack a record, where its place was seen to be vacant."""

PATIENCE = 4
"""The same where it was not; only crawls count that were verified complete or are in the known order."""

CALM = 3
"""Crawls without a sign of answers that are out of step, before anything is removed again."""

GAP = ""
"""In the ids of an answer: an element that is no record, and may stand in the place of one."""

_MOVED = 3
"""Records that may have moved away from between two neighbours, if all others between them are missing."""

_AT_GAP = -2  # the place of a `GAP`

_ORDERED = 0.8
"""Of the neighbours in the answers: how many must be in the order of the crawl before for it to be one."""


class Answers(msgspec.Struct, frozen=True):
    """The ids of one list, in the order of the list, one sequence for each answer, `GAP` for no record.

    `has_end` says that the last answer shows the end of the list: a page shorter than the others.
    """

    ids: tuple[Sequence[str], ...] = ()
    has_end: bool = False

    def order(self) -> list[str]:
        """Each id once, where it came first."""
        return list(dict.fromkeys(ident for answer in self.ids for ident in answer if ident != GAP))


class Crawl(msgspec.Struct, frozen=True):
    """What one crawl showed of each list of a collection.

    `is_finished`: every list was read to its end, and nothing was left unread. `is_verified`: in addition, no
    sign speaks against completeness (totals, records that came twice).
    """

    lists: tuple[Answers, ...]
    is_finished: bool
    is_verified: bool


class Absence(msgspec.Struct, frozen=True):
    """A record that finished crawls lack.

    `crawls` counts them in a row, `firm` those of them that are verified or in the known order; `is_vacant`
    says that one of them shows its place, with nothing in it.
    """

    crawls: int = 0
    firm: int = 0
    is_vacant: bool = False

    @property
    def is_enough(self) -> bool:
        """Whether the record may be removed."""
        return (self.is_vacant and self.crawls >= CRAWLS) or self.firm >= PATIENCE


class Absences(msgspec.Struct, frozen=True):
    """The noted records of one collection, the order of its lists, and how much they are to be trusted.

    `orders` are the ids of each list as the last finished crawl showed them, those noted in their old places.
    `returned` are records of the last crawl that had seemed to be gone and came back; `unrest` is the
    number of crawls for which nothing is removed for that. `is_finished` says that the last crawl was.
    """

    noted: Mapping[str, Absence] = {}
    orders: tuple[Sequence[str], ...] = ()
    returned: tuple[str, ...] = ()
    unrest: int = 0
    is_finished: bool = True

    def after(self, crawl: Crawl, stored: AbstractSet[str], signs: int = 0) -> Absences:
        """What is known after one more crawl; `stored` are the ids in the snapshot when it began.

        `signs` counts further signs of answers that are out of step, such as versions older than the stored.
        """
        orders = [answers.order() for answers in crawl.lists]
        shown: AbstractSet[str] = set().union(*orders)
        missing = stored - shown
        gone = (ident for ident, one in self.noted.items() if one.is_vacant or one.is_enough)
        returned = tuple(ident for ident in gone if ident in shown)
        unrest = CALM if returned or signs else max(0, self.unrest - crawl.is_finished)
        if not crawl.is_finished:
            noted = {ident: one for ident, one in self.noted.items() if ident in missing}
            return Absences(noted, self.orders, returned, unrest, is_finished=False)
        if not missing:
            return Absences({}, tuple(orders), returned, unrest)
        before = self.orders if len(self.orders) == len(orders) else tuple([list(stored)] * len(orders))
        seen = [vacant(order, answers, missing) for order, answers in zip(before, crawl.lists, strict=True)]
        empty = set[str]().union(*(one for one in seen if one is not None))
        firm = crawl.is_verified or None not in seen
        noted = {ident: self._again(ident, firm=int(firm), empty=empty) for ident in missing}
        orders = [merged(order, new, missing) for order, new in zip(before, orders, strict=True)]
        return Absences(noted, tuple(orders), returned, unrest)

    def _again(self, ident: str, firm: int, empty: AbstractSet[str]) -> Absence:
        was = self.noted.get(ident, Absence())
        return Absence(was.crawls + 1, was.firm + firm, was.is_vacant or ident in empty)

    def removable(self) -> set[str]:
        """The ids that may be removed now: none after a crawl that is not finished."""
        return self._enough() if self.is_finished and not self.unrest else set()

    def withheld(self) -> set[str]:
        """The ids that could be removed now, if answers had not been out of step lately."""
        return self._enough() if self.unrest else set()

    def _enough(self) -> set[str]:
        return {ident for ident, one in self.noted.items() if one.is_enough}

    def awaits(self) -> bool:
        """Whether another crawl now would let something be removed, or show that it must not be."""
        return any(not one.is_enough for one in self.noted.values())

    def without(self, removed: Iterable[str], shown: Iterable[str] = ()) -> Absences:
        """The same, without those that were removed, and those that have been `shown` otherwise."""
        gone = set(removed)
        noted = dict(self.noted)
        for ident in (*gone, *shown):
            noted.pop(ident, None)
        if not gone:
            return msgspec.structs.replace(self, noted=noted)
        orders = tuple([ident for ident in order if ident not in gone] for order in self.orders)
        return msgspec.structs.replace(self, noted=noted, orders=orders)


def vacant(order: Sequence[str], answers: Answers, missing: AbstractSet[str]) -> set[str] | None:
    """Those of `missing` with a place in `order` that an answer shows to be empty.

    None where the answers are in another order, so that places mean nothing. A place is shown where an answer
    has two records next to each other, new ones between them aside, that stood before and behind the place,
    and nearly all others between those two are missing as well.
    """
    places = {ident: place for place, ident in enumerate(order)}
    wanted = sorted(places[ident] for ident in missing if ident in places)
    ascending = pairs = 0
    found: set[str] = set()
    for before, behind in _neighbours(places, answers):
        pairs += 1
        ascending += before < behind
        if behind - before < 2:
            continue
        first, last = bisect_right(wanted, before), bisect_left(wanted, behind)
        if first < last and behind - before - 1 - (last - first) <= _MOVED:
            found.update(order[place] for place in wanted[first:last])
    return found if ascending >= _ORDERED * pairs else None


def _neighbours(places: Mapping[str, int], answers: Answers) -> Iterator[tuple[int, int]]:
    """The previous places of any two known records that an answer shows next to each other.

    The beginning of a list counts as a place before all, its end, where it was seen, as one behind all. Two
    records with a `GAP` between them are no neighbours.
    """
    final = len(answers.ids) - 1
    for number, answer in enumerate(answers.ids):
        known = [places.get(ident, _AT_GAP) for ident in answer if ident in places or ident == GAP]
        if number == 0:
            known.insert(0, -1)
        if number == final and answers.has_end:
            known.append(len(places))
        yield from ((before, behind) for before, behind in pairwise(known) if _AT_GAP not in (before, behind))


def merged(order: Sequence[str], new: Sequence[str], missing: AbstractSet[str]) -> list[str]:
    """The order `new`, with those of `order` that are missing behind the record that they stood behind.

    Of records that came into the same gap nobody knows whether they stand before or behind the missing ones:
    they are left out, and show no place to be vacant until the gap is closed.
    """
    behind: dict[str, list[str]] = {}
    shown, known = set(new), set(order)
    last = ""  # in front of all
    for ident in order:
        if ident in shown:
            last = ident
        elif ident in missing:
            behind.setdefault(last, []).append(ident)
    gap = behind.get("", [])
    result = list(gap)
    for ident in new:
        if ident in known:
            gap = behind.get(ident, [])
            result += [ident, *gap]
        elif not gap:
            result.append(ident)
    return result
