"""The landing page: the status as HTML, for a person who was woken by an alert.

Decides what the page says; `templates/` has the HTML and the style sheet, `formatting` writes numbers and
times. Pure: the page is a function of the `Status`; it needs no script and nothing from elsewhere.
Invariants: every text is escaped by the templates, states differ by word and glyph, never by colour alone,
and what is 0 or unknown is left out where it would only be noise.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from exporter.collection_state import STALE_AFTER, State
from exporter.web import formatting
from exporter.web.status import CollectionStatus, Status

SHOWN = 8
"""How many statuses, reasons and examples are listed before the rest is only counted."""


class Look(NamedTuple):
    """A state as glyph, word and sentence, and its icon for the browser's tab: colour and outline."""

    glyph: str
    word: str
    meaning: str
    colour: str
    outline: str


_ROUND, _PEAK, _BLOCK = "M8 1a7 7 0 1 0 .01 0z", "M8 1l7.5 14h-15z", "M1 1h14v14h-14z"
_KEPT = "the last good snapshot is served."
LOOKS: Mapping[State, Look] = {
    "expired": Look(
        "⊘", "Expired", "Too old to be served: nothing of this collection is on /metrics.", "#d1242f", _BLOCK
    ),
    "failing": Look("✕", "Failing", f"The last refresh failed; {_KEPT}", "#d1242f", _BLOCK),
    "stale": Look("▲", "Stale", f"Older than three refresh intervals; {_KEPT}", "#bf8700", _PEAK),
    "incomplete": Look(
        "◐", "Incomplete", "Refreshed, but the last full crawl did not see everything.", "#bf8700", _PEAK
    ),
    "empty": Look("○", "Empty", "The last full crawl was complete and found no records.", "#bf8700", _PEAK),
    "waiting": Look("…", "Waiting", "The first crawl has not ended.", "#6e7781", _ROUND),
    "fresh": Look("✓", "Fresh", "Refreshed on time; the last full crawl was complete.", "#1a7f37", _ROUND),
}
"""Every state, the worst first."""


def meaning(one: CollectionStatus) -> str:
    """The state of a collection in a sentence."""
    if one.last_success is None and one.state != "waiting":
        return "Nothing is served yet: no crawl has succeeded."
    if one.restored and one.state not in ("failing", "expired"):  # which say more
        return "Restored from the state file; no crawl has ended since the start."
    return LOOKS[one.state].meaning


def age(one: CollectionStatus, now: float) -> float:
    """Seconds since the last refresh; by a clock that does not jump, where the status has it."""
    if one.age_seconds is not None:
        return one.age_seconds
    return 0.0 if one.last_success is None else now - one.last_success


@dataclass(frozen=True)
class Share:
    """A part of the records: its class in the style sheet, its name and its number."""

    name: str
    term: str
    count: int

    @property
    def bar(self) -> tuple[str, int]:
        """As a part of a bar."""
        return self.name, self.count

    @property
    def label(self) -> str:
        """As text, for those who do not see the bar."""
        return f"{self.count} {self.term.lower()}"


def by_meaning(one: CollectionStatus) -> list[Share]:
    """The records by what their status means."""
    unknown = max(one.records - one.operational - one.not_operational, 0)
    shares = [
        Share("good", "Operational", one.operational),
        Share("bad", "Not operational", one.not_operational),
        Share("rest", "Unknown", unknown),
    ]
    return shares if unknown else shares[:2]


class Bar(NamedTuple):
    """The parts of a bar, each a class of the style sheet with start and width, in percent of `width`."""

    width: float
    parts: list[tuple[str, float, float]]


def segments(shares: Sequence[tuple[str, int]], total: int = 0) -> Bar:
    """A bar of numbers, out of `total`, or of their sum where it is 0.

    SVG's own attributes have the widths: the page's policy allows no style attributes.
    """
    total = total or sum(number for _, number in shares)
    start, parts = 0.0, []
    for name, number in shares:
        # A few among many thousands must still be seen.
        width = max(100 * number / total, 0.7) if number else 0.0
        parts.append((name, start, width))
        start += width
    return Bar(max(start, 100.0), parts)


def ranked(statuses: Mapping[str, int]) -> list[tuple[str, int]]:
    """The statuses with their counts, the most frequent first."""
    return sorted(statuses.items(), key=lambda item: (-item[1], item[0]))


def received_parts(one: CollectionStatus) -> Iterator[str]:
    """What became of the records that the last full crawl received: a sum."""
    parts = (
        (one.stored, "stored"),
        (one.excluded, "excluded by type"),
        (one.other_shards, "of other shards"),
        (one.rejected, "rejected"),
        (one.duplicates, "duplicates"),
        (one.overlapping, "in several queries"),
    )
    return (f"{formatting.number(count)} {name}" for count, name in parts if count)


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
_TEMPLATES.filters.update(
    {
        function.__name__: function
        for function in (
            *(formatting.clean, formatting.number, formatting.counted, formatting.span, formatting.ago),
            *(formatting.ahead, formatting.utc, formatting.iso),
            *(age, anchor, meaning, ranked, received_parts, rejected_records),
        )
    }
)
_TEMPLATES.globals.update(
    by_meaning=by_meaning, segments=segments, looks=LOOKS, shown=SHOWN, stale_after=STALE_AFTER
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
        for state in LOOKS
        if any(one.state == state for one in status.collections)
    }
    worst: State = next(iter(by_state), "waiting")
    return _PAGE.render(
        status=status,
        worst=worst,
        look=LOOKS[worst],
        headline=_headline(status.collections),
        by_state=by_state,
        icon=_icon(LOOKS[worst]),
        links=tuple(_links(status)),
    )


def _headline(collections: tuple[CollectionStatus, ...]) -> str:
    """How many collections need a look, in a few words."""
    if not collections:
        return "No collection is enabled"
    every = formatting.counted(len(collections), "collection")
    troubled = sum(one.state not in ("fresh", "waiting") for one in collections)
    if troubled:
        return f"{troubled} of {every} {'needs' if troubled == 1 else 'need'} a look"
    waiting = sum(one.state == "waiting" for one in collections)
    return f"{waiting} of {every} not crawled yet" if waiting else "All data is current"


def _links(status: Status) -> Iterator[tuple[str, str]]:
    """Titles and addresses: the pages there are, and those that the status names.

    Addresses are relative to the page's own, so that they hold behind a proxy that adds a path in front.
    """
    yield "/metrics", "metrics"
    for one in status.collections:
        yield f"/metrics?collect[]={one.name}", f"metrics?collect[]={quote(one.name, errors='replace')}"
    for path in ("/api/v1/status", "/-/ready", "/-/healthy"):
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


def _icon(look: Look) -> str:
    """The browser tab's icon as a data address, so that a tab in the background shows its state too."""
    drawn = f'<path fill="{look.colour}" d="{look.outline}"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">{drawn}</svg>'
    return f"data:image/svg+xml,{quote(svg)}"
