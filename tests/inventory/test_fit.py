from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from exporter import errors
from exporter.check import findings, record
from exporter.inventory import dialects
from exporter.inventory.dialects.vendors import DIALECTS
from tests.inventory import pages


def _page(name: str) -> bytes:
    return (pages.HERE / f"{name}.json").read_bytes()


def _shares(body: bytes, collection: str) -> dict[str, float]:
    return {one.dialect: one.share for one in findings.fits(body) if one.collection == collection}


@pytest.mark.parametrize(
    ("page", "configured"),
    [
        ("ses/carriers-element", "tmf-v4"),
        ("tmf-v2/resources-lifecycle-state", "ses"),
        ("tmf-v3/services-references-without-names", "ses"),
        ("tmf-v4/resources-place-object", "ses"),
        ("tmf-v5/services-intent", "tmf-v4"),
        ("tmf-v5/resources-physical-2026", "tmf-v4"),
        ("servicenow/resources-life-cycle", "tmf-v4"),
        ("servicenow/resources-references-without-names", "ses"),
    ],
)
def test_a_page_read_with_another_dialect_looks_like_its_own(page: str, configured: str) -> None:
    own, file = page.split("/")
    collection = file.partition("-")[0]
    found = findings.fits(_page(page))
    best = next(one for one in found if one.collection == collection)
    assert best.share == _shares(_page(page), collection)[own]
    suited = findings.better(found, configured, collection)
    assert suited == best


@pytest.mark.parametrize(
    ("page", "configured"),
    [("tmf-v5/services-list", "tmf-v4"), ("tmf-v4/carriers-characteristics", "servicenow")],
)
def test_a_dialect_that_finds_all_there_is_to_find_suits_whatever_the_page_looks_like(
    page: str, configured: str
) -> None:
    collection = page.split("/")[1].partition("-")[0]
    assert findings.better(findings.fits(_page(page)), configured, collection) is None


def test_each_dialect_and_collection_is_compared_and_the_best_come_first() -> None:
    found = findings.fits(_page("tmf-v4/resources-place-object"))
    assert {(one.dialect, one.collection) for one in found} == {
        (name, collection) for name, one in DIALECTS.items() for collection in one.collections
    }
    assert [one.share for one in found] == sorted((one.share for one in found), reverse=True)
    assert all(0 <= one.share <= 1 for one in found)


def test_a_fit_says_how_many_records_fill_each_field() -> None:
    items = [
        {"id": "R1", "name": "one", "resourceStatus": "available"},
        {"id": "R2", "description": "two"},
        7,
    ]
    found = findings.fits(json.dumps(items).encode())
    (own,) = [one for one in found if (one.dialect, one.collection) == ("tmf-v4", "resources")]
    assert own.records == 2
    assert own.found == {"id": 2, "name": 1, "status": 1, "meaning": 1, "description": 1}


def test_a_page_that_nobody_understands_fits_nobody() -> None:
    found = findings.fits(json.dumps([{"colour": "red"}, {"colour": "blue"}]).encode())
    assert {one.share for one in found} == {0.0}
    assert findings.better(found, "ses", "services") is None


@pytest.mark.parametrize("body", [b"[]", b"[1, null, []]"])
def test_a_page_without_records_fits_nobody_at_all(body: bytes) -> None:
    assert findings.fits(body) == []
    assert findings.better([], "ses", "services") is None


def test_a_page_that_is_none_is_refused() -> None:
    with pytest.raises(errors.Malformed):
        findings.fits(_page("ses/services-error-object"))


def test_a_record_that_cannot_be_decoded_is_left_to_the_crawl() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    assert record.mapping(b'{"id":"\xff"}', _collection("tmf-v4", "services")) == []
    assert record.mapping(deep, _collection("tmf-v4", "services")) == []
    assert findings.fits(b'[{"id":"S1","n":1e999},{"id":"S2"}]')[0].records == 1


def _collection(name: str, collection: str) -> dialects.Collection:
    return DIALECTS[name].collections[collection]


def _mapped(item: Any, name: str, collection: str) -> list[tuple[str, str, str]]:
    raw = json.dumps(item).encode()
    return [(one.path, one.field, one.value) for one in record.mapping(raw, _collection(name, collection))]


def test_a_mapping_names_the_path_that_filled_each_field() -> None:
    item = {
        "externalId": "",
        "id": "S1",
        "name": "Not Specified.",
        "description": "text",
        "@type": "service",
        "state": "active",
        "startDate": "soon",
        "serviceDate": "2024-01-01",
        "relatedParty": [{"id": "P1", "name": "Kestrel Lines", "role": "owner"}],
        "serviceCharacteristic": [{"name": "rate", "value": 20}],
        "relatedService": [{"id": "S2"}],
        "alarmStatus": ["minor", None, "major"],
    }
    assert _mapped(item, "ses", "services") == [
        ("id", "id", "S1"),
        ("description", "description", "text"),
        ("@type", "type", "service"),
        ("party[]", "party", "Kestrel Lines"),
        ("state", "status", "active"),
        ("@type", "entity_type", "service"),
        ("serviceDate", "start", "2024-01-01"),
        ("serviceCharacteristic", "characteristics", "rate"),
        ("relatedParty", "parties", "Kestrel Lines"),
        ("relatedService", "relations", "S2"),
        ("alarmStatus", "state alarm", "minor, major"),
    ]


def test_a_mapping_shows_what_codes_stand_for_and_shortens_long_lists() -> None:
    item = {
        "id": "R1",
        "resourceCharacteristic": [{"name": "install_status", "value": "1"}],
        "resourceRelationship": [{"resource": {"id": f"R{number}"}} for number in range(2, 7)],
    }
    found = _mapped(item, "servicenow", "resources")
    assert ("characteristic[install_status]", "status", "Installed") in found
    assert ("characteristic[install_status]", "state install", "Installed") in found
    assert ("resourceRelationship", "relations", "R2, R3, R4 and 2 more") in found


@pytest.mark.parametrize("value", [None, 7, "text", [], [{"id": "S1"}]])
def test_what_is_no_record_has_no_mapping(value: object) -> None:
    assert _mapped(value, "tmf-v4", "services") == []


def test_a_raw_record_of_a_page_can_be_mapped_as_it_is() -> None:
    raw = msgspec.Raw(b'{"id":"S1"}')
    assert [one.path for one in record.mapping(raw, _collection("tmf-v4", "services"))] == ["id"]
