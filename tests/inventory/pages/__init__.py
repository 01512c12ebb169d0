"""Pages of every dialect and what is read of them: `<dialect>/<collection>-<quirk>.json`, one quirk a page.

What each becomes is in `….expected.json` beside it: records without what is empty, then what was left out,
refused or dropped, or why the page is none. All characteristics of a page are shown. The pages are written
after the specifications and implementations, with invented content. After a change that is meant, write the
expectations anew with `python -m tests.inventory.pages` and look at their diff.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from exporter import errors
from exporter.inventory import text
from exporter.inventory.record import Record
from tests.inventory import reading

HERE = Path(__file__).parent
_CHARACTERISTICS = ("characteristic", "characteritic")


class Expected(msgspec.Struct, omit_defaults=True):
    """What a page is read to; `rejects` are reasons, `malformed` the reason why the page is none."""

    records: list[Record] = []
    skipped: list[str] = []
    rejects: list[str] = []
    dropped: dict[str, int] = {}
    malformed: str = ""


def pages() -> list[Path]:
    """Every page of every dialect."""
    return sorted(page for page in HERE.glob("*/*.json") if not page.name.endswith(".expected.json"))


def beside(page: Path) -> Path:
    """Where the expectation of a page is."""
    return page.with_suffix(".expected.json")


def origin(page: Path) -> tuple[str, str]:
    """The dialect and the collection of a page."""
    return page.parent.name, page.name.partition("-")[0]


def read(page: Path) -> Expected:
    """What the exporter makes of a page now."""
    body = page.read_bytes()
    shown = tuple(dict.fromkeys(_names(json.loads(body))))
    try:
        batch = reading.batch(body, reading.reader(*origin(page), characteristics=shown))
    except errors.Malformed as error:
        return Expected(malformed=error.reason)
    return Expected(
        records=[one.record for one in batch.fresh],
        skipped=batch.skipped,
        rejects=[reject.reason for reject in batch.rejects],
        dropped=dict(batch.dropped),
    )


def _names(value: Any) -> Iterator[str]:
    """The names of all characteristics, wherever they are."""
    if isinstance(value, list):
        for item in value:
            yield from _names(item)
    elif isinstance(value, dict):
        for key, member in value.items():
            if text.fold(key).endswith(_CHARACTERISTICS):
                yield from _named(member)
            yield from _names(member)


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and "name" not in value:
        yield from value
        return
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield from (member for key, member in item.items() if text.fold(key) == "name")


def spelt(expected: Expected) -> str:
    """The expectation as it is written beside its page."""
    whole = msgspec.to_builtins(expected)
    if expected.records:
        whole["records"] = [_spare(record) for record in expected.records]
    return f"{json.dumps(whole, indent=2, ensure_ascii=False)}\n"


def _spare(value: Any) -> Any:
    """Structs as objects without what is empty."""
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.fields(value)
        found = {field.name: (getattr(value, field.name), field.default) for field in fields}
        return {name: _spare(member) for name, (member, default) in found.items() if member != default}
    return [_spare(item) for item in value] if isinstance(value, tuple) else value
