"""The landing page: the status as HTML, a pure function of `Status`.

`templates/` has the HTML and the style sheet, without scripts and files from elsewhere. The templates escape
every text; states differ by word and glyph, never by colour alone.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from exporter.inventory.condition import Condition
from exporter.status import STALE_AFTER, CollectionStatus, State, Status

SHOWN = 8
"""Statuses, reasons and examples that are listed; more are only counted."""

# Controls, half surrogate pairs, and overrides of the writing direction.
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
_CENTURY = 36_525 * 86_400


class StateStyle(NamedTuple):
    """A state as glyph, word and sentence, and the colour and outline of the icon in the browser's tab."""

    glyph: str
    word: str
    meaning: str
    colour: str
    outline: str


_ROUND, _PEAK, _BLOCK = "M8 1a7 7 0 1 0 .01 0z", "M8 1l7.5 14h-15z", "M1 1h14v14h-14z"
_KEPT = "the last good snapshot is served."
STYLES: Mapping[State, StateStyle] = {
    "expired": StateStyle(
        "⊘", "Expired", "Too old to be served: nothing of this collection is on /metrics.", "#d1242f", _BLOCK
    ),
    "failing": StateStyle("✕", "Failing", f"The last refresh failed; {_KEPT}", "#d1242f", _BLOCK),
    "stale": StateStyle("▲", "Stale", f"Older than three refresh intervals; {_KEPT}", "#bf8700", _PEAK),
    "incomplete": StateStyle(
        "◐", "Incomplete", "Refreshed, but the last full crawl did not see everything.", "#bf8700", _PEAK
    ),
    "empty": StateStyle(
        "○", "Empty", "The last full crawl was complete and found no records.", "#bf8700", _PEAK
    ),
    "waiting": StateStyle("…", "Waiting", "The first crawl has not ended.", "#6e7781", _ROUND),
    "fresh": StateStyle(
        "✓", "Fresh", "Refreshed on time; the last full crawl was complete.", "#1a7f37", _ROUND
    ),
}
"""Every state, the worst first."""


def clean(text: str, limit: int = 200) -> str:
    """Text of an inventory for the page: cut, with control characters replaced."""
    short = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return _ODD.sub("\ufffd", short)


def number(count: int) -> str:
    """A count with separated thousands."""
    return f"{count:,}"


def sentence(text: str) -> str:
    """A hint as a sentence: with a capital letter, unless it begins with a setting, and a full stop."""
    first = text.partition(" ")[0]
    start = text[:1].upper() if first.isalpha() else text[:1]
    return f"{start}{text[1:]}{'.' if text[-1:].isalnum() else ''}"


def counted(count: int, noun: str) -> str:
    """A count and a noun in the singular or the plural."""
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def span(seconds: float) -> str:
    """A duration in its two largest units; a negative or infinite one, and NaN, is 0."""
    left = math.floor(seconds) if math.isfinite(seconds) and seconds > 0 else 0
    if left > _CENTURY:
        return "over a century"
    parts: list[str] = []
    for noun, size in _UNITS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(counted(count, noun) if count else "")
    if not parts:
        return "under a second" if 0 < seconds < 1 else "0 seconds"
    return " ".join(part for part in parts[:2] if part)


def ago(seconds: float) -> str:
    """A time in the past: `4 minutes ago`."""
    return "just now" if seconds < 1 else f"{span(seconds)} ago"


def ahead(seconds: float) -> str:
    """A time in the future: `in 2 minutes`."""
    return "now" if seconds < 1 else f"in {span(seconds)}"


def utc(moment: float) -> str:
    """A time in UTC to the second."""
    exact = _calendar(moment)
    return f"{exact:%Y-%m-%d %H:%M:%S} UTC" if exact else "an unknown time"


def iso(moment: float) -> str:
    """A time in ISO 8601, for HTML's `<time>`; empty outside the calendar."""
    exact = _calendar(moment)
    return exact.isoformat(timespec="seconds") if exact else ""


