"""The kinds of panels, each with the looks it has on every dashboard: numbers, graphs, bars, timelines.

Titles, descriptions and queries are given by the dashboards; tables are in `table`. Invariant: every panel
has a title, a description, a unit and the chosen data source.
"""

# ruff: noqa: FBT003  the builders of Grafana's SDK take their flags by position

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import prometheus as asked

from grafana import look, promql, variable


@dataclass(frozen=True)
class About:
    """Title, description and unit of a panel."""

    title: str
    description: str
    unit: str = "short"


Queries = Mapping[str, str]
"""PromQL by legend; a legend is a template such as `{{status}}`."""


def refs(count: int) -> Sequence[str]:
    """Names of queries: A, B, C …"""
    return ascii_uppercase[:count]


def instant(expression: str, ref: str) -> prometheus.Dataquery:
    """What is the case now."""
    return _asked(expression, ref).instant()


def table_format(expression: str, ref: str) -> prometheus.Dataquery:
    """What is the case now, one row a series and one column a label."""
    return instant(expression, ref).format(asked.PromQueryFormat.TABLE)


def _asked(expression: str, ref: str) -> prometheus.Dataquery:
    query = prometheus.Dataquery().expr(expression).ref_id(ref).datasource(variable.SOURCE)
    return query.editor_mode(asked.QueryEditorMode.CODE)


def _ranges(queries: Queries) -> list[prometheus.Dataquery]:
    return [
        _asked(expression, ref).range().legend_format(legend)
        for ref, (legend, expression) in zip(refs(len(queries)), queries.items(), strict=True)
    ]


def _instants(queries: Queries) -> list[prometheus.Dataquery]:
    return [
        instant(expression, ref).legend_format(legend)
        for ref, (legend, expression) in zip(refs(len(queries)), queries.items(), strict=True)
    ]


def number(about: About, queries: Queries, steps: Sequence[look.Step] = look.PLAIN) -> stat.Panel:
    """Large numbers, coloured by thresholds."""
    built = _numbers(about, queries).thresholds(look.thresholds(*steps)).color_scheme(look.by_thresholds())
    return built.color_mode(
        options.BigValueColorMode.VALUE if steps == look.PLAIN else options.BigValueColorMode.BACKGROUND_SOLID
    )


def counts(*wanted: tuple[About, str, promql.Sources, Sequence[look.Step]]) -> list[stat.Panel]:
    """Large numbers that are 0, not absent, as long as there is a snapshot of what they count."""
    return [
        number(about, {"": promql.or_zero(expression, sources)}, steps).decimals(0)
        for about, expression, sources, steps in wanted
    ]


def state(about: About, queries: Queries, *meanings: tuple[str, str, str]) -> stat.Panel:
    """States as words on their colours."""
    built = _numbers(about, queries).thresholds(look.thresholds(*look.PLAIN))
    built = built.mappings([*look.words(*meanings), look.no_data()])
    return built.color_mode(options.BigValueColorMode.BACKGROUND_SOLID)


def _numbers(about: About, queries: Queries) -> stat.Panel:
    several = len(queries) > 1 or "{{" in next(iter(queries))
    return (
        stat.Panel()
        .title(about.title)
        .description(about.description)
        .datasource(variable.SOURCE)
        .unit(about.unit)
        .targets(list(_instants(queries)))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .graph_mode(options.BigValueGraphMode.NONE)
        .justify_mode(options.BigValueJustifyMode.CENTER)
        .text_mode(options.BigValueTextMode.VALUE_AND_NAME if several else options.BigValueTextMode.VALUE)
        .orientation(options.VizOrientation.AUTO)
        .mappings([look.no_data()])
        .no_value(look.NO_DATA)
        .height(4)
        .span(4)
    )


def graph(about: About, queries: Queries) -> timeseries.Panel:
    """Lines over time with the last value in the legend."""
    return (
        timeseries.Panel()
        .title(about.title)
        .description(about.description)
        .datasource(variable.SOURCE)
        .unit(about.unit)
        .min(0)
        .targets(list(_ranges(queries)))
        .color_scheme(look.by_palette())
        .line_width(1)
        .fill_opacity(10)
        .show_points(options.VisibilityMode.AUTO)
        .legend(
            common.VizLegendOptions()
            .display_mode(options.LegendDisplayMode.TABLE)
            .placement(options.LegendPlacement.RIGHT)
            .show_legend(True)
            .calcs(["lastNotNull"])
        )
        .tooltip(
            common.VizTooltipOptions()
            .mode(options.TooltipDisplayMode.MULTI)
            .sort(options.SortOrder.DESCENDING)
        )
        .height(8)
        .span(12)
    )


