"""Faults and quirks of records: what changes, and that nothing else does."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import msgspec
import pytest

from exporter.simulator import generator, record_faults
from exporter.simulator.dialect import DIALECTS
from exporter.simulator.fleet import Fleet

Json = dict[str, Any]
NOW = 1_790_000_000.0


@pytest.fixture
def shown() -> dict[str, Any]:
    fleet = Fleet(generator.Sizes(5, 6, 20), 1, NOW)
    return DIALECTS["ses"].shape(fleet.find("CAR0000001"))


@pytest.mark.parametrize("name", record_faults.RECORD_FAULTS)
@pytest.mark.parametrize("number", range(1, 13))
def test_spoilt_records_keep_their_keys_and_stay_json(shown: dict[str, Any], name: str, number: int) -> None:
    before = json.loads(json.dumps(shown))
    record_faults.apply_fault(name, shown, number)
    assert shown.keys() == before.keys()
    assert shown != before
    assert json.loads(msgspec.json.encode(shown)) == shown
    if name != "null-ids":
        assert (shown["id"], shown["externalId"]) == (before["id"], before["externalId"])


def test_texts_hold_everything_that_hurts_those_who_do_not_escape() -> None:
    text = "".join(record_faults.TEXTS)
    for needle in ('"', "\\", "\n", "\r", "\x00", "\u202e", "🛰", "<script>"):
        assert needle in text
    assert max(map(len, record_faults.TEXTS)) > 10_000


def test_dates_are_odd_wherever_the_record_has_one(shown: dict[str, Any]) -> None:
    record_faults.apply_fault("odd-dates", shown, 1)
    assert shown["startDate"] == shown["lastUpdate"] == "0000-00-00"


def test_ids_become_null_empty_and_objects(shown: dict[str, Any]) -> None:
    found = []
    for number in range(3):
        record_faults.apply_fault("null-ids", shown, number)
        found.append(shown["id"])
    assert found == [None, "", {}]


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return Fleet(generator.Sizes(20, 30, 60), 638, NOW)


@pytest.fixture
def carrier(fleet: Fleet) -> Json:
    return DIALECTS["tmf-v5"].shape(fleet.find("CAR0000001"))


def changed(name: str, shown: Json, number: int) -> Json:
    return record_faults.RECORD_QUIRKS[name](shown, number)


def values(shown: Json) -> list[Any]:
    key = next(key for key in shown if key.lower().endswith("characteristic"))
    return [one["value"] for one in shown[key]]


@pytest.mark.parametrize("name", record_faults.RECORD_QUIRKS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_given_stays_as_it_is_and_what_comes_is_json(fleet: Fleet, dialect: str, name: str) -> None:
    for code in ("SVC0000001", "CAR0000010", "RES0000001", "RES0000005"):
        shown = DIALECTS[dialect].shape(fleet.find(code))
        before = copy.deepcopy(shown)
        for number in range(1, 4):
            json.dumps(record_faults.RECORD_QUIRKS[name](shown, number))
        assert shown == before


def test_value_objects_hold_the_value_and_an_alias(carrier: Json) -> None:
    found = values(changed("value-objects", carrier, 1))
    assert [one["value"] for one in found] == values(carrier)
    assert found[0]["alias"] == "ElementType"


def test_characteristics_become_lists_and_json_in_text_in_turn(carrier: Json) -> None:
    plain, found = values(carrier), values(changed("json-in-text", carrier, 1))
    assert found[:2] == [plain[0], [plain[1]]]
    assert json.loads(found[2]) == {"value": plain[2]}


def test_places_become_flat_whatever_they_were(fleet: Fleet, carrier: Json) -> None:
    assert "place" in carrier["place"][0]
    flat = changed("flat-places", carrier, 1)["place"]
    assert [sorted(one) for one in flat] == [["id", "name", "role"]] * 2
    assert [one["role"] for one in flat] == ["gateway", "terminal"]
    single = DIALECTS["servicenow"].shape(fleet.find("SVC0000001"))
    assert changed("flat-places", single, 1)["place"] == [{"id": single["place"]["id"]}]
    assert changed("flat-places", {"id": "a"}, 1) == {"id": "a"}


def test_urns_stand_in_records_and_references_alike(carrier: Json) -> None:
    shown = changed("urn-ids", carrier, 1)
    assert shown["id"] == "urn:ngsi-ld:Carrier:CAR0000001"
    assert shown["href"].endswith("/urn:ngsi-ld:Carrier:CAR0000001")
    assert shown["supportingResource"][0]["id"].startswith("urn:ngsi-ld:Resource:RES")
    assert shown["name"] == carrier["name"]
    assert not re.search(r'"id": "(CAR|RES|SVC)', json.dumps(shown))


def test_every_tenth_working_resource_is_installing() -> None:
    shown = {"resourceStatus": "available"}
    assert changed("installing", shown, 20)["resourceStatus"] == "installing"
    assert changed("installing", shown, 21) == shown
    assert changed("installing", {"resourceStatus": "alarm"}, 20)["resourceStatus"] == "alarm"
    assert changed("installing", {"state": "active"}, 20) == {"state": "active"}


def test_booleans_become_text_numbers_stay(carrier: Json) -> None:
    assert carrier["hasStarted"] is True
    shown = changed("text-booleans", {**carrier, "value": [{"n": 1, "b": False}]}, 1)
    assert shown["hasStarted"] == "true"
    assert shown["value"] == [{"n": 1, "b": "false"}]


def test_nothing_becomes_something_that_says_so() -> None:
    shown = changed("empty-objects", {"id": "a", "description": "", "relatedParty": []}, 1)
    assert shown["description"] == "Not Specified."
    assert shown["place"] == {"id": "", "name": ""}
    assert shown["relatedParty"] == [{"id": "", "name": ""}]
    assert shown["endDate"] == ""
    kept = {"description": "d", "place": [{"id": "p"}], "endDate": "2024-01-01T00:00:00Z", "name": ""}
    assert changed("empty-objects", kept, 1) == kept


def test_dates_lose_their_zone(carrier: Json) -> None:
    shown = changed("date-without-zone", carrier, 1)
    assert carrier["startDate"] == f"{shown['startDate']}Z"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", shown["startDate"])


@pytest.mark.parametrize(
    ("number", "keys"),
    [
        (1, {"SERVICETYPE", "@TYPE", "ID"}),
        (2, {"service_type", "@type", "id"}),
        (3, {"ServiceType", "@Type", "Id"}),
    ],
)
def test_keys_come_in_three_cases(carrier: Json, number: int, keys: set[str]) -> None:
    shown = changed("odd-key-case", carrier, number)
    assert keys <= shown.keys()
    assert [key.replace("_", "").lower() for key in shown] == [key.lower() for key in carrier]
    ref = shown[next(key for key in shown if key.lower().replace("_", "") == "supportingresource")][0]
    assert keys & ref.keys()


def test_external_ids_are_spelt_in_all_three_ways() -> None:
    found = [next(iter(changed("odd-key-case", {"externalId": "a"}, number))) for number in range(3)]
    assert found == ["ExternalId", "EXTERNALID", "external_id"]
