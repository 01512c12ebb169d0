"""Scalars as they are written: `country: NO` is the text NO, where the schema expects text.

YAML 1.1 reads `NO` as false, `1.50` as 1.5, `22:22` as 1342 and `010` as 8. Where a setting is text, the
source text of a plain scalar is taken instead, as Go's YAML library does for typed fields. Where a setting is
a number or a boolean, YAML's value is taken if anybody would read the same there. What the settings are is
`models`'s business. Invariant: no value is shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from exporter.settings.base import annotation_at, parts

_DECIMAL = re.compile(
    r"[-+]?(?:0|[1-9][0-9_]*)(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|[-+]?\.[0-9]+|[-+]?\.(?:inf|nan)", re.I
)
"""Numbers that every version of YAML reads alike: no octal, no base 60, no binary."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A plain scalar that is more than text to YAML or JSON: its source text, and the value of it there."""

    text: str
    value: bool | int | float | None


def as_written(value: Any, annotation: object) -> Any:
    """The tree without `Scalar`s: text where the schema's type `annotation` is text, else the value.

    What the schema does not know counts as text. Null stays None, for it is no value at all: in a mapping or
    a list of texts the schema refuses it.
    """
    match value:
        case dict():
            return {key: as_written(inner, annotation_at(annotation, (key,))) for key, inner in value.items()}
        case list():
            return [as_written(inner, _item(annotation)) for inner in value]
        case bool() if _is_text(annotation):  # of JSON, which spells them in one way
            return "true" if value else "false"
        case Scalar(value=None):
            return None
        case Scalar() if _is_text(annotation):
            return value.text
        case Scalar(value=bool()):
            return value.value
        case Scalar():
            return value.value if _DECIMAL.fullmatch(value.text) else value.text
    return value


def _item(annotation: object) -> object | None:
    """The type of a list's items; None if the schema expects no list."""
    if get_origin(annotation) is tuple:
        item: object = get_args(annotation)[0]
        return item
    return next((found for part in get_args(annotation) if (found := _item(part)) is not None), None)


def _is_text(annotation: object) -> bool:
    return not any(part is bool or part is int or part is float for part in parts(annotation))
