from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.inventory import decode, snapshot
from exporter.inventory.condition import Condition
from exporter.inventory.draft import Draft
from exporter.inventory.filters import Selection
from exporter.inventory.record import Record
from exporter.inventory.snapshot import Outcome, ShrinkGuard, Snapshot
from tests.inventory import reading
from tests.inventory.reading import NOW

Truth = Mapping[str, tuple[str, int]]
"""Id → status word and the hour of its last update: what an inventory holds at one time."""

IDENTS = st.sampled_from("ABCDEFGH")
TRUTHS = st.dictionaries(IDENTS, st.tuples(st.sampled_from(["Operational", "Down", ""]), st.integers(0, 3)))
STEPS = st.lists(st.tuples(st.sampled_from(["full", "delta", "incomplete"]), TRUTHS), max_size=6)


def item(ident: str, status: str = "Operational", hour: int = 0, **more: Any) -> dict[str, Any]:
    when = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
    return {"externalId": ident, "status": status, "lastUpdate": when.isoformat(), **more}


def page(truth: Truth) -> list[dict[str, Any]]:
    return [item(ident, *words) for ident, words in truth.items()]


def shown(held: Snapshot) -> dict[str, Record]:
    return {ident: one.record for ident, one in held.records.items()}


def updated(record: Record) -> float:
    return record.updated or 0.0


def of(*items: dict[str, Any]) -> Snapshot:
    return reading.full(Snapshot(), list(items)).snapshot


def walked(start: Snapshot, steps: list[tuple[str, Truth]]) -> Snapshot:
    for mode, truth in steps:
        draft = reading.draft(start, page(truth))
        outcome = {
            "full": lambda draft=draft: draft.commit_full("", reading.NEVER, reading.ALL),
            "delta": lambda draft=draft: draft.commit_delta(reading.NEVER),
            "incomplete": lambda draft=draft: draft.commit_full(
                "page 3 could not be read", reading.NEVER, frozenset()
            ),
        }[mode]()
        start = outcome.snapshot
    return start


@given(STEPS, TRUTHS)
def test_a_complete_crawl_shows_the_truth_whatever_came_before(
    steps: list[tuple[str, Truth]], truth: Truth
) -> None:
    before = walked(Snapshot(), steps)
    outcome = reading.full(before, page(truth))
    assert outcome.complete
    found, stored = shown(reading.full(Snapshot(), page(truth)).snapshot), shown(before)
    newest = [
        max(stored.get(ident, one), one, key=lambda record: record.updated) for ident, one in found.items()
    ]
    # of two versions with one last update the list's is believed
    newest = [one if one.updated != found[one.id].updated else found[one.id] for one in newest]
    assert shown(outcome.snapshot) == {one.id: one for one in newest}
    assert set(outcome.snapshot.records) == set(truth)


@given(STEPS, TRUTHS, st.booleans())
def test_without_a_complete_crawl_no_record_leaves(
    steps: list[tuple[str, Truth]], truth: Truth, delta: bool
) -> None:
    before = walked(Snapshot(), steps)
    after = walked(before, [("delta" if delta else "incomplete", truth)])
    assert set(after.records) == set(before.records) | set(truth)


@given(STEPS)
def test_every_record_held_is_found_by_the_digest_of_its_raw_form(steps: list[tuple[str, Truth]]) -> None:
    after = walked(Snapshot(), steps)
    assert after.digests == {held.digest: held for held in after.records.values()}
    assert {held.record.id: held for held in after.records.values()} == after.records


@given(STEPS, TRUTHS)
def test_the_changes_are_the_difference_of_the_snapshots(
    steps: list[tuple[str, Truth]], truth: Truth
) -> None:
    before = walked(Snapshot(), steps)
    outcome = reading.full(before, page(truth))
    applied = dict(before.records)
    for held in outcome.changes.removed:
        assert applied.pop(held.record.id) is held
    for old, new in outcome.changes.changed:
        assert applied.pop(old.record.id) is old
        applied[new.record.id] = new
    for held in outcome.changes.added:
        assert held.record.id not in applied
        applied[held.record.id] = held
    assert applied == dict(outcome.snapshot.records)


