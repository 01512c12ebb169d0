"""Pages that always fail, taken apart until their bad rows stand alone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.inventory.dialects import Paging
from exporter.paging import pagination
from exporter.paging.bisect import MOST_PARTS
from exporter.paging.strategies import NextPage
from tests.paging.rows import OFFSET, PAGE, RANGE, STYLES, Run, Server

EVERY_STYLE = pytest.mark.parametrize("how", [OFFSET, PAGE, RANGE], ids=list(STYLES))
FEW = st.sets(st.integers(0, 119), max_size=4)


@settings(deadline=None)
@given(
    count=st.integers(0, 120),
    size=st.integers(2, 40),
    width=st.integers(1, 6),
    bad=FEW,
    announced=st.booleans(),
    seed=st.integers(0, 2**32),
    style=st.sampled_from(sorted(STYLES)),
)
def test_f18_everything_but_the_bad_rows_is_received_exactly_once(
    count: int, size: int, width: int, bad: set[int], announced: bool, seed: int, style: str
) -> None:
    bad = {row for row in bad if row < count}
    if {0, size // 2, size} <= bad or count == len(bad):
        return  # nothing tells such a list from an API that is down
    run = Run(Server(count, bad, announced=announced), STYLES[style], size, width=width, seed=seed)
    assert run.received.keys() == set(range(count)) - bad
    assert run.result.complete == (not bad)
    assert run.result.unread_records >= len(bad)
    if not run.result.unread_pages:
        assert run.received.total() == count - len(bad)
        assert (run.result.unread_records, run.bad) == (len(bad), sorted(bad))
    assert run.most_flying <= width
    assert run.parts <= MOST_PARTS + 3


@settings(deadline=None)
@given(
    count=st.integers(0, 120),
    size=st.integers(1, 40),
    width=st.integers(1, 6),
    rows=st.tuples(FEW, FEW, st.sets(st.integers(0, 119), max_size=30)),
    clamp=st.integers(1, 40),
    fixed=st.sampled_from([0, 0, 1, 5, 10, 33]),
    announced=st.booleans(),
    seed=st.integers(0, 2**32),
    style=st.sampled_from(sorted(STYLES)),
)
def test_whatever_the_server_does_a_walk_ends_soon_and_is_complete_only_with_everything(
    count: int,
    size: int,
    width: int,
    rows: tuple[set[int], set[int], set[int]],
    clamp: int,
    fixed: int,
    announced: bool,
    seed: int,
    style: str,
) -> None:
    bad, shaky, hidden = rows
    hidden = hidden if announced else set()  # nobody can know of hidden ones without a total
    server = Server(count, bad, set(shaky), clamp, fixed, announced, hidden)
    run = Run(server, STYLES[style], size, width=width, seed=seed)
    assert not run.received.keys() & bad
    if run.result.complete:
        assert run.received.keys() == set(range(count))
    assert run.result.received == len(run.received)
    assert len(run.asked) <= 3 * (count + 10) + MOST_PARTS * 3


@EVERY_STYLE
def test_f18_one_bad_row_costs_one_record_and_a_few_requests(how: Paging) -> None:
    run = Run(Server(200, {57}), how, 32)
    assert run.received == Counter(set(range(200)) - {57})
    assert run.parts == 10  # twice the number of halvings of 32
    result = run.result
    assert (result.complete, result.unread_pages, result.unread_records) == (False, 0, 1)
    assert result.reason == ("row 58 cannot be read: 504; announced 200, received 199 different records")


def test_several_bad_rows_are_named_by_the_first_and_counted() -> None:
    run = Run(Server(200, {57, 58, 123, 199}, announced=False, cause="timeout"))
    assert run.result.reason == "row 58 (and 3 more) cannot be read: timeout"
    assert run.result.unread_records == 4


@EVERY_STYLE
@settings(deadline=None)
@given(bad=st.sets(st.integers(0, 639), max_size=8), seed=st.integers(0, 2**32))
def test_a_bad_row_costs_no_more_than_two_requests_for_each_halving(
    how: Paging, bad: set[int], seed: int
) -> None:
    run = Run(Server(640, bad - {0, 32, 64}), how, 64, seed=seed)
    assert run.parts <= len(bad) * (2 * 6 + 2)


@EVERY_STYLE
@pytest.mark.parametrize("announced", [True, False])
def test_f18_a_bad_row_on_the_first_page_costs_no_more(how: Paging, announced: bool) -> None:
    run = Run(Server(95, {3}, announced=announced), how)
    assert run.received == Counter(set(range(95)) - {3})
    assert (run.result.unread_records, run.bad) == (1, [3])
    assert [query.first for query in run.asked] == [True] + [False] * (len(run.asked) - 1)


@EVERY_STYLE
@pytest.mark.parametrize("announced", [True, False])
def test_a_list_of_one_page_with_a_bad_row_is_read(how: Paging, announced: bool) -> None:
    run = Run(Server(30, {17}, announced=announced), how, 40)
    assert run.received == Counter(set(range(30)) - {17})
    assert (run.result.unread_pages, run.bad) == (0, [17])


@EVERY_STYLE
def test_a_first_row_that_is_bad_is_found_by_the_probe_behind_it(how: Paging) -> None:
    run = Run(Server(95, {0, 5}), how)
    assert [query.role for query in run.asked[:4]] == ["page", "probe", "probe", "probe"]
    assert run.received.keys() == set(range(95)) - {0, 5}


@EVERY_STYLE
def test_an_api_that_is_down_costs_three_probes_and_not_one_request_for_a_part(how: Paging) -> None:
    run = Run(Server(95, is_down=True), how)
    assert [query.role for query in run.asked] == ["page", "probe", "probe", "probe"]
    assert (run.result.received, run.result.complete) == (0, False)
    assert run.result.reason.startswith("1 page could not be read (about 10 records, the last because")


@pytest.mark.parametrize("cause", ["503", "connect", "envelope", ""])
def test_a_failure_of_the_apis_own_takes_no_page_apart(cause: str) -> None:
    run = Run(Server(95, {55}, cause=cause))
    assert (run.parts, run.result.unread_pages, run.result.unread_records) == (0, 1, 10)
    first = Run(Server(95, {5}, cause=cause))
    assert (len(first.asked), first.result.received) == (1, 0)


def test_a_probe_that_fails_otherwise_ends_the_walk() -> None:
    generator = pagination.paginate(OFFSET, 10, {}, width=4, caps=pagination.Caps(100, 1000))
    (query,) = next(generator)
    (probe,) = generator.send(pagination.PageResult(query, 0, 0, None, unread=True, cause="504"))
    assert (probe.role, probe.params) == ("probe", (("limit", "1"), ("offset", "0")))
    with pytest.raises(StopIteration):
        generator.send(pagination.PageResult(probe, 0, 0, None, unread=True, cause="connect"))


@pytest.mark.parametrize("style", ["link", "cursor", "none"])
def test_a_page_that_only_the_one_before_leads_to_is_given_up_alone(style: str) -> None:
    generator = pagination.paginate(Paging(style=style), 10, {}, width=4, caps=pagination.Caps(100, 1000))  # type: ignore[arg-type]
    (query,) = next(generator)
    with pytest.raises(StopIteration) as stop:
        generator.send(pagination.PageResult(query, 0, 0, None, unread=True, cause="504"))
    assert (stop.value.value.unread_pages, stop.value.value.received) == (1, 0)


def test_nothing_is_taken_apart_where_no_size_is_asked_for() -> None:
    generator = pagination.paginate(Paging(size_param=""), 10, {}, width=4, caps=pagination.Caps(100, 1000))
    (query,) = next(generator)
    (query,) = generator.send(pagination.PageResult(query, 10, 10, 20))
    with pytest.raises(StopIteration) as stop:
        generator.send(pagination.PageResult(query, 0, 0, None, unread=True, cause="504"))
    assert stop.value.value.unread_records == 10


def test_a_page_that_fails_once_and_then_comes_in_parts_is_complete() -> None:
    for how in STYLES.values():
        run = Run(Server(95, shaky={55}), how)
        assert run.result.complete
        assert run.received == Counter(range(95))


def test_a_server_that_ignores_sizes_is_found_out_and_its_page_left_unread() -> None:
    for shaky, bad in (({55}, set[int]()), (set[int](), {55})):
        run = Run(Server(200, bad, shaky, fixed=10), PAGE)
        assert (run.result.complete, run.result.unread_pages, run.result.unread_records) == (False, 1, 10)
        assert run.bad == []
    beyond = Run(Server(95, shaky={55}, fixed=10, announced=False), PAGE)
    assert (beyond.result.complete, beyond.result.unread_pages) == (False, 1)


def test_a_clamped_list_is_taken_apart_by_what_the_server_gives() -> None:
    for how in STYLES.values():
        run = Run(Server(95, {3, 55}, clamp=10), how, 40)
        assert run.received.keys() == set(range(95)) - {3, 55}
        assert run.bad == [3, 55]


def test_many_bad_pages_end_the_search_and_the_rest_is_left_unread() -> None:
    bad = set(range(5, 4000, 20))
    run = Run(Server(4000, bad), OFFSET, 40)
    assert run.parts <= MOST_PARTS + 1
    result = run.result
    assert (result.unread_records, result.received) == (4000 - len(run.received), len(run.received))
    assert result.unread_pages > 0
    assert len(run.bad) > 10
    assert result.reason.startswith(f"{result.unread_pages} pages could not be read (about ")


def test_when_nothing_comes_of_any_page_the_rest_is_given_up() -> None:
    run = Run(Server(4000, set(range(1000, 3000))), OFFSET, 40)
    assert run.parts <= 50
    assert (run.result.unread_pages, run.result.unread_records) == (50, 2000)
    assert run.bad == []


def test_a_list_goes_on_behind_three_pages_with_bad_rows_when_these_have_come() -> None:
    for how in STYLES.values():
        run = Run(Server(200, {15, 25, 35}, announced=False), how, width=1)
        assert run.received.keys() == set(range(200)) - {15, 25, 35}
        assert run.result.reason == "row 16 (and 2 more) cannot be read: 504"


def test_parts_count_as_pages_before_the_cap() -> None:
    run = Run(Server(100, {55}), caps=pagination.Caps(pages=12, records=1000))
    assert len(run.asked) == 12
    assert run.result.reason.startswith("stopped after 12 pages, which is limits.pages; 1 page could not")


def test_a_page_of_one_record_that_fails_is_a_bad_row_without_another_request() -> None:
    for how in STYLES.values():
        run = Run(Server(20, {7}), how, 1)
        assert (run.parts, run.bad, run.result.unread_records) == (0, [7], 1)


def test_a_later_link_that_fails_is_given_up_with_what_is_behind_it() -> None:
    generator = pagination.paginate(Paging(style="link"), 10, {}, width=4, caps=pagination.Caps(100, 1000))
    (query,) = next(generator)
    (query,) = generator.send(
        pagination.PageResult(query, 10, 10, 35, next_page=NextPage(link="http://a/?p=2"))
    )
    with pytest.raises(StopIteration) as stop:
        generator.send(pagination.PageResult(query, 0, 0, None, unread=True, cause="504"))
    assert (stop.value.value.unread_pages, stop.value.value.unread_records) == (1, 25)


def test_a_failure_of_the_apis_own_among_the_parts_leaves_the_rest_unread() -> None:
    generator = pagination.paginate(OFFSET, 10, {}, width=2, caps=pagination.Caps(100, 1000))
    (query,) = next(generator)
    (query,) = generator.send(pagination.PageResult(query, 10, 10, 20))
    left, right = generator.send(pagination.PageResult(query, 0, 0, None, unread=True, cause="504"))
    assert generator.send(pagination.PageResult(left, 0, 0, None, unread=True, cause="503")) == ()
    with pytest.raises(StopIteration) as stop:
        generator.send(pagination.PageResult(right, 3, 3, 20))
    result = stop.value.value
    assert (result.received, result.unread_pages, result.unread_records) == (13, 1, 7)


def test_a_part_that_comes_short_is_followed_by_its_rest() -> None:
    generator = pagination.paginate(OFFSET, 10, {}, width=1, caps=pagination.Caps(100, 1000))
    (query,) = next(generator)
    (query,) = generator.send(pagination.PageResult(query, 10, 10, 20))
    (query,) = generator.send(pagination.PageResult(query, 0, 0, None, unread=True, cause="504"))
    (query,) = generator.send(pagination.PageResult(query, 2, 2, 20))
    assert dict(query.params) == {"limit": "3", "offset": "12"}


def test_with_the_requests_for_parts_used_up_a_part_stays_unread() -> None:
    bad = set(range(5, 4000, 80))
    run = Run(Server(4000, bad), OFFSET, 80)
    assert run.parts <= MOST_PARTS + 1
    assert run.result.unread_pages > 0
    assert run.result.unread_records == 4000 - len(run.received)
    assert set(run.bad) <= bad


def test_a_page_that_comes_short_where_a_clamp_is_possible_is_taken_apart_too() -> None:
    run = Run(Server(15, {3}, clamp=10, announced=False), PAGE, 40)
    assert run.received.keys() == set(range(15)) - {3}
    assert run.bad == [3]


def test_a_page_that_fails_behind_the_announced_end_is_unread_and_nothing_else() -> None:
    run = Run(Server(3, shaky={0}, clamp=1, fixed=5), STYLES["page"], 1, width=1, seed=0)
    assert not run.result.complete
    assert run.result.unread_pages == 1
