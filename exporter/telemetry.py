"""The exporter's own metrics: one object over one private registry of prometheus-client.

The families are declared in `exposition.families`; here they are kept, and each thing that happens has a
method that is named after it. It owns no decision: callers say what happened. Invariant: no family of the
inventory lives here, and no method raises.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from typing import TypeVar

import prometheus_client
from prometheus_client import exposition, gc_collector, platform_collector, process_collector
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.openmetrics import exposition as openmetrics_exposition

from exporter import __version__
from exporter.exposition import families
from exporter.status import CollectionStatus

_BUCKETS = {
    "request_duration_seconds": (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
    "refresh_duration_seconds": (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0),
    "render_duration_seconds": (0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0),
}

_KNOWN: Mapping[str, tuple[str, ...]] = {
    "records_rejected_total": ("missing_id", "not_an_object", "too_large", "filter_ignored"),
    "values_dropped_total": ("characteristic", "date", "link", "number", "status"),
    "connections_refused_total": ("descriptors", "evicted", "full", "headers", "idle", "slow"),
    "requests_turned_away_total": ("busy", "credentials", "rate_limit"),
    "state_writes_total": ("failed", "good"),
}
"""The words of counters that have few: they are there at zero, so that `increase` sees the first event.

Failures of refreshes and requests have two dozen reasons, times mode and collection: where these are counted,
rules look for series that are new.
"""

_STATUS: Mapping[str, str] = {
    "up": "up",
    "complete": "complete",
    "stale": "stale",
    "restored": "restored",
    "records": "records",
    "records_expected": "expected",
    "records_retained": "retained",
    "records_unread": "unread",
    "records_held_back": "held_back",
    "records_outdated": "outdated",
    "records_unknown_status": "unknown_records",
    "references_dangling": "dangling_references",
    "refresh_interval_seconds": "refresh_interval",
    "last_attempt_timestamp_seconds": "last_attempt",
    "last_success_timestamp_seconds": "last_success",
    "last_full_success_timestamp_seconds": "last_full_success",
}
"""The gauges of a collection, and the field of its status that each shows."""

Metric = TypeVar("Metric", bound=MetricWrapperBase)


class Telemetry:
    """The exporter's own metrics. `collection`, `api`, `mode` and `reason` are label values of few words."""

    def __init__(self, *, revision: str = "") -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = prometheus_client.CollectorRegistry()
        own = {family.name.removeprefix(families.OWN): family for family in families.TELEMETRY}
        self._labels = {name: family.labels for name, family in own.items()}
        self._metrics = {name: self._made(family) for name, family in own.items()}
        process_collector.ProcessCollector(registry=self.registry)
        platform_collector.PlatformCollector(registry=self.registry)
        gc_collector.GCCollector(registry=self.registry)
        self._shown: dict[
            str, tuple[float | str | None, ...]
        ] = {}  # coverage, whether current, values of the gauges of `_STATUS`
        self._begin()
        self._gauge("build_info", __version__, revision, platform.python_version()).set(1)

    def _made(self, family: families.Family) -> MetricWrapperBase:
        about = family.name, family.help, family.labels
        # the name ends in its unit already, so that prometheus-client adds none to it
        unit, registry = family.unit, self.registry
        if family.type == "histogram":
            buckets = _BUCKETS[family.name.removeprefix(families.OWN)]
            return prometheus_client.Histogram(*about, buckets=buckets, unit=unit, registry=registry)
        kind = prometheus_client.Counter if family.type == "counter" else prometheus_client.Gauge
        return kind(*about, unit=unit, registry=registry)

    def _metric(self, kind: type[Metric], name: str, labels: tuple[str, ...]) -> Metric:
        metric = self._metrics[name]
        child = metric.labels(*labels) if labels else metric
        if not isinstance(child, kind):
            raise TypeError(f"{name} is no {kind.__name__}")
        return child

    def _gauge(self, name: str, *labels: str) -> prometheus_client.Gauge:
        return self._metric(prometheus_client.Gauge, name, labels)

    def _counter(self, name: str, *labels: str) -> prometheus_client.Counter:
        return self._metric(prometheus_client.Counter, name, labels)

    def _histogram(self, name: str, *labels: str) -> prometheus_client.Histogram:
        return self._metric(prometheus_client.Histogram, name, labels)

    def _begin(self, *collection: str) -> None:
        """Counters of few words begin at zero: those of a collection, without one those of the process."""
        for name, words in _KNOWN.items():
            if len(self._labels[name]) == 1 + len(collection):
                for word in words:
                    self._counter(name, *collection, word)

    def collection(self, name: str) -> None:
        """A collection is enabled: its counters are there from the start, at zero."""
        for counter in ("refresh_overruns_total", "growth_warnings_total", "duplicates_total"):
            self._counter(counter, name)
        for change in ("added", "changed", "removed"):
            self._counter(f"records_{change}_total", name)
        for mode in ("full", "delta"):
            self._counter("refreshes_total", name, mode)
        self._begin(name)

    def collection_status(self, status: CollectionStatus) -> None:
        """Sets the gauges of a collection; one without a value, such as a time that never was, is absent."""
        values = tuple(getattr(status, field) for field in _STATUS.values())
        shown = (status.coverage, status.is_current, *values)
        if self._shown.get(status.name) == shown:
            return
        self._shown[status.name] = shown
        self._metrics["current"].remove_by_labels({"collection": status.name})  # of another coverage
        self._gauge("current", status.name, status.coverage).set(status.is_current)
        for name, value in zip(_STATUS, values, strict=True):
            if value is None and name not in ("up", "complete"):
                self._metrics[name].remove(status.name)
            else:
                self._gauge(name, status.name).set(value or 0)

    def gone(self, collection: str, served: Iterable[str]) -> None:
        """A collection is off now, and with it the families that were `served` of it."""
        self._forget("collection", collection)
        self._shown.pop(collection, None)
        self.unserved(served)

    def unserved(self, names: Iterable[str]) -> None:
        """The families of these names are not served any more."""
        for family in names:
            self._forget("family", family)

    def unused(self, api: str) -> None:
        """No collection asks the API any more."""
        self._forget("api", api)

    def _forget(self, label: str, value: str) -> None:
        for name, metric in self._metrics.items():
            if label in self._labels[name]:
                metric.remove_by_labels({label: value})

    def request(self, api: str, code: str, seconds: float) -> None:
        """An answer came from the API with this status code after so many seconds."""
        self._counter("requests_total", api, code).inc()
        self._histogram("request_duration_seconds", api).observe(seconds)

    def request_failed(self, api: str, reason: str) -> None:
        """A request ended without a usable answer."""
        self._counter("request_failures_total", api, reason).inc()

    def request_retried(self, api: str) -> None:
        """A request is sent once more."""
        self._counter("request_retries_total", api).inc()

    def concurrency(self, api: str, limit: int) -> None:
        """So many requests may be in flight at once."""
        self._gauge("concurrency_limit", api).set(limit)

    def rate_limit(self, api: str, remaining: float) -> None:
        """The API said that so many requests are left in its current window."""
        self._gauge("rate_limit_remaining", api).set(remaining)

    def waited(self, api: str, seconds: float) -> None:
        """A request waited so many seconds for its turn."""
        self._counter("request_wait_seconds_total", api).inc(seconds)

    def request_rate(self, api: str, predicted: float, budget: int | None) -> None:
        """So many requests an hour are predicted, and so many allowed; None for no limit."""
        self._gauge("requests_per_hour", api).set(predicted)
        if budget is None:  # there may have been one before a reload
            self._metrics["request_budget"].remove(api)
        else:
            self._gauge("request_budget", api).set(budget)

    def attempt(self, collection: str, mode: str) -> None:
        """A refresh begins."""
        self._counter("refreshes_total", collection, mode).inc()

    def failed(self, collection: str, mode: str, reason: str) -> None:
        """A refresh failed."""
        self._counter("refresh_failures_total", collection, mode, reason).inc()

    def succeeded(self, collection: str, mode: str, seconds: float) -> None:
        """A refresh succeeded after so many seconds."""
        self._histogram("refresh_duration_seconds", collection, mode).observe(seconds)

    def changed(
        self, collection: str, counts: Mapping[str, int], moves: Mapping[tuple[str, str], int]
    ) -> None:
        """Records were `added`, `changed` and `removed`; `moves` counts (from, to) changes of status."""
        for name, count in counts.items():
            self._counter(f"records_{name}_total", collection).inc(count)
        for (old, new), count in moves.items():
            self._counter("status_changes_total", collection, old, new).inc(count)

    def read(
        self, collection: str, duplicates: int, rejected: Mapping[str, int], dropped: Mapping[str, int]
    ) -> None:
        """A crawl met so many duplicates, rejects and unreadable values, by reason."""
        self._counter("duplicates_total", collection).inc(duplicates)
        for reason, count in rejected.items():
            self._counter("records_rejected_total", collection, reason).inc(count)
        for reason, count in dropped.items():
            self._counter("values_dropped_total", collection, reason).inc(count)

    def rendered(self, collection: str, seconds: float) -> None:
        """Rendering a change took so many seconds."""
        self._histogram("render_duration_seconds", collection).observe(seconds)

    def topology_failed(self) -> None:
        """The topology, or one of its families, could not be computed."""
        self._counter("topology_failures_total").inc()

    def served(self, series: Mapping[str, int], dropped: Mapping[str, int], sizes: Mapping[str, int]) -> None:
        """What is served now: series and dropped series by family, bytes by encoding."""
        for family, count in series.items():
            self._gauge("series", family).set(count)
            self._gauge("series_dropped", family).set(dropped.get(family, 0))
        for encoding, size in sizes.items():
            self._gauge("exposition_bytes", encoding).set(size)

    def series_limit(self, limit: int) -> None:
        """A family may have so many series."""
        self._gauge("series_limit").set(limit)

    def overrun(self, collection: str) -> None:
        """A refresh took longer than the interval between two."""
        self._counter("refresh_overruns_total", collection).inc()

    def grown(self, collection: str) -> None:
        """A crawl brought suspiciously many more records than the snapshot had."""
        self._counter("growth_warnings_total", collection).inc()

    def state_written(self, now: float, size: int) -> None:
        """The state file was written at `now` (Unix seconds); `size` in bytes."""
        self._counter("state_writes_total", "good").inc()
        self._gauge("state_last_write_timestamp_seconds").set(now)
        self._gauge("state_bytes").set(size)

    def state_not_written(self) -> None:
        """The state file could not be written."""
        self._counter("state_writes_total", "failed").inc()

    def task_restarted(self, task: str) -> None:
        """A task died of a bug and is started again."""
        self._counter("task_restarts_total", task).inc()

    def connections(self, number: int) -> None:
        """So many connections to our own port are open."""
        self._gauge("connections").set(number)

    def connection_refused(self, reason: str) -> None:
        """A connection to our own port was cut: descriptors, evicted, full, headers, idle, slow."""
        self._counter("connections_refused_total", reason).inc()

    def turned_away(self, reason: str) -> None:
        """A request to our own port was refused: credentials, rate_limit, busy."""
        self._counter("requests_turned_away_total", reason).inc()

    def log_lines_dropped(self, lines: int) -> None:
        """Lines of the log were dropped, because nobody reads standard error or it cannot be written."""
        self._counter("log_lines_dropped_total").inc(lines)

    def reloaded(self, successful: int, now: float) -> None:
        """Settings were loaded, 1, or could not be, 0; `now` in Unix seconds."""
        self._gauge("config_last_reload_successful").set(successful)
        if successful:
            self._gauge("config_last_reload_success_timestamp_seconds").set(now)

    def loop_lag(self, seconds: float) -> None:
        """The event loop was late by so many seconds at the worst of the last minute."""
        self._gauge("event_loop_lag_seconds").set(seconds)

    def text(self) -> bytes:
        """The telemetry in text format 0.0.4."""
        return exposition.generate_latest(self.registry)

    def openmetrics(self) -> bytes:
        """The telemetry in OpenMetrics 1.0.0, with the `# EOF` that ends a scrape."""
        return bytes(openmetrics_exposition.generate_latest(self.registry))  # type: ignore[no-untyped-call]
