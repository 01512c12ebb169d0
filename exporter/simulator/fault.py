"""The faults that can be injected: their names, and how `--fault` is written.

`fault_injection` decides when a fault applies and changes responses; `record_faults` changes records. A
`Fault` is always valid: `parse` raises ValueError, with what to write instead, for everything else.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

FAULTS: dict[str, str] = {
    "500": "500 Internal Server Error",
    "502": "502 Bad Gateway",
    "504": "504 Gateway Timeout, as for pages that are too slow to compute",
    "429": "429 Too Many Requests with Retry-After",
    "empty": "200 with an empty list",
    "html": "200 with a maintenance page in HTML",
    "truncate": "JSON cut in half, with the Content-Length of the half",
    "error-object": '200 with {"error": …} instead of a list',
    "envelope": 'the list inside {"result": […]}',
    "duplicates": "records listed twice, on one page and on two pages",
    "null-ids": "records with an id that is null, empty or an object",
    "odd-text": "names with quotes, control characters, right-to-left text, emoji, HTML and 10 kB",
    "odd-dates": "dates without time zone, without year, of the year 9999, in free text",
    "odd-shapes": "fields of the wrong JSON type",
    "unknown-status": "status values that are in no specification",
}
"""Name and one-line description of each fault, for the command line's help."""

RECORD_FAULTS = ("duplicates", "null-ids", "odd-text", "odd-dates", "odd-shapes", "unknown-status")
"""Faults of records rather than of responses."""

DATA_FAULTS = ("error-object", "envelope", *RECORD_FAULTS)
"""Faults of the data: the response is a 200 with well-formed JSON."""

COLLECTIONS = ("services", "carriers", "resources")

_SHARES = {
    **dict.fromkeys(("500", "502", "504", "truncate"), "0.1"),
    **dict.fromkeys(("error-object", "duplicates", "odd-text", "odd-dates"), "0.05"),
    **dict.fromkeys(("null-ids", "odd-shapes", "unknown-status"), "0.02"),
    "429": "0.2",
}
"""The default share of requests or records affected; 1 for the others, and for faults of certain pages."""

_RECORD_KEYS = ("collection", "share")
_RESPONSE_KEYS = (*_RECORD_KEYS, "pages", "rows", "times", "code", "retry_after")


@dataclass(frozen=True)
class Fault:
    """One fault and what it affects.

    `collection` "" is all of them. `pages` and `rows` count from 1, empty is any; `rows` affects the pages
    that contain one of them. `share` of requests or records, 0 to 1. `times` is how often each page is
    affected, 0 for always. `code` 0 keeps the fault's own status code; `retry_after` is sent as it is, valid
    or not.
    """

    name: str
    collection: str = ""
    pages: frozenset[int] = frozenset()
    rows: frozenset[int] = frozenset()
    share: float = 1.0
    times: int = 0
    code: int = 0
    retry_after: str = ""

    @property
    def is_targeted(self) -> bool:
        """Whether it affects some requests only."""
        return bool(self.pages or self.rows or self.times or self.share < 1)


def parse(text: str) -> Fault:
    """Reads `NAME[:KEY=VALUE[,KEY=VALUE…]]`, as in `504:collection=carriers,pages=3+7`. Raises ValueError."""
    name, colon, rest = text.strip().partition(":")
    if name not in FAULTS:
        similar = difflib.get_close_matches(name, FAULTS, n=1)
        hint = f"did you mean {similar[0]!r}?" if similar else f"use one of {', '.join(FAULTS)}"
        raise ValueError(f"fault {text!r}: there is no fault {name!r} ({hint})")
    allowed = _RECORD_KEYS if name in RECORD_FAULTS else _RESPONSE_KEYS
    values: dict[str, str] = {}
    for part in rest.split(",") if colon else ():
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if key not in allowed:
            raise ValueError(f"fault {text!r}: {name} has no key {key!r} (use {', '.join(allowed)})")
        if not equals or not value or key in values:
            raise ValueError(f"fault {text!r}: write {key}=VALUE, once")
        values[key] = value
    try:
        return _fault(name, values)
    except ValueError as error:
        raise ValueError(f"fault {text!r}: {error}") from error


def _fault(name: str, values: Mapping[str, str]) -> Fault:
    collection = values.get("collection", "")
    if collection and collection not in COLLECTIONS:
        raise ValueError(f"collection is {collection!r}; use one of {', '.join(COLLECTIONS)}")
    code = _number("code", values.get("code", "0"))
    if "code" in values and not 200 <= code <= 599:
        raise ValueError(f"code is {code}; use an HTTP status from 200 to 599")
    is_targeted = not values.keys().isdisjoint(("pages", "rows", "times"))
    return Fault(
        name=name,
        collection=collection,
        pages=_numbers("pages", values),
        rows=_numbers("rows", values),
        share=_share(values.get("share", "1" if is_targeted else _SHARES.get(name, "1"))),
        times=_number("times", values.get("times", "0")),
        code=code,
        retry_after=values.get("retry_after", "1" if name == "429" else ""),
    )


def _number(key: str, text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{key} is {text!r}; use a whole number")
    return int(text)


def _numbers(key: str, values: Mapping[str, str]) -> frozenset[int]:
    found = frozenset(_number(key, part) for part in values[key].split("+")) if key in values else frozenset()
    if 0 in found:
        raise ValueError(f"{key} is {values[key]!r}; count from 1 and join several by +, as in 3+7")
    return found


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"share is {text!r}; use a number from 0 to 1")
    return share
