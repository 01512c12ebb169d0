"""One `Poller` per collection: when to crawl everything, when to ask for recent changes, what to keep.

It owns the snapshot of the collection. Invariants: refreshes do not overlap; what is served changes only by a
whole body, swapped after a successful refresh; a failed refresh changes nothing.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from typing import Literal

import msgspec

from exporter import errors, settings
from exporter.client import Client
from exporter.collections.crawl import Crawler, CrawlResult, TooManyRejects
from exporter.collections.recorder import StatusRecorder
from exporter.collections.store import Store
from exporter.exposition import render
from exporter.inventory import snapshot
from exporter.state_file import SavedCollection
from exporter.status import CollectionStatus
from exporter.topology import Commit

_SOONER = 0.25  # of the full interval: when everything is crawled again after an incomplete crawl
_ACCEPTANCE = 3600.0  # seconds for which an operator's confirmation of pending removals is valid
_DELTA_REACH = 24 * 3600.0  # seconds: an older change is in no list of recent changes any more
_FIRST_RETRY = 5.0  # seconds after a failure, doubled with each further one
_START_SHARE, _START_LONGEST = 0.1, 30.0  # of the interval, and seconds: how long a first crawl may wait
_START_EMPTY = 1.0  # seconds: how long it may wait if nothing is served yet

Mode = Literal["full", "delta"]


class Poller:
    """Refreshes one collection with `client`, publishes to `store`, reports to `recorder`."""

    def __init__(
        self,
        target: settings.Target,
        config: settings.Settings,
        client: Client,
        recorder: StatusRecorder,
        store: Store,
    ) -> None:
        self.target = target
        self.recorder = recorder
        self.snapshot = snapshot.Snapshot()
        self.published = False
        self._store = store
        self._count = snapshot.StatusCounter()
        self._crawler = Crawler(target, config, client, store.precedence, recorder.page)
        self._retention = config.retention
        self._guard = snapshot.ShrinkGuard(config.retention.shrink_guard, config.retention.confirmations)
        self._exposition = render.Exposition(
            target.families,
            statuses=tuple(target.mapping.statuses),
            limit=config.limits.series_per_family,
            pause=store.precedence.pause,
        )
        self._rendered: snapshot.Snapshot | None = None  # what was last rendered, None while it is unknown
        self._next_full = -math.inf  # on the store's clock, as `_accepted_until`
        self._accepted_until = -math.inf
        self._failures = 0
        self._woken = asyncio.Event()

    @property
    def status(self) -> CollectionStatus:
        """What is known of the collection."""
        return self.recorder.status

    @property
    def coverage(self) -> str:
        """Fingerprint of what decides which records there are, the same in every replica."""
        return self._crawler.fingerprint.partition(":")[0]

    async def run(self) -> None:
        """Refreshes until cancelled."""
        await self._wait(self._first_wait())
        while True:
            began = self._store.monotonic()
            await self.refresh()
            took = self._store.monotonic() - began
            self.recorder.overran(took)
            await self._wait(self._pause(took))

    async def _wait(self, seconds: float) -> None:
        self.recorder.waiting(seconds)
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()

    async def refresh(self, mode: Mode | None = None) -> None:
        """One refresh: of everything if that is due, else of what changed in the last 24 hours.

        `mode` is None to decide that here. This is the only place that decides what a failure means.
        """
        mode = mode or ("delta" if self.target.delta and not self._wants_full() else "full")
        began = time.monotonic()
        self.recorder.begun(mode)
        try:
            if mode == "full":
                await self._store_full(await self._crawler.full(self.snapshot))
            else:
                await self._store_delta(await self._crawler.delta(self.snapshot))
        except errors.SourceError as error:
            if isinstance(error, TooManyRejects):
                self.recorder.read(error.draft)
                self.recorder.rejected(error.draft)
            self._failures += 1
            self.recorder.failed(mode, error.reason, str(error), self._hint(mode, error))
        except Exception as error:  # noqa: BLE001 - a bug in one collection must not end the others
            self._failures += 1
            self.recorder.bug(mode)
            message = f"{type(error).__name__}: {error}"
            self.recorder.failed(mode, "bug", message, "please report this with the log")
        else:
            self._failures = 0
            self.recorder.succeeded(mode, time.monotonic() - began)
            self._store.refreshed()
        finally:
            self._guard = self._guard.without(self._crawler.abandoned(self._guard.pending))
            self.recorder.ended()

    def _wants_full(self) -> bool:
        last = self.status.last_success or 0.0
        return self._store.monotonic() >= self._next_full or time.time() - last > _DELTA_REACH

    def _hint(self, mode: Mode, error: errors.SourceError) -> str:
        if mode == "delta" and isinstance(error, errors.Refused) and error.reason == "status":
            words = ", ".join(self.target.delta)
            return f"does the API know {words}? correct or empty collections.{self.target.collection}.delta"
        return error.hint

    def _first_wait(self) -> float:
        """Seconds until the first refresh, at random: exporters that start together must not ask together."""
        longest = min(_START_LONGEST if self.published else _START_EMPTY, self.target.refresh_interval)
        return random.uniform(0.0, min(longest, _START_SHARE * self.target.refresh_interval))  # noqa: S311

    def _pause(self, took: float) -> float:
        """Seconds until the next refresh: the interval, less after a failure, always a little at random."""
        interval: float = self.target.refresh_interval
        wait = interval - took
        if self._failures:
            wait = min(wait, _FIRST_RETRY * 2.0 ** min(self._failures - 1, 10))
        # several exporters started together must not stay together
        return max(min(interval, 1.0), wait) * random.uniform(0.9, 1.0)  # noqa: S311

    async def _store_full(self, result: CrawlResult) -> None:
        """Stores and publishes a crawl of everything."""
        before = len(self.snapshot.records)
        outcome = await asyncio.to_thread(
            result.draft.commit_full, result.problem, self._current_guard(), result.absences.removable()
        )
        await self._publish(outcome.snapshot, outcome.changes)
        self.recorder.changed(outcome.changes)
        await self._crawler.stored(result, [one.id for one in outcome.changes.removed])
        self._guard = outcome.guard
        if not outcome.held_back:  # else the very next refresh confirms what is pending, or not
            share = 1.0 if outcome.complete and not outcome.retained else _SOONER
            # not all shards and replicas ask for everything in the same minute
            part = share * random.uniform(0.9, 1.0)  # noqa: S311
            self._next_full = self._store.monotonic() + part * self.target.full_refresh_interval
        self.recorder.full(result.draft, outcome, result.list_results, result.problem)
        self.recorder.read(result.draft)
        after = len(outcome.snapshot.records)
        if before and after > self._retention.growth_guard * before:
            self.recorder.grown(before, after)

    def _current_guard(self) -> snapshot.ShrinkGuard:
        """The guard, without what an operator accepted too long ago."""
        if self._guard.accepted and self._store.monotonic() > self._accepted_until:
            return msgspec.structs.replace(self._guard, accepted=frozenset())
        return self._guard

    async def _store_delta(self, result: CrawlResult) -> None:
        """Stores and publishes what changed; if that may not be all, everything is crawled next."""
        if result.problem:
            self._next_full = -math.inf
        outcome = await asyncio.to_thread(result.draft.commit_delta, self._guard)
        await self._publish(outcome.snapshot, outcome.changes)
        self._crawler.stored_changes(result)
        self.recorder.changed(outcome.changes)
        self.recorder.read(result.draft)

    async def _publish(self, stored: snapshot.Snapshot, changes: snapshot.Changes) -> None:
        """Renders and counts aside, then swaps snapshot, counts and body without anything in between.

        A refresh that is cancelled here leaves an exposition that is ahead of the snapshot; then everything
        is rendered again.
        """
        commit = Commit(self.target.collection, self.snapshot, changes)
        if changes or not self.published:
            began = time.monotonic()
            steady = self.published and self._rendered is self.snapshot
            self._rendered = None
            body = await asyncio.to_thread(self._exposition.update, stored, changes if steady else None)
            count = await asyncio.to_thread(self._counted, stored, changes)
            async with self._store.committing(commit, stored) as topology:
                self._count, self.published = count, True
                self._rendered = self.snapshot = stored
                self.recorder.stored(count.counts())
                self._store.publish(commit.collection, body, stored)
                self._store.publish_topology(topology)
            self.recorder.rendered(time.monotonic() - began)
        else:
            async with self._store.committing(commit, stored) as topology:
                if self.snapshot is not stored:
                    self._rendered = self.snapshot = stored
                    self._store.publish_unchanged(commit.collection, stored)
                self._store.publish_topology(topology)

    def _counted(self, stored: snapshot.Snapshot, changes: snapshot.Changes) -> snapshot.StatusCounter:
        """The counts of `stored`, in a thread: those of the snapshot with the changes.

        If they do not add up, everything is counted.
        """
        if self.published:
            count = self._count.copy()
            count.add((one.status_summary for one in changes.removed), -1)
            count.add((old.status_summary for old, _ in changes.changed), -1)
            count.add(new.status_summary for _, new in changes.changed)
            count.add(one.status_summary for one in changes.added)
            if count.records == len(stored.records):
                return count
        count = snapshot.StatusCounter()
        count.add(one.status_summary for one in stored.records.values())
        return count

    def accept(self) -> int:
        """The operator confirms exactly the pending removals, for an hour; a crawl begins now.

        Returns how many are pending; if there are none, nothing happens.
        """
        if self._guard.pending:
            self._guard = self._guard.accept()
            self._accepted_until = self._store.monotonic() + _ACCEPTANCE
            self._next_full = -math.inf
            self._woken.set()
        return len(self._guard.pending)

    def saved(self) -> SavedCollection:
        """What the state file keeps of the collection."""
        return SavedCollection(
            self.snapshot,
            self._crawler.digest_key,
            self._crawler.fingerprint,
            self.status.last_success,
            self.status.last_full_success,
        )

    def requests_per_hour(self) -> float:
        """The requests that an hour of refreshes takes, if they take as many as the last ones did."""
        fulls, deltas = self.target.crawls_per_hour
        last = self.recorder.requests
        return fulls * last.get("full", 0) + deltas * last.get("delta", len(self.target.queries))

    async def restore(self, saved: SavedCollection) -> bool:
        """Serves what was saved, as old as it is, until the first crawl.

        False, and nothing happens, if it has other records than those that the settings ask for: another URL,
        query, shard or choice of types.
        """
        which, _, how = self._crawler.fingerprint.partition(":")
        saved_which, _, saved_how = saved.reading.partition(":")
        if which != saved_which:
            self.recorder.other_records()
            return False
        stored = saved.snapshot
        if how == saved_how:
            self._crawler.digest_key = saved.digest_key
        else:  # the same records, to be decoded again
            foreign = msgspec.structs.replace(stored.foreign, digests={})
            stored = msgspec.structs.replace(stored, digests={}, foreign=foreign)
        await self._publish(stored, snapshot.Changes(added=tuple(stored.records.values())))
        if self.status.last_success is None:  # else this process has crawled it itself
            self.recorder.restored(len(stored.records), saved.last_success, saved.last_full_success)
        return True
