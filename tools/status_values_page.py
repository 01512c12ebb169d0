"""The text of docs/status-values.md, from the dialects: `make docs` writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from exporter.exposition.families import PREFIX
from exporter.inventory.dialects import Collection, Dialect
from exporter.inventory.dialects.vendors import DIALECTS


def as_markdown() -> str:
    """The reference page of all status values."""
    return "\n".join(
        (
            "# Status values",
            "",
            "Generated from `exporter/inventory/dialects/` by `make docs`; do not edit.",
            "",
            "The exporter serves the status as the inventory spells it, and translates it into operational",
            f"(1) or not operational (0), for example in `{PREFIX}carrier_operational`. This page lists",
            "the translation of each dialect. Case and spaces around a value do not matter.",
            "",
            "* **operational**: the metric is 1.",
            "* **not operational**: the metric is 0. For statuses of records that are not in service yet or",
            "  any more (planned, retired and the like) the alerts do not fire ([alerts](alerts.md)).",
            "* **ignored**: the value is known but means neither. The metric is absent, as it is for unknown",
            f"  values. Unknown values are counted in `{PREFIX}exporter_records_unknown_status`.",
            "",
            "To change a translation or to add a value, set `collections.<name>.statuses`:",
            "",
            "```yaml",
            "collections:",
            '  carriers: {statuses: {"In Maintenance": null, "In Service": true, "Blocked": false}}',
            "```",
            "",
            *(line for dialect in DIALECTS.values() for line in _dialect(dialect)),
        )
    )


def _dialect(dialect: Dialect) -> Iterator[str]:
    yield from (f"## {dialect.name}", "", f"{dialect.title}.", "")
    yield from (
        "| collections | status from | operational | not operational | ignored |",
        "|---|---|---|---|---|",
    )
    for names, collection in _grouped(dialect).items():
        paths = ", ".join(f"`{path}`" for path in collection.fields.status)
        yield f"| {names} | {paths} | {' | '.join(_by_meaning(collection.statuses))} |"
    yield ""
    refining: dict[str, list[str]] = {}
    for name, collection in dialect.collections.items():
        if collection.refining:
            refining.setdefault(", ".join(f"`{value}`" for value in collection.refining), []).append(name)
    for values, names_of in refining.items():
        yield f"Values of further states that make {_listed(names_of)} not operational: {values}."
        yield ""


def _grouped(dialect: Dialect) -> Mapping[str, Collection]:
    """The collections of a dialect; those with the same status values are one."""
    groups: list[tuple[list[str], Collection]] = []
    for name, collection in dialect.collections.items():
        same = next((names for names, other in groups if _alike(collection, other)), None)
        if same is None:
            groups.append(([name], collection))
        else:
            same.append(name)
    return {", ".join(names): collection for names, collection in groups}


def _listed(names: Sequence[str]) -> str:
    """The names of collections as a part of a sentence."""
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]


def _alike(one: Collection, other: Collection) -> bool:
    return (one.fields.status, one.statuses, one.refining) == (
        other.fields.status,
        other.statuses,
        other.refining,
    )


def _by_meaning(statuses: Mapping[str, bool | None]) -> Iterator[str]:
    for meaning in (True, False, None):
        yield ", ".join(f"`{value}`" for value, means in statuses.items() if means is meaning)
