"""From queries to records: kinds, filters, positions, and what is refused."""

from __future__ import annotations

import json

import pytest

from exporter.simulator import generator, list_request, listing
from exporter.simulator.dialect import DIALECTS
from exporter.simulator.fleet import Fleet
from exporter.simulator.record import DAY, DOWN, OPERATIONAL, RETIRED, FleetRecord

NOW = 1_790_000_000.0


def never(record: FleetRecord) -> bool:
    return False


def always(record: FleetRecord) -> bool:
    return True


@pytest.fixture
def fleet() -> Fleet:
    return Fleet(generator.Sizes(45, 60, 90), 638, NOW)


def listed(fleet: Fleet, dialect: str, api: str, now: float = NOW, **query: str) -> list[FleetRecord]:
    lists = listing.Listing(DIALECTS[dialect], fleet, never)
    query = {key.replace("type", "@type"): value for key, value in query.items()}
    return lists.records(list_request.parse(DIALECTS[dialect], api, query), now)


def kinds(records: list[FleetRecord]) -> set[str]:
    return {one.kind for one in records}


def test_ses_lists_services_unless_elements_are_asked_for(fleet: Fleet) -> None:
    assert kinds(listed(fleet, "ses", "tmf638")) == {"service"}
    assert kinds(listed(fleet, "ses", "tmf638", type="element")) == {"carrier"}
    assert listed(fleet, "ses", "tmf638", type="nonsense") == []


def test_ses_shows_retired_records_only_without_the_status_filter(fleet: Fleet) -> None:
    with_retired = listed(fleet, "ses", "tmf638")
    installed = listed(fleet, "ses", "tmf638", status="1")
    assert len(installed) == 45
    assert [one.status for one in with_retired if one not in installed] == [RETIRED]


def test_tmf_lists_services_and_carriers_together_unless_a_type_is_asked_for(fleet: Fleet) -> None:
    assert len(listed(fleet, "tmf-v4", "tmf638")) == 105
    assert len(listed(fleet, "tmf-v4", "tmf638", type="Carrier")) == 60
    assert len(listed(fleet, "tmf-v5", "tmf638", type="CustomerFacingService")) == 45


def test_resources_are_filtered_by_their_type(fleet: Fleet) -> None:
    for dialect in DIALECTS:
        assert {one.type for one in listed(fleet, dialect, "tmf639", type="Modem")} == {"Modem"}
        assert listed(fleet, dialect, "tmf639", type="Toaster") == []


def test_filters_by_state_follow_each_change(fleet: Fleet) -> None:
    lists = listing.Listing(DIALECTS["tmf-v4"], fleet, never)
    ask = list_request.parse(DIALECTS["tmf-v4"], "tmf638", {"@type": "Carrier", "state": "inactive"})
    carrier = next(one for one in fleet.records("carrier") if one.status == OPERATIONAL)
    assert carrier not in lists.records(ask, NOW)
    fleet.set_status(carrier.code, DOWN, NOW)
    assert carrier in lists.records(ask, NOW)


def test_lists_follow_who_comes_and_goes(fleet: Fleet) -> None:
    lists = listing.Listing(DIALECTS["ses"], fleet, never)
    ask = list_request.parse(DIALECTS["ses"], "tmf638", {})
    before = lists.records(ask, NOW)
    assert lists.records(ask, NOW) is before
    added = fleet.add_service(NOW)
    assert lists.records(ask, NOW)[-1] is added


def test_updated_days_ago_counts_days_back_from_now(fleet: Fleet) -> None:
    assert listed(fleet, "ses", "tmf638", now=NOW + 400 * DAY, updatedDaysAgo="0") == []
    fleet.set_status("SVC0000009", DOWN, NOW)
    fresh = listed(fleet, "ses", "tmf638", updatedDaysAgo="0")
    assert fleet.find("SVC0000009") in fresh
    week = listed(fleet, "ses", "tmf638", updatedDaysAgo="6")
    assert {one.number for one in fresh} <= {one.number for one in week}
    assert all(one.updated >= NOW - 7 * DAY for one in week)


def test_other_dialects_know_no_age_and_ignore_what_they_do_not_know(fleet: Fleet) -> None:
    assert len(listed(fleet, "tmf-v4", "tmf638", updatedDaysAgo="0", colour="blue")) == 105


