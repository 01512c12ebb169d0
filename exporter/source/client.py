"""One query in, one page out: sending, trying again, saying who we are, and never reading too much.

`get` is `_send_with_retry > _send_with_auth > _send_once`, each adding one concern. What goes wrong is put
into words by `failure`, who we are is `auth`'s, which pages to ask for `paging`'s, and what a page means
`inventory`'s. Invariants: one session with a bounded number of connections; what leaves `get` is a page or a
`SourceError`; credentials never leave the API's origin, since redirects are not followed.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self

import aiohttp
import msgspec
import structlog
import yarl

from exporter import __version__, errors, settings
from exporter.source import auth, failure, tls
from exporter.source.body import Body
from exporter.source.total import announced

log = structlog.get_logger()

_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": f"ses-inventory-exporter/{__version__}",
}
_WEB_PAGES = ("text/html", "application/xhtml+xml")
_EMPTY_LIST = b"[]"

Params = tuple[tuple[str, str], ...]
"""The parameters of a query, in order and not yet escaped."""


class Telemetry(Protocol):
    """What the client tells of its requests; `api` is the client's name."""

    def request(self, api: str, code: str, seconds: float) -> None:
        """An answer with the status `code` came after `seconds`, its body included."""
        ...

    def request_failed(self, api: str, reason: str) -> None:
        """An attempt ended without a page."""
        ...

    def request_retried(self, api: str) -> None:
        """An attempt is followed by another."""
        ...


class Page(msgspec.Struct, frozen=True):
    """An answer that may be a page of records.

    `params` are those of the query; `body` is decompressed and never empty: an answer without a body that
    announces zero records has the body of an empty list. `seconds` is the time of the last attempt. `url`
    is fit for messages: without user information and query. `headers` are matched without regard to case.
    """

    params: Params
    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    url: str


class Client:
    """Asks one API; an asynchronous context manager. `name` is the API's key in the settings.

    `backoff` is the base of the exponential back-off in seconds. Entering raises `ConfigError` where the
    files of `tls_config` cannot be used.
    """

    def __init__(
        self,
        name: str,
        http: settings.Api,
        limits: settings.Limits,
        telemetry: Telemetry,
        *,
        backoff: float = 0.5,
    ) -> None:
        self._name = name
        self._http = http
        self._limits = limits
        self._telemetry = telemetry
        self._backoff = backoff
        self._identity = auth.identity(http)
        # a request's time begins when it has its turn: waiting for other requests is no fault of the API
        self._turns = asyncio.Semaphore(limits.concurrency)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        context = tls.context(self._http.tls_config, f"apis.{self._name}.tls_config")
        self._session = aiohttp.ClientSession(
            connector=self._connector(context),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            timeout=aiohttp.ClientTimeout(total=self._http.timeout, connect=self._http.connect_timeout),
        )
        return self

    def _connector(self, context: ssl.SSLContext) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(
            ssl=context,
            limit=self._limits.concurrency,
            ttl_dns_cache=10,
            keepalive_timeout=30,
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, url: str, params: Sequence[tuple[str, str]]) -> Page:
        """The page at `url` with the query `params`; tries again up to `limits.retries` times.

        Raises `Unreachable`, `Refused`, `Throttled`, `Broken` or `Malformed` (reason html, empty, encoding
        or too_large; whether the body is JSON is not looked at).
        """
        return await self._send_with_retry(yarl.URL(url).with_query(list(params)), tuple(params))

    async def _send_with_retry(self, target: yarl.URL, params: Params) -> Page:
        attempt = 0
        while True:
            try:
                return await self._send_with_auth(target, params)
            except errors.SourceError as error:
                self._telemetry.request_failed(self._name, error.reason)
                if attempt >= self._limits.retries or not failure.is_passing(error):
                    raise
                wait = failure.pause(error, attempt, self._backoff, random.random)
                log.debug("retry", api=self._name, wait=round(wait, 3), error=str(error))
            attempt += 1
            self._telemetry.request_retried(self._name)
            await asyncio.sleep(wait)

    async def _send_with_auth(self, target: yarl.URL, params: Params) -> Page:
        try:
            flow = self._identity()
            headers = next(flow)
            while True:
                try:
                    return await self._send_once(target, params, headers)
                except errors.Refused as refused:
                    other = auth.after(flow, refused.status)
                    if other is None:
                        raise
                headers = other
        except errors.ConfigError as error:
            # a secret's file is gone or unreadable just now; it is read again with the next request
            raise errors.Refused(
                f"apis.{self._name}.{error}", status=0, reason="auth", mend=error.mend
            ) from error

    async def _send_once(self, target: yarl.URL, params: Params, headers: auth.Headers) -> Page:
        try:
            async with self._turns:
                return await self._exchange(target, params, headers)
        except (aiohttp.ClientError, OSError) as error:
            raise failure.from_client(error, self._name, failure.bare(target)) from error

    async def _exchange(self, target: yarl.URL, params: Params, headers: auth.Headers) -> Page:
        if self._session is None:
            raise RuntimeError("the client is used outside of its `async with`")
        config = self._http.tls_config
        began = time.monotonic()
        async with self._session.get(
            target,
            headers=headers,
            allow_redirects=False,
            server_hostname=config.server_name if config else None,
        ) as response:
            try:
                refusal = failure.from_status(response.status, response.headers, self._name, target)
                if refusal is not None:
                    raise refusal
                body = await self._body(response, failure.bare(target))
            finally:
                seconds = time.monotonic() - began
                self._telemetry.request(self._name, str(response.status), seconds)
        return Page(params, response.status, response.headers, body, seconds, failure.bare(target))

    async def _body(self, response: aiohttp.ClientResponse, url: str) -> bytes:
        """The whole body, decompressed; given up as soon as it exceeds `limits.bytes`."""
        taken = Body(response.headers.get("Content-Encoding", ""), self._limits.bytes, url)
        async for chunk in response.content.iter_any():
            taken.feed(chunk)
        body = taken.whole()
        start = body[:64].lstrip()
        if response.content_type in _WEB_PAGES or start.startswith(b"<"):
            raise failure.from_web_page(body, url)
        if start or body.strip():
            return body
        if announced(response.headers) == 0:
            return _EMPTY_LIST
        raise errors.Malformed(
            f"GET {url}: {response.status} without a body, which is no list of records", reason="empty"
        )
