"""What is served, and what is said of it: joins the pollers' stories and bodies into answers for `web`.

It owns the bodies that scrapes copy and the rules for fresh, stale, ready and healthy; it asks nothing of
the inventory and decides nothing about refreshing. Invariants: a body is swapped by one assignment, so a
scrape sees the old or the new one; a collection too old to be believed is left out, not shown as if it held.
"""

from __future__ import annotations

import asyncio
import itertools
import platform
import time
from collections.abc import Iterable, Mapping, Sequence

from exporter import __version__, settings
from exporter.inventory import dangling
from exporter.metrics import gzip, render
from exporter.poller import Poller
from exporter.precedence import Precedence
from exporter.reload import Reloads
from exporter.telemetry import Telemetry
from exporter.vitals import Vitals
from exporter.web.status import CollectionStatus, Rejects, State, Status

_STALE_AFTER = 3.0  # refresh intervals without a success


class Site:
    """The collections as they are served. Times come from the wall clock; they are only ever exported."""

    def __init__(
        self,
        config: settings.Settings,
        telemetry: Telemetry,
        vitals: Vitals,
        reloads: Reloads,
        *,
        revision: str = "",
    ) -> None:
        self.collections = tuple(target.collection for target in config.targets())
        self.max_scrapes = config.web.max_scrapes
        self.pollers: Sequence[Poller] = ()
        self.precedence = Precedence()
        self.news = asyncio.Event()  # something was refreshed
        self.started = time.time()
        self.revision = revision
        self._config = config
        self._telemetry = telemetry
        self._vitals = vitals
        self._reloads = reloads
        self._bodies: dict[str, render.Body] = {}
        self._started = time.monotonic()

    def employ(self, config: settings.Settings, pollers: Sequence[Poller]) -> None:
        """From now on these pollers are shown, under these settings; what no poller needs any more goes."""
        collections, apis = set(self.collections), {poller.target.api for poller in self.pollers}
        self._config, self.pollers = config, pollers
        self.max_scrapes = config.web.max_scrapes
        self._telemetry.series_limit(config.limits.series_per_family)
        self.collections = tuple(poller.target.collection for poller in pollers)
        for gone in collections.difference(self.collections):  # also where no crawl ever succeeded
            self._telemetry.gone(gone, self._bodies.pop(gone, render.Body()).series)
            self._telemetry.served({}, {}, self._sizes())
        for api in apis.difference(poller.target.api for poller in pollers):
            self._telemetry.unused(api)

    def refreshed(self) -> None:
        """A refresh of some collection succeeded."""
        self.news.set()

    def idents(self) -> dangling.Known:
        """The ids held of every collection that has a snapshot."""
        return {
            poller.target.collection: poller.snapshot.records for poller in self.pollers if poller.published
        }

    def memberships(self) -> Mapping[str, int]:
        """How often records have come or gone, of every collection that has a snapshot."""
        return {poller.target.collection: poller.membership for poller in self.pollers if poller.published}

    def accept(self, collections: tuple[str, ...]) -> str:
        """Lets the next complete crawl pass the shrink guard; no collections means all. Says what follows."""
        wanted = [
            poller for poller in self.pollers if not collections or poller.target.collection in collections
        ]
        held = {poller.target.collection: poller.accept() for poller in wanted}
        waiting = [f"{count} removals in {name}" for name, count in held.items() if count]
        if not waiting:
            return "Nothing is held back."
        return (
            f"Accepted: {', '.join(waiting)}. They are removed by the next complete crawl, which begins now."
        )

    async def reload(self) -> tuple[bool, str]:
        """Loads the settings again; whether that went well, and a sentence."""
        return await asyncio.shield(self._reloads.ask())

    def publish(self, collection: str, body: render.Body) -> None:
        """From now on scrapes get this body for the collection."""
        before = self._bodies.get(collection, render.Body())
        self._bodies[collection] = body
        self._telemetry.unserved(before.series.keys() - body.series.keys())
        self._telemetry.served(body.series, body.dropped, self._sizes())

    def _sizes(self) -> Mapping[str, int]:
        """The bytes of all bodies, by encoding."""
        parts = [part for one in self._bodies.values() for part in one.parts("text")]
        return {
            "identity": sum(part.length for part in parts),
            "gzip": sum(len(part.deflated) for part in parts),
        }

    def scrape(self, form: str, encoding: str, collections: tuple[str, ...]) -> tuple[int, Iterable[bytes]]:
        """One scrape: its length in bytes and its pieces; identity is inflated piece by piece as it is read.

        `form` is text or openmetrics, `encoding` gzip or identity; no collections means all.
        """
        for poller in self.pollers:
            self._telemetry.stale(poller.target.collection, int(self._stale(poller)))
        own = self._telemetry.openmetrics() if form == "openmetrics" else self._telemetry.text()
        parts = [part for body in self._chosen(collections) for part in body.parts(form)]
        if encoding == "gzip":
            pieces = tuple(gzip.member((*parts, gzip.part(own))))
            return sum(map(len, pieces)), pieces
        inflated = (piece for part in parts for piece in part.pieces())
        return sum(part.length for part in parts) + len(own), itertools.chain(inflated, (own,))

    def _chosen(self, collections: tuple[str, ...]) -> Iterable[render.Body]:
        too_old = self._config.retention.max_staleness
        for poller in self.pollers:
            name = poller.target.collection
            age = _age(poller)
            wanted = name in self._bodies and (not collections or name in collections)
            if wanted and age is not None and age <= too_old:
                yield self._bodies[name]

    def _stale(self, poller: Poller) -> bool:
        age = _age(poller)
        waited = time.monotonic() - self._started if age is None else age
        return waited > _STALE_AFTER * poller.target.refresh_interval

    def healthy(self) -> tuple[bool, str]:
        """Whether the process can do its work; the inventory has no say in it."""
        dying = self._vitals.dying()
        if dying:
            return False, f"A task keeps dying, see the log: {', '.join(dying)}."
        return True, "The exporter is running."

    def ready(self) -> tuple[bool, str]:
        """Whether every collection has something to serve, or the start-up grace is over."""
        waiting = [poller.target.collection for poller in self.pollers if _age(poller) is None]
        if not waiting:
            return True, "Every collection was crawled or restored."
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
            collections=tuple(self._collection(poller) for poller in self.pollers),
        )

    def _collection(self, poller: Poller) -> CollectionStatus:
        state, target, counted = poller.state, poller.target, poller.tally
        body = self._bodies.get(target.collection, render.Body())
        return CollectionStatus(
            name=target.collection,
            api=target.api,
            url=target.url,
            dialect=target.dialect.name,
            state=self._word(poller),
            up=state.up,
            complete=state.complete,
            records=counted.records,
            expected=state.expected,
            received=state.received,
            unique=state.unique,
            retained=state.retained,
            unread=state.unread,
            duplicates=state.duplicates,
            rejects={
                reason: Rejects(count, tuple(state.examples.get(reason, ())))
                for reason, count in state.rejected.items()
            },
            restored=state.restored,
            held_back=state.held_back,
            bad_rows=state.bad_rows,
            last_success=state.last_success,
            last_full_success=state.last_full_success,
            last_attempt=state.last_attempt,
            age_seconds=_age(poller),
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

    def _word(self, poller: Poller) -> State:
        if poller.state.up is False:
            return "failing"
        if not poller.published:
            return "waiting"
        if self._stale(poller):
            return "stale"
        if poller.state.complete is None:
            return "waiting"  # restored: nothing is known to be amiss, and no crawl has vouched for it yet
        return "fresh" if poller.state.complete else "incomplete"


def _age(poller: Poller) -> float | None:
    last = poller.state.fresh_at
    return None if last is None else time.monotonic() - last


def _progress(poller: Poller) -> str:
    state = poller.state
    if not state.refreshing:
        return ""
    of = f" of {state.announced}" if state.announced else ""
    return f"{state.refreshing} refresh: {state.items}{of} records in {state.pages} pages"
