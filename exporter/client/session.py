"""The aiohttp session that the requests to one API share: connections, TLS, proxy, and their errors.

Both the API and its token endpoint are asked through it. Invariants: aiohttp's exceptions become
`SourceError` here and nowhere else; no request is sent twice, no redirect is followed, no cookie is kept, and
no credential is sent but those a request was given for its own server. Each request has a connection of its
own: HTTP/1.1 tells the answers on one connection apart by their order alone (RFC 9112, section 9.2), so that
an answer that is late, or that nobody asked for, would be taken for the answer to the next request.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
import multidict
import yarl
from aiohttp.connector import Connection

from exporter import __version__, errors, settings
from exporter.client import error_mapping, proxy, tls

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


class OneRequestConnector(aiohttp.TCPConnector):
    """Opens a connection for each request, at most `limit` at a time, and ends it with the answer."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit=limit, ttl_dns_cache=10, force_close=True)

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """A new connection; raises what `aiohttp.TCPConnector` raises."""
        connection = await super().connect(req, traces, timeout)
        if connection.transport is not None:
            # without waiting for the peer's end of TLS, for which asyncio waits 30 s with the socket open
            connection.add_callback(connection.transport.abort)
        return connection


class Peer:
    """A server: the API `name`, or its token endpoint; each has certificates and a proxy of its own.

    Raises `ConfigError` where its certificates or the environment's proxy cannot be used.
    """

    def __init__(self, name: str, config: settings.Api | settings.OAuth2) -> None:
        self._api = f"apis.{name}"
        self._block, self._key = self._api, "url"
        if isinstance(config, settings.OAuth2):
            self._block, self._key = f"{self._api}.oauth2", "token_url"
        self.tls = tls.Context(config.tls_config, f"{self._block}.tls_config")
        self.route = proxy.route(config, os.environ, self._block)
        self._connect = proxy.connect_headers(config)

    def context(self, info: error_mapping.RequestInfo) -> ssl.SSLContext:
        """The TLS context of the next connection; raises `Unreachable` if its files were never readable."""
        try:
            return self.tls.context()
        except errors.ConfigError as error:
            raise errors.Unreachable(
                f"{info.request}: {error.problem}", reason="tls", hint=error.hint
            ) from error

    def tunnel(self, request: Request, through: proxy.Proxy | None) -> multidict.CIMultiDict[str]:
        """The headers of a CONNECT request to the proxy; empty without TLS. Its credentials come last."""
        headers = multidict.CIMultiDict(self._connect if request.target.scheme == "https" else {})
        headers.update(_credentials(through))
        return headers

    def info(self, request: Request, through: proxy.Proxy | None) -> error_mapping.RequestInfo:
        """The request as messages show it."""
        method = "GET" if request.form is None else "POST"
        bare = error_mapping.bare(request.target)
        proxied = str(through.url) if through else ""
        trusted = self.tls.authorities
        return error_mapping.RequestInfo(method, bare, self._api, self._block, self._key, proxied, trusted)


class Session:
    """Requests to one API, at most one more than `connections` at once; an asynchronous context manager."""

    def __init__(self, http: settings.Api, connections: int) -> None:
        self._http = http
        self._connections = connections
        self._opened: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._opened = aiohttp.ClientSession(
            # one more, so that a token can be requested while pages are in flight
            connector=OneRequestConnector(self._connections + 1),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            timeout=aiohttp.ClientTimeout(total=self._http.timeout, connect=self._http.connect_timeout),
            middlewares=[_send_once],
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
    def _aiohttp(self) -> aiohttp.ClientSession:
        if self._opened is None:
            raise RuntimeError("the client is used outside of its `async with`")
        return self._opened

    @asynccontextmanager
    async def send(
        self, peer: Peer, request: Request
    ) -> AsyncIterator[tuple[aiohttp.ClientResponse, error_mapping.RequestInfo]]:
        """Sends a request; gives the answer, with its body unread, and the request for messages.

        Raises `SourceError` for whatever aiohttp raises, also while the body is read.
        """
        through = peer.route(request.target)
        info = peer.info(request, through)
        security = peer.context(info)
        try:
            async with self._aiohttp.request(
                info.method,
                request.target,
                headers=_for_proxy(request, through),
                data=request.form,
                allow_redirects=False,
                ssl=security,
                server_hostname=peer.tls.server_name,
                proxy=through.url if through else None,
                proxy_headers=peer.tunnel(request, through),
            ) as response:
                yield response, info
        except _ConnectionLost as lost:
            raise error_mapping.from_aiohttp(lost.error, info) from lost.error
        except (aiohttp.ClientError, OSError) as error:
            raise error_mapping.from_aiohttp(error, info) from error


class _ConnectionLost(aiohttp.ClientError):
    """An established connection was lost before the answer began."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keeps aiohttp from sending a request again by itself, uncounted."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _ConnectionLost(error) from error


def _credentials(through: proxy.Proxy | None) -> dict[str, str]:
    return {"Proxy-Authorization": through.authorization} if through and through.authorization else {}


def _for_proxy(request: Request, through: proxy.Proxy | None) -> multidict.CIMultiDict[str]:
    """The headers of the request; only without TLS the proxy reads them, and finds its own among them."""
    if request.target.scheme == "https" or not _credentials(through):
        return request.headers
    return multidict.CIMultiDict([*request.headers.items(), *_credentials(through).items()])
