"""Lists of records, and one page of a list as a response.

The pages of a fleet that does not change give each record exactly once, unless faults or quirks duplicate it.
The body and the headers of a page are made from the same list at the same moment; faults are applied later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec

from exporter.simulator.fleet import Fleet
from exporter.simulator.headers import PageSlice, page_headers
from exporter.simulator.list_disturbances import AccessRules, LateRecords, with_duplicates
from exporter.simulator.list_request import ListRequest
from exporter.simulator.record import DAY, FleetRecord
from exporter.simulator.response_options import ResponseOptions, SimulatedDialect

JSON = "application/json;charset=utf-8"

REPEAT_AFTER = 150
"""How many records later a duplicate follows, so that it is on another page."""

MAX_LISTS = 50
"""The number of lists kept for reuse."""

MAX_ENCODED = 200_000
"""The number of records kept as JSON: 300 MB at most."""

PARTIAL: Mapping[str, Callable[[PageSlice], bool]] = {
    "never": lambda page: False,
    "more": lambda page: page.has_next,
    "part": lambda page: page.start < page.stop and not page.is_whole_list,
    "always": lambda page: True,
}
"""Which pages are answered with 206 instead of 200, by `ResponseOptions.partial`."""


@dataclass(frozen=True)
class Reply:
    """A response before it is sent. `total_header` is the header that announces the total, "" for none."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    total_header: str = ""


def problem(status: int, reason: str, headers: Mapping[str, str] | None = None) -> Reply:
    """A refusal with its reason, as an error object."""
    body = {"error": {"message": reason, "detail": None}, "status": "failure"}
    return Reply(status, msgspec.json.encode(body), headers=headers or {})


class RecordEncoder:
    """Records as JSON (UTF-8), encoded when first requested and kept until the record changes."""

    def __init__(self, shape: Callable[[FleetRecord], dict[str, Any]]) -> None:
        encode = msgspec.json.Encoder().encode
        self._encoded = lru_cache(MAX_ENCODED)(lambda record, revision: encode(shape(record)))

    def array(self, records: Iterable[FleetRecord]) -> bytes:
        """The records as a JSON array."""
        return b"[%b]" % b",".join(map(self.object, records))

    def object(self, record: FleetRecord) -> bytes:
        """The record as a JSON object."""
        return self._encoded(record, record.revision)


class Listing:
    """The lists of one fleet in one dialect, each kept until the fleet changes.

    `repeats` says which records the fault `duplicates` lists more than once, None for no such fault.
    """

    def __init__(
        self, dialect: SimulatedDialect, fleet: Fleet, repeats: Callable[[FleetRecord], bool] | None
    ) -> None:
        self._dialect = dialect
        self._fleet = fleet
        self._repeats = repeats
        self._lists: dict[object, tuple[object, list[FleetRecord]]] = {}

    def records(self, request: ListRequest, now: float) -> list[FleetRecord]:
        """The whole list that is requested a part of; to be read, not changed."""
        key = (request.kinds, request.filters, request.days, request.api)
        minute = 0.0 if request.days is None else now // 60  # records become too old for the list
        version = (self._fleet.version, minute)
        known_version, records = self._lists.get(key, (None, []))
        if known_version != version:
            if key not in self._lists and len(self._lists) >= MAX_LISTS:  # somebody tries every filter
                self._lists.clear()
            records = self._select(request, now)
            if self._repeats is not None:
                records = list(with_repeats(records, self._repeats))
            self._lists[key] = (version, records)
        return records

    def _select(self, request: ListRequest, now: float) -> list[FleetRecord]:
        since = None if request.days is None else now - (request.days + 1) * DAY
        records = chain.from_iterable(
            self._fleet.records(kind) if since is None else self._fleet.recent(kind, since)
            for kind in request.kinds
        )
        selected = [record for record in records if record.status not in self._dialect.hidden]
        for key, value in request.filters:
            attribute = self._dialect.attributes[request.api][key]
            selected = [record for record in selected if attribute(record) == value]
        return selected


def with_repeats(
    records: Iterable[FleetRecord], repeats: Callable[[FleetRecord], bool]
) -> Iterable[FleetRecord]:
    """Repeats the chosen records: every other one at once, the rest `REPEAT_AFTER` records later."""
    waiting: list[tuple[int, FleetRecord]] = []
    for position, record in enumerate(records):
        yield record
        if repeats(record):
            if record.number % 2:
                yield record
            else:
                waiting.append((position + REPEAT_AFTER, record))
        while waiting and waiting[0][0] <= position:
            yield waiting.pop(0)[1]
    yield from (record for _, record in waiting)


class Pages:
    """The pages of one simulator."""

    def __init__(self, dialect: SimulatedDialect, access_rules: AccessRules) -> None:
        self._dialect = dialect
        self._access_rules = access_rules
        self._late_records = LateRecords(dialect.response.late_records)

    def reply(
        self, request: ListRequest, records: list[FleetRecord], encoder: RecordEncoder, url: str
    ) -> Reply:
        """The response to one request; `records` is the whole list and `url` its URL without a query."""
        response = self._dialect.response
        found = self._late_records.arrange(request, records)
        if response.duplicate_ids:
            found = with_duplicates(found)
        part = page_range(request, found)
        shown = [record for record in found[part.start : part.stop] if not self._access_rules.hides(record)]
        last_code = found[part.stop - 1].code if part else ""
        page = PageSlice(part.start, part.stop, len(found), len(shown), self._counted(found), last_code)
        status = refusal(response, page)
        if status:
            ranged = self._dialect.paging.style == "range"
            headers = {"Content-Range": f"items */{page.length}"} if ranged else {}
            return problem(status, "no records here", headers)
        headers = page_headers(self._dialect, request, page, url)
        is_single = response.single_is_object and len(shown) == 1
        body = encoder.object(shown[0]) if is_single else encoder.array(shown)
        if response.envelope:
            body = b'{"%b":%b}' % (response.envelope.encode(), body)
        status = 206 if PARTIAL[response.partial](page) else 200
        return Reply(status, body, headers=headers, total_header=response.total_header)

    def _counted(self, found: Sequence[FleetRecord]) -> int | None:
        counted = self._dialect.response.counted
        if counted == "readable":
            return sum(not self._access_rules.hides(record) for record in found)
        return len(found) if counted == "all" else None


def page_range(request: ListRequest, found: Sequence[FleetRecord]) -> range:
    """The indices of the records requested; empty past the end.

    A page with an anchor follows that record even where records were added or removed before it.
    """
    start = request.position
    if request.anchor and not (0 < start <= len(found) and found[start - 1].code == request.anchor):
        codes = (record.code for record in found)
        start = next((index for index, code in enumerate(codes, 1) if code == request.anchor), start)
    return range(start, max(start, min(start + request.size, len(found))))


def refusal(response: ResponseOptions, page: PageSlice) -> int:
    """The status with which a page without records is refused, 0 where it is a normal page."""
    past_end = response.past_end if page.start >= page.length else 200
    status = past_end if page.length else response.no_records
    return 0 if status == 200 else status
