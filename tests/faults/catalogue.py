"""The rows of the catalogue of faults, and the page docs/faults.md made of them.

A test that proves a row is marked with `fault`, which keeps what goes wrong, what then happens, and the
metric and the alert that tell of it. Importing the test modules fills `ROWS`; `rows` does that. What a row
requires is written in its test, not here. Invariant: a number is taken by one test only.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import TypeVar

import tests.faults
from tests.rules import reading

F = TypeVar("F", bound=Callable[..., object])

GROUPS = {
    1: "Network",
    12: "HTTP",
    26: "JSON",
    34: "Paging",
    42: "Data",
    50: "Time",
    55: "Resources",
    61: "Configuration and process",
    70: "Abuse of the exporter's own port",
}

ALERTS = frozenset(str(rule["alert"]) for rule in reading.alerts())
"""The alerts that are shipped."""

_HEAD = """# Faults

What can go wrong, what the exporter then does, and how you notice. Generated from the tests of the same
numbers in `tests/faults`, each of which proves its row: `make docs` writes this page.

The contract: **never publish zeros, a partial collection, or another record's data; never let "no data" look
like "resolved"; never stop serving.** "Kept" means that what was read before is served on unchanged,
`ses_inventory_exporter_up` is 0 for the collection, the failure is counted by its reason in
`ses_inventory_exporter_refresh_failures_total` and logged once, and the next refresh tries again."""


@dataclass(frozen=True, slots=True)
class Row:
    """One fault; the metric that tells of it (with a selector or a condition) and the alert may be empty."""

    number: int
    what: str
    happens: str
    metric: str
    alert: str
    test: str


ROWS: dict[int, Row] = {}


def fault(number: int, what: str, happens: str, *, metric: str, alert: str) -> Callable[[F], F]:
    """Marks a test as the one of a row; registers Row(number, what, happens, metric, alert, test) in ROWS.

    Raises ValueError where two tests claim one number.
    """

    def mark(test: F) -> F:
        assert isinstance(test, FunctionType)
        name = f"{test.__module__}.{test.__name__}"
        taken = ROWS.get(number)
        if taken is not None and taken.test != name:
            raise ValueError(f"row {number} is claimed by {taken.test} and by {name}: one test a row")
        ROWS[number] = Row(number, what, happens, metric, alert, name)
        return test

    return mark


def rows() -> tuple[Row, ...]:
    """Every row by its number; imports the test modules of this package."""
    for module in pkgutil.iter_modules(tests.faults.__path__, "tests.faults."):
        if module.name.rpartition(".")[2].startswith("test_"):
            importlib.import_module(module.name)
    return tuple(ROWS[number] for number in sorted(ROWS))


def as_markdown() -> str:
    """The page docs/faults.md: a table for each group of rows."""
    lines = [_HEAD]
    for row in rows():
        if row.number in GROUPS:
            lines += [
                "",
                f"## {GROUPS[row.number]}",
                "",
                "| # | fault | what happens | metric | alert |",
                "|---|---|---|---|---|",
            ]
        lines.append(_line(row))
    return "\n".join((*lines, ""))


def _line(row: Row) -> str:
    cells = (
        f"F{row.number:02d}",
        row.what,
        row.happens,
        f"`{row.metric}`" if row.metric else "-",
        row.alert or "-",
    )
    escaped = (cell.replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"
