"""Keeps the topology up to date with what the collections have, in a thread, and renders its families.

Invariants: one update at a time; an update never fails: what cannot be computed or rendered stays as it was
served last, so that no alert ends; it is logged and counted, and computed from the beginning by a later one.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
import traceback
from collections.abc import Callable, Mapping

import msgspec
import structlog

from exporter.exposition import render
from exporter.exposition.topology_families import TOPOLOGY
from exporter.inventory.snapshot import Snapshot
from exporter.status import Defect, DefectsByCollection
from exporter.telemetry import Telemetry
from exporter.topology import Commit, Topology
from exporter.topology.references import ReferenceRules

log = structlog.get_logger()

_BUILD_SHARE = 20.0  # times as long as a build took pass before one after a failure: 5 % of the time
_HINT = "please report this with the log"


class TopologyContent(msgspec.Struct, frozen=True):
    """What is served of the topology, by the collection that it is served with.

    `dangling` counts the references in a collection that lead to no stored record.
    """

    bodies: Mapping[str, render.Body] = {}
    defects: DefectsByCollection = {}
    dangling: Mapping[str, int] = {}


class TopologyUpdates:
    """The topology, and what is served of it as of the last update.

    `pause` is called between two steps of a thread's work; `monotonic` is a clock, in seconds. Whoever
    updates and publishes keeps `lock` meanwhile, so that what is published is never older than what was.
    """

    def __init__(
        self,
        telemetry: Telemetry,
        pause: Callable[[], object],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lock = asyncio.Lock()
        self._telemetry = telemetry
        self._pause = pause
        self._monotonic = monotonic
        self._next_build = -math.inf  # on that clock: when a topology may be built after a failure
        self._rules: Mapping[str, ReferenceRules] = {}
        self._topology: Topology | None = None  # None while it is unknown what it has
        self._lines = {one.family.name: render.Lines(one.family) for one in TOPOLOGY}
        self._pieces: dict[str, render.Piece] = {}  # what is served of each family
        self._content = TopologyContent()
        self._limit = 0  # of series of a family, when they were rendered
        self._failing: dict[str, str] = {}  # what failed, and the error that was logged
        self._working = threading.Lock()  # the thread of a cancelled refresh may still be working

    def read_references(self, rules: Mapping[str, ReferenceRules]) -> None:
        """From now on the references of a collection's records are read by these rules."""
        self._rules = rules

    async def update(
        self, snapshots: Mapping[str, Snapshot], limit: int, commit: Commit | None = None
    ) -> TopologyContent:
        """What is served of the topology of these snapshots.

        `limit` is the maximum number of series of a family; `commit` leads to one of the snapshots.
        """
        return await asyncio.to_thread(self._update, snapshots, limit, commit)

    def is_of(self, snapshots: Mapping[str, Snapshot], limit: int) -> bool:
        """Whether the last update was of these snapshots, with this limit."""
        topology = self._topology
        if topology is None or limit != self._limit or topology.rules != self._rules:
            return False
        return topology.is_of(snapshots)

    def _update(
        self, snapshots: Mapping[str, Snapshot], limit: int, commit: Commit | None
    ) -> TopologyContent:
        with self._working:
            before, self._topology = self._topology, None
            if before is None and self._monotonic() < self._next_build:
                return self._content
            try:
                topology, is_other = self._followed(before, snapshots, commit)
            except Exception as error:  # noqa: BLE001 - the collections are served in any case
                self._failed("topology", error)
                return self._content
            if is_other or limit != self._limit:
                bodies, defects = self._rendered(topology, limit), self._defects(topology)
                dangling = {name: topology.dangling.references(name) for name in topology.snapshots}
                self._content = TopologyContent(bodies, defects, dangling)
            self._topology, self._limit = topology, limit
            return self._content

    def _followed(
        self, topology: Topology | None, snapshots: Mapping[str, Snapshot], commit: Commit | None
    ) -> tuple[Topology, bool]:
        """The topology of the snapshots, and whether it differs from the one before."""
        if topology is not None and topology.rules == self._rules:
            try:
                return topology, topology.follow(snapshots, commit, time.time())
            except Exception as error:
                self._failed("topology update", error)
                if self._monotonic() < self._next_build:
                    raise
        began = self._monotonic()
        try:
            topology = Topology(self._pause, self._rules)
            topology.follow(snapshots, now=time.time())
        finally:
            self._next_build = self._monotonic() + _BUILD_SHARE * (self._monotonic() - began)
        self._failing.pop("topology", None)
        return topology, True

    def _rendered(self, topology: Topology, limit: int) -> Mapping[str, render.Body]:
        """The bodies of the collections that have a snapshot; families that fail are as they were."""
        pieces: dict[str, list[render.Piece]] = {collection: [] for collection in topology.snapshots}
        for one in TOPOLOGY:
            family = one.family
            before = self._pieces.pop(family.name, None)
            if family.collection not in pieces:
                continue
            try:
                piece = self._lines[family.name].update(one.entries(topology), limit, self._pause)
                piece = msgspec.structs.replace(piece, dropped=piece.dropped + one.left_out(topology))
            except Exception as error:  # noqa: BLE001 - the other families are served in any case
                self._failed(family.name, error)
                if before is None:
                    continue
                piece = before
            else:
                self._failing.pop(family.name, None)
            self._pieces[family.name] = piece
            pieces[family.collection].append(piece)
        return {collection: render.joined(found) for collection, found in pieces.items()}

    def _defects(self, topology: Topology) -> DefectsByCollection:
        """The defects of the collections that have a snapshot, with examples; as before if that fails."""
        try:
            return {collection: _with_examples(topology, collection) for collection in topology.snapshots}
        except Exception as error:  # noqa: BLE001 - all else is served in any case
            self._failed("examples of defects", error)
            return self._content.defects

    def _failed(self, what: str, error: Exception) -> None:
        """Counts a failure, and logs it unless it is the same as the last one there."""
        self._telemetry.topology_failed()
        message = f"{type(error).__name__}: {error}"
        if self._failing.get(what) != message:
            trace = "".join(traceback.format_exception(error))
            log.error("topology not updated", part=what, exception=trace, hint=_HINT)
        self._failing[what] = message


def _with_examples(topology: Topology, collection: str) -> Mapping[str, Defect]:
    examples = topology.defect_examples(collection)
    counts = topology.defect_counts(collection)
    return {name: Defect(count, tuple(examples[name])) for name, count in counts.items()}
