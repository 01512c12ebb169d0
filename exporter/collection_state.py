"""The state of one collection, derived from what is known about it.

The only place where it is decided whether a snapshot is served and which word describes a collection. The
landing page, `/api/v1/status`, `/-/ready`, the log and `/metrics` all use `assess`, so they cannot disagree.
Pure: ages and intervals are arguments, in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

STALE_AFTER = 3.0
"""Refresh intervals without a successful refresh after which a collection is stale."""

State = Literal["expired", "failing", "stale", "incomplete", "empty", "waiting", "fresh"]
"""The worst first.

expired: the snapshot is older than `retention.max_staleness`; nothing is served.
failing: the last refresh failed; the last good snapshot, if there is one, is served.
stale: no refresh has succeeded for three intervals.
incomplete: the last full crawl was not verified complete.
empty: the last full crawl was complete and the snapshot has no records.
waiting: the first crawl has not ended; a snapshot from the state file, if there is one, is served.
fresh: none of these.
"""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the state of a collection follows from.

    `age` is the time since a refresh last confirmed the snapshot, None where there is no snapshot, and
    `records` the number of records in it. `up` is whether the last refresh succeeded and `complete` whether
    the last full crawl was verified complete, None where there was none since the start, `uptime` ago.
    """

    age: float | None
    records: int
    up: bool | None
    complete: bool | None
    uptime: float
    refresh_interval: float
    max_staleness: float


class Assessment(msgspec.Struct, frozen=True):
    """What follows: the state, whether the snapshot is served, and the value of the metric `stale`."""

    state: State
    served: bool
    stale: bool


def assess(facts: Facts) -> Assessment:
    """The state of the collection that these facts are known about."""
    overdue = STALE_AFTER * facts.refresh_interval
    if facts.age is None:  # there is no snapshot
        return Assessment(
            "failing" if facts.up is False else "waiting", served=False, stale=facts.uptime > overdue
        )
    if facts.age > facts.max_staleness:
        return Assessment("expired", served=False, stale=True)
    stale = facts.age > overdue
    return Assessment(_state_of_served(facts, stale=stale), served=True, stale=stale)


def _state_of_served(facts: Facts, *, stale: bool) -> State:
    if facts.up is False:
        return "failing"
    if stale:
        return "stale"
    if facts.complete is None:
        return "waiting"
    if not facts.complete:
        return "incomplete"
    return "fresh" if facts.records else "empty"


_READINESS = {
    "expired": "The snapshot has expired, nothing is served: {}.",
    "failing": "The last refresh failed, the last good snapshot is served: {}.",
    "stale": "The snapshot is stale: {}.",
    "incomplete": "The last full crawl was incomplete: {}.",
    "empty": "The inventory has no records: {}.",
    "waiting": "Restored from the state file, not crawled yet: {}.",
}


def readiness(found: Mapping[str, Assessment], grace: float) -> tuple[bool, str]:
    """Whether the exporter is ready, and a sentence for each state that is not `fresh`, with its collections.

    For the `grace` seconds that are left of the start-up grace, every collection must be served. After it,
    one collection without data is no reason to take the others out of a load balancer. An exporter that
    serves nothing because its snapshots have expired is not ready.
    """
    never = [name for name, one in found.items() if not one.served and one.state != "expired"]
    expired = [name for name, one in found.items() if one.state == "expired"]
    nothing = not any(one.served for one in found.values())
    ready = not (never or expired) if grace > 0 else not (nothing and expired)
    said = []
    if never:
        waiting = "Waiting for the first crawl of {}."
        over = "The start-up grace is over; still without a snapshot: {}."
        said.append((waiting if grace > 0 else over).format(", ".join(never)))
    for state, sentence in _READINESS.items():
        names = [name for name, one in found.items() if one.state == state and name not in never]
        if names:
            said.append(sentence.format(", ".join(names)))
    return ready, " ".join(said) or "Every collection was crawled or restored."
