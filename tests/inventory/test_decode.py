from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter import errors
from exporter.inventory import decode, snapshot
from exporter.inventory.dialects.vendors import DIALECTS
from exporter.inventory.filters import Selection
from tests.inventory import reading

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**400), max_value=10**400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None), max_size=12)
    | st.sampled_from(["", "2026-01-15", "Operational", "element", "customer", "1e999", "nan", "12.5"])
)
NAMES = st.sampled_from(
    [
        *("id", "externalId", "ExternalID", "name", "value", "role", "status", "state", "@type", "place"),
        *("relatedParty", "partyOrPartyRole", "service", "resource", "relationshipType", "@referredType"),
        *("startDate", "endDate", "lastUpdate", "serviceSpecification", "serviceCharacteristic"),
        *("supportingResource", "supportingService", "serviceRelationship", "resourceStatus", "alarmStatus"),
        *("operatingStatus", "resourceCharacteristic", "resourceRelationship", "characteristic", "items"),
    ]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=20,
)
ITEMS = st.dictionaries(NAMES, VALUES, max_size=12)
COLLECTIONS = [(name, collection) for name, one in DIALECTS.items() for collection in one.collections]
NUMBERS = {"frequency": ("frequency_hertz", 1e6), "id": ("id_ratio", 1.0)}


@settings(max_examples=300, deadline=None)
@given(st.lists(ITEMS | VALUES, max_size=4) | VALUES, st.sampled_from(COLLECTIONS))
def test_no_json_of_any_shape_raises_anything_but_malformed(items: Any, which: tuple[str, str]) -> None:
    reader = reading.reader(*which, numbers=NUMBERS, characteristics=("id", "name", "frequency"))
    try:
        read = reading.batch(items, reader)
    except errors.Malformed as error:
        assert error.reason in {"json", "nesting", "encoding", "error_object", "envelope"}
        return
    assert read.items == len(read.fresh) + len(read.rejects) + len(read.skipped)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda noise: b'[{"id":"' + noise + b'"}]'))
def test_no_bytes_raise_anything_but_malformed(body: bytes) -> None:
    try:
        reading.batch(body)
    except errors.Malformed as error:
        assert str(error)


@given(st.lists(ITEMS, max_size=6))
def test_a_page_of_objects_gives_a_record_or_a_reject_for_each(items: list[dict[str, Any]]) -> None:
    body = json.dumps(items).encode()
    if b"\\ud" in body:
        return  # half a surrogate pair is no JSON that anybody may send
    read = reading.batch(body)
    assert read.items == len(items) == len(read.fresh) + len(read.rejects) + len(read.skipped)
    assert {reject.reason for reject in read.rejects} <= {"missing_id"}


@pytest.mark.parametrize(
    "body",
    [
        b'[{"id":"a"},{"id":"b"}]',
        b'\xef\xbb\xbf [{"id":"a"},{"id":"b"}]',
        b' \n{"result":[{"id":"a"},{"id":"b"}]}',
        b'{"Items":[{"id":"a"},{"id":"b"}],"total":2}',
        b'{"data": [{"id":"a"},{"id":"b"}], "error": null}',
        b'{"records":[{"id":"a"},{"id":"b"}]}',
    ],
)
def test_a_page_is_an_array_or_an_array_in_a_known_envelope(body: bytes) -> None:
    assert [bytes(raw) for raw in decode.split(body)] == [b'{"id":"a"}', b'{"id":"b"}']


@pytest.mark.parametrize("key", ["id", "externalId", "ExternalId", "uuid", "externalIdentifier"])
def test_one_record_as_an_object_is_a_page_of_one(key: str) -> None:
    body = json.dumps({key: "a", "result": "no list"}).encode()
    assert [bytes(raw) for raw in decode.split(body)] == [body]


@pytest.mark.parametrize(
    ("body", "reason", "said"),
    [
        (b"", "json", "not JSON"),
        (b"<html>maintenance</html>", "json", "not JSON"),
        (b'[{"id":"a"}', "json", "not JSON"),
        (b'"a text"', "envelope", "no list of records"),
        (b'{"error":{"message":"Transaction cancelled"}}', "error_object", "Transaction cancelled"),
        (b'{"code":"60","reason":"busy"}', "error_object", "busy"),
        (b'{"result":{"count":"3"},"links":[]}', "envelope", "its keys are result, links"),
        (b"{}", "envelope", "without a list"),
        (b'{"\xff":1}', "encoding", "not UTF-8"),
        (b"[" * 100_000, "nesting", "too deeply"),
    ],
)
def test_what_is_no_page_says_why(body: bytes, reason: str, said: str) -> None:
    with pytest.raises(errors.Malformed, match=said) as caught:
        decode.split(body)
    assert caught.value.reason == reason


