"""Annotations of the graphs: starts of an exporter, configuration reloads, and times without data.

Every dashboard has them. Invariant: each is one query of the exporter's own series, and can be switched off
at the top of the dashboard.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from grafana import look, promql

STEP = "60s"
JUST_NOW = "time() - 120"
"""Two steps: what happened between two scrapes is seen by at least one step."""

Annotation = Mapping[str, object]


def of_every_dashboard() -> list[Annotation]:
    """The annotations, as Grafana's JSON has those of Prometheus."""
    started = f"{promql.series('process_start_time_seconds')} > {JUST_NOW}"
    reloaded = f"{promql.own('config_last_reload_success_timestamp_seconds')} > {JUST_NOW}"
    return [
        _annotation("Restarts", f"max by (instance) ({started})", "Exporter started", look.NOTE),
        _annotation(
            "Reloads",
            f"max by (instance) ({reloaded} unless on (job, instance) {started})",
            "Configuration reloaded",
            look.HIT,
        ),
        _annotation(
            "Expired data",
            f"max by (instance, collection) ({' or '.join(_expired())})",
            "No data: the snapshot has expired",
            look.WARN,
        ),
    ]


def _expired() -> Iterator[str]:
    """Collections that were read once and of which no records are served."""
    for kind in ("service", "carrier", "resource"):
        read = promql.own("last_success_timestamp_seconds", f'collection="{kind}s"')
        yield f"({read} unless on (job, instance) {promql.counted(kind)})"


def _annotation(name: str, expression: str, title: str, color: str) -> Annotation:
    return {
        "name": name,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "enable": True,
        "hide": False,
        "iconColor": color,
        "expr": expression,
        "step": STEP,
        "target": {"expr": expression, "interval": STEP, "refId": "Anno"},
        "titleFormat": title,
        "textFormat": "{{instance}} {{collection}}",
        "tagKeys": "instance,collection",
    }
