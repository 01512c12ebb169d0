"""Cases for promtool, written in Python: series over time, and which alerts fire when, with their texts.

A case gives labels, summary and description word for word. What the rules add to every alert alike (severity,
team, the URLs) comes from their source, `rules`. One sample every 30 seconds; see `promtool` for the notation
of values, in which `S` stands for `SINCE`.
"""

from __future__ import annotations

import json
import re
import subprocess
import urllib.parse
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

from rules.__main__ import FILES, FOLDER
from rules.rule import Alert, File, Links

SINCE = 1700000000
SINCE_TEXT = "2023-11-14 22:13:20 +0000 UTC"


def _alerts(file: File) -> list[Alert]:
    return [rule for group in file.groups for rule in group.rules if isinstance(rule, Alert)]


ALERTS = [alert for file in FILES for alert in _alerts(file)]
"""The alerting rules, of which several may have one name."""

Series = tuple[str, str]
"""A series, as PromQL writes it, and its values."""


@dataclass(frozen=True)
class Fires:
    """One alert that fires: its name, its labels but severity and team, its texts."""

    alert: str
    labels: Mapping[str, str]
    summary: str
    description: str = ""
    more: Mapping[str, str] = field(default_factory=dict)
    """Labels that the rule adds, where rules of one name differ in them."""

    def expected(self) -> dict[str, object]:
        """As promtool expects it."""
        rule = next(
            one for one in ALERTS if one.name == self.alert and self.more.items() <= one.all_labels().items()
        )
        links = Links()
        dashboard = re.sub(
            r"\{\{ \$labels\.(\w+) \| urlquery \}\}",
            lambda found: urllib.parse.quote_plus(self.labels.get(found[1], "")),
            links.dashboard(rule.dashboard),
        )
        return {
            "exp_labels": {**self.labels, **rule.all_labels()},
            "exp_annotations": {
                "summary": self.summary,
                **({"description": self.description} if self.description else {}),
                "runbook_url": links.runbook(self.alert),
                "dashboard_url": dashboard,
            },
        }


@dataclass(frozen=True)
class At:
    """At a time, such as 150s or 2h, exactly these alerts of this name fire."""

    time: str
    alert: str
    fires: tuple[Fires, ...] = ()


@dataclass(frozen=True)
class Case:
    """A sentence, the series, and what is expected."""

    name: str
    series: Sequence[Series]
    expected: Sequence[At]
    evaluated_every: str = "30s"
    """A case that takes a day is evaluated less often, which saves a minute."""

    def as_test(self) -> dict[str, object]:
        """As promtool reads it."""
        return {
            "name": self.name,
            "interval": "30s",
            "input_series": [
                {"series": series, "values": values.replace("S", str(SINCE))}
                for series, values in self.series
            ],
            "alert_rule_test": [
                {
                    "eval_time": at.time,
                    "alertname": at.alert,
                    "exp_alerts": [one.expected() for one in at.fires],
                }
                for at in self.expected
            ],
        }


def silent(alert: str, *times: str) -> list[At]:
    """No alert of this name fires at these times."""
    return [At(time, alert) for time in times]


def firing(fires: Fires, *times: str) -> list[At]:
    """This alert fires at these times, and no other of its name."""
    return [At(time, fires.alert, (fires,)) for time in times]


def series(family: str, values: str, /, *, instance: str = "a:1", **labels: str) -> Series:
    """A series of an exporter of job i; `family` is its name without ses_inventory_."""
    found = {"job": "i", "instance": instance, **{key: value for key, value in labels.items() if value}}
    inside = ",".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in found.items())
    return f"ses_inventory_{family}{{{inside}}}", values


def current(
    values: str, collection: str = "carriers", *, instance: str = "a:1", coverage: str = "c0"
) -> Series:
    """Whether an exporter is current."""
    return series("exporter_current", values, instance=instance, collection=collection, coverage=coverage)


def run(case: Case, folder: Path) -> None:
    """Lets promtool play the case with the files of the alerts that it asks for; fails with its words."""
    play({at.alert for at in case.expected}, [case.as_test()], folder, case.evaluated_every)


def play(alerts: Set[str], tests: Sequence[object], folder: Path, every: str = "30s") -> None:
    """Lets promtool play tests, as it reads them, with the files of these alerts; fails with its words."""
    files = [file for file in FILES if alerts & {alert.name for alert in _alerts(file)}]
    content = {
        "rule_files": [str(FOLDER / f"{file.name}.yml") for file in files],
        "evaluation_interval": every,
        "group_eval_order": [f"ses-inventory-{group.name}" for file in files for group in file.groups],
        "tests": tests,
    }
    file = folder / "case.yml"
    file.write_text(json.dumps(content))
    done = subprocess.run(
        ["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