@given(TRUTHS, st.randoms(use_true_random=False))
def test_the_order_of_pages_does_not_matter(truth: Truth, random: Any) -> None:
    items = page(truth)
    random.shuffle(items)
    middle = len(items) // 2
    assert shown(reading.full(Snapshot(), items[:middle], items[middle:]).snapshot) == shown(
        reading.full(Snapshot(), page(truth)).snapshot
    )


@given(st.permutations([0, 1, 2, 3]))
def test_of_many_records_with_one_id_the_newest_wins_in_every_order(hours: list[int]) -> None:
    crawl = reading.draft(Snapshot(), [item("A", hour=hour, name=f"version {hour}") for hour in hours])
    outcome = crawl.commit_full("", reading.NEVER, reading.ALL)
    assert outcome.snapshot.records["A"].record.name == "version 3"
    assert crawl.duplicates == 3


def test_what_did_not_change_is_the_same_snapshot_and_no_changes() -> None:
    before = of(item("A"), item("B"))
    outcome = reading.full(before, [item("B"), item("A")])
    assert outcome.snapshot is before
    assert not outcome.changes
    assert outcome.complete


def test_a_draft_touches_nothing_until_it_is_committed() -> None:
    before = of(item("A"))
    held = dict(before.records)
    reading.draft(before, [item("A", "Down"), item("B")])
    assert dict(before.records) == held
    assert before.digests == {one.digest: one for one in held.values()}


def test_status_and_type_words_are_remembered_after_their_records_have_left() -> None:
    before = of(item("A", "Down", serviceType="VSAT"), item("B", serviceType="VSAT"))
    after = reading.full(before, [item("B", serviceType="VSAT")]).snapshot
    assert set(after.words) == {("Down", "VSAT"), ("Operational", "VSAT")}


def test_f56_words_that_no_record_has_any_more_are_forgotten_where_there_are_a_thousand_later_ones() -> None:
    held = of(*(item(str(number), f"word {number}") for number in range(600)))
    for turn in (1, 2):
        items = [item(str(number), f"word {number + turn * 599}", turn) for number in range(600)]
        held = reading.full(held, items).snapshot
    spare = [status for status, _ in held.words][:-600]
    assert [status for status, _ in held.words][-600:] == [f"word {number}" for number in range(1198, 1798)]
    assert spare == [f"word {number}" for number in range(198, 1198)], "the last thousand"


@given(STEPS)
def test_words_are_remembered_up_to_the_bound_and_the_words_of_records_always(
    steps: list[tuple[str, Truth]],
) -> None:
    held = Snapshot()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot, "SPARE", 1)
        for step in steps:
            before, held = held, walked(held, [step])
            found = set(snapshot._words(held.records.values()))
            assert found <= set(held.words) <= set(before.words) | found
            assert len(held.words) == len(set(held.words)) <= max(1, len(found) + 1)


def test_a_status_holds_since_the_records_own_last_update_until_it_is_seen_to_change() -> None:
    before = of(item("A", hour=1), {"externalId": "B", "status": "Operational"})
    began = datetime(2026, 1, 1, 1, tzinfo=UTC).timestamp()
    assert before.records["A"].since == began
    assert before.records["B"].since == NOW, "without a last update: when it was first seen"
    renamed = reading.full(before, [item("A", hour=2, name="new"), item("B")], now=NOW + 60)
    assert renamed.snapshot.records["A"].since == began
    assert renamed.snapshot.records["A"].changes == 0
    down = reading.full(renamed.snapshot, [item("A", "Down", hour=3), item("B")], now=NOW + 120)
    assert down.snapshot.records["A"].since == NOW + 120
    assert down.snapshot.records["A"].changes == 1


