"""One page of a list as a response: its records, headers, envelope and status code.

The body and the headers are made from the same list at the same moment; faults are applied later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from exporter.simulator import headers, list_disturbances, listing, reply
from exporter.simulator.body import Bodies
from exporter.simulator.dialect import SimulatedDialect
from exporter.simulator.headers import PageSlice
from exporter.simulator.record import FleetRecord
from exporter.simulator.response_options import ResponseOptions

PARTIAL: Mapping[str, Callable[[PageSlice], bool]] = {
    "never": lambda cut: False,
    "more": lambda cut: cut.more,
    "part": lambda cut: cut.start < cut.stop and not cut.whole,
    "always": lambda cut: True,
}
"""Which pages are answered with 206 instead of 200, by `ResponseOptions.partial`."""


class Pages:
    """The pages of one simulator."""

    def __init__(
        self,
        dialect: SimulatedDialect,
        lists: listing.Listing,
        bodies: Bodies,
        access: list_disturbances.AccessRules,
    ) -> None:
        self._dialect = dialect
        self._lists = lists
        self._bodies = bodies
        self._access = access
        self._arrivals = list_disturbances.LateArrivals(dialect.response.arrivals)

    def reply(self, ask: listing.ListRequest, where: str, now: float) -> reply.Reply:
        """The answer to one request; `where` is the list's URL without a query."""
        response = self._dialect.response
        found = self._arrivals.arranged(ask, self._lists.records(ask, now))
        if response.doubles:
            found = list_disturbances.doubled(found)
        part = listing.part(ask, found)
        rows = [record for record in found[part.start : part.stop] if not self._access.hides(record)]
        cut = self._cut(found, part, len(rows))
        page_headers = headers.page_headers(self._dialect, ask, cut, where)
        refused = refusal(response, cut)
        if refused:
            return reply.problem(refused, "no records here", self._nothing(cut))
        status = 206 if PARTIAL[response.partial](cut) else 200
        return reply.Reply(status, self._body(rows), headers=page_headers, total_header=response.total_header)

    def _cut(self, found: Sequence[FleetRecord], part: range, shown: int) -> PageSlice:
        ends = (found[part.start].code, found[part.stop - 1].code) if part else ("", "")
        return PageSlice(part.start, part.stop, len(found), shown, self._counted(found), *ends)

    def _counted(self, found: Sequence[FleetRecord]) -> int | None:
        counts: Mapping[str, Callable[[], int | None]] = {
            "all": lambda: len(found),
            "readable": lambda: sum(not self._access.hides(record) for record in found),
            "none": lambda: None,
        }
        return counts[self._dialect.response.counted]()

    def _nothing(self, cut: PageSlice) -> dict[str, str]:
        """What is still said where a page is refused: how long the list is."""
        ranged = self._dialect.paging.style == "range"
        return {"Content-Range": f"items */{cut.length}"} if ranged else {}

    def _body(self, rows: Sequence[FleetRecord]) -> bytes:
        response = self._dialect.response
        alone = response.single_is_object and len(rows) == 1
        body = self._bodies.record(rows[0]) if alone else self._bodies.page(rows)
        return b'{"%b":%b}' % (response.envelope.encode(), body) if response.envelope else body


def refusal(response: ResponseOptions, cut: PageSlice) -> int:
    """The status that a page without records is refused with, 0 where it is a page like any other."""
    behind = response.past_end if cut.start >= cut.length else 200
    status = behind if cut.length else response.nobody
    return 0 if status == 200 else status
