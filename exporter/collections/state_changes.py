"""Logs the changes of a collection's state that no refresh reports: its snapshot expires, or has no records.

What the state is, is decided by `collection_state.assess`; failures and incomplete crawls are logged by
`status`, where they happen. A change is logged once, when a refresh, a request or a timer first sees it.
"""

from __future__ import annotations

import structlog

from exporter import settings
from exporter.collection_state import State
from exporter.collections import status

log = structlog.get_logger()

_EXPIRED = "nothing is served until a refresh succeeds; fix what last_error in /api/v1/status says"


class StateChanges:
    """Which collections have expired, or are empty, as far as the log says."""

    def __init__(self) -> None:
        self._expired: set[str] = set()
        self._empty: set[str] = set()

    def note(
        self, target: settings.Target, known: status.RecordedStatus, now: State, age: float, limit: float
    ) -> None:
        """The collection is in the state `now`; `known` is what its refreshes have reported.

        `age` is that of its snapshot and `limit` the one from which it is no longer served, in seconds.
        """
        name, of = target.collection, {"collection": target.collection, "api": target.api}
        if now == "expired" and name not in self._expired:
            self._expired.add(name)
            reason = known.last_error or "no refresh has succeeded since"
            log.warning(
                "snapshot expired",
                **of,
                age_seconds=round(age),
                max_staleness=limit,
                records=known.records,
                error=reason,
                hint=_EXPIRED,
            )
        elif now != "expired" and name in self._expired:
            self._expired.remove(name)
            log.info("snapshot served again", **of, records=known.records)
        if now == "empty" and name not in self._empty:
            self._empty.add(name)
            received = known.breakdown.received if known.breakdown else 0
            log.warning("collection empty", **of, received=received, hint=_empty(name, received))
        elif known.records and name in self._empty:
            self._empty.remove(name)
            log.info("collection no longer empty", **of, records=known.records)

    def forget(self, collection: str) -> None:
        """The collection is not configured any more."""
        self._expired.discard(collection)
        self._empty.discard(collection)


def _empty(name: str, received: int) -> str:
    """What to check where a complete crawl found nothing to store."""
    of = f"collections.{name}"
    if received:
        return f"all records were left out: check {of}.include_types, {of}.exclude_types and shard"
    return f"should there be records? check the dialect of the API and {of}.query with the check command"
