"""The status of the program and of each collection, which page, API, metrics, readiness and log all read.

`collections.recorder` writes it. Here it is also decided what state a collection is in, whether its snapshot
is served, and whether the exporter is ready. Pure. Times are Unix seconds, durations seconds; no text has a
secret (URLs are without user information and query). The text below each field is its description in
docs/status-api.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from exporter.inventory.condition import Condition

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


class Rejects(msgspec.Struct, frozen=True):
    """The records that were rejected for one reason."""

    count: int
    """Number of records."""
    examples: tuple[str, ...] = ()
    """Ids or excerpts of some of them."""


class CollectionStatus(msgspec.Struct, kw_only=True):
    """One collection. None means that the value is not known yet, or that the API does not report it.

    Records that are neither `operational` nor `not_operational` are planned, retired or unknown.
    """

    name: str
    """`services`, `carriers` or `resources`."""
    api: str
    """`tmf638` or `tmf639`."""
    url: str
    """URL of the list, without credentials and query."""
    dialect: str
    """Dialect used to read the list."""
    state: State = "waiting"
    """State of the collection, as the landing page shows it."""
    served: bool = False
    """Whether the records of the collection are on `/metrics`."""
    stale: bool = False
    """Whether no refresh has succeeded for three refresh intervals."""
    expires: float | None = None
    """When the snapshot becomes, or became, older than `retention.max_staleness`."""
    up: bool | None = None
    """Whether the last refresh succeeded."""
    complete: bool | None = None
    """Whether the last full crawl was verified complete."""
    records: int = 0
    """Number of records in the snapshot."""
    expected: int | None = None
    """Number of records that the API reported in the last full crawl."""
    received: int | None = None
    """Number of records that the API returned in the last full crawl: the sum of `stored`, `excluded`,
    `other_shards`, `rejected`, `duplicates` and `overlapping`.
    """
    stored: int = 0
    """Received records that are in the snapshot."""
    excluded: int = 0
    """Received records that the type filters exclude."""
    other_shards: int = 0
    """Received records that belong to other shards."""
    rejected: int = 0
    """Received records that could not be decoded."""
    overlapping: int = 0
    """Received records that were returned again on the next page, because the list moved during the crawl."""
    unique: int | None = None
    """Number of different records received, including those that are not in the snapshot."""
    outdated: int = 0
    """Records that the last full crawl returned in a version older than the one in the snapshot."""
    retained: int = 0
    """Records kept in the snapshot although the last full crawl did not return them."""
    unread: int = 0
    """Records on pages that could not be read."""
    duplicates: int = 0
    """Received records with the id of another record of the same crawl."""
    rejects: Mapping[str, Rejects] = msgspec.field(default_factory=dict)
    """Rejected records by reason: `count`, and ids or excerpts of some as `examples`."""
    last_success: float | None = None
    """When the last successful refresh ended."""
    last_full_success: float | None = None
    """When the last complete full crawl ended."""
    last_attempt: float | None = None
    """When the last refresh started."""
    age_seconds: float | None = None
    """Age of the snapshot."""
    refresh_interval: float
    """Configured time between two refreshes."""
    refreshing: bool = False
    """Whether a refresh is in progress."""
    progress: str = ""
    """Progress of the refresh, for people."""
    last_error: str = ""
    """Last error; empty if the last refresh succeeded."""
    last_error_hint: str = ""
    """What to do about the last error."""
    last_error_reason: str = ""
    """Reason of the last error, as in `ses_inventory_exporter_refresh_failures_total`."""
    warnings: tuple[str, ...] = ()
    """What may be wrong with how the list is read, for people; the last full crawl can be complete."""
    next_refresh: float | None = None
    """When the next refresh starts."""
    statuses: Mapping[str, int] = msgspec.field(default_factory=dict)
    """Number of records by status value."""
    status_conditions: Mapping[str, Condition] = msgspec.field(default_factory=dict)
    """Condition that each status value means: `down`, `degraded`, `maintenance`, `operational`, `planned`,
    `retired` or `unknown`. Further states of a record can change it.
    """
    unknown_statuses: tuple[str, ...] = ()
    """Status values that the dialect does not know."""
    unknown_records: int = 0
    """Number of records with such a status value."""
    dangling_references: int = 0
    """References in the snapshot to records that are not stored."""
    series: int = 0
    """Number of series served."""
    conditions: Mapping[Condition, int] = msgspec.field(default_factory=dict)
    """Number of records by condition."""
    operational: int = 0
    """Number of operational records."""
    not_operational: int = 0
    """Number of records that are down, degraded or in maintenance."""
    restored: bool = False
    """Whether the snapshot comes from the state file and has not been refreshed yet."""
    coverage: str = ""
    """Fingerprint of the URL, query, types and shard: the same in exporters of the same records."""
    held_back: int = 0
    """Number of removals that the shrink guard keeps pending."""
    bad_rows: str = ""
    """Rows of the list that cannot be read, for people."""

    @property
    def is_current(self) -> bool:
        """Whether what is served was refreshed by this process and is not stale."""
        return self.served and not self.stale and not self.restored


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The whole program."""

    version: str
    """Version of the exporter."""
    revision: str
    """Revision of the sources; empty if unknown."""
    python: str
    """Version of Python."""
    started: float
    """When the process started."""
    now: float
    """Current time."""
    ready: bool
    """Whether `/-/ready` answers 200."""
    collections: tuple[CollectionStatus, ...]
    """The configured collections."""
    links: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Further pages: title and address (http, https or a path)."""


class Defect(msgspec.Struct, frozen=True):
    """The records of one collection that have one data quality defect."""

    records: int
    """Number of records."""
    examples: tuple[str, ...] = ()
    """Ids of some of them, at most 20."""


DefectsByCollection = Mapping[str, Mapping[str, Defect]]
"""Collection → defect → its records."""


def as_json(data: Status | DefectsByCollection) -> bytes:
    """The data in the envelope of Prometheus' own API: `{"status": "success", "data": {...}}`."""
    envelope = {"status": "success", "data": data}
    try:
        return msgspec.json.encode(envelope, enc_hook=_plain)
    except UnicodeEncodeError:
        # Half a surrogate pair, which a foreign error message may have: the standard library escapes it.
        text = json.dumps(msgspec.to_builtins(envelope, enc_hook=_plain))
        # It would also write NaN, which is not JSON.
        return json.dumps(json.loads(text, parse_constant=lambda _: None)).encode()


