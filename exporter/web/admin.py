"""Admin requests over HTTP: accept removals that the shrink guard holds back, and reload the settings.

Two POST paths, off unless enabled, which no page of another site can make a browser send. Invariant: an admin
request never causes a request to an inventory that the pollers would not send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

import structlog
from aiohttp import hdrs, web

from exporter.web import scrape
from exporter.web.once_a_minute import OnceAMinute
from exporter.web.responses import plain_text

ACCEPT = "/api/v1/accept"
RELOAD = "/-/reload"
PARAMETER = "collection"

SETTINGS = {ACCEPT: "web.enable_admin_api", RELOAD: "web.enable_lifecycle"}
"""What enables each path."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class AdminRequests:
    """Which are enabled: `accept` is `web.enable_admin_api`, `reload` is `web.enable_lifecycle`."""

    accept: bool = False
    reload: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of those that are."""
        return tuple(path for path, on in ((ACCEPT, self.accept), (RELOAD, self.reload)) if on)


class Administered(Protocol):
    """Carries admin requests out."""

    @property
    def collections(self) -> tuple[str, ...]:
        """The enabled collections, which are the values that `collection` may have."""

    def accept(self, collections: tuple[str, ...]) -> str:
        """Lets what the shrink guard holds back of these collections pass; a sentence on what that means."""

    async def reload(self) -> tuple[bool, str]:
        """Reads the settings again: whether the new ones are in force, else the old ones; a sentence."""


class Answers:
    """The two answers."""

    def __init__(self, site: Administered) -> None:
        self._site = site

    def route(self, router: web.UrlDispatcher, orders: AdminRequests) -> None:
        """Adds the paths that are enabled; the others are unknown like any."""
        for path, answer in ((ACCEPT, self.accept), (RELOAD, self.reload)):
            if path in orders.paths:
                router.add_post(path, _own(answer))

    async def accept(self, request: web.Request) -> web.Response:
        """200 with what was accepted, 400 for an unknown collection; without `collection` all are meant."""
        wanted = frozenset(request.query.getall(PARAMETER, ()))
        known = self._site.collections
        if strange := sorted(wanted.difference(known)):
            return plain_text(400, scrape.unknown(strange, known, PARAMETER))
        chosen = tuple(name for name in known if name in wanted or not wanted)
        log.info("accept requested", client=request.remote, collections=", ".join(chosen))
        return plain_text(200, self._site.accept(chosen))

    async def reload(self, request: web.Request) -> web.Response:
        """200, or 500 for settings that are wrong, as Prometheus answers; the old ones are in force then."""
        log.info("reload requested", client=request.remote)
        good, said = await self._site.reload()
        return plain_text(200 if good else 500, said)


_Answer = Callable[[web.Request], Awaitable[web.Response]]


def _own(answer: _Answer) -> _Answer:
    """Refuses what a page of another site made a browser send: the password comes along by itself."""
    refusal = OnceAMinute("admin request refused")

    async def guarded(request: web.Request) -> web.Response:
        if _foreign(request):
            now = asyncio.get_running_loop().time()
            refusal.warn(now, client=request.remote, reason="sent by another site's page")
            return plain_text(403, "This was sent by a page of another site; send it from a shell.")
        return await answer(request)

    return guarded


def _foreign(request: web.Request) -> bool:
    """Whether a browser says that another site's page sent this; other clients say nothing (Fetch Metadata).

    A browser too old for `Sec-Fetch-Site` still sends `Origin`. What is compared is the host and not the
    scheme, for a proxy in front may end the TLS.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc.lower() != request.host.lower()
    except ValueError:
        return True
