"""How many connections are open, how many may be, and who is told: shared by all connections of one listener.

Owns the limits and the count; `arrival` asks before it lets one in, `door` says when it left and why it was
cut, and the telemetry and the log hear of it. It touches no socket. Invariant: what was let in is given back
exactly once, so that the count is that of the connections there are.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

import structlog

Reason = Literal["full", "headers", "idle", "slow"]
"""full: there were too many. headers: a request was begun and not completed in time or in size, or a TLS
handshake not. idle: never said anything. slow: did not read what it had asked for."""

_RELIEVED = 0.9
"""The share of the limit below which the next time it is reached is news again."""

log = structlog.get_logger(__name__)


class Limits(NamedTuple):
    """What one client, and all of them, may take.

    `connections` are those open at once. `headers` is the seconds a request's headers may take, from
    connecting or from the first byte of a further request, and those of a TLS handshake. `write` is the
    seconds a client may leave an answer unread. `idle` is the seconds between two requests on one connection:
    above the five minutes after which Prometheus lets go by itself, so that no scrape meets a connection that
    is being closed. `header_bytes` is how much may come before there is a request.
    """

    connections: int
    headers: float
    write: float
    idle: float = 330.0
    header_bytes: int = 65_536


class Telemetry(Protocol):
    """Who is told."""

    def connections(self, number: int) -> None:
        """So many connections are open."""

    def connection_refused(self, reason: str) -> None:
        """A connection was refused or cut; `reason` is a `Reason`."""


class Watch:
    """The count of one listener."""

    def __init__(self, limits: Limits, telemetry: Telemetry) -> None:
        self.limits = limits
        self._telemetry = telemetry
        self._open = 0
        self._was_full = False

    def admit(self) -> bool:
        """Whether one more may come in; it is counted if so, and to be given back by `leave`."""
        if self._open >= self.limits.connections:
            self.cut("full")
            if not self._was_full:
                self._was_full = True
                log.warning(
                    "connections refused",
                    reason="web.max_connections are open",
                    limit=self.limits.connections,
                )
            return False
        self._count(1)
        return True

    def leave(self) -> None:
        """One that was let in is gone."""
        self._count(-1)
        if self._open < _RELIEVED * self.limits.connections:
            self._was_full = False

    def cut(self, reason: Reason) -> None:
        """One was refused or cut for this."""
        self._telemetry.connection_refused(reason)

    def _count(self, more: int) -> None:
        self._open += more
        self._telemetry.connections(self._open)
