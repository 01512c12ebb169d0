"""The HTTP surface: which paths there are, who answers them, and the headers that go with every answer.

Owns no value: a `Site` is asked for each answer. `scrape` answers `/metrics`, `landing` writes the page,
`status` says what `/api/v1/status` holds; sockets, TLS and passwords belong to whoever runs the application.
Invariant: no request causes a request to an inventory, and none is answered with 500.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import hdrs, web

from exporter.web import landing, status
from exporter.web.scrape import Scrapable, Scrapes

SERVER = "ses-inventory-exporter"
PATHS = ("/", "/metrics", "/api/v1/status", "/-/healthy", "/-/ready")
PATIENCE = 60.0
"""Seconds in which a scrape must be read: more than any scrape_timeout in use."""

_Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site(Scrapable, Protocol):
    """Everything the surface shows. All of it is answered from memory, on the event loop."""

    def status(self) -> status.Status:
        """How the program and its collections do, now."""

    def healthy(self) -> tuple[bool, str]:
        """Whether the process can do its work, and a sentence; the inventory has no say in it."""

    def ready(self) -> tuple[bool, str]:
        """Whether every enabled collection has a snapshot or the start-up grace is over, and a sentence."""


def application(site: Site, *, patience: float = PATIENCE) -> web.Application:
    """The surface as an aiohttp application; `patience` is the seconds a client may take to read a scrape."""
    app = web.Application(middlewares=[_explain])
    app.on_response_prepare.append(_dress)
    answers = _Answers(site)
    app.router.add_get("/", answers.page)
    app.router.add_get("/metrics", Scrapes(site, patience).answer)
    app.router.add_get("/api/v1/status", answers.status)
    app.router.add_get("/-/healthy", answers.healthy)
    app.router.add_get("/-/ready", answers.ready)
    app.router.add_get("/favicon.ico", answers.favicon)
    return app


class _Answers:
    """The small pages."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def page(self, request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": landing.POLICY}
        return web.Response(text=landing.page(self._site.status()), content_type="text/html", headers=headers)

    async def status(self, request: web.Request) -> web.Response:
        return web.Response(body=status.as_json(self._site.status()), content_type="application/json")

    async def healthy(self, request: web.Request) -> web.Response:
        return _verdict(self._site.healthy())

    async def ready(self, request: web.Request) -> web.Response:
        return _verdict(self._site.ready())

    async def favicon(self, request: web.Request) -> web.Response:
        """Nothing: the page brings its icon along, and this keeps browsers from asking again."""
        return web.Response(status=204, headers={hdrs.CACHE_CONTROL: "max-age=86400"})


def _verdict(verdict: tuple[bool, str]) -> web.Response:
    good, sentence = verdict
    body = f"{sentence}\n".encode(errors="replace")
    return web.Response(status=200 if good else 503, body=body, content_type="text/plain", charset="utf-8")


@web.middleware
async def _explain(request: web.Request, handler: _Answer) -> web.StreamResponse:
    """Says in plain text what there is, where aiohttp would say `404: Not Found`."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as refusal:
        allowed = ", ".join(sorted(refusal.allowed_methods))
        text = f"{request.path} can be read only: {allowed}.\n"
        return web.Response(status=405, text=text, headers={hdrs.ALLOW: allowed})
    except web.HTTPNotFound:
        lines = "\n".join(PATHS)
        return web.Response(status=404, text=f"There is no such page. There is:\n{lines}\n")


async def _dress(request: web.Request, response: web.StreamResponse) -> None:
    """The headers of every answer. Nothing is kept by caches: each answer is about this second."""
    response.headers[hdrs.SERVER] = SERVER
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
