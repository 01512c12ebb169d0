"""Tables: queries of one row a record, joined on its id by Grafana's own transformations.

A query is a `Part`; its shape says how it becomes columns: as it is, several series of a record as one cell,
or one column for every name that a label has. Columns can be filtered and sorted, long tables have pages.
Invariant: a table has one row a key, and the columns of `order` come first and in that order.
"""

# ruff: noqa: FBT003  the builders of Grafana's SDK take their flags by position

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.builders import table as build
from grafana_foundation_sdk.models import dashboard as model

from grafana import look, panel, variable

VALUE = ""
"""As a column's source: the value of the query's series instead of a label."""

UTC = "utc"
"""As a column's source: the same value once more, for a time that is shown as a date too."""

Step = model.DataTransformerConfig


class Shape(Enum):
    """How the series of a part become columns."""

    ROW = "one series a record"
    LIST = "several series a record, gathered into one cell"
    MATRIX = "one column for each value of the label `name`, with the label `value` in it"


class Direction(Enum):
    """Which row comes first: the one with the smallest value, or the one with the largest."""

    UP = "smallest first"
    DOWN = "largest first"


@dataclass(frozen=True)
class Column:
    """One column: `source` is a label, `VALUE` or `UTC`, `unit` one of Grafana's, `width` in pixels or 0."""

    title: str
    source: str = VALUE
    unit: str = ""
    width: int = 0
    properties: tuple[look.Property, ...] = ()


@dataclass(frozen=True)
class Part:
    """One query and the columns it gives."""

    expression: str
    columns: tuple[Column, ...]
    shape: Shape = Shape.ROW


class Join(Enum):
    """Which rows a table has: those of any part, or those of all of them."""

    OUTER = "outer"
    INNER = "inner"


class Order(NamedTuple):
    """Rows in the order of one column."""

    title: str
    direction: Direction = Direction.UP


@dataclass(frozen=True)
class Plan:
    """A table: the label its parts are joined on, the parts, the titles from left to right, the sorting."""

    key: str
    parts: Sequence[Part]
    order: Sequence[str]
    sort: Sequence[Order]
    join: Join = Join.OUTER


def table(about: panel.About, plan: Plan) -> build.Panel:
    """The panel."""
    names = panel.refs(len(plan.parts))
    built = (
        build.Panel()
        .title(about.title)
        .description(about.description)
        .datasource(variable.SOURCE)
        .unit(about.unit)
        .targets(
            [panel.table_format(part.expression, ref) for ref, part in zip(names, plan.parts, strict=True)]
        )
        .transformations(list(_transformations(plan)))
        .filterable(True)
        .inspect(False)
        .min_width(70)
        .sort_by(
            [
                common.TableSortByFieldState().display_name(title).desc(direction is Direction.DOWN)
                for title, direction in plan.sort
            ]
        )
        .no_value(look.NO_ROWS)
        .override_by_regexp("/.*/", [look.Property("noValue", look.NO_VALUE)])
        .height(12)
        .span(24)
    )
    for column in (column for part in plan.parts for column in part.columns):
        properties = list(_properties(column))
        if properties:
            built.override_by_name(column.title, properties)
    return built


def _properties(column: Column) -> Iterator[look.Property]:
    if column.unit:
        yield look.Property("unit", column.unit)
    if column.width:
        yield look.Property("custom.width", column.width)
    yield from column.properties


def _transformations(plan: Plan) -> Iterator[Step]:
    yield Step("filterFieldsByName", options={"exclude": {"names": ["Time"]}})
    names = panel.refs(len(plan.parts))
    for ref, part in zip(names, plan.parts, strict=True):
        if part.shape is Shape.LIST:
            yield from _gathered(plan, ref, part)
        elif part.shape is Shape.MATRIX:
            yield from _spread(plan.key, ref, part)
        for column in part.columns:
            if column.source == UTC:
                yield _again(_field(plan, ref, part, VALUE), _field(plan, ref, part, UTC), ref)
    if len(plan.parts) > 1:
        yield Step("joinByField", options={"byField": plan.key, "mode": plan.join.value})
    yield Step("organize", options=_organised(plan))


def _field(plan: Plan, ref: str, part: Part, source: str) -> str:
    """What Grafana calls the field of a column after the part's own transformations."""
    if source == plan.key:
        return source
    if source == UTC:
        return f"{UTC} {ref}"
    name = source or ("Value" if len(plan.parts) == 1 else f"Value #{ref}")
    if part.shape is not Shape.LIST:
        return name
    return f"{name} (uniqueValues)" if source else f"{name} (min)"


def _again(name: str, alias: str, ref: str) -> Step:
    """A second field with the same numbers, since a field is one column."""
    same = {"left": name, "operator": "+", "right": "0"}
    options = {"mode": "binary", "binary": same, "alias": alias, "replaceFields": False}
    return Step("calculateField", filter_val=_only(ref), options=options)


def _only(ref: str) -> model.MatcherConfig:
    return model.MatcherConfig(id_val="byRefId", options=ref)


def _gathered(plan: Plan, ref: str, part: Part) -> Iterator[Step]:
    fields: dict[str, object] = {plan.key: {"aggregations": [], "operation": "groupby"}}
    lists = []
    for column in part.columns:
        if column.source == VALUE:
            value = "Value" if len(plan.parts) == 1 else f"Value #{ref}"
            fields[value] = {"aggregations": ["min"], "operation": "aggregate"}
        elif column.source not in (plan.key, UTC):
            fields[column.source] = {"aggregations": ["uniqueValues"], "operation": "aggregate"}
            lists.append(_field(plan, ref, part, column.source))
    yield Step("groupBy", filter_val=_only(ref), options={"fields": fields})
    conversions = [{"targetField": name, "destinationType": "string", "joinWith": ", "} for name in lists]
    yield Step("convertFieldType", filter_val=_only(ref), options={"conversions": conversions, "fields": {}})


def _spread(key: str, ref: str, part: Part) -> Iterator[Step]:
    matrix = {"columnField": "name", "rowField": key, "valueField": "value", "emptyValue": "null"}
    yield Step("groupingToMatrix", filter_val=_only(ref), options=matrix)
    # the matrix calls its first column after both labels, and the join wants the key's own name
    renaming = {"regex": f"^{re.escape(key)}\\\\name$", "renamePattern": key}
    yield Step("renameByRegex", options=renaming)
    numbers = [
        {"targetField": column.source, "destinationType": "number"} for column in part.columns if column.unit
    ]
    if numbers:
        yield Step("convertFieldType", options={"conversions": numbers, "fields": {}})


def _organised(plan: Plan) -> dict[str, object]:
    renamed = {
        _field(plan, ref, part, column.source): column.title
        for ref, part in zip(panel.refs(len(plan.parts)), plan.parts, strict=True)
        for column in part.columns
    }
    places = {title: place for place, title in enumerate(plan.order)}
    values = ["Value", *(f"Value #{ref}" for ref in panel.refs(len(plan.parts)))]
    return {
        "excludeByName": {name: True for name in (plan.key, *values) if name not in renamed},
        "indexByName": {name: places[title] for name, title in renamed.items()},
        "renameByName": renamed,
    }
