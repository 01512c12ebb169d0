"""Where an answer says that its list goes on: what is read from headers and bodies, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from exporter.inventory.dialects import Paging
from exporter.paging.links import next_page
from exporter.paging.strategies import NO_NEXT_PAGE, NextPage

LINK = Paging(style="link")
CURSOR = Paging(style="cursor")
URL = "https://inventory.example/api/service"


def linked(*values: str, url: str = URL) -> NextPage:
    return next_page(CIMultiDict([("link", value) for value in values]), b"[]", url, LINK)


@pytest.mark.parametrize(
    "header",
    [
        '<https://inventory.example/api/service?p=2>; rel="next"',
        "<https://inventory.example/api/service?p=2>;rel=next",
        "<https://inventory.example:443/api/service?p=2> ; REL = Next",
        '<https://INVENTORY.example/api/service?p=2>; title="a, <b>; rel=last"; rel="prefetch next"',
        '</>; rel=first, <https://inventory.example/api/service?p=2>; rel="next", </x>; rel=last',
        '<https://x.example/>; rel="previous", <?p=2>; rel=next',
        "</>; rel=prev, </api/service?p=2>; rel=next; rel=prev",
        "<//inventory.example/api/service?p=2#top>; rel=next",
        "<http://inventory.example/api/service?p=2>; rel=next",
        "</other>; rel=next; anchor=/elsewhere, <service?p=2>; rel=next",
    ],
)
def test_the_next_link_is_found_and_made_absolute(header: str) -> None:
    assert linked(header) == NextPage(link="https://inventory.example/api/service?p=2")


def test_the_next_link_may_be_in_a_link_header_of_its_own() -> None:
    assert linked("</a>; rel=first", "<?p=2>; rel=next").link == f"{URL}?p=2"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "garbage",
        "<>",
        "</a>",
        "</a>; rel=prev",
        '</a>; rel="previous last"',
        "</a>; rel",
        "rel=next",
        "<; rel=next",
    ],
)
def test_without_a_next_link_there_is_nowhere_to_go(header: str) -> None:
    assert linked(header) == NO_NEXT_PAGE
    assert next_page({}, b"[]", URL, LINK) == NO_NEXT_PAGE


@pytest.mark.parametrize(
    "target",
    [
        "https://other.example/api/service?p=2",
        "//other.example/api/service",
        "https://inventory.example:8443/api/service",
        "https://inventory.example.evil.example/",
        "https://monitor:pw@inventory.example/api/service",
        "https://inventory.example@evil.example/",
        "http://inventory.example:8080/",
        "ftp://inventory.example/api",
        "file:///etc/passwd",
        "mailto:next",
    ],
)
def test_f39_a_link_to_another_origin_is_a_flaw_and_nothing_to_follow(target: str) -> None:
    found = linked(f"<{target}>; rel=next")
    assert (found.link, found.cursor) == ("", "")
    assert "leads to another origin" in found.flaw
    assert "pw" not in found.flaw


@pytest.mark.parametrize("target", ["https://[::1/x", "https://inventory.example:port/", "https://h:99999/"])
def test_f39_a_link_that_is_no_url_is_a_flaw(target: str) -> None:
    assert linked(f"<{target}>; rel=next").flaw == "the link to the next page is no URL"


def test_an_http_api_is_never_left_for_https() -> None:
    assert linked(f"<{URL}?p=2>; rel=next", url="http://inventory.example/api/service").flaw


def test_the_query_of_a_link_is_kept_to_the_letter() -> None:
    query = "c=a%2Fb+c%20d;x&&=1&c=%zz&q=$[?(@.a=='b')]"
    assert linked(f"</api/service?{query}>; rel=next").link == f"{URL}?{query}"


def test_what_cannot_stand_in_a_request_is_escaped() -> None:
    assert linked('</api/service?c=a b"é\t>; rel=next').link == f"{URL}?c=a%20b%22%C3%A9"


@given(st.text())
def test_no_header_and_no_body_is_an_error(written: str) -> None:
    for how in (LINK, CURSOR, Paging(style="link", next_member="a.b")):
        headers = {"Link": written, "X-Other": f"<{written}>; rel=next"}
        found = next_page(headers, written.encode("utf-8", "replace"), URL, how)
        assert not found.link or found.link.startswith("https://inventory.example")
        swapped = next_page({"Link": headers["X-Other"]}, b"", URL, how)
        assert not swapped.link or swapped.link.startswith("https://inventory.example")


@pytest.mark.parametrize("style", ["offset", "page", "range", "none"])
def test_styles_that_count_positions_follow_nothing(style: str) -> None:
    assert next_page({"Link": "<?p=2>; rel=next"}, b"[]", URL, Paging(style=style)) == NO_NEXT_PAGE


def test_the_cursor_is_taken_from_the_next_link_wherever_that_leads() -> None:
    header = '<http://10.0.0.5:8080/internal?limit=5&after=a%2Fb%3D%3D&before=x>; rel="next"'
    assert next_page({"Link": header}, b"[]", URL, CURSOR) == NextPage(cursor="a/b==")


@pytest.mark.parametrize("target", ["?before=x", "?after=", "https://[::1/x?after=1"])
def test_a_next_link_without_the_cursor_is_a_flaw_that_names_the_setting(target: str) -> None:
    found = next_page({"Link": f"<{target}>; rel=next"}, b"[]", URL, CURSOR)
    assert found.flaw == "the link to the next page has no parameter 'after': see paging.cursor_param"


def test_the_cursor_may_be_in_a_header_of_its_own() -> None:
    how = Paging(style="cursor", next_header="X-Next-Cursor")
    assert next_page({"x-next-cursor": " abc= "}, b"[]", URL, how) == NextPage(cursor="abc=")
    assert next_page({"X-Next-Cursor": " "}, b"[]", URL, how) == NO_NEXT_PAGE
    assert next_page({}, b"[]", URL, how) == NO_NEXT_PAGE


@pytest.mark.parametrize(
    ("body", "cursor"),
    [
        ('{"page": {"next": "a/b="}, "items": [{"page": 1}]}', "a/b="),
        ('{"page": {"next": 17}}', "17"),
        ('{"page": {"next": null}}', ""),
        ('{"page": {"next": false}}', ""),
        ('{"page": {"next": ""}}', ""),
        ('{"page": {"next": ["x"]}}', "x"),
        ('{"page": {"next": []}}', ""),
        ('{"page": {"next": [{"rel": "self", "href": "a"}, {"rel": "next", "href": "b"}]}}', "b"),
        ('{"page": {"next": [{"rel": "self", "href": "a"}]}}', ""),
        ('{"page": {"next": {}}}', ""),
        ('{"page": {}}', ""),
        ('{"page": "next"}', ""),
        ("[]", ""),
        ('{"page": {"ne', ""),
    ],
)
def test_the_cursor_may_be_a_member_of_the_body(body: str, cursor: str) -> None:
    how = Paging(style="cursor", next_member="page.next")
    assert next_page({"Link": "<?after=x>; rel=next"}, body.encode(), URL, how) == NextPage(cursor=cursor)


@pytest.mark.parametrize("written", ["true", "1.5", '{"page": {"number": 2}}', '["a", "b"]', "[[1]]"])
def test_a_member_that_is_neither_a_link_nor_a_cursor_is_no_end(written: str) -> None:
    how = Paging(style="cursor", next_member="next")
    found = next_page({}, f'{{"next": {written}}}'.encode(), URL, how)
    assert found == NextPage(flaw="the member next is neither a link nor a cursor")


def test_a_link_may_be_a_member_of_the_body_and_obeys_the_same_rules() -> None:
    how = Paging(style="link", next_member="_links.next.href")
    here = b'{"_links": {"next": {"href": "?p=2"}}}'
    assert next_page({}, here, URL, how) == NextPage(link=f"{URL}?p=2")
    assert next_page({}, here.replace(b"?p=2", b"https://other.example/"), URL, how).flaw


def test_a_link_may_be_in_another_header() -> None:
    how = Paging(style="link", next_header="X-Next")
    assert next_page({"X-Next": "/api/service?p=2"}, b"", URL, how) == NextPage(link=f"{URL}?p=2")
