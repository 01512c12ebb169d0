"""What requests of one API share: few connections, how they are secured, the way they take.

Both the API and its token endpoint are asked through it. What is asked, and what an answer means, is
`client`'s and `desk`'s, how long connections are kept `pool`'s. Invariants: aiohttp's exceptions become ours
here and nowhere else; nothing is followed or sent twice, no cookie is kept, and no credential is sent but
those a request was given for its own server.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace, TracebackType
from typing import Self

import aiohttp
import multidict
import yarl

from exporter import __version__, errors, settings
from exporter.source import failure, proxy, tls
from exporter.source.pool import Pool

_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": f"ses-inventory-exporter/{__version__}",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request: a POST if it has a `form`, already escaped; else a GET."""

    target: yarl.URL
    headers: multidict.CIMultiDict[str]
    form: str | None = None


class Stale(errors.Unreachable):
    """A GET failed on a connection that had been kept: it can be sent again at once, and on a fresh one."""


class Peer:
    """A server we ask: the API `name`, or its token endpoint; each has certificates and a proxy of its own.

    Raises `ConfigError` where its certificates or the environment's proxy cannot be used.
    """

    def __init__(self, name: str, config: settings.Api | settings.OAuth2) -> None:
        self._api = f"apis.{name}"
        self._block, self._key = self._api, "url"
        if isinstance(config, settings.OAuth2):
            self._block, self._key = f"{self._api}.oauth2", "token_url"
        self.security = tls.Security(config.tls_config, f"{self._block}.tls_config")
        self.route = proxy.route(config, os.environ, self._block)
        self._connect = proxy.connect_headers(config)

    def context(self, place: failure.Place) -> ssl.SSLContext:
        """How the next connection is secured; raises `Unreachable` where certificates never could be read."""
        try:
            return self.security.context()
        except errors.ConfigError as error:
            raise errors.Unreachable(
                f"{place.request}: {error.problem}", reason="tls", mend=error.mend
            ) from error

    def tunnel(self, request: Request, through: proxy.Proxy | None) -> multidict.CIMultiDict[str]:
        """What the proxy is told with CONNECT, without which there is none; its credentials come last."""
        headers = multidict.CIMultiDict(self._connect if request.target.scheme == "https" else {})
        headers.update(_credentials(through))
        return headers

    def place(self, request: Request, through: proxy.Proxy | None) -> failure.Place:
        """Where an error of the request happened."""
        method = "GET" if request.form is None else "POST"
        bare = failure.bare(request.target)
        proxied = str(through.url) if through else ""
        trusted = self.security.authorities
        return failure.Place(method, bare, self._api, self._block, self._key, proxied, trusted)


class Wire:
    """The connections of one API, at most `connections` and one; an asynchronous context manager.

    `clock` tells seconds steadily.
    """

    def __init__(
        self,
        http: settings.Api,
        connections: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._connections = connections
        self._pool = Pool(self._session, clock)

    def _session(self) -> aiohttp.ClientSession:
        reused = aiohttp.TraceConfig()
        reused.on_connection_reuseconn.append(_note_reuse)
        return aiohttp.ClientSession(
            # one more, so that a token can be asked for while pages are on their way
            connector=aiohttp.TCPConnector(
                limit=self._connections + 1, ttl_dns_cache=10, keepalive_timeout=30
            ),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            timeout=aiohttp.ClientTimeout(total=self._http.timeout, connect=self._http.connect_timeout),
            trace_configs=[reused],
            middlewares=[_only_once],
        )

    async def __aenter__(self) -> Self:
        self._pool.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def exchange(
        self, peer: Peer, request: Request
    ) -> AsyncIterator[tuple[aiohttp.ClientResponse, failure.Place]]:
        """Sends a request; gives the answer, whose body is still to be read, and where we are for messages.

        Raises `SourceError` for whatever aiohttp raises, also while the body is read; `Stale` for a GET that
        a kept connection did not answer, after which the next request is sent over a fresh one.
        """
        through = peer.route(request.target)
        place = peer.place(request, through)
        security = peer.context(place)
        seen = SimpleNamespace(reused=False)
        async with self._pool.lease() as leased:
            try:
                async with leased.session.request(
                    place.method,
                    request.target,
                    headers=_for_proxy(request, through),
                    data=request.form,
                    allow_redirects=False,
                    ssl=security,
                    server_hostname=peer.security.server_name,
                    proxy=through.url if through else None,
                    proxy_headers=peer.tunnel(request, through),
                    trace_request_ctx=seen,
                ) as response:
                    yield response, place
            except _Lost as lost:
                error = failure.from_client(lost.error, place)
                if not seen.reused:
                    raise error from lost.error
                await self._pool.replace(leased)
                if request.form is None:
                    raise Stale(str(error), reason=error.reason, mend=error.mend) from lost.error
                raise error from lost.error
            except (aiohttp.ClientError, OSError) as error:
                raise failure.from_client(error, place) from error


class _Lost(aiohttp.ClientError):
    """A connection that stood was lost before the answer began."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


async def _only_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keeps aiohttp from sending a request again by itself: uncounted, and over the next dead connection."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Lost(error) from error


async def _note_reuse(
    session: aiohttp.ClientSession, seen: SimpleNamespace, event: aiohttp.TraceConnectionReuseconnParams
) -> None:
    """Marks a request that goes over a connection that was kept."""
    seen.trace_request_ctx.reused = True


def _credentials(through: proxy.Proxy | None) -> dict[str, str]:
    return {"Proxy-Authorization": through.authorization} if through and through.authorization else {}


def _for_proxy(request: Request, through: proxy.Proxy | None) -> multidict.CIMultiDict[str]:
    """The headers of the request; only without TLS the proxy reads them, and finds its own among them."""
    if request.target.scheme == "https" or not _credentials(through):
        return request.headers
    return multidict.CIMultiDict([*request.headers.items(), *_credentials(through).items()])
