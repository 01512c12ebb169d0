"""One `Poller` per collection: when to crawl everything, when to ask for recent changes, what to keep.

It owns the collection's snapshot and its story (`State`); how pages are got is `source`'s business, what
they mean `inventory`'s, and what is said of them `metrics`'. Invariants: a refresh never overlaps the next;
what is served changes only by a whole body swapped after a good refresh; a failed refresh changes nothing.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import structlog

from exporter import errors, settings
from exporter.inventory import decode, fields, snapshot, tally
from exporter.inventory.record import Record
from exporter.metrics import render
from exporter.source import client as source
from exporter.source import crawl, paging, verdict
from exporter.telemetry import Telemetry

log = structlog.get_logger()

_THREAD_ABOVE = 262_144  # bytes: a larger page is decoded off the event loop
_SOONER = 0.25  # of the full interval: when everything is asked for again after an incomplete crawl
_FIRST_RETRY = 5.0  # seconds after a failure, doubled with each further one


@dataclass
class State:
    """A collection's story so far, for status pages. Times are Unix seconds, None where it never happened."""

    up: bool | None = None
    complete: bool | None = None
    refreshing: str = ""
    pages: int = 0
    items: int = 0
    announced: int = 0
    expected: int | None = None
    retained: int = 0
    unread: int = 0
    held_back: int = 0
    duplicates: int = 0
    problem: str = ""
    rejected: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    last_attempt: float | None = None
    last_success: float | None = None
    last_full_success: float | None = None
    next_refresh: float | None = None
    last_error: str = ""
    last_error_mend: str = ""
    last_error_reason: str = ""
    failing_since: float | None = None
    refreshes: int = 0


