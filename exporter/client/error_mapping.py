"""Maps what went wrong with a request to a `SourceError`, and says how long to wait before the next try.

Each error says what failed, where, why, and what to do about it. Invariants: no exception of aiohttp leaves
this package, and no message has user information, query values, request headers, or more of a body than what
it says of itself.
"""

from __future__ import annotations

import html
import re
import ssl
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus

import aiohttp
import msgspec
import yarl

from exporter import errors
from exporter.client import response, tls

LONGEST_WAIT = 60.0
"""Seconds: the longest wait that a server can ask for."""

_LONGEST_BACKOFF = 10.0
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<(script|style).*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)


def bare(url: str | yarl.URL) -> str:
    """A URL as messages show it: without user information, query and fragment."""
    return str(yarl.URL(url).with_user(None).with_query(None).with_fragment(None))


class RequestInfo(msgspec.Struct, frozen=True):
    """A request, for messages: its `method` and `url`, and the settings that led there.

    `url` and `proxy` (empty where there is none) are bare ones, `api` is the dotted key of the API, `block`
    that of the settings with `key`, the URL, and tls_config; `authorities` says which ones it trusts.
    """

    method: str
    url: str
    api: str
    block: str
    key: str = "url"
    proxy: str = ""
    authorities: str = "this machine's authorities"

    @property
    def request(self) -> str:
        """As a message begins."""
        return f"{self.method} {self.url}"


def from_aiohttp(error: BaseException, info: RequestInfo) -> errors.SourceError:
    """The error for whatever aiohttp raised at `place`."""
    where = info.request
    setting = f"{info.block}.{info.key}"
    if info.proxy:
        found = _from_proxy(error, info)
        if found is not None:
            return found
    match error:
        case aiohttp.ClientConnectorDNSError():
            return _unreachable(
                f"{where}: the name {error.host} cannot be resolved",
                "dns",
                f"check the host in {setting} and the machine's resolver",
            )
        case aiohttp.ClientSSLError() | aiohttp.ServerFingerprintMismatch():
            return _insecure(error, info)
        case aiohttp.ConnectionTimeoutError():
            hint = f"check {setting}, routes and firewalls, or raise {info.api}.connect_timeout"
            return _unreachable(f"{where}: no connection in time", "timeout", hint)
        case TimeoutError():
            hint = f"raise {info.api}.timeout, or make pages smaller with page_size"
            return _unreachable(f"{where}: no complete response in time", "timeout", hint)
        case aiohttp.ClientConnectorError() if isinstance(error.os_error, ConnectionResetError):
            tls = f"{info.block}.tls_config"
            hint = f"often transient; otherwise check {tls} (min_version)"
            return _unreachable(f"{where}: the connection was reset before it was established", "reset", hint)
        case aiohttp.ClientConnectorError():
            hint = f"check host and port of {setting}, and that the server is running"
            return _unreachable(f"{where}: cannot connect: {_reason(error)}", "connect", hint)
        case aiohttp.ClientPayloadError():
            return _unreachable(
                f"{where}: the response body is incomplete", "reset", "make pages smaller with page_size"
            )
        case aiohttp.ClientResponseError():
            return _unreadable(error, info)
        case _ if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
            # TLS 1.3 refuses the client certificate only after the handshake
            return _insecure(error, info)
        case _:
            # a ClientOSError, ServerDisconnectedError, … from an established connection
            hint = "often transient; otherwise check the proxies and firewalls in between"
            return _unreachable(f"{where}: the connection was lost: {_reason(error)}", "reset", hint)


def _insecure(error: BaseException, info: RequestInfo) -> errors.Unreachable:
    why, hint = tls.explain(error, info.authorities, f"{info.block}.tls_config")
    return _unreachable(f"{info.request}: TLS failed: {why}", "tls", hint)


