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


def choice(name: str, label: str, metric: str, *matchers: str, source: str = "") -> Variable:
    """Any of the values of a label of a family; the label is called like the variable unless it is given."""
    return _query(name, label, f"label_values({promql.series(metric, *matchers)}, {source or name})", ".*")


def search(name: str, label: str, said: str = "Part of a name or ID") -> Variable:
    """A text to search for."""
    text = f"{said}; case-insensitive; regular expressions work"
    empty = model.VariableOption(text="", value="", selected=True)
    return build.TextBoxVariable(name).label(label).description(text).default_value("").current(empty)


def customer(family: str) -> Variable:
    """The related party in the series of a family."""
    return choice("customer", "Customer", f"ses_inventory_{family}", source="party")


def whereabouts() -> tuple[Variable, ...]:
    """Where carriers run: customer, satellite, and the transponders and gateways of the satellites chosen."""
    over = 'satellite=~"$satellite"'
    return (
        customer("party_carriers"),
        choice("satellite", "Satellite", "ses_inventory_satellite_carriers"),
        choice("transponder", "Transponder", "ses_inventory_transponder_carriers", over),
        choice("gateway", "Gateway", "ses_inventory_gateway_carriers", over),
    )


ROWS = ("200", "500", "1000", "5000")


def rows() -> Variable:
    """The most rows of the table."""
    first = ROWS[1]
    options = [model.VariableOption(text=one, value=one, selected=one == first) for one in ROWS]
    return (
        build.CustomVariable("rows")
        .label("Rows")
        .description("The largest number of rows in the table; with more, use the filters")
        .values(",".join(ROWS))
        .options(options)
        .current(model.VariableOption(text=first, value=first, selected=True))
    )


def ids(name: str, label: str, expression: str) -> Variable:
    """A hidden variable: the values of a label in the result of a query, all of them chosen."""
    made = (
        build.QueryVariable(name)
        .label(name.capitalize())
        .datasource(SOURCE)
        .query({"query": f"query_result({expression})", "refId": f"variable-{name}"})
        .regex(f'/{label}="([^"]+)"/')
        .hide(model.VariableHide.HIDE_VARIABLE)
        .multi(True)
        .include_all(True)
        .current(ALL)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.DISABLED)
        .build()
    )
    return _Unlinked(made)


class _Unlinked(Builder[model.VariableModel]):
    """A variable that is not in links: the SDK's builder cannot say so."""

    def __init__(self, made: model.VariableModel) -> None:
        self._made = made

    def build(self) -> model.VariableModel:
        """The variable."""
        self._made.skip_url_sync = True
        return self._made


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
