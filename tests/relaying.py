"""A relay before simulators that notes who asked and how: what a gateway of an operator would see.

Whoever asks is let in; the simulators' own password is the relay's business. Invariant: the answers are the
simulators', the links in them lead through the relay.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from exporter.simulator.server import Options, Simulator

_HANDED_ON = ("Host", "Accept", "Range")
_OWN = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection", "date", "server"})


@dataclass(frozen=True)
class Seen:
    """One request: the API, its headers and query, and the subject of the client's certificate if any."""

    api: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    certificate: object


@dataclass
class Relay:
    """Where the APIs are, by name, and what was asked of them."""

    port: int = 0
    urls: dict[str, str] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)

    def headers(self, api: str, name: str) -> set[str | None]:
        """All values that a header had in the requests to an API."""
        return {one.headers.get(name) for one in self.seen if one.api == api}

    def queries(self, api: str, *names: str) -> set[tuple[str | None, ...]]:
        """All values that these parameters had together."""
        return {tuple(map(one.query.get, names)) for one in self.seen if one.api == api}


@asynccontextmanager
async def relaying(
    options: Mapping[str, Options], host: str = "127.0.0.1", context: ssl.SSLContext | None = None
) -> AsyncIterator[Relay]:
    """A relay, with a simulator behind it for each API; its URLs say `host`, whatever that resolves to."""
    relay = Relay()
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        bases: dict[str, tuple[str, str, str]] = {}
        for api, wanted in options.items():
            simulator = await stack.enter_async_context(Simulator(wanted))
            url = simulator.url638 if api == "tmf638" else simulator.url639
            user = base64.b64encode(f"{wanted.username}:{wanted.password}".encode()).decode()
            bases[urlsplit(url).path] = (api, f"http://{urlsplit(url).netloc}", f"Basic {user}")

        async def answer(request: web.Request) -> web.Response:
            api, origin, user = next(known for base, known in bases.items() if request.path.startswith(base))
            peer = request.transport and request.transport.get_extra_info("peercert")
            relay.seen.append(Seen(api, request.headers, dict(request.query), peer))
            kept = {name: request.headers[name] for name in _HANDED_ON if name in request.headers}
            kept["Authorization"] = user
            async with session.get(f"{origin}{request.rel_url}", headers=kept) as inner:
                headers = {name: value for name, value in inner.headers.items() if name.lower() not in _OWN}
                return web.Response(body=await inner.read(), status=inner.status, headers=headers)

        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        relay.port = int(runner.addresses[0][1])
        scheme = "https" if context else "http"
        relay.urls = {api: f"{scheme}://{host}:{relay.port}{base}" for base, (api, _, _) in bases.items()}
        yield relay


def demanding(folder: Path) -> ssl.SSLContext:
    """TLS for a relay that insists on a client certificate, with the files of `tests.source.certificates`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "localhost.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(folder / "ca.pem")
    return context
