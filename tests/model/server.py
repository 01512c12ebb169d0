"""The simulator as a server that lies, changes between its answers, and has a copy that is out of step.

It notes what was true while it answered, for the law in `machine`: nothing of that is known to the exporter.
Invariant: the copy is behind by less than two lists, so that no record is missing twice in a row for it.
"""

from __future__ import annotations

import copy
import json
import random
import zlib
from collections import deque
from collections.abc import Callable
from typing import Any

from aiohttp import web

from exporter.simulator import listing
from exporter.simulator.fleet import Fleet
from exporter.simulator.list_request import ListRequest
from exporter.simulator.record import RETIRED, SERVICE, FleetRecord
from exporter.simulator.server import Options, Simulator
from tests.model import lies

NAMELESS = range(9_000_001, 9_000_004)
"""The numbers of records that have no id and begin alike."""

LIES = (
    *(*lies.MISREADING, *lies.TWISTS, "total of all", "accepted, not done"),
    *("ids shared by types", "records without id that begin alike", "a copy out of step"),
)


class Lists(listing.Listing):
    """The lists of one fleet, in an order in which what comes may stand anywhere."""

    def __init__(self, server: Server, fleet: Fleet) -> None:
        super().__init__(server.dialect, fleet, None)
        self._server = server

    def records(self, request: ListRequest, now: float) -> list[FleetRecord]:
        """The whole list, made anew each time."""
        found = list(super().records(request, now))
        if "ids shared by types" in self._server.lies:
            found += [_twin(record) for record in found if has_twin(record.code)]
        if "records without id that begin alike" in self._server.lies and len(found) >= len(NAMELESS):
            found += [FleetRecord(SERVICE, number, "", "", 0, 0, 0) for number in NAMELESS]
        return list(listing.with_repeats(sorted(found, key=_place), self._server.repeats))


def has_twin(code: str) -> bool:
    """Whether the record of that code shares its id with another one, where some do."""
    return int(code[3:]) % 3 == 1


def _place(record: FleetRecord) -> int:
    return zlib.crc32(f"{record.code} {record.type}".encode())


def _twin(record: FleetRecord) -> FleetRecord:
    twin = copy.copy(record)
    twin.type = "Port"
    return twin


class Server(Simulator):
    """One inventory, which lies as `lies` say, on a `share` of its pages, by the chance of `draw`.

    `moves` happen one before each answer. Of what was true since `begin`: `always` are the records that
    every server had at each answer, `words` all statuses that one of them had, `listed` what was given away.
    """

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.lies: frozenset[str] = frozenset()
        self.share = 1.0
        self.draw = random.Random(0)
        self.moves: deque[Callable[[], object]] = deque()
        self._copies: deque[Fleet] = deque(maxlen=2)
        self.begin()

    def repeats(self, record: FleetRecord) -> bool:
        """Whether the record is listed twice, by the faults of now."""
        return self._faults.repeats(record)

    def begin(self) -> None:
        """Forgets what was true."""
        self.always: set[str] | None = None
        self.words: dict[str, set[str]] = {}
        self.listed: set[str] = set()

    def _format(self, record: FleetRecord) -> dict[str, Any]:
        if record.number in NAMELESS:
            return {"description": "x" * 150, "name": f"no id {record.number}"}
        return super()._format(record)

    async def _list(self, api: str, request: web.Request) -> web.Response:
        if self.moves:
            self.moves.popleft()()
        query = dict(request.query)
        for name in self.lies & lies.MISREADING.keys():
            query = dict(lies.MISREADING[name](query))
        fleet = self._answering(is_first=query.get("page", "1") == "1" and query.get("offset", "0") == "0")
        self._listing = Lists(self, fleet)
        answer = await super()._list(api, request.clone(rel_url=request.rel_url.with_query(query)))
        return self._twisted(answer)

    def _answering(self, is_first: bool) -> Fleet:
        """The fleet of the server that answers, whose copy holds what was so when the list before began."""
        if "a copy out of step" not in self.lies:
            self._copies.clear()
            fleets = [self.fleet]
        else:
            if is_first or not self._copies:
                self._copies.append(copy.deepcopy(self.fleet))
            fleets = [self.fleet, self._copies[0]]
        for fleet in fleets:
            shown = {record.code: record.status for record in fleet.records(SERVICE)}
            shown = {code: status for code, status in shown.items() if status != RETIRED}
            self.always = shown.keys() & (shown.keys() if self.always is None else self.always)
            for code, status in shown.items():
                self.words.setdefault(code, set()).add(status)
        return self.draw.choice(fleets)

    def _twisted(self, answer: web.Response) -> web.Response:
        try:
            shown = json.loads(bytes(answer.body))
        except ValueError:
            return answer
        if answer.status >= 300 or not isinstance(shown, list):
            return answer
        for name in sorted(self.lies & lies.TWISTS.keys()):
            if isinstance(shown, list) and self.draw.random() < self.share:
                shown = lies.TWISTS[name](shown, self.draw)
        answer.body = json.dumps(shown).encode()
        if "total of all" in self.lies:
            lies.total_of_all(answer.headers)
        if "accepted, not done" in self.lies and self.draw.random() < self.share:
            answer.set_status(202)
        elif isinstance(shown, list):
            records = [one for one in shown if isinstance(one, dict)]
            self.listed.update(str(one.get("externalId") or one.get("id")) for one in records)
        return answer
