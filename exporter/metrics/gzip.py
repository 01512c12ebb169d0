"""One gzip member out of parts that were compressed at different times.

A part is a raw-deflate run ended by a full flush, so that parts can follow each other in any choice and
order; a member is a header, the parts, an empty last block, and the CRC-32 and length of the whole (RFC 1951,
RFC 1952). Several members joined would be legal too, but some clients stop after the first. Invariant:
`member` of any parts inflates to their texts in order.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
_LAST = b"\x03\x00"
_STEP = 16 * 1024  # bytes of deflated text inflated at a time
_POLYNOMIAL = 0xEDB88320


class Part(msgspec.Struct, frozen=True, gc=False):
    """Compressed text: the raw-deflate bytes, and the CRC-32 and length in bytes of what they inflate to."""

    deflated: bytes
    crc: int
    length: int

    def text(self) -> bytes:
        """The text itself, inflated."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """The text in pieces that each take well under a millisecond to inflate."""
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        view = memoryview(self.deflated)
        for start in range(0, len(view), _STEP):
            yield inflate.decompress(view[start : start + _STEP])


EMPTY = Part(b"", 0, 0)


def part(text: bytes, level: int = 1) -> Part:
    """Compresses one part."""
    if not text:
        return EMPTY
    squeeze = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflated = b"".join((squeeze.compress(text), squeeze.flush(zlib.Z_FULL_FLUSH)))
    return Part(deflated, zlib.crc32(text), len(text))


def join(parts: Iterable[Part]) -> Part:
    """Several parts as one, without touching their texts."""
    pieces = tuple(parts)
    crc, length = whole((piece.crc, piece.length) for piece in pieces)
    return Part(b"".join(piece.deflated for piece in pieces), crc, length)


def whole(texts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """The CRC-32 and the length of texts joined, from those of each."""
    crc = length = 0
    for one, size in texts:
        crc = _combined(crc, one, size)
        length += size
    return crc, length


def member(parts: Iterable[Part]) -> Iterator[bytes]:
    """The pieces of one gzip member that holds the parts' texts in order."""
    crc = length = 0
    yield _HEADER
    for piece in parts:
        yield piece.deflated
        crc = _combined(crc, piece.crc, piece.length)
        length += piece.length
    yield _LAST
    yield struct.pack("<II", crc, length & 0xFFFFFFFF)


def _combined(first: int, second: int, length: int) -> int:
    """The CRC-32 of two texts joined, from theirs and the second's length, as zlib's crc32_combine does."""
    if not length:
        return first
    return _times(_shift(length), first) ^ second if first else second


@lru_cache(maxsize=16_384)
def _shift(length: int) -> int:
    """x to the power of 8·length modulo the CRC's polynomial: what `length` further bytes do to a CRC."""
    power, place = 1 << 31, 0  # x⁰, in the reflected order of bits
    while length:
        if length & 1:
            power = _times(_square(place), power)
        length >>= 1
        place += 1
    return power


@lru_cache
def _square(place: int) -> int:
    """x⁸ squared as often as `place` says."""
    return 1 << 23 if not place else _times(_square(place - 1), _square(place - 1))


def _times(one: int, other: int) -> int:
    """The product of two polynomials over GF(2), modulo the CRC's."""
    product = 0
    for bit in range(31, -1, -1):
        if one >> bit & 1:
            product ^= other
        other = (other >> 1) ^ _POLYNOMIAL if other & 1 else other >> 1
    return product
