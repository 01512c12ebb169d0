"""The law of rendering: what an update gives is what rendering from nothing gives."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.exposition import families, render
from exporter.inventory.snapshot import Changes, Outcome, Snapshot
from tests.inventory import reading
from tests.metrics import rendering

IDENTS = st.integers(0, 30).map(lambda number: f"CAR{number:04d}")
PARTS = st.fixed_dictionaries(
    {"status": st.sampled_from(["Operational", "Down", "Odd"]), "name": st.sampled_from(["", 'a"\\\n', "é"])},
    optional={
        "place": st.lists(st.sampled_from([{"id": "L1"}, {"id": "L2", "name": "two"}]), max_size=2),
        "supportingResource": st.lists(st.sampled_from([{"id": "R1", "@type": "Satellite"}]), max_size=1),
        "serviceType": st.sampled_from(["Forward", "Return"]),
        "endDate": st.sampled_from(["2026-01-01", "soon"]),
    },
)
TRUTHS = st.dictionaries(IDENTS, PARTS, max_size=24)
STEPS = st.lists(st.tuples(st.sampled_from(["full", "delta", "incomplete"]), TRUTHS), min_size=1, max_size=6)
USING = reading.reader("ses", "carriers")


def _step(start: Snapshot, mode: str, truth: dict[str, Any], now: float) -> Outcome:
    page = [{"externalId": ident, **parts} for ident, parts in truth.items()]
    draft = reading.draft(start, page, using=USING, now=now)
    if mode == "delta":
        return draft.commit_delta(reading.NEVER)
    return draft.commit_full("" if mode == "full" else "a page is missing", reading.NEVER, reading.ALL)


@settings(max_examples=150, deadline=None)
@given(STEPS, st.integers(1, 5), st.sampled_from([1, 3, 10, 1_000_000]))
def test_an_update_gives_what_rendering_from_nothing_gives(
    steps: list[tuple[str, dict[str, Any]]], bucket: int, limit: int
) -> None:
    listed = families.of("carriers")
    exposition = render.Exposition(listed, statuses=("Up",), limit=limit, bucket=bucket)
    held = Snapshot()
    exposition.update(held, Changes())
    for number, (mode, truth) in enumerate(steps):
        outcome = _step(held, mode, truth, reading.NOW + number)
        held = outcome.snapshot
        body = exposition.update(held, outcome.changes)
        whole = render.Exposition(listed, statuses=("Up",), limit=limit).update(held, Changes())
        assert rendering.whole(body) == rendering.whole(whole)
        assert rendering.whole(body, "openmetrics") == rendering.whole(whole, "openmetrics")
        assert (body.series, body.dropped) == (whole.series, whole.dropped)


@settings(max_examples=50, deadline=None)
@given(TRUTHS, st.integers(1, 8))
def test_the_order_of_records_is_the_same_in_every_scrape(truth: dict[str, Any], bucket: int) -> None:
    listed = families.of("carriers")
    one = _step(Snapshot(), "full", truth, reading.NOW).snapshot
    other = _step(Snapshot(), "full", dict(reversed(truth.items())), reading.NOW).snapshot
    first = render.Exposition(listed, bucket=bucket).update(one, Changes())
    second = render.Exposition(listed).update(other, Changes())
    assert rendering.whole(first) == rendering.whole(second)


@settings(max_examples=50, deadline=None)
@given(TRUTHS, st.integers(1, 40))
def test_series_and_dropped_series_together_are_all_series(truth: dict[str, Any], limit: int) -> None:
    held = _step(Snapshot(), "full", truth, reading.NOW).snapshot
    listed = [family for family in families.of("carriers") if family.samples]
    whole = render.Exposition(listed).update(held, Changes())
    cut = render.Exposition(listed, limit=limit).update(held, Changes())
    assert not whole.dropped
    for name, count in whole.series.items():
        assert cut.series[name] == min(limit, count)
        assert cut.dropped.get(name, 0) == max(0, count - limit)
