"""Rules on the exporter itself: up, current, complete, authorized, and within its limits.

`max_over_time` over five minutes, so that one failed scrape neither restarts `for` nor resolves an alert.
"""

from __future__ import annotations

from rules.rule import Alert, File, Group, text

_OWN = "ses_inventory_exporter_"
_STATUS = "http://{{ $labels.instance }}/api/v1/status"


def file() -> File:
    """The file of the exporter; `collection` is a label of the alerts on one collection."""
    rules = (_down(), *_reading(), *_records(), *_limits(), *_process())
    comment = (
        "The state of the exporter: up, current, complete, authorized, and within its limits. Ranges "
        "of some minutes, "
        "so that one failed scrape neither restarts a wait nor resolves an alert."
    )
    return File("exporter", comment, (Group("exporter", rules),))


def _alert(name: str, expr: str, severity: str, texts: tuple[str, str], wait: str, keep: str = "") -> Alert:
    summary, description = texts
    return Alert(
        f"Inventory{name}", text(expr), severity, "monitoring", summary, description, "exporter", wait, keep
    )


def _lately(name: str, selector: str = "", window: str = "5m") -> str:
    """The highest value within some minutes."""
    return f"max_over_time({_OWN}{name}{selector}[{window}])"


def _happened(name: str, selector: str, window: str) -> str:
    """Whether a counter rose within a window; one that appears counts from 0, which `increase` does
    not see.
    """
    lately = _lately(name, selector)
    return (
        f"increase({_OWN}{name}{selector}[{window}]) > 0\n"
        f"or ({lately} > 0 unless max_over_time({_OWN}{name}{selector}[5m] offset {window}))"
    )


def _down() -> Alert:
    info = f"{_OWN}build_info"
    return _alert(
        "ExporterDown",
        f"""
        max_over_time(up{{job=~".*ses-inventory.*"}}[1m]) == 0
        or on (job, instance) (max_over_time(up[1m]) == 0 and on (job) last_over_time({info}[1d]))
        or on (job) (group by (job) (last_over_time({info}[1h])) unless on (job) up)
        or (absent(up{{job=~".*ses-inventory.*"}}) unless on () last_over_time({info}[1d]))
        """,
        "critical",
        (
            "An inventory exporter cannot be scraped{{ with or $labels.instance $labels.job }}: {{ . "
            "}}{{ end }}",
            "Prometheus gets no metrics from {{ or $labels.instance `any exporter` }}"
            "{{ with $labels.job }} of job {{ . }}{{ end }}. "
            "Alerts on services, carriers and resources keep their last state; new ones cannot fire.",
        ),
        "2m",
    )


def _reading() -> tuple[Alert, ...]:
    """What can go wrong between the API and the snapshot."""
    succeeded, interval = "last_success_timestamp_seconds", "refresh_interval_seconds"
    refused = _happened("refresh_failures_total", '{reason=~"auth|forbidden|tls"}', "2h").replace(
        "\n", "\n              "
    )
    last_success, unread = (
        f"query (printf `{_OWN}{name}{{job=%q,instance=%q,collection=%q}}` "
        "$labels.job $labels.instance $labels.collection)"
        for name in (succeeded, "records_unread")
    )
    return (
        _alert(
            "ApiFailing",
            # an initial crawl in progress is not a failure
            f"""
            max by (job, instance, collection) ({_lately("up")}) == 0
            and on (job, instance, collection) {_lately("refresh_failures_total")} > 0
            """,
            "warning",
            (
                "The inventory's {{ $labels.collection }} cannot be read",
                f"Exporter {{{{ $labels.instance }}}} serves the last snapshot. See last_error in {_STATUS}.",
            ),
            "2m",
        ),
        _alert(
            "Stale",
            f"""
            max by (job, instance, collection) (
              {_lately("stale", window="2m")} == 1
              or time() - {_lately(succeeded, window="2m")} > 3 * {_lately(interval, window="2m")}
            )
            """,
            "critical",
            (
                "The inventory's {{ $labels.collection }} are out of date",
                "Exporter {{ $labels.instance }} missed three refreshes"
                f"{{{{ with {last_success} }}}}, the last success was {{{{ . | first | value | "
                f"humanizeTimestamp }}}}{{{{ end }}}}. "
                "It serves the last snapshot until that is older than retention.max_staleness.",
            ),
            "2m",
        ),
        _alert(
            "Incomplete",
            # without a success there was no crawl yet
            f"""
            max by (job, instance, collection) ({_lately("complete")}) == 0
            and on (job, instance, collection) {_lately("up")} == 1
            unless on (job, instance, collection) {_OWN}restored == 1
            """,
            "warning",
            (
                "Not all of the inventory's {{ $labels.collection }} could be read",
                "The last full crawl by {{ $labels.instance }} could not be verified complete"
                f"{{{{ with {unread} }}}}: {{{{ . | first | value }}}} records could not be read{{{{ "
                f"end }}}}. "
                "Missing records are kept.",
            ),
            "10m",
        ),
        _alert(
            "AccessRefused",
            f"""
            sum by (job, instance, collection, reason) (
              {refused}
            )
            and on (job, instance, collection) {_lately("up", window="2m")} == 0
            """,
            "critical",
            (
                "The inventory refuses access to {{ $labels.collection }}: {{ $labels.reason }}",
                "Exporter {{ $labels.instance }} serves the last snapshot. auth: credentials rejected; "
                "forbidden: no permission; tls: a certificate rejected.",
            ),
            "2m",
        ),
    )


