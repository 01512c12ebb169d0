"""One `Poller` per collection: when to crawl everything, when to ask for recent changes, what to keep.

It owns the collection's snapshot and decides what becomes of it; pages come through `intake`, what is said of
them is `metrics`' business, and `story` tells it on. Invariants: a refresh never overlaps the next; what is
served changes only by a whole body swapped after a good refresh; a failed refresh changes nothing.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

import msgspec

from exporter import errors, memory, settings
from exporter.intake import Intake
from exporter.inventory import dangling, snapshot, tally
from exporter.metrics import render
from exporter.precedence import Precedence
from exporter.source import client as source
from exporter.source import paging, verdict
from exporter.story import State, Story
from exporter.warmstart import Kept
from exporter.workshop.crowd import Workshop

_SOONER = 0.25  # of the full interval: when everything is asked for again after an incomplete crawl
_DELTA_REACH = 24 * 3600.0  # seconds: an older change is in no list of recent changes any more
_FIRST_RETRY = 5.0  # seconds after a failure, doubled with each further one
_START_SHARE, _START_LONGEST = 0.1, 30.0  # of the interval, and seconds: how long a first crawl may wait
_START_EMPTY = 1.0  # seconds: how long it may where nothing is served yet


class Surroundings(Protocol):
    """What a poller needs of the house it works in."""

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

    def idents(self) -> dangling.Known:
        """The ids held of every collection that has a snapshot."""

    def memberships(self) -> Mapping[str, int]:
        """How often records have come or gone, of every collection that has a snapshot."""


class Poller:
    """Keeps one collection fresh, asking `client`, telling `story`, in `house`, with `workshop`."""

    def __init__(
        self,
        target: settings.Target,
        config: settings.Settings,
        client: source.Client,
        story: Story,
        house: Surroundings,
        workshop: Workshop,
    ) -> None:
        self.target = target
        self.snapshot = snapshot.Snapshot()
        self.tally = tally.Tally()
        self._count = tally.Count()
        self.published = False
        self._house = house
        self._workshop = workshop
        self._story = story
        self._intake = Intake(target, config, client, workshop, house.precedence, self._story.page)
        self._retention = config.retention
        self._guard = snapshot.Guard(config.retention.shrink_guard, config.retention.confirmations)
        self._exposition = render.Exposition(
            target.families,
            statuses=tuple(target.mapping.statuses),
            limit=config.limits.series_per_family,
            pause=house.precedence.pause,
        )
        self._doubled: set[str | int] = set()  # what came more than once in the last full crawl
        self._shortfalls: tuple[int, ...] = ()  # how many records fewer than announced its lists brought
        self.membership = 0  # how often records have come or gone
        self._known: Mapping[str, int] = {}  # memberships when references were last looked at
        self._relinked = False  # whether references have changed since
        self._unheld: set[int] = set()  # what could not be held of it
        self._next_full = 0.0
        self._failures = 0
        self._woken = asyncio.Event()
        self._overruled = False  # whether the operator lets the next complete crawl pass the shrink guard

    @property
    def state(self) -> State:
        """The collection's story so far."""
        return self._story.state

    async def run(self) -> None:
        """Refreshes for ever."""
        await self._wait(self._first_wait())
        while True:
            began = time.monotonic()
            await self.refresh()
            took = time.monotonic() - began
            self._story.ended(took)
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
        self._story.begun(mode)
        try:
            await (self._full() if mode == "full" else self._delta())
        except errors.SourceError as error:
            self._failed(mode, error.reason, str(error), self._mend(mode, error))
        except Exception as error:  # noqa: BLE001 - a bug in one collection must not end the others
            self._story.bug(mode)
            self._failed(mode, "bug", f"{type(error).__name__}: {error}", "please report this with the log")
        else:
            self._failures = 0
            self._story.succeeded(mode, time.monotonic() - began)
            self._house.refreshed()
        finally:
            self.state.refreshing = ""

    def _failed(self, mode: str, reason: str, message: str, mend: str) -> None:
        self._failures += 1
        self._story.failed(mode, reason, message, mend)

    def _wants_full(self) -> bool:
        last = self.state.last_success or 0.0
        return time.monotonic() >= self._next_full or time.time() - last > _DELTA_REACH

    def _mend(self, mode: str, error: errors.SourceError) -> str:
        if mode == "delta" and isinstance(error, errors.Refused) and error.reason == "status":
            words = ", ".join(self.target.delta)
            return f"does the API know {words}? correct or empty collections.{self.target.collection}.delta"
        return error.mend

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
        if self.snapshot.digests:
            await self._crawl()
        else:  # every record is to be read
            async with self._workshop.open():
                await self._crawl()

    async def _crawl(self) -> None:
        draft, endings = await self._listed({})
        known = self._doubled
        usual = self._shortfalls
        if verdict.is_restless(endings, draft.doubled, known, usual) or await self._is_cut_off(
            draft, endings
        ):
            # records moved while we paged; a second look usually finds the list at rest
            known = draft.doubled
            draft, endings = await self._listed({})
        self._doubled, self._shortfalls = draft.doubled, verdict.shortfalls(endings)
        self._intake.bad_rows = tuple(ending.bad_rows for ending in endings)
        self._intake.passed = draft.passed
        problem = verdict.problem(endings, draft.doubled, known) or draft.doubt(self._unheld)
        self._unheld = draft.unheld
        before = len(self.snapshot.records)
        guard = msgspec.structs.replace(self._guard, share=1.0) if self._overruled else self._guard
        outcome = await asyncio.to_thread(draft.commit_full, problem, guard)
        await self._take(outcome)
        self._settle(outcome)
        self._story.full(draft, outcome, endings, problem)
        self._story.read(draft)
        after = len(outcome.snapshot.records)
        if before and after > self._retention.growth_guard * before:
            self._story.grown(before, after)
        await self._look_for_dangling(outcome.snapshot)

    async def _listed(self, further: Mapping[str, str]) -> tuple[snapshot.Draft, list[paging.Ending]]:
        """Reads the list; raises `PartialCrawl` where too many of its records cannot be held."""
        draft, endings = await self._intake.crawl(self.snapshot, further)
        rejected = draft.rejected.total()
        # a few bad records may be all that changed today, and no sign of another schema
        of = max(draft.items, len(self.snapshot.records)) if further else draft.items
        if rejected > self._retention.reject_share * of:
            self._story.read(draft)
            self._story.rejected(draft)
            reasons = ", ".join(f"{count} {reason}" for reason, count in draft.rejected.most_common(3))
            raise errors.PartialCrawl(
                f"{rejected} of {draft.items} records cannot be held ({reasons})",
                reason="rejects",
                mend="has the API's schema changed? `check` shows how its records are understood",
            )
        return draft, endings

    async def _is_cut_off(self, draft: snapshot.Draft, endings: Sequence[paging.Ending]) -> bool:
        """Whether records may be missing only because pages were not found that are there."""
        return verdict.ends_by_refusal(endings) and await asyncio.to_thread(draft.lacks)

    async def _look_for_dangling(self, held: snapshot.Snapshot) -> None:
        """Counts references that lead nowhere, where references or what they lead to can have changed."""
        known, memberships = self._house.idents(), self._house.memberships()
        if memberships == self._known and not self._relinked:
            return
        self._known, self._relinked = memberships, False
        records = (one.record for one in held.records.values())
        lost = await asyncio.to_thread(dangling.count, self.target.collection, records, known)
        self._story.dangling(lost)

    def _settle(self, outcome: snapshot.Outcome) -> None:
        """When everything is asked for again, and what the guard has learnt."""
        if outcome.complete:
            self._overruled = False
        self._guard = msgspec.structs.replace(outcome.guard, share=self._guard.share)
        if not outcome.held_back:  # what the guard holds back is confirmed, or not, by the very next refresh
            share = 1.0 if outcome.complete else _SOONER
            # not all shards and replicas ask for everything in the same minute
            part = share * random.uniform(0.9, 1.0)  # noqa: S311
            self._next_full = time.monotonic() + part * self.target.full_refresh_interval

    async def _delta(self) -> None:
        draft, endings = await self._listed(self.target.delta)
        many = draft.rejected.total() > self._retention.reject_share * draft.items
        if not all(ending.complete for ending in endings) or (many and draft.unheld - self._unheld):
            # without all changes the list of changes is no list of changes: ask for everything
            self._next_full = 0.0
        await self._take(await asyncio.to_thread(draft.commit_delta, self._guard))
        self._story.read(draft)

    async def _take(self, outcome: snapshot.Outcome) -> None:
        """Renders and publishes what a crawl changed; nothing is touched where that fails."""
        await self._publish(outcome.snapshot, outcome.changes)
        self._story.taken(outcome.changes)
        self._story.held(self.tally)

    async def _publish(self, held: snapshot.Snapshot, changes: snapshot.Changes) -> None:
        if changes or not self.published:
            began = time.monotonic()
            rendered: render.Rendered = render.nobody
            if not self.published and self._workshop.helps(len(held.records)):
                rendered = partial(self._workshop.rendered, self._intake.order)
            body = await asyncio.to_thread(self._exposition.update, held, changes, rendered)
            await asyncio.to_thread(self._recount, held, changes)
            self._house.publish(self.target.collection, body)
            self.membership += bool(changes.added or changes.removed)
            self.tally, self.published = self._count.tally(), True
            self._story.rendered(time.monotonic() - began)
        if self.snapshot is not held:
            self.snapshot = held
            await asyncio.to_thread(memory.trim)

    def _recount(self, held: snapshot.Snapshot, changes: snapshot.Changes) -> None:
        """Counts what changed, in a thread; everything where the counts do not go with what was held."""
        if not self.published:
            self._count = tally.Count()
            self._count.add(one.standing for one in held.records.values())
            return
        self._relinked = self._relinked or dangling.may_differ(changes)
        self._count.add((one.standing for one in changes.removed), -1)
        self._count.add((old.standing for old, _ in changes.changed), -1)
        self._count.add(new.standing for _, new in changes.changed)
        self._count.add(one.standing for one in changes.added)

    def accept(self) -> int:
        """The operator says that what the shrink guard holds back is right: the next complete crawl passes.

        That crawl is made now. Returns how many removals are held back; where there are none nothing happens.
        """
        if self.state.held_back:
            self._overruled = True
            self._next_full = 0.0
            self._woken.set()
        return self.state.held_back

    def kept(self) -> Kept:
        """What is worth keeping over a restart."""
        return Kept(
            self.snapshot,
            self._intake.digest_key,
            self._intake.reading,
            self.state.last_success,
            self.state.last_full_success,
        )

    def requests_per_hour(self) -> float:
        """The requests that an hour of refreshes takes, if they take as many as the last ones did."""
        fulls, deltas = self.target.crawls_per_hour
        last = self.state.requests
        return fulls * last.get("full", 0) + deltas * last.get("delta", len(self.target.queries))

    async def restore(self, kept: Kept) -> bool:
        """Serves what was kept, as old as it is, until the first crawl.

        False, and nothing happens, if it is of other records than those that are asked for now: another
        URL, query, shard or choice of types.
        """
        which, _, how = self._intake.reading.partition(":")
        kept_which, _, kept_how = kept.reading.partition(":")
        if which != kept_which:
            return False
        held = kept.snapshot
        if how == kept_how:
            self._intake.digest_key = kept.digest_key
        else:  # the same records, but to be read anew
            held = msgspec.structs.replace(held, digests={})
        async with self._workshop.open():
            await self._publish(held, snapshot.Changes(added=tuple(held.records.values())))
        if self.state.last_success is None:  # else this process has crawled it itself
            self._story.restored(len(held.records), kept.last_success, kept.last_full_success)
        self._story.held(self.tally)
        return True
