"""Decompresses the body of an answer, up to a limit of bytes.

aiohttp accepts a compressed body that lacks its end or has a wrong checksum; here it is an error. Invariant:
no more than the limit is in memory, however small the compressed body is.
"""

from __future__ import annotations

import io
import re
import zlib

from exporter import errors

_NAME = re.compile(r"[a-z0-9-]{1,12}(, ?[a-z0-9-]{1,12}){0,3}")
_GZIP, _ZLIB, _RAW = 31, 15, -15
"""zlib's names for the formats: gzip (RFC 1952), zlib (RFC 1950), and what some servers call deflate."""


_PIECE = 1 << 20  # bytes that are inflated at a time: zlib takes twice as many for them

_MEMBERS = 10_000
"""Members of a gzip body: empty ones without end would never exceed a number of bytes."""


class BodyReader:
    """Collects one body: `encoding` is its Content-Encoding, `cap` the limit in bytes, `url` for messages."""

    def __init__(self, encoding: str, cap: int, url: str) -> None:
        self._encoding = encoding.strip().lower() or "identity"
        if self._encoding not in ("identity", "gzip", "x-gzip", "deflate"):
            # only what looks like the name of one is shown: a server may repeat what it was sent
            named = f" {self._encoding}" if _NAME.fullmatch(self._encoding) else ""
            raise self._wrong(f"its Content-Encoding{named} was not asked for", url)
        self._cap, self._url = cap, url
        self._inflating: zlib._Decompress | None = None
        self._members = 0
        self._body = io.BytesIO()

    def feed(self, chunk: bytes) -> None:
        """Adds the next chunk; raises `Malformed` with reason encoding or too_large."""
        if self._encoding == "identity":
            self._append(chunk)
            return
        try:
            is_full = False
            while chunk or is_full:
                if self._inflating is None or self._inflating.eof:
                    # the first, or one more member (RFC 1952, section 2.2)
                    self._members += 1
                    if self._members > _MEMBERS:
                        raise self._wrong(f"it has more than {_MEMBERS} parts", self._url)
                    self._inflating = zlib.decompressobj(self._format(chunk))
                most = min(_PIECE, self._cap - self._body.tell() + 1)
                inflated = self._inflating.decompress(chunk, most)
                self._append(inflated)
                # what is left inside the decompressor comes with the next call, even without a further chunk
                is_full = len(inflated) == most and not self._inflating.eof
                chunk = self._inflating.unconsumed_tail or self._inflating.unused_data
        except zlib.error as error:
            raise self._wrong(f"it is no {self._encoding}", self._url) from error

    def _format(self, chunk: bytes) -> int:
        if self._encoding != "deflate":
            return _GZIP
        return _ZLIB if chunk[0] & 0x0F == zlib.DEFLATED else _RAW

    def _append(self, chunk: bytes) -> None:
        if self._body.tell() + len(chunk) > self._cap:
            raise errors.Malformed(
                f"GET {self._url}: the body is larger than {self._cap} bytes",
                reason="too_large",
                hint="make pages smaller with page_size, or raise limits.bytes",
            )
        self._body.write(chunk)

    def finish(self) -> bytes:
        """The whole body; raises `Malformed` with reason encoding where a compressed body lacks its end."""
        if self._inflating is not None and not self._inflating.eof:
            raise self._wrong("its end is missing", self._url)
        return self._body.getvalue()  # without a copy

    def _wrong(self, what: str, url: str) -> errors.Malformed:
        hint = "a proxy or gateway on the way to the API compresses wrongly; ask who runs it"
        return errors.Malformed(f"GET {url}: the body cannot be read: {what}", reason="encoding", hint=hint)
