"""What is served of the collections: the bodies that pollers publish, and their status.

Invariants: a body is swapped by one assignment, so a scrape sees the old or the new one; a collection with
an expired snapshot is left out; nothing here can reach an inventory.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import platform
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from importlib import metadata

import msgspec

from exporter import __version__, settings
from exporter.collections.recorder import StatusRecorder
from exporter.exposition import render, segments
from exporter.inventory.snapshot import Changes, KnownIds, Snapshot
from exporter.precedence import Precedence
from exporter.status import CollectionStatus, Status, readiness
from exporter.supervisor import Supervisor
from exporter.telemetry import Telemetry

_NOTHING = render.Body()
_SHORTEST_WAIT, _LONGEST_WAIT = 0.05, 60.0  # seconds between two checks whether a snapshot has expired

Accept = Callable[[], int]
"""Confirms the pending removals of a collection; returns how many there are."""


class _Published(msgspec.Struct, frozen=True):
    """What is served of a collection; `memberships` counts how often records have come or gone."""

    body: render.Body
    snapshot: Snapshot
    memberships: int


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
        self._reported: dict[str, tuple[render.Body, bool]] = {}  # bodies, and whether they were served

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
        self._telemetry.series_limit(config.limits.series_per_family)
        for gone in before.keys() - recorders.keys():  # also where no crawl ever succeeded
            published = self._published.pop(gone, None)
            self._telemetry.gone(gone, published.body.series if published else ())
            self._reported.pop(gone, None)
        apis = {recorder.status.api for recorder in recorders.values()}
        for api in self._apis - apis:
            self._telemetry.unused(api)
        self._apis = apis
        self._telemetry.served({}, {}, self._sizes(self.assessed()))
        self._renewed.set()

    def publish(self, collection: str, body: render.Body, stored: Snapshot, changes: Changes) -> None:
        """From now on scrapes get this body for the collection; `changes` are those of the snapshot."""
        before = self._published.get(collection, _Published(_NOTHING, Snapshot(), 0))
        memberships = before.memberships + bool(changes.added or changes.removed)
        self._published[collection] = _Published(body, stored, memberships)
        self._telemetry.unserved(before.body.series.keys() - body.series.keys())
        self.assessed()

    def refreshed(self) -> None:
        """A refresh of some collection succeeded."""
        self.assessed()
        self.news.set()
        self._renewed.set()

    async def watch_expiry(self) -> None:
        """Notices, until cancelled, that a snapshot expires, even if nobody requests anything."""
        while True:
            ages = [one.age_seconds for one in self.assessed() if one.served and one.age_seconds is not None]
            left = [self._config.retention.max_staleness - age for age in ages]
            wait = max(min(left, default=_LONGEST_WAIT), _SHORTEST_WAIT)
            self._renewed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(wait, _LONGEST_WAIT)):
                    await self._renewed.wait()

    def idents(self) -> KnownIds:
        """The ids that are stored of every collection that has a snapshot."""
        return {name: one.snapshot.records for name, one in self._published.items()}

    def memberships(self) -> Mapping[str, int]:
        """How often records have come or gone, of every collection that has a snapshot."""
        return {name: one.memberships for name, one in self._published.items()}

    def accept(self, collections: tuple[str, ...]) -> str:
        """Confirms the pending removals of these collections; none means all. Returns what follows."""
        pending = {
            name: accept() for name, accept in self._accept.items() if not collections or name in collections
        }
        accepted = [f"{count} removals in {name}" for name, count in pending.items() if count]
        if not accepted:
            return "Nothing is held back."
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
        published = self._published.get(status.name)
        if published is None:
            return
        body, before = published.body, self._reported.get(status.name)
        if before and before[0] is body and before[1] is status.served:
            return
        self._reported[status.name] = (body, status.served)
        status.series = sum(body.series.values()) if status.served else 0
        series = body.series if status.served else dict.fromkeys(body.series, 0)
        self._telemetry.served(series, body.dropped if status.served else {}, self._sizes(found))

    def _served(self, found: Iterable[CollectionStatus]) -> list[tuple[str, render.Body]]:
        """The bodies that are served, by collection."""
        return [
            (one.name, self._published[one.name].body)
            for one in found
            if one.served and one.name in self._published
        ]

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


def _documentation() -> Mapping[str, str]:
    """The page of the documentation, as the installed package names it."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        for entry in metadata.metadata("ses-inventory-exporter").get_all("Project-URL") or ():
            name, _, address = entry.partition(", ")
            if name == "Documentation":
                return {name: address}
    return {}


_LINKS = _documentation()