def narrow(panel: timeseries.Panel) -> timeseries.Panel:
    """A graph with its legend below, where there is no room next to it."""
    legend = common.VizLegendOptions().display_mode(options.LegendDisplayMode.LIST)
    return panel.legend(
        legend.placement(options.LegendPlacement.BOTTOM).show_legend(True).calcs(["lastNotNull"])
    )


def stacked(about: About, queries: Queries) -> timeseries.Panel:
    """Areas over time that add up."""
    stacking = common.StackingConfig().mode(options.StackingMode.NORMAL).group("A")
    return graph(about, queries).stacking(stacking).fill_opacity(40)


def statuses(kind: str, limits: str, *variables: str) -> timeseries.Panel:
    """The number of a kind's records by status; logarithmic, for the few that are down would vanish else."""
    plural = f"{kind}s"
    said = (
        f"Number of {plural} by status on a logarithmic scale, so that few next to many can be seen. {limits}"
    )
    about = About(f"{plural.capitalize()} by status (log scale)", said)
    queries = {"{{status}}": promql.by_status(kind, variables)}
    scale = common.ScaleDistributionConfig().type(options.ScaleDistribution.LOG).log(10)
    graphed = graph(about, queries).scale_distribution(scale).fill_opacity(0).line_width(2).decimals(0)
    for pattern, color in look.STATUS_WORDS:
        fixed = {"mode": "fixed", "fixedColor": color}
        graphed.override_by_regexp(pattern, [look.Property("color", fixed)])
    return graphed


def ranked(expression: str, label: str, sources: promql.Sources, most: int = 10) -> Queries:
    """The largest of the series of one label, for `bars`; a bar `none` where there is none to count."""
    return {f"{{{{{label}}}}}": f"sort_desc(topk({most}, {promql.or_none(expression, label, sources)}))"}


def bars(about: About, queries: Queries, steps: Sequence[look.Step] = look.NONE_IS_BETTER) -> bargauge.Panel:
    """One horizontal bar a series."""
    return (
        bargauge.Panel()
        .title(about.title)
        .description(about.description)
        .datasource(variable.SOURCE)
        .unit(about.unit)
        .min(0)
        .targets(list(_instants(queries)))
        .thresholds(look.thresholds(*steps))
        .color_scheme(look.by_thresholds())
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .orientation(options.VizOrientation.HORIZONTAL)
        .display_mode(options.BarGaugeDisplayMode.BASIC)
        .value_mode(options.BarGaugeValueMode.TEXT)
        .show_unfilled(True)
        .min_viz_height(16)
        .max_viz_height(28)
        .mappings([look.no_data()])
        .no_value(look.NO_DATA)
        .height(8)
        .span(8)
    )


def above(panel: bargauge.Panel) -> bargauge.Panel:
    """Bars with their names above them, for names that are long."""
    return panel.name_placement(options.BarGaugeNamePlacement.TOP).min_viz_height(36).max_viz_height(44)


def timeline(about: About, queries: Queries, *meanings: tuple[str, str, str]) -> statetimeline.Panel:
    """One line a record, coloured by its state at each moment."""
    return (
        statetimeline.Panel()
        .title(about.title)
        .description(about.description)
        .datasource(variable.SOURCE)
        .unit(about.unit)
        .targets(list(_ranges(queries)))
        .mappings(look.words(*meanings))
        .thresholds(look.thresholds(*look.PLAIN))
        .color_scheme(look.by_thresholds())
        .show_value(options.VisibilityMode.NEVER)
        .merge_values(True)
        .row_height(0.8)
        .fill_opacity(80)
        .line_width(0)
        .legend(
            common.VizLegendOptions()
            .display_mode(options.LegendDisplayMode.LIST)
            .placement(options.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .no_value("No status change, or no data")
        .height(12)
        .span(24)
    )
