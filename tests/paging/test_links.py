"""Walks along links and cursors, through lists in memory that lead on, astray, in circles or nowhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.inventory.dialects import Paging
from exporter.paging import pagination
from exporter.paging.strategies import NO_NEXT_PAGE, NextPage

LINK = Paging(style="link")
CURSOR = Paging(style="cursor")
BOTH = pytest.mark.parametrize("how", [LINK, CURSOR], ids=["link", "cursor"])
CAPS = pagination.Caps(pages=10_000, records=1_000_000)
ROOT = "https://inventory.example/service"

Answer = tuple[list[int], int | None, str] | int
"""The records of a page, the announced total and the token of the next page, "" for none; or a status."""
Serve = Callable[[str, int], Answer]
"""From a token ("" for the first page) and the number of records asked for to the answer."""


def way(how: Paging, token: str) -> NextPage:
    if not token or token == "!":
        return NextPage(flaw="the link leads astray") if token else NO_NEXT_PAGE
    return NextPage(link=f"{ROOT}?t={token}") if how is LINK else NextPage(cursor=token)


class Run:
    """A list read to its end, and what was seen on the way."""

    def __init__(
        self, serve: Serve, how: Paging = LINK, size: int = 10, caps: pagination.Caps = CAPS
    ) -> None:
        self.received: Counter[int] = Counter()
        self.tokens: list[str] = []
        self.queries: list[pagination.Query] = []
        self._size, self._how = size, how
        generator = pagination.paginate(how, size, {"status": "1"}, width=4, caps=caps)
        due = next(generator)
        try:
            while True:
                (query,) = due
                self.queries.append(query)
                due = generator.send(self._seen(query, serve(self._token(query), size)))
        except StopIteration as stop:
            self.result: pagination.ListResult = stop.value

    def _token(self, query: pagination.Query) -> str:
        params = dict(query.params)
        self.tokens.append(query.url.partition("?t=")[2] or params.get("after", ""))
        if query.url:
            assert not params
        else:
            assert (params["status"], params["limit"]) == ("1", str(self._size))
        assert not query.headers
        return self.tokens[-1]

    def _seen(self, query: pagination.Query, answer: Answer) -> pagination.PageResult:
        if isinstance(answer, int):
            return pagination.PageResult(
                query, 0, 0, None, answer, unread=answer not in (404, 416), error=f"it answers {answer}"
            )
        records, total, token = answer
        new = len(set(records) - set(self.received))
        self.received.update(records)
        return pagination.PageResult(query, len(records), new, total, next_page=way(self._how, token))


def leading(count: int, *, clamp: int = 1000, total: int | None = None, end: str = "") -> Serve:
    """A list of `count` records whose last page leads to `end`."""

    def serve(token: str, limit: int) -> Answer:
        start = int(token or 0)
        stop = min(count, start + min(limit, clamp))
        return list(range(start, stop)), total, str(stop) if stop < count else end

    return serve


@given(
    count=st.integers(0, 120),
    clamp=st.integers(1, 40),
    size=st.integers(1, 40),
    announced=st.booleans(),
    how=st.sampled_from([LINK, CURSOR]),
)
def test_everything_is_received_exactly_once_in_one_request_a_page(
    count: int, clamp: int, size: int, announced: bool, how: Paging
) -> None:
    total = count if announced else None
    run = Run(leading(count, clamp=clamp, total=total), how, size)
    pages = max(1, -(-count // min(clamp, size)))
    alone = not announced and pages == 1 and count >= size
    assert run.received == Counter(range(count))
    assert (run.result.complete, run.result.received, run.result.pages) == (not alone, count, pages)
    assert len(run.queries) == pages


@given(visible=st.sets(st.integers(0, 119)), size=st.integers(1, 40), how=st.sampled_from([LINK, CURSOR]))
def test_f36_hidden_rows_make_short_and_empty_pages_and_cost_no_visible_row(
    visible: set[int], size: int, how: Paging
) -> None:
    def serve(token: str, limit: int) -> Answer:
        start = int(token or 0)
        rows = sorted(visible & set(range(start, start + limit)))
        return rows, None, str(start + limit) if start + limit < 120 else ""

    run = Run(serve, how, size)
    assert set(run.received) <= visible
    if set(run.received) < visible:
        assert run.result.reason.startswith("100 pages in a row brought nothing new")


def test_the_first_link_query_has_the_size_and_no_position() -> None:
    first = next(pagination.paginate(LINK, 10, {"status": "1"}, width=4, caps=CAPS))
    assert first == (
        pagination.Query(
            (("status", "1"), ("limit", "10")), ordinal=1, first=True, page_size=10, paging=LINK
        ),
    )


def test_a_link_is_followed_as_it_is_without_any_parameter_of_ours() -> None:
    run = Run(leading(15))
    assert run.queries[1] == pagination.Query(
        (), 2, first=False, url=f"{ROOT}?t=10", page_size=10, paging=LINK
    )


def test_a_cursor_is_sent_beside_the_query_under_the_dialects_name() -> None:
    how = Paging(style="cursor", cursor_param="next")
    generator = pagination.paginate(how, 10, {"status": "1"}, width=4, caps=CAPS)
    (first,) = next(generator)
    (query,) = generator.send(pagination.PageResult(first, 10, 10, None, next_page=NextPage(cursor="a/b=")))
    assert query.params == (("status", "1"), ("limit", "10"), ("next", "a/b="))
    assert query.url == ""


@BOTH
@pytest.mark.parametrize("total", [None, 35])
def test_f39_a_circle_is_left_at_once(how: Paging, total: int | None) -> None:
    run = Run(leading(35, total=total, end="10"), how)
    assert run.tokens == ["", "10", "20", "30"]
    assert run.result.complete == (total == 35)
    if total is None:
        assert run.result.reason == (
            "the pages lead in a circle: the last one back to one that was read before"
        )


@BOTH
def test_f39_a_page_that_leads_to_itself_is_a_circle(how: Paging) -> None:
    run = Run(lambda token, limit: ([int(token or 0)], None, "7"), how)
    assert run.tokens == ["", "7"]
    assert "in a circle" in run.result.reason


@BOTH
@pytest.mark.parametrize("total", [None, 25])
def test_f39_a_way_back_to_the_first_page_under_another_name_ends_where_it_is_known_again(
    how: Paging, total: int | None
) -> None:
    run = Run(leading(25, total=total, end="0"), how)
    assert run.tokens == ["", "10", "20", "0"]
    assert set(run.received) == set(range(25))
    assert run.result.complete == (total == 25)


@BOTH
@pytest.mark.parametrize("total", [None, 35, 40])
def test_f39_a_link_that_leads_astray_ends_the_walk_which_only_a_total_can_call_complete(
    how: Paging, total: int | None
) -> None:
    run = Run(leading(35, total=total, end="!"), how)
    assert set(run.received) == set(range(35))
    assert run.result.complete == (total == 35)
    assert ("the link leads astray" in run.result.reason) == (total != 35)


@BOTH
def test_f37_a_total_at_which_the_server_stops_counting_dispels_no_doubt(how: Paging) -> None:
    run = Run(leading(100_000, total=100_000, end="!"), how, size=5000)
    assert run.result.reason == "the link leads astray"
    assert Run(leading(100_300, total=100_000), how, size=5000).result.complete


@BOTH
def test_f37_a_total_that_is_larger_than_the_chain_makes_it_incomplete(how: Paging) -> None:
    assert Run(leading(35, total=52), how).result.reason == "announced 52, received 35 different records"


@BOTH
def test_f34_a_server_that_ignores_its_own_cursors_is_left_after_ten_pages(how: Paging) -> None:
    calls = iter(range(1, 10_000))
    run = Run(lambda token, limit: (list(range(10)), None, str(next(calls))), how)
    assert len(run.queries) == 11
    assert run.result.received == 10
    assert run.result.reason == "10 pages in a row brought nothing new, and each leads on to another"


@BOTH
def test_f34_the_same_full_page_again_with_nothing_behind_it_is_incomplete(how: Paging) -> None:
    answers = iter(["7", ""])
    run = Run(lambda token, limit: (list(range(10)), None, next(answers)), how)
    named = "its own links" if how is LINK else "after"
    assert run.result.reason == f"every page repeats the first: the API ignores {named}"


@BOTH
def test_f36_an_empty_page_that_leads_on_is_no_end(how: Paging) -> None:
    def serve(token: str, limit: int) -> Answer:
        start = int(token or 0)
        return [start] if start % 3 == 0 else [], None, str(start + 1) if start < 9 else ""

    run = Run(serve, how)
    assert set(run.received) == {0, 3, 6, 9}
    assert run.result.complete


@BOTH
def test_f41_endless_empty_pages_are_left_after_a_hundred(how: Paging) -> None:
    run = Run(lambda token, limit: ([], None, f"{int(token or 0) + 1}"), how)
    assert len(run.queries) == 100
    assert "100 pages in a row brought nothing new" in run.result.reason


@BOTH
def test_an_empty_page_that_repeats_its_own_cursor_is_the_end(how: Paging) -> None:
    def serve(token: str, limit: int) -> Answer:
        start = int(token or 0)
        return list(range(start, min(25, start + limit))), None, str(min(25, start + limit))

    run = Run(serve, how)
    assert run.tokens == ["", "10", "20", "25"]
    assert run.result.complete


@BOTH
def test_an_empty_list_is_complete(how: Paging) -> None:
    for total in (None, 0):
        assert Run(leading(0, total=total), how).result.complete


@BOTH
def test_a_full_first_page_that_leads_nowhere_is_doubted_unless_a_total_says_that_it_is_all(
    how: Paging,
) -> None:
    assert Run(leading(10), how).result.reason == (
        "the first page is full, but it has neither a link or cursor to the next page nor a total"
    )
    assert Run(leading(10, total=10), how).result.complete
    assert Run(leading(9), how).result.complete
    assert Run(leading(20), how).result.complete


@BOTH
@pytest.mark.parametrize(("total", "behind"), [(None, 10), (100, 50)])
def test_f40_an_unread_page_ends_the_walk_for_nobody_knows_what_is_behind_it(
    how: Paging, total: int | None, behind: int
) -> None:
    plain = leading(100, total=total)
    run = Run(lambda token, limit: 504 if token == "50" else plain(token, limit), how)
    assert set(run.received) == set(range(50))
    assert (run.result.unread_pages, run.result.unread_records) == (1, behind)
    assert (
        f"1 page could not be read (about {behind} records, the last because it answers 504)"
        in run.result.reason
    )


@BOTH
def test_a_cursor_that_the_api_has_forgotten_is_no_end(how: Paging) -> None:
    plain = leading(100)
    run = Run(lambda token, limit: 404 if token == "50" else plain(token, limit), how)
    assert run.result.reason == "the API led on to a page and then answered 404 to it"


@BOTH
def test_a_page_behind_the_end_that_answers_416_is_the_end(how: Paging) -> None:
    plain = leading(20, end="20")
    run = Run(lambda token, limit: 416 if token == "20" else plain(token, limit), how)
    assert run.result.complete


@BOTH
def test_f41_endless_pages_end_at_the_caps(how: Paging) -> None:
    endless = leading(10**9)
    assert Run(endless, how, caps=pagination.Caps(5, 10**9)).result.reason == (
        "stopped after 5 pages, which is limits.pages"
    )
    assert Run(endless, how, caps=pagination.Caps(10**9, 55)).result.reason == (
        "stopped after 60 records, more than limits.records"
    )


@BOTH
def test_f38_records_that_shift_while_one_pages_make_the_walk_incomplete(how: Paging) -> None:
    rows = list(range(40))

    def serve(token: str, limit: int) -> Answer:
        start = int(token or 0)
        answer = rows[start : start + 10]
        rows.insert(0, 1000 + start)
        return answer, 40, str(start + 10) if start < 30 else ""

    assert Run(serve, how).result.reason == "announced 40, received 37 different records"
