"""The HTTP server's paths: which there are, who answers them, and what no request may bring along.

`scrape` answers `/metrics`, `admin` the POST requests, `landing` writes the page, `status` is the JSON of
`/api/v1/status`, `responses` has the headers of all; sockets and deadlines are `listener`'s. Invariant: a GET
causes no request to an inventory, and nothing is answered with 500 but a reload of settings that are wrong.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from exporter.web import admin, connection, landing, responses, status
from exporter.web.admin import AdminRequests
from exporter.web.responses import plain_text
from exporter.web.scrape import Scrapable, Scrapes
from exporter.web.web_config import AccessControl

__all__ = ["AdminRequests", "Content", "application"]

PATHS = ("/", "/metrics", "/api/v1/status", "/-/healthy", "/-/ready")
PATIENCE = 60.0
"""Seconds in which a scrape must be read where nobody says otherwise: more than any scrape_timeout in use."""
LARGEST = 4096
"""Bytes a POST may bring, which no order reads: clients send a few by habit."""

NONE_TAKEN = AdminRequests()

_Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Content(Scrapable, admin.Administered, Protocol):
    """Everything the surface shows. All of it is answered from memory, on the event loop."""

    def status(self) -> status.Status:
        """How the program and its collections do, now."""

    def healthy(self) -> tuple[bool, str]:
        """Whether the process can do its work, and a sentence; the inventory has no say in it."""

    def ready(self) -> tuple[bool, str]:
        """Whether every enabled collection has a snapshot or the start-up grace is over, and a sentence."""


def application(
    site: Content,
    *,
    patience: float = PATIENCE,
    taken: AdminRequests = NONE_TAKEN,
    access: AccessControl | None = None,
) -> web.Application:
    """The surface as an aiohttp application.

    `patience` is the seconds a client may take to read a scrape, `taken` the orders that are enabled,
    `access` who may come in; None lets everybody in.
    """
    access = access or AccessControl(None)
    app = web.Application(middlewares=[connection.attended, access.middleware(), _unload, _explain(taken)])
    app.on_response_prepare.append(_dress)
    app.on_response_prepare.append(access.set_headers)  # the operator's headers prevail
    answers = _Answers(site)
    app.router.add_get("/", answers.page)
    app.router.add_get("/metrics", Scrapes(site, patience).answer)
    app.router.add_get("/api/v1/status", answers.status)
    app.router.add_get("/-/healthy", answers.healthy)
    app.router.add_get("/-/ready", answers.ready)
    app.router.add_get("/favicon.ico", answers.favicon)
    admin.Answers(site).route(app.router, taken)
    return app


class _Answers:
    """The small pages."""

    def __init__(self, site: Content) -> None:
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
    good, said = verdict
    return plain_text(200 if good else 503, said)


def _explain(taken: AdminRequests) -> Middleware:
    """Says in plain text what there is, where aiohttp would say `404: Not Found`."""
    paths = "\n".join((*PATHS, *taken.paths))

    @web.middleware
    async def explain(request: web.Request, handler: _Answer) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPMethodNotAllowed as refusal:
            allowed = ", ".join(sorted(refusal.allowed_methods))
            return plain_text(405, f"{request.path} takes only {allowed}.", {hdrs.ALLOW: allowed})
        except web.HTTPNotFound:
            setting = admin.SETTINGS.get(request.path)
            why = f"{request.path} is off: set {setting}." if setting else "There is no such page."
            return plain_text(404, f"{why} There is:\n{paths}")

    return explain


@web.middleware
async def _unload(request: web.Request, handler: _Answer) -> web.StreamResponse:
    """Refuses bodies, unread: nothing here needs one, and one that never ends would hold its connection.

    A small one that is borne is not read either, and ends its connection: a door takes it for a next request.
    """
    answer = _burden(request) or await handler(request)
    if request.body_exists:
        answer.force_close()
    return answer


def _burden(request: web.Request) -> web.Response | None:
    if not request.body_exists:
        return None
    if request.method != hdrs.METH_POST:
        return plain_text(400, f"{request.method} takes no body here.")
    if request.content_length is None:
        return plain_text(411, "A body must come with its Content-Length; none is needed.")
    if request.content_length > LARGEST:
        return plain_text(413, f"A body may have {LARGEST} bytes; none is needed.")
    return None


async def _dress(request: web.Request, response: web.StreamResponse) -> None:
    responses.set_headers(response)
