"""Crawls of one list again and again, with what is remembered of its bad rows."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.inventory.dialects import Paging
from exporter.paging import pagination
from exporter.paging.bad_rows import BadRow, BadRows
from tests.source.rows import OFFSET, PAGE, RANGE, STYLES, Run, Server

EVERY_STYLE = pytest.mark.parametrize("how", [OFFSET, PAGE, RANGE], ids=list(STYLES))


def asked(run: Run, row: int) -> int:
    """How many queries were for a page with the row."""
    return sum(row in span for span in run.spans)


@EVERY_STYLE
@pytest.mark.parametrize("row", [3, 57, 94])
def test_a_bad_row_is_asked_around_in_the_crawl_after_it_was_found(how: Paging, row: int) -> None:
    server = Server(95, {row})
    first = Run(server, how)
    assert asked(first, row) > 1
    again = Run(server, how, known=first.ending.bad_rows)
    assert asked(again, row) == 0
    assert again.received == first.received == Counter(set(range(95)) - {row})
    assert again.ending.reason == first.ending.reason
    assert (again.ending.unread_records, again.ending.unread_pages) == (1, 0)
    due = Run(server, how, known=again.ending.bad_rows)
    assert asked(due, row) == 1
    assert due.ending.bad_rows.rows == (BadRow(row, "504", interval=2, rest=2),)


@EVERY_STYLE
def test_a_row_that_has_become_good_is_read_when_it_is_asked_for_and_forgotten(how: Paging) -> None:
    known = BadRows((BadRow(57, "504", interval=8, rest=1),), total=95)
    resting = Run(Server(95), how, known=known)
    assert (resting.ending.complete, resting.received[57]) == (False, 0)
    due = Run(Server(95), how, known=resting.ending.bad_rows)
    assert (due.ending.complete, due.received) == (True, Counter(range(95)))
    assert due.ending.bad_rows == BadRows()


@EVERY_STYLE
def test_with_another_total_nothing_is_left_alone(how: Paging) -> None:
    for row in (3, 57):
        run = Run(Server(94), how, known=BadRows((BadRow(row, "504"),), total=95))
        assert (run.ending.complete, run.received) == (True, Counter(range(94)))


@EVERY_STYLE
def test_when_another_page_fails_too_everything_that_is_known_is_asked_again(how: Paging) -> None:
    known = BadRows((BadRow(57, "504", interval=64, rest=60),), total=95)
    run = Run(Server(95, {58, 72}), how, known=known)
    assert run.received.keys() == set(range(95)) - {58, 72}
    assert run.bad == [58, 72]


@EVERY_STYLE
def test_a_row_that_moved_within_its_page_is_found(how: Paging) -> None:
    known = BadRows((BadRow(57, "504", interval=64, rest=60),), total=95)
    run = Run(Server(95, {55}), how, known=known)
    assert set(run.bad) == {55, 57}
    assert run.received.keys() == set(range(95)) - {55, 57}


@EVERY_STYLE
def test_known_rows_on_the_first_page_do_not_hide_that_the_api_is_down(how: Paging) -> None:
    known = BadRows((BadRow(0, "504"), BadRow(3, "504")), total=95)
    run = Run(Server(95, is_down=True), how, known=known)
    assert [query.role for query in run.asked] == ["probe", "probe"]
    assert run.asked[0].first
    assert run.ending.received == 0
    assert run.ending.bad_rows.causes == known.causes


def test_where_every_row_worth_a_probe_is_bad_they_are_tried_all_the_same() -> None:
    known = BadRows(tuple(BadRow(row, "504") for row in (0, 1, 2)), total=95)
    assert Run(Server(95), OFFSET, 2, known=known).asked[0].role == "probe"


@pytest.mark.parametrize("bad", [set[int](), {12}])
def test_a_page_whose_place_is_not_known_is_asked_for_as_it_is(bad: set[int]) -> None:
    known = BadRows((BadRow(3, "504"), BadRow(12, "504")))
    run = Run(Server(20, {3} | bad, hidden={5}, announced=False), PAGE, known=known)
    behind = set[int]() if bad else set(range(10, 20))
    assert run.received.keys() == {0, 1, 2, 4, 6, 7, 8, 9} | behind
    assert (run.ending.complete, run.ending.unread_pages) == (False, len(bad))


def test_links_have_no_rows_to_remember() -> None:
    known = BadRows((BadRow(3, "504"),), total=95)
    walk = pagination.walk(Paging(style="link"), 10, {}, width=1, caps=pagination.Caps(10, 100), known=known)
    assert next(walk)[0].role == "page"


@settings(deadline=None)
@given(
    crawls=st.lists(
        st.tuples(st.integers(1, 60), st.sets(st.integers(0, 59), max_size=3)), min_size=2, max_size=12
    ),
    size=st.integers(2, 20),
    announced=st.booleans(),
    style=st.sampled_from(sorted(STYLES)),
    seed=st.integers(0, 2**32),
)
def test_whatever_became_of_the_list_only_bad_and_resting_rows_are_missing(
    crawls: list[tuple[int, set[int]]], size: int, announced: bool, style: str, seed: int
) -> None:
    known = BadRows()
    for count, bad in crawls:
        run = Run(Server(count, bad, announced=announced), STYLES[style], size, seed=seed, known=known)
        if not run.received:
            continue  # as a whole taken for down; the crawl fails, and nothing of it is used
        missing = set(range(count)) - run.received.keys()
        assert missing - bad <= known.resting
        assert bad & set(range(count)) <= missing
        assert not (run.ending.complete and missing)
        if not known.rows:
            assert run.ending.complete == (not missing)
        assert run.ending.unread_records >= len(missing)
        known = run.ending.bad_rows


@EVERY_STYLE
@settings(max_examples=25, deadline=None)
@given(bad=st.sets(st.integers(0, 639), min_size=1, max_size=6))
def test_over_many_crawls_bad_rows_cost_next_to_nothing(how: Paging, bad: set[int]) -> None:
    bad -= {0, 20, 40}
    known, failed = BadRows(), 0
    for _ in range(30):
        run = Run(Server(640, bad), how, 40, known=known)
        known = run.ending.bad_rows
        failed += sum(bool(set(span) & bad) for span in run.spans)
        assert run.received.keys() == set(range(640)) - bad
    assert failed <= len(bad) * (1 + 10 + 5)  # the page, its parts, and 5 times the row alone


@EVERY_STYLE
@pytest.mark.parametrize("count", [30, 41, 57])
def test_a_list_that_has_become_shorter_than_its_bad_row_is_complete(how: Paging, count: int) -> None:
    known = BadRows((BadRow(57, "504", interval=1, rest=0),))
    run = Run(Server(count, announced=False), how, known=known)
    assert (run.ending.complete, run.received) == (True, Counter(range(count))), run.ending.reason


def test_where_sizes_are_ignored_a_page_whose_row_was_bad_is_asked_for_as_it_is() -> None:
    known = BadRows((BadRow(57, "504", interval=1, rest=0),))
    well = Run(Server(95, fixed=10, announced=False), PAGE, known=known)
    assert (well.ending.complete, well.received) == (True, Counter(range(95))), well.ending.reason
    ill = Run(Server(95, {57}, fixed=10, announced=False), PAGE, known=known)
    assert not ill.ending.complete
    assert ill.received.keys() == {row for row in range(95) if row // 10 != 5}
