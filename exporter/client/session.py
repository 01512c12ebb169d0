"""What requests of one API share: how many there are at a time, how they are secured, the way they take.

Both the API and its token endpoint are asked through it. What is asked, and what an answer means, is
`client`'s and `token_fetcher`'s. Invariants: aiohttp's exceptions become ours here and nowhere else; each
request has a connection of its own (`connector`); nothing is followed or sent twice, no cookie is kept, and
no credential is sent but those a request was given for its own server.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
import multidict
import yarl

from exporter import __version__, errors, settings
from exporter.client import error_mapping, proxy, tls
from exporter.client.connector import OneRequestConnector

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

    def context(self, place: error_mapping.Place) -> ssl.SSLContext:
        """How the next connection is secured; raises `Unreachable` where certificates never could be read."""
        try:
            return self.security.context()
        except errors.ConfigError as error:
            raise errors.Unreachable(
                f"{place.request}: {error.problem}", reason="tls", hint=error.hint
            ) from error

    def tunnel(self, request: Request, through: proxy.Proxy | None) -> multidict.CIMultiDict[str]:
        """What the proxy is told with CONNECT, without which there is none; its credentials come last."""
        headers = multidict.CIMultiDict(self._connect if request.target.scheme == "https" else {})
        headers.update(_credentials(through))
        return headers

    def place(self, request: Request, through: proxy.Proxy | None) -> error_mapping.Place:
        """Where an error of the request happened."""
        method = "GET" if request.form is None else "POST"
        bare = error_mapping.bare(request.target)
        proxied = str(through.url) if through else ""
        trusted = self.security.authorities
        return error_mapping.Place(method, bare, self._api, self._block, self._key, proxied, trusted)


class Wire:
    """Requests to one API, at most `connections` and one at a time; an asynchronous context manager."""

    def __init__(self, http: settings.Api, connections: int) -> None:
        self._http = http
        self._connections = connections
        self._opened: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._opened = aiohttp.ClientSession(
            # one more, so that a token can be asked for while pages are on their way
            connector=OneRequestConnector(self._connections + 1),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            timeout=aiohttp.ClientTimeout(total=self._http.timeout, connect=self._http.connect_timeout),
            middlewares=[_only_once],
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes everything, requests that are still in flight included."""
        session, self._opened = self._opened, None
        if session is not None:
            await session.close()

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            raise RuntimeError("the client is used outside of its `async with`")
        return self._opened

    @asynccontextmanager
    async def exchange(
        self, peer: Peer, request: Request
    ) -> AsyncIterator[tuple[aiohttp.ClientResponse, error_mapping.Place]]:
        """Sends a request; gives the answer, whose body is still to be read, and where we are for messages.

        Raises `SourceError` for whatever aiohttp raises, also while the body is read.
        """
        through = peer.route(request.target)
        place = peer.place(request, through)
        security = peer.context(place)
        try:
            async with self._session.request(
                place.method,
                request.target,
                headers=_for_proxy(request, through),
                data=request.form,
                allow_redirects=False,
                ssl=security,
                server_hostname=peer.security.server_name,
                proxy=through.url if through else None,
                proxy_headers=peer.tunnel(request, through),
            ) as response:
                yield response, place
        except _Lost as lost:
            raise error_mapping.from_client(lost.error, place) from lost.error
        except (aiohttp.ClientError, OSError) as error:
            raise error_mapping.from_client(error, place) from error


class _Lost(aiohttp.ClientError):
    """A connection that stood was lost before the answer began."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


async def _only_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keeps aiohttp from sending a request again by itself, uncounted."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Lost(error) from error


def _credentials(through: proxy.Proxy | None) -> dict[str, str]:
    return {"Proxy-Authorization": through.authorization} if through and through.authorization else {}


def _for_proxy(request: Request, through: proxy.Proxy | None) -> multidict.CIMultiDict[str]:
    """The headers of the request; only without TLS the proxy reads them, and finds its own among them."""
    if request.target.scheme == "https" or not _credentials(through):
        return request.headers
    return multidict.CIMultiDict([*request.headers.items(), *_credentials(through).items()])
