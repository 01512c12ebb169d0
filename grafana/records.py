"""The PromQL about records: which have a problem, which match the filters, and what a table shows of them.

Problems are a selector of their own family. A table first chooses the ids it shows (the hidden variable
`shown`) and asks everything else by these ids. Joins of a record's own families are made within one exporter,
on `job`, `instance` and its id, and folded over exporters then: replicas and shards give every record once.
Invariant: no query reads the information about all records.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from grafana.promql import series

CONDITIONS = ("down", "affected", "degraded", "maintenance", "operational")
"""Conditions, worst first; tables have the place in this list, from 1, as a value or a label."""

PROBLEMS = ("down", "degraded", "maintenance")
"""The conditions that are a problem of the record itself."""

UNSET = "unset"
"""A label that no series has: a matcher of it is a condition on the text of a variable, and costs nothing."""

WEIGHT = 10_000_000_000
"""More than any Unix time: added to times, so that a worse condition comes before a more recent time."""


@dataclass(frozen=True)
class Kind:
    """A kind of record on one dashboard, and what that dashboard's variables select of it.

    `filters` are matchers by labels that both the info series and the series of problems have. `search` and
    `status` name variables, empty where there are none: `search` finds a part of a name, an id or one of the
    labels `searched`, `status` chooses by the status value.
    """

    name: str
    filters: tuple[str, ...] = ()
    search: str = ""
    status: str = ""
    searched: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The label with the record's id."""
        return f"{self.name}_id"

    @property
    def on(self) -> str:
        """The labels that identify the record within one exporter."""
        return f"job, instance, {self.id}"

    def metric(self, suffix: str, *matchers: str) -> str:
        """A selector of one of the kind's families."""
        return series(f"ses_inventory_{self.name}_{suffix}", *matchers)

    def problems(self, condition: str = "") -> str:
        """The selected records with a problem, or with one condition; the value is since when."""
        return _any_of(self._problems(condition))

    def past_problems(self, function: str, window: str) -> str:
        """A function of the problems that the selected records had within a window."""
        return _any_of([f"{function}({selector}[{window}])" for selector in self._problems("")])

    def _problems(self, condition: str) -> tuple[str, ...]:
        chosen = (f'condition="{condition}"',) if condition else ()
        by_status = (f'status=~"${self.status}"',) if self.status else ()
        return self._selectors("problem_since_timestamp_seconds", *chosen, *by_status)

    def affected(self) -> str:
        """The selected services that depend on a record with a problem, by cause; the value is since when."""
        return self._of_status(self._searched("affected_since_timestamp_seconds"))

    def found(self) -> str:
        """The info series of the selected records; none as long as every variable is as it is at first.

        The variables, one after the other, are a regular expression that matches an empty text only while
        each of them is empty or All (`.*`).
        """
        names = [name for matcher in self.filters for name in re.findall(r"\$(\w+)", matcher)]
        names += [name for name in (self.status, self.search) if name]
        return self._of_status(self._searched("info", f'{UNSET}!~"{"".join(f"${name}" for name in names)}"'))

    def _of_status(self, selected: str) -> str:
        """Without those of another status; while All are chosen, the series of statuses are not read."""
        if not self.status:
            return selected
        return f"""({selected} unless on ({self.on}) {self.metric("status", f'status!~"${self.status}"')})"""

    def _searched(self, suffix: str, *matchers: str) -> str:
        return _any_of(self._selectors(suffix, *matchers))

    def _selectors(self, suffix: str, *matchers: str) -> tuple[str, ...]:
        """Of the series of the selected records; names and ids are only read if there is a search."""
        if not self.search:
            return (self.metric(suffix, *matchers, *self.filters),)
        searched, wanted = f'{UNSET}!~"${self.search}"', f'=~"(?i).*(?:${self.search}).*"'
        return (
            self.metric(suffix, f'{UNSET}=~"${self.search}"', *matchers, *self.filters),
            *(
                self.metric(suffix, searched, *matchers, *self.filters, f"{label}{wanted}")
                for label in ("name", self.id, *self.searched)
            ),
        )

    def without_search(self) -> Kind:
        """The same without the search, which reads every name: too much for each number of a dashboard."""
        return replace(self, search="")

    def urgent(self) -> str:
        """The selected records with a problem; the worse, then the later, the larger is the value."""
        plain = self.without_search()
        weights = {condition: WEIGHT * (len(CONDITIONS) - place) for place, condition in self._conditions()}
        own = " or ".join(f"0 * {plain.problems(condition)} + {weights[condition]}" for condition in PROBLEMS)
        problems = f"{self.problems()} + on ({self.on}) ({own})"
        if "affected" in weights:
            problems = f"{problems} or {self.affected()} + {weights['affected']}"
        return f"max by ({self.id}) ({problems})"

    def chosen(self) -> str:
        """What a table shows: the most urgent problems, then what else the filters and the search find."""
        return f"topk($rows, max by ({self.id}) ({self.urgent()} or {self.found()}))"

    def number(self, expression: str, *labels: str) -> str:
        """The number of different records in a vector, by labels; a record may occur more than once."""
        distinct = f"group by ({', '.join((self.id, *labels))}) ({expression})"
        return f"count by ({', '.join(labels)}) ({distinct})" if labels else f"count({distinct})"

    def _conditions(self) -> Iterator[tuple[int, str]]:
        """The conditions this kind may have, with their places."""
        for place, condition in enumerate(CONDITIONS, 1):
            if condition != "affected" or self.name == "service":
                yield place, condition

    def shown(self, suffix: str, *matchers: str, variable: str = "shown") -> str:
        """A selector of one of the kind's families for the records with the ids in a hidden variable."""
        return self.metric(suffix, f'{self.id}=~"${variable}"', *matchers)

    def condition(self, variable: str = "shown") -> str:
        """The place in CONDITIONS of each of these records; none if it is planned, retired or unknown."""
        parts = (f"0 * {self._now(condition, variable)} + {place}" for place, condition in self._conditions())
        return f"min by ({self.id}) ({' or '.join(parts)})"

    def _now(self, condition: str, variable: str) -> str:
        match condition:
            case "affected":
                return self.shown("affected_since_timestamp_seconds", variable=variable)
            case "operational":
                return f"({self.shown('operational', variable=variable)} == 1)"
            case _:
                matcher = f'condition="{condition}"'
                return self.shown("problem_since_timestamp_seconds", matcher, variable=variable)

    def rows(self, *labels: str, variable: str = "shown") -> str:
        """These records, one series each, with labels of their info."""
        by = ", ".join((self.id, *labels))
        return one_each(self.id, f"max by ({by}) ({self.shown('info', variable=variable)})")

    def word(self, suffix: str, label: str) -> str:
        """One label of another family for each record shown."""
        return one_each(self.id, f"max by ({self.id}, {label}) ({self.shown(suffix)})")

    def moment(self, suffix: str) -> str:
        """A time for each record shown, in the milliseconds that Grafana takes dates in."""
        return f"1000 * max by ({self.id}) ({self.shown(f'{suffix}_timestamp_seconds')})"

    def many(self, suffix: str, *labels: str) -> str:
        """Several series for each record shown, such as its parties."""
        return f"max by ({', '.join((self.id, *labels))}) ({self.shown(suffix)})"


def _any_of(vectors: Sequence[str]) -> str:
    return vectors[0] if len(vectors) == 1 else f"({' or '.join(vectors)})"


def one_each(label: str, expression: str) -> str:
    """One series for each value of a label."""
    return f"topk by ({label}) (1, {expression})"


def placed(expression: str) -> str:
    """The label `condition`, empty for affected, as its place in CONDITIONS: tables sort the worst first."""
    for place, condition in enumerate(CONDITIONS[:-1], 1):
        was = "" if condition == "affected" else condition
        expression = f'label_replace({expression}, "condition", "{place}", "condition", "{was}")'
    return expression


def renamed(expression: str, **labels: str) -> str:
    """A vector with labels copied: `new="old"`."""
    for new, old in labels.items():
        expression = f'label_replace({expression}, "{new}", "$1", "{old}", "(.+)")'
    return expression
