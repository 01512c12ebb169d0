from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from exporter import errors, settings
from exporter.exposition import families
from exporter.exposition.families import FAMILIES, TELEMETRY, Family
from exporter.exposition.topology_families import FAMILIES as TOPOLOGY
from exporter.inventory.record import KINDS
from exporter.inventory.snapshot import Snapshot
from exporter.topology import Topology
from tools import metrics_page

ALL = (*FAMILIES, *TOPOLOGY, *TELEMETRY)
EACH = pytest.mark.parametrize("family", ALL, ids=lambda family: family.name)

INFO = ("name", "description")
REST = ("category", "specification", "party", "place")
SHARED = {
    "status": ("status",),
    "operational": (),
    "state": ("dimension", "state"),
    "status_since_timestamp_seconds": (),
    "start_timestamp_seconds": (),
    "end_timestamp_seconds": (),
    "created_timestamp_seconds": (),
    "last_update_timestamp_seconds": (),
    "party_info": ("party_id", "party", "role"),
    "place_info": ("place_id", "place", "role"),
    "characteristic_info": ("name", "value"),
}
"""What services, carriers and resources share: suffix → labels after the id."""

CATALOGUE: dict[str, tuple[str, tuple[str, ...]]] = {
    "services": ("gauge", ("status", "service_type")),
    "carriers": ("gauge", ("status", "carrier_type")),
    "resources": ("gauge", ("status", "resource_type")),
    "service_info": ("gauge", ("service_id", *INFO, "service_type", *REST)),
    "carrier_info": (
        "gauge",
        (
            *("carrier_id", *INFO, "carrier_type", "specification"),
            *("gateway", "terminal", "satellite", "transponder", "party"),
        ),
    ),
    "resource_info": ("gauge", ("resource_id", *INFO, "resource_type", *REST)),
    "carrier_status_changes_total": ("counter", ("carrier_id",)),
    "service_resource_info": ("gauge", ("service_id", "resource_id", "resource", "resource_type", "role")),
    "carrier_resource_info": ("gauge", ("carrier_id", "resource_id", "resource", "resource_type", "role")),
    "carrier_service_info": ("gauge", ("carrier_id", "service_id", "service_name")),
    "service_relationship_info": ("gauge", ("service_id", "related_service_id", "relationship")),
    "carrier_relationship_info": ("gauge", ("carrier_id", "related_id", "relationship")),
    "resource_relationship_info": ("gauge", ("resource_id", "related_resource_id", "relationship")),
    **{
        f"{kind}_{suffix}": ("gauge", (f"{kind}_id", *labels))
        for kind in KINDS.values()
        for suffix, labels in SHARED.items()
    },
}
"""Every family of the inventory: name without prefix → type and labels."""

OF_TOPOLOGY: dict[str, tuple[str, tuple[str, ...]]] = {
    "satellite_carriers": ("gauge", ("satellite", "condition")),
    "transponder_carriers": ("gauge", ("satellite", "transponder", "condition")),
    "gateway_carriers": ("gauge", ("satellite", "gateway", "condition")),
    "party_carriers": ("gauge", ("party", "condition")),
    "party_services": ("gauge", ("party", "condition")),
    **{f"{kind}_defects": ("gauge", ("defect",)) for kind in KINDS.values()},
    "service_problem_since_timestamp_seconds": (
        "gauge",
        ("service_id", "name", "condition", "status", "service_type", "party", "place"),
    ),
    "carrier_problem_since_timestamp_seconds": (
        "gauge",
        (
            *("carrier_id", "name", "condition", "status", "carrier_type", "party"),
            *("satellite", "transponder", "gateway", "terminal"),
        ),
    ),
    "resource_problem_since_timestamp_seconds": (
        "gauge",
        ("resource_id", "name", "condition", "status", "resource_type", "party", "place"),
    ),
    "service_affected_since_timestamp_seconds": (
        "gauge",
        (
            *("service_id", "name", "service_type", "party", "place"),
            *("cause_kind", "cause_id", "cause", "cause_condition", "satellite", "gateway"),
        ),
    ),
    **{f"{kind}_dependents": ("gauge", (f"{kind}_id", "name", "dependent_kind")) for kind in KINDS.values()},
}
"""Every family of the topology: name without prefix → type and labels."""

