"""Where the list of records is in an answer, what stands for an empty one, and what members look like."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import errors
from exporter.inventory import decode, envelope, members
from tests.inventory import reading

TWO = [{"id": "a"}, {"id": "b"}]


def opened(written: object, records: str = "") -> envelope.Opened:
    return envelope.opened(json.dumps(written).encode(), records)


@pytest.mark.parametrize(
    ("written", "place"),
    [
        (TWO, ""),
        ({"services": TWO, "totalCount": 250, "hasMore": True}, "services"),
        ({"data": {"services": TWO}}, "data.services"),
        ({"count": 2, "next": None, "previous": None, "results": TWO}, "results"),
        ({"content": TWO, "pageable": {"sort": [{"property": "id"}]}, "totalElements": 2}, "content"),
        ({"_embedded": {"services": TWO}, "_links": {"curies": [{"name": "x"}]}}, "_embedded.services"),
        ({"@odata.context": "x", "value": TWO}, "value"),
        ({"error": 0, "data": {"items": TWO}}, "data.items"),
        ({"code": 0, "message": "query completed", "data": {"list": TWO}}, "data.list"),
        ({"errors": [], "success": True, "inventory": TWO, "warnings": [{"id": "w"}]}, "inventory"),
        ({"error": None, "answer": {"things": TWO, "sort": [{"by": "id"}]}}, "answer.things"),
        ({"a.b": {"c": TWO}}, r"a\.b.c"),
        ({"services": {"service": TWO}}, "services.service"),
        ({"tags": ["x"], "numbers": [1], "inventory": TWO}, "inventory"),
        ({"data": TWO, "included": [{"id": "c"}]}, "data"),
    ],
)
def test_the_only_list_of_objects_within_two_levels_is_the_list(written: object, place: str) -> None:
    found = opened(written)
    assert ([json.loads(bytes(raw)) for raw in found.records], found.place) == (TWO, place)
    assert envelope.failure(json.dumps(written).encode()) is None
    if place:
        assert opened(written, place) == found


@pytest.mark.parametrize(
    "written",
    [
        {"services": TWO, "resources": TWO},
        {"ours": TWO, "theirs": TWO},
        {"a": {"b": {"c": TWO}}},
        {"message": "2 found", "a": {"b": {"c": TWO}}},
        {"id": "request-7", "services": TWO},
    ],
)
def test_what_is_in_doubt_is_no_page_and_the_paths_are_named(written: dict[str, Any]) -> None:
    with pytest.raises(errors.Malformed) as caught:
        opened(written)
    assert caught.value.reason == "envelope"
    found = [one for one in envelope.lists(json.dumps(written).encode()) if one.kind == "records"]
    for one in found:
        assert one.place in caught.value.hint
        assert len(opened(written, one.place).records) == 2


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        " ",
        [],
        {"items": None},
        {"items": ""},
        {"items": {}},
        {"items": []},
        {"services": [], "totalCount": 0},
        {"things": [], "sort": [{"by": "id"}]},
        {"data": {"services": None}},
        {"_embedded": {"services": []}, "page": {"totalElements": 0}},
        {"results": None, "success": True, "message": "nothing found"},
    ],
)
def test_an_empty_list_has_many_spellings(written: object) -> None:
    found = opened(written)
    assert (found.records, found.is_left_out, found.is_single) == ([], False, False)
    assert envelope.failure(json.dumps(written).encode()) is None


@pytest.mark.parametrize("nothing", [None, "", {}, []])
def test_what_stands_for_an_empty_list_may_stand_at_the_path_that_is_set(nothing: object) -> None:
    found = opened({"answer": {"deep": {"things": nothing}}, "message": "x"}, "answer.deep.things")
    assert (found.records, found.is_left_out) == ([], False)


@pytest.mark.parametrize("written", [{}, {"next": None}, {"totalCount": 0}, {"page": {"totalElements": 0}}])
def test_a_list_may_be_left_out_where_nothing_is_announced_or_behind_the_end(written: object) -> None:
    body = json.dumps(written).encode()
    found = opened(written)
    assert (found.records, found.is_left_out) == ([], True)
    assert decode.page(body, reading.reader("tmf-v4"), {}, reading.KEY).is_left_out
    assert members.is_announced_empty(body) == ("otal" in str(written))


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ({"items": {"id": "a"}}, "items"),
        ({"services": {"service": {"id": "a"}}}, "services.service"),
        ({"data": {"services": {"externalId": "a"}}}, "data.services"),
        ({"data": {"id": "a", "place": [{"id": "p"}]}}, "data"),
    ],
)
def test_an_object_with_an_id_under_the_name_of_a_list_is_a_list_of_one(written: object, place: str) -> None:
    found = opened(written)
    assert (len(found.records), found.place, found.is_single) == (1, place, False)


@pytest.mark.parametrize(
    "written",
    [
        {"code": 5, "message": "quota exceeded"},
        {"message": "down"},
        {"data": {"error": {"message": "quota"}, "services": TWO}},
        {"error": {"message": "quota"}, "data": {"services": TWO}},
        {"success": False, "services": TWO},
        {"status": "failure", "services": None},
        {"data": {"id": "failure-7", "code": "E5", "message": "down"}},
    ],
)
def test_an_error_is_an_error_wherever_the_list_is(written: object) -> None:
    with pytest.raises(errors.Malformed) as caught:
        opened(written)
    assert caught.value.reason == "error_object"


@pytest.mark.parametrize(
    "start", [b'{"data":{"services":[', b'{"answer":{"things":[{"id":"a"}],"x":[', b'{"a":{"b":{"c":[']
)
def test_more_elements_than_a_page_can_have_are_refused_however_deep_the_list_is(start: bytes) -> None:
    body = b"%b%b0]}%b" % (start, b"0," * 200_000, b"}" * (start.count(b"{") - start.count(b"}") - 1))
    with pytest.raises(errors.Malformed, match="more than 100000 elements"):
        envelope.opened(body)
    assert envelope.lists(body) == []


def test_members_that_look_like_totals_and_next_pages_are_named() -> None:
    body = json.dumps(
        {
            "@odata.count": 7,
            "hasNext": True,
            "page": {"totalElements": 250, "size": 20, "number": 0},
            "_links": {"self": {"href": "/a"}, "next": {"href": "/b?page=2"}},
            "meta": {"nextCursor": "c-2", "nextPage": None},
            "services": TWO,
        }
    ).encode()
    assert members.totals(body) == {r"@odata\.count": 7, "page.totalElements": 250}
    assert members.next_pages(body) == {"_links.next.href": "/b?page=2", "meta.nextCursor": "c-2"}
    assert members.total_at(body, r"@odata\.count") == "7"
    assert members.next_at(body, "_links.next") == "/b?page=2"
    assert members.next_at(body, "meta.next_page") == members.next_at(body, "nowhere.at.all") == ""
    assert members.total_at(body, "nowhere.at.all") is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["id", "items", "data", "services", "error", "total", "a.b", "_links", "x\\", "é"]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(JSON, st.sampled_from(["", "data", "data.services", r"a\.b.x\\", "\\"]))
def test_no_json_makes_decoding_raise_anything_but_malformed(written: object, path: str) -> None:
    body = json.dumps(written).encode()
    envelope.failure(body, path)
    envelope.lists(body), members.totals(body), members.next_pages(body)
    members.total_at(body, path), members.next_at(body, path)
    try:
        batch = decode.page(body, reading.reader("tmf-v4"), {}, reading.KEY, records=path)
    except errors.Malformed as error:
        assert str(error)
        return
    assert batch.items == len(batch.fresh) + len(batch.rejects)


@given(
    st.binary(max_size=60), st.sampled_from([b"", b"\xef\xbb\xbf", b'{"items":', b'[{"id":"a"},', b'{"a":'])
)
def test_no_bytes_make_decoding_raise_anything_but_malformed(end: bytes, start: bytes) -> None:
    body = start + end
    envelope.lists(body), members.totals(body), members.next_pages(body), envelope.failure(body)
    try:
        decode.page(body, reading.reader("tmf-v4"), {}, reading.KEY)
    except errors.Malformed as error:
        assert str(error)
