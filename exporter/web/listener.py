"""Accepts connections and hands them to aiohttp, plain or with TLS, within the limits of `connections`.

The TLS handshake is made here, because asyncio's server does not report handshakes that fail or never end: an
incomplete one counts as a connection. Invariants: no client can keep others from being answered, nor fill the
log; a refused connection costs no task and no buffer; the limits apply to all addresses together.
"""

from __future__ import annotations

import asyncio
import errno
import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, cast

import structlog
from aiohttp import http, web

from exporter.telemetry import Telemetry
from exporter.web import responses, sockets
from exporter.web.connections import (
    FULL,
    RESERVED,
    Connection,
    ConnectionLimits,
    Connections,
    DeadlineProtocol,
    OnceAMinute,
)

LINGERING = 32
"""Refused connections that may be open to read the reason; more are closed without a response."""
BEYOND = RESERVED + LINGERING
"""Connections that may be open above the limit: for probes, and refused ones."""

_LINGER = 1.0
"""Seconds in which a refused client may read the reason: closing at once would discard it."""
_BACKLOG = 512
"""Connections that the kernel keeps until they are accepted."""
_HEADERS = 64
"""Maximum number of header lines of a request, each up to aiohttp's 8190 bytes."""
_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_SHORTAGE_INTERVAL = 0.5
"""Seconds between two shortages that count: asyncio tries once a second, and reports each try many times."""

_SENTENCE = b"%b\n" % FULL.encode()
_REFUSAL = b"\r\n".join(
    (
        b"HTTP/1.1 503 Service Unavailable",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Length: %d" % len(_SENTENCE),
        b"Retry-After: 5",
        b"Cache-Control: no-store",
        b"Connection: close",
        b"",
        _SENTENCE,
    )
)

CurrentContext = Callable[[], Awaitable[ssl.SSLContext]]
"""Returns the TLS for a connection that begins now."""

log = structlog.get_logger(__name__)


class Listener(web.BaseSite):
    """Listens on all addresses for a runner that is set up.

    `start` raises `sockets.CannotListenError` if it cannot listen on one; afterwards `listening` has the
    ports.
    """

    def __init__(
        self,
        runner: web.BaseRunner,
        addresses: Sequence[sockets.Address],
        limits: ConnectionLimits,
        telemetry: Telemetry,
        tls: CurrentContext | None = None,
    ) -> None:
        super().__init__(runner)
        self.connections = Connections(limits, telemetry)
        self.listening: Sequence[sockets.Listening] = ()
        self._addresses = addresses
        self._tls = tls
        self._servers: list[asyncio.Server] = []
        self._shortages = Shortages(self.connections)
        handler = partial(_RequestHandler, cast(web.Server, runner.server), access_log=None)
        self._acceptor = _Acceptor(self.connections, tls, handler)

    @property
    def name(self) -> str:
        """The configured addresses."""
        scheme = "http" if self._tls is None else "https"
        return ", ".join(f"{scheme}://{address}" for address in self._addresses)

    async def start(self) -> None:
        """Starts to listen."""
        await super().start()
        loop = asyncio.get_running_loop()
        self._shortages.install(loop)
        self.listening = await sockets.listen(self._addresses, _BACKLOG)
        for one in (bound for address in self.listening for bound in address.sockets):
            server = await loop.create_server(partial(_Accepted, self._acceptor), sock=one, backlog=_BACKLOG)
            self._servers.append(server)

    async def stop(self) -> None:
        """Stops to listen; the runner waits for requests that are being handled."""
        await super().stop()
        for server in self._servers:
            server.close()
        self._servers.clear()
        self._acceptor.abort()
        self._shortages.remove(asyncio.get_running_loop())


class _RequestHandler(web.RequestHandler):
    """aiohttp's protocol, with our headers and log lines for requests that fail."""

    __slots__ = ()

    def __init__(self, manager: web.Server, **options: Any) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(manager, loop=loop, max_headers=_HEADERS, **options)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The response to an unreadable request, or to a bug of the exporter."""
        response = super().handle_error(request, status, exc, message)
        responses.set_headers(response)
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Logs a bug as an error with its traceback, and an unreadable request at debug level."""
        error = kw.get("exc_info")
        if isinstance(error, (http.HttpProcessingError, web.RequestPayloadError)):
            log.debug("request unreadable", client=self.peername, problem=str(error)[:200])
        else:
            log.error("response failed", exc_info=error)


