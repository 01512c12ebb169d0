from __future__ import annotations

import re

import pytest

from exporter.inventory import dialects, record_reader, text
from exporter.inventory.dialects.vendors import DIALECTS
from exporter.inventory.record import KINDS

EACH = [
    pytest.param(one, name, mapping, id=f"{one.name}-{name}")
    for one in DIALECTS.values()
    for name, mapping in one.collections.items()
]
STEP = r"@?[A-Za-z]+"
PATH = re.compile(rf"{STEP}(\.{STEP})*|characteristic\[\w+\]|(party|place|resource|service)\[\w*\]")


@pytest.mark.parametrize("one", DIALECTS.values(), ids=lambda one: one.name)
def test_a_dialect_speaks_of_services_carriers_and_resources(one: dialects.Dialect) -> None:
    assert tuple(one.collections) == tuple(KINDS)
    assert one.paging.style in dialects.PAGING_STYLES
    assert one.page_size > 0
    assert one.title


@pytest.mark.parametrize(("one", "name", "mapping"), EACH)
def test_a_collection_is_listed_from_the_api_that_has_it(
    one: dialects.Dialect, name: str, mapping: dialects.Collection
) -> None:
    wanted = ("tmf639", "resource") if name == "resources" else ("tmf638", "service")
    assert (mapping.api, mapping.path) == wanted


@pytest.mark.parametrize(("one", "name", "mapping"), EACH)
def test_every_place_to_look_can_be_compiled(
    one: dialects.Dialect, name: str, mapping: dialects.Collection
) -> None:
    places = [path for field in mapping.fields.__struct_fields__ for path in getattr(mapping.fields, field)]
    places += [path for paths in mapping.states.values() for path in paths]
    assert [path for path in places if not PATH.fullmatch(path)] == []
    assert record_reader.Reader(mapping)


@pytest.mark.parametrize(("one", "name", "mapping"), EACH)
def test_no_two_status_words_are_the_same_word_in_another_spelling(
    one: dialects.Dialect, name: str, mapping: dialects.Collection
) -> None:
    for words in (mapping.statuses, mapping.refining):
        assert len({text.fold(word) for word in words}) == len(words)


@pytest.mark.parametrize(("one", "name", "mapping"), EACH)
def test_a_record_is_always_found_by_an_id_and_headed_by_a_status(
    one: dialects.Dialect, name: str, mapping: dialects.Collection
) -> None:
    assert "id" in mapping.fields.id
    assert mapping.fields.status
    assert mapping.fields.entity_type == ("@type",)


def test_the_ses_dialect_asks_as_the_operators_middleware_expects() -> None:
    ses = DIALECTS["ses"]
    assert (ses.paging.style, ses.paging.size_param, ses.paging.position_param) == (
        "page",
        "recordsPerPage",
        "page",
    )
    assert (ses.paging.start, ses.page_size, ses.delta) == (1, 40, {"updatedDaysAgo": "0"})
    assert ses.collections["services"].query == {"status": "1"}
    assert ses.collections["carriers"].query == {"@type": "element"}
    assert ses.collections["resources"].query == {"status": "1"}
    assert set(ses.collections["resources"].exclude_types) == {
        *("Card", "BandwidthSegment", "LogicalPort", "Multicast", "Slot", "Port", "Circuit")
    }


STATES_V4 = {"feasibilityChecked", "designed", "reserved", "inactive", "active", "terminated"}
RESOURCE_V4 = {"standby", "alarm", "available", "reserved", "unknown", "suspended"}


@pytest.mark.parametrize(
    ("name", "collection", "words"),
    [
        ("tmf-v4", "services", STATES_V4),
        ("tmf-v4", "carriers", STATES_V4),
        ("tmf-v4", "resources", RESOURCE_V4),
        ("tmf-v5", "services", STATES_V4 | {"suspended"}),
        ("tmf-v5", "carriers", STATES_V4 | {"suspended"}),
        ("tmf-v5", "resources", RESOURCE_V4 | {"installed", "not exists", "pendingRemoval", "planned"}),
    ],
)
def test_every_word_of_the_specifications_enumerations_is_known(
    name: str, collection: str, words: set[str]
) -> None:
    assert words <= set(DIALECTS[name].collections[collection].statuses)
