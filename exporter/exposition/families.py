"""All metric families: names, types, labels, help texts, and what they read from a record of the snapshot.

`FAMILIES` are rendered from the snapshot by `render`, `TELEMETRY` are kept by `exporter.telemetry`, and
`docs/metrics.md` lists both. A new metric is one entry here and a line in a golden file. The label set of a
family never varies; an attribute without a value has an empty label value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from exporter.inventory import text as texts
from exporter.inventory.condition import IN_SERVICE, Condition
from exporter.inventory.record import KINDS
from exporter.inventory.snapshot import Shown

Sample = tuple[str, ...]
"""The label values in the family's order, then the value as both formats spell it."""

Found = Sequence[Sample]
"""A record's samples of one family."""

Samples = Callable[[Shown], Found]

PREFIX = "ses_inventory_"
OWN = "ses_inventory_exporter_"

UNITS = frozenset(
    (
        *("seconds", "bytes", "hertz", "ratio", "meters", "grams"),
        *("celsius", "kelvin", "volts", "amperes", "watts", "joules"),
    )
)
"""Base units at the end of metric names; operators may end the names of their own metrics otherwise."""


class Family(msgspec.Struct, frozen=True):
    """One metric family.

    `name` is the name of its samples; `type` is gauge, counter or, of the exporter itself, histogram.
    A family named `…_info` is a gauge in both formats, as client_golang writes it: OpenMetrics' own type info
    leaves the ending out of the family's name, which is the name that an OpenTelemetry Collector reads.
    `samples` reads one record, None for the counts, which are made from all records at once. `source` names
    the fields of the inventory it comes from, for docs/metrics.md.
    """

    name: str
    type: str
    help: str
    labels: tuple[str, ...]
    collection: str = ""
    samples: Samples | None = None
    source: str = ""
    stability: str = "stable"

    @property
    def unit(self) -> str:
        """The base unit that the name ends in, but for a counter's `_total`; empty where it has none."""
        last = self.name.removesuffix("_total").rpartition("_")[2]
        return last if last in UNITS else ""


def names(family: Family) -> tuple[str, ...]:
    """The names that no other family may have: that of its samples, and what readers take for the family's.

    OpenMetrics leaves `_total` out of the name of a counter, and readers of it leave out `_info`.
    """
    return tuple(dict.fromkeys((family.name, family.name.removesuffix("_total").removesuffix("_info"))))


def number(value: float) -> str:
    """A sample's value as both formats spell it."""
    try:
        whole = int(value)
    except (ValueError, OverflowError):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return str(whole) if whole == value and -1e15 < whole < 1e15 else repr(value)


def _info(shown: Shown) -> Found:
    it = shown.record
    return (
        (it.id, it.name, it.description, it.type, it.category, it.specification, it.party, it.place, "1"),
    )


def _carrier_info(shown: Shown) -> Found:
    it = shown.record
    return (
        (
            *(it.id, it.name, it.description, it.type, it.specification),
            *(it.gateway, it.terminal, it.satellite, it.transponder, it.party),
            "1",
        ),
    )


def _status(shown: Shown) -> Found:
    return ((shown.record.id, shown.record.status, "1"),)


def _operational(shown: Shown) -> Found:
    condition = shown.record.condition
    value = "1" if condition is Condition.OPERATIONAL else "0"
    return ((shown.record.id, value),) if condition in IN_SERVICE else ()


def _states(shown: Shown) -> Found:
    return [(shown.record.id, dimension, state, "1") for dimension, state in shown.record.states]


def _since(shown: Shown) -> Found:
    return ((shown.record.id, number(shown.since)),)


def _moment(shown: Shown, moment: float | None) -> Found:
    return () if moment is None else ((shown.record.id, number(moment)),)


def _start(shown: Shown) -> Found:
    return _moment(shown, shown.record.start)


def _end(shown: Shown) -> Found:
    return _moment(shown, shown.record.end)


def _created(shown: Shown) -> Found:
    return _moment(shown, shown.record.created)


def _updated(shown: Shown) -> Found:
    return _moment(shown, shown.record.updated)


def _changes(shown: Shown) -> Found:
    return ((shown.record.id, str(shown.changes)),)


def _resources(shown: Shown) -> Found:
    ident = shown.record.id
    return [(ident, link.id, link.name, link.type, link.role, "1") for link in shown.record.resources]


def _services(shown: Shown) -> Found:
    return [(shown.record.id, link.id, link.name, "1") for link in shown.record.services]


def _relations(shown: Shown) -> Found:
    return [(shown.record.id, link.id, link.role, "1") for link in shown.record.relations]


