"""What is remembered of bad rows, and when they are asked for again."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from exporter.paging.bad_rows import LONGEST_REST, MOST, BadRow, BadRows

NONE: frozenset[int] = frozenset()


def crawled(known: BadRows) -> tuple[BadRows, bool]:
    """After a crawl in which row 7 is as bad as ever; whether it was asked for."""
    if 7 in known.resting:
        return known.after({}, NONE, 100), False
    return known.after({7: "504"}, NONE, 100), True


def test_a_row_that_stays_bad_is_asked_for_after_1_2_4_and_at_last_64_crawls_of_rest() -> None:
    known, asked = BadRows(), []
    for crawl in range(400):
        known, was_asked = crawled(known)
        asked += [crawl] if was_asked else []
    rests = [later - earlier - 1 for earlier, later in itertools.pairwise(asked)]
    assert rests[:9] == [1, 2, 4, 8, 16, 32, 64, 64, 64]
    assert rests[-1] == LONGEST_REST


def test_a_row_that_comes_is_forgotten() -> None:
    known = BadRows().after({7: "504", 9: "500"}, NONE, 100)
    assert known.after({}, {7}, 100).causes == {9: "500"}
    assert known.after({}, {7, 9}, 100) == BadRows()


def test_a_row_that_a_crawl_did_not_get_to_is_due_no_later_for_that() -> None:
    known = BadRows().after({7: "504"}, NONE, 100)
    for _ in range(3):
        known = known.after({}, NONE, None)
        assert known == BadRows((BadRow(7, "504", rest=0),), total=100)


def test_what_was_announced_tells_whether_rows_are_where_they_were() -> None:
    known = BadRows((BadRow(7, "504"),), total=100)
    assert [known.fits(total) for total in (100, None, 99)] == [True, True, False]
    assert BadRows((BadRow(7, "504"),)).fits(99)


def test_a_row_is_left_alone_only_as_long_as_it_rests() -> None:
    known = BadRows((BadRow(7, "504", rest=0), BadRow(9, "504", rest=1)))
    assert (known.resting, known.causes.keys()) == ({9}, {7, 9})


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.integers(0, 500), st.sampled_from(["504", "timeout"])), st.sets(st.integers())
        ),
        max_size=30,
    )
)
def test_no_memory_grows_without_end_or_holds_a_row_that_came(
    crawls: list[tuple[dict[int, str], set[int]]],
) -> None:
    known = BadRows()
    for failed, came in crawls:
        came -= failed.keys()
        known = known.after(failed, came, None)
        assert len(known.rows) <= MOST
        assert not known.causes.keys() & came
        assert all(0 <= row.rest <= row.interval <= LONGEST_REST for row in known.rows)
        assert [row.position for row in known.rows] == sorted(known.causes)
