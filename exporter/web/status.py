"""The status of the program and of each collection, as `/api/v1/status` and the landing page show it.

Times are in Unix seconds, durations in seconds. The text below each field is its description in
docs/status-api.md. No text has a secret: URLs come without user information and query. `Content` is
everything that the HTTP server shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

from exporter.collection_state import State
from exporter.precedence import Precedence


class Rejects(msgspec.Struct, frozen=True):
    """The records that were rejected for one reason."""

    count: int
    """Number of records."""
    examples: tuple[str, ...] = ()
    """Ids or excerpts of some of them."""


class CollectionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One collection. None means that the value is not known yet, or that the API does not report it.

    `state` is decided by `exporter.collection_state`, `received` and its parts by `inventory.breakdown`.
    Records that are neither `operational` nor `not_operational` have an unknown or an ignored status value.
    """

    name: str
    """`services`, `carriers` or `resources`."""
    api: str
    """`tmf638` or `tmf639`."""
    url: str
    """URL of the list, without credentials and query."""
    dialect: str
    """Dialect used to read the list."""
    state: State
    """State of the collection, as the landing page shows it."""
    served: bool = False
    """Whether the records of the collection are on `/metrics`."""
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
    """Last error and what to do about it; empty if the last refresh succeeded."""
    last_error_reason: str = ""
    """Reason of the last error, as in `ses_inventory_exporter_refresh_failures_total`."""
    next_refresh: float | None = None
    """When the next refresh starts."""
    statuses: Mapping[str, int] = msgspec.field(default_factory=dict)
    """Number of records by status value."""
    unknown_statuses: tuple[str, ...] = ()
    """Status values that the dialect does not know."""
    series: int = 0
    """Number of series served."""
    operational: int = 0
    """Number of operational records."""
    not_operational: int = 0
    """Number of records that are not operational."""
    restored: bool = False
    """Whether the snapshot comes from the state file and has not been refreshed yet."""
    held_back: int = 0
    """Number of removals that the shrink guard keeps pending."""
    bad_rows: str = ""
    """Rows of the list that cannot be read, for people."""


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


def as_json(status: Status) -> bytes:
    """The status in the envelope of Prometheus' API: `{"status": "success", "data": {...}}`."""
    envelope = {"status": "success", "data": status}
    try:
        return msgspec.json.encode(envelope, enc_hook=_plain)
    except UnicodeEncodeError:
        # The standard library escapes half a surrogate pair, which an error text may have, but writes NaN.
        text = json.dumps(msgspec.to_builtins(envelope, enc_hook=_plain))
        return json.dumps(json.loads(text, parse_constant=lambda _: None)).encode()


def _plain(value: Any) -> dict[Any, Any]:
    """A mapping that msgspec cannot encode, such as a read-only view."""
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(type(value).__name__)


class Content(Protocol):
    """What the HTTP server shows, from memory; `collections.store` has it, which `web` may not import."""

    @property
    def collections(self) -> tuple[str, ...]:
        """The enabled collections: the values of `collect[]` and `collection`."""

    @property
    def max_scrapes(self) -> int:
        """Maximum number of scrapes at the same time."""

    @property
    def precedence(self) -> Precedence:
        """Which goes first, scrapes or refreshes."""

    def scrape(self, form: str, encoding: str, collections: tuple[str, ...]) -> tuple[int, Iterable[bytes]]:
        """Length in bytes of one exposition, and its parts in order; no collections means all.

        The parts are made on the event loop as they are read: each must take little time.
        """

    def status(self) -> Status:
        """The status now."""

    def healthy(self) -> tuple[bool, str]:
        """Whether the process can do its work, whatever the inventory does, and a sentence."""

    def ready(self) -> tuple[bool, str]:
        """Whether every enabled collection has a snapshot or the start-up grace is over, and a sentence."""

    def accept(self, collections: tuple[str, ...]) -> str:
        """Accepts the pending removals of these collections; a sentence on what follows."""

    async def reload(self) -> tuple[bool, str]:
        """Reloads the configuration: whether the new one is in force, and a sentence."""
