"""Connections of clients: how many may be open, which one makes room for another, and their deadlines.

aiohttp limits neither their number nor the time for headers, and waits for ever for a client that does not
read. So `Connections` decides who is let in, and a `DeadlineProtocol` between socket and aiohttp ends what
takes too long. Invariants: a new connection is accepted as long as another one does nothing; whatever a
client does or leaves undone, a deadline runs, except while the application handles its request.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import resource
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast

import structlog
from aiohttp import web

from exporter.telemetry import Telemetry
from exporter.web import responses

Reason = Literal["descriptors", "evicted", "full", "headers", "idle", "slow"]
"""descriptors: no file descriptor was left. evicted: it did nothing and made room. full: too many were open.
headers: a request or TLS handshake was not completed in time, or too large. idle: no request ever came.
slow: it did not read its response."""

State = Literal["asking", "busy", "idle", "stalled"]
"""asking: no complete request came yet. busy: a request is being handled. idle: it waits for the next
request. stalled: it does not read its response."""

RESERVED = 16
"""Connections above the limit on which only probes are answered."""
PROBES = ("/-/healthy", "/-/ready")
"""The paths that are answered on connections above the limit, too."""
FULL = "Too many connections; try again in a few seconds."
RETRY = {"Retry-After": "5"}

_NETWORK_SHARE = 0.75
"""Share of the limit that the connections of one network may have."""
_EXPENDABLE: tuple[State, ...] = ("asking", "idle", "stalled")
"""The states in which a connection may be closed to make room, the most expendable first."""
_STALLED = 1.0
"""Seconds without reading after which a connection may be closed to make room."""
_TOO_MANY = "web.max_connections are open"
_RELIEVED = 0.9
"""Part of a network's share below which a new shortage is logged again."""
_END_OF_HEADERS = b"\r\n\r\n"
_TIMEOUT_RESPONSE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_FLUSH = 2.0
"""Seconds in which a client must read what is left for it on a connection that is being closed."""
_BUFFER_CHECK = 0.01
"""Seconds between two looks at whether the system has taken all bytes."""

_MAX_DESCRIPTORS = 1 << 17  # `web.max_connections` can be half of it
_OTHER_DESCRIPTORS = 64  # for files, pipes, listening sockets, name resolution and the state file
_PER_REQUEST = 2  # to an API: its connection, and one to another address meanwhile

log = structlog.get_logger(__name__)


class OnceAMinute:
    """A warning that clients can cause as often as they like, logged at most once a minute."""

    INTERVAL = 60.0

    def __init__(self, event: str) -> None:
        self._event = event
        self._logged = float("-inf")
        self._times = 0

    def warn(self, now: float, **fields: object) -> None:
        """Logs it with these fields and how often it was due since the last line (`times`), if it may.

        `now` is in seconds of the loop's clock.
        """
        self._times += 1
        if now - self._logged >= self.INTERVAL:
            log.warning(self._event, **fields, times=self._times)
            self._logged, self._times = now, 0


class ConnectionLimits(NamedTuple):
    """What one client, and all of them together, may take.

    `connections` is the maximum number open at once. `headers` is the seconds for the headers of a request
    and for a TLS handshake, `write` the seconds that a client may leave a response unread, `idle` the seconds
    between two requests: above the five minutes after which Prometheus closes a connection, so that no scrape
    meets one that is being closed. `header_bytes` is the maximum size of an incomplete request.
    """

    connections: int
    headers: float
    write: float
    idle: float = 330.0
    header_bytes: int = 65_536

    @property
    def of_network(self) -> int:
        """Maximum number of connections of one network."""
        return math.ceil(_NETWORK_SHARE * self.connections)


@dataclass(eq=False)
class Connection:
    """An open connection. `evict` closes it at once; `since` is the loop's time when its state began.

    Only probes are answered on a `reserved` one, which is above the limit.
    """

    network: str
    evict: Callable[[], None]
    since: float
    state: State = "asking"
    reserved: bool = False

    def become(self, state: State) -> None:
        """Notes its state."""
        if state != self.state:
            self.state, self.since = state, asyncio.get_running_loop().time()