def _calendar(moment: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(moment, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def meaning(one: CollectionStatus) -> str:
    """The state of a collection in a sentence."""
    if one.last_success is None and one.state != "waiting":
        return "Nothing is served yet: no crawl has succeeded."
    if one.restored and one.state not in ("failing", "expired"):  # which say more
        return "Restored from the state file; no crawl has ended since the start."
    return STYLES[one.state].meaning


def age(one: CollectionStatus, now: float) -> float:
    """Seconds since the last refresh, by a clock that does not jump if the status has it."""
    if one.age_seconds is not None:
        return one.age_seconds
    return 0.0 if one.last_success is None else now - one.last_success


_CLASSES: Mapping[Condition, str] = {
    Condition.OPERATIONAL: "good",
    Condition.DEGRADED: "warn",
    Condition.MAINTENANCE: "calm",
    Condition.DOWN: "bad",
    Condition.PLANNED: "rest",
    Condition.RETIRED: "rest",
    Condition.UNKNOWN: "rest",
}
"""The classes in the style sheet, in the order of the figures."""


class Share(NamedTuple):
    """A part of the records: its class in the style sheet, its name, its number and its condition."""

    name: str
    term: str
    records: int
    condition: str = ""


def by_condition(one: CollectionStatus) -> list[Share]:
    """The records by condition; operational and down are always there, the others if a record has them."""
    counts = {condition: one.conditions.get(condition, 0) for condition in _CLASSES}
    always = (Condition.OPERATIONAL, Condition.DOWN)
    return [
        Share(_CLASSES[condition], condition.capitalize(), records, condition)
        for condition, records in counts.items()
        if records or condition in always
    ]


def by_status(one: CollectionStatus) -> list[Share]:
    """The records by status value, the most frequent first, with the condition that the value means."""
    ranked = sorted(one.statuses.items(), key=lambda item: (-item[1], item[0]))
    meant = [one.status_conditions.get(name, Condition.UNKNOWN) for name, _ in ranked]
    return [
        Share(_CLASSES[condition], name, records, condition)
        for (name, records), condition in zip(ranked, meant, strict=True)
    ]


class Bar(NamedTuple):
    """The parts of a bar: class in the style sheet, start and width, out of `width`."""

    width: float
    parts: list[tuple[str, float, float]]


def bar(shares: Sequence[Share], total: int = 0) -> Bar:
    """A bar of shares out of `total`, or of their sum if it is 0.

    It is drawn with SVG, because the page's policy allows no style attributes.
    """
    total = total or sum(share.records for share in shares)
    start, parts = 0.0, []
    for share in shares:
        # a few among many thousands are visible
        width = max(100 * share.records / total, 0.7) if share.records else 0.0
        parts.append((share.name, start, width))
        start += width
    return Bar(max(start, 100.0), parts)


def received_parts(one: CollectionStatus) -> Iterator[str]:
    """The parts of the number of records that the last full crawl received."""
    parts = (
        (one.stored, "stored"),
        (one.excluded, "excluded by type"),
        (one.other_shards, "of other shards"),
        (one.rejected, "rejected"),
        (one.duplicates, "duplicates"),
        (one.overlapping, "in several queries"),
    )
    return (f"{number(count)} {name}" for count, name in parts if count)


def rejected_records(one: CollectionStatus) -> int:
    """How many records were rejected."""
    return sum(rejects.count for rejects in one.rejects.values())


def anchor(name: str) -> str:
    """The address of a card inside the page."""
    return quote(name, safe="", errors="replace")


_TEMPLATES = Environment(
    loader=PackageLoader(__package__),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_FILTERS = (
    *(clean, number, counted, span, ago, ahead, utc, iso),
    *(age, anchor, meaning, sentence, received_parts, rejected_records),
)
_TEMPLATES.filters.update((function.__name__, function) for function in _FILTERS)
_TEMPLATES.globals.update(
    {"Share": Share, "by_condition": by_condition, "by_status": by_status, "bar": bar},
    looks=STYLES,
    shown=SHOWN,
    stale_after=STALE_AFTER,
)
_PAGE = _TEMPLATES.get_template("landing.html")


def _policy(style: str) -> str:
    """A Content-Security-Policy that allows the page its one style sheet, by its hash, and its icon."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    rules = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; {rules}"


POLICY = _policy(_TEMPLATES.get_template("style.css").render())


def page(status: Status) -> str:
    """The whole page as HTML."""
    by_state = {
        state: [one.name for one in status.collections if one.state == state]
        for state in STYLES
        if any(one.state == state for one in status.collections)
    }
    worst: State = next(iter(by_state), "waiting")
    return _PAGE.render(
        status=status,
        worst=worst,
        look=STYLES[worst],
        headline=_headline(status.collections),
        by_state=by_state,
        icon=_icon(STYLES[worst]),
        links=tuple(_links(status)),
    )


def _headline(collections: tuple[CollectionStatus, ...]) -> str:
    """How many collections need attention, in a few words."""
    if not collections:
        return "No collection is enabled"
    every = counted(len(collections), "collection")
    troubled = sum(one.state not in ("fresh", "waiting") for one in collections)
    if troubled:
        return f"{troubled} of {every} {'needs' if troubled == 1 else 'need'} a look"
    waiting = sum(one.state == "waiting" for one in collections)
    return f"{waiting} of {every} not crawled yet" if waiting else "All data is current"


def _links(status: Status) -> Iterator[tuple[str, str]]:
    """Titles and addresses, relative to the page's own, so that they work behind a proxy that adds a path."""
    yield "/metrics", "metrics"
    for one in status.collections:
        yield f"/metrics?collect[]={one.name}", f"metrics?collect[]={quote(one.name, errors='replace')}"
    for path in ("/api/v1/status", "/api/v1/defects", "/-/ready", "/-/healthy"):
        yield path, path.removeprefix("/")
    for title, address in status.links.items():
        # Only what is safe to click becomes a link: never a `javascript:` address.
        if _is_safe(address):
            yield title, address


def _is_safe(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:  # such as a broken IPv6 address
        return False
    return parts.scheme in ("http", "https") or (not parts.scheme and address.startswith("/"))


def _icon(look: StateStyle) -> str:
    """The icon of the browser tab as a data address, so that a tab in the background shows the state."""
    drawn = f'<path fill="{look.colour}" d="{look.outline}"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">{drawn}</svg>'
    return f"data:image/svg+xml,{quote(svg)}"