def test_changes_of_status_are_counted_by_the_words_before_and_after() -> None:
    before = of(item("A"), item("B"), item("C", "Down"), item("D"))
    outcome = reading.full(
        before, [item("A", "Down"), item("B", "Down"), item("C", "Operational"), item("D", name="x")]
    )
    assert outcome.changes.transitions() == {("Operational", "Down"): 2, ("Down", "Operational"): 1}


def test_a_modem_keeps_its_first_status_where_the_operator_wants_it() -> None:
    modem = item("A", "Operational", serviceType="Modem")
    before = of(modem, item("B", serviceType="VSAT"))
    later = [
        item("A", "Down", 1, serviceType="Modem", name="renamed"),
        item("B", "Odd", 1, serviceType="VSAT"),
        item("C", "Down", 1, serviceType="Modem"),
    ]
    found = shown(reading.full(before, later, preserve=["Modem"]).snapshot)
    assert (found["A"].name, found["A"].status, found["A"].condition) == (
        "renamed",
        "Operational",
        Condition.OPERATIONAL,
    )
    assert found["B"].status == "Odd"
    assert found["C"].status == "Down", "its first status"


def test_a_page_says_how_many_of_its_records_the_crawl_had_not_seen() -> None:
    crawl = Draft(Snapshot())
    first = [item("A"), {"name": "no id"}, item("X", **{"@type": "element"})]
    assert crawl.add(reading.batch(first), NOW) == 3, "rejected and excluded records count as seen"
    assert crawl.add(reading.batch(first), NOW) == 0
    assert crawl.add(reading.batch([item("A"), item("B")]), NOW) == 1
    assert (crawl.seen, crawl.items, crawl.duplicates) == (4, 8, 2)


def test_rejects_are_all_counted_and_a_hundred_kept() -> None:
    crawl = reading.draft(Snapshot(), [{"name": f"no id {number}"} for number in range(150)])
    assert crawl.rejected == {"missing_id": 150}
    assert len(crawl.rejects) == 100


def test_values_that_were_dropped_are_counted_over_the_pages() -> None:
    crawl = reading.draft(Snapshot(), [item("A", startDate="soon")], [item("B", endDate="later")])
    assert crawl.dropped == {"date": 2}


def test_a_crawl_that_did_not_prove_complete_says_what_it_retained() -> None:
    before = of(item("A"), item("B"), item("C"))
    guard = ShrinkGuard(seen=1, fingerprint=7)
    outcome = reading.draft(before, [item("A", "Down"), item("D")]).commit_full(
        "page 2 is missing", guard, frozenset()
    )
    assert (outcome.complete, outcome.retained, outcome.held_back) == (False, 2, 0)
    assert outcome.guard is guard
    assert shown(outcome.snapshot)["A"].status == "Down"


def test_a_delta_says_nothing_of_completeness() -> None:
    guard = ShrinkGuard()
    outcome = reading.draft(of(item("A"), item("B")), [item("A", "Down")]).commit_delta(guard)
    assert (outcome.complete, outcome.retained, outcome.guard) == (False, 0, guard)


TEN = [item(ident) for ident in "ABCDEFGHIJ"]


def _crawled(start: Snapshot, guard: ShrinkGuard, keep: str) -> Outcome:
    return reading.draft(start, [item(ident) for ident in keep]).commit_full("", guard, reading.ALL)


def test_a_loss_within_the_share_is_believed_at_once() -> None:
    outcome = _crawled(of(*TEN), ShrinkGuard(share=0.2), "ABCDEFGH")
    assert outcome.complete
    assert len(outcome.snapshot.records) == 8


