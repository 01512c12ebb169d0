"""Injects faults: decides which requests and records a fault affects, and changes the responses.

Records are chosen by a hash of their code, so the same ones are affected in every crawl; requests are chosen
by a seeded random draw each. The same seed and the same sequence of requests give the same faults. A fault
changes a `Reply` into a `Reply`, so several can be combined.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from exporter.simulator.fault import RECORD_FAULTS, Fault
from exporter.simulator.list_disturbances import record_fraction
from exporter.simulator.list_request import ListRequest
from exporter.simulator.listing import Reply
from exporter.simulator.record import FleetRecord
from exporter.simulator.record_faults import apply_fault

HTML = "text/html;charset=utf-8"

_MAINTENANCE = b"""<!DOCTYPE html>
<html><head><title>Scheduled maintenance</title></head>
<body><h1>We will be back soon</h1><p>The inventory is being upgraded.</p></body></html>
"""

_ERROR = b'{"error":{"message":"Transaction cancelled: execution time exceeded"},"status":"failure"}'


class FaultInjection:
    """The faults of one simulator; counts how often each page was affected."""

    def __init__(self, faults: Sequence[Fault], seed: int) -> None:
        self._seed = seed
        of_responses = [fault for fault in faults if fault.name not in RECORD_FAULTS]
        self._of_responses = [
            (fault, random.Random(f"{seed} {index} {fault.name}")) for index, fault in enumerate(of_responses)
        ]
        self._of_records = [fault for fault in faults if fault.name in RECORD_FAULTS]
        self._affected: Counter[object] = Counter()

    def change_reply(self, request: ListRequest, reply: Reply) -> Reply:
        """The response with the faults that affect this request, in their order; every call counts."""
        for fault in self.faults_of(request):
            reply = apply(fault, reply)
        return reply

    def faults_of(self, request: ListRequest) -> list[Fault]:
        """The faults that affect this request, in their order; every call counts."""
        return [fault for fault, draw in self._of_responses if self._affects(fault, draw, request)]

    @property
    def duplicates_records(self) -> bool:
        """Whether lists contain some records more than once."""
        return any(fault.name == "duplicates" for fault in self._of_records)

    def repeats(self, record: FleetRecord) -> bool:
        """Whether lists contain the record more than once."""
        return any(fault.name == "duplicates" for fault in self._faults_of_record(record))

    def change_record(self, record: FleetRecord, shown: dict[str, Any]) -> dict[str, Any]:
        """The formatted record with the faults that affect it; changes `shown` in place."""
        for fault in self._faults_of_record(record):
            if fault.name != "duplicates":
                apply_fault(fault.name, shown, record.number)
        return shown

    def _affects(self, fault: Fault, draw: random.Random, request: ListRequest) -> bool:
        if fault.collection not in ("", request.collection):
            return False
        if fault.pages and request.page not in fault.pages:
            return False
        if fault.rows and not any(row in request.rows for row in fault.rows):
            return False
        if draw.random() >= fault.share:
            return False
        if fault.times:
            self._affected[fault, request] += 1
            return self._affected[fault, request] <= fault.times
        return True

    def _faults_of_record(self, record: FleetRecord) -> list[Fault]:
        return [
            fault
            for fault in self._of_records
            if fault.collection in ("", f"{record.kind}s")
            and record_fraction(f"{self._seed} {fault.name} {record.code}") < fault.share
        ]


def apply(fault: Fault, reply: Reply) -> Reply:
    """The response with the fault."""
    changed = RESPONSE_FAULT_EFFECTS[fault.name](fault, reply)
    headers = dict(changed.headers)
    if fault.retry_after:
        headers["Retry-After"] = fault.retry_after
    return replace(changed, status=fault.code or changed.status, headers=headers)


def _refuse(fault: Fault, reply: Reply) -> Reply:
    return Reply(int(fault.name), b'{"code":"%b","reason":"simulated fault"}' % fault.name.encode())


def _empty(fault: Fault, reply: Reply) -> Reply:
    """No records; where every page is empty, the total is 0 as well."""
    headers = dict(reply.headers)
    if reply.total_header and not fault.is_targeted:
        headers[reply.total_header] = "0"
    return replace(reply, status=200, body=b"[]", headers=headers)


RESPONSE_FAULT_EFFECTS: Mapping[str, Callable[[Fault, Reply], Reply]] = {
    **dict.fromkeys(("500", "502", "504", "429"), _refuse),
    "empty": _empty,
    "html": lambda fault, reply: Reply(200, _MAINTENANCE, HTML),
    "truncate": lambda fault, reply: replace(reply, body=reply.body[: len(reply.body) // 2]),
    "error-object": lambda fault, reply: Reply(200, _ERROR),
    "envelope": lambda fault, reply: replace(reply, body=b'{"result":%b}' % reply.body),
}
"""What each fault does to a response."""
