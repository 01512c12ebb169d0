"""`/metrics`: negotiates, lets no more than so many scrapes in at once, and streams the cached parts.

Owns the limit, who counts against it, the headers of an exposition and the pace of sending. It does not own
the bytes: `Scrapable` hands them over ready, and nothing here can reach an inventory. Invariant: one scrape
sends the parts of one call to `scrape`, so that it is from before or after a refresh and never mixed (faults
F71, F72, F74).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import structlog
from aiohttp import hdrs, web

from exporter.precedence import Precedence
from exporter.web import connection, connection_limits, negotiate
from exporter.web.once_a_minute import OnceAMinute
from exporter.web.responses import plain_text

TYPES: dict[negotiate.Form, str] = {
    "text": "text/plain; version=0.0.4; charset=utf-8",
    "openmetrics": "application/openmetrics-text; version=1.0.0; charset=utf-8",
}
PARAMETER = "collect[]"
RUN = 1024 * 1024
"""Bytes given to the socket at a time.

Between two runs the loop has its turn, and where a refresh is rendered by a thread, waits half a millisecond
for the interpreter; runs of 128 KiB made a scrape of 22 MB wait 170 times. Measured with 22 MB, scrapes a
second of four clients, and the slowest hundredth of one client's beside a busy thread: 128 KiB 38 to 62 and
45 to 188 ms, 1 MiB 76 and 49 to 58 ms, 4 MiB 46 and 49 ms. Runs also bound what a slow reader holds.
"""

STALLED = 1.0
"""Seconds without taking a run of bytes, after which a scrape does not count against the limit."""

log = structlog.get_logger(__name__)


class Scrapable(Protocol):
    """What `/metrics` needs."""

    @property
    def collections(self) -> tuple[str, ...]:
        """The enabled collections, which are the values that `collect[]` may have."""

    @property
    def max_scrapes(self) -> int:
        """How many scrapes may be answered at the same time."""

    @property
    def precedence(self) -> Precedence:
        """Who goes first, scrapes or refreshes."""

    def scrape(
        self, form: negotiate.Form, encoding: negotiate.Encoding, collections: tuple[str, ...]
    ) -> tuple[int, Iterable[bytes]]:
        """The length in bytes of one exposition, and its parts to be sent in order; no collections means all.

        Called on the event loop, and so is each step to the next part: neither may do much work at once.
        """


@dataclass(eq=False)
class _Running:
    """A scrape under way: for whom, since when its client has taken nothing, and how it is ended."""

    network: str
    moved: float
    abort: Callable[[], None]


class Scrapes:
    """The handler of `/metrics`. `patience` is the seconds in which a client must have read its scrape.

    Only scrapes that are being read count against the limit, so that slow readers keep nobody out; as many
    again may be read slowly, beyond which the slowest ends. The first scrape of a network is always answered.
    """

    def __init__(self, site: Scrapable, patience: float) -> None:
        self._site = site
        self._patience = patience
        self._running: dict[_Running, None] = {}
        self._slow, self._slowest = OnceAMinute("scrape cut off"), OnceAMinute("scrape cut off")

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One scrape: 200, or 400 for an unknown collection, 406 for no encoding, 503 over the limit."""
        transport = request.transport
        running = _Running(
            connection_limits.network(request.remote or ""),
            asyncio.get_running_loop().time(),
            _nothing if transport is None else transport.abort,
        )
        if not self._admits(running):
            return plain_text(503, "Too many scrapes at once; try again in a second.", {"Retry-After": "1"})
        self._running[running] = None
        try:
            with self._site.precedence.scrape():
                return await self._answer(request, running)
        finally:
            del self._running[running]

    def _admits(self, new: _Running) -> bool:
        """Whether one more scrape may begin; ends the slowest one where there are very many."""
        limit = self._site.max_scrapes
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

    async def _answer(self, request: web.Request, running: _Running) -> web.StreamResponse:
        wanted = frozenset(request.query.getall(PARAMETER, ()))
        known = self._site.collections
        if strange := sorted(wanted.difference(known)):
            return plain_text(400, unknown(strange, known))
        encoding = negotiate.encoding(_header(request, hdrs.ACCEPT_ENCODING))
        if encoding is None:
            return plain_text(406, "There is gzip and identity; Accept-Encoding allows neither.")
        form = negotiate.form(_header(request, hdrs.ACCEPT))
        length, parts = self._site.scrape(form, encoding, tuple(name for name in known if name in wanted))
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: TYPES[form]})
        response.headers[hdrs.VARY] = "Accept, Accept-Encoding"
        if encoding == "gzip":
            response.headers[hdrs.CONTENT_ENCODING] = "gzip"
        response.content_length = length
        sent = _moving(() if request.method == hdrs.METH_HEAD else parts, running)
        await self._send(request, response, sent)
        return response

    async def _send(
        self, request: web.Request, response: web.StreamResponse, sent: Iterable[bytes | memoryview]
    ) -> None:
        """Writes the body inside the handler, so that a slow reader counts against the limit.

        All of it: what asyncio kept for later would be lost where the exporter stops (fault F64).
        """
        if request.transport is not None:
            request.transport.set_write_buffer_limits(high=1, low=0)  # at 0 TLS pauses where nothing is left
        try:
            async with asyncio.timeout(self._patience):
                await response.prepare(request)  # which may find that the client has left, too
                for run in sent:
                    await response.write(run)
                    await asyncio.sleep(0)  # a fast reader must not keep the loop from everybody else
                # aiohttp would do it later, where a reset at the very end is nobody's to catch.
                await response.write_eof()
                await request.writer.drain()
                if (through := connection.of(request)) is not None:
                    await through.sent()
        except TimeoutError:
            now = asyncio.get_running_loop().time()
            self._slow.warn(now, client=request.remote, reason="read too slowly", after=self._patience)
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:
            log.debug("scrape cut off", client=request.remote, reason="the client left")


def _moving(parts: Iterable[bytes], running: _Running) -> Iterator[bytes | memoryview]:
    """The runs of the parts; notes when the client takes the next one."""
    for run in runs(parts):
        running.moved = asyncio.get_running_loop().time()
        yield run


def _nothing() -> None:
    """Of a client that has left already."""


def runs(parts: Iterable[bytes], size: int = RUN) -> Iterator[bytes | memoryview]:
    """The parts as runs of about `size` bytes: small ones joined, large ones cut without being copied."""
    small: list[bytes] = []
    held = 0
    for part in parts:
        if len(part) >= size:
            if small:
                yield b"".join(small)
                small, held = [], 0
            yield from _cuts(part, size)
            continue
        small.append(part)
        held += len(part)
        if held >= size:
            yield b"".join(small)
            small, held = [], 0
    if small:
        yield b"".join(small)


def _cuts(part: bytes, size: int) -> Iterator[memoryview]:
    view = memoryview(part)
    return (view[start : start + size] for start in range(0, len(view), size))


def _header(request: web.Request, name: str) -> str | None:
    """A list header that may have come in several lines, as one; None where it did not come."""
    lines = request.headers.getall(name, None)
    return None if lines is None else ",".join(lines)


def unknown(names: list[str], known: tuple[str, ...], parameter: str = PARAMETER) -> str:
    """A sentence for collections that there are not, with those there are; plain ASCII and short."""
    said = ", ".join(ascii(name)[:80] for name in names[:5])
    valid = ", ".join(known) or "none, for no collection is enabled"
    return f"Unknown {parameter} {said}. Valid values: {valid}."
