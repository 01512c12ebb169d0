"""The text of docs/status-values.md, from the dialects: `make docs` writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from exporter.exposition.families import PREFIX
from exporter.inventory.condition import Condition
from exporter.inventory.dialects import Dialect
from exporter.inventory.dialects.vendors import DIALECTS

_MEANINGS = {
    Condition.OPERATIONAL: ("The record is in service and works.", "1"),
    Condition.DEGRADED: ("It works, with less than its full quality or capacity.", "0"),
    Condition.MAINTENANCE: ("It is out of use on purpose, for a while.", "0"),
    Condition.DOWN: ("It is in service and does not work.", "0"),
    Condition.PLANNED: ("It is not in service yet.", "absent"),
    Condition.RETIRED: ("It is no longer in service.", "absent"),
    Condition.UNKNOWN: ("The dialect does not know the status value, or the value says nothing.", "absent"),
}


def as_markdown() -> str:
    """The reference page of all status values."""
    return "\n".join(
        (
            "# Status values",
            "",
            "Generated from `exporter/inventory/dialects/` by `make docs`; do not edit.",
            "",
            "The exporter serves the status as the inventory spells it. Each dialect maps a status value to",
            f"one of seven conditions, which decide the value of `{PREFIX}carrier_operational` and",
            "the like. Case and spaces around a value do not matter.",
            "",
            f"| condition | meaning | `{PREFIX}<kind>_operational` |",
            "|---|---|---|",
            *(f"| {condition} | {meaning} | {value} |" for condition, (meaning, value) in _MEANINGS.items()),
            "",
            "Further states of a record, such as `operatingStatus` or `alarmStatus`, can change the",
            "condition of its status value. The worst wins: down, then degraded, then maintenance. A further",
            "state that says planned or retired overrides these. A status value that is planned, retired or",
            "unknown keeps its condition. Values that the dialect does not know are counted in",
            f"`{PREFIX}exporter_records_unknown_status`.",
            "",
            "To change the condition of a value or to add a value, set `collections.<name>.statuses`.",
            "`true`, `false` and `null` are short for operational, down and unknown:",
            "",
            "```yaml",
            "collections:",
            '  carriers: {statuses: {"In Service": operational, "Blocked": down, "Under Test": planned}}',
            "```",
            "",
            *(line for dialect in DIALECTS.values() for line in _dialect(dialect)),
        )
    )


def _dialect(dialect: Dialect) -> Iterator[str]:
    yield from (f"## {dialect.name}", "", f"{dialect.title}. The status value is taken from:", "")
    for name, collection in dialect.collections.items():
        yield f"* {name}: {', '.join(f'`{path}`' for path in collection.fields.status)}"
    yield ""
    for names, words in _grouped({name: one.statuses for name, one in dialect.collections.items()}):
        yield from _table(f"status value of {names}", words)
    for names, words in _grouped({name: one.refining for name, one in dialect.collections.items()}):
        if words:
            yield from _table(f"further state of {names}", words)


def _table(title: str, words: Mapping[str, Condition]) -> Iterator[str]:
    """The condition of each value, the values of one condition together."""
    yield from (f"| {title} | condition |", "|---|---|")
    order = list(_MEANINGS)
    for value in sorted(words, key=lambda value: order.index(words[value])):
        yield f"| `{value}` | {words[value]} |"
    yield ""


def _grouped(
    tables: Mapping[str, Mapping[str, Condition]],
) -> Iterator[tuple[str, Mapping[str, Condition]]]:
    """The different tables, and the names of the collections that have each."""
    groups: list[tuple[list[str], Mapping[str, Condition]]] = []
    for name, table in tables.items():
        same = next((names for names, other in groups if other == table), None)
        if same is None:
            groups.append(([name], table))
        else:
            same.append(name)
    return ((_listed(names), table) for names, table in groups)


def _listed(names: Sequence[str]) -> str:
    """The names of collections as a part of a sentence."""
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]