def _plain(value: Any) -> dict[Any, Any]:
    """A mapping that msgspec has no words for, such as a read-only view."""
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(type(value).__name__)


def assess(status: CollectionStatus, uptime: float, max_staleness: float) -> None:
    """Sets `state`, `served` and `stale` from the other fields.

    `uptime` is the age of the process in seconds; a snapshot older than `max_staleness` is not served.
    """
    age, overdue = status.age_seconds, STALE_AFTER * status.refresh_interval
    status.served = age is not None and age <= max_staleness
    status.stale = (uptime if age is None else age) > overdue or (age is not None and not status.served)
    status.state = _state(status)


def _state(status: CollectionStatus) -> State:
    if status.age_seconds is not None and not status.served:
        return "expired"
    if status.up is False:
        return "failing"
    if not status.served:
        return "waiting"
    if status.stale:
        return "stale"
    if status.complete is None:
        return "waiting"
    if not status.complete:
        return "incomplete"
    return "fresh" if status.records else "empty"


_READINESS = {
    "expired": "The snapshot has expired, nothing is served: {}.",
    "failing": "The last refresh failed, the last good snapshot is served: {}.",
    "stale": "The snapshot is stale: {}.",
    "incomplete": "The last full crawl was incomplete: {}.",
    "empty": "The inventory has no records: {}.",
    "waiting": "Restored from the state file, not crawled yet: {}.",
}


def readiness(collections: Sequence[CollectionStatus], grace: float) -> tuple[bool, str]:
    """Whether the exporter is ready, and a sentence for each state that is not `fresh`, with its collections.

    For the `grace` seconds that are left of the start-up grace, every collection must be served. After it,
    one collection without data is no reason to take the others out of a load balancer. An exporter that
    serves nothing because its snapshots have expired is not ready.
    """
    never = [one.name for one in collections if not one.served and one.state != "expired"]
    expired = any(one.state == "expired" for one in collections)
    nothing = not any(one.served for one in collections)
    ready = not (never or expired) if grace > 0 else not (nothing and expired)
    sentences = []
    if never:
        waiting = "Waiting for the initial crawl of {}."
        over = "The start-up grace is over; still without a snapshot: {}."
        sentences.append((waiting if grace > 0 else over).format(", ".join(never)))
    for state, sentence in _READINESS.items():
        names = [one.name for one in collections if one.state == state and one.name not in never]
        if names:
            sentences.append(sentence.format(", ".join(names)))
    return ready, " ".join(sentences) or "All collections have data."
