"""Exporter: freshness, completeness, performance, limits and process health.

It queries only the exporter's own families; those of its process are in `process_health`. Invariant:
exporters are distinguished where they may differ.
"""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from grafana import look, page, process_health
from grafana.panel import About, Queries, bars, graph, narrow, number, stacked, state
from grafana.promql import known_state, own, per_minute, quantile, rate, series, whole, with_snapshot
from grafana.table import UTC, Column, Direction, Order, Part, Plan, table

RARELY = "10m"
"""The shortest step of graphs about what happens every few minutes; shorter ones would be full of gaps."""


def dashboard() -> model.Dashboard:
    """The dashboard."""
    return page.dashboard(
        page.Page(
            name="exporter",
            title="Inventory / Exporter",
            description="Freshness, completeness, performance, limits and process health of the exporter.",
            variables=(),
            rows=(
                page.Row("", _state()),
                page.Row("Freshness and completeness", (_collections(), *_completeness())),
                page.Row("Data quality", (_defects(), _status_changes())),
                page.Row("Performance", _speed()),
                page.Row("Limits", _limits()),
                page.Row("Process health", process_health.panels()),
            ),
        )
    )


def _state() -> tuple[page.Panel, ...]:
    reloaded = f"min({own('config_last_reload_successful')})"
    unread = f"max by (collection) ({with_snapshot('records_unread')})"
    panels = (
        state(
            About("Last refresh", "Whether the last refresh of each collection succeeded.", "none"),
            {"{{collection}}": f"min by (collection) ({known_state('up', 0)})"},
            *look.REFRESHED,
        ),
        state(
            About(
                "Complete", "Whether the last full crawl of each collection was verified complete.", "none"
            ),
            {"{{collection}}": f"min by (collection) ({known_state('complete', 0)})"},
            *look.COMPLETE,
        ),
        state(
            About("Fresh", "Stale if the snapshot is older than three refresh intervals.", "none"),
            {"{{collection}}": f"max by (collection) ({known_state('stale', 1)})"},
            *look.STALE,
        ),
        number(
            About(
                "Records unread", "Number of records on pages that could not be read in the last full crawl."
            ),
            {"{{collection}}": unread},
            look.NONE_IS_BETTER,
        ),
    )
    return (
        *(panel.span(5) for panel in panels),
        state(
            About("Config reload", "Whether the last configuration reload succeeded.", "none"),
            {"": reloaded},
            *look.REFRESHED,
        ).span(4),
    )


def _collections() -> page.Panel:
    """One row an exporter and collection, joined on a label made of both."""
    date = "dateTimeFromNow"
    few = look.coloured_number(*look.NONE_IS_BETTER)
    columns = (
        ("up", Column("Last refresh", width=95, properties=look.mapped(*look.REFRESHED))),
        ("complete", Column("Complete", width=95, properties=look.mapped(*look.COMPLETE))),
        ("stale", Column("Fresh", width=65, properties=look.mapped(*look.STALE))),
        ("last_success_timestamp_seconds", Column("Last success", unit=date, width=120)),
        (
            "last_full_success_timestamp_seconds",
            Column("Last complete crawl (UTC)", unit="dateTimeAsIso", width=190),
        ),
        ("records", Column("Records", unit="short", width=70)),
        ("records_retained", Column("Retained", unit="short", width=75, properties=few)),
        ("records_held_back", Column("Pending removals", unit="short", width=125, properties=few)),
        ("records_unknown_status", Column("Unknown status", unit="short", width=120, properties=few)),
        ("references_dangling", Column("Broken references", unit="short", width=135, properties=few)),
        ("restored", Column("Source", width=85, properties=look.mapped(*look.RESTORED))),
    )
    parts = [Part(_by_collection(_known(name)), (column,)) for name, column in columns]
    named = (Column("Exporter", "instance", width=125), Column("Collection", "collection", width=85))
    parts[0] = Part(parts[0].expression, (*named, *parts[0].columns))
    parts[1:] = [Part(f"max by (collection_key) ({part.expression})", part.columns) for part in parts[1:]]
    utc = Column("Last success (UTC)", UTC, "dateTimeAsIso", 150)
    titles = [column.title for _, column in columns]
    last = titles.index("Last success")
    parts[last] = Part(parts[last].expression, (*parts[last].columns, utc))
    order = ("Exporter", "Collection", *titles[: last + 1], utc.title, *titles[last + 1 :])
    about = About(
        "Collections",
        "State of each collection of each exporter. Retained: records that the last full crawl did not "
        "return. Pending removals: removals that the shrink guard keeps until they are confirmed. Unknown "
        "status: status values that the dialect does not know. Broken references: references to records "
        "that are missing from a collected collection.",
        "none",
    )
    return table(about, Plan("collection_key", parts, order, (Order("Collection"),))).height(6)


