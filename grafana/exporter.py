"""Exporter: is what it serves fresh and complete, was it fast, does it keep within its limits, is it well.

It asks only for the exporter's own families; those of its process are in `wellbeing`. What they mean is in
`docs/metrics.md`; what to do, in the runbooks. Invariant: exporters are told apart wherever they may differ.
"""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from grafana import look, page, wellbeing
from grafana.panel import About, Queries, bars, graph, number, stacked, state
from grafana.promql import increase, known_state, own, quantile, rate, with_snapshot
from grafana.table import Column, Part, Plan, table

RARELY = "10m"
"""The shortest step of graphs about what happens every few minutes; shorter ones would be full of gaps."""


def dashboard() -> model.Dashboard:
    """The dashboard."""
    return page.dashboard(
        page.Page(
            name="exporter",
            title="Inventory / Exporter",
            description="Whether the exporter is fresh, complete, fast and within its limits.",
            variables=(),
            rows=(
                page.Row("", _state()),
                page.Row("Is it fresh and complete?", (_collections(), *_completeness())),
                page.Row("Is it fast?", _speed()),
                page.Row("Does it keep within its limits?", _limits()),
                page.Row("Is it well?", wellbeing.panels()),
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
            About("Complete", "Whether the last full crawl of each collection proved complete.", "none"),
            {"{{collection}}": f"min by (collection) ({known_state('complete', 0)})"},
            *look.YES,
        ),
        state(
            About("Fresh", "Stale once what is served is older than three refresh intervals.", "none"),
            {"{{collection}}": f"max by (collection) ({known_state('stale', 1)})"},
            *look.STALE,
        ),
        number(
            About("Records unread", "Records behind pages that could not be read in the last full crawl."),
            {"{{collection}}": unread},
            look.NONE_IS_GOOD,
        ),
    )
    return (
        *(panel.span(5) for panel in panels),
        state(
            About("Settings", "Whether the last reload of the settings succeeded.", "none"),
            {"": reloaded},
            *look.REFRESHED,
        ).span(4),
    )


def _collections() -> page.Panel:
    """One row an exporter and collection, joined on a label made of both."""
    date = "dateTimeFromNow"
    few = look.coloured_number(*look.NONE_IS_BETTER)
    columns = (
        ("up", Column("Last refresh", width=100, properties=look.mapped(*look.REFRESHED))),
        ("complete", Column("Complete", width=90, properties=look.mapped(*look.YES))),
        ("stale", Column("Fresh", width=80, properties=look.mapped(*look.STALE))),
        ("last_success_timestamp_seconds", Column("Last success", unit=date, width=140)),
        ("last_full_success_timestamp_seconds", Column("Last complete crawl", unit=date, width=150)),
        ("refresh_interval_seconds", Column("Interval", unit="s", width=70)),
        ("records", Column("Held", unit="short", width=70)),
        ("records_expected", Column("Announced", unit="short", width=85)),
        ("records_retained", Column("Kept unseen", unit="short", width=95, properties=few)),
        ("records_unread", Column("Unread", unit="short", width=75, properties=few)),
        ("records_held_back", Column("Held back", unit="short", width=85, properties=few)),
        ("records_unknown_status", Column("Unknown status", unit="short", width=125, properties=few)),
        ("references_dangling", Column("Dangling", unit="short", width=85)),
        ("restored", Column("Source", width=100, properties=look.mapped(*look.RESTORED))),
    )
    parts = [Part(_by_collection(_told(name)), (column,)) for name, column in columns]
    named = (Column("Exporter", "instance", width=140), Column("Collection", "collection", width=90))
    parts[0] = Part(parts[0].expression, (*named, *parts[0].columns))
    parts[1:] = [Part(f"max by (whose) ({part.expression})", part.columns) for part in parts[1:]]
    order = ("Exporter", "Collection", *(column.title for _, column in columns))
    about = About(
        "Collections",
        "The state of every collection of every exporter. Kept unseen: held though the last full crawl did "
        "not see them. Held back: removals that wait for confirmation. Unknown status: words not understood.",
        "none",
    )
    return table(about, Plan("whose", parts, order, "Collection")).height(7)


STATES = {"up": 0, "complete": 0, "stale": 1, "restored": 1}
"""Families that are good or bad, and the value that is bad."""


def _told(name: str) -> str:
    """A family of the table of collections: no number and no good state where nothing is known."""
    if name.endswith("_timestamp_seconds"):
        return f"1000 * {own(name)}"
    if name in STATES:
        return known_state(name, STATES[name])
    return own(name) if name == "refresh_interval_seconds" else with_snapshot(name)


def _by_collection(expression: str) -> str:
    whose = f'label_join({expression}, "whose", " ", "job", "instance", "collection")'
    return f"max by (whose, instance, collection) ({whose})"


def _completeness() -> tuple[page.Panel, ...]:
    by, of = "{{collection}}", "collection"
    held: Queries = {
        "{{collection}} held": f"max by (collection) ({with_snapshot('records')})",
        "{{collection}} announced": f"max by (collection) ({own('records_expected')})",
    }
    moved: Queries = {
        f"{by} {word}": increase(f"ses_inventory_exporter_records_{word}_total", of)
        for word in ("added", "changed", "removed")
    }
    lost: Queries = {
        f"{by} rejected: {{{{reason}}}}": increase(
            "ses_inventory_exporter_records_rejected_total", of, "reason"
        ),
        f"{by} value dropped: {{{{reason}}}}": increase(
            "ses_inventory_exporter_values_dropped_total", of, "reason"
        ),
        f"{by} duplicate": increase("ses_inventory_exporter_duplicates_total", of),
    }
    changes = increase("ses_inventory_exporter_status_changes_total", "from_status", "to_status")
    return (
        graph(About("Records held and announced", "What is held beside what the API says there is."), held),
        graph(About("Records added, changed, removed", "Within each step of the graph."), moved),
        graph(
            About(
                "Rejects",
                "Records that could not be held, values that could not be read, records that came twice.",
            ),
            lost,
        ),
        stacked(
            About("Status changes", "Changes of status seen, from which word to which, within each step."),
            {"{{from_status}} → {{to_status}}": changes},
        ),
    )


def _speed() -> tuple[page.Panel, ...]:
    refresh = "ses_inventory_exporter_refresh_duration_seconds"
    request = "ses_inventory_exporter_request_duration_seconds"
    render = "ses_inventory_exporter_render_duration_seconds"
    failures = "ses_inventory_exporter_request_failures_total"
    return (
        graph(
            About("Duration of refreshes", "The 95th percentile, by collection and mode.", "s"),
            {"{{collection}} {{mode}}": quantile(0.95, refresh, "collection", "mode")},
        ).interval(RARELY),
        graph(
            About("Duration of requests", "Median and 95th percentile, by API.", "s"),
            {"{{api}} median": quantile(0.5, request, "api"), "{{api}} p95": quantile(0.95, request, "api")},
        ),
        stacked(
            About("Answers of the APIs", "Answers a second, by API and status code.", "reqps"),
            {"{{api}} {{code}}": rate("ses_inventory_exporter_requests_total", "api", "code")},
        ),
        graph(
            About("Requests that failed or were sent again", "A second, by API and reason.", "reqps"),
            {
                "{{api}} {{reason}}": rate(failures, "api", "reason"),
                "{{api}} sent again": rate("ses_inventory_exporter_request_retries_total", "api"),
            },
        ),
        graph(
            About("Refreshes that failed or took too long", "Within each step, by collection and reason."),
            {
                "{{collection}} {{mode}} {{reason}}": increase(
                    "ses_inventory_exporter_refresh_failures_total", "collection", "mode", "reason"
                ),
                "{{collection}} longer than its interval": increase(
                    "ses_inventory_exporter_refresh_overruns_total", "collection"
                ),
            },
        ).interval(RARELY),
        graph(
            About("Duration of rendering", "The 95th percentile of rendering after a change.", "s"),
            {"{{collection}}": quantile(0.95, render, "collection")},
        ).interval(RARELY),
    )


def _limits() -> tuple[page.Panel, ...]:
    sent = f"3600 * {rate('ses_inventory_exporter_requests_total', 'api')}"
    waited = rate("ses_inventory_exporter_request_wait_seconds_total", "api")
    most = f"topk(12, max by (family) ({own('series')} > 0) / on () group_left () max({own('series_limit')}))"
    return (
        graph(
            About("Requests an hour", "Sent, predicted from the settings, and allowed by them."),
            {
                "{{api}} sent": sent,
                "{{api}} predicted": f"max by (api) ({own('requests_per_hour')})",
                "{{api}} allowed": f"max by (api) ({own('request_budget')})",
            },
        ),
        graph(
            About(
                "Requests in flight",
                "How many may be in flight at once, as learned, and how many wait on average.",
            ),
            {"{{api}} limit": f"max by (api) ({own('concurrency_limit')})", "{{api}} waiting": waited},
        ).decimals(1),
        bars(
            About(
                "Series of the limit",
                "The largest families, as a share of the limit of series.",
                "percentunit",
            ),
            {"{{family}}": f"sort_desc({most})"},
            ((None, look.GOOD), (0.8, look.WARN), (1, look.BAD)),
        )
        .decimals(1)
        .span(12),
        number(
            About("Series left out", "Series left out because their family has reached the limit."),
            # a family without series is one of a snapshot that has expired
            {"": f"sum({own('series_dropped')} and on (job, instance, family) {own('series')} > 0)"},
            look.NONE_IS_GOOD,
        ).height(8),
        graph(
            About("Size of a scrape", "The inventory's part of an answer, plain and compressed.", "bytes"),
            {"{{encoding}}": f"max by (encoding) ({own('exposition_bytes')})"},
        ).span(8),
    )
