from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest

from exporter.inventory import dialects, record_reader
from exporter.inventory.condition import Condition
from exporter.inventory.dialects.vendors import DIALECTS
from exporter.inventory.record import Link
from tests.inventory import reading

V4 = reading.reader("tmf-v4")
V5 = reading.reader("tmf-v5")


def _at(paths: dict[str, tuple[str, ...]], item: dict[str, Any], **how: Any) -> Any:
    """A record read along the operator's own paths."""
    mapping = DIALECTS["tmf-v4"].collections["services"]
    return reading.record({"id": "S1", **item}, record_reader.Reader(_with(mapping, paths), **how))


def _with(mapping: dialects.Collection, paths: dict[str, tuple[str, ...]]) -> dialects.Collection:
    own = msgspec.structs.replace
    return own(mapping, fields=own(mapping.fields, **paths))


def _dropped(item: dict[str, Any], using: record_reader.Reader) -> Counter[str]:
    return reading.batch([item], using).dropped


def test_keys_match_whatever_their_case_and_hyphens() -> None:
    found = reading.record({"ID": "S1", "Service_Type": "VSAT", "start-date": "1970-01-02"}, V4)
    assert (found.id, found.type, found.start) == ("S1", "VSAT", 86400.0)


@pytest.mark.parametrize("empty", [None, ""])
def test_of_two_spellings_of_a_key_the_first_that_holds_something_wins(empty: str | None) -> None:
    assert reading.record({"id": "S1", "Name": empty, "name": "one", "NAME": "two"}, V4).name == "one"


def test_the_first_path_that_holds_something_wins() -> None:
    paths = {"name": ("alias", "label.text", "name")}
    assert _at(paths, {"alias": "", "label": {"text": None}, "name": "third"}).name == "third"
    assert _at(paths, {"alias": "Not Specified", "label": {"Text": "second"}}).name == "second"
    assert _at(paths, {"alias": {"not": "a text"}}).name == ""


def test_a_path_descends_by_key_and_through_lists_to_the_first_object() -> None:
    paths = {"name": ("a.b.c",)}
    assert _at(paths, {"a": {"b": {"c": "found"}}}).name == "found"
    assert _at(paths, {"a": [7, {"B": [{"c": "found"}, {"c": "later"}]}]}).name == "found"
    for absent in ({"a": {"b": "text"}}, {"a": []}, {"a": "text"}, {}, {"a": {"b": {}}}):
        assert _at(paths, absent).name == ""


def test_a_path_may_select_a_characteristic_a_party_a_place_a_resource_or_a_service() -> None:
    item = {
        "serviceCharacteristic": [{"name": "Order Number", "value": 7}],
        "relatedParty": [{"id": "P1", "role": "owner"}, {"id": "P2", "name": "Acme", "role": "Customer"}],
        "place": [{"id": "L1", "name": "Betzdorf", "role": "gateway"}],
        "supportingResource": [{"id": "R1", "name": "SES-17", "@referredType": "Satellite"}],
        "supportingService": [{"id": "S2", "name": "Segment", "@type": "BandwidthSegment"}],
    }
    for path, said in (
        ("characteristic[ordernumber]", "7"),
        ("party[customer]", "Acme"),
        ("party[]", "P1"),
        ("place[gateway]", "Betzdorf"),
        ("resource[satellite]", "SES-17"),
        ("service[bandwidth-segment]", "Segment"),
        ("party[nobody]", ""),
        ("unknown[selection]", ""),
    ):
        assert _at({"name": (path,)}, item).name == said, path


def test_characteristics_come_as_a_list_as_an_object_or_wrapped() -> None:
    shown = reading.reader("tmf-v4", characteristics=("rate", "alias", "level"))
    item = {
        "id": "S1",
        "serviceCharacteristic": [
            {"name": "rate", "value": {"value": 20, "alias": "CIR"}},
            {"name": "alias", "value": {"no": "value"}},
            {"name": 7, "value": "no name"},
            "no object",
        ],
        "characteristic": {"Level": "Gold"},
    }
    assert reading.record(item, shown).characteristics == (("rate", "20"), ("level", "Gold"))


