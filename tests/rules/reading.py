"""Reads what is shipped: the rules, the alerts among them, and which metrics and labels an expression uses.

`used` and `labels` are no parser of PromQL (promtool is one, and the tests run it): they find names, which is
enough to hold them against the list of families. Invariant: a name that is neither a family nor recorded by a
rule is never passed over.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from exporter.exposition import families, topology_families

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))
CASES = sorted((Path(__file__).parent / "cases").glob("*.yml"))

Rule = Mapping[str, object]

_TARGET = {"job", "instance"}
_PLACES = {"satellite", "transponder", "gateway"}
_STRING = re.compile(r'"(?:\\.|[^"\\])*"')
_COMMENT = re.compile(r"#[^\n]*")
_NAME = re.compile(r"(?<![\w:])(?:up|ALERTS|[a-z_]\w*:[\w:]+|ses_inventory_\w+)(?![\w:])")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*%?[q\"]")
_REPLACED = re.compile(r'label_replace\([^"]*?,\s*"(\w+)"', re.DOTALL)
_SELECTOR = re.compile(r"\{[^{}]*\}")


@functools.cache
def rules() -> tuple[Rule, ...]:
    """All rules in the order of files, groups and rules."""
    groups = [group for file in RULES for group in yaml.safe_load(file.read_text())["groups"]]
    return tuple(rule for group in groups for rule in group["rules"])


@functools.cache
def alerts() -> tuple[Rule, ...]:
    """The rules that tell somebody, in the order of the files."""
    return tuple(rule for rule in rules() if "alert" in rule)


def used(expression: str) -> set[str]:
    """The names of the metrics in an expression, recorded ones included."""
    return set(_NAME.findall(_COMMENT.sub("", _STRING.sub('""', expression))))


def named(expression: str) -> set[str]:
    """The names of the labels that an expression matches, groups by or joins on."""
    text = _COMMENT.sub("", expression)
    grouping = {word.strip() for inside in _GROUPING.findall(text) for word in inside.split(",")}
    matched = {name for inside in _SELECTOR.findall(text) for name in _MATCHER.findall(inside)}
    return (grouping | matched) - {""}


def known() -> dict[str, set[str]]:
    """The labels that each metric can have: families, what the rules record, and `up`."""
    listed = (*families.FAMILIES, *topology_families.FAMILIES, *families.TELEMETRY)
    labels = {family.name: {*family.labels, *_TARGET} for family in listed}
    labels["up"] = set(_TARGET)
    labels["ALERTS"] = {"alertname", "alertstate", *_PLACES, "service_id"}
    waiting = [rule for rule in rules() if "record" in rule]
    labels.update({str(rule["record"]): set() for rule in waiting})
    for rule in (*waiting, *waiting):  # twice: a rule may use itself
        labels[str(rule["record"])] |= reachable(str(rule["expr"]), labels)
    return labels


def reachable(expression: str, labels: Mapping[str, set[str]]) -> set[str]:
    """The labels that the result of an expression can have at most."""
    found = {label for name in used(expression) for label in labels.get(name, set())}
    made = set(_REPLACED.findall(expression))
    kept = {
        word.strip() for inside in re.findall(r"\bby\s*\(([^)]*)\)", expression) for word in inside.split(",")
    }
    return (found | made) & kept if kept and _aggregated(expression) else found | made


def _aggregated(expression: str) -> bool:
    """Whether each alternative of the expression is an aggregation or a metric that a rule records."""
    text = _COMMENT.sub("", expression).strip()
    return bool(re.match(r"(?:max|min|sum|count|group|bottomk)\s+by", text))


def templates(rule: Rule) -> Iterator[str]:
    """The texts of a rule that Prometheus expands."""
    annotations = rule["annotations"]
    assert isinstance(annotations, dict)
    yield from annotations.values()


def queries(text: str) -> list[str]:
    """The expressions that a text asks Prometheus for when it is expanded."""
    return re.findall(r"query \(printf `([^`]+)`", text)
