"""Links: from each dashboard to the others, and from a cell to what it names.

All keep the time range; those between dashboards keep every variable, those in cells the data source and the
exporters. Invariant: dashboards are addressed by their fixed uid, never by a title or a path.
"""

# ruff: noqa: FBT003  the builders of Grafana's SDK take their flags by position

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model

from grafana import look
from rules.rule import Links

TAG = "ses-inventory"
CARRIED = "${__url_time_range}&${datasource:queryparam}&${job:queryparam}&${instance:queryparam}"


def uid(name: str) -> str:
    """The fixed uid of a dashboard."""
    return f"ses-inventory-{name}"


def between() -> build.DashboardLink:
    """The row of links to all dashboards."""
    return (
        build.DashboardLink("Inventory")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(False)
        .include_vars(True)
        .keep_time(True)
        .tooltip("Other dashboards of the inventory with the same time range and filters")
    )


def of_kind(title: str, kind: str, value: str) -> look.Property:
    """A link to the record of the kind that another column of the row names."""
    return cell(title, f"{kind}s", kind, value)


def cell(title: str, dashboard: str, variable: str, value: str) -> look.Property:
    """A link of a table's cell to a dashboard with one variable set; `value` is a template of Grafana."""
    url = f"/d/{uid(dashboard)}?var-{variable}={value}&{CARRIED}"
    return look.Property("links", [{"title": title, "url": url}])


def runbook() -> look.Property:
    """A link of a cell with the name of an alert to its runbook."""
    url = Links().runbook("${__value.raw}")
    return look.Property("links", [{"title": "Runbook of this alert", "url": url, "targetBlank": True}])


def field(title: str) -> str:
    """Another column's value in the row of a cell."""
    return f'${{__data.fields["{title}"]:percentencode}}'


VALUE = "${__value.raw:percentencode}"
"""The cell's own value."""
