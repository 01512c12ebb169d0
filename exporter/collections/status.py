"""What happened to a collection: recorded for status pages, metrics and the log at once.

`Poller` decides what happens and reports it to a `StatusRecorder`. That owns `RecordedStatus`, which the web
side reads, and the rule that what lasts, a failure or incompleteness, is logged once when it begins and once
when it ends. Times are Unix seconds, for they are only ever shown.
"""

from __future__ import annotations

import math
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from exporter import settings
from exporter.inventory import decode, snapshot
from exporter.inventory.draft import Breakdown, Draft
from exporter.paging import pagination
from exporter.telemetry import Telemetry

log = structlog.get_logger()

_OLD = 3.1  # refresh intervals: the age of what was restored and is of no known age
_MOST_WORDS = 1000  # status words told in a lifetime: a broken API may invent them without end
_MOST_MOVES = 1000  # changes from one word to another that are told apart, for the same reason
_OTHER = ("other", "other")  # the rest: no status changes to itself, so nothing else is counted there


@dataclass
class RecordedStatus:
    """What is known of a collection, for status pages. Times are Unix seconds, None where it never happened.

    `fresh_at` alone is a moment of the monotonic clock, from which ages are counted (fault F50).
    """

    up: bool | None = None
    complete: bool | None = None
    restored: bool = False
    refreshing: str = ""
    pages: int = 0
    items: int = 0
    announced: int = 0
    records: int = 0
    expected: int | None = None
    breakdown: Breakdown | None = None  # of the last full crawl
    unique: int | None = None
    retained: int = 0
    unread: int = 0
    bad_rows: str = ""
    held_back: int = 0
    duplicates: int = 0
    problem: str = ""
    rejected: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    last_attempt: float | None = None
    last_success: float | None = None
    fresh_at: float | None = None
    last_full_success: float | None = None
    next_refresh: float | None = None
    last_error: str = ""
    last_error_hint: str = ""
    last_error_reason: str = ""
    failing_since: float | None = None
    served: bool = False  # `collection_state.assess` decides it, `store` puts it here
    refreshes: int = 0
    requests: dict[str, int] = field(default_factory=dict)


