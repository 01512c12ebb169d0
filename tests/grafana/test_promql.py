"""Every query of every dashboard is PromQL over families and labels that there are."""

from __future__ import annotations

import re
from typing import Any

import promql_parser
import pytest
import yaml

from exporter.exposition import families, topology_families
from grafana import promql
from tests.grafana import boards

EACH = pytest.mark.parametrize(
    "query", boards.queries(), ids=lambda query: f"{query.board}-{query.panel}-{query.ref}"
)

TARGET = {"job", "instance"}
OWN = {
    "process_start_time_seconds": set[str](),
    "process_cpu_seconds_total": set[str](),
    "process_resident_memory_bytes": set[str](),
}
"""Of prometheus-client's own."""


def known() -> dict[str, set[str]]:
    """The labels of every series by its name."""
    listed = (*families.FAMILIES, *topology_families.FAMILIES, *families.TELEMETRY)
    series = {family.name: set(family.labels) for family in listed}
    for family in families.TELEMETRY:
        if family.type == "histogram":
            labels = set(family.labels)
            ends = {"_bucket": labels | {"le"}, "_count": labels, "_sum": labels}
            series |= {f"{family.name}{end}": labels for end, labels in ends.items()}
    return series | OWN


SERIES = known()


def nodes(expr: str) -> list[Any]:
    found: list[Any] = []
    promql_parser.walk(promql_parser.parse(expr), found.append)
    return found


def selectors(expr: str) -> list[Any]:
    return [node for node in nodes(expr) if isinstance(node, promql_parser.VectorSelector)]


@EACH
def test_it_parses_and_names_series_and_labels_that_there_are(query: boards.Query) -> None:
    for selector in selectors(boards.filled(query.expr)):
        assert selector.name in SERIES, selector.name
        for matcher in selector.matchers.matchers:
            assert matcher.name in SERIES[selector.name] | TARGET, (selector.name, matcher.name)


@EACH
def test_it_groups_and_joins_by_labels_that_there_are(query: boards.Query) -> None:
    expr = boards.filled(query.expr)
    calls = [node for node in nodes(expr) if isinstance(node, promql_parser.Call)]
    made = {call.args[1].val for call in calls if call.func.name in ("label_replace", "label_join")}
    labels = set().union(*(SERIES[selector.name] for selector in selectors(expr))) | TARGET | made
    for grouping in re.findall(r"\b(?:by|on|group_left) \(([\w, ]*)\)", expr):
        assert set(filter(None, grouping.split(", "))) <= labels, grouping


@EACH
def test_every_selector_is_limited_to_the_chosen_exporters(query: boards.Query) -> None:
    assert query.expr.count("{") == query.expr.count('{job=~"$job",instance=~"$instance"')


@EACH
def test_every_variable_it_uses_is_one_of_its_dashboard_or_grafanas(query: boards.Query) -> None:
    used = set(re.findall(r"\$([a-z]\w*)", query.expr))
    assert used <= boards.variables(boards.boards()[query.board]).keys()
    assert set(re.findall(r"\$(__\w+)", query.expr)) <= {"__rate_interval", "__range"}


@EACH
def test_counters_are_only_seen_as_rates_or_increases(query: boards.Query) -> None:
    expr = boards.filled(query.expr)
    rated = set()
    for node in nodes(expr):
        if isinstance(node, promql_parser.Call) and node.func.name in ("rate", "increase"):
            rated |= {id(node)}
            (matrix,) = node.args
            assert matrix.vector_selector.name.endswith(("_total", "_bucket", "_count", "_sum"))
    counters = [one for one in selectors(expr) if one.name.endswith(("_total", "_bucket"))]
    assert len(counters) <= len(rated)


@EACH
def test_it_folds_exporters_so_that_replicas_count_once(query: boards.Query) -> None:
    outermost = (
        query.expr.removeprefix("1000 * ").removeprefix("3600 * ").removeprefix("time() - ").lstrip("(")
    )
    assert re.match(r"(max|min|sum|count|topk|sort_desc|histogram_quantile)\b", outermost), outermost


def test_what_is_not_in_service_is_the_same_for_dashboards_and_alerts() -> None:
    rules = yaml.safe_load((boards.ROOT / "deploy/prometheus/rules/carriers.yml").read_text(encoding="utf-8"))
    exprs = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    assert any(promql.NOT_IN_SERVICE in expr for expr in exprs)
