"""The listener: aiohttp behind a limit of connections and under deadlines, plain or with TLS.

Owns accepting, on as many addresses as there are, and what is said to a client that does not speak HTTP. The
sockets are `listening`'s, the limit is `accept`'s, the deadlines are `connection`'s, the counts are
`connection_limits`'s; which pages there are is `server`'s. Used like `aiohttp.web.TCPSite`, whose place it
takes. Invariant: no client can keep others from being answered, nor fill the log; the limits count for all
addresses together.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import structlog
from aiohttp import http, web

from exporter.web import listening, responses
from exporter.web.accept import LINGERING, Arrival, Entrance
from exporter.web.connection_limits import RESERVED, Limits, Telemetry, Watch
from exporter.web.listening import Address, Listening
from exporter.web.shortage import Shortage

__all__ = ["BEYOND", "Address", "Limits", "Listener", "Telemetry"]

BEYOND = RESERVED + LINGERING
"""Connections that may be open above the limit: those for probes, and those that are being refused."""

_BACKLOG = 512
"""Connections that the kernel keeps for us until they are accepted."""
_HEADERS = 64
"""Header lines of one request, each up to aiohttp's 8190 bytes, which is a URL's limit as well."""

log = structlog.get_logger(__name__)


class Listener(web.BaseSite):
    """The addresses to listen on; they share one limit of connections and one report of a shortage.

    The runner must be set up. `start` raises `listening.CannotListenError` where an address cannot be had;
    `listening` says afterwards which port each has.
    """

    __slots__ = ("_addresses", "_entrance", "_servers", "_shortage", "listening", "watch")

    def __init__(
        self,
        runner: web.BaseRunner,
        addresses: Sequence[Address],
        limits: Limits,
        telemetry: Telemetry,
        *,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(runner, ssl_context=ssl_context, backlog=_BACKLOG)
        self._addresses = addresses
        self._servers: list[asyncio.Server] = []
        self.listening: Sequence[Listening] = ()
        server = cast(web.Server, runner.server)  # BaseSite has made sure that there is one
        self.watch = Watch(limits, telemetry)
        self._shortage = Shortage(self.watch)
        self._entrance = Entrance(self.watch, partial(_speaker, server), ssl_context)

    @property
    def name(self) -> str:
        """The addresses as they were asked for."""
        scheme = "http" if self._ssl_context is None else "https"
        return ", ".join(f"{scheme}://{address}" for address in self._addresses)

    async def start(self) -> None:
        """Listens from now on."""
        await super().start()
        loop = asyncio.get_running_loop()
        entrance = self._entrance
        self._shortage.install(loop)
        self.listening = await listening.listen(self._addresses, self._backlog)
        for one in (bound for address in self.listening for bound in address.sockets):
            # Without the TLS: `accept` begins it, for asyncio would not tell of handshakes that never end.
            server = await loop.create_server(lambda: Arrival(entrance), sock=one, backlog=self._backlog)
            self._servers.append(server)

    async def stop(self) -> None:
        """Listens no more; requests under way are the runner's to finish."""
        await super().stop()
        for server in self._servers:
            server.close()
        self._servers.clear()
        self._entrance.shut()
        self._shortage.remove(asyncio.get_running_loop())


class Speaker(web.RequestHandler):
    """aiohttp's protocol, with what it says and logs of failures made ours."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what could not be read as a request, or to a mistake of ours."""
        response = super().handle_error(request, status, exc, message)
        responses.set_headers(response)
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """A mistake of ours is an error with its traceback; what strangers send is theirs."""
        error = kw.get("exc_info")
        if isinstance(error, (http.HttpProcessingError, web.RequestPayloadError)):
            client = self.peername
            log.debug("request unreadable", client=client, problem=str(error)[:200])
        else:
            log.error("response failed", exc_info=error)


def _speaker(server: web.Server) -> Speaker:
    loop = asyncio.get_running_loop()
    return Speaker(server, loop=loop, access_log=None, max_headers=_HEADERS)  # type: ignore[arg-type]
