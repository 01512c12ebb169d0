"""Puts a dashboard together: rows of panels laid out on the grid, variables, links, fixed identity.

It owns what all dashboards have in common; their content is their own modules'. Invariant: panels never
overlap, their ids are their order, and the page cannot be edited in place, since its source is here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from grafana import annotation, link, variable

WIDTH = 24

Panel = Builder[model.Panel]


@dataclass(frozen=True)
class Row:
    """Panels from left to right, wrapped at the grid's width, under a heading unless that is empty."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Page:
    """What makes a dashboard this one. `name` gives its uid; `time` is how far back it looks at first."""

    name: str
    title: str
    description: str
    variables: Sequence[variable.Variable]
    rows: Sequence[Row]
    time: str = "now-6h"


def dashboard(page: Page) -> model.Dashboard:
    """The page as Grafana's own model."""
    builder = (
        build.Dashboard(page.title)
        .uid(link.uid(page.name))
        .description(page.description)
        .tags([link.TAG])
        .readonly()
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .timezone("utc")
        .time(page.time, "now")
        .refresh("30s")
        .link(link.between())
    )
    for one in (*variable.common(), *page.variables):
        builder.with_variable(one)
    board = builder.build()
    board.panels = list(_laid(page.rows))
    return board


OLDEST_GRAFANA = "11.0.0"


def as_json(board: model.Dashboard) -> str:
    """The file's text: stable order, `id` null so that Grafana gives its own, and what it requires."""
    content = json.loads(json.dumps(board, cls=JSONEncoder))
    for panel in content["panels"]:
        if panel["type"] == "table":
            panel["options"].pop("footer", None)
            panel["options"]["enablePagination"] = True
    for one in content["templating"]["list"]:
        for name in ("auto", "auto_count", "auto_min"):
            one.pop(name, None)
    content["annotations"] = {"list": annotation.of_every_dashboard()}
    content |= {"id": None, "__requires": list(_required(content["panels"]))}
    return f"{json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)}\n"


def _required(panels: Sequence[Mapping[str, str]]) -> Iterator[Mapping[str, str]]:
    """What Grafana shows when the dashboard is imported, as an export of Grafana has it."""
    yield {"type": "grafana", "id": "grafana", "name": "Grafana", "version": OLDEST_GRAFANA}
    yield {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"}
    for kind in sorted({panel["type"] for panel in panels} - {"row"}):
        yield {"type": "panel", "id": kind, "name": kind, "version": ""}


def _laid(rows: Sequence[Row]) -> Iterator[model.Panel | model.RowPanel]:
    number, top = 1, 0
    for row in rows:
        if row.title:
            place = model.GridPos(x=0, y=top, w=WIDTH, h=1)
            yield model.RowPanel(title=row.title, grid_pos=place, id_val=number, panels=[])
            number, top = number + 1, top + 1
        left = tallest = 0
        for panel in (one.build() for one in row.panels):
            if panel.grid_pos is None:
                raise ValueError(
                    f"panel {panel.title!r} has no place on the grid: give it a span and a height"
                )
            if left + panel.grid_pos.w > WIDTH:
                left, top, tallest = 0, top + tallest, 0
            panel.grid_pos.x, panel.grid_pos.y = left, top
            left, tallest = left + panel.grid_pos.w, max(tallest, panel.grid_pos.h)
            panel.id_val = number
            number += 1
            yield panel
        top += tallest
