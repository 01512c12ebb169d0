"""Every query of every dashboard is PromQL over families and labels that there are."""

from __future__ import annotations

import re
from typing import Any

import promql_parser
import pytest

from exporter.exposition import families, topology_families
from exporter.inventory.condition import PROBLEMS, Condition
from grafana import records
from tests.grafana import boards

QUERIES = [*boards.queries(), *boards.id_queries(), *boards.annotations()]
EACH = pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.board}-{query.panel}-{query.ref}")

TARGET = {"job", "instance"}
OWN = {
    "process_start_time_seconds": set[str](),
    "process_cpu_seconds_total": set[str](),
    "process_resident_memory_bytes": set[str](),
}
"""Of prometheus-client's own."""

ALERTS = {"ALERTS": {"alertname", "alertstate", "severity"}, "ALERTS_FOR_STATE": {"alertname", "severity"}}
"""Of Prometheus; what aggregates over exporters has no job and instance."""


def known() -> dict[str, set[str]]:
    """The labels of every series by its name."""
    listed = (*families.FAMILIES, *topology_families.FAMILIES, *families.TELEMETRY)
    series = {family.name: set(family.labels) for family in listed}
    for family in families.TELEMETRY:
        if family.type == "histogram":
            labels = set(family.labels)
            ends = {"_bucket": labels | {"le"}, "_count": labels, "_sum": labels}
            series |= {f"{family.name}{end}": labels for end, labels in ends.items()}
    return series | OWN | ALERTS


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
            assert matcher.name in SERIES[selector.name] | TARGET | {records.UNSET}, (
                selector.name,
                matcher.name,
            )


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
    theirs = len(re.findall(r"ALERTS\w*{", query.expr))
    assert query.expr.count("{") - theirs == query.expr.count('{job=~"$job",instance=~"$instance"')


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
    outermost = re.sub(r"^(1000 \* |3600 \* |60 \* |time\(\) - )", "", query.expr).lstrip("(")
    assert re.match(r"(max|min|sum|count|topk|sort_desc|histogram_quantile|group)\b", outermost), outermost


def asked(expr: str) -> str:
    """The query with an example for each variable outside of a text."""
    examples = {"$__range": "1h", "$__rate_interval": "1m", "$rows": "500"}
    for name, example in examples.items():
        expr = expr.replace(name, example)
    return expr


PER_RECORD = re.compile(r"ses_inventory_(service|carrier|resource)_(?!carriers|services|defects)\w+")
BY_PROBLEM = ("problem_since_timestamp_seconds", "affected_since_timestamp_seconds", "dependents")


@EACH
def test_records_are_only_read_by_their_ids_or_by_a_filter(query: boards.Query) -> None:
    """Families with a series of every record are as large as the inventory, those of problems are not."""
    for selector in selectors(asked(query.expr)):
        if not PER_RECORD.fullmatch(selector.name) or selector.name.endswith(BY_PROBLEM):
            continue
        if query.panel == "End within 30 days":
            continue  # one number of each service, and no label of it
        matchers = {one.name: one.value for one in selector.matchers.matchers}
        kind = selector.name.split("_")[2]
        by_id = matchers.get(f"{kind}_id", "") in ("$shown", "$recent", "$related", "$carriers")
        other_statuses = matchers.get("status") == "$status"
        assert by_id or records.UNSET in matchers or other_statuses, (selector.name, matchers)


def test_what_the_dashboards_call_a_problem_is_what_the_exporter_does() -> None:
    assert set(records.PROBLEMS) == {str(one) for one in PROBLEMS}
    assert set(records.CONDITIONS) - {"affected"} <= {str(one) for one in Condition}
    ranks = [list(Condition).index(Condition(one)) for one in records.PROBLEMS]
    assert ranks == sorted(ranks), "the worst first"
