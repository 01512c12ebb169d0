"""The quirks of implementations: their names, and how `--quirk` is written.

A quirk is permanent behaviour of a server, not a fault: a good client reads every record regardless. What it
does is in `quirk_effects`. A `Quirk` always has a valid value; `parse` raises ValueError, with what to write
instead, for everything else.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import NamedTuple

QUIRKS: dict[str, str] = {
    "v5-2026": "tmf-v5 with TMF639 of April 2026: no resourceStatus, alarmStatus and others, cursors",
    "style": "=link|cursor|range|none: another way of paging, and only that one",
    "clamp": "=N: limits above N (25) are lowered to N without notice",
    "400-limit": "=N: limits above N (100) are refused with 400",
    "422-limit": "=N: limits above N (100) are refused with 422",
    "ignore-offset": "the first page always, whatever the position",
    "whole-table": "everything on every page, whatever is requested",
    "no-headers": "no counts, no Content-Range, no Link",
    "206": "206 for every list",
    "206-last": "206 for every page that is not the whole list, including the last",
    "total-cap": "=N: totals never exceed N (100)",
    "total-wrong": "=N: totals are off by N (7), which may be negative",
    "total-drift": "totals that differ from page to page",
    "total-sometimes": "totals on every other page only",
    "count-omitted-when-zero": "no counts where there are no records",
    "acl-gaps": "=SHARE: that share (0.1) of records hidden after the page was cut; no total",
    "acl-total": "=all|readable: with acl-gaps, a total that counts them all, or those that can be read",
    "416-end": "416 past the end instead of an empty page",
    "404-end": "404 past the end instead of an empty page",
    "404-empty": "404 for a list without records",
    "link-relative": "links without scheme and host",
    "link-foreign": "next on the last page leads to another host",
    "link-loop": "next on the last page leads to the first one",
    "link-shrunk": "next before the last page requests no more than what is left",
    "envelope": "=result|items|data|records: the list as a member of an object",
    "single-object": "a page of one record is that record instead of a list",
    "duplicate-ids": "every tenth record twice in a row, and counted twice",
    "shift": "=N: N records (3) are added at the front while the list is read for the first time",
    "value-objects": 'characteristics as {"value": {"value": …, "alias": …}}',
    "json-in-text": "characteristics that are lists, or JSON in a text",
    "flat-places": "places as a flat list of id, name and role, whatever the version",
    "urn-ids": "ids of records as urn:ngsi-ld:Carrier:CAR0000001, in references too",
    "installing": "every tenth available resource with resourceStatus installing, which is not specified",
    "text-booleans": '"true" and "false" as texts',
    "empty-objects": '{"id": "", "name": ""} and "Not Specified." where there is no value',
    "date-without-zone": "dates without the Z at the end",
    "odd-key-case": "keys as ExternalId, EXTERNALID and external_id, record by record",
}
"""Name and one line for the help; a line that begins with = shows the value, a bracket its default."""

ENVELOPES = ("result", "items", "data", "records")
STYLES = ("link", "cursor", "range", "none")


class Quirk(NamedTuple):
    """One quirk; `value` is None if it takes none."""

    name: str
    value: str | float | None = None


def _one_of(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"use one of {', '.join(allowed)}")
        return text

    return read


def _count(text: str) -> float:
    if not text.isdecimal() or not 1 <= int(text) < 10**9:
        raise ValueError("use a whole number from 1")
    return int(text)


def _signed(text: str) -> float:
    if not text.removeprefix("-").isdecimal() or not int(text):
        raise ValueError("use a whole number other than 0, such as 7 or -3")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise ValueError("use a share above 0 and up to 1")
    return share


VALUES: Mapping[str, tuple[Callable[[str], str | float], str, str]] = {
    "style": (_one_of(*STYLES), "", "style=link"),
    "clamp": (_count, "25", "clamp=25"),
    "400-limit": (_count, "100", "400-limit=100"),
    "422-limit": (_count, "100", "422-limit=100"),
    "total-cap": (_count, "100", "total-cap=100"),
    "total-wrong": (_signed, "7", "total-wrong=7"),
    "acl-gaps": (_share, "0.1", "acl-gaps=0.1"),
    "acl-total": (_one_of("all", "readable"), "all", "acl-total=all"),
    "envelope": (_one_of(*ENVELOPES), "result", "envelope=result"),
    "shift": (_count, "3", "shift=3"),
}
"""The quirks that take a value: how it is read, its default ("" for none: it is required) and an example."""


def parse(text: str) -> Quirk:
    """Reads `NAME[=VALUE]`, such as `clamp=50`. Raises ValueError."""
    name, equals, written = (part.strip() for part in text.strip().partition("="))
    if name not in QUIRKS:
        similar = difflib.get_close_matches(name, QUIRKS, n=1)
        hint = f"did you mean {similar[0]!r}?" if similar else f"use one of {', '.join(QUIRKS)}"
        raise ValueError(f"quirk {text!r}: there is no quirk {name!r} ({hint})")
    if name not in VALUES:
        if equals:
            raise ValueError(f"quirk {text!r}: {name} takes no value; write {name}")
        return Quirk(name)
    read, default, example = VALUES[name]
    if not (written or default) or (equals and not written):
        raise ValueError(f"quirk {text!r}: the value is missing; write one like {example}")
    try:
        return Quirk(name, read(written or default))
    except ValueError as error:
        raise ValueError(f"quirk {text!r}: {error}") from error
