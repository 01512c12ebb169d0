from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parsed_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parsed_text

from exporter import __version__, telemetry
from exporter.exposition import families
from exporter.inventory import decode
from exporter.inventory.draft import FILTER_IGNORED
from exporter.status import CollectionStatus
from exporter.web import connections, web_config

OWN = "ses_inventory_exporter_"


@pytest.fixture
def told() -> telemetry.Telemetry:
    return telemetry.Telemetry(revision="abc123")


def values(of: telemetry.Telemetry) -> dict[tuple[str, ...], float]:
    """Every own sample: the name without prefix and the label values in the family's order → value."""
    order = {family.name: family.labels for family in families.TELEMETRY}
    found = {}
    for metric in parsed_text(of.text().decode()):
        for sample in metric.samples:
            if sample.name.startswith(OWN):
                labels = order.get(sample.name, tuple(sorted(sample.labels)))
                found[sample.name.removeprefix(OWN), *(sample.labels[one] for one in labels)] = sample.value
    return found


def carriers(**values: object) -> CollectionStatus:
    """The status of a collection."""
    known = {"name": "carriers", "api": "tmf638", "url": "", "dialect": "ses", "refresh_interval": 300.0}
    return CollectionStatus(**{**known, **values})


CURRENT = {"coverage": "7f3a", "served": True, "up": True}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, 1.0),
        ({"stale": True}, 0.0),
        ({"restored": True}, 0.0),
        ({"served": False, "stale": True}, 0.0),
        ({"served": False}, 0.0),
        ({"up": False}, 1.0),
    ],
    ids=str,
)
def test_records_are_current_if_served_refreshed_since_the_start_and_not_stale(told, changed, expected):
    told.collection_status(carriers(**{**CURRENT, **changed}))
    assert values(told)["current", "carriers", "7f3a"] == expected


def test_only_the_present_coverage_has_a_series(told):
    told.collection_status(carriers(**CURRENT))
    told.collection_status(carriers(**{**CURRENT, "coverage": "90bc"}))
    assert [labels for labels in values(told) if labels[0] == "current"] == [("current", "carriers", "90bc")]


def busy(of: telemetry.Telemetry) -> telemetry.Telemetry:
    """One of everything that can happen."""
    of.collection("carriers")
    of.attempt("carriers", "full")
    of.request("tmf638", "200", 0.2)
    of.request("tmf638", "504", 30.0)
    of.request_failed("tmf638", "server")
    of.request_retried("tmf638")
    of.concurrency("tmf638", 4)
    of.failed("carriers", "full", "server")
    of.attempt("carriers", "full")
    of.succeeded("carriers", "full", 10.0)
    of.collection_status(
        carriers(
            up=True,
            complete=True,
            stale=True,
            restored=True,
            records=8,
            expected=7,
            retained=1,
            unread=2,
            held_back=3,
            outdated=4,
            unknown_records=2,
            dangling_references=9,
            last_attempt=200.0,
            last_success=210.0,
            last_full_success=210.0,
        )
    )
    of.changed("carriers", {"added": 8, "changed": 3, "removed": 1}, {("Operational", "Down"): 2})
    of.read("carriers", 4, {"missing_id": 5}, {"date": 6})
    of.rendered("carriers", 0.02)
    of.served({"a": 10, "b": 20}, {"b": 5}, {"gzip": 300, "identity": 4000})
    of.series_limit(1000)
    of.reloaded(1, 50.0)
    of.loop_lag(0.01)
    of.rate_limit("tmf638", 17)
    of.waited("tmf638", 1.5)
    of.request_rate("tmf638", 120, 600)
    of.request_rate("tmf639", 60, None)
    of.overrun("carriers")
    of.grown("carriers")
    of.state_written(300.0, 1234)
    of.state_not_written()
    of.task_restarted("carriers")
    of.connections(3)
    of.connection_refused("full")
    of.turned_away("credentials")
    return of


