"""Which part of a list a request means, by style."""

from __future__ import annotations

import base64

import pytest

from exporter.simulator import cursor, position
from exporter.simulator.position import EVERYTHING, Position
from exporter.simulator.response_options import PagingOptions

TOKEN = cursor.write(cursor.Cursor(40, "CAR0000040"))


def paging(style: str, **changes: object) -> PagingOptions:
    names = {"size_param": "limit", "position_param": "offset", "first": 0, "default_size": 20}
    return PagingOptions(style=style, **{**names, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("style", "query", "span", "found"),
    [
        ("offset", {"offset": "30", "limit": "10"}, "", Position(30, 10)),
        ("offset", {"offset": "30"}, "items=1-5", Position(30, 20)),
        ("page", {"offset": "3", "limit": "10"}, "", Position(30, 10)),
        ("link", {"offset": "30", "limit": "10"}, "", Position(0, 10)),
        ("cursor", {"offset": "30"}, "", Position(0, 20)),
        ("first", {"offset": "30", "limit": "10"}, "", Position(0, 10)),
        ("none", {"offset": "x", "limit": "x"}, "", Position(0, EVERYTHING)),
        ("range", {"offset": "30", "limit": "10"}, "items=11-25", Position(10, 15)),
        ("range", {}, "", Position(0, 20)),
    ],
)
def test_each_style_reads_its_own_and_ignores_the_others(
    style: str, query: dict[str, str], span: str, found: Position
) -> None:
    assert position.find(paging(style), query, span) == found


def test_a_token_goes_before_whatever_else_is_asked() -> None:
    asked = {"after": TOKEN, "offset": "7", "limit": "5"}
    style = paging("offset", cursor_param="after", back_param="before")
    assert position.find(style, asked, "") == Position(40, 5, "CAR0000040")
    assert position.find(style, {"before": TOKEN}, "") == Position(40, 20, "CAR0000040", backwards=True)
    assert position.find(style, {"offset": "7"}, "") == Position(7, 20)


def test_a_token_may_stand_for_a_whole_query() -> None:
    token = cursor.write(cursor.Cursor(40, "", {"@type": "Carrier", "limit": "5"}))
    style = paging("link", cursor_param="_next")
    found = position.unfolded(style, {"_next": token, "limit": "99", "@type": "Modem"})
    assert found == {"@type": "Carrier", "limit": "5", "_next": token}
    assert position.unfolded(style, {"limit": "9"}) == {"limit": "9"}
    assert position.unfolded(style, {"_next": TOKEN}) == {"_next": TOKEN}


@pytest.mark.parametrize("token", ["", "40", "é", "AAAA", TOKEN[:-4], f"x{TOKEN[1:]}", "====", "Y" * 41])
def test_tokens_are_opaque_nobody_makes_one(token: str) -> None:
    with pytest.raises(position.BadQuery, match="after is not a token of this server; follow the links"):
        position.find(paging("cursor", cursor_param="after"), {"after": token}, "")


def test_a_token_can_be_read_back_and_tells_nothing_by_itself() -> None:
    held = cursor.Cursor(3, "SVC0000003", {"status": "1"})
    token = cursor.write(held)
    assert cursor.read(token) == held
    assert "SVC" not in token
    assert base64.urlsafe_b64decode(token)


@pytest.mark.parametrize("span", ["bytes=0-5", "items=0-5", "items=9-5", "items=1-", "items=1-5,9-12", "x"])
def test_ranges_that_are_none_are_refused(span: str) -> None:
    with pytest.raises(position.BadQuery, match="use one like items=1-100"):
        position.find(paging("range"), {}, span)


def test_too_much_is_refused_with_the_status_chosen_or_silently_cut() -> None:
    strict, mild = paging("range", max_size=50, beyond_max=422), paging("range", max_size=50, beyond_max=0)
    with pytest.raises(position.BadQuery, match="Range is '51'; use a whole number from 1 to 50") as refused:
        position.find(strict, {}, "items=1-51")
    assert refused.value.status == 422
    assert position.find(mild, {}, "items=101-200") == Position(100, 50)
    assert position.find(paging("offset", max_size=50, beyond_max=0), {"limit": "99"}, "").size == 50
