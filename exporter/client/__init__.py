"""HTTP requests to the APIs of inventories: retries, authentication, redirects, limits of what is read.

The only package that sends any.

`get > _retry > _authorize > _send`, each adding one concern.
Invariants: what leaves `get` is a page or a `SourceError` without a credential in its texts; a
page is what the server sent; neither credentials nor the operator's headers ever leave the API's origin;
nothing is sent to the API but through the limiter.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Self, TypeVar

import aiohttp
import msgspec
import multidict
import structlog
import yarl

from exporter import errors, files, settings
from exporter.client import auth, error_mapping, limiter, redaction
from exporter.client.redaction import Credentials
from exporter.client.response import BodyReader, total_count
from exporter.client.session import Peer, Request, Session
from exporter.inventory import envelope
from exporter.inventory.dialects import Paging
from exporter.telemetry import Telemetry

log = structlog.get_logger()

_LARGE = 1 << 20  # bytes of a body that is looked through in a thread
_WEB_PAGES = ("text/html", "application/xhtml+xml")

Params = tuple[tuple[str, str], ...]
"""The parameters of a query, in order and not yet escaped."""

_Failed = TypeVar("_Failed", bound=errors.SourceError)


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


class _Query(msgspec.Struct, frozen=True):
    """A query: the URL with its query, the further headers, and the header of the total."""

    target: yarl.URL
    params: Params
    headers: Mapping[str, str]
    total_header: str


_STATUSES = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 5
"""Redirects of one query that are followed."""


def same_origin(one: yarl.URL, other: yarl.URL) -> bool:
    """Whether scheme, host and port are the same, however they are written."""
    return _origin(one) == _origin(other)


def _origin(url: yarl.URL) -> tuple[str, str, int | None]:
    return (url.scheme.lower(), (url.raw_host or "").lower(), url.port)


class Redirects:
    """The URLs of one query so far; `most` is how many may follow."""

    def __init__(self, start: yarl.URL, most: int = _MAX_REDIRECTS) -> None:
        self._urls = [start]
        self._most = most

    @property
    def url(self) -> yarl.URL:
        """The URL to ask now."""
        return self._urls[-1]

    def follow(self, status: int, location: str) -> bool:
        """Whether the answer is a redirect that is followed; if not, it is a refusal."""
        if status not in _STATUSES or not location or len(self._urls) > self._most:
            return False
        try:
            there = self.url.join(yarl.URL(location, encoded=True)).with_fragment(None)
            if not same_origin(there, self.url) or there in self._urls:
                return False
        except ValueError:
            return False
        self._urls.append(there.with_user(None))
        return True


class Client:
    """Asks one API; an asynchronous context manager. `name` is the API's key in the settings.

    `backoff` is the base of the exponential back-off in seconds. Raises `ConfigError` where the files of a
    `tls_config` or the environment's proxy cannot be used.
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
        self._secrets = files.Contents(settings.secret_files(http))
        self._limiter = limiter.Limiter(name, limits.concurrency, http.requests_per_hour, telemetry)
        self._retries = limiter.RetryBudget()
        self._origin = yarl.URL(http.url).origin()
        self._session = Session(http, limits.concurrency)
        self._peer = Peer(name, http)
        # without oauth2 no token is requested
        self._token_endpoint = Peer(name, http.oauth2) if http.oauth2 else self._peer
        self._credentials = _credentials(name, http, self._peer, self._token_endpoint)
        self._authorization = auth.authorization(
            http, name, self._request_token, read=self._secrets.read, backoff=backoff
        )

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        self._limiter.report()  # not before: settings of which only a part can be used come to nothing
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.__aexit__(kind, error, trace)

    async def get(
        self,
        url: str,
        params: Sequence[tuple[str, str]],
        headers: Mapping[str, str] = {},
        retries: int | None = None,
        total_header: str = Paging().total_header,
    ) -> Page:
        """The page at `url` with the query `params`; tries again up to `limits.retries` times, or `retries`.

        Waits until the limiter admits it; the timeout of a request begins then. The caller sets a deadline
        for all of it.

        Without `params` the URL's own query stays, to the letter: it is a link that the API gave. `headers`
        are sent with the client's own and never instead of the credentials. An answer without a body is
        an empty list where `total_header` announces no records.

        Raises `Unreachable`, `Refused`, `Throttled`, `Broken` or `Malformed` (reason html, empty, encoding
        or too_large; whether the body is JSON is not looked at). No credential is in the error's texts.
        """
        target = yarl.URL(url).with_query(list(params)) if params else yarl.URL(url, encoded="?" in url)
        if not same_origin(target, self._origin):
            raise self._redacted(
                errors.Refused(
                    f"GET {error_mapping.bare(target)}: is not on {self._origin},"
                    " where the credentials belong",
                    status=0,
                    reason="redirect",
                    hint=f"if the API has moved there, write that into apis.{self._name}.url",
                )
            )
        most = self._limits.retries if retries is None else min(retries, self._limits.retries)
        return await self._retry(_Query(target, tuple(params), headers, total_header), most)

    def redact(self, text: str) -> str:
        """The text without any credential that this client has sent or may send."""
        return self._credentials.redaction.redact(text)

    def unreadable(self, url: str, error: errors.Malformed) -> errors.Malformed:
        """The error of a page from `url` that turned out to be none, with its URL, a hint, and blanked."""
        return self._redacted(error_mapping.with_url(error, url))

    def _redacted(self, error: _Failed) -> _Failed:
        return redaction.redacted(error, self._credentials.redaction)

    async def _retry(self, query: _Query, retries: int) -> Page:
        attempt = 0
        self._retries.sent()
        while True:
            try:
                return await self._authorize(query)
            except errors.SourceError as error:
                self._redacted(error)
                self._telemetry.request_failed(self._name, error.reason)
                if attempt >= retries or not error_mapping.is_transient(error):
                    raise
                wait = self._wait(error, attempt)
                log.debug("retry", api=self._name, wait=round(wait, 3), error=str(error))
            attempt += 1
            self._telemetry.request_retried(self._name)
            await asyncio.sleep(wait)

    def _wait(self, error: errors.SourceError, attempt: int) -> float:
        """Seconds until the next attempt; raises the error where the API has been asked again too often."""
        if not self._retries.spend(asyncio.get_running_loop().time()):
            raise error_mapping.not_retried(error) from error
        wait = error_mapping.retry_delay(error, attempt, self._backoff, random.random)
        if isinstance(error, errors.Throttled | errors.Broken) and error.wait is not None:
            # it applies to all requests, whichever received it
            self._limiter.pause(wait)
        return wait

    async def _authorize(self, query: _Query) -> Page:
        """Sends with credentials; once more where the API refuses them and others may do better."""
        try:
            await asyncio.gather(self._secrets.refresh(), self._peer.tls.refresh())
            token, refusals = await self._authorization.token(), 0
            is_last = not self._peer.tls.has_files
            while True:
                try:
                    page = await self._send(query, self._headers(query, token))
                except errors.Unreachable as error:
                    # the server's certificate and the files to verify it by may have changed just now
                    if error.reason != "tls" or is_last:
                        raise
                    is_last = True
                    await self._peer.tls.refresh()
                except errors.Refused as refused:
                    await self._secrets.refresh()
                    refusals += 1
                    other = None
                    if refused.status == HTTPStatus.UNAUTHORIZED:
                        other = await self._authorization.replacement(token, refusals)
                    if other is None:
                        raise
                    token = other
                else:
                    self._authorization.accepted()
                    return page
        except errors.ConfigError as error:
            # a secret's file is gone or unreadable just now; it is read again with the next request
            raise errors.Refused(
                f"apis.{self._name}.{error}", status=0, reason="auth", hint=error.hint
            ) from error

    def _headers(self, query: _Query, token: auth.Token) -> multidict.CIMultiDict[str]:
        """The operator's headers, the query's, and the credentials; a later one replaces an earlier."""
        headers = multidict.CIMultiDict(auth.http_headers(self._http, self._secrets.read))
        for value in (*headers.values(), token.header):
            self._credentials.add_header(value)
        for name, value in query.headers.items():
            headers[name] = value
        if token.header:
            headers["Authorization"] = token.header
        return headers

    async def _request_token(self, request: auth.TokenRequest) -> tuple[int, bytes]:
        self._credentials.add_token_request(request)
        return await auth.post(self._session, self._token_endpoint, request)

    async def _send(self, query: _Query, headers: multidict.CIMultiDict[str]) -> Page:
        """The page, at the end of the redirects that the settings allow to follow."""
        redirects = Redirects(query.target, _MAX_REDIRECTS if self._http.follow_redirects else 0)
        while True:
            async with self._limiter.slot():
                # the time of a request begins here: waiting for other requests says nothing of the API
                began = time.monotonic()
                async with self._session.send(self._peer, Request(redirects.url, headers)) as (answer, info):
                    try:
                        self._limiter.on_headers(answer.headers)
                        if redirects.follow(answer.status, answer.headers.get("Location", "")):
                            continue
                        body = await self._body(answer, info, query.total_header)
                    finally:
                        seconds = time.monotonic() - began
                        self._telemetry.request(self._name, str(answer.status), seconds)
            return Page(query.params, answer.status, answer.headers, body, seconds, info.url)

    async def _body(
        self, response: aiohttp.ClientResponse, info: error_mapping.RequestInfo, total_header: str
    ) -> bytes:
        """The whole body, decompressed; given up as soon as it exceeds `limits.bytes`."""
        refusal = error_mapping.from_status(response.status, response.headers, info)
        if refusal is not None:
            raise refusal
        received = BodyReader(response.headers.get("Content-Encoding", ""), self._limits.bytes, info.url)
        async for chunk in response.content.iter_any():
            received.feed(chunk)
        body = received.finish()
        start = body[:64].lstrip()
        if response.content_type in _WEB_PAGES or start.startswith(b"<"):
            raise error_mapping.from_web_page(body, info.url)
        # a large body is searched in a thread, so that other tasks go on
        search = asyncio.to_thread(envelope.failure, body) if len(body) > _LARGE else None
        failure = await search if search else envelope.failure(body)
        if failure is not None:
            raise error_mapping.with_url(failure, info.url)
        return body if start or body.strip() else _empty_list(response, info.url, total_header)


def _credentials(name: str, http: settings.Api, *peers: Peer) -> Credentials:
    """The credentials before anything is sent; the proxies of the environment are not in the settings."""
    token_url = http.oauth2.token_url if http.oauth2 else http.url
    credentials = Credentials(http, (http.url, error_mapping.bare(token_url), f"apis.{name}"))
    for peer, url in zip(peers, (http.url, token_url), strict=True):
        through = peer.route(yarl.URL(url))
        credentials.add_header(through.authorization if through else "")
    return credentials


def _empty_list(response: aiohttp.ClientResponse, url: str, total_header: str) -> bytes:
    """An empty list in place of an answer without a body that announces no records."""
    if total_count(response.headers, total_header) == 0:
        return b"[]"
    raise errors.Malformed(
        f"GET {url}: {response.status} without a body, which is no list of records", reason="empty"
    )