def test_what_happens_is_told_under_its_own_name(told: telemetry.Telemetry) -> None:
    found = values(busy(told))
    wanted = {
        ("up", "carriers"): 1,
        ("complete", "carriers"): 1,
        ("stale", "carriers"): 1,
        ("last_attempt_timestamp_seconds", "carriers"): 200,
        ("last_success_timestamp_seconds", "carriers"): 210,
        ("last_full_success_timestamp_seconds", "carriers"): 210,
        ("refresh_interval_seconds", "carriers"): 300,
        ("records", "carriers"): 8,
        ("records_expected", "carriers"): 7,
        ("records_retained", "carriers"): 1,
        ("records_unread", "carriers"): 2,
        ("records_held_back", "carriers"): 3,
        ("records_outdated", "carriers"): 4,
        ("records_unknown_status", "carriers"): 2,
        ("records_added_total", "carriers"): 8,
        ("records_changed_total", "carriers"): 3,
        ("records_removed_total", "carriers"): 1,
        ("records_rejected_total", "carriers", "missing_id"): 5,
        ("values_dropped_total", "carriers", "date"): 6,
        ("duplicates_total", "carriers"): 4,
        ("status_changes_total", "carriers", "Operational", "Down"): 2,
        ("refreshes_total", "carriers", "full"): 2,
        ("refreshes_total", "carriers", "delta"): 0,
        ("refresh_failures_total", "carriers", "full", "server"): 1,
        ("refresh_duration_seconds_sum", "carriers", "full"): 10,
        ("requests_total", "tmf638", "200"): 1,
        ("requests_total", "tmf638", "504"): 1,
        ("request_failures_total", "tmf638", "server"): 1,
        ("request_retries_total", "tmf638"): 1,
        ("request_duration_seconds_count", "tmf638"): 2,
        ("concurrency_limit", "tmf638"): 4,
        ("rate_limit_remaining", "tmf638"): 17,
        ("request_wait_seconds_total", "tmf638"): 1.5,
        ("requests_per_hour", "tmf638"): 120,
        ("requests_per_hour", "tmf639"): 60,
        ("request_budget", "tmf638"): 600,
        ("refresh_overruns_total", "carriers"): 1,
        ("growth_warnings_total", "carriers"): 1,
        ("references_dangling", "carriers"): 9,
        ("restored", "carriers"): 1,
        ("state_writes_total", "good"): 1,
        ("state_writes_total", "failed"): 1,
        ("state_last_write_timestamp_seconds",): 300,
        ("state_bytes",): 1234,
        ("task_restarts_total", "carriers"): 1,
        ("connections",): 3,
        ("connections_refused_total", "full"): 1,
        ("requests_turned_away_total", "credentials"): 1,
        ("render_duration_seconds_count", "carriers"): 1,
        ("series", "a"): 10,
        ("series", "b"): 20,
        ("series_dropped", "a"): 0,
        ("series_dropped", "b"): 5,
        ("series_limit",): 1000,
        ("exposition_bytes", "gzip"): 300,
        ("config_last_reload_successful",): 1,
        ("config_last_reload_success_timestamp_seconds",): 50,
        ("event_loop_lag_seconds",): 0.01,
        ("build_info", __version__, "abc123", platform.python_version()): 1,
    }
    assert {key: found.get(key) for key in wanted} == wanted


def test_an_enabled_collection_is_there_from_the_start_at_zero(told: telemetry.Telemetry) -> None:
    told.collection("services")
    told.collection_status(carriers(name="services", refresh_interval=60.0))
    found = {key: value for key, value in values(told).items() if "services" in key}
    assert found.pop(("refresh_interval_seconds", "services")) == 60
    assert set(found.values()) == {0}
    for name in ("up", "complete", "stale", "records", "records_added_total", "duplicates_total"):
        assert (name, "services") in found
    assert not any(key[0].startswith("last_") for key in found), "a time that never was is absent, not 1970"


def test_counters_of_few_words_are_there_before_the_first_event_so_that_increase_sees_it(
    told: telemetry.Telemetry,
) -> None:
    told.collection("services")
    inventory = "".join(file.read_text() for file in Path(decode.__file__).parent.glob("*.py"))
    known = {
        "records_rejected_total": [*re.findall(r'Reject\("(\w+)"', inventory), FILTER_IGNORED],
        "values_dropped_total": re.findall(r'dropped\["(\w+)"\]', inventory),
        "connections_refused_total": get_args(connections.Reason),
        "requests_turned_away_total": get_args(web_config.Reason),
        "state_writes_total": ("good", "failed"),
    }
    found = values(told)
    for name, words in known.items():
        there = {key[-1]: value for key, value in found.items() if key[0] == name}
        assert there == dict.fromkeys(words, 0), name


