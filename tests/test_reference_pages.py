"""The reference pages: every option, log event and field is explained, every query uses existing metrics."""

from __future__ import annotations

import argparse
import re
from typing import get_args

import promql_parser
import pytest

from exporter import cli
from exporter.inventory.dialects.vendors import DIALECTS
from exporter.status import CollectionStatus, Rejects, State, Status
from tests import mentions
from tests.pages import drifted
from tools import cli_page, log_events_page, metrics_page, status_api_page, status_values_page

OPTIONS = [
    pytest.param(option, id=f"{name} {option.option_strings[-1]}")
    for name, parser in cli.commands().items()
    for option in parser.options
    if option.dest not in {"help", "version"}
]
QUERIES = [
    *mentions.blocks("promql.md", "promql"),
    *mentions.blocks("metrics.md", "promql"),
]


def test_the_generated_pages_are_up_to_date() -> None:
    assert drifted() == []


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_has_a_help_and_a_default(option: argparse.Action) -> None:
    meaning, default = cli_page.explained(option)
    assert len(meaning) > len("Number of .")
    assert default


@pytest.mark.parametrize("command", sorted(set(cli.commands()) - {""}))
def test_the_help_of_a_command_says_what_it_does(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert str(cli.commands()[command].description) in shown
    assert f"## {command}\n" in cli_page.as_markdown()


def test_every_log_event_has_a_meaning_and_no_other_has() -> None:
    assert set(log_events_page.events()) == set(log_events_page.MEANINGS)
    assert set(mentions.events()) <= set(log_events_page.events())


def test_the_fields_of_a_log_event_include_those_of_helper_functions() -> None:
    events = log_events_page.events()
    assert set(events["refresh failed"].fields) >= {"collection", "api", "reason", "error", "hint"}
    assert set(events["crawl incomplete"].fields) >= {"collection", "problem", "retained", "hint"}
    assert set(events["snapshot expired"].fields) >= {"collection", "api", "records"}


@pytest.mark.parametrize("struct", [Status, CollectionStatus, Rejects])
def test_every_field_of_the_status_has_a_description(struct: type) -> None:
    found = status_api_page.descriptions(struct)
    assert list(found) == list(struct.__struct_fields__)  # type: ignore[attr-defined]
    for name, text in found.items():
        assert text.endswith("."), name


def test_every_state_is_explained() -> None:
    assert list(status_api_page.STATES) == list(get_args(State))


def test_every_status_value_of_every_dialect_is_on_the_page() -> None:
    page = status_values_page.as_markdown()
    for dialect in DIALECTS.values():
        section = page.partition(f"## {dialect.name}\n")[2].partition("\n## ")[0]
        for collection in dialect.collections.values():
            for value, condition in (*collection.statuses.items(), *collection.refining.items()):
                assert f"| `{value}` | {condition} |" in section


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_is_promql_with_metrics_and_labels_that_exist(query: str) -> None:
    promql_parser.parse(query)
    assert set(re.findall(r"ses_inventory_\w+", query)) <= mentions.metrics()
    named = re.findall(r"(?:by|on|group_left) \(([a-z_, ]+)\)", query)
    assert {name for group in named for name in group.split(", ")} <= {*mentions.labels(), "instance", "le"}


def test_the_joins_of_the_page_of_metrics_are_on_it() -> None:
    assert [query.strip() for query in mentions.blocks("metrics.md", "promql")] == [
        query for _, query in metrics_page.JOINS
    ]