class Poller:
    """Keeps one collection fresh. `publish` is given each new body."""

    def __init__(
        self,
        target: settings.Target,
        config: settings.Settings,
        client: source.Client,
        telemetry: Telemetry,
        publish: Callable[[render.Body], None],
    ) -> None:
        self.target = target
        self.state = State()
        self.snapshot = snapshot.Snapshot()
        self.tally = tally.Tally()
        self.published = False
        self._config = config
        self._client = client
        self._telemetry = telemetry
        self._publish = publish
        self._guard = snapshot.Guard(config.retention.shrink_guard, config.retention.confirmations)
        self._reader = fields.Reader(
            target.mapping,
            characteristics=target.shown,
            numbers=target.numbers,
            include=target.include_types,
            exclude=target.exclude_types,
            shard=(config.shard.index, config.shard.count),
            length=config.limits.label_length,
        )
        self._exposition = render.Exposition(
            target.families,
            statuses=tuple(target.mapping.statuses),
            limit=config.limits.series_per_family,
        )
        self._digest_key = os.urandom(16)
        self._page_size = target.page_size  # less where the API turned out to refuse that many
        self._doubled: set[str] = set()  # ids that came more than once in the last full crawl
        self._next_full = 0.0
        self._failures = 0
        self._log = log.bind(collection=target.collection, api=target.api)
        telemetry.collection(target.collection, target.refresh_interval)

    async def run(self) -> None:
        """Refreshes for ever; the only place that decides what a failure means."""
        while True:
            began = time.monotonic()
            await self.refresh()
            wait = self._pause(time.monotonic() - began)
            self.state.next_refresh = time.time() + wait
            await asyncio.sleep(wait)

    async def refresh(self) -> None:
        """One refresh: of everything when that is due, else of what changed in the last 24 hours."""
        mode = "delta" if self.target.delta and time.monotonic() < self._next_full else "full"
        state = self.state
        state.refreshing, state.pages, state.items = mode, 0, 0
        state.last_attempt = time.time()
        self._telemetry.attempt(self.target.collection, mode, state.last_attempt)
        began = time.monotonic()
        try:
            await (self._full() if mode == "full" else self._delta())
        except errors.SourceError as error:
            self._failed(mode, error.reason, str(error), error.mend)
        except Exception as error:  # noqa: BLE001 - a bug in one collection must not end the others
            self._log.exception("bug", mode=mode)
            self._failed(mode, "bug", f"{type(error).__name__}: {error}", "please report this with the log")
        else:
            self._succeeded(mode, time.monotonic() - began)
        finally:
            state.refreshing = ""

    def _pause(self, took: float) -> float:
        """Seconds until the next refresh: the interval, less after a failure, always a little at random."""
        interval: float = self.target.refresh_interval
        wait = interval - took
        if self._failures:
            wait = min(wait, _FIRST_RETRY * 2.0 ** min(self._failures - 1, 10))
        # several exporters started together must not stay together
        return max(min(interval, 1.0), wait) * random.uniform(0.9, 1.0)  # noqa: S311

    async def _full(self) -> None:
        draft, endings = await self._crawl({})
        known = self._doubled
        if verdict.is_restless(endings, draft.doubled, known):
            # records moved while we paged; a second look usually finds the list at rest
            known = draft.doubled
            draft, endings = await self._crawl({})
        self._doubled = draft.doubled
        self._refuse_rejects(draft)
        problem = verdict.problem(endings, draft.doubled, known)
        outcome = await asyncio.to_thread(draft.commit_full, problem, self._guard)
        await self._take(outcome)
        self._guard = outcome.guard
        if not outcome.held_back:  # what the guard holds back is confirmed, or not, by the very next refresh
            share = 1.0 if outcome.complete else _SOONER
            self._next_full = time.monotonic() + share * self.target.full_refresh_interval
        totals = [ending.expected for ending in endings if ending.expected is not None]
        state = self.state
        state.complete = outcome.complete
        state.expected = sum(totals) if totals else None
        state.retained, state.held_back = outcome.retained, outcome.held_back
        state.unread = sum(ending.unread_records for ending in endings)
        state.problem = problem or _held_back(outcome)
        state.duplicates = draft.duplicates
        state.rejected, state.examples = dict(draft.rejected), decode.examples(draft.rejects)
        if outcome.complete:
            state.last_full_success = time.time()
        self._told(draft, outcome)

    def _told(self, draft: snapshot.Draft, outcome: snapshot.Outcome) -> None:
        state = self.state
        counts = {
            "expected": state.expected,
            "retained": outcome.retained,
            "unread": state.unread,
            "held_back": outcome.held_back,
        }
        self._telemetry.full(
            self.target.collection, time.time(), complete=int(outcome.complete), counts=counts
        )
        self._telemetry.read(self.target.collection, draft.duplicates, draft.rejected, draft.dropped)

    async def _delta(self) -> None:
        draft, endings = await self._crawl(self.target.delta)
        self._refuse_rejects(draft)
        problem = "; ".join(ending.reason for ending in endings if not ending.complete)
        if problem:
            # without all changes the list of changes is no list of changes: ask for everything
            self._next_full = 0.0
        await self._take(await asyncio.to_thread(draft.commit_delta, self._guard))
        self._telemetry.read(self.target.collection, draft.duplicates, draft.rejected, draft.dropped)

    async def _crawl(self, further: Mapping[str, str]) -> tuple[snapshot.Draft, list[paging.Ending]]:
        """Pages through every query of the collection, each with the `further` parameters."""
        target, limits = self.target, self._config.limits
        draft = snapshot.Draft(self.snapshot, target.preserve_status_types)
        deadline = time.monotonic() + limits.crawl_deadline
        endings = []

        async def take(page: source.Page, query: paging.Query) -> paging.Seen:
            batch = await self._decoded(page)
            new = draft.add(batch, time.time())
            self.state.pages += 1
            self.state.items += batch.items
            self._accepted(query.page_size)
            total = crawl.total(page, target.paging)
            self.state.announced = total or self.state.announced
            onward = crawl.onward(page, target.paging)
            return paging.Seen(
                query, items=batch.items, new=new, total=total, status=page.status, onward=onward
            )

        for query in target.queries:
            draft.begin()
            walk = paging.walk(
                target.paging,
                self._page_size,
                {**query, **further},
                width=limits.concurrency,
                caps=paging.Caps(limits.pages, limits.records),
            )
            left = deadline - time.monotonic()
            endings.append(
                await crawl.crawl(
                    self._client, target.url, walk, take, width=limits.concurrency, deadline=left
                )
            )
        return draft, endings

    def _accepted(self, page_size: int) -> None:
        """Remembers the size of a page that the API did not refuse, so that it is not refused again."""
        if page_size < self._page_size:
            self._log.warning(
                "smaller pages", refused=self._page_size, accepted=page_size, mend="set page_size to that"
            )
            self._page_size = page_size

    async def _decoded(self, page: source.Page) -> decode.Batch[snapshot.Held]:
        known = self.snapshot.digests
        if len(page.body) < _THREAD_ABOVE:
            return decode.page(page.body, self._reader, known, self._digest_key)
        return await asyncio.to_thread(decode.page, page.body, self._reader, known, self._digest_key)

    def _refuse_rejects(self, draft: snapshot.Draft) -> None:
        rejected, share = draft.rejected.total(), self._config.retention.reject_share
        if rejected > share * draft.items:
            reasons = ", ".join(f"{count} {reason}" for reason, count in draft.rejected.most_common(3))
            raise errors.PartialCrawl(
                f"{rejected} of {draft.items} records cannot be held ({reasons})",
                reason="rejects",
                mend="has the API's schema changed? `check` shows how its records are understood",
            )

    async def _take(self, outcome: snapshot.Outcome) -> None:
        """Renders and publishes what a crawl changed; nothing is touched where that fails."""
        changes = outcome.changes
        if changes or not self.published:
            began = time.monotonic()
            body = await asyncio.to_thread(self._exposition.update, outcome.snapshot, changes)
            counted = await asyncio.to_thread(tally.tally, _records(outcome.snapshot))
            self._publish(body)
            self.tally, self.published = counted, True
            self._telemetry.rendered(self.target.collection, time.monotonic() - began)
        self.snapshot = outcome.snapshot
        counts = {
            "added": len(changes.added),
            "changed": len(changes.changed),
            "removed": len(changes.removed),
        }
        moves = changes.transitions()
        self._telemetry.changed(self.target.collection, counts, moves)
        self._telemetry.held(self.target.collection, self.tally.records, self.tally.unknown_records)

    def _failed(self, mode: str, reason: str, message: str, mend: str) -> None:
        state = self.state
        self._failures += 1
        state.up = False
        self._telemetry.failed(self.target.collection, mode, reason)
        if state.failing_since is None or state.last_error_reason != reason:
            held = len(self.snapshot.records)
            self._log.warning("lost", mode=mode, reason=reason, error=message, mend=mend, still_served=held)
        state.failing_since = state.failing_since or time.time()
        state.last_error, state.last_error_mend, state.last_error_reason = message, mend, reason

    def _succeeded(self, mode: str, seconds: float) -> None:
        state, now = self.state, time.time()
        self._failures = 0
        state.refreshes += 1
        if state.failing_since is not None:
            self._log.info("recovered", mode=mode, after_seconds=round(now - state.failing_since))
        elif state.up is None:
            self._log.info(
                "first crawl",
                records=len(self.snapshot.records),
                complete=bool(state.complete),
                seconds=round(seconds, 1),
            )
        state.up, state.last_success, state.failing_since = True, now, None
        state.last_error = state.last_error_mend = state.last_error_reason = ""
        self._telemetry.succeeded(self.target.collection, mode, now, seconds)


def _records(held: snapshot.Snapshot) -> Iterator[Record]:
    return (one.record for one in held.records.values())


def _held_back(outcome: snapshot.Outcome) -> str:
    if not outcome.held_back:
        return ""
    return f"the shrink guard holds back {outcome.held_back} removals until further crawls confirm them"
