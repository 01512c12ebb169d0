"""The catalogue is whole: each fault has its test, and what is said of it is true of metrics and alerts."""

from __future__ import annotations

import re

import pytest

from exporter.exposition import families, topology_families
from tests import pages
from tests.faults import catalogue

NUMBERS = range(1, 76)
METRIC = re.compile(r"[a-z_]+")


def test_every_fault_has_exactly_one_test() -> None:
    assert [row.number for row in catalogue.rows()] == list(NUMBERS)


def test_each_test_carries_its_number() -> None:
    for row in catalogue.rows():
        assert row.test.rpartition(".")[2].startswith(f"test_f{row.number:02d}_"), row


def test_every_metric_and_every_alert_exists() -> None:
    listed = (*families.FAMILIES, *topology_families.FAMILIES, *families.TELEMETRY)
    names = {family.name for family in listed}
    for row in catalogue.rows():
        metric = METRIC.match(row.metric)
        assert not row.metric or metric, row
        name = metric[0] if metric else ""
        assert not name or name in names or name.startswith("process_"), row
        assert not row.alert or row.alert in catalogue.ALERTS, row


def test_every_row_says_what_happens_in_one_line() -> None:
    for row in catalogue.rows():
        for text in (row.what, row.happens):
            assert text, row
            assert text == " ".join(text.split()), row
            assert not text.endswith("."), row


def test_every_group_begins_with_a_row() -> None:
    text = catalogue.as_markdown()
    assert text.count("\n## ") == len(catalogue.GROUPS)
    assert text.count("\n| F") == len(catalogue.ROWS)


def test_the_page_is_what_the_tests_say() -> None:
    assert "docs/faults.md" in pages.PAGES
    assert "docs/faults.md" not in pages.drifted(), "run `make docs` and commit it"


def test_a_number_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "ROWS", {})

    def test_f99_one() -> None: ...

    def test_f99_other() -> None: ...

    mark = catalogue.fault(99, "what", "happens", metric="", alert="")
    assert mark(test_f99_one) is test_f99_one
    mark(test_f99_one)  # imported again
    with pytest.raises(ValueError, match="one test a row"):
        mark(test_f99_other)
    assert catalogue.ROWS[99].test.endswith("test_f99_one")