def test_a_greater_loss_is_believed_when_further_crawls_confirm_it() -> None:
    start, guard = of(*TEN), ShrinkGuard(share=0.2, confirmations=2)
    for confirmed in (1, 2):
        outcome = _crawled(start, guard, "ABCDEFG")
        assert (outcome.complete, outcome.held_back, outcome.retained) == (False, 3, 3)
        assert (outcome.guard.seen, len(outcome.snapshot.records)) == (confirmed, 10)
        start, guard = outcome.snapshot, outcome.guard
    outcome = _crawled(start, guard, "GFEDCBA")
    assert (outcome.complete, outcome.held_back, len(outcome.snapshot.records)) == (True, 0, 7)
    assert (outcome.guard.seen, outcome.guard.fingerprint) == (0, 0)


def test_a_crawl_that_shows_other_records_confirms_nothing() -> None:
    start, guard = of(*TEN), ShrinkGuard(share=0.2, confirmations=1)
    for keep in ("ABC", "ABD", "ABC", "ABE"):
        outcome = _crawled(start, guard, keep)
        assert (outcome.held_back, outcome.guard.seen) == (7, 1)
        start, guard = outcome.snapshot, outcome.guard
    assert _crawled(start, guard, "ABE").complete


def test_a_crawl_that_shows_everything_again_starts_the_confirmations_anew() -> None:
    start, guard = of(*TEN), ShrinkGuard(share=0.2, confirmations=1)
    guard = _crawled(start, guard, "ABC").guard
    back = _crawled(start, guard, "ABCDEFGHIJ")
    assert back.complete
    assert back.guard.seen == 0
    assert _crawled(start, back.guard, "ABC").held_back == 7


def test_what_is_new_is_published_while_a_loss_is_held_back() -> None:
    outcome = reading.draft(of(*TEN), [item("A", "Down"), item("Z")]).commit_full(
        "", ShrinkGuard(), reading.ALL
    )
    assert outcome.held_back == 9
    assert shown(outcome.snapshot)["A"].status == "Down"
    assert "Z" in outcome.snapshot.records


@pytest.mark.parametrize("confirmations", [0, 1, 4])
def test_f42_an_empty_list_is_believed_after_as_many_confirmations_as_are_set(confirmations: int) -> None:
    start, guard = of(*TEN), ShrinkGuard(confirmations=confirmations)
    for _ in range(confirmations):
        outcome = reading.draft(start, []).commit_full("", guard, reading.ALL)
        assert len(outcome.snapshot.records) == 10
        guard = outcome.guard
    outcome = reading.draft(start, []).commit_full("", guard, reading.ALL)
    assert outcome.complete
    assert not outcome.snapshot.records


def test_an_empty_inventory_that_stays_empty_is_nothing_to_hold_back() -> None:
    outcome = reading.draft(Snapshot(), []).commit_full("", ShrinkGuard(), reading.ALL)
    assert outcome.complete
    assert not outcome.changes


def test_a_record_that_is_left_out_and_changes_while_the_list_is_read_is_one_record() -> None:
    draft = Draft(Snapshot())
    using = reading.reader("tmf-v4", "resources", selection=Selection.of(exclude=["Card"]))
    for moment in ("2026-01-01", "2026-01-02"):
        body = json.dumps([{"id": "X", "@type": "Card", "lastUpdate": moment}]).encode()
        draft.add(decode.page(body, using, {}, reading.KEY), NOW)
    assert (draft.seen, len(draft.duplicate_ids)) == (1, 1)


@pytest.mark.parametrize("types", [("Modem", "Card"), ("Card", "Modem")])
def test_a_record_whose_type_changes_while_the_list_is_read_is_one_record(types: tuple[str, str]) -> None:
    draft = Draft(Snapshot(), key=reading.KEY)
    using = reading.reader("tmf-v4", "resources", selection=Selection.of(exclude=["Card"]))
    pages = [[{"id": "X", "@type": types[0]}, {"id": "Y"}], [{"id": "X", "@type": types[1]}]]
    new = [draft.add(decode.page(json.dumps(page).encode(), using, {}, reading.KEY), NOW) for page in pages]
    assert (new, draft.seen, draft.duplicate_ids) == ([2, 0], 2, {"X"})
