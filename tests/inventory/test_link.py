from __future__ import annotations

import operator
from collections import Counter
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.inventory import field_paths, record_reader
from exporter.inventory.dialects.vendors import DIALECTS
from exporter.inventory.record import Link

V4 = DIALECTS["tmf-v4"].collections["services"]


def _read(*items: object) -> tuple[Link, ...]:
    return field_paths.Links("places", V4).source("place")(list(items), Counter())


def test_an_item_that_points_to_nothing_is_no_link() -> None:
    assert _read({"id": ""}, {"id": ""}, {"id": "L1"}) == (Link("L1"),)


def test_an_item_that_recurs_gives_the_same_link_until_too_many_others_have_come() -> None:
    read = field_paths.Links("places", V4).source("place")
    (first,) = read([{"id": "L1"}], Counter())
    assert read({"id": "L1"}, Counter())[0] is first
    read([{"id": f"other {number}"} for number in range(5_000)], Counter())
    (late,) = read([{"id": "L1"}], Counter())
    assert late == first
    assert late is not first, "what never recurs must not pile up"


def test_items_that_only_python_holds_for_equal_are_different_links() -> None:
    read = field_paths.Links("places", V4).source("place")
    found = [read([{"id": ident, "name": "N"}], Counter()) for ident in (1, True, "1", 1.0)]
    assert found == [(Link("1", "N"),), (Link("", "N"),), (Link("1", "N"),), (Link("1", "N"),)]


def test_items_of_many_shapes_do_not_pile_up() -> None:
    links = field_paths.Links("places", V4)
    read = links.source("place")
    for number in range(1_500):
        assert read([{"id": "L1", f"key {number}": 1}], Counter()) == (Link("L1"),)
    assert len(links._plans) <= 1_000


def test_of_several_keys_of_one_meaning_the_first_that_holds_something_counts() -> None:
    for kinds, kind in (({"@referredType": "", "@type": "Site"}, "Site"), ({"@type": "", "type": None}, "")):
        assert _read({"id": "L1", **kinds}) == (Link("L1", type=kind),)


def test_a_relation_that_does_not_say_what_it_is_is_named_after_its_list() -> None:
    read = field_paths.Links("relations", V4).source("relatedService")
    for item in ("S1", {"id": "S1"}):
        assert read([item], Counter()) == (Link("S1", role="relatedService"),)


WORDS = st.sampled_from(["", " ", "A", "B 1", "not specified", "x\ty"]) | st.none()
KEYS = [
    *("id", "externalId", "name", "@type", "@referredType", "type"),
    *("relationshipType", "role", "status", "state"),
]
WRAPS = ["partyOrPartyRole", "party", "place", "resource", "service"]
PLAIN = st.dictionaries(st.sampled_from(KEYS), WORDS, max_size=6)
ITEMS = st.builds(
    operator.or_, PLAIN, st.dictionaries(st.sampled_from(WRAPS), PLAIN | st.just("A"), max_size=2)
)


@settings(max_examples=500)
@given(ITEMS)
def test_an_item_gives_the_same_link_whatever_the_spelling_of_its_keys(item: dict[str, Any]) -> None:
    mapping = msgspec.structs.replace(V4, service_statuses=("a",))
    spelt = {key.upper(): value for key, value in item.items()}
    for name in record_reader.LINKS:
        read = field_paths.Links(name, mapping).source("list")
        assert read([spelt], Counter()) == read([item], Counter())
