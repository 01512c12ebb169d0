"""Admin requests over HTTP: accept pending removals, and reload the configuration.

Two POST paths, off unless enabled, which a page of another site cannot make a browser send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog
from aiohttp import hdrs, web

from exporter.web import Content, scrape
from exporter.web.connections import OnceAMinute
from exporter.web.responses import plain_text

ACCEPT = "/api/v1/accept"
RELOAD = "/-/reload"
PARAMETER = "collection"

SETTINGS = {ACCEPT: "web.enable_admin_api", RELOAD: "web.enable_lifecycle"}
"""The setting that enables each path."""

_Handler = Callable[[web.Request], Awaitable[web.Response]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class AdminRequests:
    """Which are enabled: `accept` is `web.enable_admin_api`, `reload` is `web.enable_lifecycle`."""

    accept: bool = False
    reload: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """The enabled paths."""
        return tuple(path for path, on in ((ACCEPT, self.accept), (RELOAD, self.reload)) if on)


def add_routes(router: web.UrlDispatcher, content: Content, enabled: AdminRequests) -> None:
    """Adds the enabled paths."""

    async def accept(request: web.Request) -> web.Response:
        """200 with what was accepted, 400 for an unknown collection; without `collection` all are meant."""
        wanted = frozenset(request.query.getall(PARAMETER, ()))
        known = content.collections
        if unknown := sorted(wanted.difference(known)):
            return plain_text(400, scrape.unknown_values(unknown, known, PARAMETER))
        chosen = tuple(name for name in known if name in wanted or not wanted)
        log.info("accept requested", client=request.remote, collections=", ".join(chosen))
        return plain_text(200, content.accept(chosen))

    async def reload(request: web.Request) -> web.Response:
        """200, or 500 for a configuration with an error, as Prometheus answers; the old one stays in use."""
        log.info("reload requested", client=request.remote)
        reloaded, sentence = await content.reload()
        return plain_text(200 if reloaded else 500, sentence)

    for path, handler in ((ACCEPT, accept), (RELOAD, reload)):
        if path in enabled.paths:
            router.add_post(path, _same_site(handler))


def _same_site(handler: _Handler) -> _Handler:
    """Refuses what a page of another site made a browser send, with the stored password."""
    refusal = OnceAMinute("admin request refused")

    async def guarded(request: web.Request) -> web.Response:
        if _is_cross_site(request):
            now = asyncio.get_running_loop().time()
            refusal.warn(now, client=request.remote, reason="sent by another site's page")
            return plain_text(403, "This was sent by a page of another site; send it from a shell.")
        return await handler(request)

    return guarded


def _is_cross_site(request: web.Request) -> bool:
    """Whether a browser says that a page of another site sent it (Fetch Metadata, or Origin in old ones).

    Hosts are compared, not schemes, because a proxy in front may end the TLS.
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
