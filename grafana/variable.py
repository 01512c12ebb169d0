"""The variables of the dashboards: where the data is, which exporters, and what is chosen of the inventory.

Every dashboard begins with `datasource`, `job` and `instance`. Choices offer All, which also takes what says
nothing (`.*`). Invariant: a name means the same on every dashboard, for links carry the values over.
"""

# ruff: noqa: FBT003  the builders of Grafana's SDK take their flags by position

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model

from grafana import promql

Variable = Builder[model.VariableModel]

SOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
ALL = model.VariableOption(text="All", value="$__all", selected=True)


def common() -> tuple[Variable, ...]:
    """The ones every dashboard begins with."""
    job = "label_values(ses_inventory_exporter_build_info, job)"
    instance = 'label_values(ses_inventory_exporter_build_info{job=~"$job"}, instance)'
    return (
        build.DatasourceVariable("datasource").label("Data source").type("prometheus"),
        _query("job", "Job", job, ".+"),
        _query("instance", "Instance", instance, ".+"),
    )


def choice(name: str, label: str, metric: str, source: str) -> Variable:
    """Any of the values that a label of a family has."""
    return _query(name, label, f"label_values({promql.series(metric)}, {source})", ".*")


def search(name: str, label: str) -> Variable:
    """A text to search for."""
    said = "Part of a name or ID; case-insensitive; regular expressions work"
    empty = model.VariableOption(text="", value="", selected=True)
    return build.TextBoxVariable(name).label(label).description(said).default_value("").current(empty)


def customer(kind: str) -> Variable:
    """The related party of records of a kind."""
    return choice("customer", "Customer", f"ses_inventory_{kind}_info", "party")


def whereabouts() -> tuple[Variable, ...]:
    """Where carriers run: customer, satellite, transponder and gateway."""
    names = ("satellite", "transponder", "gateway")
    info = "ses_inventory_carrier_info"
    return (customer("carrier"), *(choice(name, name.capitalize(), info, name) for name in names))


def _query(name: str, label: str, query: str, everything: str) -> Variable:
    return (
        build.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"query": query, "refId": f"variable-{name}"})
        .multi(True)
        .include_all(True)
        .all_value(everything)
        .current(ALL)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
    )
