"""What stands before an operator's inventory: TLS, clients' certificates and a password, all of which rotate.

It hands on to a simulator what it lets in, and notes with what each request came. Invariants: one password is
right at a time, and the next request is judged by the next; a connection is secured by what was in force when
it began.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import aiohttp
import trustme
from aiohttp import web
from yarl import URL

from exporter.simulator.server import Simulator


class Shown(NamedTuple):
    """With what a request came in: the password, the client's certificate and the gateway's own.

    Certificates are told by their numbers: serial ones of clients, the gateway's from 1 in their order.
    """

    password: str
    client: int
    server: int


class _Current(ssl.SSLContext):
    """Each connection is secured by the last of `contexts` when it begins."""

    contexts: list[ssl.SSLContext]

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        return self.contexts[-1].wrap_bio(*arguments, **named)


@dataclass
class Gateway:
    """`password` and `context` are those in force; `seen` is what came in, `refused` how many did not."""

    clients: trustme.CA
    password: str
    seen: list[Shown] = field(default_factory=list)
    refused: int = 0
    url: str = ""
    number: int = 0
    _contexts: list[ssl.SSLContext] = field(default_factory=list)

    def shows(self, authority: trustme.CA) -> None:
        """From now on new connections are secured by a new certificate of this authority."""
        made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(made)
        self.clients.configure_trust(made)
        made.verify_mode = ssl.CERT_REQUIRED
        self._contexts.append(made)
        self.number = len(self._contexts)

    def context(self) -> ssl.SSLContext:
        """For the listener."""
        made = _Current(ssl.PROTOCOL_TLS_SERVER)
        made.contexts = self._contexts
        return made

    def admits(self, request: web.Request) -> bool:
        """Whether a request shows the password in force; notes it."""
        if request.headers.get("Authorization") != aiohttp.encode_basic_auth("monitor", self.password):
            self.refused += 1
            return False
        assert request.transport is not None
        line: ssl.SSLObject = request.transport.get_extra_info("ssl_object")
        serial = str((line.getpeercert() or {})["serialNumber"])
        self.seen.append(Shown(self.password, int(serial, 16), self._contexts.index(line.context) + 1))
        return True


@asynccontextmanager
async def guarding(
    simulator: Simulator, clients: trustme.CA, authority: trustme.CA
) -> AsyncIterator[Gateway]:
    """A gateway before the simulator, for clients with a certificate of `clients`."""
    gateway = Gateway(clients, "first password")
    gateway.shows(authority)
    known = aiohttp.encode_basic_auth(simulator.options.username, simulator.options.password)
    inside = URL(simulator.url638).origin()
    async with aiohttp.ClientSession(headers={"Authorization": known}) as session:

        async def hand_on(request: web.Request) -> web.Response:
            if not gateway.admits(request):
                return web.Response(status=401)
            async with session.get(f"{inside}{request.rel_url}") as answer:
                return web.Response(body=await answer.read(), content_type=answer.content_type)

        app = web.Application()
        app.router.add_get("/{anything:.*}", hand_on)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=gateway.context()).start()
            gateway.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
            yield gateway
        finally:
            await runner.cleanup()
