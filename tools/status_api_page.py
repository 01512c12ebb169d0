"""The text of docs/status-api.md, from the structs of `exporter.status`: `make docs` writes it.

The description of a field is the text below it in the source; a test finds fields without one.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from typing import get_args

import msgspec

from exporter.inventory.condition import Condition
from exporter.status import CollectionStatus, Defect, DefectsByCollection, Rejects, State, Status

STATES: Mapping[State, str] = {
    "expired": "The snapshot is older than `retention.max_staleness`; nothing is served.",
    "failing": "The last refresh failed; the last snapshot, if there is one, is served.",
    "stale": "No refresh has succeeded for three refresh intervals.",
    "incomplete": "The last full crawl could not be verified complete.",
    "empty": "The last full crawl was verified complete and returned no record.",
    "waiting": "The initial crawl has not ended; a snapshot from the state file, if there is one, is served.",
    "fresh": "None of these.",
}
"""What each state means; the first that applies is the state."""

_EXAMPLE = CollectionStatus(
    name="carriers",
    api="tmf638",
    url="https://inventory.example.net/tmf/api/v1/tmf638/service",
    dialect="ses",
    state="fresh",
    served=True,
    expires=1796114776.9,
    up=True,
    complete=True,
    records=600,
    received=600,
    stored=600,
    unique=600,
    last_success=1796028376.9,
    last_full_success=1796028376.9,
    last_attempt=1796028375.1,
    age_seconds=16.1,
    refresh_interval=30.0,
    next_refresh=1796028403.4,
    statuses={"Operational": 580, "Non-Operational": 20},
    series=16086,
    status_conditions={"Operational": Condition.OPERATIONAL, "Non-Operational": Condition.DOWN},
    conditions={**dict.fromkeys(Condition, 0), Condition.OPERATIONAL: 580, Condition.DOWN: 20},
    operational=580,
    not_operational=20,
)


_DEFECTS: DefectsByCollection = {
    "services": {"no_party": Defect(0), "duplicate_name": Defect(2, ("SRV-1009", "SRV-2044"))},
}


def as_markdown() -> str:
    """The reference page of `/api/v1/status`."""
    shown = _formatted(_EXAMPLE)
    return "\n".join(
        (
            "# Status API",
            "",
            "Generated from `exporter/status.py` by `make docs`; do not edit.",
            "",
            "`GET /api/v1/status` returns the state of the exporter as JSON, in the envelope of Prometheus'",
            'API: `{"status": "success", "data": {…}}`. Fields may be added; their names and meanings do not',
            "change ([upgrading](upgrading.md)). Times are Unix timestamps, durations are in seconds. `null`",
            "means that the value is not known yet, or that the API does not report it.",
            "",
            "```sh",
            "curl --silent http://localhost:10638/api/v1/status",
            "```",
            "",
            "## data",
            "",
            *_fields(Status),
            "## data.collections",
            "",
            *_fields(CollectionStatus),
            "One collection looks like this:",
            "",
            "```json",
            shown,
            "```",
            "",
            "## State",
            "",
            "| state | meaning |",
            "|---|---|",
            *(f"| `{state}` | {STATES[state]} |" for state in get_args(State)),
            "",
            "## Rejects",
            "",
            *_fields(Rejects),
            *_defects(),
        )
    )


def _defects() -> Iterator[str]:
    yield from (
        "## Defects",
        "",
        "`GET /api/v1/defects` returns the data quality defects of the records in the same envelope: by",
        "collection and defect, with zeros. Collections without a snapshot are missing. The defects are",
        "those of `ses_inventory_<kind>_defects` ([metrics](metrics.md#defects)).",
        "",
        *_fields(Defect),
        "```sh",
        "curl --silent http://localhost:10638/api/v1/defects",
        "```",
        "",
        "```json",
        _formatted({"status": "success", "data": _DEFECTS}),
        "```",
        "",
    )


def _formatted(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _fields(struct: type[msgspec.Struct]) -> Iterator[str]:
    types = _types(struct)
    yield from ("| field | type | meaning |", "|---|---|---|")
    for name, text in descriptions(struct).items():
        yield f"| `{name}` | {types[name]} | {text} |"
    yield ""


def descriptions(struct: type[msgspec.Struct]) -> Mapping[str, str]:
    """The text below each field of a struct, by the field's name; empty where there is none."""
    (body,) = (
        node.body for node in ast.parse(inspect.getsource(struct)).body if isinstance(node, ast.ClassDef)
    )
    found = {}
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = _text(after)
    return found


def _text(node: ast.stmt | None) -> str:
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return " ".join(text.split())
    return ""


_JSON = {"str": "string", "float": "number", "int": "integer", "bool": "boolean", "State": "string"}


def _types(struct: type[msgspec.Struct]) -> Mapping[str, str]:
    """What each field is in JSON."""
    return {name: _json(str(written)) for name, written in struct.__annotations__.items()}


def _json(written: str) -> str:
    kind, _, optional = written.partition(" | ")
    if kind.startswith("tuple["):
        return "array"
    if kind.startswith("Mapping["):
        return "object"
    return f"{_JSON[kind]} or null" if optional else _JSON[kind]