def test_an_envelope_without_a_list_names_the_setting() -> None:
    with pytest.raises(errors.Malformed) as caught:
        decode.split(b'{"services":"many"}')
    assert caught.value.hint == "write the path of the list as paging.records, like data.services"


def test_a_record_that_was_read_before_is_carried_over_undecoded() -> None:
    page = b'[{"externalId":"A","status":"Operational"},{"externalId":"B"}]'
    first = reading.full(snapshot.Snapshot(), page)
    held = dict(first.snapshot.records)
    again = reading.batch(page.replace(b'"B"', b'"C"'), known=first.snapshot.digests)
    assert again.carried == [held["A"]]
    assert again.carried[0] is held["A"]
    assert [one.id for one in again.fresh] == ["C"]
    assert again.items == 2


def test_the_digest_depends_on_the_key_and_on_each_byte() -> None:
    one = decode.digest(b'{"id":1}', b"key")
    assert one == decode.digest(memoryview(b'{"id":1}'), b"key")
    assert len({one, decode.digest(b'{"id":1}', b"yek"), decode.digest(b'{"id":2}', b"key")}) == 3


def test_types_are_left_out_by_name_whatever_they_call_their_type() -> None:
    excluded = reading.reader("ses", "resources")
    read = reading.batch(
        [
            {"externalId": "R1", "@type": "Satellite"},
            {"externalId": "R2", "@type": "bandwidth segment"},
            {"externalId": "R3", "@type": "CARD"},
        ],
        excluded,
    )
    assert read.skipped == ["R2", "R3"]
    assert [one.id for one in read.fresh] == ["R1"]
    assert read.items == 3


def test_only_the_types_that_are_asked_for_are_kept() -> None:
    only = reading.reader("ses", "resources", selection=Selection.of(["Modem", "satellite"], ["Modem"]))
    read = reading.batch(
        [{"externalId": kind, "@type": kind} for kind in ("Modem", "Satellite", "Hub")], only
    )
    assert [one.id for one in read.fresh] == ["Satellite"]


def test_the_services_of_the_ses_dialect_are_without_the_carriers() -> None:
    read = reading.batch(
        [
            {"externalId": "SVC1", "@type": "service", "serviceType": "Maritime VSAT"},
            {"externalId": "CAR1", "@type": "element", "serviceType": "Forward Carrier"},
        ]
    )
    assert read.skipped == ["CAR1"]


@given(st.sets(st.text(min_size=1, max_size=8)), st.integers(min_value=1, max_value=5))
def test_the_shards_together_are_the_whole_and_share_nothing(idents: set[str], count: int) -> None:
    items = [{"externalId": ident} for ident in idents]
    whole = {record.id for record in _kept(items, (0, 1))}
    shards = [{record.id for record in _kept(items, (index, count))} for index in range(count)]
    assert set().union(*shards) == whole
    assert sum(map(len, shards)) == len(whole)


def _kept(items: list[dict[str, str]], shard: tuple[int, int]) -> list[Any]:
    return [
        one.record for one in reading.batch(items, reading.reader(selection=Selection(shard=shard))).fresh
    ]


def test_rejects_are_shown_by_at_most_three_examples_a_reason() -> None:
    read = reading.batch([*({"name": f"nobody {number}"} for number in range(5)), 7, "text"])
    shown = decode.examples(read.rejects)
    assert shown["missing_id"] == [f'{{"name": "nobody {number}"}}' for number in range(3)]
    assert shown["not_an_object"] == ["7", '"text"']


def test_the_example_of_a_reject_is_short() -> None:
    (reject,) = reading.batch([{"name": "x" * 5000}]).rejects
    assert len(reject.example) == 120


def test_a_record_that_is_left_out_is_not_read_again() -> None:
    using = reading.reader("tmf-v4", selection=Selection.of(["Modem"]))
    body = json.dumps(
        [{"id": "R1", "@type": "Card", "startDate": "soon"}, {"id": "R2", "@type": "Modem"}]
    ).encode()
    first = decode.page(body, using, {}, reading.KEY)
    again: reading.Batch = decode.page(body, using, {}, reading.KEY, dict(first.filtered_out))
    assert (first.skipped, first.dropped["date"]) == (["R1"], 1)
    assert (again.skipped, again.dropped["date"]) == ([], 0)
    assert again.filtered_out == first.filtered_out
    assert len(again.filtered_out) == 1
    assert [one.id for one in again.fresh] == ["R2"]
