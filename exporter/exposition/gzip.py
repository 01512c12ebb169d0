"""One gzip member out of parts that were compressed at different times.

A part is a raw-deflate run ended by a full flush, so that parts can follow each other in any choice and
order; a member is a header, the parts, an empty last block, and the CRC-32 and length of the whole (RFC 1951,
RFC 1952). Several members joined would be legal too, but some clients stop after the first. Invariant:
`member` of any parts inflates to their texts in order.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

import msgspec
from isal import isal_zlib

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
_LAST = b"\x03\x00"
_LEVEL = 1  # what it costs counts at every change; 2 and 3 save nothing worth mentioning on such text
_STEP = 16 * 1024  # bytes of deflated text inflated at a time


class Part(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Compressed text: the raw-deflate bytes, and the CRC-32 and length in bytes of what they inflate to."""

    deflated: bytes
    crc: int
    length: int

    def text(self) -> bytes:
        """The text itself, inflated."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """The text in pieces that each take well under a millisecond to inflate."""
        inflate = isal_zlib.decompressobj(-isal_zlib.MAX_WBITS)
        view = memoryview(self.deflated)
        for start in range(0, len(view), _STEP):
            yield inflate.decompress(view[start : start + _STEP])


EMPTY = Part(b"", 0, 0)


def part(text: bytes) -> Part:
    """Compresses one part."""
    if not text:
        return EMPTY
    squeeze = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS)
    deflated = b"".join((squeeze.compress(text), squeeze.flush(isal_zlib.Z_FULL_FLUSH)))
    return Part(deflated, isal_zlib.crc32(text), len(text))


def join(parts: Iterable[Part]) -> Part:
    """Several parts as one, without touching their texts."""
    pieces = tuple(parts)
    crc, length = whole((piece.crc, piece.length) for piece in pieces)
    return Part(b"".join(piece.deflated for piece in pieces), crc, length)


def whole(texts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """The CRC-32 and the length of texts joined, from those of each."""
    crc = length = 0
    for one, size in texts:
        crc = isal_zlib.crc32_combine(crc, one, size)
        length += size
    return crc, length


def member(parts: Iterable[Part]) -> Iterator[bytes]:
    """The pieces of one gzip member that holds the parts' texts in order."""
    crc = length = 0
    yield _HEADER
    for piece in parts:
        yield piece.deflated
        crc = isal_zlib.crc32_combine(crc, piece.crc, piece.length)
        length += piece.length
    yield _LAST
    yield struct.pack("<II", crc, length & 0xFFFFFFFF)
