"""`/metrics`: negotiates format and encoding, limits the number of scrapes, and sends the rendered parts.

One scrape sends the parts of one call of `Content.scrape`, so that it is from before or after a refresh,
never mixed. Headers are read with their weights (RFC 9110, sections 12.4.2, 12.5.1 and 12.5.3); any text at
all has an answer.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import structlog
from aiohttp import hdrs, web

from exporter.web import Content, connections
from exporter.web.connections import OnceAMinute
from exporter.web.responses import plain_text

Form = Literal["text", "openmetrics"]
Encoding = Literal["gzip", "identity"]

TYPES: Mapping[Form, str] = {
    "text": "text/plain; version=0.0.4; charset=utf-8",
    "openmetrics": "application/openmetrics-text; version=1.0.0; charset=utf-8",
}
PARAMETER = "collect[]"
_MISSPELT = "collect"
RUN = 1024 * 1024
"""Bytes given to the socket at a time; they also limit the memory of a slow reader.

Between two runs the event loop does other work, and waits half a millisecond for a thread that renders.
Scrapes of 22 MB a second by four clients, and the p99 of one client next to a busy thread: 128 KiB 38 to 62
and 45 to 188 ms, 1 MiB 76 and 49 to 58 ms, 4 MiB 46 and 49 ms.
"""

STALLED = 1.0
"""Seconds without reading after which a scrape does not count against the limit."""

log = structlog.get_logger(__name__)


@dataclass(eq=False)
class _Running:
    """A scrape in progress: its client's network, when the client last read, and how to end it."""

    network: str
    moved: float
    abort: Callable[[], object]


