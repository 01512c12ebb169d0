"""The dashboards' JSON as the tests read it: panels, variables, and queries as Grafana would send them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from grafana.preview import asking

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "grafana" / "dashboards"

Json = dict[str, Any]


class Query(NamedTuple):
    """A panel's query. `expr` is as in the file."""

    board: str
    panel: str
    ref: str
    expr: str


def boards() -> dict[str, Json]:
    """Every dashboard by its uid."""
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.json"))}


def panels(board: Json) -> list[Json]:
    """The panels that show data."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries() -> list[Query]:
    """Every query of every panel."""
    return [
        Query(uid, panel["title"], target["refId"], target["expr"])
        for uid, board in boards().items()
        for panel in panels(board)
        for target in panel["targets"]
    ]


def id_queries() -> list[Query]:
    """The queries of the hidden variables, which choose the records that a panel shows."""
    return [
        Query(uid, name, "variable", expr)
        for uid, board in boards().items()
        for name, expr, _ in asking.id_queries(board)
    ]


def annotations() -> list[Query]:
    """The queries of the annotations."""
    return [
        Query(uid, one["name"], "annotation", one["expr"])
        for uid, board in boards().items()
        for one in board["annotations"]["list"]
    ]


def variables(board: Json) -> dict[str, Json]:
    """The variables by name."""
    return {one["name"]: one for one in board["templating"]["list"]}


def filled(expr: str) -> str:
    """The query with every variable as it is at first: All, and no search."""
    return asking.filled(expr, asking.Source("", 0.0, 60.0, 2.0))