class Connections:
    """The open connections of one listener."""

    def __init__(self, limits: ConnectionLimits, telemetry: Telemetry) -> None:
        self.limits = limits
        self._telemetry = telemetry
        self._open: dict[Connection, None] = {}
        self._networks: Counter[str] = Counter()
        self._logged: set[str] = set()

    @property
    def open(self) -> tuple[Connection, ...]:
        """The open connections, the oldest first."""
        return tuple(self._open)

    def admit(self, host: str, evict: Callable[[], None]) -> Connection | None:
        """A new connection from this host, to be given back with `leave`; None where it is refused.

        If too many are open, or too many of its network, one that does nothing is closed.
        """
        new = Connection(network(host), evict, asyncio.get_running_loop().time())
        if self._networks[new.network] >= self.limits.of_network:
            new.reserved = not self._evict([one for one in self._open if one.network == new.network])
        elif len(self._open) >= self.limits.connections:
            new.reserved = not self.make_room()
        if new.reserved and sum(one.reserved for one in self._open) >= RESERVED:
            self.refuse()
            return None
        self._open[new] = None
        self._networks[new.network] += 1
        self._telemetry.connections(len(self._open))
        return new

    def leave(self, connection: Connection) -> None:
        """Counts a connection as closed; calling it again changes nothing."""
        if connection in self._open:
            del self._open[connection]
            self._networks[connection.network] -= 1
            if not self._networks[connection.network]:
                del self._networks[connection.network]
            self._telemetry.connections(len(self._open))
        if len(self._open) < _RELIEVED * self.limits.of_network:
            self._logged.clear()

    def make_room(self) -> bool:
        """Closes a connection that does nothing; whether there was one."""
        return self._evict(list(self._open))

    def refuse(self) -> None:
        """Counts a connection or request that was refused because too many connections are open."""
        self.count("full")
        if self._is_news("full"):
            log.warning("connections refused", reason=_TOO_MANY, limit=self.limits.connections)

    def count(self, reason: Reason) -> None:
        """Counts a connection that was refused or closed."""
        self._telemetry.connection_refused(reason)

    def _evict(self, candidates: list[Connection]) -> bool:
        found = expendable(candidates, asyncio.get_running_loop().time())
        if found is None:
            return False
        self.leave(found)
        self.count("evicted")
        if self._is_news("evicted"):
            log.warning("connections closed to make room", reason=_TOO_MANY, limit=self.limits.connections)
        found.evict()
        return True

    def _is_news(self, reason: Reason) -> bool:
        """Whether it was not logged since there were few connections."""
        news = reason not in self._logged
        self._logged.add(reason)
        return news


def expendable(connections: list[Connection], now: float) -> Connection | None:
    """The connection to close first; None if all are at work.

    Of those in the most expendable state it is the oldest one of the network that has most of them.
    """
    for state in _EXPENDABLE:
        seconds = _STALLED if state == "stalled" else 0.0
        found = [one for one in connections if one.state == state and now - one.since >= seconds]
        if found:
            number = Counter(one.network for one in found)
            return max(found, key=lambda one: (number[one.network], now - one.since))
    return None