def _from_proxy(error: BaseException, info: RequestInfo) -> errors.SourceError | None:
    """The error of a connection to the proxy; None if the proxy is not the cause."""
    where = f"{info.request}: the proxy {info.proxy}"
    hint = (
        f"check the proxy of {info.block} (proxy_url, no_proxy, or the environment), and that it is running"
    )
    match error:
        case aiohttp.ClientHttpProxyError(status=status) if 400 <= status < 500:
            right = f"check the credentials in the proxy_url of {info.block}, and what the proxy allows"
            said = f"{where} refuses the request: {_phrase(status)}"
            return errors.Refused(said, status=status, reason="proxy", hint=right)
        case aiohttp.ClientHttpProxyError(status=status):
            said = f"{where} cannot reach the API: {_phrase(status)}"
            return _unreachable(
                said, "proxy", f"check {info.block}.{info.key}, and ask the owner of the proxy"
            )
        case aiohttp.ClientConnectorDNSError():
            return _unreachable(f"{where} cannot be resolved", "proxy", hint)
        case aiohttp.ClientProxyConnectionError():
            return _unreachable(f"{where} cannot be connected to: {_reason(error)}", "proxy", hint)
        case aiohttp.ClientSSLError() if error.host == yarl.URL(info.proxy).host:
            why, hint = tls.explain(error, info.authorities, f"{info.block}.tls_config")
            return _unreachable(f"{where} is not trusted: TLS failed: {why}", "proxy", hint)
        case aiohttp.ConnectionTimeoutError():
            return _unreachable(f"{where} does not connect in time", "proxy", hint)
    return None


def _unreachable(message: str, reason: str, hint: str) -> errors.Unreachable:
    return errors.Unreachable(message, reason=reason, hint=hint)


_TLS_RECORD = re.compile(r"\\x1[56]\\x03")
"""How the parser shows an alert or a handshake of TLS (RFC 8446, section 5.1) in place of a status line."""


def _unreadable(error: aiohttp.ClientResponseError, info: RequestInfo) -> errors.SourceError:
    """The error for a response that is not valid HTTP; the message of the parser says why, and shows data."""
    where = info.request
    why = " ".join(re.split(r":?\s*\n\n|:? (?:bytearray\()?b['\"]", error.message)[0].split())
    if _TLS_RECORD.search(error.message):
        hint = f"write https:// into {info.block}.{info.key}"
        return _unreachable(f"{where}: the server speaks TLS on this port", "tls", hint)
    if "more than" in why or "Too many headers" in why:
        hint = "a header may have 64 KiB, and a response 256 of them; ask the owner of the API"
        return errors.Malformed(
            f"{where}: the headers of the response are too long: {why}", reason="too_large", hint=hint
        )
    if why.startswith("Bad status line"):
        hint = f"is this the port of an HTTP server? check the scheme and port of {info.block}.{info.key}"
        return errors.Malformed(f"{where}: the response is not HTTP: {why}", reason="encoding", hint=hint)
    hint = "ask the owner of the API, or of what is in front of it"
    return errors.Malformed(
        f"{where}: the response breaks the rules of HTTP: {why}", reason="encoding", hint=hint
    )


def _reason(error: BaseException) -> str:
    """The message of the operating system, which contains no URL; else the name of the exception."""
    inner = getattr(error, "os_error", error)
    return getattr(inner, "strerror", None) or getattr(inner, "reason", None) or type(inner).__name__


def from_status(status: int, headers: Mapping[str, str], info: RequestInfo) -> errors.SourceError | None:
    """The error for an answer's status, None for a 2xx but 202: any other may be a page, 206 above all."""
    said = f"{info.request}: {_phrase(status)}"
    wait = response.retry_after(headers, time.time())
    if status == HTTPStatus.ACCEPTED:
        return errors.Malformed(
            f"{said}: the API accepted the request without returning a result",
            reason="accepted",
            hint=f"ask the owner of the API of {info.block} how to request lists synchronously",
        )
    if 200 <= status < 300:
        return None
    if status < 200:
        return errors.Broken(f"{said}: an interim response without a final one", status=status, wait=None)
    if status == HTTPStatus.REQUEST_TIMEOUT:  # RFC 9110, section 15.5.9: the request may be repeated
        return errors.Broken(said, status=status, wait=wait)
    if status == HTTPStatus.TOO_MANY_REQUESTS or (
        status == HTTPStatus.SERVICE_UNAVAILABLE and wait is not None
    ):
        return errors.Throttled(said, wait=wait)
    if status >= 500 and info.proxy and any(name in headers for name in _PROXY_HEADERS):
        hint = f"check {info.block}.{info.key} and the proxy"
        return _unreachable(f"{said} (says the proxy {info.proxy})", "proxy", hint)
    if status >= 500:
        return errors.Broken(said, status=status, wait=wait)
    if status < 400:
        return _redirect(status, headers, info)
    reason, hint = _REFUSALS.get(status, ("status", "the API rejects the query: check {name}"))
    return errors.Refused(said, status=status, reason=reason, hint=hint.format(name=info.block))


_PROXY_HEADERS = ("Proxy-Status", "X-Squid-Error")
"""Headers of responses that a proxy generated itself (RFC 9209)."""

