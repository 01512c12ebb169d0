"""Maps what went wrong with a request to a `SourceError`, with the words of the API and a hint.

Each error says what failed, where, why, and what to do about it. Invariants: no exception of aiohttp leaves
this package, and no message has user information, query values, request headers, or more of a body than what
it says of itself.
"""

from __future__ import annotations

import html
import re
import ssl
import time
from collections.abc import Mapping
from http import HTTPStatus

import aiohttp
import msgspec
import yarl

from exporter import errors
from exporter.client import response, tls

_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
TAG = re.compile(r"<(script|style).*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)


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
            speaks = "that the server speaks TLS on this port, " if info.url.startswith("https:") else ""
            hint = f"check {setting}, {speaks}routes and firewalls, or raise {info.api}.connect_timeout"
            return _unreachable(f"{where}: no connection in time", "timeout", hint)
        case TimeoutError():
            hint = f"raise {info.api}.timeout, or make pages smaller with page_size"
            return _unreachable(f"{where}: no complete response in time", "timeout", hint)
        case aiohttp.ClientConnectorError() if isinstance(error.os_error, ConnectionResetError):
            hint = (
                "often transient; otherwise does the server speak TLS on this port? check the port, or"
                f" {info.block}.tls_config (min_version), or write http:// if that is meant"
            )
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
        case _:
            return _lost(error, info)


def _lost(error: BaseException, info: RequestInfo) -> errors.Unreachable:
    """The error of an established connection: a ClientOSError, ServerDisconnectedError, …"""
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return _insecure(error, info)  # TLS 1.3 refuses the client certificate only after the handshake
    hint = "often transient; otherwise check the proxies and firewalls in between"
    if info.url.startswith("http:"):
        where = f"{info.block}.{info.key}"
        hint = f"{hint}; if the server expects TLS on this port, write https:// into {where}"
    return _unreachable(f"{info.request}: the connection was lost: {_reason(error)}", "reset", hint)


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
            said = f"{where} refuses the request: {phrase(status)}"
            hint = f"check the credentials in the proxy_url of {info.block}, and what the proxy allows"
            said, hint = _authentication(said, hint, error.headers or {}, "Proxy-Authenticate")
            return errors.Refused(said, status=status, reason="proxy", hint=hint)
        case aiohttp.ClientHttpProxyError(status=status):
            said = f"{where} cannot reach the API: {phrase(status)}"
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


def is_page(status: int) -> bool:
    """Whether a response of this status may be a page: any 2xx but 202 and 207, 206 above all."""
    return 200 <= status < 300 and status not in (HTTPStatus.ACCEPTED, HTTPStatus.MULTI_STATUS)


def from_status(
    status: int, headers: Mapping[str, str], info: RequestInfo, words: str = ""
) -> errors.SourceError:
    """The error for a status that is no page; `words` are what the API says, without credentials."""
    said = f"{info.request}: {phrase(status)}"
    if status == HTTPStatus.ACCEPTED:
        return errors.Malformed(
            f"{said}: the API accepted the request without returning a result",
            reason="accepted",
            hint=f"ask the owner of the API of {info.block} how to request lists synchronously",
        )
    if status == HTTPStatus.MULTI_STATUS:
        return errors.Malformed(
            f"{said}: the API answers with several results, of which some may have failed",
            reason="accepted",
            hint=f"ask the owner of the API of {info.block} how to request lists that fail as a whole",
        )
    if status < 200:
        return errors.Broken(f"{said}: an interim response without a final one", status=status, wait=None)
    if status < 400:
        return _redirect(status, headers, info)
    if words:
        said = f'{said}: "{words}"'
    return _throttled(status, headers, said) or _failed(status, headers, info, said)


def _throttled(status: int, headers: Mapping[str, str], said: str) -> errors.SourceError | None:
    """The error where the API asks to wait, whatever its status; None where it does not."""
    wait = response.retry_after(headers, time.time())
    if status == HTTPStatus.FORBIDDEN and wait is None and response.is_exhausted(headers):
        quota = response.quota(headers, time.time())
        return errors.Throttled(said, wait=quota.seconds if quota else None)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return errors.Throttled(said, wait=wait)
    if wait is None or status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED):
        return None
    if status < 500 or status == HTTPStatus.SERVICE_UNAVAILABLE:
        return errors.Throttled(said, wait=wait)
    # with its status, for one page may be too much by itself
    return errors.Broken(said, status=status, wait=wait, reason=errors.Throttled.reason)


def _failed(status: int, headers: Mapping[str, str], info: RequestInfo, said: str) -> errors.SourceError:
    """The error for a 4xx or 5xx."""
    if status == HTTPStatus.REQUEST_TIMEOUT:  # RFC 9110, section 15.5.9: the request may be repeated
        return errors.Broken(said, status=status)
    if status >= 500 and info.proxy and any(name in headers for name in _PROXY_HEADERS):
        hint = f"check {info.block}.{info.key} and the proxy"
        return _unreachable(f"{said} (says the proxy {info.proxy})", "proxy", hint)
    if status >= 500:
        return errors.Broken(said, status=status)
    if _PLAIN_TO_TLS.search(said):
        hint = f"the server expects TLS on this port: write https:// into {info.block}.{info.key}"
        return errors.Refused(said, status=status, hint=hint)
    reason, hint = _REFUSALS.get(status, ("status", "the API rejects the query: check {name}"))
    hint = hint.format(name=info.block)
    if reason in ("auth", "proxy"):
        name = "WWW-Authenticate" if reason == "auth" else "Proxy-Authenticate"
        said, hint = _authentication(said, hint, headers, name)
    if reason in ("auth", "forbidden") and "Set-Cookie" in headers:
        hint = f"{hint}; the response sets a cookie, which the exporter does not return: is a login page or a"
        hint = f"{hint} cookie check in front of the API?"
    total = response.total_count(headers) if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE else None
    return errors.Refused(said, status=status, reason=reason, hint=hint, total=total)


