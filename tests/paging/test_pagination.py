"""Walks against lists that live in memory: honest, clamped, shifting, deaf and endless ones."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.inventory.dialects import Paging
from exporter.paging import pagination

OFFSET = Paging()
PAGE = Paging(style="page", size_param="size", position_param="page", first=1)
NONE = Paging(style="none")
CAPS = pagination.Caps(pages=10_000, records=1_000_000)

Answer = tuple[list[int], int | None] | None
"""The records of a page and the announced total; None for a page that cannot be read."""
Serve = Callable[[Mapping[str, str]], Answer]


class Run:
    """A list read to its end, and what was seen on the way."""

    def __init__(
        self,
        serve: Serve,
        how: Paging = OFFSET,
        size: int = 10,
        width: int = 4,
        caps: pagination.Caps = CAPS,
        order: random.Random | None = None,
    ) -> None:
        self.received: Counter[int] = Counter()
        self.asked: list[dict[str, str]] = []
        self.most_flying = 0
        generator = pagination.paginate(how, size, {"status": "1"}, width=width, caps=caps)
        flying = list(next(generator))
        while True:
            self.asked += [dict(query.params) for query in flying if len(self.asked) < query.ordinal]
            self.most_flying = max(self.most_flying, len(flying))
            query = flying.pop(order.randrange(len(flying)) if order else 0)
            try:
                flying += generator.send(self._seen(query, serve(dict(query.params))))
            except StopIteration as stop:
                self.result: pagination.ListResult = stop.value
                break

    def _seen(self, query: pagination.Query, answer: Answer) -> pagination.PageResult:
        if answer is None:
            return pagination.PageResult(query, 0, 0, None, unread=True, error="it answers 504")
        records, total = answer
        new = len(set(records) - set(self.received))
        self.received.update(records)
        return pagination.PageResult(query, len(records), new, total)

    def positions(self, name: str) -> list[int]:
        return [int(params[name]) for params in self.asked]


def offsets(count: int, *, clamp: int = 1000, total: int | None = None, bad: tuple[int, ...] = ()) -> Serve:
    """A list of `count` records with offset and limit, the rows of `bad` unreadable."""

    def serve(params: Mapping[str, str]) -> Answer:
        start = int(params["offset"])
        rows = list(range(start, min(count, start + min(clamp, int(params["limit"])))))
        return None if set(rows) & set(bad) else (rows, total)

    return serve


def pages(count: int, *, clamp: int = 1000, total: int | None = None, bad: tuple[int, ...] = ()) -> Serve:
    """A list of `count` records with page numbers from 1; the pages numbered in `bad` are unreadable."""

    def serve(params: Mapping[str, str]) -> Answer:
        length = min(clamp, int(params["size"]))
        start = (int(params["page"]) - 1) * length
        return None if int(params["page"]) in bad else (list(range(start, min(count, start + length))), total)

    return serve


@given(
    count=st.integers(0, 120),
    clamp=st.integers(1, 40),
    size=st.integers(1, 40),
    width=st.integers(1, 6),
    announced=st.booleans(),
    seed=st.integers(0, 2**32),
    style=st.sampled_from(["offset", "page"]),
)
def test_everything_is_received_exactly_once_for_any_size_clamp_and_order_of_answers(
    count: int, clamp: int, size: int, width: int, announced: bool, seed: int, style: str
) -> None:
    total = count if announced else None
    serve = (offsets if style == "offset" else pages)(count, clamp=clamp, total=total)
    run = Run(serve, OFFSET if style == "offset" else PAGE, size, width, order=random.Random(seed))
    assert run.received == Counter(range(count))
    assert run.result == pagination.ListResult(
        True, total, count, 0, 0, len(run.asked), "", count, page_size=size
    )
    assert run.most_flying <= width


@given(
    visible=st.sets(st.integers(0, 119)),
    size=st.integers(1, 40),
    width=st.integers(1, 6),
    seed=st.integers(0, 2**32),
)
def test_f36_hidden_rows_make_short_and_empty_pages_and_cost_no_visible_row(
    visible: set[int], size: int, width: int, seed: int
) -> None:
    def serve(params: Mapping[str, str]) -> Answer:
        start = int(params["offset"])
        return sorted(visible & set(range(start, start + int(params["limit"])))), 120

    run = Run(serve, OFFSET, size, width, order=random.Random(seed))
    assert set(run.received) == visible
    assert run.result.complete == (len(visible) == 120)
    assert len(run.asked) <= 400


@given(
    count=st.integers(0, 120), size=st.integers(1, 40), width=st.integers(1, 6), seed=st.integers(0, 2**32)
)
def test_f36_pages_that_come_short_at_random_leave_no_gap(
    count: int, size: int, width: int, seed: int
) -> None:
    order = random.Random(seed)

    def serve(params: Mapping[str, str]) -> Answer:
        start, limit = int(params["offset"]), int(params["limit"])
        return list(range(start, min(count, start + order.randint(1, limit)))), count

    run = Run(serve, OFFSET, size, width, order=order)
    assert set(run.received) == set(range(count))
    assert run.result.complete


def test_only_the_first_page_goes_out_before_anything_is_known() -> None:
    for how in (OFFSET, PAGE, NONE):
        queries = next(pagination.paginate(how, 10, {}, width=4, caps=CAPS))
        assert [(query.ordinal, query.first) for query in queries] == [(1, True)]


def test_the_rest_goes_out_at_once_when_a_full_page_comes_with_a_total() -> None:
    run = Run(offsets(35, total=35), width=4)
    assert run.positions("offset") == [0, 10, 20, 30]
    assert run.most_flying == 3


def test_without_a_total_an_offset_walk_asks_one_after_the_other_until_an_empty_page() -> None:
    run = Run(offsets(25), width=4)
    assert run.positions("offset") == [0, 10, 20, 25]
    assert run.most_flying == 1


def test_f35_a_clamped_limit_is_confirmed_once_and_then_asked_for_at_once() -> None:
    run = Run(offsets(20, clamp=4, total=20), size=10, width=4)
    assert run.positions("offset") == [0, 4, 8, 12, 16, 20], "the last one shows that the total is right"
    assert run.most_flying == 3


def test_f36_a_short_first_page_with_a_total_says_nothing_of_the_length_of_the_next() -> None:
    run = Run(lambda params: (list(range(99, 1100)) if params["offset"] == "0" else [], 1100), size=10)
    assert run.result.pages < 10

    def mostly_hidden(params: Mapping[str, str]) -> Answer:
        start = int(params["offset"])
        return [row for row in range(start, start + 100) if 99 <= row < 2000], 2000

    run = Run(mostly_hidden, size=100)
    assert set(run.received) == set(range(99, 2000))
    assert len(run.asked) < 40


def test_f36_only_the_gap_of_a_short_page_is_asked_for() -> None:
    def serve(params: Mapping[str, str]) -> Answer:
        start, limit = int(params["offset"]), int(params["limit"])
        length = 7 if start == 10 else limit
        return list(range(start, min(40, start + length))), 40

    run = Run(serve)
    assert {"status": "1", "limit": "3", "offset": "17"} in run.asked
    assert run.received == Counter(range(40))
    assert run.result.complete


def test_an_empty_answer_to_a_gap_ends_the_matter_of_that_gap() -> None:
    def serve(params: Mapping[str, str]) -> Answer:
        start = int(params["offset"])
        return [row for row in range(start, min(40, start + int(params["limit"]))) if row not in (18, 19)], 40

    run = Run(serve)
    assert run.positions("offset").count(18) == 1
    assert run.result.reason == "announced 40, received 38 different records"


def test_f37_a_total_at_which_the_server_stops_counting_is_not_the_end() -> None:
    run = Run(offsets(100_350, total=100_000), size=500)
    assert run.result.received == 100_350
    assert run.result.complete


def test_f37_a_page_walk_goes_on_behind_a_total_at_which_the_server_stops_counting() -> None:
    run = Run(pages(100_350, total=100_000), PAGE, size=500)
    assert run.result.received == 100_350
    assert run.result.complete


@pytest.mark.parametrize(("how", "kind"), [(OFFSET, offsets), (PAGE, pages)])
def test_f37_a_total_that_is_each_pages_own_length_is_not_believed(
    how: Paging, kind: Callable[..., Serve]
) -> None:
    run = Run(kind(35, total=10), how)
    assert run.result.received == 35


@pytest.mark.parametrize(("how", "kind"), [(OFFSET, offsets), (PAGE, pages)])
def test_f37_a_total_that_is_too_small_is_overtaken(how: Paging, kind: Callable[..., Serve]) -> None:
    run = Run(kind(65, total=15), how)
    assert run.result.received == 65
    assert run.result.complete


@pytest.mark.parametrize(("how", "kind"), [(OFFSET, offsets), (PAGE, pages)])
def test_f37_a_total_that_is_too_large_makes_the_walk_incomplete(
    how: Paging, kind: Callable[..., Serve]
) -> None:
    run = Run(kind(25, total=52), how)
    assert run.result.received == 25
    assert run.result.reason == "announced 52, received 25 different records"


def test_f37_of_a_total_that_changes_the_larger_of_the_first_and_the_last_counts() -> None:
    totals = iter([30, 99, 28, 28])

    def serve(params: Mapping[str, str]) -> Answer:
        start = int(params["offset"])
        return list(range(start, min(28, start + 10))), next(totals)

    run = Run(serve, width=1)
    assert run.result.expected == 30
    assert run.result.reason == "announced 30, received 28 different records"


def test_f37_a_total_that_only_some_pages_announce_counts_from_then_on() -> None:
    def serve(params: Mapping[str, str]) -> Answer:
        start = int(params["offset"])
        return list(range(start, min(95, start + 10))), 95 if start == 10 else None

    run = Run(serve)
    assert run.most_flying == 4
    assert run.positions("offset") == list(range(0, 100, 10))
    assert run.result.complete


def test_f38_records_that_shift_while_one_pages_make_the_walk_incomplete() -> None:
    rows = list(range(40))

    def serve(params: Mapping[str, str]) -> Answer:
        start = int(params["offset"])
        answer = rows[start : start + 10], 40
        del rows[0]  # a record goes, and all others move up: one is missed at the border of each two pages
        return answer

    run = Run(serve)
    assert run.received.total() == 37
    assert run.result.reason == "announced 40, received 37 different records"


def test_f34_a_server_that_gives_the_whole_list_every_time_is_taken_once() -> None:
    run = Run(lambda _: (list(range(77)), None))
    assert len(run.asked) == 2
    assert run.result.complete
    assert run.result.received == 77


@pytest.mark.parametrize("how", [OFFSET, PAGE])
@pytest.mark.parametrize("total", [None, 100])
def test_f34_a_first_page_that_comes_for_ever_is_incomplete_and_names_the_parameter(
    how: Paging, total: int | None
) -> None:
    run = Run(lambda _: (list(range(10)), total), how)
    assert len(run.asked) <= 6
    assert not run.result.complete
    assert run.result.reason.endswith(f"every page repeats the first: the API ignores {how.position_param}")


def test_f34_a_short_first_page_that_comes_for_ever_is_the_whole_list() -> None:
    for how in (OFFSET, PAGE):
        run = Run(lambda _: (list(range(7)), None), how)
        assert run.result.complete
        assert len(run.asked) == 2


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("count", [15, 50])
def test_a_server_that_gives_its_last_page_for_every_number_behind_it_loses_nothing(
    seed: int, count: int
) -> None:
    def serve(params: Mapping[str, str]) -> Answer:
        start = min((int(params["page"]) - 1) * 10, (count - 1) // 10 * 10)
        return list(range(start, min(count, start + 10))), None

    run = Run(serve, PAGE, order=random.Random(seed))
    assert set(run.received) == set(range(count))
    assert run.result.complete


def test_page_numbers_begin_where_the_dialect_says() -> None:
    how = Paging(style="page", position_param="page", first=0)
    run = Run(lambda params: ([int(params["page"])] if int(params["page"]) < 3 else [], 3), how, size=1)
    assert run.positions("page") == [0, 1, 2, 3]


def test_a_full_first_page_without_a_total_is_followed_by_pages_on_speculation() -> None:
    run = Run(pages(95), PAGE, width=4)
    assert run.most_flying == 4
    assert run.positions("page")[:5] == [1, 2, 3, 4, 5]
    assert len(run.asked) <= 10 + 4
    assert run.result.complete


@pytest.mark.parametrize("seed", range(20))
def test_a_short_page_in_the_middle_does_not_end_a_list_whose_later_pages_have_records(seed: int) -> None:
    def serve(params: Mapping[str, str]) -> Answer:
        number = int(params["page"])
        return list(range(number * 100, number * 100 + (9 if number == 3 else 10 * (number < 12)))), None

    run = Run(serve, PAGE, width=4, order=random.Random(seed))
    assert run.result.received == 109
    assert run.result.complete


def test_a_short_page_that_arrives_after_a_later_one_is_not_the_end() -> None:
    generator = pagination.paginate(PAGE, 10, {}, width=3, caps=CAPS)
    first = next(generator)[0]
    second, third, fourth = generator.send(pagination.PageResult(first, 10, 10, None))
    assert len(generator.send(pagination.PageResult(fourth, 10, 10, None))) == 1
    assert len(generator.send(pagination.PageResult(third, 10, 10, None))) == 1
    assert len(generator.send(pagination.PageResult(second, 9, 9, None))) == 1


def test_a_short_page_behind_a_full_one_is_the_end_without_another_question() -> None:
    run = Run(pages(15), PAGE, width=1)
    assert run.positions("page") == [1, 2]
    assert run.result.complete


def test_a_first_page_whose_records_another_list_brought_already_is_not_the_end() -> None:
    for how in (OFFSET, PAGE):
        generator = pagination.paginate(how, 10, {}, width=1, caps=CAPS)
        first = next(generator)[0]
        assert len(generator.send(pagination.PageResult(first, 10, 0, None))) == 1


def test_a_clamped_first_page_without_a_total_is_found_out_by_the_second() -> None:
    run = Run(pages(23, clamp=4), PAGE)
    assert run.received == Counter(range(23))
    assert run.positions("page")[:2] == [1, 2]


def test_with_a_total_exactly_the_pages_needed_are_asked_for() -> None:
    run = Run(pages(1003, total=1003), PAGE, size=40, width=4)
    assert sorted(run.positions("page")) == list(range(1, 27))
    assert run.most_flying == 4


def test_a_list_without_paging_is_one_query_without_paging_parameters() -> None:
    run = Run(lambda _: ([1, 2, 3], None), NONE)
    assert run.asked == [{"status": "1"}]
    assert run.result.complete


def test_a_list_without_paging_whose_only_later_news_is_a_failure_is_incomplete() -> None:
    run = Run(lambda _: None, NONE)
    assert (run.result.unread_pages, run.result.unread_records, run.result.complete) == (1, 10, False)


def test_an_empty_list_is_complete() -> None:
    for how in (OFFSET, PAGE, NONE):
        for total in (None, 0):
            run = Run(lambda _, total=total: ([], total), how)  # type: ignore[misc]
            assert len(run.asked) == 1
            assert run.result.complete


def test_an_empty_first_page_does_not_end_a_list_that_announces_records() -> None:
    def serve(params: Mapping[str, str]) -> Answer:
        start = int(params["offset"])
        return [row for row in range(start, min(60, start + 10)) if row >= 20], 60

    run = Run(serve)
    assert set(run.received) == set(range(20, 60))
    page = Run(lambda params: ([int(params["page"])] if params["page"] != "1" else [], 30), PAGE)
    assert page.result.received >= 2


def test_a_parameter_of_the_walk_wins_over_one_of_the_query() -> None:
    query = next(pagination.paginate(OFFSET, 10, {"limit": "7", "a": "b"}, width=1, caps=CAPS))[0]
    assert query.params == (("limit", "10"), ("a", "b"), ("offset", "0"))


def test_a_parameter_without_a_name_is_not_sent() -> None:
    how = Paging(style="page", size_param="", position_param="page")
    assert next(pagination.paginate(how, 10, {}, width=1, caps=CAPS))[0].params == (("page", "1"),)


@pytest.mark.parametrize("total", [100, None])
def test_f40_one_unread_page_costs_only_its_own_records(total: int | None) -> None:
    run = Run(offsets(100, total=total, bad=(55,)))
    assert set(run.received) == set(range(100)) - set(range(50, 60))
    assert (run.result.unread_pages, run.result.unread_records) == (1, 10)
    assert run.result.reason.startswith(
        "1 page could not be read (about 10 records, the last because it answers 504)"
    )
    assert not run.result.complete


@pytest.mark.parametrize("total", [95, None])
def test_f40_one_unread_page_number_costs_only_its_own_records(total: int | None) -> None:
    run = Run(pages(95, total=total, bad=(5,)), PAGE)
    assert set(run.received) == set(range(95)) - set(range(40, 50))
    assert (run.result.unread_pages, run.result.unread_records) == (1, 10)
    assert not run.result.complete


def test_f40_the_estimate_of_an_unread_last_page_ends_at_the_total() -> None:
    for how, kind, bad in ((OFFSET, offsets, (92,)), (PAGE, pages, (10,))):
        result = Run(kind(93, total=93, bad=bad), how).result
        assert (result.unread_pages, result.unread_records, result.received) == (1, 3, 90)


def test_the_estimate_of_an_unread_page_ends_at_the_total_before_the_length_of_pages_is_known() -> None:
    result = Run(offsets(6, clamp=4, total=6, bad=(5,))).result
    assert (result.unread_pages, result.unread_records) == (1, 2)


def test_pages_that_cannot_be_read_now_and_then_do_not_end_the_walk() -> None:
    for serve, how in ((offsets(200, bad=(15, 45, 75, 105)), OFFSET), (pages(200, bad=(2, 5, 8, 11)), PAGE)):
        run = Run(serve, how)
        assert (run.result.unread_pages, run.result.received) == (4, 160)


def test_three_unread_pages_in_a_row_make_an_unannounced_end_unknowable() -> None:
    offset = Run(lambda params: ([*range(10)], None) if params["offset"] == "0" else None)
    page = Run(lambda params: ([*range(10)], None) if params["page"] == "1" else None, PAGE, width=1)
    for run in (offset, page):
        assert len(run.asked) == 4
        assert (run.result.unread_pages, run.result.complete) == (3, False)


def test_an_unread_second_page_does_not_stop_a_clamped_walk() -> None:
    run = Run(pages(30, clamp=4, total=30, bad=(2,)), PAGE)
    assert set(run.received) == set(range(30)) - set(range(4, 8))


def test_f41_endless_pages_end_at_the_cap_on_pages() -> None:
    run = Run(offsets(10**9), caps=pagination.Caps(pages=5, records=10**9))
    assert run.result.pages == 5
    assert run.result.reason == "stopped after 5 pages, which is limits.pages"


def test_f41_endless_pages_end_at_the_cap_on_records() -> None:
    run = Run(pages(10**9), PAGE, caps=pagination.Caps(pages=10**9, records=55))
    assert run.result.received == 60
    assert run.result.reason == "stopped after 60 records, more than limits.records"


@pytest.mark.parametrize(("serve", "how"), [(offsets, OFFSET), (pages, PAGE)])
def test_f41_a_total_that_no_inventory_can_have_is_not_run_after(
    serve: Callable[..., Serve], how: Paging
) -> None:
    run = Run(serve(35, total=10**15), how)
    assert (run.result.received, run.result.expected) == (35, None)
    assert len(run.asked) < 10
    assert run.result.reason == f"announced {10**15}, which is more than limits.records, and not believed"


def test_f41_a_cap_on_pages_that_is_just_enough_is_no_fault() -> None:
    assert Run(offsets(35, total=35), caps=pagination.Caps(pages=4, records=35)).result.complete


@pytest.mark.parametrize("width", [1, 2, 4, 6])
@pytest.mark.parametrize("seed", range(5))
def test_records_hidden_after_the_cut_end_no_list_of_page_numbers_too_early(width: int, seed: int) -> None:
    hidden = {*range(3, 400, 19), *range(155, 245)}  # here and there, and two whole pages

    def serve(params: Mapping[str, str]) -> Answer:
        start = (int(params["page"]) - 1) * 40
        return [row for row in range(start, min(400, start + 40)) if row not in hidden], None

    run = Run(serve, PAGE, 40, width, order=random.Random(seed))
    assert run.received == Counter(set(range(400)) - hidden)
    assert run.result.complete


def test_what_positions_count_is_checked_in_a_smaller_page_size_too() -> None:
    caps = pagination.Caps(100, 1000)
    generator = pagination.paginate(OFFSET, 4, {}, width=1, caps=caps, unit="unknown")
    (query,) = next(generator)
    (query,) = generator.send(pagination.PageResult(query, 0, 0, None, 400, unread=True))
    (query,) = generator.send(pagination.PageResult(query, 2, 2, None))
    (query,) = generator.send(pagination.PageResult(query, 0, 0, None))
    assert (query.role, query.params) == ("unit", (("limit", "2"), ("offset", "1")))