STATES = {"up": 0, "complete": 0, "stale": 1, "restored": 1}
"""Families that are good or bad, and the value that is bad."""


def _known(name: str) -> str:
    """A family of the table of collections: no number and no good state where nothing is known."""
    if name.endswith("_timestamp_seconds"):
        return f"1000 * {own(name)}"
    if name in STATES:
        return known_state(name, STATES[name])
    return with_snapshot(name)


def _by_collection(expression: str) -> str:
    key = f'label_join({expression}, "collection_key", " ", "job", "instance", "collection")'
    return f"max by (collection_key, instance, collection) ({key})"


def _completeness() -> tuple[page.Panel, ...]:
    by, of = "{{collection}}", "collection"
    records: Queries = {
        "{{collection}} in snapshot": f"max by (collection) ({with_snapshot('records')})",
        "{{collection}} reported by API": f"max by (collection) ({own('records_expected')})",
    }
    moved: Queries = {
        f"{by} {word}": per_minute(f"ses_inventory_exporter_records_{word}_total", of)
        for word in ("added", "changed", "removed")
    }
    lost: Queries = {
        f"{by} rejected: {{{{reason}}}}": per_minute(
            "ses_inventory_exporter_records_rejected_total", of, "reason"
        ),
        f"{by} value dropped: {{{{reason}}}}": per_minute(
            "ses_inventory_exporter_values_dropped_total", of, "reason"
        ),
        f"{by} duplicate": per_minute("ses_inventory_exporter_duplicates_total", of),
    }
    return (
        graph(
            About(
                "Records: in snapshot vs reported by API",
                "Number of records in the snapshot and as reported by the API.",
            ),
            records,
        ),
        graph(
            About(
                "Records added, changed, removed per minute", "Number of records per minute, by collection."
            ),
            moved,
        ),
        graph(
            About(
                "Rejects per minute",
                "Records and values that could not be decoded, and duplicate records, per minute.",
            ),
            lost,
        ).span(24),
    )


DEFECTS = (
    ("no_party", "no customer"),
    ("no_place", "no location"),
    ("no_satellite", "no satellite"),
    ("no_transponder", "no transponder"),
    ("no_gateway", "no gateway"),
    ("no_supporting_resource", "no supporting resource"),
    ("dangling_reference", "reference to a record that is missing"),
    ("past_end_but_operational", "operational after the end date"),
    ("before_start_but_operational", "operational before the start date"),
    ("duplicate_name", "name used by another record"),
    ("unknown_status", "unknown status value"),
    ("no_dependents", "nothing depends on it"),
)
"""What the defects mean, in the words of the table."""


def _defects() -> page.Panel:
    parts = (
        f"""label_replace({whole(f"{kind}s", series(f"ses_inventory_{kind}_defects"), "defect")}, """
        f""""collection", "{kind}s", "", "")"""
        for kind in ("service", "carrier", "resource")
    )
    both = 'label_join({}, "defect_key", " ", "collection", "defect")'.format(f"({' or '.join(parts)})")
    spelt = look.Property("mappings", look.words(*((value, text, look.IDLE) for value, text in DEFECTS)))
    columns = (
        Column("Collection", "collection", width=120),
        Column("Defect", "defect", properties=(spelt,)),
        Column("Records", unit="none", width=110),
    )
    about = About(
        "Defects of the inventory data",
        "Number of records with incomplete or contradictory data, by defect. /api/v1/defects has examples.",
        "none",
    )
    part = Part(f"max by (defect_key, collection, defect) ({both}) > 0", columns)
    order = [one.title for one in columns]
    defects = table(about, Plan("defect_key", (part,), order, (Order("Records", Direction.DOWN),)))
    return defects.span(12).height(9).no_value("No defects, or no data")