C = "collection"
OWN: dict[str, tuple[str, tuple[str, ...]]] = {
    "up": ("gauge", (C,)),
    "complete": ("gauge", (C,)),
    "stale": ("gauge", (C,)),
    "current": ("gauge", (C, "coverage")),
    "last_success_timestamp_seconds": ("gauge", (C,)),
    "last_full_success_timestamp_seconds": ("gauge", (C,)),
    "last_attempt_timestamp_seconds": ("gauge", (C,)),
    "refresh_interval_seconds": ("gauge", (C,)),
    "records": ("gauge", (C,)),
    "records_expected": ("gauge", (C,)),
    "records_retained": ("gauge", (C,)),
    "records_unread": ("gauge", (C,)),
    "records_unknown_status": ("gauge", (C,)),
    "records_held_back": ("gauge", (C,)),
    "records_outdated": ("gauge", (C,)),
    "records_rejected_total": ("counter", (C, "reason")),
    "values_dropped_total": ("counter", (C, "reason")),
    "records_added_total": ("counter", (C,)),
    "records_changed_total": ("counter", (C,)),
    "records_removed_total": ("counter", (C,)),
    "duplicates_total": ("counter", (C,)),
    "status_changes_total": ("counter", (C, "from_status", "to_status")),
    "refreshes_total": ("counter", (C, "mode")),
    "refresh_failures_total": ("counter", (C, "mode", "reason")),
    "refresh_duration_seconds": ("histogram", (C, "mode")),
    "refresh_overruns_total": ("counter", (C,)),
    "growth_warnings_total": ("counter", (C,)),
    "references_dangling": ("gauge", (C,)),
    "restored": ("gauge", (C,)),
    "requests_total": ("counter", ("api", "code")),
    "request_failures_total": ("counter", ("api", "reason")),
    "request_retries_total": ("counter", ("api",)),
    "request_duration_seconds": ("histogram", ("api",)),
    "concurrency_limit": ("gauge", ("api",)),
    "rate_limit_remaining": ("gauge", ("api",)),
    "requests_per_hour": ("gauge", ("api",)),
    "request_budget": ("gauge", ("api",)),
    "request_wait_seconds_total": ("counter", ("api",)),
    "series": ("gauge", ("family",)),
    "series_limit": ("gauge", ()),
    "series_dropped": ("gauge", ("family",)),
    "exposition_bytes": ("gauge", ("encoding",)),
    "render_duration_seconds": ("histogram", (C,)),
    "topology_failures_total": ("counter", ()),
    "config_last_reload_successful": ("gauge", ()),
    "config_last_reload_success_timestamp_seconds": ("gauge", ()),
    "state_writes_total": ("counter", ("result",)),
    "state_last_write_timestamp_seconds": ("gauge", ()),
    "state_bytes": ("gauge", ()),
    "task_restarts_total": ("counter", ("task",)),
    "connections": ("gauge", ()),
    "requests_turned_away_total": ("counter", ("reason",)),
    "connections_refused_total": ("counter", ("reason",)),
    "log_lines_dropped_total": ("counter", ()),
    "event_loop_lag_seconds": ("gauge", ()),
    "build_info": ("gauge", ("version", "revision", "python")),
}
"""What the exporter says of itself: name without prefix → type and labels."""

TAKEN = {"type", "service", "customer", "owner", "region", "instance", "job"}
"""Labels that targets and alerts carry; ours would be renamed to exported_… or hide theirs."""


@pytest.mark.parametrize(
    ("listed", "prefix", "wanted"),
    [
        (FAMILIES, "ses_inventory_", CATALOGUE),
        (TOPOLOGY, "ses_inventory_", OF_TOPOLOGY),
        (TELEMETRY, "ses_inventory_exporter_", OWN),
    ],
    ids=["inventory", "topology", "exporter"],
)
def test_there_are_exactly_these_families_with_these_types_and_labels(
    listed: tuple[Family, ...], prefix: str, wanted: dict[str, tuple[str, tuple[str, ...]]]
) -> None:
    found = {family.name.removeprefix(prefix): (family.type, family.labels) for family in listed}
    assert found == wanted
    assert len(listed) == len(wanted), "names are unique"


