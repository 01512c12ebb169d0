"""Faults of one record's JSON object, as seen in real inventories.

`fault_injection` decides which records are affected. Each function changes the object in place and chooses
its variant by the record's number, so that all variants occur. Only values change; the result is valid JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]

TEXTS = (
    'a "quoted" name',
    "back\\slash \\n \\\" and 'single'",
    "two\nlines",
    "carriage\rreturn and\ttab",
    "NUL \x00 and BEL \x07",
    "مرحبا \u202eright to left\u202c שלום",
    "🛰️ emoji 👩‍🚀 and e\u0301 combining",
    "<script>alert('x')</script>&amp;{{name}}${HOME}",
    "x" * 10_240,
    "   ",
    "",
)

DATES = (
    "2024-03-04T05:06:07",
    "0000-00-00",
    "9999-12-31T23:59:59Z",
    "next Tuesday",
    "2024-02-30T00:00:00Z",
    "",
    "1709528767",
    "04/03/2024 05:06",
    "2024-03-04 05:06:07",
)

SHAPES: tuple[Any, ...] = (None, 12.5, [1, 2], {"value": "x"}, "Acme", [None, 7, "x"], [], {}, True)

IDS: tuple[Any, ...] = (None, "", {}, "   ", [])

STATUSES = ("Quantum Flux", "operational?", "UNKNOWN-42", "до востребования")

DATE_KEYS = (
    *("startDate", "endDate", "serviceDate", "creationDate", "lastUpdate"),
    *("startOperatingDate", "endOperatingDate"),
)
STATUS_KEYS = ("status", "state", "operatingStatus", "resourceStatus", "lifecycleState")
STATUS_NAMES = ("life_cycle_stage_status", "install_status")
"""The characteristics that hold a status where no attribute does."""
ID_KEYS = ("id", "externalId")
TEXT_KEYS = ("name", "description")
IDENTITY = (*ID_KEYS, "@type")


def odd_text(shown: Json, number: int) -> None:
    """Names and descriptions that hurt those who do not escape."""
    _replace(shown, TEXT_KEYS, TEXTS[number % len(TEXTS)])


def odd_dates(shown: Json, number: int) -> None:
    """All dates of the record become one that is none, or not quite."""
    _replace(shown, DATE_KEYS, DATES[number % len(DATES)])


def odd_shapes(shown: Json, number: int) -> None:
    """Two fields get a value of another JSON type than they should; what identifies the record stays."""
    keys = [key for key in shown if key not in IDENTITY]
    for step in range(2):
        shown[keys[(number + step * 5) % len(keys)]] = SHAPES[(number + step) % len(SHAPES)]


def null_ids(shown: Json, number: int) -> None:
    """The record cannot be told from others any more."""
    _replace(shown, ID_KEYS, IDS[number % len(IDS)])


def unknown_status(shown: Json, number: int) -> None:
    """A word no table knows."""
    word = STATUSES[number % len(STATUSES)]
    _replace(shown, STATUS_KEYS, word)
    for key, found in shown.items():
        if key.lower().endswith("characteristic"):
            for one in found:
                if one.get("name") in STATUS_NAMES:
                    one["value"] = word


def _replace(shown: Json, keys: tuple[str, ...], value: object) -> None:
    """Sets the keys that are there, however they are spelt."""
    wanted = {key.lower() for key in keys}
    for key in shown:
        if key.replace("_", "").lower() in wanted:
            shown[key] = value


RECORD_FAULT_EFFECTS: Mapping[str, Callable[[Json, int], None]] = {
    "odd-text": odd_text,
    "odd-dates": odd_dates,
    "odd-shapes": odd_shapes,
    "unknown-status": unknown_status,
    "null-ids": null_ids,
}
