from __future__ import annotations

import operator
from collections import Counter
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.inventory import dialects, form, recipe, references
from exporter.inventory.record import Link

V4 = dialects.DIALECTS["tmf-v4"].collections["services"]


class Item(msgspec.Struct, frozen=True):
    """As a form decodes an item."""

    id: str
    name: str | None = None


def _read(*items: object) -> tuple[Link, ...]:
    return references.Links("places", V4).source("place")(list(items), Counter())


def test_a_struct_gives_the_link_that_the_object_gives() -> None:
    assert _read(Item("L1", "Perth")) == _read({"id": "L1", "name": "Perth"}) == (Link("L1", "Perth"),)


def test_a_struct_that_points_to_nothing_is_no_link_however_often_it_comes() -> None:
    assert _read(Item(""), Item(""), Item("L1")) == (Link("L1"),)


def test_an_item_that_recurs_gives_the_same_link_until_too_many_others_have_come() -> None:
    read = references.Links("places", V4).source("place")
    (first,) = read([Item("L1")], Counter())
    assert read(Item("L1"), Counter())[0] is first
    read([Item(f"other {number}") for number in range(5_000)], Counter())
    (late,) = read([Item("L1")], Counter())
    assert late == first
    assert late is not first, "what never recurs must not pile up"


def test_items_of_many_shapes_do_not_pile_up() -> None:
    links = references.Links("places", V4)
    read = links.source("place")
    for number in range(1_500):
        assert read([{"id": "L1", f"key {number}": 1}], Counter()) == (Link("L1"),)
    assert len(links._plans) <= 1_000


def test_of_several_keys_of_one_meaning_the_first_that_holds_something_counts() -> None:
    for kinds, kind in (({"@referredType": "", "@type": "Site"}, "Site"), ({"@type": "", "type": None}, "")):
        assert _read({"id": "L1", **kinds}) == (Link("L1", type=kind),)


def test_a_relation_that_does_not_say_what_it_is_is_named_after_its_list() -> None:
    read = references.Links("relations", V4).source("relatedService")
    for item in (Item("S1"), {"id": "S1"}):
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
def test_every_object_gives_the_same_link_as_a_struct_and_as_it_is(item: dict[str, Any]) -> None:
    mapping = msgspec.structs.replace(V4, service_statuses=("a",))
    members: Any = {key: dict.fromkeys(one) if isinstance(one, dict) else None for key, one in item.items()}
    struct = msgspec.convert(item, form._struct(members))
    for name in recipe.LINKS:
        read = references.Links(name, mapping).source("list")
        assert read([struct], Counter()) == read([item], Counter())