class _Acceptor:
    """What the accepted connections of a listener share; `handler` makes aiohttp's protocol."""

    def __init__(
        self,
        connections: Connections,
        tls: CurrentContext | None,
        handler: Callable[[], asyncio.Protocol],
    ) -> None:
        self.connections = connections
        self.tls = tls
        self.handler = handler
        self.pending: set[_Accepted] = set()  # in a TLS handshake
        self.refused: set[_Accepted] = set()

    def abort(self) -> None:
        """Closes all connections that aiohttp does not have."""
        for accepted in (*self.pending, *self.refused):
            accepted.abort()


class _Accepted(asyncio.Protocol):
    """A connection until it is refused, or aiohttp has it."""

    def __init__(self, acceptor: _Acceptor) -> None:
        self._acceptor = acceptor
        self._transport: asyncio.Transport
        self._early: list[bytes] = []  # what comes with the end of a handshake
        self._closed = False
        self._handshake: asyncio.Task[None] | None = None
        self._linger: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refuses it, begins its handshake, or hands it over at once."""
        self._transport = raw = cast(asyncio.Transport, transport)
        acceptor = self._acceptor
        peer = raw.get_extra_info("peername")
        connection = acceptor.connections.admit(str(peer[0]) if peer else "", self.abort)
        if connection is None:
            self._refuse()
        elif acceptor.tls is None:
            self._hand_over(raw, connection)
        else:
            acceptor.pending.add(self)
            shaking = self._shake_hands(acceptor.tls, connection)
            self._handshake = asyncio.get_running_loop().create_task(shaking)

    def data_received(self, data: bytes) -> None:
        """Keeps what comes with the end of a handshake."""
        if self._handshake is not None:
            self._early.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client closed it."""
        self._closed = True
        if self._linger is not None:
            self._linger.cancel()
        self._acceptor.refused.discard(self)

    def abort(self) -> None:
        """Closes it at once."""
        self._transport.abort()

    def _hand_over(self, transport: asyncio.Transport, connection: Connection) -> None:
        acceptor = self._acceptor
        protocol = DeadlineProtocol(acceptor.handler(), acceptor.connections, connection, self._transport)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        for data in self._early:
            protocol.data_received(data)

    def _refuse(self) -> None:
        refused = self._acceptor.refused
        if self._acceptor.tls is not None or len(refused) >= LINGERING:
            self.abort()
            return
        refused.add(self)
        self._transport.write(_REFUSAL)
        self._transport.write_eof()
        self._linger = asyncio.get_running_loop().call_later(_LINGER, self.abort)

    async def _shake_hands(self, tls: CurrentContext, connection: Connection) -> None:
        # the first bytes belong to the handshake; paused earlier, Python 3.11.2 reads on
        self._transport.pause_reading()
        loop, connections = asyncio.get_running_loop(), self._acceptor.connections
        seconds = connections.limits.headers
        secured: asyncio.Transport | None = None
        try:
            context = await tls()
            if self._closed:
                return
            secured = await loop.start_tls(
                self._transport, self, context, server_side=True, ssl_handshake_timeout=seconds
            )
        except ConnectionAbortedError:  # asyncio's error for a handshake that took too long
            connections.count("headers")
        except OSError as error:  # TLS errors are among them
            client = self._transport.get_extra_info("peername")
            log.debug("handshake failed", client=client, problem=str(error))
        finally:
            self._acceptor.pending.discard(self)
            if secured is None or self._closed:
                self.abort()
                connections.leave(connection)
            else:
                self._hand_over(secured, connection)


class Shortages:
    """Counts connections that cannot be accepted, and closes others to make room; logs once a minute.

    asyncio reports each failed `accept` to the loop's exception handler, hundreds of times a second, which
    logs a traceback by default.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._previous: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None = None
        self._counted = float("-inf")
        self._warning = OnceAMinute("connections not accepted")

    def install(self, loop: asyncio.AbstractEventLoop) -> None:
        """Becomes the loop's exception handler."""
        self._previous = loop.get_exception_handler()
        loop.set_exception_handler(self._handle)

    def remove(self, loop: asyncio.AbstractEventLoop) -> None:
        """Restores the loop's previous exception handler."""
        if loop.get_exception_handler() == self._handle:
            loop.set_exception_handler(self._previous)

    def _handle(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if "socket" in context and isinstance(error, OSError) and error.errno in _SHORTAGES:
            self._count(loop.time(), error)
        elif self._previous is not None:
            self._previous(loop, context)
        else:
            loop.default_exception_handler(context)

    def _count(self, now: float, error: OSError) -> None:
        if now - self._counted < _SHORTAGE_INTERVAL:
            return
        self._counted = now
        self._connections.count("descriptors")
        self._connections.make_room()  # its descriptor serves the next one
        hint = "raise the limit of open files, or lower web.max_connections"
        self._warning.warn(now, reason=error.strerror, hint=hint)
