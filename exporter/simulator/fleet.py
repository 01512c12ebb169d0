"""The operator's records as they are now, and how they change: carriers fail and recover, services come and
go.

`generator` makes the first records. Time is an argument, in Unix seconds. No record refers to one that was
removed, and every change of what a record shows increases its `revision`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping

from exporter.simulator import generator
from exporter.simulator.record import (
    CARRIER,
    DEGRADED,
    DOWN,
    KINDS,
    MAINTENANCE,
    OPERATIONAL,
    OUT_OF_SERVICE,
    PREFIXES,
    PROBLEMS,
    RESOURCE,
    RETIRED,
    SERVICE,
    STATUSES,
    FleetRecord,
)


class Fleet:
    """All records; `version` counts the changes."""

    def __init__(self, sizes: generator.Sizes, seed: int, now: float) -> None:
        records = generator.generate(sizes, seed, now)
        self.sizes = sizes
        self.version = 0
        self.clock = float(now)
        self._records = {kind: {record.number: record for record in records[kind]} for kind in KINDS}
        self._next_service = len(records[SERVICE]) + 1
        self._usual_services = len(records[SERVICE])
        self._random = random.Random(f"{seed}: what happens")
        # in the order of updates: the most recent are found without looking at the rest
        self._by_update = {
            kind: dict.fromkeys(sorted(records[kind], key=lambda record: record.updated)) for kind in KINDS
        }
        self._failed = dict.fromkeys(record for record in records[CARRIER] if record.status in PROBLEMS)
        self._imposed: dict[FleetRecord, str] = {}
        self._required = {far for record in records[SERVICE] for _, far in record.relations}
        # drawn from by index; records that were removed since are skipped
        self._drawn = {CARRIER: records[CARRIER], SERVICE: list(records[SERVICE])}

    def records(self, kind: str) -> Iterable[FleetRecord]:
        """All records of a kind, retired ones included, in the order of their numbers."""
        return self._records[kind].values()

    def find(self, code: str) -> FleetRecord:
        """The record with that code, such as `CAR0000001`. Raises KeyError if there is none."""
        kind = {prefix: kind for kind, prefix in PREFIXES.items()}.get(code[:3])
        number = int(code[3:]) if code[3:].isdecimal() else 0
        if kind is None or number not in self._records[kind]:
            raise KeyError(f"there is no record {code!r} in this fleet")
        return self._records[kind][number]

    def recent(self, kind: str, since: float) -> list[FleetRecord]:
        """The records of a kind last updated at or after `since`, in the order of their numbers."""
        found = []
        for record in reversed(self._by_update[kind]):
            if record.updated < since:
                break
            found.append(record)
        return sorted(found, key=lambda record: record.number)

    def change(self, rate: float, now: float) -> int:
        """Makes `rate` changes per second for the time up to `now`; returns how many there were.

        Each has its own time between the last call and `now`.
        """
        due = int(max(0.0, now - self.clock) * rate)
        for step in range(1, due + 1):
            self._change_once(self.clock + step / rate)
        self.clock = self.clock + due / rate if rate > 0 else max(self.clock, now)
        return due

    def set_status(self, code: str, status: str, now: float) -> None:
        """Gives a record one of `STATUSES`, updated `now`. Raises KeyError and ValueError."""
        if status not in STATUSES:
            raise ValueError(f"status is {status!r}; use one of {', '.join(STATUSES)}")
        record = self.find(code)
        is_shown_by_users = record.kind == RESOURCE  # carriers show the status of their segments
        if is_shown_by_users or RETIRED in (status, record.status):
            for user in self._users(record):
                user.revision += 1
        self._set_status(record, status, now)

    def impose(self, statuses: Mapping[FleetRecord, str], now: float) -> None:
        """Gives these records the status of an outage, where their own is no worse, and returns their own to
        all others that had one. Until then they neither recover nor fail by chance.
        """
        for record in [record for record in self._imposed if record not in statuses]:
            own = self._imposed.pop(record)
            if record.status in PROBLEMS:
                self.set_status(record.code, own, now)
        for record, status in statuses.items():
            if record.status in OUT_OF_SERVICE:
                continue
            own = self._imposed.setdefault(record, record.status)
            worst = min(status, own if own in PROBLEMS else status, key=PROBLEMS.index)
            if record.status != worst:
                self.set_status(record.code, worst, now)
            self._failed.pop(record, None)

    def remove(self, code: str) -> None:
        """Removes a record and all references to it. Raises KeyError. Reads every record."""
        record = self.find(code)
        for user in self._users(record):
            user.parts = [part for part in user.parts if part is not record]
            user.relations = [(word, far) for word, far in user.relations if far is not record]
            user.revision += 1
        self._remove(record)

    def add_service(self, now: float) -> FleetRecord:
        """Adds a service for the customer of another service; returns it."""
        model = self._draw(SERVICE)
        time, number = int(now), self._next_service
        self._next_service += 1
        type_name = model.type if model else "Enterprise WAN"
        customer = model.customer.name if model and model.customer else "New"
        service = FleetRecord(
            SERVICE, number, f"{customer} {type_name} {number}", type_name, time, time, time
        )
        if model:
            service.customer, service.site, service.parts = model.customer, model.site, model.parts
        self._records[SERVICE][number] = service
        self._by_update[SERVICE][service] = None
        self._drawn[SERVICE].append(service)
        self.version += 1
        return service

    def _users(self, record: FleetRecord) -> Iterator[FleetRecord]:
        return (user for kind in KINDS for user in self._records[kind].values() if user.refers_to(record))

    def _change_once(self, time: float) -> None:
        """In most cases a carrier fails or recovers; else a service is added or, after that, removed."""
        chance = self._random.random()
        carrier = self._draw(CARRIER)
        if carrier is not None and chance < 0.9:
            self._fail_or_recover(carrier, time)
            return
        service = self._draw(SERVICE)
        is_needed = service in self._required or len(self._records[SERVICE]) <= self._usual_services
        if service is None or is_needed:
            self.add_service(time)
        else:
            self._remove(service)

    def _fail_or_recover(self, carrier: FleetRecord, time: float) -> None:
        """A failed carrier recovers, the more probably the more have failed; else this carrier fails."""
        usual = max(1.0, self.sizes.problems * len(self._drawn[CARRIER]))
        if self._random.random() < len(self._failed) / (len(self._failed) + usual):
            self._set_status(next(iter(self._failed)), OPERATIONAL, time)
        elif carrier in self._imposed:
            return
        elif carrier.status == OPERATIONAL:
            self._set_status(carrier, self._random.choice((DOWN, DOWN, DEGRADED, MAINTENANCE)), time)
        else:
            self._set_status(carrier, OPERATIONAL, time)

    def _draw(self, kind: str) -> FleetRecord | None:
        """Any record of the kind that exists and is in service, or None."""
        drawn = self._drawn[kind]
        while drawn:
            index = int(self._random.random() * len(drawn))
            record = drawn[index]
            if record.status not in OUT_OF_SERVICE and record.number in self._records[kind]:
                return record
            drawn[index] = drawn[-1]  # removed: the last one takes its place
            drawn.pop()
        return None

    def _set_status(self, record: FleetRecord, status: str, time: float) -> None:
        record.status, record.updated = status, int(time)
        record.revision += 1
        self._by_update[record.kind].pop(record)
        self._by_update[record.kind][record] = None
        self.version += 1
        self._failed.pop(record, None)
        if record.kind == CARRIER and status in PROBLEMS:
            self._failed[record] = None

    def _remove(self, record: FleetRecord) -> None:
        del self._records[record.kind][record.number]
        del self._by_update[record.kind][record]
        self._imposed.pop(record, None)
        self._failed.pop(record, None)
        self.version += 1
