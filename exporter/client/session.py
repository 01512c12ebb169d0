"""aiohttp as the exporter uses it: one session per API, and what requests to each server need.

Both the API and its token endpoint are requested through the session. Invariants: an exception of aiohttp
becomes a `SourceError` here and nowhere else; no request is sent twice, no redirect is followed, no cookie is
stored.
Each request has a connection of its own: HTTP/1.1 tells the responses on one connection apart by their order
alone (RFC 9112, section 9.2), so a late or unsolicited response would be taken for the next one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

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


class OneRequestConnector(aiohttp.TCPConnector):
    """Opens a connection for each request, at most `limit` at a time, and closes it with the response."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit=limit, ttl_dns_cache=10, force_close=True)

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """A new connection; raises what `aiohttp.TCPConnector` raises."""
        connection = await super().connect(req, traces, timeout)
        if connection.transport is not None:
            # asyncio would wait 30 s for the peer's end of TLS, with the socket open
            connection.add_callback(connection.transport.abort)
        return connection


def session(http: settings.Api, connections: int) -> aiohttp.ClientSession:
    """A session for one API, with at most one more than `connections` connections."""
    return aiohttp.ClientSession(
        # one more, so that a token can be requested while pages are in flight
        connector=OneRequestConnector(connections + 1),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=_HEADERS,
        timeout=aiohttp.ClientTimeout(total=http.timeout, connect=http.connect_timeout),
        middlewares=[_send_once],
    )


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keeps aiohttp from sending a request again by itself, which it does after these two exceptions."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _ConnectionLost from error


class _ConnectionLost(aiohttp.ClientError):
    """An established connection was lost before the response began; the cause says why."""


class Request(NamedTuple):
    """The arguments of `aiohttp.ClientSession.request`, and the request as messages show it."""

    arguments: Mapping[str, Any]
    info: error_mapping.RequestInfo

    @contextmanager
    def errors_mapped(self) -> Iterator[None]:
        """Raises a `SourceError` for whatever aiohttp raises, also while the body is read."""
        try:
            yield
        except (aiohttp.ClientError, OSError) as error:
            cause = error.__cause__ if isinstance(error, _ConnectionLost) else error
            raise error_mapping.from_aiohttp(cause or error, self.info) from cause


class Peer:
    """A server: the API `name` or its token endpoint, with certificates and a proxy of its own.

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

    def request(self, url: yarl.URL, headers: multidict.CIMultiDict[str], form: str | None = None) -> Request:
        """A GET, or a POST of an escaped `form`.

        Raises `Unreachable` (reason tls) where the certificates could never be read.
        """
        through = self.route(url)
        info = error_mapping.RequestInfo(
            method="GET" if form is None else "POST",
            url=error_mapping.bare(url),
            api=self._api,
            block=self._block,
            key=self._key,
            proxy=str(through.url) if through else "",
            authorities=self.tls.authorities,
        )
        try:
            context = self.tls.context()
        except errors.ConfigError as error:
            raise errors.Unreachable(
                f"{info.request}: {error.problem}", reason="tls", hint=error.hint
            ) from error
        is_tunnel = url.scheme == "https"
        tunnel = multidict.CIMultiDict(self._connect if is_tunnel else {})
        if through and through.authorization:
            # without a tunnel the proxy reads its credentials among the headers of the request
            headers = headers if is_tunnel else headers.copy()
            (tunnel if is_tunnel else headers)["Proxy-Authorization"] = through.authorization
        return Request(
            {
                "method": info.method,
                "url": url,
                "headers": headers,
                "data": form,
                "allow_redirects": False,
                "ssl": context,
                "server_hostname": self.tls.server_name,
                "proxy": through.url if through else None,
                "proxy_headers": tunnel,
            },
            info,
        )