_PLAIN_TO_TLS = re.compile(
    r"plain HTTP request was sent to|speaking plain HTTP|HTTP request to an HTTPS server|requires TLS"
    r"|HTTP (?:request )?(?:to|on) (?:an? )?(?:HTTPS|SSL|TLS)",
    re.IGNORECASE,
)
"""What nginx, Apache, Go, Tomcat and others say on a port for TLS."""


def _authentication(said: str, hint: str, headers: Mapping[str, str], name: str) -> tuple[str, str]:
    """Message and hint of a 401 or 407, with the schemes in the header `name` (RFC 9110, section 11.6.1)."""
    asked = asked_schemes(headers, name)
    if not asked:
        return said, hint
    asks = f"the server asks for {' or '.join(asked)} authentication"
    supported, instead = _AUTHENTICATION[name]
    if any(scheme.lower() in supported for scheme in asked):
        return said, f"{hint}; {asks}"
    return f"{said}: {asks}", f"the exporter does not support {' or '.join(asked)}: {instead}"


_AUTHENTICATION = {
    "WWW-Authenticate": (
        ("basic", "bearer"),
        "let the API accept a password (basic_auth), a fixed header (authorization, or http_headers for a"
        " key) or an OAuth 2.0 token",
    ),
    "Proxy-Authenticate": (("basic",), "let the proxy accept a password, or the address of the exporter"),
}


def described(headers: Mapping[str, str]) -> str:
    """What WWW-Authenticate says of a token that is refused (RFC 6750, section 3); "" for nothing."""
    written = ",".join(value for name, value in headers.items() if name.lower() == "www-authenticate")
    found: dict[str, str] = dict(_DESCRIBED.findall(written))
    return found.get("error_description", "") or found.get("error", "")


_DESCRIBED = re.compile(r'\b(error(?:_description)?)="([^"\\]{1,1000})"')


def asked_schemes(headers: Mapping[str, str], name: str) -> list[str]:
    """The schemes in a header such as WWW-Authenticate, which may occur several times; none of its values."""
    written = ",".join(value for header, value in headers.items() if header.lower() == name.lower())
    parts = re.sub(r'"(?:[^"\\]|\\.)*"', '""', written).split(",")
    found = [re.match(r"\s*([A-Za-z][A-Za-z0-9-]{0,30})(?:\s+[^=\s]|\s*$)", part) for part in parts]
    return list(dict.fromkeys(scheme[1] for scheme in found if scheme))


_PROXY_HEADERS = ("Proxy-Status", "X-Squid-Error")
"""Headers of responses that a proxy generated itself (RFC 9209)."""

EXPIRED = (401, 419, 440, 498)
"""Statuses of credentials that are refused or have expired; all but 401 are of single products."""

_NOT_FOUND = ("not_found", "check {name}.url and the path of the collection")
_REFUSALS = {
    **dict.fromkeys(EXPIRED, ("auth", "check the username and password, or the credentials, of {name}")),
    403: (
        "forbidden",
        "the user of {name} lacks permission to read this collection, or a firewall refuses the request",
    ),
    404: _NOT_FOUND,
    407: ("proxy", "check the credentials of the proxy of {name}"),
    410: _NOT_FOUND,
    416: ("status", "the requested position does not exist: check the paging of the collections of {name}"),
    422: ("status", "a parameter is rejected: try a smaller page_size; check query and paging of {name}"),
}


def phrase(status: int) -> str:
    """The status and its standard phrase, such as `404 Not Found`."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _redirect(status: int, headers: Mapping[str, str], info: RequestInfo) -> errors.Refused:
    """The error of a redirect; it names no target on another host: URLs of login pages contain tokens."""
    target = "another host"
    key = f"{info.block}.{info.key}"
    hint = f"write the final URL into {key}; a redirect to a login page means wrong credentials"
    url = yarl.URL(info.url)
    try:
        location = url.join(yarl.URL(headers.get("Location", "")))
        if location.host == url.host:
            target, hint = bare(location), _redirect_hint(url, location, hint, info)
    except ValueError:
        target = "an invalid URL"
    if target == info.url and "Set-Cookie" in headers:
        target = "itself, and sets a cookie"
        hint = "a cookie check in front of the API, which only browsers pass: exempt the exporter from it"
    elif target == f"{info.url}/":
        target = f"{info.url}/, the same URL with / at its end"
    return errors.Refused(
        f"{info.request}: {phrase(status)}: redirects to {target}",
        status=status,
        reason="redirect",
        hint=hint,
    )


def _redirect_hint(url: yarl.URL, location: yarl.URL, hint: str, info: RequestInfo) -> str:
    """What to do about a redirect within a host."""
    follow = f"or set {info.api}.follow_redirects"
    slashed = f"{url.path}/"
    if (url.scheme, location.scheme) == ("http", "https") and location.path in (url.path, slashed):
        return f"write https:// into {info.block}.{info.key}"
    if location.path == slashed:
        return f"write / at the end of the collection's path, {follow}"
    if f"{location.path}/" == url.path:
        return f"write the collection's path without / at its end, {follow}"
    return hint


def from_web_page(body: bytes, url: str) -> errors.Malformed:
    """The error for a web page, with its title or its first words."""
    text = body[:4096].decode("utf-8", "replace")
    found = _TITLE.search(text)
    words = html.unescape(found[1] if found else TAG.sub(" ", text)).split()
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
