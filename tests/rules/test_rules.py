"""The shipped rules: they load, they do what their cases say, and they name nothing that is not there."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from rules import generated
from rules.__main__ import FOLDER, main, texts
from rules.rule import Links
from tests.end_to_end import hastening
from tests.rules import reading
from tests.rules.test_cases import CASES

ALERTS = {
    "InventoryCarrierNotOperational",
    "InventorySatelliteCarriersDown",
    "InventoryTransponderCarriersDown",
    "InventoryGatewayCarriersDown",
    "InventoryCarrierDegraded",
    "InventoryCarrierFlapping",
    "InventoryServiceNotOperational",
    "InventoryServiceDegraded",
    "InventoryServiceAffected",
    "InventoryResourceInAlarm",
    "InventoryServicePastEnd",
    "InventoryRecordVanished",
    "InventoryDefectsGrowing",
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


LOOK_UP = {name for name in OF_RECORDS if not name.startswith("InventoryRecord")}
ONE_A_RECORD = {name for name in LOOK_UP if not re.search("CarriersDown|PastEnd", name)}
"""Alerts of which there may be thousands: their summary says all."""
LONGEST_EXPRESSION, MOST_LINES, MOST_RECORDINGS = 12, 450, 12
FILES = {"carriers", "services", "resources", "records", "exporter"}


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def name(rule: reading.Rule) -> str:
    return str(rule.get("alert") or rule.get("record"))


def test_the_rules_and_the_configuration_that_loads_them_are_valid():
    promtool("check", "rules", *reading.RULES)
    promtool("check", "config", reading.ROOT / "deploy/prometheus/prometheus.yml")


def test_the_files_are_what_their_source_says():
    assert generated.drifted(FOLDER, texts(Links())) == []


def test_links_are_set_in_one_place(tmp_path):
    links = ("--runbooks", "https://wiki.example.net/ses/", "--dashboards", "https://grafana.example.net")
    assert main([*links, "--folder", str(tmp_path)]) == 0
    for file in tmp_path.glob("*.yml"):
        urls = re.findall(r"(?:runbook|dashboard)_url: '([^']*)'", file.read_text())
        assert urls
        for runbook, dashboard in zip(urls[::2], urls[1::2], strict=True):
            assert re.fullmatch(r"https://wiki\.example\.net/ses/Inventory\w+\.md", runbook)
            assert dashboard.startswith("https://grafana.example.net/d/ses-inventory-")
    promtool("check", "rules", *tmp_path.glob("*.yml"))


def test_the_rules_are_few_and_short():
    assert {file.stem for file in reading.RULES} == FILES
    assert sum(len(file.read_text().splitlines()) for file in reading.RULES) < MOST_LINES
    assert len([rule for rule in reading.rules() if "record" in rule]) <= MOST_RECORDINGS
    for rule in reading.rules():
        assert len(str(rule["expr"]).splitlines()) <= LONGEST_EXPRESSION, name(rule)


def test_no_recording_rule_reads_another():
    recorded = {str(rule["record"]) for rule in reading.rules() if "record" in rule}
    for rule in reading.rules():
        if "record" in rule:
            assert reading.used(str(rule["expr"])) & recorded <= {rule["record"]}


def completed(case: Path) -> dict[str, object]:
    """A file of cases with absolute paths, and with the links of every alert that is expected."""
    content = yaml.safe_load(case.read_text())
    content["rule_files"] = [str((case.parent / file).resolve()) for file in content["rule_files"]]
    for test in content["tests"]:
        for asked in test["alert_rule_test"]:
            for expected in asked["exp_alerts"]:
                expected["exp_annotations"] |= {
                    "runbook_url": Links().runbook(asked["alertname"]),
                    "dashboard_url": Links().dashboard("exporter"),
                }
    return content


@pytest.mark.parametrize("case", reading.CASES, ids=lambda case: case.stem)
def test_the_exporters_own_rules_do_what_their_cases_say(case, tmp_path):
    file = tmp_path / "case.yml"
    file.write_text(json.dumps(completed(case)))
    promtool("test", "rules", file)


def test_the_alerts_are_those_that_are_promised():
    assert {str(rule["alert"]) for rule in reading.alerts()} == ALERTS


def cases_of(alert: str) -> list[tuple[str, bool, dict[str, object]]]:
    """(name of the test, whether it fires, the case) of each case of an alert."""
    in_python = [
        (case.name, bool(at.fires), {"exp_alerts": [one.expected() for one in at.fires]})
        for case in CASES
        for at in case.expected
        if at.alert == alert
    ]
    return in_python + [
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
            assert {"summary"} <= set(expected["exp_annotations"])


@pytest.mark.parametrize("alert", sorted(OF_RECORDS))
def test_every_alert_on_records_has_a_case_in_which_data_is_missing_and_it_goes_on(alert):
    words = re.compile(r"gone|without data|missing data")
    assert any(fires for test, fires, _ in cases_of(alert) if words.search(test))


@pytest.mark.parametrize("rule", reading.alerts(), ids=name)
def test_every_alert_has_severity_team_texts_and_a_runbook_that_exists(rule):
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["labels"]["team"] in {"noc", "monitoring"}
    annotations = rule["annotations"]
    texts = {"summary"} if rule["alert"] in ONE_A_RECORD else {"summary", "description"}
    assert {*texts, "runbook_url", "dashboard_url"} == set(annotations)
    assert annotations["runbook_url"] == Links().runbook(rule["alert"])
    board = re.match(rf"{Links.dashboards}/d/([\w-]+)", annotations["dashboard_url"])
    assert board
    assert (reading.ROOT / f"grafana/dashboards/{board[1]}.json").exists()
    text = (reading.ROOT / f"docs/runbooks/{rule['alert']}.md").read_text()
    assert text.startswith(f"# {rule['alert']}\n")
    assert [line for line in text.splitlines() if line.startswith("## ")] == HEADINGS


@pytest.mark.parametrize("rule", reading.alerts(), ids=name)
def test_an_alert_waits_for_three_scrapes_and_what_is_told_at_once_is_held_for_as_long(rule):
    """One on a record waits for a scrape: it is raised by what is served, never by what is missing."""
    prometheus = yaml.safe_load((reading.ROOT / "deploy/prometheus/prometheus.yml").read_text())
    scrapes = 1 if rule["alert"] in LOOK_UP else 3
    least = scrapes * hastening.seconds(prometheus["global"]["scrape_interval"])
    key = "keep_firing_for" if rule["alert"] in AT_ONCE else "for"
    assert hastening.seconds(rule[key]) >= least


def test_there_is_no_runbook_without_an_alert():
    assert {page.stem for page in (reading.ROOT / "docs/runbooks").glob("*.md")} == ALERTS


@pytest.mark.parametrize("rule", reading.rules(), ids=name)
def test_a_rule_names_only_metrics_and_labels_that_exist(rule):
    expression = str(rule["expr"])
    assert reading.used(expression) <= KNOWN.keys()
    possible = {label for metric in reading.used(expression) for label in KNOWN[metric]}
    made = set(re.findall(r'"(\w+)", "\$', expression)) | {"alertname", "alertstate"}
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
