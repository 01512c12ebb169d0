"""One `Poller` per collection: when to crawl everything, when to ask for recent changes, what to keep.

It owns the collection's snapshot and decides what becomes of it; pages come through `crawl`, what is said of
them is `exposition`' business, and `status` tells it on. Invariants: a refresh never overlaps the next; what
is served changes only by a whole body swapped after a good refresh; a failed refresh changes nothing.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from exporter import client as source
from exporter import errors, settings
from exporter.collections.crawl import Crawler, TooManyRejects
from exporter.collections.status import RecordedStatus, StatusRecorder
from exporter.exposition import render
from exporter.inventory import snapshot
from exporter.precedence import Precedence
from exporter.state_file import SavedCollection

_SOONER = 0.25  # of the full interval: when everything is asked for again after an incomplete crawl
_ACCEPTANCE = 3600.0  # seconds: how long an operator's word on pending removals holds
_DELTA_REACH = 24 * 3600.0  # seconds: an older change is in no list of recent changes any more
_FIRST_RETRY = 5.0  # seconds after a failure, doubled with each further one
_START_SHARE, _START_LONGEST = 0.1, 30.0  # of the interval, and seconds: how long a first crawl may wait
_START_EMPTY = 1.0  # seconds: how long it may where nothing is served yet


class Publisher(Protocol):
    """Where a poller publishes its results, and what it needs from there."""

    @property
    def monotonic(self) -> Callable[[], float]:
        """The clock by which the ages of snapshots are counted, in seconds."""

    @property
    def precedence(self) -> Precedence:
        """Who goes first, scrapes or refreshes."""

    def publish(self, collection: str, body: render.Body) -> None:
        """From now on this body is served for the collection."""

    def refreshed(self) -> None:
        """A refresh succeeded."""

    def idents(self) -> snapshot.KnownIds:
        """The ids held of every collection that has a snapshot."""

    def memberships(self) -> Mapping[str, int]:
        """How often records have come or gone, of every collection that has a snapshot."""


class Poller:
    """Keeps one collection current: asks `client`, publishes to `publisher`, reports to `recorder`."""

    def __init__(
        self,
        target: settings.Target,
        config: settings.Settings,
        client: source.Client,
        recorder: StatusRecorder,
        publisher: Publisher,
    ) -> None:
        self.target = target
        self.snapshot = snapshot.Snapshot()
        self.tally = snapshot.StatusCounts()
        self._count = snapshot.StatusCounter()
        self.published = False
        self._publisher = publisher
        self._recorder = recorder
        self._crawler = Crawler(target, config, client, publisher.precedence, self._recorder.page)
        self._retention = config.retention
        self._guard = snapshot.ShrinkGuard(config.retention.shrink_guard, config.retention.confirmations)
        self._exposition = render.Exposition(
            target.families,
            statuses=tuple(target.mapping.statuses),
            limit=config.limits.series_per_family,
            pause=publisher.precedence.pause,
        )
        self._rendered: snapshot.Snapshot | None = None  # what was last rendered, None while it is unknown
        self.membership = 0  # how often records have come or gone
        self._known: Mapping[str, int] = {}  # memberships when references were last looked at
        self._relinked = False  # whether references have changed since
        self._next_full = 0.0
        self._failures = 0
        self._woken = asyncio.Event()
        self._accepted_until = 0.0  # on the monotonic clock

    @property
    def state(self) -> RecordedStatus:
        """What is known of the collection."""
        return self._recorder.state

    async def run(self) -> None:
        """Refreshes for ever."""
        await self._wait(self._first_wait())
        while True:
            began = time.monotonic()
            await self.refresh()
            took = time.monotonic() - began
            self._recorder.ended(took)
            await self._wait(self._pause(took))

    async def _wait(self, seconds: float) -> None:
        self.state.next_refresh = time.time() + seconds
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()

    async def refresh(self) -> None:
        """One refresh: of everything when that is due, else of what changed in the last 24 hours.

        The only place that decides what a failure means.
        """
        mode = "delta" if self.target.delta and not self._wants_full() else "full"
        began = time.monotonic()
        self._recorder.begun(mode)
        try:
            await (self._full() if mode == "full" else self._delta())
        except errors.SourceError as error:
            if isinstance(error, TooManyRejects):
                self._recorder.read(error.draft)
                self._recorder.rejected(error.draft)
            self._failed(mode, error.reason, str(error), self._hint(mode, error))
        except Exception as error:  # noqa: BLE001 - a bug in one collection must not end the others
            self._recorder.bug(mode)
            self._failed(mode, "bug", f"{type(error).__name__}: {error}", "please report this with the log")
        else:
            self._failures = 0
            self._recorder.succeeded(mode, time.monotonic() - began)
            self._publisher.refreshed()
        finally:
            self._guard = self._guard.without(self._crawler.abandoned(self._guard.pending))
            self.state.refreshing = ""

    def _failed(self, mode: str, reason: str, message: str, hint: str) -> None:
        self._failures += 1
        self._recorder.failed(mode, reason, message, hint)

    def _wants_full(self) -> bool:
        last = self.state.last_success or 0.0
        return time.monotonic() >= self._next_full or time.time() - last > _DELTA_REACH

    def _hint(self, mode: str, error: errors.SourceError) -> str:
        if mode == "delta" and isinstance(error, errors.Refused) and error.reason == "status":
            words = ", ".join(self.target.delta)
            return f"does the API know {words}? correct or empty collections.{self.target.collection}.delta"
        return error.hint

    def _first_wait(self) -> float:
        """Several exporters started together must not ask together, not even the first time."""
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

    async def _full(self) -> None:
        """Stores and publishes what a crawl of everything shows."""
        result = await self._crawler.full(self.snapshot)
        before = len(self.snapshot.records)
        outcome = await asyncio.to_thread(
            result.draft.commit_full, result.problem, self._guarding(), result.absences.removable()
        )
        await self._take(outcome)
        await self._crawler.stored(result, [held.id for held in outcome.changes.removed])
        self._settle(outcome)
        self._recorder.full(result.draft, outcome, result.list_results, result.problem)
        self._recorder.read(result.draft)
        after = len(outcome.snapshot.records)
        if before and after > self._retention.growth_guard * before:
            self._recorder.grown(before, after)
        await self._look_for_dangling(outcome.snapshot)

    def _guarding(self) -> snapshot.ShrinkGuard:
        """The guard, without what an operator accepted too long ago."""
        if self._guard.accepted and time.monotonic() > self._accepted_until:
            return msgspec.structs.replace(self._guard, accepted=frozenset())
        return self._guard

    async def _look_for_dangling(self, held: snapshot.Snapshot) -> None:
        """Counts references that lead nowhere, where references or what they lead to can have changed."""
        known, memberships = self._publisher.idents(), self._publisher.memberships()
        if memberships == self._known and not self._relinked:
            return
        self._known, self._relinked = memberships, False
        records = (one.record for one in held.records.values())
        lost = await asyncio.to_thread(snapshot.dangling_references, self.target.collection, records, known)
        self._recorder.dangling(lost)

    def _settle(self, outcome: snapshot.Outcome) -> None:
        """When everything is asked for again, and what the guard has learnt."""
        self._guard = outcome.guard
        if not outcome.held_back:  # what is pending is confirmed, or not, by the very next refresh
            share = 1.0 if outcome.complete and not outcome.retained else _SOONER
            # not all shards and replicas ask for everything in the same minute
            part = share * random.uniform(0.9, 1.0)  # noqa: S311
            self._next_full = time.monotonic() + part * self.target.full_refresh_interval

    async def _delta(self) -> None:
        """Stores and publishes what changed; where that may not be all, everything is asked for next."""
        result = await self._crawler.delta(self.snapshot)
        if result.problem:
            self._next_full = 0.0
        await self._take(await asyncio.to_thread(result.draft.commit_delta, self._guard))
        self._crawler.stored_changes(result)
        self._recorder.read(result.draft)

    async def _take(self, outcome: snapshot.Outcome) -> None:
        """Renders and publishes what a crawl changed; nothing is touched where that fails."""
        await self._publish(outcome.snapshot, outcome.changes)
        self._recorder.taken(outcome.changes)
        self._recorder.held(self.tally)

    async def _publish(self, held: snapshot.Snapshot, changes: snapshot.Changes) -> None:
        """Renders and counts aside, then swaps snapshot, counts and body without anything in between.

        A refresh that ends in the middle leaves an exposition that is ahead of the snapshot; then everything
        is rendered from nothing.
        """
        if changes or not self.published:
            began = time.monotonic()
            steady = self.published and self._rendered is self.snapshot
            self._rendered = None
            body = await asyncio.to_thread(self._exposition.update, held, changes if steady else None)
            count = await asyncio.to_thread(self._counted, held, changes)
            self._publisher.publish(self.target.collection, body)
            self.membership += bool(changes.added or changes.removed)
            self._count, self.tally, self.published = count, count.counts(), True
            self._rendered = self.snapshot = held
            self._recorder.rendered(time.monotonic() - began)
        elif self.snapshot is not held:
            self._rendered = self.snapshot = held

    def _counted(self, held: snapshot.Snapshot, changes: snapshot.Changes) -> snapshot.StatusCounter:
        """The counts of `held`, in a thread: those of the snapshot, and what changed.

        They are looked at once more before they are served: where they do not add up, all is counted.
        """
        if self.published:
            self._relinked = self._relinked or snapshot.changes_references(changes)
            count = self._count.copy()
            count.add((one.status_summary for one in changes.removed), -1)
            count.add((old.status_summary for old, _ in changes.changed), -1)
            count.add(new.status_summary for _, new in changes.changed)
            count.add(one.status_summary for one in changes.added)
            if count.records == len(held.records):
                return count
        count = snapshot.StatusCounter()
        count.add(one.status_summary for one in held.records.values())
        return count

    def accept(self) -> int:
        """The operator confirms exactly the pending removals; a crawl that begins now makes them.

        Returns how many are pending; where there are none nothing happens. The word holds for an hour.
        """
        if self._guard.pending:
            self._guard = self._guard.accept()
            self._accepted_until = time.monotonic() + _ACCEPTANCE
            self._next_full = 0.0
            self._woken.set()
        return len(self._guard.pending)

    def kept(self) -> SavedCollection:
        """What is worth keeping over a restart."""
        return SavedCollection(
            self.snapshot,
            self._crawler.digest_key,
            self._crawler.fingerprint,
            self.state.last_success,
            self.state.last_full_success,
        )

    def requests_per_hour(self) -> float:
        """The requests that an hour of refreshes takes, if they take as many as the last ones did."""
        fulls, deltas = self.target.crawls_per_hour
        last = self.state.requests
        return fulls * last.get("full", 0) + deltas * last.get("delta", len(self.target.queries))

    async def restore(self, kept: SavedCollection) -> bool:
        """Serves what was kept, as old as it is, until the first crawl.

        False, and nothing happens, if it is of other records than those that are asked for now: another
        URL, query, shard or choice of types.
        """
        which, _, how = self._crawler.fingerprint.partition(":")
        kept_which, _, kept_how = kept.reading.partition(":")
        if which != kept_which:
            return False
        held = kept.snapshot
        if how == kept_how:
            self._crawler.digest_key = kept.digest_key
        else:  # the same records, but to be read anew
            held = msgspec.structs.replace(held, digests={})
        await self._publish(held, snapshot.Changes(added=tuple(held.records.values())))
        if self.state.last_success is None:  # else this process has crawled it itself
            self._recorder.restored(len(held.records), kept.last_success, kept.last_full_success)
        self._recorder.held(self.tally)
        return True
