"""All metric families: names, types, labels, help texts, and what they read from a record of the snapshot.

`FAMILIES` are rendered from the snapshot by `render`, `TELEMETRY` are kept by `exporter.telemetry`, and
`docs/metrics.md` lists both. A new metric is one entry here and a line in a golden file. The label set of a
family never varies; an attribute without a value has an empty label value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import msgspec

from exporter.inventory import text as texts
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
    meaning = shown.record.operational
    return () if meaning is None else ((shown.record.id, "1" if meaning else "0"),)


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


def _either(collection: str, of_service: str, of_resource: str) -> str:
    """What is the one in TMF638, whose records services and carriers are, and the other in TMF639."""
    return of_resource if collection == "resources" else of_service


def _characteristic_list(collection: str) -> str:
    return _either(collection, "serviceCharacteristic", "resourceCharacteristic")


def _family(
    collection: str, suffix: str, text: str, labels: Sequence[str], samples: Samples | None, source: str
) -> Family:
    made = "counter" if suffix.endswith("_total") else "gauge"
    return Family(f"{PREFIX}{suffix}", made, text, tuple(labels), collection, samples, source)


def _state_families(collection: str) -> Iterator[Family]:
    """What a record's states are, what they mean, and since when."""
    family = partial(_family, collection)
    kind = KINDS[collection]
    ident = f"{kind}_id"
    yield family(
        f"{kind}_status",
        f"Current status of the {kind}, as the inventory spells it; the value is always 1.",
        (ident, "status"),
        _status,
        _either(
            collection,
            "status (SES), state (TMF638), life_cycle_stage_status (ServiceNow)",
            "status (SES), resourceStatus, lifecycleState or operationalState (TMF639), "
            "life_cycle_stage_status (ServiceNow)",
        ),
    )
    yield family(
        f"{kind}_operational",
        f"Whether the {kind} is operational; 1 if yes, 0 if no, absent if the status value is unknown.",
        (ident,),
        _operational,
        "status, refined by further states",
    )
    yield family(
        f"{kind}_state",
        f"Additional state of the {kind}, by dimension; the value is always 1.",
        (ident, "dimension", "state"),
        _states,
        "lifecycleState, operatingStatus, administrativeState, operationalState, usageState, alarmStatus, …",
    )
    since = "status: first crawl with the current value; before any change lastUpdate, else the first crawl"
    yield family(
        f"{kind}_status_since_timestamp_seconds",
        f"Unix timestamp of the last status change of the {kind}.",
        (ident,),
        _since,
        since,
    )


def _date_families(collection: str) -> Iterator[Family]:
    """The dates that the inventory gives."""
    family = partial(_family, collection)
    kind = KINDS[collection]
    ident = f"{kind}_id"
    for word, what, samples, source in (
        (
            *("start", "start", _start),
            _either(collection, "startDate, serviceDate", "startOperatingDate, startDate"),
        ),
        ("end", "end", _end, _either(collection, "endDate", "endOperatingDate, endDate")),
        ("created", "creation", _created, "creationDate"),
        ("last_update", "last update", _updated, "lastUpdate"),
    ):
        text = f"Unix timestamp of the {what} of the {kind}; absent if the inventory has none."
        yield family(f"{kind}_{word}_timestamp_seconds", text, (ident,), samples, source)


def _whereabouts_families(collection: str) -> Iterator[Family]:
    """Whom and where a record concerns."""
    family = partial(_family, collection)
    kind = KINDS[collection]
    ident = f"{kind}_id"
    yield family(
        f"{kind}_party_info",
        f"Related party of the {kind}; the value is always 1.",
        (ident, "party_id", "party", "role"),
        _parties,
        "relatedParty",
    )
    yield family(
        f"{kind}_place_info",
        f"Place of the {kind}; the value is always 1.",
        (ident, "place_id", "place", "role"),
        _places,
        "place",
    )


