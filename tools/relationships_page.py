"""The text of docs/relationships.md, from the dialects: `make docs` writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from exporter.inventory.dialects.relationships import Direction, Types
from exporter.inventory.dialects.vendors import DIALECTS

_INTRODUCTION = """\
# Relationships

Generated from `exporter/inventory/dialects/relationships.py` by `make docs`; do not edit.

The exporter knows which record rests on which other record. If a record fails, what rests on it is affected.

| record | rests on |
|---|---|
| service | the carriers and services in `supportingService`, the resources in `supportingResource` |
| carrier | the services and resources that support it; its satellite, transponder, gateway and terminal |
| any record | what its relationships name, by their type |

* An id of a service may be that of a service or of a carrier. If both have it, the carrier is meant.
* A reference without an id means the resource with its type and name, if there is exactly one.
* The gateway and the terminal of a carrier may be places with the id, or the name, of a resource.
* A reference to a record that is not in the snapshot has no effect until the record appears.

## Types of relationships

The type of a relationship says which of the two records rests on the other. Case, spaces, `_` and `-` do not
matter. Types that are not listed have no effect; `check` lists them.
"""

_MEANINGS = {
    Direction.RESTS_ON: "rests on the other record",
    Direction.SUPPORTS: "supports the other record",
    Direction.NEITHER: "neither",
}


def as_markdown() -> str:
    """The reference page of all types of relationships."""
    return "\n".join((_INTRODUCTION, *_tables()))


def _tables() -> Iterator[str]:
    for names, types in _grouped():
        yield from (f"### {', '.join(names)}", "", "| the record | types |", "|---|---|")
        for direction, meaning in _MEANINGS.items():
            words = ", ".join(f"`{word}`" for word, found in types.items() if found is direction)
            yield f"| {meaning} | {words} |"
        yield ""


def _grouped() -> list[tuple[list[str], Types]]:
    """The dialects with the same types together."""
    groups: list[tuple[list[str], Mapping[str, Direction]]] = []
    for dialect in DIALECTS.values():
        types = dialect.collections["services"].relationships
        same = next((names for names, other in groups if other == types), None)
        if same is None:
            groups.append(([dialect.name], types))
        else:
            same.append(dialect.name)
    return groups
