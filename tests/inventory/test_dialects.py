"""Every page under `pages` is read to what is written beside it, and the dialects' tables hold together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exporter.check import findings
from exporter.inventory import dialects, text
from exporter.inventory.condition import Condition
from exporter.inventory.dialects.vendors import DIALECTS
from tests.inventory import pages

EACH = [pytest.param(page, id=f"{page.parent.name}-{page.stem}") for page in pages.pages()]


@pytest.mark.parametrize("page", EACH)
def test_a_page_is_read_to_what_is_written_beside_it(page: Path) -> None:
    read = pages.spelt(pages.read(page))
    expected = json.loads(pages.beside(page).read_bytes())
    assert json.loads(read) == expected, f"is this meant? then python -m tests.inventory.pages\n{read}"


@pytest.mark.parametrize("page", EACH)
def test_no_page_looks_as_if_another_dialect_were_meant(page: Path) -> None:
    name, collection = pages.origin(page)
    if not pages.read(page).malformed:
        assert findings.better(findings.fits(page.read_bytes()), name, collection) is None


def test_every_dialect_has_pages_and_every_expectation_has_its_page() -> None:
    assert {page.parent.name for page in pages.pages()} == set(DIALECTS)
    expected = set(pages.HERE.glob("*/*.expected.json"))
    assert expected == {pages.beside(page) for page in pages.pages()}


@pytest.mark.parametrize("page", EACH)
def test_an_expectation_is_written_as_its_module_writes_it(page: Path) -> None:
    assert pages.beside(page).read_text() == pages.spelt(pages.read(page))


MAPPINGS = [
    pytest.param(mapping, id=f"{one.name}-{name}")
    for one in DIALECTS.values()
    for name, mapping in one.collections.items()
]


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_codes_stand_for_known_words_and_belong_to_paths_that_are_read(mapping: dialects.Collection) -> None:
    known = {text.fold(word) for word in mapping.statuses}
    read = {*mapping.fields.status, *(path for paths in mapping.states.values() for path in paths)}
    assert set(mapping.codes) <= read
    for words in mapping.codes.values():
        assert [word for word in words.values() if text.fold(word) not in known] == []


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_no_word_that_refines_is_operational_as_a_headline(mapping: dialects.Collection) -> None:
    working = {
        text.fold(word) for word, meaning in mapping.statuses.items() if meaning is Condition.OPERATIONAL
    }
    assert {text.fold(word) for word in mapping.refining} & working == set()


SERVICE = {"feasibilityChecked", "designed", "reserved", "inactive", "active", "terminated"}
OPERATING = {
    *("pending", "configured", "starting", "running", "degraded"),
    *("failed", "limited", "stopping", "stopped", "unknown"),
}


@pytest.mark.parametrize("name", [name for name in DIALECTS if name != "ses"])
def test_the_states_of_the_service_inventory_are_known_to_all_who_speak_it(name: str) -> None:
    statuses = DIALECTS[name].collections["services"].statuses
    assert set(statuses) >= SERVICE
    assert [word for word in SERVICE if statuses[word] is Condition.OPERATIONAL] == ["active"]


def test_the_operational_states_of_both_versions_are_headlines_where_nothing_else_is() -> None:
    for name, words in (
        ("tmf-v4", {"enable", "disable"}),
        ("tmf-v5", {"enable", "disable", "enabled", "disabled"}),
    ):
        assert set(DIALECTS[name].collections["resources"].statuses) >= words


def test_of_the_operating_status_only_what_impairs_the_service_refines_it() -> None:
    refining = set(DIALECTS["tmf-v5"].collections["services"].refining)
    assert OPERATING & refining == {"degraded", "failed", "limited", "stopping", "stopped"}


def test_servicenow_has_no_default_table_to_be_silently_incomplete() -> None:
    spoken = DIALECTS["servicenow"]
    assert (spoken.paging.style, spoken.paging.total_header) == ("offset", "X-Total-Count")
    assert [mapping.query for mapping in spoken.collections.values()] == [{}, None, {}]
