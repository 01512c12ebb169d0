"""The paths of the HTTP server and their handlers; request bodies are refused.

`scrape` handles `/metrics`, `landing` writes the page; sockets and deadlines belong to `listener`. A GET
causes no request to an inventory. Admin requests are two POST paths, off unless enabled, which a page of
another site cannot make a browser send. Only a reload with a wrong configuration is answered with 500.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from exporter import __version__, errors, settings, status
from exporter.telemetry import Telemetry
from exporter.web import Content, connections, landing, listener, responses, scrape, sockets
from exporter.web.connections import OnceAMinute
from exporter.web.responses import plain_text
from exporter.web.web_config import AccessControl

PATHS = ("/", "/metrics", "/api/v1/status", "/api/v1/defects", "/-/healthy", "/-/ready")
ACCEPT = "/api/v1/accept"
RELOAD = "/-/reload"
_PARAMETER = "collection"

_SETTINGS = {ACCEPT: "web.enable_admin_api", RELOAD: "web.enable_lifecycle"}
"""The setting that enables each path."""

PATIENCE = 60.0
"""Default seconds in which a scrape must be read: more than any scrape_timeout in use."""
LARGEST = 4096
"""Maximum bytes in the body of a POST, which is not read: some clients send a few."""

_LAST_SCRAPES = 5.0
"""Seconds that requests in flight may take to end when the server stops."""
_OTHER_ADDRESS = "choose another address with --web.listen-address"
_LISTEN_HINTS = {
    errno.EADDRINUSE: f"is another exporter running? {_OTHER_ADDRESS}",
    errno.EACCES: f"ports below 1024 need a privilege: {_OTHER_ADDRESS}",
}

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

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


_NONE_ENABLED = AdminRequests()


def application(
    content: Content,
    *,
    patience: float = PATIENCE,
    enabled: AdminRequests = _NONE_ENABLED,
    access: AccessControl | None = None,
) -> web.Application:
    """The HTTP server as an aiohttp application.

    A client must read a scrape within `patience` seconds; `enabled` are the admin requests, `access` decides
    who may send requests (None: everybody).
    """
    access = access or AccessControl(None)
    middlewares = [connections.track_requests, access.middleware(), _refuse_bodies, _explain(enabled)]
    app = web.Application(middlewares=middlewares)
    app.on_response_prepare.append(_set_headers)
    app.on_response_prepare.append(access.set_headers)  # the headers of the web configuration override ours
    pages = _SmallPages(content)
    app.router.add_get("/", pages.landing)
    app.router.add_get("/metrics", scrape.Scrapes(content, patience).handle)
    app.router.add_get("/api/v1/status", pages.status)
    app.router.add_get("/api/v1/defects", pages.defects)
    app.router.add_get("/-/healthy", pages.healthy)
    app.router.add_get("/-/ready", pages.ready)
    app.router.add_get("/favicon.ico", pages.favicon)
    _add_admin_requests(app.router, content, enabled)
    return app


@asynccontextmanager
async def serving(
    content: Content, config: settings.Settings, telemetry: Telemetry, access: AccessControl
) -> AsyncIterator[Sequence[str]]:
    """Serves `content` on the addresses of the configuration; gives their URLs.

    On exit no request is accepted any more, and those in flight may end. Raises `ConfigError` if an address
    cannot be listened on.
    """
    enabled = AdminRequests(accept=config.web.enable_admin_api, reload=config.web.enable_lifecycle)
    app = application(content, patience=config.web.write_timeout, enabled=enabled, access=access)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_LAST_SCRAPES, handle_signals=False)
    await runner.setup()
    try:
        limits = connections.ConnectionLimits(
            _max_connections(config), config.web.header_timeout, config.web.write_timeout
        )
        addresses = [sockets.Address(*one) for one in config.web.addresses]
        site = listener.Listener(runner, addresses, limits, telemetry, access.tls)
        try:
            await site.start()
        except sockets.CannotListenError as error:
            hint = _LISTEN_HINTS.get(error.errno or 0, _OTHER_ADDRESS)
            raise errors.ConfigError(str(error), path="web.listen_address", hint=hint) from error
        for problem in (problem for one in site.listening for problem in one.absent):
            log.info("address left out", reason=str(problem))
        urls = [_url(one.address, "https" if access.tls else "http") for one in site.listening]
        for url in urls:
            log.info("listening", address=url, version=__version__)
        yield urls
    finally:
        await runner.cleanup()


def _max_connections(config: settings.Settings) -> int:
    """`web.max_connections`, or fewer if the limit of open files does not allow that."""
    limit, wanted = connections.raise_descriptor_limit(), config.web.max_connections
    requests = len({target.api for target in config.targets()}) * config.limits.concurrency
    possible = connections.max_connections(wanted, limit, requests=requests, beyond=listener.BEYOND)
    if possible < wanted:
        hint = f"raise the limit of open files, which is {limit}, or lower web.max_connections"
        log.warning("fewer connections than configured", limit=possible, configured=wanted, hint=hint)
    return possible


def _url(address: sockets.Address, scheme: str) -> str:
    """The URL for a browser on this machine."""
    return f"{scheme}://{address._replace(host='localhost') if address.is_wildcard else address}"


class _SmallPages:
    """The small pages."""

    def __init__(self, content: Content) -> None:
        self._content = content

    async def landing(self, request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": landing.POLICY}
        html = landing.page(self._content.status())
        return web.Response(text=html, content_type="text/html", headers=headers)

    async def status(self, request: web.Request) -> web.Response:
        return web.Response(body=status.as_json(self._content.status()), content_type="application/json")

    async def defects(self, request: web.Request) -> web.Response:
        return web.Response(body=status.as_json(self._content.defects()), content_type="application/json")

    async def healthy(self, request: web.Request) -> web.Response:
        return _probe(*self._content.healthy())

    async def ready(self, request: web.Request) -> web.Response:
        return _probe(*self._content.ready())

    async def favicon(self, request: web.Request) -> web.Response:
        """Nothing, for a day: the landing page brings its icon along."""
        return web.Response(status=204, headers={hdrs.CACHE_CONTROL: "max-age=86400"})


def _probe(good: bool, sentence: str) -> web.Response:  # noqa: FBT001 - the answer of a probe
    return plain_text(200 if good else 503, sentence)


def _add_admin_requests(router: web.UrlDispatcher, content: Content, enabled: AdminRequests) -> None:
    """Adds the enabled paths."""

    async def accept(request: web.Request) -> web.Response:
        """200 with what was accepted, 400 for an unknown collection; without `collection` all are meant."""
        wanted = frozenset(request.query.getall(_PARAMETER, ()))
        known = content.collections
        if unknown := sorted(wanted.difference(known)):
            return plain_text(400, scrape.unknown_values(unknown, known, _PARAMETER))
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

    async def guarded(request: web.Request) -> web.StreamResponse:
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


def _explain(enabled: AdminRequests) -> Middleware:
    """Lists the paths in plain text where aiohttp would answer `404: Not Found`."""
    paths = "\n".join((*PATHS, *enabled.paths))

    @web.middleware
    async def explain(request: web.Request, handler: _Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPMethodNotAllowed as refusal:
            allowed = ", ".join(sorted(refusal.allowed_methods))
            return plain_text(405, f"{request.path} takes only {allowed}.", {hdrs.ALLOW: allowed})
        except web.HTTPNotFound:
            setting = _SETTINGS.get(request.path)
            why = f"{request.path} is off: set {setting}." if setting else "There is no such page."
            return plain_text(404, f"{why} There is:\n{paths}")

    return explain


@web.middleware
async def _refuse_bodies(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Refuses bodies, unread: no request needs one, and one that never ends would keep its connection.

    A small one that is allowed is not read either and ends its connection: it would be the next request.
    """
    response = _body_refusal(request) or await handler(request)
    if request.body_exists:
        response.force_close()
    return response


def _body_refusal(request: web.Request) -> web.Response | None:
    if not request.body_exists:
        return None
    if request.method != hdrs.METH_POST:
        return plain_text(400, f"{request.method} takes no body here.")
    if request.content_length is None:
        return plain_text(411, "A body must come with its Content-Length; none is needed.")
    if request.content_length > LARGEST:
        return plain_text(413, f"A body may have {LARGEST} bytes; none is needed.")
    return None


async def _set_headers(request: web.Request, response: web.StreamResponse) -> None:
    responses.set_headers(response)
