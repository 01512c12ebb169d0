"""What is odd about odd records."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from exporter.simulator import generator, record_faults
from exporter.simulator.dialect import DIALECTS
from exporter.simulator.fleet import Fleet

NOW = 1_790_000_000.0


@pytest.fixture
def shown() -> dict[str, Any]:
    fleet = Fleet(generator.Sizes(5, 6, 20), 1, NOW)
    return DIALECTS["ses"].shape(fleet.find("CAR0000001"))


@pytest.mark.parametrize("name", record_faults.RECORD_FAULT_EFFECTS)
@pytest.mark.parametrize("number", range(1, 13))
def test_spoilt_records_keep_their_keys_and_stay_json(shown: dict[str, Any], name: str, number: int) -> None:
    before = json.loads(json.dumps(shown))
    record_faults.RECORD_FAULT_EFFECTS[name](shown, number)
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
    record_faults.odd_dates(shown, 1)
    assert shown["startDate"] == shown["lastUpdate"] == "0000-00-00"


def test_ids_become_null_empty_and_objects(shown: dict[str, Any]) -> None:
    found = []
    for number in range(3):
        record_faults.null_ids(shown, number)
        found.append(shown["id"])
    assert found == [None, "", {}]
