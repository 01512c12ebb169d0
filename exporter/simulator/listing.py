"""From a query to the records it means: which kind, which filters, which part of the list.

Owns filters and the order of lists; where in a list a request points is `position`'s, answers are `page`'s
and `headers`'s, what a record looks like is the dialect's. Unknown parameters are ignored, as inventories do;
known ones with nonsense in them are refused. Invariant: walking the parts of an unchanging fleet gives each
record exactly once, unless the duplicates fault is on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from exporter.simulator import position
from exporter.simulator.dialect import SimulatedDialect
from exporter.simulator.fleet import Fleet
from exporter.simulator.record import CARRIER, DAY, RESOURCE, FleetRecord

REPEAT_AFTER = 150
"""How many records later a duplicate comes again, so that it falls on another page."""


@dataclass(frozen=True)
class ListRequest:
    """One request for a part of a list: `size` records from `position`, which counts records from 0.

    `days` is None for all records, N for those updated within the last N + 1 days. `anchor` and `backwards`
    are those of `position.Position`; `rest` is the query without what asks for a part.
    """

    api: str
    kinds: tuple[str, ...]
    filters: tuple[tuple[str, str], ...]
    days: int | None
    position: int
    size: int
    anchor: str = ""
    backwards: bool = False
    rest: tuple[tuple[str, str], ...] = ()

    @property
    def page(self) -> int:
        """The number of the page from 1, if all pages were of this size."""
        return self.position // self.size + 1

    @property
    def rows(self) -> range:
        """The positions asked for, counted from 1."""
        return range(self.position + 1, self.position + self.size + 1)

    @property
    def collection(self) -> str:
        """What an exporter calls what is listed."""
        if self.api == "tmf639":
            return "resources"
        return "carriers" if self.kinds == (CARRIER,) else "services"


def read(dialect: SimulatedDialect, api: str, query: Mapping[str, str], span: str = "") -> ListRequest:
    """Understands a query string and a Range header, `span`. Raises BadQuery where they make no sense."""
    paging = dialect.paging
    query = position.unfolded(paging, query)
    for name in dialect.required:
        if name not in query:
            raise position.BadQuery(f"{name} is required; name one type a call")
    place = position.find(paging, query, span)
    days = None
    if dialect.age_param and dialect.age_param in query:
        days = position.number(query, dialect.age_param, 0, range(100_000))
    known = dialect.attributes[api]
    filters = {key: value for key, value in query.items() if key in known}
    kinds: tuple[str, ...] = (RESOURCE,)
    if api == "tmf638":
        kinds = dialect.types.get(filters.pop("@type", ""), ())
    own = (paging.size_param, paging.position_param, paging.cursor_param, paging.back_param)
    return ListRequest(
        api=api,
        kinds=kinds,
        filters=tuple(sorted(filters.items())),
        days=days,
        position=place.start,
        size=place.size,
        anchor=place.anchor,
        backwards=place.backwards,
        rest=tuple((key, value) for key, value in query.items() if key not in own),
    )


def part(ask: ListRequest, found: Sequence[FleetRecord]) -> range:
    """The indices of the records asked for; empty, and where they would begin, past the end.

    Anchored to a record, a page stays beside it although others have come or gone before it.
    """
    start = ask.position
    beside = start if ask.backwards else start - 1
    if ask.anchor and not (0 <= beside < len(found) and found[beside].code == ask.anchor):
        index = next((index for index, record in enumerate(found) if record.code == ask.anchor), beside)
        start += index - beside
    if ask.backwards:
        return range(max(0, start - ask.size), min(start, len(found)))
    return range(start, max(start, min(start + ask.size, len(found))))


class Listing:
    """The lists of one fleet in one dialect; computed once for each query and fleet version.

    `repeats` says which records the duplicates fault gives more than once.
    """

    def __init__(
        self, dialect: SimulatedDialect, fleet: Fleet, repeats: Callable[[FleetRecord], bool]
    ) -> None:
        self._dialect = dialect
        self._fleet = fleet
        self._repeats = repeats
        self._lists: dict[object, tuple[object, list[FleetRecord]]] = {}

    def records(self, ask: ListRequest, now: float) -> list[FleetRecord]:
        """The whole list that `ask` is a part of; to be read, not changed."""
        key = (ask.kinds, ask.filters, ask.days, ask.api)
        stamp = self._stamp(ask, now)
        known = self._lists.get(key)
        if known is None or known[0] != stamp:
            if known is None and len(self._lists) > 50:  # someone tries all filters: forget, do not grow
                self._lists.clear()
            known = (stamp, list(self._with_repeats(self._select(ask, now))))
            self._lists[key] = known
        return known[1]

    def _stamp(self, ask: ListRequest, now: float) -> object:
        """Changes whenever the list may: with who is there, and with anything if states or age are asked."""
        there = tuple(self._fleet.membership[kind] for kind in ask.kinds)
        if ask.days is not None:
            return there, self._fleet.version, now // 60  # records grow too old by the minute
        if any(key in self._dialect.volatile for key, _ in ask.filters):
            return there, self._fleet.version
        return there

    def _select(self, ask: ListRequest, now: float) -> Iterable[FleetRecord]:
        if ask.days is None:
            found = chain.from_iterable(self._fleet.records(kind) for kind in ask.kinds)
        else:
            since = now - (ask.days + 1) * DAY
            found = chain.from_iterable(self._fleet.recent(kind, since) for kind in ask.kinds)
        attributes = self._dialect.attributes[ask.api]
        wanted = [(attributes[key], value) for key, value in ask.filters]
        hidden = self._dialect.hidden
        return (
            record
            for record in found
            if record.status not in hidden and all(attribute(record) == value for attribute, value in wanted)
        )

    def _with_repeats(self, records: Iterable[FleetRecord]) -> Iterable[FleetRecord]:
        """Gives the chosen records again: every other one at once, the rest `REPEAT_AFTER` records later."""
        waiting: list[tuple[int, FleetRecord]] = []
        for place, record in enumerate(records):
            yield record
            if self._repeats(record):
                if record.number % 2:
                    yield record
                else:
                    waiting.append((place + REPEAT_AFTER, record))
            while waiting and waiting[0][0] <= place:
                yield waiting.pop(0)[1]
        yield from (record for _, record in waiting)