_NOT_FOUND = ("not_found", "check {name}.url and the path of the collection")
_REFUSALS = {
    401: ("auth", "check the username and password, or the credentials, of {name}"),
    403: ("forbidden", "the user of {name} lacks permission to read this collection"),
    404: _NOT_FOUND,
    407: ("proxy", "check the credentials of the proxy of {name}"),
    410: _NOT_FOUND,
    416: ("status", "the requested position does not exist: check the paging of the collections of {name}"),
    422: ("status", "a parameter is rejected: try a smaller page_size; check query and paging of {name}"),
}


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _redirect(status: int, headers: Mapping[str, str], info: RequestInfo) -> errors.Refused:
    """The error of a redirect; it names no target on another host: URLs of login pages contain tokens."""
    target = "another host"
    url = yarl.URL(info.url)
    try:
        location = url.join(yarl.URL(headers.get("Location", "")))
        if location.host == url.host:
            target = bare(location)
    except ValueError:
        target = "an invalid URL"
    message = f"{info.request}: {_phrase(status)}: redirects to {target}"
    key = f"{info.block}.{info.key}"
    hint = f"write the final URL into {key}; a redirect to a login page means wrong credentials"
    return errors.Refused(message, status=status, reason="redirect", hint=hint)


def from_web_page(body: bytes, url: str) -> errors.Malformed:
    """The error for a web page, with its title or its first words."""
    text = body[:4096].decode("utf-8", "replace")
    found = _TITLE.search(text)
    words = html.unescape(found[1] if found else _TAG.sub(" ", text)).split()
    return errors.Malformed(
        f"GET {url}: the answer is a web page, not JSON",
        reason="html",
        hint=f"a login or maintenance page? it begins: {errors.bare(' '.join(words))[:80]!r}",
    )


_HINTS = {
    "json": "is the path of the collection right? `check` shows what the API answers",
    "encoding": "the API must answer in UTF-8; contact its owner",
    "nesting": "inventories are not nested so deeply: is this the right URL?",
    "error_object": "this is the API's own message; contact its owner",
    "envelope": "is the path of the collection right, and the dialect? `check` shows what the API answers",
}
"""Hints by reason for responses that are not a page, if the error has none."""


def with_url(error: errors.Malformed, url: str) -> errors.Malformed:
    """The error of a page that could not be decoded, with the URL of the page and a hint."""
    said = str(error)
    text = said if said.startswith("GET ") else f"GET {bare(url)}: {said}"
    return errors.Malformed(text, reason=error.reason, hint=error.hint or _HINTS.get(error.reason, ""))


_TRANSIENT = ("connect", "reset", "timeout", "proxy", "empty", "error_object", "accepted")


def is_transient(error: errors.SourceError) -> bool:
    """Whether the same request may succeed in a moment."""
    if isinstance(error, errors.Throttled | errors.Broken):
        return True
    return not isinstance(error, errors.Refused) and error.reason in _TRANSIENT


def retry_delay(error: errors.SourceError, attempt: int, base: float, chance: Callable[[], float]) -> float:
    """Seconds to wait after the failure of attempt number `attempt` (from 0).

    What the server asks for, capped, and a little more, so that those it turned away do not come back
    together; else exponential from `base` seconds with full jitter. `chance` gives numbers in [0, 1).
    """
    wait = error.wait if isinstance(error, errors.Throttled | errors.Broken) else None
    if wait is not None:
        return min(wait, LONGEST_WAIT) + base * chance()
    return min(_LONGEST_BACKOFF, base * 2.0 ** min(attempt, 30)) * chance()


def is_overload(error: errors.SourceError) -> bool:
    """Whether there are too many requests for the server, and fewer at once would do."""
    return isinstance(error, errors.Throttled) or (isinstance(error, errors.Broken) and error.status == 503)


def may_be_overload(error: errors.SourceError) -> bool:
    """Whether the error may come of too much load, though it need not: one page may be too much by itself."""
    if isinstance(error, errors.Broken):
        return error.status in (502, 504)
    return isinstance(error, errors.Unreachable) and error.reason == "timeout"


def not_retried(error: errors.SourceError) -> errors.SourceError:
    """An error like this one that says that the request is not tried again although it might.

    It is another one, for all who wait for a token are given the same.
    """
    kind = type(error)
    other = kind.__new__(kind)
    vars(other).update(vars(error))
    other.args = (f"{error} (not tried again: too many requests to this API have failed lately)",)
    return other
