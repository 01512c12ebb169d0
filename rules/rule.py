"""What a rule is, and how it is written: recording rules, alerts, groups, and their YAML.

Pure. Invariants: no expression is longer than `MOST_LINES` lines; every alert has a summary, the URL of its
runbook and that of a dashboard.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

MOST_LINES = 12
"""Lines of an expression that somebody can still review in the middle of an incident."""

_WIDTH = 120


@dataclass(frozen=True)
class Links:
    """Where alerts point to: the folder of the runbooks and the root of Grafana, without a slash at
    the end.
    """

    runbooks: str = "https://git.example.net/ses-inventory-exporter/docs/runbooks"
    dashboards: str = "http://localhost:3000"

    def runbook(self, alert: str) -> str:
        """URL of the runbook of an alert."""
        return f"{self.runbooks}/{alert}.md"

    def dashboard(self, path: str) -> str:
        """URL of a dashboard: its name, and the query that sets its variables if there is one."""
        return f"{self.dashboards}/d/ses-inventory-{path}"


@dataclass(frozen=True)
class Recording:
    """A recording rule; `comment` says what a sample of it is."""

    record: str
    expr: str
    comment: str

    def lines(self, links: Links) -> Iterator[str]:
        """The rule as an item of a YAML list; recording rules have no links."""
        yield from _commented(self.comment)
        yield f"- record: {self.record}"
        yield from _expression(self.expr)


@dataclass(frozen=True)
class Alert:
    """An alerting rule. `wait` is `for`, `keep` is `keep_firing_for`, both empty for none.

    `description` is empty where there may be thousands of alerts: Prometheus expands each annotation of
    each alert at each evaluation, which costs more than the expression.

    `dashboard` is the name of a dashboard with the query that selects the record, as in `Links.dashboard`.
    """

    name: str
    expr: str
    severity: str
    team: str
    summary: str
    description: str
    dashboard: str
    wait: str = ""
    keep: str = ""
    comment: str = ""
    labels: dict[str, str] = field(default_factory=dict)

    def annotations(self, links: Links) -> dict[str, str]:
        """The texts of a notification, with templates of Prometheus in them."""
        described = {"description": self.description} if self.description else {}
        return {
            "summary": self.summary,
            **described,
            "runbook_url": links.runbook(self.name),
            "dashboard_url": links.dashboard(self.dashboard),
        }

    def all_labels(self) -> dict[str, str]:
        """The labels that the rule adds to those of the expression."""
        return {"severity": self.severity, "team": self.team, **self.labels}

    def lines(self, links: Links) -> Iterator[str]:
        """The rule as an item of a YAML list."""
        yield from _commented(self.comment)
        yield f"- alert: {self.name}"
        yield from _expression(self.expr)
        if self.wait:
            yield f"  for: {self.wait}"
        if self.keep:
            yield f"  keep_firing_for: {self.keep}"
        pairs = ", ".join(f"{name}: {value}" for name, value in self.all_labels().items())
        yield f"  labels: {{{pairs}}}"
        yield "  annotations:"
        yield from (f"    {name}: {_quoted(text)}" for name, text in self.annotations(links).items())


Rule = Recording | Alert


@dataclass(frozen=True)
class Group:
    """Rules that are evaluated one after the other, every `interval`, by default as often as
    Prometheus does.
    """

    name: str
    rules: Sequence[Rule]
    interval: str = ""

    def lines(self, links: Links) -> Iterator[str]:
        """The group as an item of a YAML list."""
        yield f"- name: ses-inventory-{self.name}"
        if self.interval:
            yield f"  interval: {self.interval}"
        yield "  rules:"
        for rule in self.rules:
            yield from (f"    {line}" for line in rule.lines(links))


@dataclass(frozen=True)
class File:
    """One file of rules; `comment` is its heading."""

    name: str
    comment: str
    groups: Sequence[Group]

    def text(self, links: Links) -> str:
        """The YAML of the file."""
        lines = [*_commented(f"Written by `python -m rules`. {self.comment}"), "groups:"]
        for group in self.groups:
            lines.extend(f"  {line}" for line in group.lines(links))
        return "".join(f"{line}\n" for line in lines)


def text(template: str) -> str:
    """An expression or a text as it is written in a module: without its indentation and the lines
    around it.
    """
    return textwrap.dedent(template).strip()


def _commented(comment: str) -> Iterator[str]:
    for line in textwrap.wrap(comment, _WIDTH - 12):
        yield f"# {line}"


def _expression(expr: str) -> Iterator[str]:
    lines = expr.splitlines()
    if len(lines) > MOST_LINES:
        raise ValueError(f"an expression has {len(lines)} lines, at most {MOST_LINES} are allowed:\n{expr}")
    if len(lines) == 1:
        yield f"  expr: {expr}"
        return
    yield "  expr: |"
    yield from (f"    {line}" for line in lines)


def _quoted(value: str) -> str:
    """A text in single quotes, in which YAML knows no escapes but that of the quote."""
    escaped = value.replace("'", "''")
    return f"'{escaped}'"
