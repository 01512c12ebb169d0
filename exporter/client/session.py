"""aiohttp as the exporter uses it: one session per API, and what requests to each server need.

Both the API and its token endpoint are requested through the session. Invariants: an exception of aiohttp
becomes a `SourceError` here and nowhere else; no request is sent twice, no redirect is followed, no cookie is
stored.

Each request has a connection of its own: HTTP/1.1 matches requests and responses on one connection by their
order alone (RFC 9112, section 9.2), so a late or unsolicited response would be taken for the next one.
"""

from __future__ import annotations

import asyncio
import os
import re
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


_LONGEST_LINE, _HEADER_LINES = 65_536, 257
"""Bytes of a header's value, and header lines, from which on a response is refused."""

_LONGEST_HEAD = 1 << 20  # bytes that are kept until a head is complete
_LONGEST_SIZE_LINE = 4096  # bytes of the line with the size of a chunk
_STATUS_LINE = re.compile(rb"HTTP/[0-9]\.[0-9][ \t]+([0-9]{3})")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")


class Framing:
    """Rewrites the framing of one response, so that aiohttp reads what Go and curl read.

    A length next to chunks or repeated, blanks before a colon, lines that are no header, and bytes after the
    end of the body do no harm where a connection carries one response: they cannot become part of another.
    What is wrong otherwise is left as it is, for aiohttp's parser to refuse.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._step = self._head
        self._searched = 0  # bytes in which no head ends
        self._left = 0  # bytes of the body or of a chunk

    def feed(self, data: bytes) -> bytes:
        """The bytes for the parser, after these were received."""
        if len(data) < self._left and not self._buffer:
            self._left -= len(data)  # within a body or a chunk: without a copy
            return data
        self._buffer += data
        found = bytearray()
        while self._buffer and (piece := self._step()) is not None:
            found += piece
        return bytes(found)

    def _take(self, length: int) -> bytes:
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    def _rest(self) -> bytes:
        """All that follows is left as it is."""
        self._step = self._rest
        return self._take(len(self._buffer))

    def _ignored(self) -> None:
        self._buffer.clear()

    def _head(self) -> bytes | None:
        del self._buffer[: len(self._buffer) - len(self._buffer.lstrip(b"\r\n"))]
        start = bytes(self._buffer[:64])
        if not start.startswith(b"HTTP/"[: len(start)]) or len(self._buffer) > _LONGEST_HEAD:
            return self._rest()
        end = _END_OF_HEAD.search(self._buffer, max(0, self._searched - 3))
        self._searched = len(self._buffer) if end is None else 0
        if end is None:
            return None
        status = _STATUS_LINE.match(start)
        if status is None or status[1] == b"101":
            return self._rest()
        lines = re.split(rb"\r?\n", self._take(end.end()).strip(b"\r\n"))
        head, length, is_chunked = _repaired(lines)
        if status[1] in (b"204", b"304"):
            self._step = self._ignored
        elif is_chunked:
            self._step = self._chunk_size
        elif length is not None and not status[1].startswith(b"1"):
            self._left, self._step = length, self._counted
        elif not status[1].startswith(b"1"):
            self._step = self._rest
        return head

    def _counted(self) -> bytes:
        piece = self._take(self._left)
        self._left -= len(piece)
        if not self._left:
            self._step = self._ignored
        return piece

    def _chunk_size(self) -> bytes | None:
        end = self._buffer.find(b"\n")
        if end < 0 and len(self._buffer) <= _LONGEST_SIZE_LINE:
            return None
        size = self._buffer[:end].partition(b";")[0].strip()
        if end < 0 or not re.fullmatch(rb"[0-9a-fA-F]{1,15}", size):
            return self._rest()
        self._take(end + 1)
        self._left = int(size, 16)
        if not self._left:
            self._step = self._ignored  # what follows are trailers
            return b"0\r\n\r\n"
        self._step = self._chunk
        return b"%x\r\n" % self._left

    def _chunk(self) -> bytes:
        piece = self._take(self._left)
        self._left -= len(piece)
        if not self._left:
            self._step = self._chunk_end
        return piece

    def _chunk_end(self) -> bytes | None:
        if self._buffer == b"\r":
            return None
        end = re.match(rb"\r?\n", self._buffer)
        if end is None:
            return self._rest()
        self._take(end.end())
        self._step = self._chunk_size
        return b"\r\n"


def _repaired(lines: list[bytes]) -> tuple[bytes, int | None, bool]:
    """The head of a response, with the length of its body and whether it comes in chunks."""
    kept = lines[:1]
    lengths: list[bytes] = []
    codings: list[bytes] = []
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t"):
            kept.append(line)  # continues the last header
            continue
        name = name.rstrip(b" \t")
        if not colon or not name:
            continue
        if name.lower() == b"content-length":
            lengths.extend(one.strip(b" \t") for one in value.split(b","))
        elif name.lower() == b"transfer-encoding":
            codings.extend(one.strip(b" \t").lower() for one in value.split(b","))
        else:
            kept.append(b"%b:%b" % (name, value))
    codings = [one for one in dict.fromkeys(codings) if one not in (b"", b"identity")]
    lengths = [one for one in dict.fromkeys(lengths) if one]
    if codings:
        kept.append(b"Transfer-Encoding: %b" % b", ".join(codings))
    else:
        kept.extend(b"Content-Length: %b" % one for one in lengths)
    length = int(lengths[0]) if len(lengths) == 1 and re.fullmatch(rb"[0-9]{1,15}", lengths[0]) else None
    return b"\r\n".join([*kept, b"", b""]), length, codings[-1:] == [b"chunked"]


class _Reframed(asyncio.Protocol):
    """Stands between a connection and aiohttp's parser."""

    def __init__(self, parser: asyncio.Protocol) -> None:
        self._parser = parser
        self._framing = Framing()

    def data_received(self, data: bytes) -> None:
        framed = self._framing.feed(data)
        if framed:
            self._parser.data_received(framed)

    def eof_received(self) -> bool | None:
        return self._parser.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._parser.connection_lost(error)

    def pause_writing(self) -> None:
        self._parser.pause_writing()

    def resume_writing(self) -> None:
        self._parser.resume_writing()


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
            if connection.protocol is not None:
                connection.transport.set_protocol(_Reframed(connection.protocol))
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
        max_line_size=_LONGEST_LINE,
        max_field_size=_LONGEST_LINE,
        max_headers=_HEADER_LINES,
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