def _service_relations(shown: Shown) -> Found:
    supporting = [(shown.record.id, link.id, "supportingService", "1") for link in shown.record.services]
    return [*_relations(shown), *supporting]


def _parties(shown: Shown) -> Found:
    return [(shown.record.id, link.id, link.name, link.role, "1") for link in shown.record.parties]


def _places(shown: Shown) -> Found:
    return [(shown.record.id, link.id, link.name, link.role, "1") for link in shown.record.places]


def _characteristics(shown: Shown) -> Found:
    return [(shown.record.id, name, value, "1") for name, value in shown.record.characteristics]


def _number(metric: str) -> Samples:
    def samples(shown: Shown) -> Found:
        found = [value for name, value in shown.record.numbers if name == metric]
        # two characteristics under one name would be one series twice
        return ((shown.record.id, number(found[0])),) if found else ()

    return samples


_SERVICES, _CARRIERS, _RESOURCES = ("services",), ("carriers",), ("resources",)


class _Entry(NamedTuple):
    """A family of every collection in `only`; `{kind}` is service, carrier or resource.

    Each has the label `{kind}_id` first. A pair of sources is that of TMF638 and that of TMF639.
    """

    suffix: str
    text: str
    labels: tuple[str, ...]
    samples: Samples
    source: str | tuple[str, str]
    only: tuple[str, ...] = tuple(KINDS)

    def family(self, collection: str) -> Family:
        """The family of one collection."""
        kind = KINDS[collection]
        source = self.source
        if not isinstance(source, str):
            source = source[1] if collection == "resources" else source[0]
        return Family(
            f"{PREFIX}{kind}_{self.suffix}",
            "counter" if self.suffix.endswith("_total") else "gauge",
            self.text.format(kind=kind),
            (f"{kind}_id", *(label.format(kind=kind) for label in self.labels)),
            collection,
            self.samples,
            source,
        )


_CHARACTERISTICS = ("serviceCharacteristic", "resourceCharacteristic")
_DATE = "Unix timestamp of the %s of the {kind}; absent if the inventory has none."

_ENTRIES = (
    _Entry(
        "info",
        "Information about the {kind} in the inventory; the value is always 1.",
        ("name", "description", "{kind}_type", "category", "specification", "party", "place"),
        _info,
        (
            "name, description, serviceType or @type, category, serviceSpecification, relatedParty, place",
            "name, description, @type, category, resourceSpecification, relatedParty, place",
        ),
        (*_SERVICES, *_RESOURCES),
    ),
    _Entry(
        "info",
        "Information about the {kind} in the inventory; the value is always 1.",
        (
            *("name", "description", "carrier_type", "specification"),
            *("gateway", "terminal", "satellite", "transponder", "party"),
        ),
        _carrier_info,
        "name, description, the characteristic type or serviceType or @type, serviceSpecification, "
        "relatedParty; gateway and terminal: place or supportingResource; satellite and transponder: "
        "supportingResource",
        _CARRIERS,
    ),
    _Entry(
        "status",
        "Current status of the {kind}, as the inventory spells it; the value is always 1.",
        ("status",),
        _status,
        (
            "status (SES), state (TMF638), life_cycle_stage_status (ServiceNow)",
            "status (SES), resourceStatus, lifecycleState or operationalState (TMF639), "
            "life_cycle_stage_status (ServiceNow)",
        ),
    ),
    _Entry(
        "operational",
        "Whether the {kind} is operational; 1 if yes, 0 if degraded, in maintenance or down, "
        "absent if planned, retired or unknown.",
        (),
        _operational,
        "status, refined by further states",
    ),
    _Entry(
        "state",
        "Additional state of the {kind}, by dimension; the value is always 1.",
        ("dimension", "state"),
        _states,
        "lifecycleState, operatingStatus, administrativeState, operationalState, usageState, alarmStatus, …",
    ),
    _Entry(
        "status_since_timestamp_seconds",
        "Unix timestamp of the last status change of the {kind}.",
        (),
        _since,
        "status: first crawl with the current value; before any change lastUpdate, else the first crawl",
    ),
    _Entry(
        "start_timestamp_seconds",
        _DATE % "start",
        (),
        _start,
        ("startDate, serviceDate", "startOperatingDate, startDate"),
    ),
    _Entry("end_timestamp_seconds", _DATE % "end", (), _end, ("endDate", "endOperatingDate, endDate")),
    _Entry("created_timestamp_seconds", _DATE % "creation", (), _created, "creationDate"),
    _Entry("last_update_timestamp_seconds", _DATE % "last update", (), _updated, "lastUpdate"),
    _Entry(
        "party_info",
        "Related party of the {kind}; the value is always 1.",
        ("party_id", "party", "role"),
        _parties,
        "relatedParty",
    ),
    _Entry(
        "place_info",
        "Place of the {kind}; the value is always 1.",
        ("place_id", "place", "role"),
        _places,
        "place",
    ),
    _Entry(
        "status_changes_total",
        "Total number of status changes of the {kind} seen by the exporter.",
        (),
        _changes,
        "status",
        _CARRIERS,
    ),
    _Entry(
        "resource_info",
        "Resource that supports the {kind}; the value is always 1.",
        ("resource_id", "resource", "resource_type", "role"),
        _resources,
        "supportingResource",
        (*_SERVICES, *_CARRIERS),
    ),
    _Entry(
        "service_info",
        "Service, such as a bandwidth segment, that supports the {kind}; the value is always 1.",
        ("service_id", "service_name"),
        _services,
        "supportingService",
        _CARRIERS,
    ),
    _Entry(
        "relationship_info",
        "Relationship of the {kind} to another record; the value is always 1.",
        ("related_service_id", "relationship"),
        _service_relations,
        "serviceRelationship, supportingService",
        _SERVICES,
    ),
    _Entry(
        "relationship_info",
        "Relationship of the {kind} to another record; the value is always 1.",
        ("related_id", "relationship"),
        _relations,
        "serviceRelationship",
        _CARRIERS,
    ),
    _Entry(
        "relationship_info",
        "Relationship of the {kind} to another record; the value is always 1.",
        ("related_resource_id", "relationship"),
        _relations,
        "resourceRelationship",
        _RESOURCES,
    ),
    _Entry(
        "characteristic_info",
        "Characteristic of the {kind}, if configured; the value is always 1.",
        ("name", "value"),
        _characteristics,
        _CHARACTERISTICS,
    ),
)