class Scrapes:
    """The handler of `/metrics`. A client must have read its scrape within `patience` seconds.

    Only scrapes that are being read count against the limit, so that slow readers keep nobody out; as many
    again may be read slowly, then the slowest is ended. The first scrape of a network is always answered.
    """

    def __init__(self, content: Content, patience: float) -> None:
        self._content = content
        self._patience = patience
        self._running: dict[_Running, None] = {}
        self._slow, self._slowest = OnceAMinute("scrape cut off"), OnceAMinute("scrape cut off")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One scrape: 200, or 400 for an unknown collection, 406 for no encoding, 503 over the limit."""
        transport = request.transport
        running = _Running(
            connections.network(request.remote or ""),
            asyncio.get_running_loop().time(),
            transport.abort if transport is not None else lambda: None,
        )
        if not self._admits(running):
            return plain_text(503, "Too many scrapes at once; try again in a second.", {"Retry-After": "1"})
        self._running[running] = None
        try:
            with self._content.precedence.scrape():
                return await self._scrape(request, running)
        finally:
            del self._running[running]

    def _admits(self, new: _Running) -> bool:
        """Whether one more scrape may begin; ends the slowest one if there are very many."""
        limit = self._content.max_scrapes
        read = [one for one in self._running if new.moved - one.moved < STALLED]
        if len(read) >= limit and any(one.network == new.network for one in read):
            return False
        if len(self._running) < 2 * limit:
            return True
        slowest = min(self._running, key=lambda one: one.moved)
        if slowest in read:
            return False
        self._slowest.warn(new.moved, reason="read too slowly, and others wait", client=slowest.network)
        slowest.abort()
        return True

    async def _scrape(self, request: web.Request, running: _Running) -> web.StreamResponse:
        known = self._content.collections
        if _MISSPELT in request.query:
            return plain_text(400, f"Unknown parameter {_MISSPELT}: write {PARAMETER}=NAME.")
        wanted = frozenset(request.query.getall(PARAMETER, ()))
        if unknown := sorted(wanted.difference(known)):
            return plain_text(400, unknown_values(unknown, known, PARAMETER))
        encoding = negotiated_encoding(_header(request, hdrs.ACCEPT_ENCODING))
        if encoding is None:
            return plain_text(406, "There is gzip and identity; Accept-Encoding allows neither.")
        form = negotiated_form(_header(request, hdrs.ACCEPT))
        names = tuple(name for name in known if name in wanted)
        length, parts = self._content.scrape(form, encoding, names)
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: TYPES[form]})
        response.headers[hdrs.VARY] = "Accept, Accept-Encoding"
        if encoding == "gzip":
            response.headers[hdrs.CONTENT_ENCODING] = "gzip"
        response.content_length = length
        await self._send(request, response, () if request.method == hdrs.METH_HEAD else parts, running)
        return response

    async def _send(
        self, request: web.Request, response: web.StreamResponse, parts: Iterable[bytes], running: _Running
    ) -> None:
        """Writes the whole body in the handler: slow readers count, and a stop waits for the last bytes."""
        now = asyncio.get_running_loop().time
        if request.transport is not None:
            request.transport.set_write_buffer_limits(high=1, low=0)  # at 0 TLS pauses with nothing left
        try:
            async with asyncio.timeout(self._patience):
                await response.prepare(request)  # which may find that the client has left
                for run in runs(parts):
                    running.moved = now()
                    await response.write(run)
                    await asyncio.sleep(0)  # a fast reader must not keep the loop from everybody else
                # aiohttp would do it later, where nothing handles a reset at the very end.
                await response.write_eof()
                await request.writer.drain()
                if (protocol := connections.protocol_of(request)) is not None:
                    await protocol.sent()
        except TimeoutError:
            self._slow.warn(now(), client=request.remote, reason="read too slowly", after=self._patience)
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:
            log.debug("scrape cut off", client=request.remote, reason="the client left")


def runs(parts: Iterable[bytes], size: int = RUN) -> Iterator[bytes | memoryview]:
    """The parts as runs of about `size` bytes: small ones joined, large ones cut without being copied."""
    small: list[bytes] = []
    length = 0
    for part in parts:
        if len(part) < size:
            small.append(part)
            length += len(part)
        if small and (length >= size or len(part) >= size):
            yield b"".join(small)
            small, length = [], 0
        if len(part) >= size:
            view = memoryview(part)
            yield from (view[start : start + size] for start in range(0, len(view), size))
    if small:
        yield b"".join(small)


def _header(request: web.Request, name: str) -> str | None:
    """A list header, its lines joined; None if the request has none."""
    lines = request.headers.getall(name, None)
    return None if lines is None else ",".join(lines)


def unknown_values(names: list[str], known: tuple[str, ...], parameter: str) -> str:
    """The error text for collections that do not exist; plain ASCII and short."""
    shown = ", ".join(ascii(name)[:80] for name in names[:5])
    valid = ", ".join(known) or "none, because no collection is enabled"
    return f"Unknown {parameter} {shown}. Valid values: {valid}."


_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


class _Element(NamedTuple):
    """One element of a list header: its lower-case name, its parameters, and its weight from 0 to 1."""

    name: str
    parameters: Mapping[str, str]
    weight: float


class _Offer(NamedTuple):
    """A format that can be sent: its media type, and the versions a client may ask for, the best first.

    The empty version is a media range without one.
    """

    form: Form
    kind: str
    subtype: str
    versions: tuple[str, ...]


_TEXT = _Offer("text", "text", "plain", ("0.0.4", ""))
# Prometheus up to 2.33 asks for OpenMetrics 0.0.1 alone. It reads 1.0.0, which is the same text.
_OPENMETRICS = _Offer("openmetrics", "application", "openmetrics-text", ("1.0.0", "0.0.1", ""))


def negotiated_form(accept: str | None) -> Form:
    """The format that an `Accept` header prefers; None is a request without one.

    The higher weight wins, then the more exact name, then text. A header that allows neither gets text, never
    406, as from Prometheus' client libraries: a browser or a probe then sees something.
    """
    ranges = tuple(_elements(accept or "*/*"))
    return "openmetrics" if _preference(_OPENMETRICS, ranges) > _preference(_TEXT, ranges) else "text"


def negotiated_encoding(accept_encoding: str | None) -> Encoding | None:
    """The encoding that an `Accept-Encoding` header prefers; None if it refuses both (406).

    Without a header nothing is compressed: RFC 9110 would allow it, but few such clients can inflate.
    """
    weights = {element.name: element.weight for element in _elements(accept_encoding or "")}
    rest = weights.get("*")
    gzip = weights.get("gzip", weights.get("x-gzip", rest or 0.0))
    identity = weights.get("identity", rest)
    if gzip > 0 and gzip >= (identity or 0.0):
        return "gzip"
    return None if identity == 0 else "identity"


def _preference(offer: _Offer, ranges: tuple[_Element, ...]) -> tuple[float, int]:
    """The weight of the media range that fits an offer best, and how exactly it fits."""
    fits = ((_fit(offer, element), element.weight) for element in ranges)
    fit, weight = max(fits, default=(0, 0.0))
    return (weight, fit) if fit and weight else (0.0, 0)


def _fit(offer: _Offer, element: _Element) -> int:
    """How exactly a media range names an offer; 0 if it does not.

    Other parameters than the version have no effect: the charset is always UTF-8, and no name needs escaping.
    """
    kind, _, subtype = element.name.partition("/")
    if (kind, subtype) == (offer.kind, offer.subtype):
        version = element.parameters.get("version", "")
        return 2 + len(offer.versions) - offer.versions.index(version) if version in offer.versions else 0
    if subtype != "*":
        return 0
    return {offer.kind: 2, "*": 1}.get(kind, 0)


def _elements(header: str) -> Iterator[_Element]:
    """The elements of a list header in order, without empty ones."""
    for part in header.lower().split(","):
        name, *rest = (piece.strip() for piece in part.split(";"))
        pairs = (piece.partition("=") for piece in rest)
        parameters = {key.strip(): value.strip().strip('"') for key, _, value in pairs}
        if name:
            yield _Element(name, parameters, _weight(parameters.get("q", "1")))


def _weight(text: str) -> float:
    """A weight as a number; 1 if it is not valid, so that a mistake refuses nobody."""
    return float(text) if _WEIGHT.fullmatch(text) else 1.0
