"""Records what happens to a collection: in its status, in counters, and in the log.

The poller reports events; whatever shows a figure reads it from `status`. A condition that lasts, such as a
failure, incompleteness or an expired snapshot, is logged once when it begins and once when it ends.
"""

from __future__ import annotations

import math
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import structlog

from exporter import settings
from exporter.inventory import decode, snapshot, text
from exporter.inventory.condition import PROBLEMS, Condition
from exporter.inventory.draft import Draft
from exporter.paging import results
from exporter.status import CollectionStatus, Rejects, assess
from exporter.telemetry import Telemetry

log = structlog.get_logger()

_UNKNOWN_AGE = 3.1  # refresh intervals: the age of a restored snapshot after the clock was set back
_MOST_VALUES = 1000  # unknown status values that are logged in a lifetime: a broken API may invent more
_MOST_MOVES = 1000  # changes from one status to another that are counted apart, for the same reason
_OTHER = ("other", "other")  # the rest: no status changes to itself, so nothing else is counted there
_PAGING_HINT = "run `check`: it tries other ways of paging, and prints the settings"
_EXPIRED = "nothing is served until a refresh succeeds; fix what last_error in /api/v1/status says"


class StatusRecorder:
    """The `status` of one collection, and what is logged and counted when it changes.

    `blanked` removes credentials from texts of the inventory. `monotonic` is the clock by which the age of
    the snapshot is counted. `error` and `problem`, one of which is `status.last_error`, say why the last
    refresh failed and why the last full crawl is not complete. `pages`, `items` and `announced`
    count what the present or last refresh has read, `requests` the pages of the last refresh by mode.
    """

    def __init__(
        self,
        target: settings.Target,
        telemetry: Telemetry,
        blanked: Callable[[str], str] = str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.error = self.problem = ""
        self.pages = self.items = self.announced = 0
        self.requests: dict[str, int] = {}
        self._monotonic = monotonic
        self._telemetry = telemetry
        self._collection = target.collection
        self._mode = ""
        self._fresh_at: float | None = None  # by the monotonic clock (fault F50)
        self._failing_since: float | None = None
        self._is_late = self._is_expired = self._is_empty = False
        self._unknown: set[str] = set()  # status values that were logged
        self._moves: set[tuple[str, str]] = set()  # changes of status that are counted apart
        self._doubts: set[str] = set()  # why it is not complete, as far as that was logged
        self._warnings: set[str] = set()  # those that were logged
        self.status = CollectionStatus(
            name=target.collection,
            api=target.api,
            url=target.url,
            dialect=target.dialect.name,
            refresh_interval=target.refresh_interval,
        )
        telemetry.collection(target.collection)
        self.aim(target, blanked)

    def aim(self, target: settings.Target, blanked: Callable[[str], str] = str, coverage: str = "") -> None:
        """From now on the collection is read with these settings; `coverage` is as in the status."""
        status = self.status
        status.coverage = coverage
        status.api, status.url, status.dialect = target.api, target.url, target.dialect.name
        self._conditions = {text.fold(value): meaning for value, meaning in target.mapping.statuses.items()}
        status.refresh_interval = target.refresh_interval
        self._blanked = blanked
        self._log = log.bind(collection=target.collection, api=target.api)

    def other_records(self) -> None:
        """The settings now ask for other records than those in the snapshot."""
        self.status.complete = None

    def assess(self, uptime: float, max_staleness: float) -> CollectionStatus:
        """The status with what follows from the time that has passed; arguments as in `status.assess`."""
        status = self.status
        status.age_seconds = age = None if self._fresh_at is None else self._monotonic() - self._fresh_at
        status.expires = None if age is None else time.time() + max_staleness - age
        assess(status, uptime, max_staleness)
        self._log_expiry(max_staleness)
        self._log_emptiness()
        self._telemetry.collection_status(status)
        return status

    def _log_expiry(self, max_staleness: float) -> None:
        status, before = self.status, self._is_expired
        self._is_expired = status.state == "expired"
        if self._is_expired and not before:
            self._log.warning(
                "snapshot expired",
                age_seconds=round(status.age_seconds or 0.0),
                max_staleness=max_staleness,
                records=status.records,
                error=self.error or "no refresh has succeeded since",
                hint=_EXPIRED,
            )
        elif before and not self._is_expired:
            self._log.info("snapshot served again", records=status.records)

    def _log_emptiness(self) -> None:
        status = self.status
        if status.state == "empty" and not self._is_empty:
            self._is_empty = True
            received = status.received or 0
            self._log.warning(
                "collection empty", received=received, hint=_empty_hint(self._collection, received)
            )
        elif status.records and self._is_empty:
            self._is_empty = False
            self._log.info("collection no longer empty", records=status.records)

    def begun(self, mode: str) -> None:
        """A refresh begins, full or delta."""
        self._mode = mode
        self.pages = self.items = 0
        self.status.refreshing = True
        self.status.last_attempt = time.time()
        self._telemetry.attempt(self._collection, mode)
        self._show_progress()

    def page(self, items: int, announced: int | None) -> None:
        """A page with so many records came; `announced` is the total that it announces, None for none."""
        self.pages += 1
        self.items += items
        self.announced = announced or self.announced
        self._show_progress()

    def _show_progress(self) -> None:
        of = f" of {self.announced}" if self.announced else ""
        self.status.progress = f"{self._mode} refresh: {self.items}{of} records in {self.pages} pages"

    def ended(self) -> None:
        """The refresh ended, however it went."""
        self.status.refreshing, self.status.progress = False, ""

    def restored(self, records: int, last_success: float | None, last_full_success: float | None) -> None:
        """The snapshot comes from the state file; it is as old as its last success."""
        status = self.status
        status.restored = True
        status.last_success, status.last_full_success = last_success, last_full_success
        age = None if last_success is None else round(time.time() - last_success)
        if age is not None and age < 0:
            self._log.warning(
                "clock set back",
                seconds=-age,
                hint="check the machine's time; what is restored counts as stale",
            )
            age = math.ceil(_UNKNOWN_AGE * status.refresh_interval)
        self._fresh_at = None if age is None else self._monotonic() - age
        self._log.info("snapshot restored", records=records, age_seconds=age)

    def bug(self, mode: str) -> None:
        """An unexpected exception ended a refresh; its traceback is logged."""
        self._log.error("unexpected error", mode=mode, exception=self._blanked(traceback.format_exc()))

    def failed(self, mode: str, reason: str, message: str, hint: str) -> None:
        """A refresh failed; that is logged if the one before succeeded or failed for another reason."""
        status = self.status
        self.error, status.last_error_hint = self._blanked(message), self._blanked(hint)
        self._telemetry.failed(self._collection, mode, reason)
        if self._failing_since is None or status.last_error_reason != reason:
            self._log.warning(
                "refresh failed",
                mode=mode,
                reason=reason,
                error=self.error,
                hint=status.last_error_hint,
                still_served=status.records if status.served else 0,
            )
        self._failing_since = self._failing_since or time.time()
        status.up, status.last_error_reason = False, reason
        status.last_error = self.error or self.problem

    def succeeded(self, mode: str, seconds: float) -> None:
        """A refresh succeeded after so many seconds."""
        status, now = self.status, time.time()
        if self._failing_since is not None:
            self._log.info("refresh recovered", mode=mode, after_seconds=round(now - self._failing_since))
        elif status.up is None:
            self._log_first_crawl(round(seconds, 1))
        self._log_completeness()
        self.error = status.last_error_hint = status.last_error_reason = ""
        self._failing_since, self._fresh_at = None, self._monotonic()
        status.up, status.last_success, status.restored = True, now, False
        self.requests[mode] = self.pages
        self._telemetry.succeeded(self._collection, mode, seconds)
        status.last_error = self.problem

    def _log_first_crawl(self, seconds: float) -> None:
        doubt = self._doubt()
        if not doubt:
            self._log.info("initial crawl complete", records=self.status.records, seconds=seconds)
            return
        self._doubts.add(doubt)
        self._log.warning(
            "initial crawl incomplete",
            records=self.status.records,
            seconds=seconds,
            **_why_incomplete(self.status, self.problem),
        )

    def _log_completeness(self) -> None:
        """Logs that the collection is not complete any more, or is again; each cause once until it is."""
        doubt = self._doubt()
        if doubt and doubt not in self._doubts:
            self._doubts.add(doubt)
            self._log.warning("crawl incomplete", **_why_incomplete(self.status, self.problem))
        elif self._doubts and not doubt:
            self._doubts.clear()
            self._log.info("crawl complete again", records=self.status.records)

    def _doubt(self) -> str:
        """The kind of cause for which the collection is not complete; "" if it is or is not known to be."""
        if self.status.complete is not False:
            return ""
        return "removals pending" if self.status.held_back else "unverified"

    def overran(self, seconds: float) -> None:
        """A refresh took so many seconds; that is logged and counted if it is more than the interval."""
        interval, before = self.status.refresh_interval, self._is_late
        self._is_late = seconds > interval
        if not self._is_late:
            return
        self._telemetry.overrun(self._collection)
        if not before:
            self._log.warning(
                "refresh overran",
                seconds=round(seconds, 1),
                refresh_interval=interval,
                hint="raise refresh_interval, or limits.concurrency if the API can bear it",
            )

    def read(self, draft: Draft) -> None:
        """A crawl has read this, whatever becomes of it."""
        self._telemetry.read(self._collection, draft.duplicates, draft.unused, draft.dropped)

    def rejected(self, draft: Draft) -> None:
        """These records of a full crawl cannot be stored."""
        examples = decode.examples(draft.rejects)
        self.status.rejects = {
            reason: Rejects(count, tuple(self._blanked(one) for one in examples.get(reason, ())))
            for reason, count in draft.unused.items()
        }

    def full(
        self,
        draft: Draft,
        outcome: snapshot.Outcome,
        list_results: Sequence[results.ListResult],
        problem: str,
    ) -> None:
        """A full crawl was stored; `problem` is why it is not verified complete."""
        status, parts = self.status, draft.breakdown()
        totals = [result.expected for result in list_results if result.expected is not None]
        status.complete = outcome.complete
        if outcome.complete:
            status.last_full_success = time.time()
        status.expected = sum(totals) if totals else None
        status.received = parts.received
        for name in parts.__struct_fields__:
            setattr(status, name, getattr(parts, name))
        status.unique = sum(result.received for result in list_results)
        status.retained, status.held_back = outcome.retained, outcome.held_back
        status.outdated = len(draft.outdated)
        status.unread = sum(result.unread_records for result in list_results)
        status.bad_rows = _bad_rows(list_results)
        self._warn(list_results)
        self.problem = self._blanked(problem) or _pending(outcome)
        self.rejected(draft)
        self.status.last_error = self.error or self.problem

    def _warn(self, list_results: Sequence[results.ListResult]) -> None:
        """What may be wrong with lists that look complete; each is logged once until it is over."""
        every = (one for result in list_results for one in (*result.warnings, result.position_warning))
        found = dict.fromkeys(self._blanked(one) for one in every if one)
        self.status.warnings = tuple(found)
        for warning in found:
            if warning not in self._warnings:
                self._log.warning("paging in doubt", problem=warning, hint=_PAGING_HINT)
        self._warnings = set(found)

    def changed(self, changes: snapshot.Changes) -> None:
        """These changes are served from now on."""
        numbers = {
            "added": len(changes.added),
            "changed": len(changes.changed),
            "removed": len(changes.removed),
        }
        self._telemetry.changed(self._collection, numbers, self._moved(changes.transitions()))

    def _moved(self, moves: Mapping[tuple[str, str], int]) -> Counter[tuple[str, str]]:
        """Counts changes of status by (from, to); where there are too many kinds, the others together."""
        counted: Counter[tuple[str, str]] = Counter()
        for move, count in moves.items():
            if move in self._moves or len(self._moves) < _MOST_MOVES:
                self._moves.add(move)
                counted[move] += count
            else:
                counted[_OTHER] += count
        return counted

    def stored(self, counts: snapshot.StatusCounts) -> None:
        """The snapshot has these records; a status value of unknown meaning is logged once."""
        status = self.status
        new = [value for value in counts.unknown if value not in self._unknown]
        if new and len(self._unknown) < _MOST_VALUES:
            self._unknown.update(new)
            where = f"collections.{self._collection}.statuses"
            hint = f"set the condition of each in {where}: {', '.join(Condition)}"
            self._log.warning("unknown status value", statuses=self._blanked(", ".join(new)), hint=hint)
        status.records, status.statuses = counts.records, counts.statuses
        meant = {value: self._conditions.get(text.fold(value)) for value in counts.statuses}
        status.status_conditions = {value: one or Condition.UNKNOWN for value, one in meant.items()}
        status.conditions = {one: counts.conditions.get(one, 0) for one in Condition}
        status.operational = status.conditions[Condition.OPERATIONAL]
        status.not_operational = sum(status.conditions[one] for one in PROBLEMS)
        status.unknown_statuses, status.unknown_records = counts.unknown, counts.unknown_records

    def rendered(self, seconds: float) -> None:
        """Rendering changes took so many seconds."""
        self._telemetry.rendered(self._collection, seconds)

    def dangling(self, references: int) -> None:
        """So many references in the snapshot lead to records that are not stored."""
        self.status.dangling_references = references

    def waiting(self, seconds: float) -> None:
        """The next refresh begins in so many seconds."""
        self.status.next_refresh = time.time() + seconds

    def grown(self, before: int, after: int) -> None:
        """A crawl returned suspiciously many more records than were stored; they are served all the same."""
        self._telemetry.grown(self._collection)
        self._log.warning(
            "record count jumped",
            before=before,
            after=after,
            hint="has the query's filter been lost on the way?",
        )


def _why_incomplete(status: CollectionStatus, problem: str) -> dict[str, str | int]:
    """Why the collection is not complete and what to do about it, for the log."""
    hint = "the next full crawl comes sooner; if this lasts, `check` tries other paging and queries"
    if status.held_back:
        hint = "really gone? accept it (SIGUSR1); else it ends when the inventory lists them again"
    elif status.bad_rows:
        hint = "give bad_rows of /api/v1/status to the API's owner; all other records are up to date"
    return {
        "problem": problem,
        "retained": status.retained,
        "held_back": status.held_back,
        "hint": hint,
    }


def _bad_rows(list_results: Sequence[results.ListResult]) -> str:
    """The rows that the API cannot return, for people; numbered from 1, in the order of the list."""
    rows = [item for result in list_results for item in sorted(result.bad_rows.items())]
    shown = ", ".join(f"{row + 1} ({cause})" for row, cause in rows[:10])
    return f"{shown} and {len(rows) - 10} more" if len(rows) > 10 else shown


def _pending(outcome: snapshot.Outcome) -> str:
    if not outcome.held_back:
        return ""
    return f"{outcome.held_back} removals are pending until further crawls confirm them (shrink guard)"


def _empty_hint(name: str, received: int) -> str:
    """What to check where a complete crawl found nothing to store."""
    of = f"collections.{name}"
    if received:
        return f"all records were left out: check {of}.include_types, {of}.exclude_types and shard"
    return f"should there be records? check the dialect of the API and {of}.query with the check command"
