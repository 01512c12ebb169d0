"""Fills the status of one collection, as the landing page and `/api/v1/status` show it, from its poller."""

from __future__ import annotations

from exporter.collection_state import Assessment
from exporter.collections.poller import Poller
from exporter.exposition import render
from exporter.inventory.draft import Breakdown
from exporter.web.status import CollectionStatus, Rejects


def collection_status(
    poller: Poller, body: render.Body, assessed: Assessment, age: float | None, expires: float | None
) -> CollectionStatus:
    """The status of the poller's collection; `body` is what is served of it.

    `age` is that of its snapshot in seconds, `expires` the Unix time from which that is no longer served;
    None where there is none.
    """
    state, target, counted = poller.state, poller.target, poller.tally
    came = state.breakdown or Breakdown()
    return CollectionStatus(
        name=target.collection,
        api=target.api,
        url=target.url,
        dialect=target.dialect.name,
        state=assessed.state,
        served=assessed.served,
        expires=expires,
        up=state.up,
        complete=state.complete,
        records=counted.records,
        expected=state.expected,
        received=None if state.breakdown is None else state.breakdown.received,
        stored=came.stored,
        excluded=came.excluded,
        other_shards=came.other_shards,
        rejected=came.rejected,
        duplicates=came.duplicates,
        overlapping=came.overlapping,
        unique=state.unique,
        retained=state.retained,
        unread=state.unread,
        rejects={
            reason: Rejects(count, tuple(state.examples.get(reason, ())))
            for reason, count in state.rejected.items()
        },
        restored=state.restored,
        held_back=state.held_back,
        bad_rows=state.bad_rows,
        last_success=state.last_success,
        last_full_success=state.last_full_success,
        last_attempt=state.last_attempt,
        age_seconds=age,
        refresh_interval=target.refresh_interval,
        refreshing=bool(state.refreshing),
        progress=_progress(poller),
        last_error=". ".join(
            part for part in (state.last_error or state.problem, state.last_error_hint) if part
        ),
        last_error_reason=state.last_error_reason,
        next_refresh=state.next_refresh,
        statuses=counted.statuses,
        unknown_statuses=counted.unknown,
        series=sum(body.series.values()),
        operational=counted.operational,
        not_operational=counted.not_operational,
    )


def _progress(poller: Poller) -> str:
    state = poller.state
    if not state.refreshing:
        return ""
    of = f" of {state.announced}" if state.announced else ""
    return f"{state.refreshing} refresh: {state.items}{of} records in {state.pages} pages"
