"""What is served of the collections: the bodies that pollers publish, and their status.

Invariants: a body is swapped by one assignment, so a scrape sees the old or the new one; a collection with
an expired snapshot is left out; nothing here can reach an inventory.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import operator
import platform
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib import metadata

import msgspec

from exporter import __version__, settings
from exporter.collections.recorder import StatusRecorder
from exporter.collections.topology_updates import TopologyContent, TopologyUpdates
from exporter.exposition import render, segments
from exporter.inventory.snapshot import Snapshot
from exporter.precedence import Precedence
from exporter.status import CollectionStatus, DefectsByCollection, Status, readiness
from exporter.supervisor import Supervisor
from exporter.telemetry import Telemetry
from exporter.topology import Commit, references

_NOTHING = render.Body()
_SHORTEST_WAIT, _LONGEST_WAIT = 0.05, 60.0  # seconds between two checks whether a snapshot has expired

_Bodies = tuple[render.Body, ...]

Accept = Callable[[], int]
"""Confirms the pending removals of a collection; returns how many there are."""


class _Published(msgspec.Struct, frozen=True):
    """What is served of a collection.

    `attempt` is when the refresh began that published it, as in `CollectionStatus.last_attempt`.
    """

    body: render.Body
    snapshot: Snapshot
    attempt: float | None = None


class Store:
    """The collections as they are served. `reload` loads the configuration again: success, and a sentence.

    `monotonic` is the clock, in seconds, by which ages are counted.
    """

    def __init__(
        self,
        config: settings.Settings,
        telemetry: Telemetry,
        supervisor: Supervisor,
        reload: Callable[[], Awaitable[tuple[bool, str]]],
        *,
        revision: str = "",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.max_scrapes = config.web.max_scrapes
        self.monotonic = monotonic
        self.precedence = Precedence()
        self.news = asyncio.Event()  # something was refreshed
        self._renewed = asyncio.Event()  # the same, for `watch_expiry`
        self._started, self._began = time.time(), monotonic()
        self._revision = revision
        self._config = config
        self._telemetry = telemetry
        self._supervisor = supervisor
        self._reload = reload
        self._apis: set[str] = set()
        self._recorders: Mapping[str, StatusRecorder] = {}
        self._accept: Mapping[str, Accept] = {}
        self._published: dict[str, _Published] = {}
        self._topology_updates = TopologyUpdates(telemetry, self.precedence.pause, monotonic)
        self._topology = TopologyContent()
        self._reported: dict[str, tuple[_Bodies, bool]] = {}  # bodies, and whether they were served

    @property
    def collections(self) -> tuple[str, ...]:
        """The enabled collections."""
        return tuple(self._recorders)

    def employ(
        self,
        config: settings.Settings,
        recorders: Mapping[str, StatusRecorder],
        accept: Mapping[str, Accept],
    ) -> None:
        """From now on these collections are served, with these settings; the others are forgotten."""
        before = self._recorders
        self._config, self._recorders, self._accept = config, recorders, accept
        self.max_scrapes = config.web.max_scrapes
        self._topology_updates.read_references(
            {target.collection: references.rules(target.mapping) for target in config.targets()}
        )
        self._telemetry.series_limit(config.limits.series_per_family)
        for gone in before.keys() - recorders.keys():  # also where no crawl ever succeeded
            self._telemetry.gone(gone, [name for body in self._bodies(gone) for name in body.series])
            self._published.pop(gone, None)
            self._reported.pop(gone, None)
        apis = {recorder.status.api for recorder in recorders.values()}
        for api in self._apis - apis:
            self._telemetry.unused(api)
        self._apis = apis
        self._telemetry.served({}, {}, self._sizes(self.assessed()))
        self._renewed.set()

    @asynccontextmanager
    async def committing(self, commit: Commit, stored: Snapshot) -> AsyncIterator[TopologyContent]:
        """While a commit is published: gives what is served of the topology that has its snapshot `stored`.

        It is to be published before anything else is waited for.
        """
        async with self._topology_updates.lock:
            snapshots = {**self._current(), commit.collection: stored}
            limit = self._config.limits.series_per_family
            yield await self._topology_updates.update(snapshots, limit, commit)

    def publish(self, collection: str, body: render.Body, stored: Snapshot) -> None:
        """From now on scrapes get this body of the snapshot `stored` for the collection."""
        before = self._published.get(collection, _Published(_NOTHING, Snapshot()))
        attempt = self._recorders[collection].status.last_attempt if collection in self._recorders else None
        self._published[collection] = _Published(body, stored, attempt)
        self._telemetry.unserved(before.body.series.keys() - body.series.keys())
        self.assessed()

    def publish_unchanged(self, collection: str, stored: Snapshot) -> None:
        """The body served is that of the snapshot `stored`, too: only records of other shards differ."""
        self.publish(collection, self._published[collection].body, stored)

    def publish_topology(self, content: TopologyContent) -> None:
        """From now on this is served of the topology."""
        before, self._topology = self._topology, content
        self._telemetry.unserved(_families(before) - _families(content))
        for name, recorder in self._recorders.items():
            recorder.dangling(content.dangling.get(name, 0))
        self.assessed()

    def refreshed(self) -> None:
        """A refresh of some collection succeeded."""
        self.assessed()
        self.news.set()
        self._renewed.set()

    async def watch_expiry(self) -> None:
        """Notices, until cancelled, that a snapshot expires, even if nobody requests anything.

        The topology is then without its records, as it is when a collection is turned off.
        """
        while True:
            self._renewed.clear()
            await self._update_topology()
            ages = [one.age_seconds for one in self.assessed() if one.served and one.age_seconds is not None]
            left = [self._config.retention.max_staleness - age for age in ages]
            wait = max(min(left, default=_LONGEST_WAIT), _SHORTEST_WAIT)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(wait, _LONGEST_WAIT)):
                    await self._renewed.wait()

    async def _update_topology(self) -> None:
        """Updates the topology if it has what is not served any more, or lacks what is."""
        self.assessed()
        async with self._topology_updates.lock:
            snapshots, limit = self._current(), self._config.limits.series_per_family
            if not self._topology_updates.is_of(snapshots, limit):
                self.publish_topology(await self._topology_updates.update(snapshots, limit))

    def _current(self) -> Mapping[str, Snapshot]:
        """The snapshots of the enabled collections that have one, without those that have expired.

        One that the present refresh has published is not as old as the status says.
        """
        found = {}
        for name, published in self._published.items():
            status = self._recorders[name].status if name in self._recorders else None
            is_new = status and status.refreshing and status.last_attempt == published.attempt
            if status and (status.state != "expired" or is_new):
                found[name] = published.snapshot
        return found

    def accept(self, collections: tuple[str, ...]) -> str:
        """Confirms the pending removals of these collections; none means all. Returns what follows."""
        pending = {
            name: accept() for name, accept in self._accept.items() if not collections or name in collections
        }
        accepted = [f"{count} removals in {name}" for name, count in pending.items() if count]
        if not accepted:
            return "No removals are pending."
        return (
            f"Accepted: {', '.join(accepted)}. They are removed by the next complete crawl, which begins now."
        )

    async def reload(self) -> tuple[bool, str]:
        """Loads the configuration again; whether that succeeded, and a sentence."""
        return await self._reload()

    def assessed(self) -> Sequence[CollectionStatus]:
        """The status of each collection, now; what changed since the last call is logged and counted."""
        uptime, limit = self.monotonic() - self._began, self._config.retention.max_staleness
        found = [recorder.assess(uptime, limit) for recorder in self._recorders.values()]
        for status in found:
            self._report(status, found)
        return found

    def _report(self, status: CollectionStatus, found: Sequence[CollectionStatus]) -> None:
        """Counts what is served of a collection, if that has changed."""
        bodies, before = self._bodies(status.name), self._reported.get(status.name)
        if not bodies or (before and _are_same(before[0], bodies) and before[1] is status.served):
            return
        self._reported[status.name] = (bodies, status.served)
        series = {name: count for body in bodies for name, count in body.series.items()}
        dropped = {name: count for body in bodies for name, count in body.dropped.items()}
        status.series = sum(series.values()) if status.served else 0
        series = series if status.served else dict.fromkeys(series, 0)
        self._telemetry.served(series, dropped if status.served else {}, self._sizes(found))

    def _bodies(self, collection: str) -> _Bodies:
        """The body of a collection and that of the topology next to it; () without a snapshot."""
        if collection not in self._published:
            return ()
        return self._published[collection].body, self._topology.bodies.get(collection, _NOTHING)

    def _served(self, found: Iterable[CollectionStatus]) -> list[tuple[str, render.Body]]:
        """The bodies that are served, by collection."""
        return [(one.name, body) for one in found if one.served for body in self._bodies(one.name)]

    def _sizes(self, found: Iterable[CollectionStatus]) -> Mapping[str, int]:
        """The bytes of all bodies that are served, by encoding."""
        parts = [part for _, body in self._served(found) for part in body.parts("text")]
        return {
            "identity": sum(part.length for part in parts),
            "gzip": sum(len(part.deflated) for part in parts),
        }

    def scrape(self, form: str, encoding: str, collections: tuple[str, ...]) -> tuple[int, Iterable[bytes]]:
        """One scrape: its length in bytes and its pieces; identity is inflated piece by piece as it is read.

        `form` is text or openmetrics, `encoding` gzip or identity; no collections means all.
        """
        served = self._served(self.assessed())
        own = self._telemetry.openmetrics() if form == "openmetrics" else self._telemetry.text()
        parts = [
            part
            for name, body in served
            if not collections or name in collections
            for part in body.parts(form)
        ]
        if encoding == "gzip":
            pieces = tuple(segments.member((*parts, segments.part(own))))
            return sum(map(len, pieces)), pieces
        inflated = (piece for part in parts for piece in part.pieces())
        return sum(part.length for part in parts) + len(own), itertools.chain(inflated, (own,))

    def healthy(self) -> tuple[bool, str]:
        """Whether the process can do its work, whatever the inventory does; and a sentence."""
        failing = self._supervisor.failing()
        if failing:
            return False, f"A task keeps failing, see the log: {', '.join(failing)}."
        return True, "The exporter is running."

    def ready(self) -> tuple[bool, str]:
        """Whether the exporter has something to serve, and a sentence about its collections."""
        grace = self._config.web.startup_grace - (self.monotonic() - self._began)
        return readiness(self.assessed(), grace)

    def defects(self) -> DefectsByCollection:
        """The data quality defects of the collections that are served."""
        served = {one.name for one in self.assessed() if one.served}
        return {name: found for name, found in self._topology.defects.items() if name in served}

    def status(self) -> Status:
        """The status of the program and its collections."""
        return Status(
            version=__version__,
            revision=self._revision,
            python=platform.python_version(),
            started=self._started,
            now=time.time(),
            ready=self.ready()[0],
            collections=tuple(map(msgspec.structs.replace, self.assessed())),
            links=_LINKS,
        )


def _families(content: TopologyContent) -> set[str]:
    return {name for body in content.bodies.values() for name in body.series}


def _are_same(some: _Bodies, others: _Bodies) -> bool:
    return len(some) == len(others) and all(map(operator.is_, some, others))


def _documentation() -> Mapping[str, str]:
    """The page of the documentation, as the installed package names it."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        for entry in metadata.metadata("ses-inventory-exporter").get_all("Project-URL") or ():
            name, _, address = entry.partition(", ")
            if name == "Documentation":
                return {name: address}
    return {}


_LINKS = _documentation()
