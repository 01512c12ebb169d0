"""The landing page: a status as HTML, for a person who was woken by an alert.

Owns the frame: headline, links, icon and the page's Content-Security-Policy. `card` writes one collection,
`formatting` writes numbers, times and foreign text, and `landing.html` owns how all of it looks. Pure: the
page is a function of the `Status`; it needs no script and nothing from elsewhere. Invariant: every text of
the status goes through `formatting.clean`, so that none of it is markup.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from importlib import resources
from string import Template
from urllib.parse import quote, urlsplit

from exporter.collection_state import State
from exporter.web import card, formatting
from exporter.web.status import CollectionStatus, Status

_PAGE = Template(resources.files(__package__).joinpath("landing.html").read_text(encoding="utf-8"))


def _policy(page: str) -> str:
    """A Content-Security-Policy that allows the page its one style sheet, by its hash, and its icon."""
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    rules = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; {rules}"


POLICY = _policy(_PAGE.template)


def page(status: Status) -> str:
    """The whole page as HTML."""
    states = {one.state for one in status.collections}
    worst: State = next((state for state in card.LOOKS if state in states), "waiting")
    look = card.LOOKS[worst]
    headline = _headline(status.collections)
    return _PAGE.substitute(
        title=f"{look.glyph} {headline} · ses-inventory-exporter",
        icon=_icon(look),
        version=formatting.clean(status.version),
        uptime=formatting.span(status.now - status.started),
        overall=worst,
        headline=f"{look.glyph} {headline}",
        triage=_triage(status.collections),
        ready="Ready" if status.ready else "Not ready",
        cards="\n".join(card.card(one, status.now) for one in status.collections),
        links="\n".join(f"<li>{link}</li>" for link in _links(status)),
        revision=formatting.clean(status.revision) or "unknown",
        python=formatting.clean(status.python),
        now=formatting.moment(status.now),
    )


def _headline(collections: tuple[CollectionStatus, ...]) -> str:
    """How many collections need a look, in a few words."""
    if not collections:
        return "No collection is enabled"
    troubled = sum(one.state not in ("fresh", "waiting") for one in collections)
    if troubled:
        needs = "needs" if troubled == 1 else "need"
        return f"{troubled} of {formatting.counted(len(collections), 'collection')} {needs} a look"
    waiting = sum(one.state == "waiting" for one in collections)
    if waiting:
        return f"{waiting} of {formatting.counted(len(collections), 'collection')} not crawled yet"
    return "All collections are fresh"


def _triage(collections: tuple[CollectionStatus, ...]) -> str:
    """Which collections are in which state, the worst first, as links to their cards."""
    said = []
    for state, look in card.LOOKS.items():
        names = [
            f'<a href="#{card.anchor(one.name)}"><bdi>{formatting.clean(one.name, 60)}</bdi></a>'
            for one in collections
            if one.state == state
        ]
        if names:
            said.append(f"{look.word.lower()}: {', '.join(names)}")
    return " · ".join(said)


def _links(status: Status) -> Iterator[str]:
    """The pages there are, and those that the status names.

    Addresses are relative to the page's own, so that they hold behind a proxy that adds a path in front.
    """
    yield _link("/metrics", "metrics")
    for one in status.collections:
        yield _link(
            f"/metrics?collect[]={one.name}", f"metrics?collect[]={quote(one.name, errors='replace')}"
        )
    for path in ("/api/v1/status", "/-/ready", "/-/healthy"):
        yield _link(path, path.removeprefix("/"))
    for title, address in status.links.items():
        # Only what is safe to click becomes a link: never a `javascript:` address.
        if _safe(address):
            yield _link(title, address)


def _safe(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:  # such as a broken IPv6 address
        return False
    return parts.scheme in ("http", "https") or (not parts.scheme and address.startswith("/"))


def _link(title: str, address: str) -> str:
    return f'<a href="{formatting.clean(address, 2000)}"><bdi>{formatting.clean(title)}</bdi></a>'


def _icon(look: card.Look) -> str:
    """The browser tab's icon as a data address, so that a tab in the background tells its state too."""
    drawn = f'<path fill="{look.colour}" d="{look.outline}"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">{drawn}</svg>'
    return f"data:image/svg+xml,{quote(svg)}"
