"""What a case of a shape is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Case(NamedTuple):
    """A page as JSON, and what each of its records must hold; `dropped` counts what could not be read.

    `where` is a dialect and a collection. Characteristics a, b and c are shown; b and c are gauges too.
    """

    where: str
    page: Any
    found: list[dict[str, Any]]
    dropped: Mapping[str, int] = MappingProxyType({})


def one(where: str, item: dict[str, Any], dropped: dict[str, int] | None = None, **found: Any) -> Case:
    """A page of one record, which gets an id."""
    return Case(where, [{"id": "1", **item}], [found], dropped or {})


def shown(*items: Any) -> dict[str, Any]:
    """A service with these characteristics."""
    return {"serviceCharacteristic": list(items)}