def test_no_name_means_two_families() -> None:
    names = [family.name for family in ALL]
    assert len(names) == len(set(names))
    # OpenMetrics leaves _total out of the family's name
    openmetrics = [name.removesuffix("_total") for name in names]
    assert len(openmetrics) == len(set(openmetrics))


@EACH
def test_a_name_and_its_labels_are_lower_case_words(family: Family) -> None:
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", word) for word in (family.name, *family.labels))
    assert len(set(family.labels)) == len(family.labels)


@EACH
def test_a_name_ends_as_its_type_wants(family: Family) -> None:
    assert family.name.endswith("_total") == (family.type == "counter")
    if family.name.endswith("_info"):
        assert family.type == "gauge", "as client_golang writes them, in both formats"
    assert not re.search("_(count|sum|bucket|created|gsum|gcount)$", family.name)
    assert family.type in {"gauge", "counter", "histogram"}


@EACH
def test_units_are_base_units_and_stand_at_the_end(family: Family) -> None:
    assert not re.search("(milli|micro|minutes|hours|days|megabytes|percent|_ms$)", family.name)
    assert family.unit == ("".join(re.findall("_(seconds|bytes)(?:_total)?$", family.name)))
    if "timestamp" in family.name or "duration" in family.name:
        assert family.unit == "seconds"


@EACH
def test_no_label_collides_with_those_of_targets(family: Family) -> None:
    assert not TAKEN & set(family.labels)
    assert not {"le", "quantile"} & set(family.labels)


@EACH
def test_a_help_is_sentences_on_one_line(family: Family) -> None:
    assert family.help[0].isupper() or family.help[0].isdigit()
    assert family.help.endswith(".")
    assert "\n" not in family.help
    assert "  " not in family.help


@pytest.mark.parametrize("family", (*FAMILIES, *TOPOLOGY), ids=lambda family: family.name)
def test_the_source_is_a_field_of_its_own_and_not_in_the_help(family: Family) -> None:
    assert family.source
    assert "Source" not in family.help
    assert family.collection in KINDS
    assert family.stability in {"stable", "experimental"}


@pytest.mark.parametrize("collection", KINDS)
def test_a_help_names_the_fields_of_the_labels_that_its_family_has_and_no_others(collection: str) -> None:
    info = next(
        one for one in families.of(collection) if one.name == f"ses_inventory_{KINDS[collection]}_info"
    )
    for label in ("category", "gateway", "terminal", "satellite", "transponder"):
        assert (label in info.source) == (label in info.labels)
    fields = re.findall("(service|resource)[A-Z]", " ".join(one.source for one in families.of(collection)))
    other = "service" if collection == "resources" else "resource"
    assert other not in set(fields)


@pytest.mark.parametrize("collection", KINDS)
def test_a_collection_is_served_its_counts_first_and_only_its_own_families(collection: str) -> None:
    served = families.of(collection)
    assert served[0].name == f"ses_inventory_{collection}"
    assert [family.name for family in served if family.samples is None] == [served[0].name]
    assert {family.collection for family in served} == {collection}
    assert sum(len(families.of(name)) for name in KINDS) == len(FAMILIES)


def test_a_numeric_characteristic_has_a_family_of_its_own() -> None:
    one = families.numeric("carriers", "symbol_rate_hertz", ["symbolRate"])
    assert (one.name, one.type) == ("ses_inventory_carrier_symbol_rate_hertz", "gauge")
    assert (one.labels, one.unit) == (("carrier_id",), "hertz")
    assert one.help.startswith("Characteristic symbolRate of the carrier, ")
    assert one.source == "serviceCharacteristic"


@pytest.mark.parametrize(
    ("named", "unit"),
    [
        ("modem_celsius", "celsius"),
        ("fill_ratio", "ratio"),
        ("hertz", "hertz"),
        ("power_dbw", ""),
        ("seconds_left", ""),
    ],
)
def test_only_a_known_unit_at_the_end_of_an_operators_name_is_its_unit(named: str, unit: str) -> None:
    assert families.numeric("carriers", named, ["one"]).unit == unit