def _status_changes() -> page.Panel:
    changes = per_minute("ses_inventory_exporter_status_changes_total", "from_status", "to_status")
    return stacked(
        About(
            "Status changes per minute", "Number of status changes per minute, by previous and new status."
        ),
        {"{{from_status}} → {{to_status}}": changes},
    ).height(9)


def _speed() -> tuple[page.Panel, ...]:
    refresh = "ses_inventory_exporter_refresh_duration_seconds"
    request = "ses_inventory_exporter_request_duration_seconds"
    render = "ses_inventory_exporter_render_duration_seconds"
    failures = "ses_inventory_exporter_request_failures_total"
    return (
        graph(
            About("Refresh duration", "95th percentile by collection and mode.", "s"),
            {"{{collection}} {{mode}}": quantile(0.95, refresh, "collection", "mode")},
        ).interval(RARELY),
        graph(
            About("Request duration", "Median and 95th percentile by API.", "s"),
            {"{{api}} median": quantile(0.5, request, "api"), "{{api}} p95": quantile(0.95, request, "api")},
        ),
        stacked(
            About("API responses", "Responses per second by API and status code.", "reqps"),
            {"{{api}} {{code}}": rate("ses_inventory_exporter_requests_total", "api", "code")},
        ),
        graph(
            About("Failed and retried requests", "Requests per second by API and reason.", "reqps"),
            {
                "{{api}} {{reason}}": rate(failures, "api", "reason"),
                "{{api}} retried": rate("ses_inventory_exporter_request_retries_total", "api"),
            },
        ),
        graph(
            About(
                "Failed and overrunning refreshes per minute",
                "Number of refreshes per minute, by collection and reason.",
            ),
            {
                "{{collection}} {{mode}} {{reason}}": per_minute(
                    "ses_inventory_exporter_refresh_failures_total", "collection", "mode", "reason"
                ),
                "{{collection}} longer than the interval": per_minute(
                    "ses_inventory_exporter_refresh_overruns_total", "collection"
                ),
            },
        ).interval(RARELY),
        graph(
            About("Rendering duration", "95th percentile by collection.", "s"),
            {"{{collection}}": quantile(0.95, render, "collection")},
        ).interval(RARELY),
    )


def _limits() -> tuple[page.Panel, ...]:
    sent = f"3600 * {rate('ses_inventory_exporter_requests_total', 'api')}"
    waited = rate("ses_inventory_exporter_request_wait_seconds_total", "api")
    most = f"topk(12, max by (family) ({own('series')} > 0) / on () group_left () max({own('series_limit')}))"
    return (
        graph(
            About("Requests per hour", "Requests sent, predicted and allowed by the configuration."),
            {
                "{{api}} sent": sent,
                "{{api}} predicted": f"max by (api) ({own('requests_per_hour')})",
                "{{api}} allowed": f"max by (api) ({own('request_budget')})",
            },
        ),
        narrow(
            graph(
                About("Concurrency limit", "Maximum number of concurrent requests, by API."),
                {"{{api}}": f"max by (api) ({own('concurrency_limit')})"},
            )
        ).span(6),
        narrow(
            graph(
                About("Waiting requests", "Average number of requests that wait for a limit, by API."),
                {"{{api}}": waited},
            )
        )
        .decimals(1)
        .span(6),
        bars(
            About(
                "Series limit usage",
                "Series of the largest families as a share of the series limit.",
                "percentunit",
            ),
            {"{{family}}": f"sort_desc({most})"},
            ((None, look.GOOD), (0.8, look.WARN), (1, look.BAD)),
        )
        .decimals(1)
        .span(12),
        number(
            About("Series dropped", "Number of series over the series limit of their family."),
            # a family without series is one of a snapshot that has expired
            {"": f"sum({own('series_dropped')} and on (job, instance, family) {own('series')} > 0)"},
            look.NONE_IS_BETTER,
        ).height(8),
        narrow(
            graph(
                About(
                    "Scrape size",
                    "Size of the inventory families in a scrape, uncompressed (identity) and compressed.",
                    "bytes",
                ),
                {"{{encoding}}": f"max by (encoding) ({own('exposition_bytes')})"},
            )
        ).span(8),
    )
