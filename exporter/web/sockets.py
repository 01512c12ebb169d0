"""The listening sockets for the addresses of `web.listen_address`.

A wildcard address has two sockets, one of each IP version, so that IPv4 clients keep their addresses in logs
and limits. Either every address is listened on, or an error names the one that is not and nothing stays open.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import NamedTuple

_ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPFNOSUPPORT, errno.EPROTONOSUPPORT)
"""Errors of addresses, or versions of IP, that the machine does not have."""
_PORT_ATTEMPTS = 20
"""Attempts to find a port that is free on every address of a name."""


class Address(NamedTuple):
    """A configured address: `host` None means every address, `port` 0 any free port."""

    host: str | None
    port: int

    @property
    def is_wildcard(self) -> bool:
        """Whether it means every address, of both versions of IP or of one."""
        try:
            return self.host is None or ipaddress.ip_address(self.host).is_unspecified
        except ValueError:  # a name
            return False

    def __str__(self) -> str:
        host = self.host or ""
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


class Endpoint(NamedTuple):
    """The IP address and port of one socket."""

    ip: str
    port: int
    scope: int = 0

    @property
    def family(self) -> socket.AddressFamily:
        """Version of IP."""
        return socket.AF_INET6 if ":" in self.ip else socket.AF_INET

    @property
    def is_wildcard(self) -> bool:
        """Whether it means every address of its version of IP."""
        return ipaddress.ip_address(self.ip).is_unspecified


class Listening(NamedTuple):
    """An address that is listened on, with the port that was bound, and its sockets.

    It has no sockets if those of another address cover it. `absent` are the errors of its IP addresses that
    the machine does not have.
    """

    address: Address
    sockets: Sequence[socket.socket]
    absent: Sequence[CannotListenError]


class CannotListenError(OSError):
    """An address cannot be listened on; the text has the address and the reason."""

    def __init__(self, address: Address, error: OSError | UnicodeError, endpoint: Endpoint | None = None):
        reason = getattr(error, "strerror", None) or str(error)
        where = "" if endpoint is None or endpoint.ip == address.host else f"{_shown(endpoint)}: "
        super().__init__(getattr(error, "errno", None), f"cannot listen on {address}: {where}{reason}")

    def __str__(self) -> str:
        return str(self.strerror)


async def listen(addresses: Iterable[Address], backlog: int) -> tuple[Listening, ...]:
    """Listens on every address once, with this backlog.

    IP addresses of a name, and versions of IP, that the machine does not have are left out. Raises
    `CannotListenError` if all of an address are, or if one is in use.
    """
    resolved = {address: await _resolved(address) for address in dict.fromkeys(addresses)}
    every = [endpoint for endpoints in resolved.values() for endpoint in endpoints]
    found: list[Listening] = []
    seen: set[Endpoint] = set()
    with ExitStack() as opened:
        for address, endpoints in resolved.items():
            needed = [one for one in endpoints if one not in seen and not is_covered(one, every)]
            seen.update(one for one in needed if one.port)
            bound = _listen_on_one_port(address, needed, backlog)
            for one in bound.sockets:
                opened.enter_context(one)
            found.append(bound)
        opened.pop_all()
    return tuple(found)


def is_covered(endpoint: Endpoint, every: Iterable[Endpoint]) -> bool:
    """Whether a wildcard among `every` accepts the connections to this endpoint; not for any free port."""
    return any(
        one.is_wildcard
        and not endpoint.is_wildcard
        and (one.family, one.port) == (endpoint.family, endpoint.port)
        for one in every
        if one.port
    )


async def _resolved(address: Address) -> list[Endpoint]:
    """The IP addresses of an address in the order of the resolver; for a wildcard of IPv6 both wildcards."""
    if address.host is None:
        return _both_wildcards(address.port)
    loop = asyncio.get_running_loop()
    try:
        answers = await loop.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:  # a host that is no name is a UnicodeError
        raise CannotListenError(address, error) from error
    found: dict[Endpoint, None] = {}
    for family, _, _, _, place in answers:
        if family in (socket.AF_INET, socket.AF_INET6):
            scope = place[3] if family == socket.AF_INET6 else 0  # type: ignore[misc]
            endpoint = Endpoint(str(place[0]).partition("%")[0], int(place[1]), scope)
            is_dual = endpoint.is_wildcard and endpoint.family == socket.AF_INET6
            found.update(dict.fromkeys(_both_wildcards(endpoint.port) if is_dual else [endpoint]))
    return list(found)


def _both_wildcards(port: int) -> list[Endpoint]:
    return [Endpoint("0.0.0.0", port), Endpoint("::", port)]  # noqa: S104 - this is what was asked for


def _listen_on_one_port(address: Address, endpoints: Sequence[Endpoint], backlog: int) -> Listening:
    """Listens on these endpoints of one address. A free port is the same on all of them."""
    for _ in range(0 if address.port else _PORT_ATTEMPTS - 1):
        try:
            return _opened(address, endpoints, backlog)
        except CannotListenError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    return _opened(address, endpoints, backlog)


def _opened(address: Address, endpoints: Sequence[Endpoint], backlog: int) -> Listening:
    sockets: list[socket.socket] = []
    absent: list[CannotListenError] = []
    port = address.port
    with ExitStack() as opened:
        for endpoint in endpoints:
            try:
                one = opened.enter_context(_socket(endpoint._replace(port=port), backlog))
            except OSError as error:
                problem = CannotListenError(address, error, endpoint)
                if error.errno not in _ABSENT:
                    raise problem from error
                absent.append(problem)
            else:
                port = one.getsockname()[1]
                sockets.append(one)
        if absent and not sockets:
            raise absent[0]
        opened.pop_all()
    return Listening(address._replace(port=port), sockets, absent)


def _socket(endpoint: Endpoint, backlog: int) -> socket.socket:
    one = socket.socket(endpoint.family, socket.SOCK_STREAM)
    try:
        one.setblocking(False)  # noqa: FBT003 - a parameter of Python's
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart may find old connections
        if endpoint.family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # IPv4 has its own socket
            one.bind((endpoint.ip, endpoint.port, 0, endpoint.scope))
        else:
            one.bind((endpoint.ip, endpoint.port))
        one.listen(backlog)
    except BaseException:
        one.close()
        raise
    return one


def _shown(endpoint: Endpoint) -> str:
    return f"[{endpoint.ip}]" if ":" in endpoint.ip else endpoint.ip
