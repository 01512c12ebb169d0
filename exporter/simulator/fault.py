"""The faults that can be injected: their names, and how `--fault` is written.

`fault_injection` decides when a fault applies, `reply` changes responses and `record_faults` changes records.
A `Fault` is always valid; `parse` raises ValueError, with what to write instead, for everything else.
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
    "duplicates": "records given twice, within a page and between pages",
    "null-ids": "records whose id is null, empty or an object",
    "odd-text": "names with quotes, control characters, right-to-left text, emoji, HTML and 10 kB",
    "odd-dates": "dates without zone, of no year, of the year 9999, in free text",
    "odd-shapes": "fields of the wrong JSON type",
    "unknown-status": "statuses nobody has heard of",
}
"""Name and one-line description of each fault, for the command line's help."""

RECORD_FAULTS = ("duplicates", "null-ids", "odd-text", "odd-dates", "odd-shapes", "unknown-status")
"""Faults of records rather than of answers."""

DATA_FAULTS = ("error-object", "envelope", *RECORD_FAULTS)
"""Faults that leave HTTP alone: the answer is a 200 with well-formed JSON."""

COLLECTIONS = ("services", "carriers", "resources")

SHARES = {
    **{"500": 0.1, "502": 0.1, "504": 0.1, "429": 0.2, "truncate": 0.1, "error-object": 0.05},
    **{"duplicates": 0.05, "null-ids": 0.02, "odd-text": 0.05, "odd-dates": 0.05, "odd-shapes": 0.02},
    "unknown-status": 0.02,
}
"""The share of requests or records each strikes where nothing narrower is said; 1 where not listed."""

RECORD_KEYS = ("collection", "share")
ANSWER_KEYS = (*RECORD_KEYS, "pages", "rows", "times", "code", "retry_after")


@dataclass(frozen=True)
class Fault:
    """One fault and where it strikes.

    `collection` "" is all of them. `pages` and `rows` count from 1, empty is any; a page is struck by `rows`
    if it holds one of them. `share` of requests (or records), 0 to 1. `times` is how often each page is
    struck before it is spared, 0 for ever. `code` 0 keeps the fault's own status code; `retry_after` is
    sent as it is, so that it may be nonsense.
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
        """Whether it strikes some requests only."""
        return bool(self.pages or self.rows or self.times or self.share < 1)


def parse(text: str) -> Fault:
    """Reads `NAME[:key=value[,key=value…]]`, as in `504:collection=carriers,pages=3+7`. Raises ValueError."""
    name, colon, rest = text.strip().partition(":")
    if name not in FAULTS:
        near = difflib.get_close_matches(name, FAULTS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(FAULTS)}"
        raise ValueError(f"fault {text!r}: there is no fault {name!r} ({hint})")
    keys: dict[str, str] = {}
    for part in rest.split(",") if colon else ():
        key, equals, value = (piece.strip() for piece in part.partition("="))
        allowed = RECORD_KEYS if name in RECORD_FAULTS else ANSWER_KEYS
        if key not in allowed:
            raise ValueError(f"fault {text!r}: {name} has no key {key!r} (use {', '.join(allowed)})")
        if not equals or not value or key in keys:
            raise ValueError(f"fault {text!r}: write {key}=VALUE, once")
        keys[key] = value
    try:
        return _build(name, keys)
    except ValueError as error:
        raise ValueError(f"fault {text!r}: {error}") from error


def _build(name: str, keys: Mapping[str, str]) -> Fault:
    collection = keys.get("collection", "")
    if collection and collection not in COLLECTIONS:
        raise ValueError(f"collection is {collection!r}; use one of {', '.join(COLLECTIONS)}")
    narrowed = not keys.keys().isdisjoint(("pages", "rows", "times"))
    code = _whole("code", keys.get("code", "0"))
    if "code" in keys and not 200 <= code <= 599:
        raise ValueError(f"code is {code}; use an HTTP status from 200 to 599")
    return Fault(
        name=name,
        collection=collection,
        pages=_positions("pages", keys),
        rows=_positions("rows", keys),
        share=_share(keys["share"]) if "share" in keys else 1.0 if narrowed else SHARES.get(name, 1.0),
        times=_whole("times", keys.get("times", "0")),
        code=code,
        retry_after=keys.get("retry_after", "1" if name == "429" else ""),
    )


def _whole(key: str, text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{key} is {text!r}; use a whole number")
    return int(text)


def _positions(key: str, keys: Mapping[str, str]) -> frozenset[int]:
    found = frozenset(_whole(key, part) for part in keys[key].split("+")) if key in keys else frozenset()
    if 0 in found:
        raise ValueError(f"{key} is {keys[key]!r}; count from 1 and join several by +, as in 3+7")
    return found


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError as error:
        raise ValueError(f"share is {text!r}; use a number from 0 to 1") from error
    if not 0 <= share <= 1:
        raise ValueError(f"share is {text!r}; use a number from 0 to 1")
    return share
