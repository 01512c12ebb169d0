"""HTTP requests to the APIs: `Client` turns a query into a `Page`, and is the only one that sends any.

`get > _retry > _authorize > _send`, then aiohttp; each adds one concern. Invariants: what leaves `get` is a
page or a `SourceError` without a credential in its texts; the body of a page is what the server sent;
credentials and the operator's headers are sent to the API's origin only; every request to the API waits for
the limiter.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
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
from exporter.client.response import MAX_REDIRECTS, BodyReader, Redirects, as_utf8, same_origin, total_count
from exporter.client.session import Peer, session
from exporter.inventory import envelope
from exporter.inventory.dialects import Paging
from exporter.inventory.text import clean
from exporter.telemetry import Telemetry

log = structlog.get_logger()

_LARGE = 1 << 20  # bytes of a body that is searched in a thread
_LONGEST_REFUSAL, _REFUSAL_SECONDS = 1 << 14, 5.0  # bytes that are read of a refusal's body, and for how long
_WEB_PAGES = ("text/html", "application/xhtml+xml")

Params = tuple[tuple[str, str], ...]
"""The parameters of a query, in order and not yet escaped."""

_Failed = TypeVar("_Failed", bound=errors.SourceError)


class Page(msgspec.Struct, frozen=True):
    """A response that may be a page of records.

    `params` are those of the query; `body` is decompressed and never empty: a response without a body that
    announces zero records gets the body of an empty list. `seconds` is the time of the last attempt. `url`
    has no user information and no query. `headers` are matched without regard to case.
    """

    params: Params
    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    url: str


PAGING = Paging()
"""Where totals and lists are by default."""


class _PageQuery(msgspec.Struct, frozen=True):
    """The full URL, its parameters, further headers, and where its total and its list are."""

    url: yarl.URL
    params: Params
    headers: Mapping[str, str]
    paging: Paging


class _Exchange(msgspec.Struct):
    """One request: when it began, the status that came (0 for none) and the bytes of its page."""

    began: float
    status: int = 0
    bytes: int = 0

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.began


class Client:
    """Requests to the API `name`, its key in the settings; an asynchronous context manager.

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
        self._name, self._http, self._limits, self._telemetry = name, http, limits, telemetry
        self._backoff = backoff
        self._secrets = files.Contents(settings.secret_files(http))
        self._limiter = limiter.Limiter(name, limits.concurrency, http.requests_per_hour, telemetry)
        self._retries = limiter.RetryBudget()
        self._opened: aiohttp.ClientSession | None = None
        self._moved: dict[str, str] = {}  # URLs of permanent redirects, without their queries
        self._origin = yarl.URL(http.url).origin()
        self._peer = Peer(name, http)
        # without oauth2 no token is requested
        self._token_endpoint = Peer(name, http.oauth2) if http.oauth2 else self._peer
        self._credentials = self._sendable_credentials()
        self._authorization = auth.authorization(
            http, name, self._request_token, read=self._secrets.read, backoff=backoff
        )

    def _sendable_credentials(self) -> redaction.Credentials:
        """The credentials before anything is sent; the proxies of the environment are not in the settings."""
        url, token = self._http.url, self._http.oauth2
        token_url = token.token_url if token else url
        spared = (url, error_mapping.bare(token_url), f"apis.{self._name}")
        found = redaction.Credentials(self._http, spared)
        for peer, server in ((self._peer, url), (self._token_endpoint, token_url)):
            through = peer.route(yarl.URL(server))
            found.add_header(through.authorization if through else "")
        return found

    async def __aenter__(self) -> Self:
        self._opened = session(self._http, self._limits.concurrency)
        self._limiter.report()  # not before: settings of which only a part can be used come to nothing
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes everything, requests in flight included."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            raise RuntimeError("the client is used outside of its `async with`")
        return self._opened

    async def get(
        self,
        url: str,
        params: Sequence[tuple[str, str]],
        headers: Mapping[str, str] = {},
        retries: int | None = None,
        paging: Paging = PAGING,
    ) -> Page:
        """The page at `url` with the query `params`, after at most `limits.retries` or fewer `retries`.

        The timeout of a request begins when the limiter admits it. Without `params` the query of `url` is
        sent as it is: it is a link from the API. `headers` never replace the credentials. A response without
        a body is an empty list if it announces no records.

        Raises `Unreachable`, `Refused`, `Throttled`, `Broken` or `Malformed` (reason html, empty, encoding,
        error_object, accepted or too_large; whether the body is JSON is not checked).
        """
        full = yarl.URL(url).with_query(list(params)) if params else yarl.URL(url, encoded="?" in url)
        if not same_origin(str(full), str(self._origin)):
            raise self._redacted(
                errors.Refused(
                    f"GET {error_mapping.bare(full)}: is not on {self._origin}, where the credentials belong",
                    status=0,
                    reason="redirect",
                    hint=f"if the API has moved there, write that into apis.{self._name}.url",
                )
            )
        most = self._limits.retries if retries is None else min(retries, self._limits.retries)
        return await self._retry(_PageQuery(full, tuple(params), headers, paging), most)

    def redact(self, text: str) -> str:
        """The text without any credential that this client has sent or may send."""
        return self._credentials.redaction.redact(text)

    def unreadable(self, url: str, error: errors.Malformed) -> errors.Malformed:
        """The error of a page from `url` that could not be decoded, with its URL, a hint, and redacted."""
        return self._redacted(error_mapping.with_url(error, url))

    def _redacted(self, error: _Failed) -> _Failed:
        return redaction.redacted(error, self._credentials.redaction)

    async def _retry(self, query: _PageQuery, retries: int) -> Page:
        attempt = 0
        self._retries.sent()
        while True:
            try:
                return await self._authorize(query)
            except errors.SourceError as error:
                self._redacted(error)
                self._telemetry.request_failed(self._name, error.reason)
                if attempt >= retries or not limiter.is_transient(error):
                    raise
                if not self._retries.spend(asyncio.get_running_loop().time()):
                    raise limiter.not_retried(error) from error
                wait = limiter.retry_delay(error, attempt, self._backoff, random.random)
                if isinstance(error, errors.Throttled | errors.Broken) and error.wait is not None:
                    self._limiter.pause(wait)  # it applies to all requests
                log.debug("retry", api=self._name, wait=round(wait, 3), error=str(error))
            attempt += 1
            self._telemetry.request_retried(self._name)
            await asyncio.sleep(wait)

    async def _authorize(self, query: _PageQuery) -> Page:
        """Sends with credentials; once more where the API refuses them and others may be accepted."""
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
                    if refused.status in error_mapping.EXPIRED:
                        other = await self._authorization.replacement(token, refusals)
                    elif refused.reason == "forbidden":
                        other = await self._authorization.after_forbidden(token, refusals)
                    if other is None:
                        raise
                    token = other
                else:
                    self._authorization.accepted(token)
                    return page
        except errors.ConfigError as error:
            # a secret's file is missing or unreadable; the next request reads it again
            raise errors.Refused(
                f"apis.{self._name}.{error}", status=0, reason="auth", hint=error.hint
            ) from error

    def _headers(self, query: _PageQuery, token: auth.Token) -> multidict.CIMultiDict[str]:
        """The operator's headers, the query's, and the credentials; a later one replaces an earlier."""
        headers = multidict.CIMultiDict(auth.http_headers(self._http, self._secrets.read))
        for value in (*headers.values(), token.header):
            self._credentials.add_header(value)
        headers.update(query.headers)
        if token.header:
            headers["Authorization"] = token.header
        return headers

    async def _request_token(self, request: auth.TokenRequest) -> tuple[int, bytes]:
        self._credentials.add_token_request(request)
        with self._logged("POST", yarl.URL(request.url)) as exchange:
            status, body = await auth.post(self._session, self._token_endpoint, request)
            exchange.status, exchange.bytes = status, len(body)
        return status, body

    async def _send(self, query: _PageQuery, headers: multidict.CIMultiDict[str]) -> Page:
        """The page, after the redirects that the settings allow to follow."""
        redirects = Redirects(query.url, self._moved, MAX_REDIRECTS if self._http.follow_redirects else 0)
        while True:
            async with self._limiter.slot():
                # the timeout begins here: waiting for other requests is not the API's fault
                request = self._peer.request(redirects.url, headers)
                with self._logged("GET", redirects.url) as exchange, request.errors_mapped():
                    async with self._session.request(**request.arguments) as answer:
                        body = await self._read(answer, request.info, query, redirects, exchange)
            if body is not None:
                url, seconds = request.info.url, exchange.seconds
                return Page(query.params, answer.status, answer.headers, body, seconds, url)

    async def _read(
        self,
        answer: aiohttp.ClientResponse,
        info: error_mapping.RequestInfo,
        query: _PageQuery,
        redirects: Redirects,
        exchange: _Exchange,
    ) -> bytes | None:
        """The body of a response, None for a redirect to follow; notes what came."""
        exchange.status = answer.status
        try:
            self._limiter.on_headers(answer.headers)
            if redirects.follow(answer.status, answer.headers.get("Location", "")):
                return None
            body = await self._body(answer, info, query.paging)
            exchange.bytes = len(body)
            return body
        except errors.Refused:
            redirects.forget()
            raise
        finally:
            self._telemetry.request(self._name, str(answer.status), exchange.seconds)

    @contextlib.contextmanager
    def _logged(self, method: str, url: yarl.URL) -> Iterator[_Exchange]:
        """Logs a request at level debug when it is over, however it ends."""
        exchange = _Exchange(time.monotonic())
        try:
            yield exchange
        finally:
            if log.is_enabled_for(logging.DEBUG):
                log.debug(
                    "request",
                    api=self._name,
                    method=method,
                    path=self.redact(url.path),
                    query=redaction.shown_query(url, self._credentials.redaction),
                    status=exchange.status,
                    bytes=exchange.bytes,
                    ms=round(1000 * exchange.seconds),
                )

    async def _body(
        self, answer: aiohttp.ClientResponse, info: error_mapping.RequestInfo, paging: Paging
    ) -> bytes:
        """The whole body, decompressed and in UTF-8; raises `Malformed` once it exceeds `limits.bytes`."""
        if not error_mapping.is_page(answer.status):
            words = await self._words(answer, info) if answer.status >= HTTPStatus.BAD_REQUEST else ""
            raise error_mapping.from_status(answer.status, answer.headers, info, words)
        reader = BodyReader(answer.headers.get("Content-Encoding", ""), self._limits.bytes, info.url)
        async for chunk in answer.content.iter_any():
            reader.feed(chunk)
        body = reader.finish()
        check = partial(_checked, body, answer, info.url, paging)
        body = await asyncio.to_thread(check) if len(body) > _LARGE else check()
        if body.strip():
            return body
        if total_count(answer.headers, paging.total_header) == 0:
            return b"[]"
        said = f"GET {info.url}: {answer.status}"
        if body:  # blanks are sent to keep a connection open until there is an answer: then none came
            raise errors.Malformed(
                f"{said} nothing but blanks in the body, which is no list of records", reason="json"
            )
        raise errors.Malformed(f"{said} without a body, which is no list of records", reason="empty")

    async def _words(self, answer: aiohttp.ClientResponse, info: error_mapping.RequestInfo) -> str:
        """What the API says of its refusal, without credentials; "" if it says nothing in time."""
        reader = BodyReader(answer.headers.get("Content-Encoding", ""), _LONGEST_REFUSAL, info.url)
        with contextlib.suppress(errors.SourceError, aiohttp.ClientError, OSError):
            async with asyncio.timeout(_REFUSAL_SECONDS):
                async for chunk in answer.content.iter_any():
                    reader.feed(chunk)
            reader.finish()
        body = reader.received()
        with contextlib.suppress(errors.SourceError):
            body = as_utf8(body, answer.charset or "", info.url)
        words = redaction.api_words(body, answer.status) or clean(error_mapping.described(answer.headers))
        return redaction.cut(self.redact(words))


def _checked(body: bytes, answer: aiohttp.ClientResponse, url: str, paging: Paging) -> bytes:
    """The body in UTF-8; raises `Malformed` where it is a web page, or says that the request failed."""
    body = as_utf8(body, answer.charset or "", url)
    start = body[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    is_labelled = answer.content_type in _WEB_PAGES and not start.startswith((b"[", b"{"))
    if is_labelled or start.startswith(b"<"):
        raise error_mapping.from_web_page(body, url)
    failure = envelope.failure(body, paging.records)
    if failure is not None:
        raise error_mapping.with_url(failure, url)
    return body
