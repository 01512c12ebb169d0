"""Process health: the panels about the exporter's process: restarts, memory, state file, versions.

What it does for the inventory is in `exporter`. Invariant: each exporter is shown by itself, by its instance.
"""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat

from grafana import look, page
from grafana.panel import About, graph, narrow, number
from grafana.promql import own, series
from grafana.table import UTC, Column, Order, Part, Plan, table

EACH = "{{instance}}"


def panels() -> tuple[page.Panel, ...]:
    """The panels, a row of small ones and a row of graphs."""
    return (*(panel.span(3) for panel in _state()), _versions(), *_use())


def _state() -> tuple[stat.Panel, ...]:
    restarts = f"sum(increase({own('task_restarts_total')}[$__range]))"
    written = f"max by (instance) ({own('state_last_write_timestamp_seconds')})"
    return (
        number(
            About(
                "Task restarts",
                "Number of background task restarts in the selected range after unexpected errors.",
            ),
            {"": f"{restarts} or 0 * max({own('build_info')})"},
            look.NONE_IS_BETTER,
        ),
        _of_state_file(
            About("State file age", "Time since the last successful state file write.", "s"),
            f"time() - ({written} > 0)",
        ),
        _of_state_file(
            About("State file", "Size of the state file.", "bytes"),
            f"max by (instance) ({own('state_bytes')}) > 0",
        ),
        number(
            About("Connections", "Number of open client connections."),
            {EACH: f"max by (instance) ({own('connections')})"},
        ),
    )


def _of_state_file(about: About, expression: str) -> stat.Panel:
    """A number that is missing where there is no state file; its families are 0 then."""
    none = "no state file"
    return number(about, {EACH: expression}).mappings([look.no_data(none)]).no_value(none)


def _versions() -> page.Panel:
    columns = (
        Column("Exporter", "instance"),
        Column("Version", "version"),
        Column("Revision", "revision"),
        Column("Python", "python"),
    )
    running = f"max by (instance, version, revision, python) ({own('build_info')})"
    started = f"1000 * max by (instance) ({series('process_start_time_seconds')})"
    times = (Column("Started", unit="dateTimeFromNow"), Column("Started (UTC)", UTC, "dateTimeAsIso", 160))
    parts = (Part(running, columns), Part(started, times))
    order = [column.title for column in (*columns, *times)]
    about = About("Versions", "Version and start time of each exporter.", "none")
    return table(about, Plan("instance", parts, order, (Order("Exporter"),))).span(12).height(4)


def _use() -> tuple[page.Panel, ...]:
    processor = f"rate({series('process_cpu_seconds_total')}[$__rate_interval])"
    panels = (
        graph(
            About("CPU", "CPU usage as a share of one core.", "percentunit"),
            {EACH: f"sum by (instance) ({processor})"},
        ),
        graph(
            About("Memory", "Resident memory.", "bytes"),
            {EACH: f"max by (instance) ({series('process_resident_memory_bytes')})"},
        ),
        graph(
            About("Event loop lag", "Longest event loop delay in the last minute.", "s"),
            {EACH: f"max by (instance) ({own('event_loop_lag_seconds')})"},
        ),
    )
    return tuple(narrow(panel).span(8) for panel in panels)
