"""Outages: what fails, when, and what fails with it; and how `--outage` is written.

An outage begins with one piece of hardware or one carrier. `DELAY` seconds later the carriers over it and the
services on it follow, and after as long again the services on those carriers. The repair takes the same way.
An `Outage` is always valid: `parse` raises ValueError, with what to write instead, for everything else.
"""

from __future__ import annotations

import difflib
import math
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from exporter.simulator import record as content
from exporter.simulator.fleet import Fleet
from exporter.simulator.record import (
    CARRIER,
    DEGRADED,
    DOWN,
    OUT_OF_SERVICE,
    PROBLEMS,
    RESOURCE,
    SERVICE,
    FleetRecord,
)

KINDS = ("satellite", "gateway", "transponder", "terminal", "modem", "carrier")
"""What can fail."""

DELAY = 10
"""Seconds until what rests on a record follows it."""

_STEPS = (0, DELAY, 2 * DELAY)
_SHAPE = "KIND:NAME@START+DURATION, as in satellite:SES-17@60s+5m"
_TIME = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?")
_SHOWN_NAMES = 10


@dataclass(frozen=True)
class Outage:
    """One outage, once or again and again; times are in seconds since the start of the simulator.

    `name` "" is another record of that kind each time, chosen by the seed. `duration` is infinite without a
    repair. `every` is from one beginning to the next, 0 for once. `status` is one of `PROBLEMS`.
    """

    text: str
    kind: str
    name: str
    start: int
    duration: float
    every: int = 0
    status: str = DOWN

    def turn(self, elapsed: float) -> int | None:
        """The number, from 0, of the outage that lasts at that time, None between outages."""
        since = elapsed - self.start
        if since < 0:
            return None
        number, since = divmod(since, self.every) if self.every else (0, since)
        return int(number) if since < self.duration else None

    def moments(self, after: float, until: float) -> Iterator[float]:
        """The times after `after` up to `until` at which something fails or is repaired."""
        first, last = 0, 0
        if self.every:
            first = max(0, int((after - self.start - self.duration) // self.every) - 1)
            last = int((until - self.start) // self.every)
        for number in range(first, last + 1):
            begin = self.start + number * self.every
            for moment in (begin + end + step for end in (0, self.duration) for step in _STEPS):
                if after < moment <= until:
                    yield moment


def parse(text: str) -> Outage:
    """Reads `KIND[:NAME]@START[+DURATION][,every=DURATION][,status=STATUS]`. Raises ValueError."""
    what, at, when = text.rpartition("@")
    kind, _, name = (part.strip() for part in what.partition(":"))
    if not at:
        raise ValueError(f"outage {text!r}: there is no time; write {_SHAPE}")
    if kind not in KINDS:
        raise ValueError(f"outage {text!r}: there is no kind {kind!r}; use one of {', '.join(KINDS)}")
    try:
        start, duration, every, status = _times(when)
    except ValueError as error:
        raise ValueError(f"outage {text!r}: {error}") from error
    return Outage(text, kind, name, start, duration, every, status)


def _times(text: str) -> tuple[int, float, int, str]:
    """Start, duration, every and status."""
    span, *parts = (part.strip() for part in text.split(","))
    values = dict(part.partition("=")[::2] for part in parts)
    unknown = values.keys() - {"every", "status"}
    if unknown:
        raise ValueError(f"there is no key {min(unknown)!r}; use every or status")
    status = values.get("status", DOWN)
    if status not in PROBLEMS:
        raise ValueError(f"status is {status!r}; use one of {', '.join(PROBLEMS)}")
    start, plus, duration = span.partition("+")
    lasts = _seconds(duration) if plus else math.inf
    every = _seconds(values["every"]) if "every" in values else 0
    if "every" in values and every < lasts + _STEPS[-1]:
        raise ValueError(f"every is {values['every']}; use {_STEPS[-1]}s more than the duration, or longer")
    return _seconds(start), lasts, every, status


def _seconds(text: str) -> int:
    found = _TIME.fullmatch(text.strip())
    if not found or not any(found.groups()):
        raise ValueError(f"{text!r} is no time; write hours, minutes and seconds, as in 1h, 5m or 1m30s")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


class Outages:
    """The outages of one fleet, from now on. Raises ValueError for a name that the fleet does not have."""

    def __init__(self, outages: Sequence[Outage], fleet: Fleet, seed: int) -> None:
        self._outages = outages
        self._fleet = fleet
        self._seed = seed
        self._started = int(fleet.clock)
        self._looked = self._started - 1.0
        self._candidates = {outage: _candidates(outage, fleet) for outage in outages}

    def moments(self, now: float) -> list[float]:
        """The Unix times since the last call at which something fails or is repaired."""
        after, until = self._looked - self._started, now - self._started
        self._looked = max(self._looked, now)
        found = {moment for outage in self._outages for moment in outage.moments(after, until)}
        return [self._started + moment for moment in sorted(found)]

    def statuses(self, now: float) -> Mapping[FleetRecord, str]:
        """The records that are affected at a time, and how; of several outages the worst counts."""
        elapsed = now - self._started
        found: dict[FleetRecord, str] = {}
        for outage in self._outages:
            for record, status in self._effects(outage, elapsed):
                found[record] = min(status, found.get(record, status), key=PROBLEMS.index)
        return found

    def _effects(self, outage: Outage, elapsed: float) -> Iterator[tuple[FleetRecord, str]]:
        origin, near, far = (self._target(outage, outage.turn(elapsed - step)) for step in _STEPS)
        if origin:
            yield origin, outage.status
        if near:
            for user in (
                *_resting_on(self._fleet, CARRIER, {near}),
                *_resting_on(self._fleet, SERVICE, {near}),
            ):
                yield user, outage.status
        if far:
            carriers = set(_resting_on(self._fleet, CARRIER, {far}))
            for service in _resting_on(self._fleet, SERVICE, carriers):
                # a service of the best level has another way
                yield service, DEGRADED if content.service_level(service) == "Gold" else outage.status

    def _target(self, outage: Outage, turn: int | None) -> FleetRecord | None:
        candidates = self._candidates[outage]
        if turn is None or not candidates:
            return None
        return random.Random(f"{self._seed} {outage.text} {turn}").choice(candidates)


def _resting_on(fleet: Fleet, kind: str, parts: set[FleetRecord]) -> list[FleetRecord]:
    """The records of that kind with one of these parts."""
    return [
        one
        for one in fleet.records(kind)
        if one.status not in OUT_OF_SERVICE and not parts.isdisjoint(one.parts)
    ]


def _candidates(outage: Outage, fleet: Fleet) -> list[FleetRecord]:
    """The record of that name or code; without a name those of the kind that carriers use, or all of them."""
    found = list(_of_kind(fleet, outage.kind))
    if not outage.name:
        used = {part for carrier in fleet.records(CARRIER) for part in carrier.parts}
        return [one for one in found if one in used] or found
    wanted = outage.name.casefold()
    named = [one for one in found if wanted in (one.name.casefold(), one.code.casefold())]
    if named:
        return named[:1]
    names = [one.name for one in found]
    similar = difflib.get_close_matches(outage.name, names, n=1)
    hint = f"did you mean {similar[0]!r}? " if similar else ""
    shown = ", ".join(names[:_SHOWN_NAMES]) or "none"
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    raise ValueError(
        f"outage {outage.text!r}: there is no {outage.kind} {outage.name!r} "
        f"({hint}this fleet has {shown}{more}; `simulate --list-names` prints all)"
    )


def _of_kind(fleet: Fleet, kind: str) -> Iterable[FleetRecord]:
    records = fleet.records(CARRIER if kind == CARRIER else RESOURCE)
    in_service = (one for one in records if one.status not in OUT_OF_SERVICE)
    return in_service if kind == CARRIER else (one for one in in_service if one.type == kind.capitalize())


def name_lines(fleet: Fleet) -> Iterator[str]:
    """Everything that can fail as `KIND:NAME`, with what rests on it, one a line."""
    carriers = Counter(part for carrier in fleet.records(CARRIER) for part in carrier.parts)
    services: Counter[FleetRecord] = Counter()
    for service in fleet.records(SERVICE):
        below = {far for part in service.parts if part.kind == CARRIER for far in part.parts}
        services.update(below.union(service.parts))
    for kind in KINDS:
        for record in _of_kind(fleet, kind):
            yield f"{kind}:{record.name}\t{carriers[record]} carriers\t{services[record]} services"
