"""All metric families: names, types, labels, help texts, and what they read from a record of the snapshot.

`FAMILIES` are rendered from the snapshot by `render`; `TELEMETRY` are kept by `exporter.telemetry` with
prometheus-client. `tools.metrics_page` writes `docs/metrics.md` from both. A new metric is one entry here and
a line in a golden file.
Invariant: the label set of a family never varies; an attribute without a value has an empty label value.
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
"""Base units by which a name may end; an operator may end one with any other word."""


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


def _info(held: Shown) -> Found:
    it = held.record
    return (
        (it.id, it.name, it.description, it.type, it.category, it.specification, it.party, it.place, "1"),
    )


def _carrier_info(held: Shown) -> Found:
    it = held.record
    return (
        (
            *(it.id, it.name, it.description, it.type, it.specification),
            *(it.gateway, it.terminal, it.satellite, it.transponder, it.party),
            "1",
        ),
    )


def _status(held: Shown) -> Found:
    return ((held.record.id, held.record.status, "1"),)


def _operational(held: Shown) -> Found:
    meaning = held.record.operational
    return () if meaning is None else ((held.record.id, "1" if meaning else "0"),)


def _states(held: Shown) -> Found:
    return [(held.record.id, dimension, state, "1") for dimension, state in held.record.states]


def _since(held: Shown) -> Found:
    return ((held.record.id, number(held.since)),)


def _moment(held: Shown, moment: float | None) -> Found:
    return () if moment is None else ((held.record.id, number(moment)),)


def _start(held: Shown) -> Found:
    return _moment(held, held.record.start)


def _end(held: Shown) -> Found:
    return _moment(held, held.record.end)


def _created(held: Shown) -> Found:
    return _moment(held, held.record.created)


def _updated(held: Shown) -> Found:
    return _moment(held, held.record.updated)


def _changes(held: Shown) -> Found:
    return ((held.record.id, str(held.changes)),)


def _resources(held: Shown) -> Found:
    ident = held.record.id
    return [(ident, link.id, link.name, link.type, link.role, "1") for link in held.record.resources]


def _services(held: Shown) -> Found:
    return [(held.record.id, link.id, link.name, "1") for link in held.record.services]


def _relations(held: Shown) -> Found:
    return [(held.record.id, link.id, link.role, "1") for link in held.record.relations]


def _service_relations(held: Shown) -> Found:
    supporting = [(held.record.id, link.id, "supportingService", "1") for link in held.record.services]
    return [*_relations(held), *supporting]


def _parties(held: Shown) -> Found:
    return [(held.record.id, link.id, link.name, link.role, "1") for link in held.record.parties]


def _places(held: Shown) -> Found:
    return [(held.record.id, link.id, link.name, link.role, "1") for link in held.record.places]


def _characteristics(held: Shown) -> Found:
    return [(held.record.id, name, value, "1") for name, value in held.record.characteristics]


def _number(metric: str) -> Samples:
    def samples(held: Shown) -> Found:
        found = [value for name, value in held.record.numbers if name == metric]
        # two characteristics under one name would be one series twice
        return ((held.record.id, number(found[0])),) if found else ()

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


def _own(name: str, kind: str, text: str, *labels: str) -> Family:
    return Family(f"{OWN}{name}", kind, text, labels)


_C = "collection"

TELEMETRY: tuple[Family, ...] = (
    _own("up", "gauge", "Whether the last refresh of the collection succeeded; 1 if yes, 0 if no.", _C),
    _own(
        "complete",
        "gauge",
        "Whether the last full crawl was verified complete; 1 if yes, 0 if no.",
        _C,
    ),
    _own(
        "stale",
        "gauge",
        "Whether the snapshot is older than three refresh intervals; 1 if yes, 0 if no.",
        _C,
    ),
    _own("last_success_timestamp_seconds", "gauge", "Unix timestamp of the last successful refresh.", _C),
    _own(
        "last_full_success_timestamp_seconds",
        "gauge",
        "Unix timestamp of the last complete full crawl.",
        _C,
    ),
    _own("last_attempt_timestamp_seconds", "gauge", "Unix timestamp of the start of the last refresh.", _C),
    _own("refresh_interval_seconds", "gauge", "Configured time between two refreshes in seconds.", _C),
    _own("records", "gauge", "Number of records in the snapshot.", _C),
    _own(
        "records_expected",
        "gauge",
        "Number of records reported by the API in the last full crawl.",
        _C,
    ),
    _own(
        "records_retained",
        "gauge",
        "Number of records kept in the snapshot although the last full crawl did not return them.",
        _C,
    ),
    _own(
        "records_unread",
        "gauge",
        "Number of records on pages that could not be read in the last full crawl.",
        _C,
    ),
    _own("records_unknown_status", "gauge", "Number of records with an unknown status value.", _C),
    _own(
        "records_rejected_total",
        "counter",
        "Total number of records rejected because they could not be decoded, by reason.",
        _C,
        "reason",
    ),
    _own(
        "values_dropped_total",
        "counter",
        "Total number of field values dropped because they could not be decoded, by reason.",
        _C,
        "reason",
    ),
    _own("records_added_total", "counter", "Total number of records added to the snapshot.", _C),
    _own("records_changed_total", "counter", "Total number of changed records.", _C),
    _own("records_removed_total", "counter", "Total number of records removed from the snapshot.", _C),
    _own(
        "records_held_back",
        "gauge",
        "Number of removals that the shrink guard keeps pending until they are confirmed.",
        _C,
    ),
    _own(
        "records_outdated",
        "gauge",
        "Number of records that the API returned in an older version than the one in the snapshot.",
        _C,
    ),
    _own("duplicates_total", "counter", "Total number of records returned twice in one crawl.", _C),
    _own(
        *("status_changes_total", "counter", "Total number of status changes.", _C),
        *("from_status", "to_status"),
    ),
    _own("refreshes_total", "counter", "Total number of refreshes started, by mode.", _C, "mode"),
    _own(
        *("refresh_failures_total", "counter"),
        "Total number of failed refreshes, by mode and reason.",
        *(_C, "mode", "reason"),
    ),
    _own("refresh_duration_seconds", "histogram", "Duration of refreshes in seconds.", _C, "mode"),
    _own(
        "refresh_overruns_total",
        "counter",
        "Total number of refreshes that took longer than the refresh interval.",
        _C,
    ),
    _own(
        "growth_warnings_total",
        "counter",
        "Total number of crawls in which the record count jumped.",
        _C,
    ),
    _own(
        "references_dangling",
        "gauge",
        "Number of references to records missing from a collected collection.",
        _C,
    ),
    _own(
        "restored",
        "gauge",
        "Whether the snapshot comes from the state file and has not been refreshed yet; 1 if yes, 0 if no.",
        _C,
    ),
    _own("requests_total", "counter", "Total number of API responses, by status code.", "api", "code"),
    _own(
        *("request_failures_total", "counter"),
        "Total number of API requests without a usable response, by reason.",
        *("api", "reason"),
    ),
    _own("request_retries_total", "counter", "Total number of retried API requests.", "api"),
    _own("request_duration_seconds", "histogram", "Duration of API requests in seconds.", "api"),
    _own("concurrency_limit", "gauge", "Maximum number of concurrent API requests.", "api"),
    _own(
        "rate_limit_remaining",
        "gauge",
        "Number of requests remaining in the current rate limit window, as reported by the API.",
        "api",
    ),
    _own("requests_per_hour", "gauge", "Predicted number of API requests per hour.", "api"),
    _own(
        "request_budget",
        "gauge",
        "Configured maximum number of API requests per hour; absent if there is no limit.",
        "api",
    ),
    _own(
        "request_wait_seconds_total",
        "counter",
        "Total time API requests waited for the concurrency and rate limits, in seconds.",
        "api",
    ),
    _own("series", "gauge", "Number of series served, by metric family.", "family"),
    _own("series_limit", "gauge", "Maximum number of series per metric family."),
    _own("series_dropped", "gauge", "Number of series over the series limit, by metric family.", "family"),
    _own(
        "exposition_bytes",
        "gauge",
        "Size of the inventory families in a scrape in bytes, by encoding.",
        "encoding",
    ),
    _own("render_duration_seconds", "histogram", "Duration of rendering a snapshot in seconds.", _C),
    _own(
        "config_last_reload_successful",
        "gauge",
        "Whether the last configuration reload attempt was successful; 1 if yes, 0 if no.",
    ),
    _own(
        "config_last_reload_success_timestamp_seconds",
        "gauge",
        "Unix timestamp of the last successful configuration reload.",
    ),
    _own("state_writes_total", "counter", "Total number of state file writes, by result.", "result"),
    _own(
        "state_last_write_timestamp_seconds",
        "gauge",
        "Unix timestamp of the last successful state file write.",
    ),
    _own("state_bytes", "gauge", "Size of the state file in bytes."),
    _own(
        "task_restarts_total",
        "counter",
        "Total number of background task restarts after an unexpected error.",
        "task",
    ),
    _own("connections", "gauge", "Number of open client connections."),
    _own(
        "connections_refused_total",
        "counter",
        "Total number of client connections refused or closed by the exporter, by reason.",
        "reason",
    ),
    _own(
        "requests_turned_away_total",
        "counter",
        "Total number of client requests rejected by the exporter, by reason.",
        "reason",
    ),
    _own(
        *("log_lines_dropped_total", "counter"),
        "Total number of log lines dropped because standard error was not read or could not be written.",
    ),
    _own("event_loop_lag_seconds", "gauge", "Longest event loop delay in the last minute in seconds."),
    _own(
        *("build_info", "gauge"),
        "Build information; the value is always 1.",
        *("version", "revision", "python"),
    ),
)
