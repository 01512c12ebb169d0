"""The values a status page shows: what the program is, and how each collection does.

Owns their names and meanings, for they are the JSON of `/api/v1/status` as well; `exporter.app` fills them
from what the pollers know, `landing` and `server` show them. Times are Unix seconds, spans are seconds.
Invariant: frozen, and no secret in any text (URLs come without user information and query).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from exporter.collection_state import State


class Rejects(msgspec.Struct, frozen=True):
    """How many records were rejected for one reason, and a few of their ids or excerpts."""

    count: int
    examples: tuple[str, ...] = ()


class CollectionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One collection. None means not known yet, or not said by the API.

    `state` is decided by `exporter.collection_state`. `served` is whether its series are on `/metrics`;
    `expires` is when the snapshot is, or was, too old for that. `records` counts those in the snapshot,
    served or not.

    Of the last full crawl, `expected` is what the API announced, `received` what came, and `unique` how many
    of those were different, records that are not stored included. `received` is the sum of `stored`,
    `excluded`, `other_shards`, `rejected`, `duplicates` and `overlapping` (`inventory.breakdown`). `retained`
    is what is kept though it did not come, `unread` what is lost behind pages that cannot be read.

    `statuses` counts records by headline status; records that are neither `operational` nor `not_operational`
    have a status without a known meaning. `restored` is whether what is served comes from the state file and
    was not crawled since, `held_back` how many removals the shrink guard keeps from being believed, and
    `bad_rows` the unreadable rows in words.
    """

    name: str
    api: str
    url: str
    dialect: str
    state: State
    served: bool = False
    expires: float | None = None
    up: bool | None = None
    complete: bool | None = None
    records: int = 0
    expected: int | None = None
    received: int | None = None
    stored: int = 0
    excluded: int = 0
    other_shards: int = 0
    rejected: int = 0
    overlapping: int = 0
    unique: int | None = None
    retained: int = 0
    unread: int = 0
    duplicates: int = 0
    rejects: Mapping[str, Rejects] = msgspec.field(default_factory=dict)
    last_success: float | None = None
    last_full_success: float | None = None
    last_attempt: float | None = None
    age_seconds: float | None = None
    refresh_interval: float
    refreshing: bool = False
    progress: str = ""
    last_error: str = ""
    last_error_reason: str = ""
    next_refresh: float | None = None
    statuses: Mapping[str, int] = msgspec.field(default_factory=dict)
    unknown_statuses: tuple[str, ...] = ()
    series: int = 0
    operational: int = 0
    not_operational: int = 0
    restored: bool = False
    held_back: int = 0
    bad_rows: str = ""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The whole program. `links` are further pages, title to address (http, https or a path)."""

    version: str
    revision: str
    python: str
    started: float
    now: float
    ready: bool
    collections: tuple[CollectionStatus, ...]
    links: Mapping[str, str] = msgspec.field(default_factory=dict)


def as_json(status: Status) -> bytes:
    """The status in the envelope of Prometheus' own API: `{"status": "success", "data": {...}}`."""
    envelope = {"status": "success", "data": status}
    try:
        return msgspec.json.encode(envelope, enc_hook=_plain)
    except UnicodeEncodeError:
        # Half a surrogate pair, which a foreign error message may hold: the standard library escapes it.
        text = json.dumps(msgspec.to_builtins(envelope, enc_hook=_plain))
        # It would also write NaN, which is not JSON.
        return json.dumps(json.loads(text, parse_constant=lambda _: None)).encode()


def _plain(value: Any) -> dict[Any, Any]:
    """A mapping that msgspec has no words for, such as a read-only view."""
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(type(value).__name__)
