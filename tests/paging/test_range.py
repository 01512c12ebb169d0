"""Walks by Range header, and the size of a page that an API refuses."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.inventory.dialects import PAGING_STYLES, Paging
from exporter.paging import pagination

RANGE = Paging(style="range")
CAPS = pagination.Caps(pages=10_000, records=1_000_000)

Answer = tuple[list[int], int | None] | int
"""The records of a page and the announced total; or the status of a refusal."""


def spans(
    count: int, *, clamp: int = 1000, total: int | None = None, first: int = 1
) -> Callable[[str], Answer]:
    """A list of `count` records by Range; 416 behind its end."""

    def serve(span: str) -> Answer:
        unit, _, between = span.partition("=")
        start, last = (int(text) - first for text in between.split("-"))
        assert (unit, start >= 0) == ("items", True)
        rows = list(range(start, min(count, start + clamp, last + 1)))
        return (rows, total) if rows else 416

    return serve


class Run:
    """A list by Range read to its end."""

    def __init__(
        self,
        serve: Callable[[str], Answer],
        size: int = 10,
        width: int = 4,
        order: random.Random | None = None,
        how: Paging = RANGE,
    ) -> None:
        self.received: Counter[int] = Counter()
        self.spans: list[str] = []
        self.most_flying = 0
        generator = pagination.paginate(how, size, {"status": "1"}, width=width, caps=CAPS)
        flying = list(next(generator))
        while True:
            self.most_flying = max(self.most_flying, len(flying))
            query = flying.pop(order.randrange(len(flying)) if order else 0)
            assert (query.params, query.url) == ((("status", "1"),), "")
            self.spans.append(dict(query.headers)["Range"])
            try:
                flying += generator.send(self._seen(query, serve(self.spans[-1])))
            except StopIteration as stop:
                self.result: pagination.ListResult = stop.value
                break

    def _seen(self, query: pagination.Query, answer: Answer) -> pagination.PageResult:
        if isinstance(answer, int):
            return pagination.PageResult(
                query, 0, 0, None, answer, unread=answer != 416, error=f"it answers {answer}"
            )
        records, total = answer
        new = len(set(records) - set(self.received))
        self.received.update(records)
        return pagination.PageResult(query, len(records), new, total, 206)


def test_every_style_that_may_be_written_has_its_words_and_its_course() -> None:
    assert set(pagination.STYLES) == set(PAGING_STYLES)


@given(
    count=st.integers(0, 120),
    clamp=st.integers(1, 40),
    size=st.integers(1, 40),
    width=st.integers(1, 6),
    announced=st.booleans(),
    seed=st.integers(0, 2**32),
    first=st.sampled_from([0, 1]),
)
def test_everything_is_received_exactly_once_for_any_size_clamp_and_order_of_answers(
    count: int, clamp: int, size: int, width: int, announced: bool, seed: int, first: int
) -> None:
    serve = spans(count, clamp=clamp, total=count if announced else None, first=first)
    run = Run(serve, size, width, random.Random(seed), Paging(style="range", first=first))
    assert run.received == Counter(range(count))
    assert (run.result.complete, run.result.received) == (True, count)
    assert run.most_flying <= width


def test_ranges_are_counted_from_one_and_hold_both_ends() -> None:
    run = Run(spans(35, total=35))
    assert run.spans == ["items=1-10", "items=11-20", "items=21-30", "items=31-40"]
    assert run.most_flying == 3


def test_without_a_total_ranges_go_on_until_one_cannot_be_satisfied() -> None:
    run = Run(spans(25))
    assert run.spans == ["items=1-10", "items=11-20", "items=21-30", "items=26-35"]
    assert run.result.complete


def test_f34_an_api_that_ignores_the_range_header_is_taken_once_and_named() -> None:
    whole = Run(lambda span: (list(range(77)), None))
    assert (len(whole.spans), whole.result.complete, whole.result.received) == (2, True, 77)
    same = Run(lambda span: (list(range(10)), 100))
    assert same.result.reason.endswith("every page repeats the first: the API ignores the Range header")


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("how", [Paging(style="offset"), Paging(style="page"), Paging(style="link"), RANGE])
def test_a_size_that_is_refused_is_halved_until_it_is_not(how: Paging, status: int) -> None:
    generator = pagination.paginate(how, 40, {}, width=4, caps=CAPS)
    sizes = []
    (query,) = next(generator)
    while query.page_size > 6:
        sizes.append(query.page_size)
        assert query.first
        (query,) = generator.send(
            pagination.PageResult(query, 0, 0, None, status, unread=True, error="422 no")
        )
    assert sizes == [40, 20, 10]
    assert (query.page_size, query.first, query.ordinal) == (5, True, 4)
    with pytest.raises(StopIteration) as stop:
        generator.send(pagination.PageResult(query, 3, 3, 3))
    result = stop.value.value
    assert (result.complete, result.expected, result.received, result.pages) == (True, 3, 3, 1)


def test_the_words_of_a_halved_page_are_in_the_smaller_size() -> None:
    for how, said in ((Paging(), (("limit", "20"), ("offset", "0"))), (RANGE, (("Range", "items=1-20"),))):
        generator = pagination.paginate(how, 40, {}, width=4, caps=CAPS)
        (query,) = generator.send(pagination.PageResult(next(generator)[0], 0, 0, None, 400, unread=True))
        assert said in (query.params, query.headers)


def test_what_follows_a_halved_first_page_is_asked_for_in_the_same_size() -> None:
    generator = pagination.paginate(Paging(), 40, {}, width=4, caps=CAPS)
    (query,) = generator.send(pagination.PageResult(next(generator)[0], 0, 0, None, 422, unread=True))
    due = generator.send(pagination.PageResult(query, 20, 20, 50))
    assert [dict(query.params) for query in due] == [
        {"limit": "20", "offset": "20"},
        {"limit": "20", "offset": "40"},
    ]
    assert [query.first for query in due] == [False, False]


def test_a_refusal_that_no_size_mends_ends_the_walk_at_one_record() -> None:
    generator = pagination.paginate(Paging(), 5, {}, width=4, caps=CAPS)
    (query,) = next(generator)
    sizes = []
    with pytest.raises(StopIteration) as stop:
        while True:
            sizes.append(query.page_size)
            (query,) = generator.send(
                pagination.PageResult(query, 0, 0, None, 400, unread=True, error="GET x: 400")
            )
    assert sizes == [5, 2, 1]
    assert stop.value.value.reason == "the first page is refused: GET x: 400"


@pytest.mark.parametrize(
    "how", [Paging(style="none"), Paging(size_param=""), Paging(style="link", size_param="")]
)
def test_nothing_is_halved_where_no_size_is_asked_for(how: Paging) -> None:
    generator = pagination.paginate(how, 40, {}, width=4, caps=CAPS)
    query = next(generator)[0]
    with pytest.raises(StopIteration) as stop:
        generator.send(pagination.PageResult(query, 0, 0, None, 400, unread=True, error="no"))
    assert not stop.value.value.complete


def test_a_later_page_that_is_refused_is_unread_and_nothing_is_halved() -> None:
    generator = pagination.paginate(Paging(), 10, {}, width=1, caps=CAPS)
    (query,) = generator.send(pagination.PageResult(next(generator)[0], 10, 10, 30))
    (query,) = generator.send(pagination.PageResult(query, 0, 0, None, 422, unread=True, error="no"))
    assert dict(query.params) == {"limit": "10", "offset": "20"}
