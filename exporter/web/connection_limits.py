"""Which connections are open, how many may be, and which one makes room: shared by all addresses.

Owns the limits and the list; `accept` asks before it lets one in, `connection` says what each does and when
it left, and the telemetry and the log hear of it. It touches no socket: each connection brings along how it
is closed. Invariants: what was let in is given back exactly once, so that the count is that of the
connections there are; as long as some connection does nothing, a new one is let in.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import structlog

Reason = Literal["descriptors", "evicted", "full", "headers", "idle", "slow"]
"""descriptors: there were no file descriptors. evicted: it did nothing and made room. full: there were too
many. headers: a request was begun and not completed in time or in size, or a TLS handshake not. idle: never
said anything. slow: did not read what it had asked for."""

State = Literal["silent", "idle", "stalled", "busy"]
"""silent: no whole request came yet. idle: it waits for a further request. stalled: it does not read its
answer. busy: it is being answered."""

RESERVED = 16
"""Connections beyond the limit, on which only probes are answered."""
_SHARE = 0.75
"""The share of the limit that the connections of one network may have."""
_EXPENDABLE: tuple[State, ...] = ("silent", "idle", "stalled")
"""The states in which a connection makes room, those first in which least is lost."""
_STALLED = 1.0
"""Seconds without reading after which a connection may be closed to make room."""
_TOO_MANY = "web.max_connections are open"
_RELIEVED = 0.9
"""The part of a network's share below which the next time that there are too many is news again."""

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

    @property
    def share(self) -> int:
        """How many connections one network may have."""
        return math.ceil(_SHARE * self.connections)


class Telemetry(Protocol):
    """Who is told."""

    def connections(self, number: int) -> None:
        """So many connections are open."""

    def connection_refused(self, reason: str) -> None:
        """A connection was refused or cut; `reason` is a `Reason`."""


@dataclass(eq=False)
class Place:
    """One connection that was let in. `evict` closes it at once; `since` is the loop's time of its state.

    One that is `reserved` is beyond the limit: only probes are answered on it.
    """

    network: str
    evict: Callable[[], None]
    since: float
    state: State = "silent"
    reserved: bool = False

    def turn(self, state: State) -> None:
        """It is in this state now."""
        if state != self.state:
            self.state, self.since = state, asyncio.get_running_loop().time()


class Watch:
    """The connections of one listener."""

    def __init__(self, limits: Limits, telemetry: Telemetry) -> None:
        self.limits = limits
        self._telemetry = telemetry
        self._places: dict[Place, None] = {}
        self._networks: Counter[str] = Counter()
        self._told: set[str] = set()

    @property
    def places(self) -> tuple[Place, ...]:
        """The connections that are open, the oldest first."""
        return tuple(self._places)

    def admit(self, host: str, evict: Callable[[], None]) -> Place | None:
        """The place of one more connection from this host, given back by `leave`; None where it is refused.

        Where there are too many, or too many of its network, one that does nothing is evicted.
        """
        place = Place(network(host), evict, asyncio.get_running_loop().time())
        if self._networks[place.network] >= self.limits.share:
            place.reserved = not self._evicted([one for one in self._places if one.network == place.network])
        elif len(self._places) >= self.limits.connections:
            place.reserved = not self.make_room()
        if place.reserved and sum(one.reserved for one in self._places) >= RESERVED:
            self.refuse()
            return None
        self._places[place] = None
        self._networks[place.network] += 1
        self._telemetry.connections(len(self._places))
        return place

    def leave(self, place: Place) -> None:
        """One that was let in is gone, or about to be; a second time it changes nothing."""
        if place in self._places:
            del self._places[place]
            self._networks[place.network] -= 1
            if not self._networks[place.network]:
                del self._networks[place.network]
            self._telemetry.connections(len(self._places))
        if len(self._places) < _RELIEVED * self.limits.share:
            self._told.clear()

    def make_room(self) -> bool:
        """Closes a connection that does nothing, of the network with most of them; whether there is one."""
        return self._evicted(list(self._places))

    def refuse(self) -> None:
        """One was refused because there are too many."""
        self.cut("full")
        if self._is_news("full"):
            log.warning("connections refused", reason=_TOO_MANY, limit=self.limits.connections)

    def cut(self, reason: Reason) -> None:
        """One was refused or cut for this."""
        self._telemetry.connection_refused(reason)

    def _evicted(self, places: list[Place]) -> bool:
        place = expendable(places, asyncio.get_running_loop().time())
        if place is None:
            return False
        self.leave(place)
        self.cut("evicted")
        if self._is_news("evicted"):
            log.warning("connections closed to make room", reason=_TOO_MANY, limit=self.limits.connections)
        place.evict()
        return True

    def _is_news(self, reason: Reason) -> bool:
        """Whether this was not logged since there were few connections."""
        if reason in self._told:
            return False
        self._told.add(reason)
        return True


def expendable(places: list[Place], now: float) -> Place | None:
    """The connection whose end is the least loss; None where all are at work.

    Of those in the most expendable state, of the network that has most of them, it is the oldest.
    """
    for state in _EXPENDABLE:
        found = [one for one in places if one.state == state and _long_enough(one, now)]
        if found:
            number = Counter(one.network for one in found)
            return max(found, key=lambda one: (number[one.network], now - one.since))
    return None


def _long_enough(place: Place, now: float) -> bool:
    return place.state != "stalled" or now - place.since >= _STALLED


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