def test_what_is_not_known_any_more_is_absent(told: telemetry.Telemetry) -> None:
    told.collection_status(carriers(complete=True, expected=7, last_full_success=210.0))
    told.collection_status(carriers(complete=False, expected=None, last_full_success=210.0, unread=40))
    found = values(told)
    assert found["complete", "carriers"] == 0
    assert found["last_full_success_timestamp_seconds", "carriers"] == 210
    assert found["records_unread", "carriers"] == 40
    assert ("records_expected", "carriers") not in found, "an old total says nothing about new records"


def test_a_bad_reload_leaves_the_time_of_the_last_good_one(told: telemetry.Telemetry) -> None:
    told.reloaded(1, 50.0)
    told.reloaded(0, 60.0)
    found = values(told)
    assert found["config_last_reload_successful",] == 0
    assert found["config_last_reload_success_timestamp_seconds",] == 50


def test_both_formats_parse_and_hold_the_same_samples(told: telemetry.Telemetry) -> None:
    busy(told)
    told.changed("carriers", {}, {('a"b\\', "c\nd"): 1})
    plain = told.text().decode()
    openmetrics = told.openmetrics().decode()
    assert openmetrics.endswith("# EOF\n")
    one, other = (
        {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for metric in metrics
            for sample in metric.samples
            if sample.name.startswith(OWN)
        }
        for metrics in (parsed_text(plain), parsed_openmetrics(openmetrics))
    )
    assert one == other


def test_every_family_that_is_served_is_in_the_list_and_with_its_labels(told: telemetry.Telemetry) -> None:
    labels = {family.name: set(family.labels) for family in families.TELEMETRY}
    types = {family.name: family.type for family in families.TELEMETRY}
    for metric in parsed_text(busy(told).text().decode()):
        if not metric.name.startswith(OWN):
            assert metric.name.startswith(("process_", "python_"))
            continue
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        assert metric.type == types[name]
        for sample in metric.samples:
            assert set(sample.labels) - {"le"} == labels[name]


def test_openmetrics_tells_the_unit_that_a_name_ends_in(told: telemetry.Telemetry) -> None:
    found = {
        metric.name: metric.unit
        for metric in parsed_openmetrics(busy(told).openmetrics().decode())
        if metric.name.startswith(OWN)
    }
    assert found == {family.name.removesuffix("_total"): family.unit for family in families.TELEMETRY}
    assert found[f"{OWN}request_wait_seconds"] == found[f"{OWN}refresh_duration_seconds"] == "seconds"
    assert found[f"{OWN}exposition_bytes"] == "bytes"
    assert "# UNIT" not in told.text().decode(), "the old format has none"


def test_the_inventorys_metrics_are_not_kept_here(told: telemetry.Telemetry) -> None:
    assert "ses_inventory_carrier" not in busy(told).text().decode()


def test_a_collection_that_is_off_now_is_gone_with_its_families(told: telemetry.Telemetry) -> None:
    busy(told)
    told.collection("services")
    told.gone("carriers", ["a"])
    keys = values(told)
    assert not any("carriers" in key for key in keys if key[0] != "task_restarts_total")
    assert ("series", "a") not in keys and ("series", "b") in keys
    assert ("records_added_total", "services") in keys


def test_an_api_that_nobody_asks_any_more_is_gone(told: telemetry.Telemetry) -> None:
    told.unused("tmf638")
    busy(told)
    told.unused("tmf638")
    keys = values(told)
    assert not any("tmf638" in key for key in keys)
    assert ("requests_per_hour", "tmf639") in keys


def test_a_budget_is_told_only_as_long_as_there_is_one(told: telemetry.Telemetry) -> None:
    told.request_rate("tmf638", 120, 600)
    told.request_rate("tmf638", 120, None)
    assert ("request_budget", "tmf638") not in values(told)


def test_two_exporters_in_one_program_tell_their_own_stories(told: telemetry.Telemetry) -> None:
    other = telemetry.Telemetry()
    told.request_retried("tmf638")
    assert ("request_retries_total", "tmf638") in values(told)
    assert ("request_retries_total", "tmf638") not in values(other)


def test_what_process_and_interpreter_say_is_there(told: telemetry.Telemetry) -> None:
    text = told.text().decode()
    for name in (
        "process_resident_memory_bytes",
        "process_open_fds",
        "python_info",
        "python_gc_collections_total",
    ):
        assert name in text


def test_a_metric_cannot_be_used_as_another_kind(told: telemetry.Telemetry) -> None:
    with pytest.raises(TypeError, match="requests_total is no Gauge"):
        told._gauge("requests_total", "tmf638", "200")
