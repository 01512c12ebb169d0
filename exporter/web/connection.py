"""One connection that was let in: it stands between the socket and aiohttp, and keeps the time.

aiohttp has no deadline for headers and waits for ever for a client that does not read (faults F70, F71), so
every byte passes here on its way and four clocks are kept: for the first request, for the headers of each,
between two, and for a stalled answer. It does not read the bytes: where a request begins is the first byte
after an answer, where its headers end is when the application is called, which `attended` tells. It also
tells its place in the `connection_limits` whether it is at work, for one that is not makes room for others.
Invariant: whatever the client does or leaves undone, a clock runs, except while the application is at work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Literal, cast

from aiohttp import web

from exporter.web import responses
from exporter.web.connection_limits import Place, Reason, State, Watch

_State = Literal["silent", "asking", "answering", "idle"]
_STANDS: dict[_State, State] = {
    "silent": "silent",
    "asking": "silent",
    "answering": "busy",
    "idle": "idle",
}
PROBES = ("/-/healthy", "/-/ready")
"""The paths that are answered on a connection beyond the limit, too."""
FULL = "Too many connections; try again in a few seconds."
RETRY = {"Retry-After": "5"}
_END = b"\r\n\r\n"
_LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_FLUSH = 2.0
"""Seconds in which a connection that is being closed must take what is left for it."""
_LOOK = 0.01
"""Seconds between two looks at what the system has not taken yet."""


class Door(asyncio.Protocol):
    """Passes everything on to `inner`, aiohttp's own protocol; `line` is the socket below any TLS."""

    def __init__(
        self, inner: asyncio.Protocol, watch: Watch, place: Place, line: asyncio.BaseTransport
    ) -> None:
        self._inner = inner
        self._watch = watch
        self._place = place
        place.evict = self._evict
        # Aborting below TLS works in every state that a TLS connection may be in.
        self._line = cast(asyncio.Transport, line)
        self._transport = self._line
        self._state: _State = "silent"
        self._unasked = 0
        self._tail = b""
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._over = False

    @property
    def reserved(self) -> bool:
        """Whether the connection is beyond the limit, so that only probes are answered."""
        return self._place.reserved

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The first request's headers are due from now on."""
        self._transport = cast(asyncio.Transport, transport)
        self._await(self._watch.limits.headers, self._expire)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Further bytes extend no deadline, so that dripping gains nothing."""
        if self._over:
            return
        self._tail = b"".join((self._tail, data[-4:]))[-4:]
        if self._state != "answering":
            if self._state == "idle":
                self._await(self._watch.limits.headers, self._expire)
            self._become("asking")
            if self._unasked > self._watch.limits.header_bytes:
                self._cut("headers")
                return
            self._unasked += len(data)
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """The client says no more; aiohttp decides what that means."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """The client does not read: it has so long to begin again."""
        loop = asyncio.get_running_loop()
        self._stall = loop.call_later(self._watch.limits.write, self._give_up)
        self._place.turn("stalled")
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """It reads."""
        self._unstall()
        self._become(self._state)
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, whoever ended it."""
        self._over = True
        self._unstall()
        self._rest()
        self._watch.leave(self._place)
        self._inner.connection_lost(exc)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """While the application is at work on a request of this connection."""
        if self._over:  # one that came before the connection was cut
            yield
            return
        self._rest()
        self._unasked = 0
        self._become("answering")
        try:
            yield
        finally:
            if not self._over:
                # What came last and ends no headers began a further request, or was a body nobody wanted.
                whole = self._tail == _END
                self._become("idle" if whole else "asking")
                limits = self._watch.limits
                self._await(limits.idle if whole else limits.headers, self._expire)

    async def sent(self) -> None:
        """Waits until the system has everything: what TLS has handed down, `drain` does not wait for."""
        while self._line.get_write_buffer_size():  # noqa: ASYNC110 - asyncio tells its own TLS only
            await asyncio.sleep(_LOOK)

    def refuse(self) -> None:
        """What is asked is not answered, because there are too many connections."""
        self._watch.refuse()

    def _become(self, state: _State) -> None:
        self._state = state
        if self._stall is None:
            self._place.turn(_STANDS[state])

    def _evict(self) -> None:
        """Ends the connection now: it does nothing, and another one needs its place."""
        self._over = True
        self._rest()
        self._line.abort()

    def _expire(self) -> None:
        if self._transport.is_closing():  # it was ended, and the client does not read the last of it
            self._line.abort()
        elif self._stall is not None:  # what takes so long is the reading, which has a clock of its own
            self._await(self._watch.limits.headers, self._expire)
        elif self._state == "idle":
            self._close()
        elif self._state == "silent":
            self._cut("idle")
        else:
            self._transport.write(_LATE)
            self._cut("headers")

    def _cut(self, reason: Reason) -> None:
        self._watch.cut(reason)
        self._close()

    def _close(self) -> None:
        """Ends the connection, by force if the client does not read the last of it."""
        self._over = True
        self._transport.close()
        self._await(_FLUSH, self._line.abort)

    def _give_up(self) -> None:
        self._stall = None
        self._watch.cut("slow")
        self._line.abort()

    def _await(self, seconds: float, then: Callable[[], None]) -> None:
        self._rest()
        self._deadline = asyncio.get_running_loop().call_later(seconds, then)

    def _rest(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _unstall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None


@web.middleware
async def attended(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Tells the request's door that its headers are there, and when the application is done with it."""
    door = of(request)
    if door is None:
        return await handler(request)
    with door.answering():
        if not door.reserved:
            return await handler(request)
        if request.path in PROBES:
            response = await handler(request)
        else:
            door.refuse()
            response = responses.plain_text(503, FULL, RETRY)
        response.force_close()
        return response


def of(request: web.Request) -> Door | None:
    """The door a request came through; None where the client left, or on an unguarded site, as in tests."""
    door = request.transport.get_protocol() if request.transport is not None else None
    return door if isinstance(door, Door) else None