def test_characteristics_that_are_no_list_are_no_characteristics() -> None:
    assert reading.record({"id": "S1", "serviceCharacteristic": "rate=20"}, V4).characteristics == ()


def test_of_two_characteristics_with_one_name_the_first_is_kept_and_the_other_counted() -> None:
    shown = reading.reader("tmf-v4", characteristics=("rate",))
    item = {"id": "S1", "serviceCharacteristic": [{"name": "rate", "value": 1}, {"name": "Rate", "value": 2}]}
    assert reading.record(item, shown).characteristics == (("rate", "1"),)
    assert _dropped(item, shown) == {"characteristic": 1}


def test_numbers_are_scaled_and_what_is_no_number_is_counted() -> None:
    numbers = {"up": ("up_hertz", 1e6), "down": ("down_hertz", 1e6), "rate": ("rate_bauds", 1.0)}
    reader = reading.reader("tmf-v4", numbers=numbers)
    values = {"UP": "14012.5", "down": "12 GHz", "rate": None}
    item = {"id": "S1", "serviceCharacteristic": [{"name": key, "value": one} for key, one in values.items()]}
    assert reading.record(item, reader).numbers == (("up_hertz", 14012.5e6),)
    assert _dropped(item, reader) == {"number": 1}


@pytest.mark.parametrize(
    ("item", "link"),
    [
        ({"id": "L1", "name": "Perth", "role": "site"}, Link("L1", "Perth", "", "site")),
        ({"id": 7, "@type": "Site"}, Link("7", "", "Site", "")),
        ({"name": "Perth"}, Link("", "Perth", "", "")),
        ("L1", Link("L1")),
        (4711, Link("4711")),
        (
            {"role": "site", "place": {"id": "L1", "name": "Perth", "@type": "Site"}},
            Link("L1", "Perth", "Site", "site"),
        ),
        ({"@type": "Outer", "place": {"id": "L1", "role": "site"}}, Link("L1", "", "Outer", "site")),
        ({"id": "L1", "place": "Perth"}, Link("L1")),
        ({"externalId": "", "id": "L1"}, Link("L1")),
        ({"externalId": "X1", "id": "L1"}, Link("X1")),
    ],
)
def test_a_link_is_flat_wrapped_or_a_bare_id(item: object, link: Link) -> None:
    assert reading.record({"id": "S1", "place": [item]}, V5).places == (link,)
    assert reading.record({"id": "S1", "place": item}, V5).places == (link,), "one object instead of a list"


@pytest.mark.parametrize("nothing", [None, [], {}, "", [None], [{}], [{"role": "site"}], [True], [[]]])
def test_what_points_to_nothing_is_no_link(nothing: object) -> None:
    assert reading.record({"id": "S1", "place": nothing}, V4).places == ()


def test_the_same_link_twice_is_one_link() -> None:
    link = {"id": "L1", "name": "Perth"}
    assert len(reading.record({"id": "S1", "place": [link, dict(link), {"id": "L2"}]}, V4).places) == 2


def test_a_record_has_at_most_ten_thousand_links_of_a_sort() -> None:
    item = {"id": "S1", "place": [{"id": number} for number in range(10_007)]}
    assert len(reading.record(item, V4).places) == 10_000
    assert _dropped(item, V4) == {"link": 7}


def test_relations_are_gathered_from_each_list_that_holds_them() -> None:
    item = {
        "id": "S1",
        "serviceRelationship": [{"relationshipType": "dependsOn", "service": {"id": "S2", "name": "two"}}],
        "relatedService": [{"relationshipType": "Contains::Contained by", "id": "S3"}],
    }
    assert reading.record(item, V4).relations == (
        Link("S2", "two", "", "dependsOn"),
        Link("S3", "", "", "Contains::Contained by"),
    )


def test_a_status_word_means_what_the_dialect_says_whatever_its_spelling() -> None:
    for word, meaning in (
        ("Operational", Condition.OPERATIONAL),
        ("non operational", Condition.DOWN),
        ("NON_OPERATIONAL", Condition.DOWN),
        ("Unknown", Condition.UNKNOWN),
    ):
        found = reading.record({"externalId": "S1", "status": word})
        assert (found.status, found.condition, found.status_known) == (word, meaning, True)


