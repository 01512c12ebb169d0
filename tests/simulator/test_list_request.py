"""Which part of a list a request means, by style."""

from __future__ import annotations

import base64

import pytest

from exporter.simulator import list_request
from exporter.simulator.list_request import EVERYTHING, PageToken
from exporter.simulator.response_options import PagingOptions

TOKEN = list_request.write_token(PageToken(40, "CAR0000040"))


def paging(style: str, **changes: object) -> PagingOptions:
    names = {"size_param": "limit", "position_param": "offset", "first": 0, "default_size": 20}
    return PagingOptions(style=style, **{**names, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("style", "query", "span", "found"),
    [
        ("offset", {"offset": "30", "limit": "10"}, "", (30, 10, "")),
        ("offset", {"offset": "30"}, "items=1-5", (30, 20, "")),
        ("page", {"offset": "3", "limit": "10"}, "", (30, 10, "")),
        ("link", {"offset": "30", "limit": "10"}, "", (0, 10, "")),
        ("cursor", {"offset": "30"}, "", (0, 20, "")),
        ("first", {"offset": "30", "limit": "10"}, "", (0, 10, "")),
        ("none", {"offset": "x", "limit": "x"}, "", (0, EVERYTHING, "")),
        ("range", {"offset": "30", "limit": "10"}, "items=11-25", (10, 15, "")),
        ("range", {}, "", (0, 20, "")),
    ],
)
def test_each_style_reads_its_own_and_ignores_the_others(
    style: str, query: dict[str, str], span: str, found: tuple[int, int, str]
) -> None:
    assert list_request.page_position(paging(style), query, span) == found


def test_a_token_goes_before_whatever_else_is_asked() -> None:
    asked = {"after": TOKEN, "offset": "7", "limit": "5"}
    style = paging("offset", cursor_param="after")
    assert list_request.page_position(style, asked, "") == (40, 5, "CAR0000040")
    assert list_request.page_position(style, {"offset": "7"}, "") == (7, 20, "")


def test_a_token_may_stand_for_a_whole_query() -> None:
    token = list_request.write_token(PageToken(40, "", {"@type": "Carrier", "limit": "5"}))
    style = paging("link", cursor_param="_next")
    found = list_request.query_of_token(style, {"_next": token, "limit": "99", "@type": "Modem"})
    assert found == {"@type": "Carrier", "limit": "5", "_next": token}
    assert list_request.query_of_token(style, {"limit": "9"}) == {"limit": "9"}
    assert list_request.query_of_token(style, {"_next": TOKEN}) == {"_next": TOKEN}


@pytest.mark.parametrize("token", ["", "40", "é", "AAAA", TOKEN[:-4], f"x{TOKEN[1:]}", "====", "Y" * 41])
def test_tokens_are_opaque_nobody_makes_one(token: str) -> None:
    with pytest.raises(list_request.BadQuery, match="after is not a token of this server; follow the links"):
        list_request.page_position(paging("cursor", cursor_param="after"), {"after": token}, "")


def test_a_token_can_be_read_back_and_tells_nothing_by_itself() -> None:
    held = PageToken(3, "SVC0000003", {"status": "1"})
    token = list_request.write_token(held)
    assert list_request.read_token(token) == held
    assert "SVC" not in token
    assert base64.urlsafe_b64decode(token)


@pytest.mark.parametrize("span", ["bytes=0-5", "items=0-5", "items=9-5", "items=1-", "items=1-5,9-12", "x"])
def test_ranges_that_are_none_are_refused(span: str) -> None:
    with pytest.raises(list_request.BadQuery, match="use one like items=1-100"):
        list_request.page_position(paging("range"), {}, span)


def test_too_much_is_refused_with_the_status_chosen_or_silently_cut() -> None:
    strict, mild = paging("range", max_size=50, beyond_max=422), paging("range", max_size=50, beyond_max=0)
    with pytest.raises(
        list_request.BadQuery, match="Range is '51'; use a whole number from 1 to 50"
    ) as refused:
        list_request.page_position(strict, {}, "items=1-51")
    assert refused.value.status == 422
    assert list_request.page_position(mild, {}, "items=101-200") == (100, 50, "")
    assert list_request.page_position(paging("offset", max_size=50, beyond_max=0), {"limit": "99"}) == (
        0,
        50,
        "",
    )