def _of(collection: str) -> tuple[Family, ...]:
    text, labels = f"Number of {collection} by status and type.", ("status", f"{KINDS[collection]}_type")
    count = Family(f"{PREFIX}{collection}", "gauge", text, labels, collection, source="status; type")
    return (count, *(entry.family(collection) for entry in _ENTRIES if collection in entry.only))


FAMILIES = tuple(family for collection in KINDS for family in _of(collection))


def numeric(collection: str, metric: str, names: Sequence[str]) -> Family:
    """The family of the numeric characteristics of these names under the one the operator chose."""
    shown = " or ".join(map(texts.clean, names)).replace("{", "{{").replace("}", "}}")
    text = f"Characteristic {shown} of the {{kind}}, with the configured name and scale."
    return _Entry(metric, text, (), _number(metric), _CHARACTERISTICS).family(collection)


def of(collection: str, numbers: Mapping[str, tuple[str, float]] | None = None) -> tuple[Family, ...]:
    """The families of one collection in the order in which they are served."""
    own = [family for family in FAMILIES if family.collection == collection]
    shown: dict[str, list[str]] = {}
    for name, (metric, _) in (numbers or {}).items():
        shown.setdefault(metric, []).append(name)
    return (*own, *(numeric(collection, metric, names) for metric, names in shown.items()))


def _own(kind: str, name: str, text: str, *labels: str) -> Family:
    return Family(f"{OWN}{name}", kind, text, labels)


_gauge, _counter, _histogram = (partial(_own, kind) for kind in ("gauge", "counter", "histogram"))
_C = "collection"

