"""The operator's world as it is now, and how it changes: carriers fail and return, services come and go.

Owns which records exist, their order and when they were last touched; `generator` makes the first ones.
Knows nothing of HTTP or JSON. Time enters as an argument, in Unix seconds. Invariant: no record refers to
one that is gone, and whatever changes what would be shown raises that record's `revision`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from exporter.simulator import generator
from exporter.simulator.record import (
    CARRIER,
    DEGRADED,
    DOWN,
    KINDS,
    MAINTENANCE,
    OPERATIONAL,
    PREFIXES,
    RESOURCE,
    RETIRED,
    SERVICE,
    STATUSES,
    FleetRecord,
)


class Fleet:
    """All the operator has. `version` counts changes of any kind, `membership` those of who is there."""

    def __init__(self, sizes: generator.Sizes, seed: int, now: float) -> None:
        grown = generator.Generator(sizes, seed, int(now)).grow()
        self.sizes = sizes
        self.version = 0
        self.membership = dict.fromkeys(KINDS, 0)
        self.clock = float(now)
        self._records = {kind: {record.number: record for record in grown[kind]} for kind in KINDS}
        self._next_service = len(grown[SERVICE]) + 1
        self._services = len(grown[SERVICE])  # about as many as there will always be
        self._random = random.Random(f"{seed}: what happens")
        # insertion order is the order of updates: the newest are found without looking at the rest
        self._latest = {
            kind: dict.fromkeys(sorted(grown[kind], key=lambda record: record.updated)) for kind in KINDS
        }
        carriers = grown[CARRIER]
        self._troubled = {record: None for record in carriers if record.status != OPERATIONAL}
        self._needed = {far for record in grown[SERVICE] for _, far in record.relations}
        # drawn from by index; whoever has gone since is skipped
        self._draw = {CARRIER: carriers, SERVICE: list(grown[SERVICE])}

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
        for record in reversed(self._latest[kind]):
            if record.updated < since:
                break
            found.append(record)
        return sorted(found, key=lambda record: record.number)

    def change(self, rate: float, now: float) -> int:
        """Lets the time up to `now` pass at `rate` changes a second; returns how many there were.

        Each change is stamped with its own moment between the last call and `now`.
        """
        due = int(max(0.0, now - self.clock) * rate)
        for step in range(1, due + 1):
            self._happen(self.clock + step / rate)
        if rate > 0:
            self.clock += due / rate
        else:
            self.clock = max(self.clock, now)
        return due

    def set_status(self, code: str, status: str, now: float) -> None:
        """Gives a record one of `record.STATUSES`, updated `now`. Raises KeyError and ValueError."""
        if status not in STATUSES:
            raise ValueError(f"status is {status!r}; use one of {', '.join(STATUSES)}")
        record = self.find(code)
        comes_or_goes = RETIRED in (status, record.status)
        if comes_or_goes:
            self.membership[record.kind] += 1
        if comes_or_goes or record.kind == RESOURCE:  # carriers show the status of their segments
            for user in self._users(record):
                user.revision += 1
        self._set(record, status, now)

    def remove(self, code: str) -> None:
        """Removes a record and whatever referred to it forgets it. Raises KeyError. Looks at every record."""
        record = self.find(code)
        for user in self._users(record):
            user.parts = tuple(part for part in user.parts if part is not record)
            user.relations = tuple((word, far) for word, far in user.relations if far is not record)
            user.revision += 1
        self._drop(record)

    def add_service(self, now: float) -> FleetRecord:
        """A new customer service, sold to a customer like one of the others; returns it."""
        model = self._pick(SERVICE)
        moment, number = int(now), self._next_service
        self._next_service += 1
        kind_of_service = model.type if model else "Enterprise WAN"
        name = f"{model.customer.name if model and model.customer else 'New'} {kind_of_service} {number}"
        service = FleetRecord(SERVICE, number, name, kind_of_service, moment, moment, moment)
        if model:
            service.customer, service.site, service.parts = model.customer, model.site, model.parts
        self._records[SERVICE][number] = service
        self._latest[SERVICE][service] = None
        self._draw[SERVICE].append(service)
        self._count(SERVICE)
        return service

    def _users(self, record: FleetRecord) -> Iterator[FleetRecord]:
        return (user for kind in KINDS for user in self._records[kind].values() if user.refers_to(record))

    def _happen(self, moment: float) -> None:
        """One thing happens: mostly to a carrier; now and then a service comes or, if one came, goes."""
        chance = self._random.random()
        carrier = self._pick(CARRIER)
        if carrier is not None and chance < 0.9:
            self._fail_or_return(carrier, moment)
            return
        leaving = self._pick(SERVICE)
        if leaving is None or leaving in self._needed or len(self._records[SERVICE]) <= self._services:
            self.add_service(moment)
        else:
            self._drop(leaving)

    def _fail_or_return(self, carrier: FleetRecord, moment: float) -> None:
        """One of the troubled returns, the likelier the more there are; else this carrier fails."""
        usual = max(1.0, generator.TROUBLED * len(self._draw[CARRIER]))
        if self._random.random() < len(self._troubled) / (len(self._troubled) + usual):
            self._set(next(iter(self._troubled)), OPERATIONAL, moment)
        elif carrier.status == OPERATIONAL:
            self._set(carrier, self._random.choice((DOWN, DOWN, DEGRADED, MAINTENANCE)), moment)
        else:
            self._set(carrier, OPERATIONAL, moment)

    def _pick(self, kind: str) -> FleetRecord | None:
        """Any record of the kind that is there and not retired, or None if there is none."""
        known = self._draw[kind]
        while known:
            index = int(self._random.random() * len(known))
            record = known[index]
            if record.status != RETIRED and record.number in self._records[kind]:
                return record
            known[index] = known[-1]  # gone: its place is taken by the last
            known.pop()
        return None

    def _set(self, record: FleetRecord, status: str, moment: float) -> None:
        record.status, record.updated = status, int(moment)
        record.revision += 1
        self._latest[record.kind].pop(record)
        self._latest[record.kind][record] = None
        self.version += 1
        self._troubled.pop(record, None)
        if record.kind == CARRIER and status not in (OPERATIONAL, RETIRED):
            self._troubled[record] = None

    def _drop(self, record: FleetRecord) -> None:
        del self._records[record.kind][record.number]
        del self._latest[record.kind][record]
        self._troubled.pop(record, None)
        self._count(record.kind)

    def _count(self, kind: str) -> None:
        self.membership[kind] += 1
        self.version += 1
