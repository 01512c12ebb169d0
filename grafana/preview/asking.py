"""Asks Prometheus what a dashboard asks, with Grafana's variables filled in as they are at first.

It owns the filling and the questions; where Prometheus comes from is `__main__`'s. Times are Unix seconds.
Invariant: a panel's answers are all from one moment or one range.
"""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

SEARCHES = ("carrier", "service", "resource")
"""Variables that are empty at first; all others are All, but for those with values of their own."""

Values = Mapping[str, str]
"""What variables are replaced by."""

CHOSEN: Values = {"rows": "500"}
"""Variables with another value at first."""

POINTS = 300
"""The most points of a line."""

LEAST = 30
"""Seconds that rates are made over at least: several refreshes of the exporter."""


@dataclass(frozen=True)
class Source:
    """A Prometheus and the time to ask it about."""

    url: str
    start: float
    end: float
    scrape_interval: float

    @property
    def step(self) -> float:
        """Seconds between two points."""
        return max(self.scrape_interval, (self.end - self.start) / POINTS)


def answers(source: Source, board: Json) -> dict[str, dict[str, list[Json]]]:
    """The series of every query, by the panel's id and the query's name."""
    values = _ids(source, board)
    return {
        str(panel["id"]): {target["refId"]: _asked(source, target, values) for target in panel["targets"]}
        for panel in board["panels"]
        if panel["type"] != "row"
    }


def _ids(source: Source, board: Json) -> Values:
    """The values of the hidden variables: labels in the result of a query, as a regular expression."""
    values = dict(CHOSEN)
    for name, expression, label in id_queries(board):
        question = {"query": filled(expression, source, values), "time": str(source.end)}
        found = (series["metric"].get(label, "") for series in _get(source, "query", question))
        values[name] = "|".join(re.escape(one).replace("\\", "\\\\") for one in found if one)
    return values


def id_queries(board: Json) -> Iterator[tuple[str, str, str]]:
    """For each hidden variable its name, its query and the label of its values."""
    for one in board["templating"]["list"]:
        query = one["query"]["query"] if one["type"] == "query" else ""
        asked = re.fullmatch(r"query_result\((.*)\)", query, re.DOTALL)
        if asked:
            yield one["name"], asked[1], one["regex"].removeprefix("/").partition("=")[0]


def filled(expression: str, source: Source, values: Values = CHOSEN) -> str:
    """The query as Grafana sends it at first."""
    every = f"{int(max(source.step + source.scrape_interval, 4 * source.scrape_interval, LEAST))}s"
    length = f"{int(source.end - source.start)}s"
    text = expression.replace("$__rate_interval", every).replace("$__range", length)
    return re.sub(r"\$([a-z_]+)", lambda name: values.get(name[1], "" if name[1] in SEARCHES else ".*"), text)


def _asked(source: Source, target: Json, values: Values) -> list[Json]:
    question = {"query": filled(target["expr"], source, values)}
    if target.get("instant"):
        return _get(source, "query", question | {"time": str(source.end)})
    times = {"start": str(source.start), "end": str(source.end), "step": str(source.step)}
    return _get(source, "query_range", question | times)


def _get(source: Source, path: str, question: dict[str, str]) -> list[Json]:
    body = urllib.parse.urlencode(question).encode()
    with urllib.request.urlopen(  # noqa: S310  the operator's own Prometheus
        f"{source.url}/api/v1/{path}", body, timeout=60
    ) as answer:
        found: list[Json] = json.load(answer)["data"]["result"]
    return found