class StatusRecorder:
    """The `state` of one collection, and what is logged and counted when it changes.

    `blanked` takes credentials out of words that come from the inventory, before people see them. `monotonic`
    is the clock by which the age of the snapshot is counted, in seconds.
    """

    def __init__(
        self,
        target: settings.Target,
        telemetry: Telemetry,
        blanked: Callable[[str], str] = str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.state = RecordedStatus()
        self._monotonic = monotonic
        self._collection = target.collection
        self._telemetry = telemetry
        self._is_late = False
        self._unknown: set[str] = set()  # status words that the log has told of
        self._moves: set[tuple[str, str]] = set()  # from and to, as told apart so far
        self._doubts: set[str] = set()  # why it is not complete, as far as the log has told
        telemetry.collection(target.collection)
        self.aim(target, blanked)

    def aim(self, target: settings.Target, blanked: Callable[[str], str] = str) -> None:
        """The collection goes on under these settings."""
        self._blanked = blanked
        self._interval = target.refresh_interval
        self._log = log.bind(collection=target.collection, api=target.api)
        self._telemetry.interval(target.collection, target.refresh_interval)

    def begun(self, mode: str) -> None:
        """A refresh begins, full or delta."""
        state = self.state
        state.refreshing, state.pages, state.items = mode, 0, 0
        state.last_attempt = time.time()
        self._telemetry.attempt(self._collection, mode, state.last_attempt)

    def page(self, items: int, announced: int | None) -> None:
        """A page of so many records came; `announced` is the total it tells, None for none."""
        self.state.pages += 1
        self.state.items += items
        self.state.announced = announced or self.state.announced

    def restored(self, records: int, last_success: float | None, last_full_success: float | None) -> None:
        """What is served from now on is from the state file; it is as old as its last success."""
        state = self.state
        state.restored = True
        state.last_success, state.last_full_success = last_success, last_full_success
        self._telemetry.restored(self._collection, 1)
        self._telemetry.aged(self._collection, last_success, last_full_success)
        age = None if last_success is None else round(time.time() - last_success)
        if age is not None and age < 0:
            # how old it is nobody knows then; it must not count as fresh
            self._log.warning(
                "clock set back",
                seconds=-age,
                hint="check the machine's time; what is restored counts as stale",
            )
            age = math.ceil(_OLD * self._interval)
        state.fresh_at = None if age is None else self._monotonic() - age
        self._log.info("snapshot restored", records=records, age_seconds=age)

    def bug(self, mode: str) -> None:
        """An exception that nobody foresaw ends a refresh; its traceback goes to the log."""
        self._log.error("unexpected error", mode=mode, exception=self._blanked(traceback.format_exc()))

    def failed(self, mode: str, reason: str, message: str, hint: str) -> None:
        """A refresh failed; that is logged only where it is news."""
        state = self.state
        message, hint = self._blanked(message), self._blanked(hint)
        state.up = False
        self._telemetry.failed(self._collection, mode, reason)
        if state.failing_since is None or state.last_error_reason != reason:
            self._log.warning(
                "refresh failed",
                mode=mode,
                reason=reason,
                error=message,
                hint=hint,
                still_served=state.records if state.served else 0,
            )
        state.failing_since = state.failing_since or time.time()
        state.last_error, state.last_error_hint, state.last_error_reason = message, hint, reason

    def succeeded(self, mode: str, seconds: float) -> None:
        """A refresh succeeded after so many seconds."""
        state, now = self.state, time.time()
        state.refreshes += 1
        if state.failing_since is not None:
            self._log.info("refresh recovered", mode=mode, after_seconds=round(now - state.failing_since))
        elif state.up is None:
            self._first_crawl(round(seconds, 1))
        self._tell_completeness()
        state.up, state.last_success, state.failing_since = True, now, None
        state.fresh_at = self._monotonic()
        state.last_error = state.last_error_hint = state.last_error_reason = ""
        state.restored = False
        state.requests[mode] = state.pages
        self._telemetry.restored(self._collection, 0)
        self._telemetry.succeeded(self._collection, mode, now, seconds)

    def _first_crawl(self, seconds: float) -> None:
        """Says how the first crawl went, which says it of its completeness too."""
        state, doubt = self.state, _doubt(self.state)
        if not doubt:
            self._log.info("initial crawl complete", records=state.records, seconds=seconds)
            return
        self._doubts.add(doubt)
        self._log.warning(
            "initial crawl incomplete", records=state.records, seconds=seconds, **_words_of(state)
        )

    def _tell_completeness(self) -> None:
        """Says that the collection is not complete any more, or is again; each cause once until it is."""
        doubt = _doubt(self.state)
        if doubt and doubt not in self._doubts:
            self._doubts.add(doubt)
            self._log.warning("crawl incomplete", **_words_of(self.state))
        elif self._doubts and not doubt:
            self._doubts.clear()
            self._log.info("crawl complete again", records=self.state.records)

    def ended(self, seconds: float) -> None:
        """A refresh ended, however it went, after so many seconds."""
        self.state.refreshing = ""
        late = seconds > self._interval
        if late:
            self._telemetry.overrun(self._collection)
        if late and not self._is_late:
            self._log.warning(
                "refresh overran",
                seconds=round(seconds, 1),
                refresh_interval=self._interval,
                hint="raise refresh_interval, or limits.concurrency if the API can bear it",
            )
        self._is_late = late

    def read(self, draft: Draft) -> None:
        """What a crawl met on its way, whatever became of it."""
        self._telemetry.read(self._collection, draft.duplicates, draft.unused, draft.dropped)

    def rejected(self, draft: Draft) -> None:
        """These records cannot be held."""
        self.state.rejected = dict(draft.unused)
        self.state.examples = {
            reason: [self._blanked(one) for one in shown]
            for reason, shown in decode.examples(draft.rejects).items()
        }

    def full(
        self,
        draft: Draft,
        outcome: snapshot.Outcome,
        list_results: Sequence[pagination.ListResult],
        problem: str,
    ) -> None:
        """A full crawl ended; `problem` says what speaks against its completeness."""
        state = self.state
        totals = [list_result.expected for list_result in list_results if list_result.expected is not None]
        state.complete = outcome.complete
        state.expected = sum(totals) if totals else None
        state.breakdown = draft.breakdown()
        state.unique = sum(list_result.received for list_result in list_results)
        state.retained, state.held_back = outcome.retained, outcome.held_back
        state.unread = sum(list_result.unread_records for list_result in list_results)
        state.bad_rows = _bad_rows(list_results)
        state.problem = self._blanked(problem) or _held_back(outcome)
        state.duplicates = draft.duplicates
        self.rejected(draft)
        now = time.time()
        if outcome.complete:
            state.last_full_success = now
        counts = {
            "expected": state.expected,
            "retained": outcome.retained,
            "unread": state.unread,
            "held_back": outcome.held_back,
            "outdated": len(draft.outdated),
        }
        self._telemetry.full(self._collection, now, complete=int(outcome.complete), counts=counts)

    def taken(self, changes: snapshot.Changes) -> None:
        """These changes are served from now on."""
        counts = {
            "added": len(changes.added),
            "changed": len(changes.changed),
            "removed": len(changes.removed),
        }
        self._telemetry.changed(self._collection, counts, self._moved(changes.transitions()))

    def _moved(self, moves: Mapping[tuple[str, str], int]) -> Counter[tuple[str, str]]:
        """The changes of status as they are told: those that are one kind too many as others."""
        told: Counter[tuple[str, str]] = Counter()
        for move, count in moves.items():
            apart = move in self._moves or len(self._moves) < _MOST_MOVES
            if apart:
                self._moves.add(move)
            told[move if apart else _OTHER] += count
        return told

    def held(self, counted: snapshot.StatusCounts) -> None:
        """These records are held; a status of unknown meaning is logged once."""
        new = [word for word in counted.unknown if word not in self._unknown]
        if new and len(self._unknown) < _MOST_WORDS:
            self._unknown.update(new)
            hint = f"say in collections.{self._collection}.statuses what they mean"
            self._log.warning("unknown status value", statuses=self._blanked(", ".join(new)), hint=hint)
        self.state.records = counted.records
        self._telemetry.held(self._collection, counted.records, counted.unknown_records)

    def rendered(self, seconds: float) -> None:
        """Rendering changes took so many seconds."""
        self._telemetry.rendered(self._collection, seconds)

    def grown(self, before: int, after: int) -> None:
        """A crawl brought suspiciously many more records than were held; they are served all the same."""
        self._telemetry.grown(self._collection)
        self._log.warning(
            "record count jumped",
            before=before,
            after=after,
            hint="has the query's filter been lost on the way?",
        )

    def dangling(self, references: int) -> None:
        """So many references lead to records that are not held."""
        self._telemetry.dangling(self._collection, references)


def _bad_rows(list_results: Sequence[pagination.ListResult]) -> str:
    """The rows that the API cannot give, in words; numbered from 1, in the order of the list."""
    rows = [item for result in list_results for item in sorted(result.bad_rows.items())]
    shown = ", ".join(f"{row + 1} ({cause})" for row, cause in rows[:10])
    return f"{shown} and {len(rows) - 10} more" if len(rows) > 10 else shown


def _doubt(state: RecordedStatus) -> str:
    """What kind of cause keeps the collection from being complete; empty where none is known."""
    if state.complete is not False:
        return ""
    return "held back" if state.held_back else "not proven"


def _words_of(state: RecordedStatus) -> dict[str, str | int]:
    """Why the collection is not complete and what to do about it, for the log."""
    return {
        "problem": state.problem,
        "retained": state.retained,
        "held_back": state.held_back,
        "hint": _hint(state),
    }


def _hint(state: RecordedStatus) -> str:
    if state.held_back:
        return "really gone? accept it (SIGUSR1); else it ends when the inventory lists them again"
    if state.bad_rows:
        return "give bad_rows of /api/v1/status to the API's owner; all other records are up to date"
    return "the next full crawl comes sooner; if this lasts, `check` shows what the API announces"


def _held_back(outcome: snapshot.Outcome) -> str:
    if not outcome.held_back:
        return ""
    return f"the shrink guard holds back {outcome.held_back} removals until further crawls confirm them"
