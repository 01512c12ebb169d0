"""One page of a list as an answer: cut, counted, wrapped, with the status that goes with it.

Owns the way from an `Ask` to a `Reply`; headers are `heading`'s, faults come after it. Invariant: what the
body holds and what the headers say come from the same list at the same moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from exporter.simulator import heading, listing, reply, unrest
from exporter.simulator.body import Bodies
from exporter.simulator.dialect import Dialect
from exporter.simulator.heading import Cut
from exporter.simulator.manner import Manner
from exporter.simulator.record import Record

PARTIAL: Mapping[str, Callable[[Cut], bool]] = {
    "never": lambda cut: False,
    "more": lambda cut: cut.more,
    "part": lambda cut: cut.start < cut.stop and not cut.whole,
    "always": lambda cut: True,
}
"""Which pages are answered with 206 instead of 200, by `Manner.partial`."""


class Pages:
    """The pages of one simulator."""

    def __init__(
        self, dialect: Dialect, lists: listing.Listing, bodies: Bodies, access: unrest.Access
    ) -> None:
        self._dialect = dialect
        self._lists = lists
        self._bodies = bodies
        self._access = access
        self._arrivals = unrest.Arrivals(dialect.manner.arrivals)

    def reply(self, ask: listing.Ask, where: str, now: float) -> reply.Reply:
        """The answer to one request; `where` is the list's URL without a query."""
        manner = self._dialect.manner
        found = self._arrivals.arranged(ask, self._lists.records(ask, now))
        if manner.doubles:
            found = unrest.doubled(found)
        part = listing.part(ask, found)
        rows = [record for record in found[part.start : part.stop] if not self._access.hides(record)]
        cut = self._cut(found, part, len(rows))
        headers = heading.headers(self._dialect, ask, cut, where)
        refused = refusal(manner, cut)
        if refused:
            return reply.problem(refused, "no records here", self._nothing(cut))
        status = 206 if PARTIAL[manner.partial](cut) else 200
        return reply.Reply(status, self._body(rows), headers=headers, total_header=manner.total_header)

    def _cut(self, found: Sequence[Record], part: range, shown: int) -> Cut:
        ends = (found[part.start].code, found[part.stop - 1].code) if part else ("", "")
        return Cut(part.start, part.stop, len(found), shown, self._counted(found), *ends)

    def _counted(self, found: Sequence[Record]) -> int | None:
        counts: Mapping[str, Callable[[], int | None]] = {
            "all": lambda: len(found),
            "readable": lambda: sum(not self._access.hides(record) for record in found),
            "none": lambda: None,
        }
        return counts[self._dialect.manner.counted]()

    def _nothing(self, cut: Cut) -> dict[str, str]:
        """What is still said where a page is refused: how long the list is."""
        ranged = self._dialect.paging.style == "range"
        return {"Content-Range": f"items */{cut.length}"} if ranged else {}

    def _body(self, rows: Sequence[Record]) -> bytes:
        manner = self._dialect.manner
        alone = manner.single_is_object and len(rows) == 1
        body = self._bodies.record(rows[0]) if alone else self._bodies.page(rows)
        return b'{"%b":%b}' % (manner.envelope.encode(), body) if manner.envelope else body


def refusal(manner: Manner, cut: Cut) -> int:
    """The status that a page without records is refused with, 0 where it is a page like any other."""
    behind = manner.past_end if cut.start >= cut.length else 200
    status = behind if cut.length else manner.nobody
    return 0 if status == 200 else status