def _records() -> tuple[Alert, ...]:
    """What can be wrong with the records that were read."""
    return (
        _alert(
            "CollectionEmpty",
            # nothing is known before the initial crawl; of an expired snapshot InventoryStale fires
            f"""
            max by (job, instance, collection) ({_lately("records")}) == 0
            and on (job, instance, collection) {_lately("last_success_timestamp_seconds")} > 0
            unless on (job, instance, collection) {_lately("stale")} == 1
            """,
            "warning",
            (
                "The inventory has no {{ $labels.collection }}",
                "Exporter {{ $labels.instance }} finds no record, so no alert on {{ "
                "$labels.collection }} can fire. "
                "If there are some, run ses-inventory-exporter check.",
            ),
            "10m",
        ),
        _alert(
            "RecordsRejected",
            "sum by (job, instance, collection, reason) (\n  {}\n)".replace(
                "{}", _happened("records_rejected_total", "", "3h").replace("\n", "\n  ")
            ),
            "warning",
            (
                "Records of the inventory's {{ $labels.collection }} cannot be used: {{ $labels.reason }}",
                f"Rejected by exporter {{{{ $labels.instance }}}}. Examples are in {_STATUS} under rejects.",
            ),
            "5m",
        ),
        _alert(
            "UnknownStatus",
            f"max by (job, instance, collection) ({_lately('records_unknown_status')}) > 0",
            "warning",
            (
                "{{ $value }} {{ $labels.collection }} have an unknown status value",
                f"No alert fires for them. See unknown_statuses in {_STATUS}.",
            ),
            "10m",
        ),
        _alert(
            "ShrinkGuardHolding",
            f"max by (job, instance, collection) ({_lately('records_held_back')}) > 0",
            "warning",
            (
                "{{ $value }} {{ $labels.collection }} disappeared from the inventory at once",
                "Exporter {{ $labels.instance }} keeps their removal pending until further crawls or "
                "the operator confirm it.",
            ),
            "2m",
        ),
    )


def _limits() -> tuple[Alert, ...]:
    """Limits of the exporter and of the API."""
    requests = f"{_OWN}requests_total"
    return (
        _alert(
            "SeriesLimitReached",
            f"max by (job, instance, family) ({_lately('series_dropped')}) > 0",
            "critical",
            (
                "{{ $value }} series of {{ $labels.family }} are dropped",
                "Exporter {{ $labels.instance }} has reached limits.series_per_family: records are "
                "missing from alerts.",
            ),
            "5m",
        ),
        _alert(
            "Throttled",
            f"""
            sum by (job, instance, api) (rate({requests}{{code="429"}}[15m]))
            / on (job, instance, api) sum by (job, instance, api) (rate({requests}[15m])) > 0.05
            """,
            "warning",
            (
                "The inventory API {{ $labels.api }} throttles the exporter",
                "429 for {{ $value | humanizePercentage }} of the requests of {{ $labels.instance }} "
                "in fifteen minutes.",
            ),
            "10m",
        ),
    )


def _process() -> tuple[Alert, ...]:
    """The process: its configuration, its tasks, its state file."""
    restarts, written = f"{_OWN}task_restarts_total", "state_last_write_timestamp_seconds"
    not_written = _happened("state_writes_total", '{result="failed"}', "1h").replace("\n", "\n              ")
    return (
        _alert(
            "ConfigReloadFailed",
            f"max by (job, instance) ({_lately('config_last_reload_successful')}) == 0",
            "warning",
            (
                "Exporter {{ $labels.instance }} could not reload its configuration",
                "It uses the previous configuration, and would not start with the new one.",
            ),
            "2m",
        ),
        _alert(
            "TaskDying",
            f"""
            max by (job, instance, task) (
              {restarts} unless {restarts} offset 30m or increase({restarts}[30m])
            ) > 2
            """,
            "critical",
            (
                "Task {{ $labels.task }} of exporter {{ $labels.instance }} keeps failing",
                "It failed {{ printf `%.0f` $value }} times with an unexpected error in half an hour.",
            ),
            "",
            "10m",
        ),
        _alert(
            "StateNotWritten",
            f"""
            max by (job, instance) (
              {not_written}
            )
            unless on (job, instance) max by (job, instance) ({_lately(written)}) > time() - 900
            """,
            "warning",
            (
                "Exporter {{ $labels.instance }} cannot write its state file",
                "After a restart it has no data until its initial crawl ends.",
            ),
            "15m",
        ),
    )