def test_a_record_without_a_status_has_no_unknown_one() -> None:
    found = reading.record({"externalId": "S1"})
    assert (found.status, found.condition, found.status_known) == ("", Condition.UNKNOWN, True)


@pytest.mark.parametrize(
    ("operating", "condition"),
    [
        ("running", Condition.OPERATIONAL),
        ("starting", Condition.OPERATIONAL),
        ("failed", Condition.DOWN),
        ("Degraded", Condition.DEGRADED),
        ("limited", Condition.DEGRADED),
        ("", Condition.OPERATIONAL),
    ],
)
def test_an_active_service_is_refined_by_how_it_operates(operating: str, condition: Condition) -> None:
    found = reading.record({"id": "S1", "state": "active", "operatingStatus": operating}, V5)
    assert found.condition is condition


def test_no_further_state_makes_an_inactive_service_operational() -> None:
    assert (
        reading.record({"id": "S1", "state": "inactive", "operatingStatus": "running"}, V5).condition
        is Condition.DOWN
    )


def test_a_resource_of_the_release_without_resource_status_is_headed_by_its_operational_state() -> None:
    reader = reading.reader("tmf-v5", "resources")
    fine = {"id": "R1", "operationalState": "enabled", "alarmStatus": ["cleared"]}
    assert reading.record(fine, reader).status == "enabled"
    assert reading.record(fine, reader).condition is Condition.OPERATIONAL
    assert reading.record({**fine, "alarmStatus": ["minor", "Critical"]}, reader).condition is Condition.DOWN


def test_each_further_state_has_its_dimension_and_occurs_once() -> None:
    reader = reading.reader("tmf-v5", "resources")
    item = {
        "id": "R1",
        "administrativeState": "unlocked",
        "usageState": "busy",
        "alarmStatus": ["major", "minor", "major", None, {}],
        "availabilityStatus": [],
        "lifecycleState": "installed",
        "lifecycleStatus": "installed",
    }
    assert reading.record(item, reader).states == (
        ("lifecycle", "installed"),
        ("administrative", "unlocked"),
        ("usage", "busy"),
        ("alarm", "major"),
        ("alarm", "minor"),
    )


def test_a_dimension_has_at_most_thirty_two_states() -> None:
    reader = reading.reader("tmf-v5", "resources")
    found = reading.record({"id": "R1", "alarmStatus": [f"alarm {number}" for number in range(99)]}, reader)
    assert len(found.states) == 32


def test_a_date_that_cannot_be_read_is_counted_and_the_next_path_is_tried() -> None:
    item = {"id": "S1", "startDate": "soon", "serviceDate": "1970-01-02", "endDate": {}}
    found = reading.record(item, V4)
    assert (found.start, found.end) == (86400.0, None)
    assert _dropped(item, V4) == {"date": 2}


def test_bandwidth_segments_that_are_not_operational_support_no_carrier() -> None:
    carriers = reading.reader("ses", "carriers")
    segments = [
        {"id": "B1", "name": "one", "status": "Operational"},
        {"id": "B2", "name": "two", "status": "Retired"},
        {"id": "B3", "name": "three"},
        {"service": {"id": "B4", "state": "operational"}},
    ]
    found = reading.record({"externalId": "C1", "supportingService": segments}, carriers)
    assert [link.id for link in found.services] == ["B1", "B3", "B4"]


def test_labels_are_cut_to_the_length_that_is_set() -> None:
    found = reading.record({"id": "i" * 99, "name": "n" * 99}, reading.reader("tmf-v4", length=32))
    assert len(found.id.encode()) == len(found.name.encode()) == 32


def test_objects_of_many_shapes_are_read_like_any_other() -> None:
    places = [{"id": f"L{number}", f"key{number}": 1} for number in range(2_000)]
    found = reading.record({"id": "S1", "place": places}, V4)
    assert found.places == tuple(Link(f"L{number}") for number in range(2_000))
    late = {"id": "L1", "name": "Perth", "nobody wrote this key before": 1}
    assert reading.record({"id": "S1", "place": late}, V4).places == (Link("L1", "Perth"),)
