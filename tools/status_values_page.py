"""The text of docs/status-values.md, from the dialects: `make docs` writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from exporter.exposition.families import PREFIX
from exporter.inventory.condition import Condition
from exporter.inventory.dialects import Collection, Dialect
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
    yield from (f"## {dialect.name}", "", f"{dialect.title}.", "")
    for names, collection in _grouped(dialect).items():
        paths = ", ".join(f"`{path}`" for path in collection.fields.status)
        yield from (f"### {dialect.name}: {_listed(names)}", "", f"Status value, from {paths}:", "")
        yield from _table(collection.statuses)
        if collection.refining:
            yield from ("Further states:", "")
            yield from _table(collection.refining)


def _table(words: Mapping[str, Condition]) -> Iterator[str]:
    """The values of each condition that has some."""
    yield from ("| condition | values |", "|---|---|")
    for condition in _MEANINGS:
        if values := ", ".join(f"`{value}`" for value, meaning in words.items() if meaning is condition):
            yield f"| {condition} | {values} |"
    yield ""


def _grouped(dialect: Dialect) -> Mapping[tuple[str, ...], Collection]:
    """The collections of a dialect; those with the same status values are one."""
    groups: list[tuple[list[str], Collection]] = []
    for name, collection in dialect.collections.items():
        same = next((names for names, other in groups if _alike(collection, other)), None)
        if same is None:
            groups.append(([name], collection))
        else:
            same.append(name)
    return {tuple(names): collection for names, collection in groups}


def _listed(names: Sequence[str]) -> str:
    """The names of collections as a part of a sentence."""
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]


def _alike(one: Collection, other: Collection) -> bool:
    return (one.fields.status, one.statuses, one.refining) == (
        other.fields.status,
        other.statuses,
        other.refining,
    )