TELEMETRY: tuple[Family, ...] = (
    _gauge("up", "Whether the last refresh of the collection succeeded; 1 if yes, 0 if no.", _C),
    _gauge("complete", "Whether the last full crawl was verified complete; 1 if yes, 0 if no.", _C),
    _gauge("stale", "Whether the snapshot is older than three refresh intervals; 1 if yes, 0 if no.", _C),
    _gauge(
        "current",
        "Whether the records served are current: refreshed since the start and not stale; 1 if yes, 0 if no.",
        _C,
        "coverage",
    ),
    _gauge("last_success_timestamp_seconds", "Unix timestamp of the last successful refresh.", _C),
    _gauge("last_full_success_timestamp_seconds", "Unix timestamp of the last complete full crawl.", _C),
    _gauge("last_attempt_timestamp_seconds", "Unix timestamp of the start of the last refresh.", _C),
    _gauge("refresh_interval_seconds", "Configured time between two refreshes in seconds.", _C),
    _gauge("records", "Number of records in the snapshot.", _C),
    _gauge("records_expected", "Number of records reported by the API in the last full crawl.", _C),
    _gauge(
        "records_retained",
        "Number of records kept in the snapshot although the last full crawl did not return them.",
        _C,
    ),
    _gauge("records_unread", "Number of records on pages that could not be read in the last full crawl.", _C),
    _gauge("records_unknown_status", "Number of records with an unknown status value.", _C),
    _counter(
        "records_rejected_total",
        "Total number of records rejected because they could not be decoded, by reason.",
        _C,
        "reason",
    ),
    _counter(
        "values_dropped_total",
        "Total number of field values dropped because they could not be decoded, by reason.",
        _C,
        "reason",
    ),
    _counter("records_added_total", "Total number of records added to the snapshot.", _C),
    _counter("records_changed_total", "Total number of changed records.", _C),
    _counter("records_removed_total", "Total number of records removed from the snapshot.", _C),
    _gauge(
        "records_held_back",
        "Number of removals that the shrink guard keeps pending until they are confirmed.",
        _C,
    ),
    _gauge(
        "records_outdated",
        "Number of records that the API returned in an older version than the one in the snapshot.",
        _C,
    ),
    _counter("duplicates_total", "Total number of records returned twice in one crawl.", _C),
    _counter("status_changes_total", "Total number of status changes.", _C, "from_status", "to_status"),
    _counter("refreshes_total", "Total number of refreshes started, by mode.", _C, "mode"),
    _counter(
        "refresh_failures_total",
        "Total number of failed refreshes, by mode and reason.",
        _C,
        "mode",
        "reason",
    ),
    _histogram("refresh_duration_seconds", "Duration of refreshes in seconds.", _C, "mode"),
    _counter(
        "refresh_overruns_total", "Total number of refreshes that took longer than the refresh interval.", _C
    ),
    _counter("growth_warnings_total", "Total number of crawls in which the record count jumped.", _C),
    _gauge("references_dangling", "Number of references to records missing from a collected collection.", _C),
    _gauge(
        "restored",
        "Whether the snapshot comes from the state file and has not been refreshed yet; 1 if yes, 0 if no.",
        _C,
    ),
    _counter("requests_total", "Total number of API responses, by status code.", "api", "code"),
    _counter(
        "request_failures_total",
        "Total number of API requests without a usable response, by reason.",
        "api",
        "reason",
    ),
    _counter("request_retries_total", "Total number of retried API requests.", "api"),
    _histogram("request_duration_seconds", "Duration of API requests in seconds.", "api"),
    _gauge("concurrency_limit", "Maximum number of concurrent API requests.", "api"),
    _gauge(
        "rate_limit_remaining",
        "Number of requests remaining in the current rate limit window, as reported by the API.",
        "api",
    ),
    _gauge("requests_per_hour", "Predicted number of API requests per hour.", "api"),
    _gauge(
        "request_budget",
        "Configured maximum number of API requests per hour; absent if there is no limit.",
        "api",
    ),
    _counter(
        "request_wait_seconds_total",
        "Total time API requests waited for the concurrency and rate limits, in seconds.",
        "api",
    ),
    _gauge("series", "Number of series served, by metric family.", "family"),
    _gauge("series_limit", "Maximum number of series per metric family."),
    _gauge("series_dropped", "Number of series over the series limit, by metric family.", "family"),
    _gauge(
        "exposition_bytes", "Size of the inventory families in a scrape in bytes, by encoding.", "encoding"
    ),
    _histogram("render_duration_seconds", "Duration of rendering a snapshot in seconds.", _C),
    _counter(
        "topology_failures_total",
        "Total number of failures to compute roll-ups, data quality defects and dependencies.",
    ),
    _gauge(
        "config_last_reload_successful",
        "Whether the last configuration reload attempt was successful; 1 if yes, 0 if no.",
    ),
    _gauge(
        "config_last_reload_success_timestamp_seconds",
        "Unix timestamp of the last successful configuration reload.",
    ),
    _counter("state_writes_total", "Total number of state file writes, by result.", "result"),
    _gauge("state_last_write_timestamp_seconds", "Unix timestamp of the last successful state file write."),
    _gauge("state_bytes", "Size of the state file in bytes."),
    _counter(
        "task_restarts_total", "Total number of background task restarts after an unexpected error.", "task"
    ),
    _gauge("connections", "Number of open client connections."),
    _counter(
        "connections_refused_total",
        "Total number of client connections refused or closed by the exporter, by reason.",
        "reason",
    ),
    _counter(
        "requests_turned_away_total",
        "Total number of client requests rejected by the exporter, by reason.",
        "reason",
    ),
    _counter(
        "log_lines_dropped_total",
        "Total number of log lines dropped because standard error was not read or could not be written.",
    ),
    _gauge("event_loop_lag_seconds", "Longest event loop delay in the last minute in seconds."),
    _gauge("build_info", "Build information; the value is always 1.", "version", "revision", "python"),
)