@pytest.mark.parametrize(
    ("query", "position", "size", "page"),
    [
        ({}, 0, 40, 1),
        ({"page": "3"}, 80, 40, 3),
        ({"page": "2", "recordsPerPage": "10"}, 10, 10, 2),
    ],
)
def test_ses_counts_pages_from_one(query: dict[str, str], position: int, size: int, page: int) -> None:
    ask = list_request.parse(DIALECTS["ses"], "tmf638", query)
    assert (ask.position, ask.size, ask.page) == (position, size, page)


def test_tmf_counts_records_from_nought(fleet: Fleet) -> None:
    ask = list_request.parse(DIALECTS["tmf-v4"], "tmf639", {"offset": "40"})
    assert (ask.position, ask.size, ask.page, ask.rows) == (40, 20, 3, range(41, 61))


@pytest.mark.parametrize(
    ("dialect", "query", "name"),
    [
        ("ses", {"page": "0"}, "page"),
        ("ses", {"page": "two"}, "page"),
        ("ses", {"recordsPerPage": "1001"}, "recordsPerPage"),
        ("ses", {"recordsPerPage": "0"}, "recordsPerPage"),
        ("ses", {"updatedDaysAgo": "-1"}, "updatedDaysAgo"),
        ("tmf-v4", {"limit": ""}, "limit"),
        ("tmf-v5", {"offset": "-20"}, "offset"),
        ("tmf-v5", {"offset": "9" * 5000}, "offset"),
        ("tmf-v5", {"limit": "9" * 5000}, "limit"),
        ("servicenow", {"offset": "20"}, "@type"),
    ],
)
def test_nonsense_is_refused_by_name(dialect: str, query: dict[str, str], name: str) -> None:
    with pytest.raises(list_request.BadQuery, match=f"^{name} is"):
        list_request.parse(DIALECTS[dialect], "tmf638", query)


def test_repeated_records_come_again_at_once_or_on_another_page(fleet: Fleet) -> None:
    lists = listing.Listing(DIALECTS["ses"], fleet, always)
    many = Fleet(generator.Sizes(0, 200, 0), 1, NOW)
    for world, count in ((fleet, 60), (many, 200)):
        lists = listing.Listing(DIALECTS["ses"], world, always)
        found = lists.records(list_request.parse(DIALECTS["ses"], "tmf638", {"@type": "element"}), NOW)
        assert len(found) == 2 * count
        assert len({one.code for one in found}) == count
        assert found[0] is found[1]
        assert found.index(world.find("CAR0000002")) + 40 < len(found)


def test_trying_every_filter_does_not_grow_the_simulator(fleet: Fleet) -> None:
    lists = listing.Listing(DIALECTS["ses"], fleet, never)
    for number in range(200):
        ask = list_request.parse(DIALECTS["ses"], "tmf638", {"category": str(number)})
        assert lists.records(ask, NOW) == []
    assert len(lists._lists) <= 51


def test_records_grow_too_old_for_a_list_without_changing(fleet: Fleet) -> None:
    fleet.set_status("SVC0000009", DOWN, NOW)
    lists = listing.Listing(DIALECTS["ses"], fleet, never)
    ask = list_request.parse(DIALECTS["ses"], "tmf638", {"updatedDaysAgo": "0"})
    assert lists.records(ask, NOW)
    assert lists.records(ask, NOW + 2 * DAY) == []


def record(number: int = 1) -> FleetRecord:
    return FleetRecord("carrier", number, f"carrier {number}", "Forward Carrier", 1, 2, 3)


def test_bytes_are_kept_until_the_record_changes() -> None:
    encoder = listing.RecordEncoder(lambda one: {"name": one.name})
    one = record()
    first = encoder.object(one)
    assert json.loads(first) == {"name": "carrier 1"}
    assert encoder.object(one) is first
    one.name, one.revision = "renamed", 1
    assert json.loads(encoder.object(one)) == {"name": "renamed"}


def test_a_page_is_an_array() -> None:
    encoder = listing.RecordEncoder(lambda one: {"n": one.number})
    assert json.loads(encoder.array([record(1), record(2)])) == [{"n": 1}, {"n": 2}]
    assert encoder.array([]) == b"[]"


def test_no_more_bytes_are_kept_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_ENCODED", 10)
    encoder = listing.RecordEncoder(lambda one: {"n": one.number})
    encoder.array(record(number) for number in range(25))
    assert encoder._encoded.cache_info().currsize <= 10
