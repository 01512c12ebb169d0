"""The text of docs/metrics.md, from the list of metric families: `make docs` writes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exporter.exposition.families import OWN, PREFIX, TELEMETRY, Family, of
from exporter.exposition.topology_families import FAMILIES
from exporter.inventory.record import KINDS
from exporter.inventory.snapshot import Snapshot
from exporter.topology import Topology

MOST_USEFUL = (
    ("carrier_operational", "Is this carrier operational? Alerts use it first."),
    ("service_operational", "Is this service operational?"),
    ("resource_operational", "Is this gateway, terminal or satellite operational?"),
    ("carrier_info", "Name, type, gateway, terminal, satellite, transponder and customer of a carrier."),
    ("carrier_status_since_timestamp_seconds", "Since when does the carrier have its current status?"),
    ("carriers", "How many carriers have which status?"),
    ("exporter_up", "Could the exporter read the collection in its last refresh?"),
    ("exporter_stale", "Is the snapshot older than it should be?"),
    ("exporter_complete", "Did the last full crawl return every record?"),
    ("exporter_last_success_timestamp_seconds", "How old is the data?"),
)
"""The metrics that dashboards and alerts start with, without their common prefix, and what each answers."""

JOINS = (
    (
        "Carriers that are down, with their name, customer and satellite:",
        "(ses_inventory_carrier_operational == 0)\n"
        "  * on (instance, carrier_id) group_left (name, party, satellite)\n"
        "    ses_inventory_carrier_info",
    ),
    (
        "For how many seconds they have been down:",
        "(time() - ses_inventory_carrier_status_since_timestamp_seconds)\n"
        "  and on (instance, carrier_id)\n"
        "    (ses_inventory_carrier_operational == 0)",
    ),
    (
        "Carriers that depend on a resource that is down, with the name of the resource:",
        "ses_inventory_carrier_resource_info\n"
        "  * on (instance, resource_id) group_left (name)\n"
        "    ses_inventory_resource_info\n"
        "  and on (instance, resource_id)\n"
        "    (ses_inventory_resource_operational == 0)",
    ),
)
"""Joins that every dashboard needs: what they answer, and the query."""


def as_markdown() -> str:
    """The reference page of all metrics."""
    return "\n".join(
        (
            "# Metrics",
            "",
            "Generated from `exporter/exposition/families.py` by `make docs`; do not edit.",
            "",
            *_most_useful(),
            *_joins(),
            *(line for name in KINDS for line in _section(name.capitalize(), of(name))),
            *_section("Topology", FAMILIES, _TOPOLOGY),
            *_defects(),
            *_numeric_section(),
            *_section("Exporter", TELEMETRY),
            "`process_*` and `python_*` of prometheus-client are exported as well.",
            "",
            *_rules(),
        )
    )


def _most_useful() -> Iterator[str]:
    yield from ("## The ten most useful", "", "| metric | question |", "|---|---|")
    yield from (f"| `{PREFIX}{name}` | {question} |" for name, question in MOST_USEFUL)
    yield ""


def _joins() -> Iterator[str]:
    yield from (
        "## Joins",
        "",
        "Each inventory metric has the id of its record as a label. Names, customers and locations are",
        "labels of the `_info` metrics; join them on the id. [PromQL examples](promql.md) has more.",
        "",
    )
    for question, query in JOINS:
        yield from (question, "", "```promql", query, "```", "")


def _rules() -> Iterator[str]:
    yield from (
        "## Good to know",
        "",
        "* **Age.** A scrape never causes a request to the inventory. All inventory metrics come from the",
        "  exporter's snapshot, which is as old as",
        f"  `{OWN}last_success_timestamp_seconds` says.",
        "* **Labels.** Label values come from the inventory, cleaned and truncated. A label is empty if the",
        "  record has no value for it.",
        "* **Zeros.** The counts by status and type include zeros. Series for a status drop to 0 instead of",
        "  disappearing. For APIs with unbounded status values, zeros are kept for the 1,000 most recent",
        f"  pairs of status and type. `{OWN}status_changes_total` has at most 1,000 pairs of",
        "  statuses; further pairs are counted with `from_status` and `to_status` `other`",
        "  ([decision 26](decisions/0026-unbounded-status-values.md)).",
        "* **No data.** All families of a collection are absent before its first snapshot, and when the",
        "  snapshot is older than `retention.max_staleness`. A zero would mean that there are no records,",
        "  when in fact nothing is known.",
        "* **Counters.** Counters with few label values (such as the reasons of rejected records) start at",
        "  0. Counters with many (status codes, status changes, reasons of failures) appear with their first",
        "  event, which `increase()` does not see. The rules of this repository count new series, too.",
        "* **Units.** In OpenMetrics a family with a name that ends in a base unit has a `# UNIT` line.",
        "",
    )


DEFECTS = {
    "no_party": "No party.",
    "no_place": "No place.",
    "no_satellite": "No satellite.",
    "no_transponder": "No transponder.",
    "no_gateway": "No gateway.",
    "no_supporting_resource": "Neither a supporting resource nor a supporting service.",
    "dangling_reference": "A reference by id to a record that is not stored; absent until the collection "
    "that should have it has a snapshot.",
    "no_dependents": "Nothing rests on it, and it is neither planned nor retired; absent "
    "without a snapshot of services and carriers.",
    "past_end_but_operational": "The end is past, and the condition is operational.",
    "before_start_but_operational": "The start is in the future, and the condition is operational.",
    "duplicate_name": "Another record of the collection has the same name.",
    "unknown_status": "The dialect does not know the status value.",
}
"""What each defect means."""

_TOPOLOGY = (
    "What follows from all records together. Each family is served with the records it is about: those of",
    "carriers are absent without a snapshot of the carriers, and `collect[]=carriers` includes them.",
    "Roll-ups count the records that name a place or party by condition, zeros included. With shards, each",
    "exporter counts its own records: sum over the shards.",
    "",
    "A problem is a record that is down, degraded or in maintenance. A service is affected if it rests on a",
    "problem, directly or through others ([relationships](relationships.md)), whatever its own status is.",
    "The root causes are the problems that rest on no other problem. Services that are planned or retired",
    "are not affected, and no record that is planned or retired counts as a dependent. These families have",
    "series only while there is a problem. If there are more than `limits.series_per_family`, the worst are",
    "served: down before degraded before maintenance, and the oldest first. The dependents of a problem are",
    "not counted if that takes too many steps; `ses_inventory_exporter_series_dropped` has their number.",
    "",
)
"""The text above the families of the topology."""


def _section(title: str, listed: Sequence[Family], text: Sequence[str] = ()) -> Iterator[str]:
    sourced = any(family.source for family in listed)
    heads = ("metric", "type", "labels", "help", *(("source",) if sourced else ()), "stability")
    yield from (f"## {title}", "", *text, f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}")
    for family in listed:
        labels = ", ".join(f"`{label}`" for label in family.labels)
        source = (family.source,) if sourced else ()
        cells = (f"`{family.name}`", family.type, labels, family.help, *source, family.stability)
        yield f"| {' | '.join(cells)} |"
    yield ""


def _defects() -> Iterator[str]:
    topology = Topology()
    topology.follow(dict.fromkeys(KINDS, Snapshot()))
    found = {name: topology.defect_counts(name) for name in KINDS}
    yield from (
        "### Defects",
        "",
        "A record can have several defects. Retired records are not counted. `/api/v1/defects` has the ids",
        "of some records with each defect ([status API](status-api.md#defects)). With shards, equal",
        "names are judged within a shard.",
        "",
        "| defect | of | meaning |",
        "|---|---|---|",
    )
    for name, meaning in DEFECTS.items():
        of_these = ", ".join(collection for collection in KINDS if name in found[collection])
        yield f"| `{name}` | {of_these} | {meaning} |"
    yield ""


def _numeric_section() -> Iterator[str]:
    yield from (
        "## Numeric characteristics",
        "",
        "A characteristic listed in a collection's `characteristics` with a `metric` becomes a gauge named",
        f"`{PREFIX}<kind>_<metric>` with the label `<kind>_id`. The value is multiplied by `scale`.",
        "",
    )
