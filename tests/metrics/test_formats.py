"""Both formats are read by prometheus-client's parsers, whatever an inventory sends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.exposition import families
from exporter.inventory.dialects.vendors import DIALECTS
from exporter.inventory.filters import Selection
from exporter.inventory.record import KINDS
from tests.inventory import reading
from tests.metrics import regenerate, rendering

HOSTILE = (
    *('"', "\\", "\\n", "a\nb", "a\r\nb", "a\x00b", "\x1b[31m", "\u202egnp.exe", "\u2028", "\x85", "👩‍🚀🛰"),
    *("<script>alert(1)</script>", "x" * 10_000, "} 1\nses_inventory_up 0", "# EOF", "{le="),
    *(" ", "ﷺ", "\ufeff"),
)
TEXTS = st.sampled_from(HOSTILE) | st.text(st.characters(codec="utf-8"), max_size=10)
LINKS = st.lists(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("id", "name", "role", "@type", "relationshipType", "status", "@referredType"), TEXTS
        ),
    ),
    max_size=4,
)
CHARACTERISTICS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["one", "two", "three"]), "value": TEXTS | st.floats(-9, 9)}
    ),
    max_size=4,
)
WORDS = (
    *("name", "description", "status", "state", "resourceStatus", "@type", "serviceType", "category"),
    *("operatingStatus", "administrativeState", "alarmStatus", "endDate", "lastUpdate"),
)
LISTS = ("relatedParty", "place", "supportingResource", "supportingService", "serviceRelationship")
ITEMS = st.fixed_dictionaries(
    {"externalId": TEXTS},
    optional={
        **dict.fromkeys(WORDS, TEXTS),
        **dict.fromkeys((*LISTS, "resourceRelationship"), LINKS),
        "serviceCharacteristic": CHARACTERISTICS,
        "resourceCharacteristic": CHARACTERISTICS,
    },
)
COLLECTIONS = [(name, collection) for name, one in DIALECTS.items() for collection in one.collections]
NUMBERS = {"two": ("two_ratio", 1.0), "three": ("two_ratio", 2.0)}


def _rendered(items: list[Any], name: str, collection: str) -> Any:
    using = reading.reader(
        name, collection, characteristics=("one", "two"), numbers=NUMBERS, selection=Selection()
    )
    held = rendering.snapshot(items, using)
    return rendering.exposition(name, collection, NUMBERS).update(held, rendering.Changes()), held


def _labels(metrics: list[Any]) -> dict[str, set[frozenset[str]]]:
    found: dict[str, set[frozenset[str]]] = {}
    for metric in metrics:
        for sample in metric.samples:
            found.setdefault(sample.name, set()).add(frozenset(sample.labels))
    return found


@settings(max_examples=200, deadline=None)
@given(st.lists(ITEMS, max_size=5), st.sampled_from(COLLECTIONS))
def test_f47_hostile_text_in_every_field_is_a_scrape_that_both_parsers_take(
    items: list[dict[str, Any]], which: tuple[str, str]
) -> None:
    body, held = _rendered(items, *which)
    plain, openmetrics = rendering.both(body)
    assert rendering.samples(plain) == rendering.samples(openmetrics)
    idents = {
        dict(labels)[f"{KINDS[which[1]]}_id"]
        for (name, labels) in rendering.samples(plain)
        if name == f"ses_inventory_{KINDS[which[1]]}_status"
    }
    assert idents == set(held.records), "what is parsed is what is held"


@settings(max_examples=100, deadline=None)
@given(st.lists(ITEMS, max_size=5), st.sampled_from(COLLECTIONS))
def test_the_labels_of_a_family_never_vary(items: list[dict[str, Any]], which: tuple[str, str]) -> None:
    body, _ = _rendered(items, *which)
    wanted = {family.name: {frozenset(family.labels)} for family in families.of(which[1], NUMBERS)}
    for metrics in rendering.both(body):
        for name, labels in _labels(metrics).items():
            assert labels == wanted[name]


@settings(max_examples=50, deadline=None)
@given(st.lists(ITEMS, max_size=5), st.sampled_from(COLLECTIONS))
def test_families_never_interleave(items: list[dict[str, Any]], which: tuple[str, str]) -> None:
    body, _ = _rendered(items, *which)
    for form in ("text", "openmetrics"):
        text = rendering.whole(body, form)
        names = [line.split("{")[0] for line in text.split("\n") if line and not line.startswith("#")]
        order = list(dict.fromkeys(names))
        assert names == sorted(names, key=order.index)
        assert text.count("# HELP ") == text.count("# TYPE ") == len(order)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_f47_each_hostile_text_comes_back_as_it_was_cleaned(hostile: str) -> None:
    items = [{"externalId": "S1", "name": hostile, "place": [{"id": "L1", "name": hostile}]}]
    body, held = _rendered(items, "ses", "services")
    cleaned = held.records["S1"].record.name
    plain, openmetrics = (rendering.samples(metrics) for metrics in rendering.both(body))
    assert plain == openmetrics
    infos = {name: dict(labels) for name, labels in plain}
    assert infos["ses_inventory_service_info"]["name"] == cleaned
    assert len(cleaned.encode()) <= 1000
    assert not set(cleaned) & {"\x00", "\r", "\x1b", "\u202e", "\x85"}


@pytest.mark.parametrize("hostile", [*HOSTILE, "\ud800"])
def test_f47_a_hostile_name_of_a_characteristic_is_a_help_that_both_parsers_take(hostile: str) -> None:
    numbers = dict.fromkeys((f"one{hostile}two", "three"), ("two_ratio", 1.0))
    held = [{"externalId": "S1", "serviceCharacteristic": [{"name": "three", "value": 2}]}]
    for metrics in rendering.both(rendering.body(held, "ses", "services", numbers)):
        (metric,) = [one for one in metrics if one.name == "ses_inventory_service_two_ratio"]
        assert metric.documentation.startswith("Characteristic one")
        assert [sample.value for sample in metric.samples] == [2]


@pytest.mark.parametrize("page", regenerate.pages(), ids=lambda page: page.stem)
def test_the_types_and_units_of_openmetrics_are_those_of_the_list(page: Any) -> None:
    name, _, collection = page.stem.rpartition("-")
    _, openmetrics = rendering.both(rendering.body(page.read_bytes(), name, collection))
    listed = {
        family.name.removesuffix("_total") if family.type == "counter" else family.name: family
        for family in families.of(collection)
    }
    for metric in openmetrics:
        family = listed[metric.name]
        assert (metric.type, metric.unit, metric.documentation) == (family.type, family.unit, family.help)


def test_in_the_old_format_an_info_is_a_gauge() -> None:
    plain, _ = rendering.both(rendering.body([{"externalId": "S1"}]))
    assert {metric.type for metric in plain} == {"gauge"}
    carriers, _ = rendering.both(rendering.body([{"externalId": "C1"}], "ses", "carriers"))
    counters = [metric.name for metric in carriers if metric.type == "counter"]
    assert counters == ["ses_inventory_carrier_status_changes"]