def _support_families(collection: str) -> Iterator[Family]:
    """What a record rests on, what it belongs to, and its characteristics."""
    family = partial(_family, collection)
    kind = KINDS[collection]
    ident = f"{kind}_id"
    if collection == "carriers":
        text = "Total number of status changes of the carrier seen by the exporter."
        yield family("carrier_status_changes_total", text, (ident,), _changes, "status")
    if collection != "resources":
        text = f"Resource that supports the {kind}; the value is always 1."
        yield family(
            f"{kind}_resource_info",
            text,
            (ident, "resource_id", "resource", "resource_type", "role"),
            _resources,
            "supportingResource",
        )
    if collection == "carriers":
        text = "Service, such as a bandwidth segment, that supports the carrier; the value is always 1."
        yield family(
            "carrier_service_info",
            text,
            (ident, "service_id", "service_name"),
            _services,
            "supportingService",
        )
    related = {"services": "related_service_id", "carriers": "related_id", "resources": "related_resource_id"}
    related_source = {
        "services": "serviceRelationship, supportingService",
        "carriers": "serviceRelationship",
        "resources": "resourceRelationship",
    }
    yield family(
        f"{kind}_relationship_info",
        f"Relationship of the {kind} to another record; the value is always 1.",
        (ident, related[collection], "relationship"),
        _service_relations if collection == "services" else _relations,
        related_source[collection],
    )
    yield family(
        f"{kind}_characteristic_info",
        f"Characteristic of the {kind}, if configured; the value is always 1.",
        (ident, "name", "value"),
        _characteristics,
        _characteristic_list(collection),
    )


def _kind_families(
    collection: str, info_labels: tuple[str, ...], info: Samples, source: str
) -> Iterator[Family]:
    """The families of one collection in the order in which they are served; `source` is that of its info."""
    family = partial(_family, collection)
    kind = KINDS[collection]
    yield family(
        collection,
        f"Number of {collection} by status and type.",
        ("status", f"{kind}_type"),
        None,
        "status; type",
    )
    yield family(
        f"{kind}_info",
        f"Information about the {kind} in the inventory; the value is always 1.",
        info_labels,
        info,
        source,
    )
    yield from _state_families(collection)
    yield from _date_families(collection)
    yield from _whereabouts_families(collection)
    yield from _support_families(collection)


_INFO = ("name", "description")
_WHAT = ("category", "specification", "party", "place")
_CARRIER = ("carrier_type", "specification", "gateway", "terminal", "satellite", "transponder", "party")

_SERVICE_SOURCE = (
    "name, description, serviceType or @type, category, serviceSpecification, relatedParty, place"
)
_CARRIER_SOURCE = (
    "name, description, the characteristic type or serviceType or @type, serviceSpecification, relatedParty; "
    "gateway and terminal: place or supportingResource; satellite and transponder: supportingResource"
)
_RESOURCE_SOURCE = "name, description, @type, category, resourceSpecification, relatedParty, place"

FAMILIES: tuple[Family, ...] = (
    *_kind_families("services", ("service_id", *_INFO, "service_type", *_WHAT), _info, _SERVICE_SOURCE),
    *_kind_families("carriers", ("carrier_id", *_INFO, *_CARRIER), _carrier_info, _CARRIER_SOURCE),
    *_kind_families("resources", ("resource_id", *_INFO, "resource_type", *_WHAT), _info, _RESOURCE_SOURCE),
)


def numeric(collection: str, metric: str, names: Sequence[str]) -> Family:
    """The family of the numeric characteristics of these names under the one the operator chose."""
    kind = KINDS[collection]
    shown = " or ".join(map(texts.clean, names))
    text = f"Characteristic {shown} of the {kind}, with the configured name and scale."
    source = _characteristic_list(collection)
    return _family(collection, f"{kind}_{metric}", text, (f"{kind}_id",), _number(metric), source)


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
