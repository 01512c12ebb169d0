"""What is served, and what is said of it: joins the pollers' stories and bodies into answers for `web`.

It owns the bodies that scrapes copy and the rules for fresh, stale, ready and healthy; it asks nothing of
the inventory and decides nothing about refreshing. Invariants: a body is swapped by one assignment, so a
scrape sees the old or the new one; a collection too old to be believed is left out, not shown as if it held.
"""

from __future__ import annotations

import itertools
import platform
import time
from collections.abc import Iterable, Sequence

from exporter import __version__, settings
from exporter.metrics import gzip, render
from exporter.poller import Poller
from exporter.telemetry import Telemetry
from exporter.web.status import CollectionStatus, Rejects, State, Status

_STALE_AFTER = 3.0  # refresh intervals without a success


class Site:
    """The collections as they are served. Times come from the wall clock; they are only ever exported."""

    def __init__(self, config: settings.Settings, telemetry: Telemetry, *, revision: str = "") -> None:
        self.collections = tuple(target.collection for target in config.targets())
        self.max_scrapes = config.web.max_scrapes
        self.pollers: Sequence[Poller] = ()
        self.started = time.time()
        self.revision = revision
        self._config = config
        self._telemetry = telemetry
        self._bodies: dict[str, render.Body] = {}
        self._started = time.monotonic()

    def publish(self, collection: str, body: render.Body) -> None:
        """From now on scrapes get this body for the collection."""
        self._bodies[collection] = body
        bodies = self._bodies.values()
        sizes = {
            "identity": sum(body.text.length for body in bodies),
            "gzip": sum(len(body.text.deflated) for body in bodies),
        }
        self._telemetry.served(body.series, body.dropped, sizes)

    def scrape(self, form: str, encoding: str, collections: tuple[str, ...]) -> tuple[int, Iterable[bytes]]:
        """One scrape: its length in bytes and its pieces; identity is inflated piece by piece as it is read.

        `form` is text or openmetrics, `encoding` gzip or identity; no collections means all.
        """
        now = time.time()
        for poller in self.pollers:
            self._telemetry.stale(poller.target.collection, int(self._stale(poller, now)))
        own = self._telemetry.openmetrics() if form == "openmetrics" else self._telemetry.text()
        parts = [getattr(body, form) for body in self._chosen(collections, now)]
        if encoding == "gzip":
            pieces = tuple(gzip.member((*parts, gzip.part(own))))
            return sum(map(len, pieces)), pieces
        inflated = (piece for part in parts for piece in part.pieces())
        return sum(part.length for part in parts) + len(own), itertools.chain(inflated, (own,))

    def _chosen(self, collections: tuple[str, ...], now: float) -> Iterable[render.Body]:
        too_old = self._config.retention.max_staleness
        for poller in self.pollers:
            name = poller.target.collection
            age = _age(poller, now)
            wanted = name in self._bodies and (not collections or name in collections)
            if wanted and age is not None and age <= too_old:
                yield self._bodies[name]

    def _stale(self, poller: Poller, now: float) -> bool:
        age = _age(poller, now)
        waited = now - self.started if age is None else age
        return waited > _STALE_AFTER * poller.target.refresh_interval

    def healthy(self) -> tuple[bool, str]:
        """Whether the process can do its work; the inventory has no say in it."""
        return True, "The exporter is running."

    def ready(self) -> tuple[bool, str]:
        """Whether every collection has something to serve, or the start-up grace is over."""
        waiting = [poller.target.collection for poller in self.pollers if not poller.published]
        if not waiting:
            return True, "Every collection has a snapshot."
        names = ", ".join(waiting)
        if time.monotonic() - self._started > self._config.web.startup_grace:
            return True, f"The start-up grace is over; still without a snapshot: {names}."
        return False, f"Waiting for the first crawl of {names}."

    def status(self) -> Status:
        """Everything a person may want to know at three in the morning."""
        now = time.time()
        return Status(
            version=__version__,
            revision=self.revision,
            python=platform.python_version(),
            started=self.started,
            now=now,
            ready=self.ready()[0],
            collections=tuple(self._collection(poller, now) for poller in self.pollers),
        )

    def _collection(self, poller: Poller, now: float) -> CollectionStatus:
        state, target, counted = poller.state, poller.target, poller.tally
        body = self._bodies.get(target.collection, render.Body())
        return CollectionStatus(
            name=target.collection,
            api=target.api,
            url=target.url,
            dialect=target.dialect.name,
            state=self._word(poller, now),
            up=state.up,
            complete=state.complete,
            records=counted.records,
            expected=state.expected,
            retained=state.retained,
            unread=state.unread,
            duplicates=state.duplicates,
            rejects={
                reason: Rejects(count, tuple(state.examples.get(reason, ())))
                for reason, count in state.rejected.items()
            },
            last_success=state.last_success,
            last_full_success=state.last_full_success,
            last_attempt=state.last_attempt,
            age_seconds=_age(poller, now),
            refresh_interval=target.refresh_interval,
            refreshing=bool(state.refreshing),
            progress=_progress(poller),
            last_error=". ".join(
                part for part in (state.last_error or state.problem, state.last_error_mend) if part
            ),
            last_error_reason=state.last_error_reason,
            next_refresh=state.next_refresh,
            statuses=counted.statuses,
            unknown_statuses=counted.unknown,
            series=sum(body.series.values()),
            operational=counted.operational,
            not_operational=counted.not_operational,
        )

    def _word(self, poller: Poller, now: float) -> State:
        if poller.state.up is False:
            return "failing"
        if not poller.published:
            return "waiting"
        if self._stale(poller, now):
            return "stale"
        return "fresh" if poller.state.complete else "incomplete"


def _age(poller: Poller, now: float) -> float | None:
    last = poller.state.last_success
    return None if last is None else max(0.0, now - last)


def _progress(poller: Poller) -> str:
    state = poller.state
    if not state.refreshing:
        return ""
    of = f" of {state.announced}" if state.announced else ""
    return f"{state.refreshing} refresh: {state.items}{of} records in {state.pages} pages"
