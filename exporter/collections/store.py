"""What is served of the collections, and their status: bodies and recorded states as answers for `web`.

It owns the bodies that scrapes copy and the rules for fresh, stale, ready and healthy; it asks nothing of
the inventory and decides nothing about refreshing. Invariants: a body is swapped by one assignment, so a
scrape sees the old or the new one; a collection too old to be believed is left out, not shown as if it held.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from exporter import __version__, settings
from exporter.collection_state import Assessment, Facts, assess, readiness
from exporter.collections.poller import Poller
from exporter.collections.state_changes import StateChanges
from exporter.collections.status_report import collection_status
from exporter.exposition import render, segments
from exporter.inventory import snapshot
from exporter.precedence import Precedence
from exporter.reload import Reloads
from exporter.supervisor import Supervisor
from exporter.telemetry import Telemetry
from exporter.web.status import Status

_NOTHING = render.Body()
_SHORTEST_LOOK, _LONGEST_LOOK = 0.05, 60.0  # seconds between two looks at whether a snapshot has expired


class Store:
    """The collections as they are served. Times come from the wall clock; they are only ever exported."""

    def __init__(
        self,
        config: settings.Settings,
        telemetry: Telemetry,
        supervisor: Supervisor,
        reloads: Reloads,
        *,
        revision: str = "",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.collections = tuple(target.collection for target in config.targets())
        self.max_scrapes = config.web.max_scrapes
        self.pollers: Sequence[Poller] = ()
        self.precedence = Precedence()
        self.news = asyncio.Event()  # something was refreshed
        self._renewed = asyncio.Event()  # the same, for whoever waits until a snapshot expires
        self.started = time.time()
        self.revision = revision
        self._config = config
        self._telemetry = telemetry
        self._supervisor = supervisor
        self._reloads = reloads
        self._bodies: dict[str, render.Body] = {}
        self._changes = StateChanges()
        self._reported: dict[str, tuple[render.Body, bool]] = {}  # bodies, and whether they were served
        self.monotonic = monotonic
        self._started = monotonic()

    def employ(self, config: settings.Settings, pollers: Sequence[Poller]) -> None:
        """From now on these pollers are shown, under these settings; what no poller needs any more goes."""
        collections, apis = set(self.collections), {poller.target.api for poller in self.pollers}
        self._config, self.pollers = config, pollers
        self.max_scrapes = config.web.max_scrapes
        self._telemetry.series_limit(config.limits.series_per_family)
        self.collections = tuple(poller.target.collection for poller in pollers)
        for gone in collections.difference(self.collections):  # also where no crawl ever succeeded
            self._telemetry.gone(gone, self._bodies.pop(gone, _NOTHING).series)
            self._changes.forget(gone)
            self._reported.pop(gone, None)
        for api in apis.difference(poller.target.api for poller in pollers):
            self._telemetry.unused(api)
        self._telemetry.served({}, {}, self._sizes(self.assessed()))
        self._renewed.set()

    def refreshed(self) -> None:
        """A refresh of some collection succeeded."""
        self.assessed()
        self.news.set()
        self._renewed.set()

    async def watch_expiry(self) -> None:
        """Sees for ever that a snapshot expires, even where nobody asks for anything."""
        while True:
            found = self.assessed()
            left = [
                self._config.retention.max_staleness - (self._age(poller) or 0.0)
                for poller in self.pollers
                if found[poller.target.collection].served
            ]
            wait = max(min(left, default=_LONGEST_LOOK), _SHORTEST_LOOK)
            self._renewed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(wait, _LONGEST_LOOK)):
                    await self._renewed.wait()

    def idents(self) -> snapshot.KnownIds:
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
        before = self._bodies.get(collection, _NOTHING)
        self._bodies[collection] = body
        self._telemetry.unserved(before.series.keys() - body.series.keys())
        self.assessed()

    def assessed(self) -> Mapping[str, Assessment]:
        """The state of each collection, now; what changed since the last call is logged and counted.

        Everything that is said or served of a collection comes through here.
        """
        found = {poller.target.collection: assess(self._facts(poller)) for poller in self.pollers}
        for poller in self.pollers:
            name = poller.target.collection
            poller.state.served = found[name].served
            self._telemetry.stale(name, int(found[name].stale))
            age, limit = self._age(poller) or 0.0, self._config.retention.max_staleness
            self._changes.note(poller.target, poller.state, found[name].state, age, limit)
            self._report(name, found)
        return found

    def _facts(self, poller: Poller) -> Facts:
        state = poller.state
        return Facts(
            age=self._age(poller),
            records=poller.tally.records,
            up=state.up,
            # after a reload that asks for other records, what was known is of those before
            complete=state.complete if poller.published else None,
            uptime=self.monotonic() - self._started,
            refresh_interval=poller.target.refresh_interval,
            max_staleness=self._config.retention.max_staleness,
        )

    def _age(self, poller: Poller) -> float | None:
        last = poller.state.fresh_at
        return None if last is None else self.monotonic() - last

    def _report(self, name: str, found: Mapping[str, Assessment]) -> None:
        """Counts what is served of a collection, where that has changed."""
        body, served = self._bodies.get(name), found[name].served
        before = self._reported.get(name)
        if body is None or (before and before[0] is body and before[1] is served):
            return
        self._reported[name] = (body, served)
        series = body.series if served else dict.fromkeys(body.series, 0)
        self._telemetry.served(series, body.dropped if served else {}, self._sizes(found))

    def _sizes(self, found: Mapping[str, Assessment]) -> Mapping[str, int]:
        """The bytes of all bodies that are served, by encoding."""
        served = [body for name, body in self._bodies.items() if name in found and found[name].served]
        parts = [part for body in served for part in body.parts("text")]
        return {
            "identity": sum(part.length for part in parts),
            "gzip": sum(len(part.deflated) for part in parts),
        }

    def scrape(self, form: str, encoding: str, collections: tuple[str, ...]) -> tuple[int, Iterable[bytes]]:
        """One scrape: its length in bytes and its pieces; identity is inflated piece by piece as it is read.

        `form` is text or openmetrics, `encoding` gzip or identity; no collections means all.
        """
        found = self.assessed()
        own = self._telemetry.openmetrics() if form == "openmetrics" else self._telemetry.text()
        parts = [
            part
            for name, one in found.items()
            if one.served and name in self._bodies and (not collections or name in collections)
            for part in self._bodies[name].parts(form)
        ]
        if encoding == "gzip":
            pieces = tuple(segments.member((*parts, segments.part(own))))
            return sum(map(len, pieces)), pieces
        inflated = (piece for part in parts for piece in part.pieces())
        return sum(part.length for part in parts) + len(own), itertools.chain(inflated, (own,))

    def healthy(self) -> tuple[bool, str]:
        """Whether the process can do its work; the inventory has no say in it."""
        failing = self._supervisor.failing()
        if failing:
            return False, f"A task keeps dying, see the log: {', '.join(failing)}."
        return True, "The exporter is running."

    def ready(self) -> tuple[bool, str]:
        """Whether the exporter has something to serve, and what there is to know of its collections."""
        grace = self._config.web.startup_grace - (self.monotonic() - self._started)
        return readiness(self.assessed(), grace)

    def status(self) -> Status:
        """Everything a person may want to know at three in the morning."""
        ready, now, found = self.ready()[0], time.time(), self.assessed()
        collections = []
        for poller in self.pollers:
            name, age = poller.target.collection, self._age(poller)
            expires = None if age is None else now + self._config.retention.max_staleness - age
            body = self._bodies.get(name, _NOTHING) if found[name].served else _NOTHING
            collections.append(collection_status(poller, body, found[name], age, expires))
        return Status(
            version=__version__,
            revision=self.revision,
            python=platform.python_version(),
            started=self.started,
            now=now,
            ready=ready,
            collections=tuple(collections),
        )
