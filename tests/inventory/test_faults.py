"""The faults of pages and records: real bytes in, and what must come of them."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest

from exporter import errors
from exporter.inventory import decode
from exporter.inventory.condition import Condition
from exporter.inventory.record import Link
from exporter.inventory.snapshot import Snapshot
from tests.inventory import reading
from tests.inventory.reading import NOW

V4 = reading.reader("tmf-v4")
V5 = reading.reader("tmf-v5")


def _refused(body: bytes) -> str:
    with pytest.raises(errors.Malformed) as caught:
        decode.split(body)
        reading.batch(body)
    return caught.value.reason


def test_f26_a_byte_order_mark_is_stripped() -> None:
    assert [one.id for one in reading.batch(b'\xef\xbb\xbf[{"externalId":"S1"}]').fresh] == ["S1"]
    assert [one.id for one in reading.batch(b'\xef\xbb\xbf\n{"result":[{"id":"S1"}]}').fresh] == ["S1"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'[{"externalId":"S1","name":"cut of', "json"),
        (b'[{"externalId":"S1"},', "json"),
        (b'[{"externalId":"S1","rate":NaN}]', "json"),
        (b'[{"externalId":"S1","rate":Infinity}]', "json"),
        (b'[{"externalId":"S1","name":"\\ud83d"}]', "json"),
        (b'[{"externalId":"S1","name":"a\x00b"}]', "json"),
        (b'[{"externalId":"S1","name":"Z\xfcrich"}]', "encoding"),
        (b'[{"externalId":"S1","name":"\xed\xa0\xbd"}]', "encoding"),
        (b'[{"externalId":"S1","rate":1e999,"name":"Z\xfcrich"}]', "encoding"),
        (b'{"result":[{"externalId":"S1","name":"Z\xfcrich"}]}', "encoding"),
        ('[{"externalId":"S1"}]'.encode("utf-16"), "encoding"),
        (b'\xef\xbb\xbf\xef\xbb\xbf[{"externalId":"S1"}]', "json"),
    ],
)
def test_f26_a_page_that_is_no_json_fails_as_a_page(body: bytes, reason: str) -> None:
    assert _refused(body) == reason


def test_f26_every_cut_of_a_page_fails_it() -> None:
    body = b'[{"externalId":"S1","name":"\xe2\x82\xac","rate":[1.5,{"a":null}]},{"externalId":"S2"}]'
    for length in range(len(body)):
        assert _refused(body[:length]) in {"json", "encoding"}, body[:length]


@pytest.mark.parametrize(
    "deep",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
    ids=["open", "arrays", "objects"],
)
@pytest.mark.parametrize("around", [b"%s", b'[{"id":"S1","unread":%s}]', b'{"result":[{"id":"S1","x":%s}]}'])
def test_f27_a_page_that_is_nested_a_hundred_thousand_deep_fails_as_a_page(
    deep: bytes, around: bytes
) -> None:
    assert _refused(around % deep) == "nesting"


def test_f27_the_next_page_is_read_as_if_nothing_had_happened() -> None:
    _refused(b"[" * 100_000)
    assert reading.record({"externalId": "S1"}).id == "S1"


@pytest.mark.parametrize("key", ["result", "Result", "items", "data", "records"])
def test_f28_a_known_envelope_is_opened(key: str) -> None:
    body = json.dumps({"count": 1, key: [{"externalId": "S1"}]}).encode()
    assert [one.id for one in reading.batch(body).fresh] == ["S1"]


def test_f28_one_record_as_an_object_is_a_page_of_one() -> None:
    assert [one.id for one in reading.batch(b'{"externalId":"S1","status":"Operational"}').fresh] == ["S1"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"message":"Transaction cancelled: maximum execution time exceeded"},"status":"failure"}',
        b'{"errors":["busy"]}',
        b'{"Fault":{"faultstring":"Rate limit quota violation"}}',
        b'{"code":"60","reason":"internal error","message":"come back"}',
    ],
)
def test_f28_an_error_object_with_a_good_status_is_a_failure_and_not_an_empty_page(body: bytes) -> None:
    assert _refused(body) == "error_object"


def test_f28_an_empty_error_without_a_list_is_no_empty_page_either() -> None:
    assert _refused(b'{"error":{},"result":null}') == "envelope"


def test_f28_an_object_that_nobody_knows_is_a_failure_and_not_an_empty_page() -> None:
    assert _refused(b'{"services":"none"}') == "envelope"
    assert _refused(b'{"maintenance":{"externalId":"S1"}}') == "envelope"


@pytest.mark.parametrize("bad", [{"name": "no id"}, None, "text", 7, [], {"externalId": {}}])
def test_f29_one_bad_record_in_a_thousand_is_rejected_and_counted(bad: object) -> None:
    items: list[object] = [{"externalId": f"S{number}"} for number in range(999)]
    items.insert(500, bad)
    crawl = reading.draft(Snapshot(), items)
    assert len(crawl.found) == 999
    assert crawl.rejected.total() == 1
    assert crawl.items == 1000
    assert decode.examples(crawl.rejects), "so that somebody can find it"


@pytest.mark.parametrize(
    "ids",
    [
        '"id":null',
        '"id":""',
        '"id":"  "',
        '"id":{}',
        '"id":{"href":"x"}',
        '"id":[1,2]',
        '"id":[]',
        '"id":true',
        '"name":"x"',
    ],
)
def test_f30_a_record_without_an_id_is_rejected(ids: str) -> None:
    read = reading.batch(f'[{{{ids},"externalId":null}}]'.encode())
    assert [reject.reason for reject in read.rejects] == ["missing_id"]
    assert ids in read.rejects[0].example
    assert not read.fresh


def test_f30_a_number_is_an_id_and_each_candidate_is_tried() -> None:
    assert reading.record({"externalId": 123456}).id == "123456"
    assert reading.record({"externalId": None, "id": "", "uuid": "u-1"}).id == "u-1"
    assert reading.record({"externalId": {}, "id": 7}).id == "7"


def test_f31_an_unknown_status_and_a_new_type_are_kept_as_they_are_and_counted() -> None:
    items = [
        {"externalId": "S1", "status": "Hibernating", "@type": "QuantumService"},
        {"externalId": "S2", "status": "Operational"},
    ]
    one, two = reading.records(items)
    assert (one.status, one.type, one.condition, one.status_known) == (
        "Hibernating",
        "QuantumService",
        Condition.UNKNOWN,
        False,
    )
    counted = reading.counted([one, two])
    assert (counted.unknown, counted.unknown_records) == (("Hibernating",), 1)


def test_f32_a_string_of_ten_megabytes_is_cut() -> None:
    found = reading.record({"externalId": "S1", "name": "x" * 10_000_000, "description": "\x00" * 10_000_000})
    assert [len(text.encode()) for text in (found.name, found.description)] == [1000, 999]
    assert found.name.endswith("x…")


def test_f32_an_id_of_ten_megabytes_is_cut_and_stays_different_from_others() -> None:
    one, two = reading.records([{"externalId": "x" * 10_000_000}, {"externalId": f"{'x' * 9_999_999}y"}])
    assert len(one.id) == len(two.id) == 1000
    assert one.id != two.id


@pytest.mark.parametrize("number", ["9" * 5000, "-1e999", "1e999", f"0.{'9' * 5000}", f"{'9' * 5000}.5"])
def test_f32_a_number_beyond_all_bounds_costs_neither_the_page_nor_the_record(number: str) -> None:
    body = f'[{{"externalId":"S1","name":{number},"status":"Operational","x":[1.5,2]}},{{"externalId":"S2"}}]'
    one, two = [one.record for one in reading.batch(body.encode()).fresh]
    assert (one.id, one.status, two.id) == ("S1", "Operational", "S2")
    assert 0 < len(one.name) <= 1000


def test_f32_an_id_of_five_thousand_digits_is_cut_as_an_id() -> None:
    body = f'[{{"externalId":{"9" * 5000}}},{{"externalId":{"9" * 4999}8}}]'
    one, two = [one.record for one in reading.batch(body.encode()).fresh]
    assert len(one.id) == len(two.id) == 1000
    assert one.id != two.id


def test_f32_a_hundred_thousand_characteristics_are_capped_and_counted() -> None:
    many = [{"name": f"c{number}", "value": number} for number in range(100_000)]
    using = reading.reader("tmf-v4", characteristics=("c7", "c99999"))
    read = reading.batch([{"id": "S1", "serviceCharacteristic": many}], using)
    assert read.fresh[0].record.characteristics == (("c7", "7"),)
    assert read.dropped == {"characteristic": 99_000}


def test_f33_names_of_both_versions_in_one_record_are_understood() -> None:
    item = {
        "id": "S1",
        "state": "active",
        "operatingStatus": "failed",
        "place": [
            {"id": "L1", "name": "Betzdorf", "role": "gateway"},
            {"role": "site", "place": {"id": "L2", "name": "Perth", "@type": "GeographicSite"}},
        ],
        "relatedParty": [
            {"id": "P1", "name": "Acme", "role": "customer", "@referredType": "Organization"},
            {
                "role": "owner",
                "partyOrPartyRole": {"id": "P2", "name": "SES", "@referredType": "Organization"},
            },
        ],
        "serviceCharacteristic": [
            {"name": "one", "valueType": "string", "value": "a"},
            {"name": "two", "@type": "StringCharacteristic", "value": {"value": "b"}},
        ],
        "serviceRelationship": [{"relationshipType": "dependsOn", "service": {"id": "S2"}}],
    }
    for name in ("tmf-v4", "tmf-v5"):
        found = reading.record(item, reading.reader(name, characteristics=("one", "two")))
        assert found.condition is Condition.DOWN
        assert found.places == (
            Link("L1", "Betzdorf", "", "gateway"),
            Link("L2", "Perth", "GeographicSite", "site"),
        )
        assert found.parties == (
            Link("P1", "Acme", "Organization", "customer"),
            Link("P2", "SES", "Organization", "owner"),
        )
        assert found.characteristics == (("one", "a"), ("two", "b"))
        assert found.relations == (Link("S2", role="dependsOn"),)


def _versions(*hours: str) -> list[dict[str, Any]]:
    return [
        {"externalId": "S1", "name": f"number {number}", "lastUpdate": hour}
        for number, hour in enumerate(hours)
    ]


def test_f45_of_one_id_twice_the_newest_last_update_wins() -> None:
    for hours, winner in (
        (("2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"), "number 1"),
        (("2026-01-01T02:00:00Z", "2026-01-01T01:00:00Z"), "number 0"),
        (("2026-01-01T01:00:00Z", ""), "number 0"),
        (("", "2026-01-01T01:00:00Z"), "number 1"),
    ):
        crawl = reading.draft(Snapshot(), _versions(*hours))
        assert (crawl.found["S1"].record.name, crawl.duplicates) == (winner, 1)


def test_f45_on_a_tie_the_stored_one_wins_else_always_the_same() -> None:
    versions = _versions("", "", "")
    crawls = [reading.draft(Snapshot(), list(order)) for order in permutations(versions)]
    assert len({crawl.found["S1"].record.name for crawl in crawls}) == 1
    assert all(crawl.duplicates == 2 for crawl in crawls)
    for version in versions:
        before = reading.full(Snapshot(), [version]).snapshot
        for order in permutations(versions):
            assert reading.draft(before, list(order)).found["S1"] is before.records["S1"]


def test_f45_an_id_that_always_comes_twice_does_not_flap() -> None:
    page = _versions("2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z")
    before = reading.full(Snapshot(), page).snapshot
    for _ in range(3):
        outcome = reading.full(before, page, now=NOW + 60)
        assert not outcome.changes
        before = outcome.snapshot


def test_f46_a_reference_to_a_record_that_does_not_exist_is_held_as_it_is() -> None:
    item = {"externalId": "S1", "supportingResource": [{"id": "R404", "name": "gone"}]}
    (held,) = reading.full(Snapshot(), [item]).snapshot.records.values()
    assert held.record.resources == (Link("R404", "gone"),)


def test_f49_a_status_that_flaps_between_refreshes_is_counted_as_often_as_it_was_seen() -> None:
    words = ["Operational", "Down", "Operational", "Operational", "Down"]
    held = Snapshot()
    for minute, word in enumerate(words):
        held = reading.full(held, [{"externalId": "S1", "status": word}], now=NOW + minute).snapshot
    (only,) = held.records.values()
    assert (only.record.status, only.changes, only.since) == ("Down", 3, NOW + 4)


def test_f52_a_date_without_a_zone_is_utc() -> None:
    found = reading.record({"externalId": "S1", "startDate": "2026-01-15 12:00:00", "endDate": "2026-01-16"})
    assert (found.start, found.end) == (NOW, NOW + 12 * 3600)


@pytest.mark.parametrize(
    "date", ["0000-00-00", "0000-00-00T00:00:00Z", "9999-12-31", "tomorrow", 20261315, {}]
)
def test_f52_a_date_that_is_none_is_dropped_and_counted(date: object) -> None:
    read = reading.batch([{"externalId": "S1", "lastUpdate": date, "endDate": date}])
    record = read.fresh[0].record
    assert (record.updated, record.end) == (None, None)
    assert read.dropped == {"date": 2}
