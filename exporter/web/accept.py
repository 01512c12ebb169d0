"""A connection before it is let in: counted, refused if there are too many, its TLS set up.

Owns what happens between accepting and the first byte that aiohttp sees; from then on it is a `connection`'s.
The handshake is made here and not by asyncio's server, which says nothing of those that fail or never end, so
that a half-made one counts as the connection it is (fault F70). Invariant: one that is refused costs no task
and no buffer, and is gone in a second.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

import structlog

from exporter.web.connection import FULL, Door
from exporter.web.connection_limits import Place, Watch
from exporter.web.web_config.reloader import ReloadingContext

_LINGER = 1.0
"""Seconds in which one that is refused may read why. Closing at once would reset what is under way to it."""
LINGERING = 32
"""How many may do so at once; beyond, a connection is closed unanswered."""
_SENTENCE = b"%b\n" % FULL.encode()
_FULL = b"\r\n".join(
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

log = structlog.get_logger(__name__)


class Entrance:
    """What the connections of one listener share; `speaker` makes aiohttp's protocol for one let in."""

    def __init__(
        self, watch: Watch, speaker: Callable[[], asyncio.Protocol], context: ssl.SSLContext | None
    ) -> None:
        self.watch = watch
        self.speaker = speaker
        self.context = context
        self.waiting: set[Arrival] = set()
        self.refused: set[Arrival] = set()

    def shut(self) -> None:
        """Ends whatever has not come to aiohttp: handshakes and refusals."""
        for arrival in (*self.waiting, *self.refused):
            arrival.abort()


class Arrival(asyncio.Protocol):
    """One connection, as it was accepted."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self._line: asyncio.Transport
        self._early: list[bytes] = []
        self._gone = False
        self._handshake: asyncio.Task[None] | None = None
        self._linger: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accepted: refused, shaken hands with, or let in at once."""
        self._line = line = cast(asyncio.Transport, transport)
        entrance = self._entrance
        peer = line.get_extra_info("peername")
        place = entrance.watch.admit(str(peer[0]) if peer else "", self.abort)
        if place is None:
            self._refuse(line)
        elif entrance.context is None:
            self._let_in(line, line, place)
        else:
            line.pause_reading()  # the handshake's first bytes are not for us
            entrance.waiting.add(self)
            shaking = self._shake(line, entrance.context, place)
            self._handshake = asyncio.get_running_loop().create_task(shaking)

    def data_received(self, data: bytes) -> None:
        """What comes with the end of a handshake is kept for aiohttp; of one refused nothing is."""
        if self._handshake is not None:
            self._early.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone before it was let in."""
        self._gone = True
        if self._linger is not None:
            self._linger.cancel()
        self._entrance.refused.discard(self)

    def abort(self) -> None:
        """Ends it at once."""
        self._line.abort()

    def _let_in(self, line: asyncio.Transport, transport: asyncio.Transport, place: Place) -> None:
        door = Door(self._entrance.speaker(), self._entrance.watch, place, line)
        transport.set_protocol(door)
        door.connection_made(transport)
        for data in self._early:
            door.data_received(data)

    def _refuse(self, line: asyncio.Transport) -> None:
        refused = self._entrance.refused
        if self._entrance.context is not None or len(refused) >= LINGERING:
            line.abort()
            return
        refused.add(self)
        line.write(_FULL)
        line.write_eof()
        self._linger = asyncio.get_running_loop().call_later(_LINGER, line.abort)

    async def _shake(self, line: asyncio.Transport, context: ssl.SSLContext, place: Place) -> None:
        loop, watch = asyncio.get_running_loop(), self._entrance.watch
        transport: asyncio.Transport | None = None
        try:
            if isinstance(context, ReloadingContext):
                await context.refresh()
            if self._gone:
                return
            transport = await loop.start_tls(
                line, self, context, server_side=True, ssl_handshake_timeout=watch.limits.headers
            )
        except ConnectionAbortedError:  # which is how asyncio says that it took too long
            watch.cut("headers")
        except OSError as error:  # TLS errors are among them
            client = line.get_extra_info("peername")
            log.debug("handshake failed", client=client, problem=str(error))
        finally:
            self._entrance.waiting.discard(self)
            if transport is None or self._gone:
                line.abort()
                watch.leave(place)
            else:
                self._let_in(line, transport, place)