def network(host: str) -> str:
    """What counts as one client: an IPv4 address, or the first 64 bits of an IPv6 address."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address), 64), strict=False))
    return str(address)


class DeadlineProtocol(asyncio.Protocol):
    """Passes everything on to `inner`, aiohttp's protocol, and ends the connection when a deadline passes.

    It does not parse: a request begins with the first byte after a response, and its headers are complete
    when `track_requests` is called. `raw` is the transport of the socket, below any TLS.
    """

    def __init__(
        self,
        inner: asyncio.Protocol,
        connections: Connections,
        connection: Connection,
        raw: asyncio.BaseTransport,
    ) -> None:
        self.connection = connection
        self.connections = connections
        connection.evict = self._evict
        self._inner = inner
        # Aborting below TLS works in every state of a TLS connection.
        self._raw = cast(asyncio.Transport, raw)
        self._transport = self._raw
        self._state: State = "asking"
        self._incomplete = 0  # bytes of a request that is not complete
        self._tail = b""
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The headers of the first request are due."""
        self._transport = cast(asyncio.Transport, transport)
        self._set_deadline(self.connections.limits.headers, self._expire)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Further bytes extend no deadline, so that sending slowly gains nothing."""
        if self._over:
            return
        self._tail = b"".join((self._tail, data[-4:]))[-4:]
        if self._state != "busy":
            if self._state == "idle":
                self._set_deadline(self.connections.limits.headers, self._expire)
            self._become("asking")
            if self._incomplete > self.connections.limits.header_bytes:
                self._end("headers")
                return
            self._incomplete += len(data)
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """The client sends no more; aiohttp decides what that means."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """The client does not read."""
        loop = asyncio.get_running_loop()
        self._stall = loop.call_later(self.connections.limits.write, self._end_stalled)
        self.connection.become("stalled")
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """The client reads."""
        self._cancel_stall()
        self._become(self._state)
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, whoever closed it."""
        self._over = True
        self._cancel_stall()
        self._cancel_deadline()
        self.connections.leave(self.connection)
        self._inner.connection_lost(exc)

    @contextmanager
    def handling(self) -> Iterator[None]:
        """While the application handles a request of this connection."""
        if self._over:  # a request that came before the connection was ended
            yield
            return
        self._cancel_deadline()
        self._incomplete = 0
        self._become("busy")
        try:
            yield
        finally:
            if not self._over:
                # Other last bytes than the end of headers began a next request, or were an unread body.
                complete = self._tail == _END_OF_HEADERS
                self._become("idle" if complete else "asking")
                limits = self.connections.limits
                self._set_deadline(limits.idle if complete else limits.headers, self._expire)

    async def sent(self) -> None:
        """Waits until the system has taken all bytes: `drain` does not wait for those in asyncio's TLS."""
        while self._raw.get_write_buffer_size():  # noqa: ASYNC110 - only asyncio's TLS is notified of it
            await asyncio.sleep(_BUFFER_CHECK)

    def _become(self, state: State) -> None:
        self._state = state
        if self._stall is None:
            self.connection.become(state)

    def _expire(self) -> None:
        if self._transport.is_closing():  # it was closed, and the client does not read the last bytes
            self._raw.abort()
        elif self._stall is not None:  # the client reads slowly, which has its own deadline
            self._set_deadline(self.connections.limits.headers, self._expire)
        elif self._state == "idle":
            self._close()
        elif not self._tail:  # no byte ever came
            self._end("idle")
        else:
            self._transport.write(_TIMEOUT_RESPONSE)
            self._end("headers")

    def _end(self, reason: Reason) -> None:
        self.connections.count(reason)
        self._close()

    def _close(self) -> None:
        """Closes the connection, and aborts it if the client does not read the last bytes."""
        self._over = True
        self._transport.close()
        self._set_deadline(_FLUSH, self._raw.abort)

    def _end_stalled(self) -> None:
        self._stall = None
        self.connections.count("slow")
        self._raw.abort()

    def _evict(self) -> None:
        self._over = True
        self._cancel_deadline()
        self._raw.abort()

    def _set_deadline(self, seconds: float, then: Callable[[], None]) -> None:
        self._cancel_deadline()
        self._deadline = asyncio.get_running_loop().call_later(seconds, then)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cancel_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None


@web.middleware
async def track_requests(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Stops the deadline for headers while a request is handled; above the limit answers only probes."""
    protocol = protocol_of(request)
    if protocol is None:
        return await handler(request)
    with protocol.handling():
        if not protocol.connection.reserved:
            return await handler(request)
        if request.path in PROBES:
            response = await handler(request)
        else:
            protocol.connections.refuse()
            response = responses.plain_text(503, FULL, RETRY)
        response.force_close()
        return response


def protocol_of(request: web.Request) -> DeadlineProtocol | None:
    """The protocol of a request; None if the client left, or on another site than `listener.Listener`."""
    protocol = request.transport.get_protocol() if request.transport is not None else None
    return protocol if isinstance(protocol, DeadlineProtocol) else None


def raise_descriptor_limit() -> int:
    """Raises the process' soft limit of open files to the hard one, at most to 131,072; returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    now = _MAX_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    wanted = _MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MAX_DESCRIPTORS)
    if now >= wanted:
        return now
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # a container may forbid it
        return now
    return wanted


def max_connections(wanted: int, descriptors: int, *, requests: int, beyond: int) -> int:
    """How many connections may be open if the process may open so many `descriptors`.

    `requests` to APIs may be in flight; the listener accepts `beyond` connections above its limit.
    """
    return max(1, min(wanted, descriptors - _OTHER_DESCRIPTORS - _PER_REQUEST * requests - beyond))