def test_two_characteristics_under_one_name_are_one_family() -> None:
    asked = {"a": ("rate_hertz", 1.0), "b": ("rate_hertz", 1e6), "c": ("other_hertz", 1.0)}
    added = families.of("carriers", asked)[len(families.of("carriers")) :]
    assert [family.name for family in added] == [
        "ses_inventory_carrier_rate_hertz",
        "ses_inventory_carrier_other_hertz",
    ]
    assert added[0].help.startswith("Characteristic a or b of the carrier, ")


def test_the_page_of_metrics_says_when_there_are_no_counts() -> None:
    said = " ".join(metrics_page.as_markdown().split())
    assert (
        "absent before its first snapshot, and when the snapshot is older than `retention.max_staleness`"
        in said
    )


def test_the_page_of_metrics_has_every_family_once() -> None:
    shown = metrics_page.as_markdown()
    assert shown.startswith("# Metrics\n")
    reference = shown[shown.index("## Services") :]
    rows = [line for line in reference.splitlines() if line.startswith("| `ses_inventory_")]
    assert [row.split("`")[1] for row in rows] == [family.name for family in ALL]
    for family, row in zip(ALL, rows, strict=True):
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        labels = ", ".join(f"`{label}`" for label in family.labels)
        assert cells[1:4] == [family.type, labels, family.help]
        assert cells[4:] == [*([family.source] if family.source else []), family.stability]


def test_the_page_of_metrics_explains_every_defect() -> None:
    topology = Topology()
    topology.follow(dict.fromkeys(KINDS, Snapshot()))
    found = {defect for collection in KINDS for defect in topology.defect_counts(collection)}
    assert found == metrics_page.DEFECTS.keys()


def test_the_page_of_metrics_begins_with_ten_that_exist() -> None:
    names = [f"ses_inventory_{name}" for name, _ in metrics_page.MOST_USEFUL]
    assert len(names) == len(set(names)) == 10
    assert set(names) <= {family.name for family in ALL}


def test_the_joins_of_the_page_of_metrics_name_metrics_and_labels_that_exist() -> None:
    known = {family.name: {*family.labels, "instance"} for family in ALL}
    for question, query in metrics_page.JOINS:
        assert question.endswith(":")
        names = re.findall(r"ses_inventory_\w+", query)
        assert len(names) > 1
        for name in names:
            (ident,) = re.findall(r"on \(instance, (\w+)\)", query)[:1]
            assert ident in known[name], (name, ident)
        for label in re.findall(r"group_left \(([\w, ]+)\)", query):
            assert any(set(label.split(", ")) <= known[name] for name in names)


ENDINGS = sorted(
    {
        name.partition(f"{kind}_")[2]
        for kind in KINDS.values()
        for one in (*FAMILIES, *TOPOLOGY)
        for name in families.names(one)
    }
    - {""}
)


@pytest.mark.parametrize("form", ["text", "openmetrics"])
def test_no_metric_that_the_settings_allow_makes_two_families_of_one_name(tmp_path: Path, form: str) -> None:
    file = tmp_path / "inventory.yaml"
    allowed = 0
    for collection in KINDS:
        for metric in (*ENDINGS, "symbol_rate_hertz"):
            written = {"characteristics": {"x": {"metric": metric}}, "query": {}}
            url = {"url": "http://127.0.0.1:1"}
            tree = {"apis": {"tmf638": url, "tmf639": url}, "collections": {collection: written}}
            file.write_text(yaml.safe_dump(tree))
            try:
                (target,) = settings.load(file, {}).targets()
            except errors.ConfigError:
                continue  # refused
            allowed += 1
            served = [*ALL, *(one for one in target.families if one not in FAMILIES)]
            stripped = [
                one.name.removesuffix("_total") if form == "openmetrics" else one.name for one in served
            ]
            assert len(set(stripped)) == len(stripped), (collection, metric)
    assert allowed >= len(KINDS)
