"""The shipped rules: they load, they do what their cases say, and they name nothing that is not there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.end_to_end import hastening
from tests.rules import reading

ALERTS = {
    "InventoryCarrierNotOperational",
    "InventorySatelliteCarriersDown",
    "InventoryTransponderCarriersDown",
    "InventoryGatewayCarriersDown",
    "InventoryCarrierFlapping",
    "InventoryServiceNotOperational",
    "InventoryServiceResourceNotOperational",
    "InventoryResourceInAlarm",
    "InventoryServicePastEnd",
    "InventoryRecordVanished",
    "InventoryExporterDown",
    "InventoryApiFailing",
    "InventoryStale",
    "InventoryIncomplete",
    "InventoryCollectionEmpty",
    "InventoryRecordsRejected",
    "InventoryUnknownStatus",
    "InventoryShrinkGuardHolding",
    "InventorySeriesLimitReached",
    "InventoryConfigReloadFailed",
    "InventoryThrottled",
    "InventoryAccessRefused",
    "InventoryTaskDying",
    "InventoryStateNotWritten",
}

OF_RECORDS = {name for name in ALERTS if re.search("Carrier|Service|Resource|RecordVanished", name)}
AT_ONCE = {"InventoryTaskDying"}  # why: docs/decisions/0017-alerts-without-data.md
HEADINGS = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"]
KNOWN = reading.known()


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def name(rule: reading.Rule) -> str:
    return str(rule.get("alert") or rule.get("record"))


def test_the_rules_and_the_configuration_that_loads_them_are_valid():
    promtool("check", "rules", *reading.RULES)
    promtool("check", "config", reading.ROOT / "deploy/prometheus/prometheus.yml")


@pytest.mark.parametrize("case", reading.CASES, ids=lambda case: case.stem)
def test_the_rules_do_what_their_cases_say(case):
    promtool("test", "rules", case)


def test_the_alerts_are_those_that_are_promised():
    assert {str(rule["alert"]) for rule in reading.alerts()} == ALERTS


def cases_of(alert: str) -> list[tuple[str, bool, dict[str, object]]]:
    """(name of the test, whether it fires, the case) of each case of an alert."""
    return [
        (test["name"], bool(case["exp_alerts"]), case)
        for file in reading.CASES
        for test in yaml.safe_load(file.read_text())["tests"]
        for case in test["alert_rule_test"]
        if case["alertname"] == alert
    ]


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_every_alert_has_cases_that_fire_with_annotations_and_cases_that_do_not(alert):
    cases = cases_of(alert)
    assert {fires for _, fires, _ in cases} == {True, False}
    for _, _, case in cases:
        for expected in case["exp_alerts"]:
            assert {"summary", "description", "runbook_url", "dashboard"} == set(expected["exp_annotations"])


@pytest.mark.parametrize("alert", sorted(OF_RECORDS))
def test_every_alert_on_records_has_a_case_in_which_data_is_missing_and_it_goes_on(alert):
    words = re.compile(r"gone|without data|missing data|end without a mark")
    assert any(fires for test, fires, _ in cases_of(alert) if words.search(test))


@pytest.mark.parametrize("rule", reading.alerts(), ids=name)
def test_every_alert_has_severity_team_texts_and_a_runbook_that_exists(rule):
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["labels"]["team"] in {"noc", "monitoring"}
    annotations = rule["annotations"]
    assert {"summary", "description", "runbook_url", "dashboard"} == set(annotations)
    assert annotations["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"
    text = (reading.ROOT / annotations["runbook_url"]).read_text()
    assert text.startswith(f"# {rule['alert']}\n")
    assert [line for line in text.splitlines() if line.startswith("## ")] == HEADINGS


@pytest.mark.parametrize("rule", reading.alerts(), ids=name)
def test_an_alert_waits_for_three_scrapes_and_what_is_told_at_once_is_held_for_as_long(rule):
    prometheus = yaml.safe_load((reading.ROOT / "deploy/prometheus/prometheus.yml").read_text())
    three_scrapes = 3 * hastening.seconds(prometheus["global"]["scrape_interval"])
    key = "keep_firing_for" if rule["alert"] in AT_ONCE else "for"
    assert hastening.seconds(rule[key]) >= three_scrapes


def test_there_is_no_runbook_without_an_alert():
    assert {page.stem for page in (reading.ROOT / "docs/runbooks").glob("*.md")} == ALERTS


@pytest.mark.parametrize("rule", reading.rules(), ids=name)
def test_a_rule_names_only_metrics_and_labels_that_exist(rule):
    expression = str(rule["expr"])
    assert reading.used(expression) <= KNOWN.keys()
    possible = {label for metric in reading.used(expression) for label in KNOWN[metric]}
    made = set(re.findall(r'"(\w+)", "\$', expression))
    assert reading.named(expression) <= possible | made


@pytest.mark.parametrize("rule", reading.alerts(), ids=name)
def test_the_texts_of_an_alert_name_only_labels_that_it_can_have(rule):
    possible = reading.reachable(str(rule["expr"]), KNOWN) | set(rule["labels"])
    for text in reading.templates(rule):
        assert set(re.findall(r"\$labels\.(\w+)", text)) <= possible
        for query in reading.queries(text):
            assert reading.used(query) <= KNOWN.keys()
            assert reading.named(query) <= {
                label for metric in reading.used(query) for label in KNOWN[metric]
            }


@pytest.mark.parametrize("rule", [rule for rule in reading.rules() if "record" in rule], ids=name)
def test_a_recorded_series_is_named_after_its_level_its_metric_and_what_was_done(rule):
    level, metric, done = str(rule["record"]).split(":")
    assert metric.startswith("ses_inventory_")
    assert level
    assert done


def test_a_runbook_asks_only_for_metrics_that_exist():
    for page in sorted((reading.ROOT / "docs/runbooks").glob("*.md")):
        for block in re.findall(r"```promql\n(.*?)```", page.read_text(), re.DOTALL):
            assert reading.used(block), page
            assert reading.used(block) <= KNOWN.keys(), page
            possible = {label for metric in reading.used(block) for label in KNOWN[metric]}
            assert reading.named(block) <= possible, page


def test_the_page_of_alerts_lists_each_with_its_severity_team_and_wait():
    page = (reading.ROOT / "docs/alerts.md").read_text()
    listed = [
        tuple(cell.strip() for cell in line.split("|")[1:5])
        for line in page.splitlines()
        if "| Inventory" in line
    ]
    shipped = {
        str(rule["alert"]): (rule["labels"]["severity"], rule["labels"]["team"], rule.get("for", "at once"))
        for rule in reversed(reading.alerts())  # the first of the same name counts
    }
    assert {name: tuple(rest) for name, *rest in listed} == shipped
