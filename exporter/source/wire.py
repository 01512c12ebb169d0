"""What requests of one API share: a session with few connections, how they are secured, the way they take.

Both the API and its token endpoint are asked through it. What is asked, and what an answer means, is
`client`'s and `desk`'s. Invariants: aiohttp's exceptions become ours here and nowhere else; nothing is
followed, no cookie is kept, and no credential is sent but those a request was given for its own server.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
import multidict
import yarl

from exporter import __version__, settings
from exporter.source import failure, proxy, tls

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
    """A server we ask: the API `name`, or its token endpoint.

    Raises `ConfigError` where its certificates cannot be used.
    """

    def __init__(self, name: str, config: settings.Api | settings.OAuth2) -> None:
        self._api = f"apis.{name}"
        self._block, self._key = self._api, "url"
        if isinstance(config, settings.OAuth2):
            self._block, self._key = f"{self._api}.oauth2", "token_url"
        self.security = tls.Security(config.tls_config, f"{self._block}.tls_config")

    def place(self, request: Request, through: proxy.Proxy | None) -> failure.Place:
        """Where an error of the request happened."""
        method = "GET" if request.form is None else "POST"
        bare = failure.bare(request.target)
        return failure.Place(
            method, bare, self._api, self._block, self._key, str(through.url) if through else ""
        )


class Wire:
    """The session of the API `name`; an asynchronous context manager.

    Raises `ConfigError` on creation where the environment's proxy cannot be used.
    """

    def __init__(self, name: str, http: settings.Api, connections: int) -> None:
        self._http = http
        self._connections = connections
        self._route = proxy.route(http, os.environ, f"apis.{name}")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            # one more, so that a token can be asked for while pages are on their way
            connector=aiohttp.TCPConnector(
                limit=self._connections + 1, ttl_dns_cache=10, keepalive_timeout=30
            ),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            timeout=aiohttp.ClientTimeout(total=self._http.timeout, connect=self._http.connect_timeout),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    @asynccontextmanager
    async def exchange(
        self, peer: Peer, request: Request
    ) -> AsyncIterator[tuple[aiohttp.ClientResponse, failure.Place]]:
        """Sends a request; gives the answer, whose body is still to be read, and where we are for messages.

        Raises `SourceError` for whatever aiohttp raises, also while the body is read.
        """
        if self._session is None:
            raise RuntimeError("the client is used outside of its `async with`")
        through = self._route(request.target)
        place = peer.place(request, through)
        try:
            async with self._session.request(
                place.method,
                request.target,
                headers=_for_proxy(request, through),
                data=request.form,
                allow_redirects=False,
                ssl=peer.security.context(),
                server_hostname=peer.security.server_name,
                proxy=through.url if through else None,
                proxy_headers=_credentials(through),  # those of a tunnel
            ) as response:
                yield response, place
        except (aiohttp.ClientError, OSError) as error:
            raise failure.from_client(error, place) from error


def _credentials(through: proxy.Proxy | None) -> dict[str, str]:
    return {"Proxy-Authorization": through.authorization} if through and through.authorization else {}


def _for_proxy(request: Request, through: proxy.Proxy | None) -> multidict.CIMultiDict[str]:
    """The headers of the request; only without TLS the proxy reads them, and finds its own among them."""
    if request.target.scheme == "https" or not _credentials(through):
        return request.headers
    return multidict.CIMultiDict([*request.headers.items(), *_credentials(through).items()])
