"""Compressed text in parts, and the parts of one gzip member.

Text is compressed once, when it changes. A `Part` is a raw-deflate run that ends with a full flush, so
that parts can follow each other in any order; a gzip member is a header, parts, an empty last block, and
the CRC-32 and length of the whole (RFC 1951 and 1952). One member, because some clients stop after the first.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

import msgspec
from isal import isal_zlib

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
_LAST_BLOCK = b"\x03\x00"
_LEVEL = 1  # levels 2 and 3 cost more at each change and save almost nothing on such text
_STEP = 16 * 1024  # bytes of deflated text that are inflated at a time: well under a millisecond


class Part(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Compressed text: the raw-deflate bytes, and the CRC-32 and length in bytes of the text."""

    deflated: bytes
    crc: int
    length: int

    def text(self) -> bytes:
        """The text, inflated."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """The text, inflated piece by piece."""
        inflate = isal_zlib.decompressobj(-isal_zlib.MAX_WBITS)
        view = memoryview(self.deflated)
        for start in range(0, len(view), _STEP):
            yield inflate.decompress(view[start : start + _STEP])


EMPTY = Part(b"", 0, 0)


def part(text: bytes) -> Part:
    """Compresses a text."""
    if not text:
        return EMPTY
    deflate = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS)
    deflated = b"".join((deflate.compress(text), deflate.flush(isal_zlib.Z_FULL_FLUSH)))
    return Part(deflated, isal_zlib.crc32(text), len(text))


def join(parts: Iterable[Part]) -> Part:
    """Several parts as one, without inflating them."""
    pieces = tuple(parts)
    crc, length = _checksum((piece.crc, piece.length) for piece in pieces)
    return Part(b"".join(piece.deflated for piece in pieces), crc, length)


def member(parts: Iterable[Part]) -> tuple[bytes, ...]:
    """The pieces of one gzip member with the texts of the parts in order."""
    pieces = tuple(parts)
    crc, length = _checksum((piece.crc, piece.length) for piece in pieces)
    trailer = struct.pack("<II", crc, length & 0xFFFFFFFF)
    return (_HEADER, *(piece.deflated for piece in pieces), _LAST_BLOCK, trailer)


def _checksum(texts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """CRC-32 and length of joined texts, from those of each."""
    crc = length = 0
    for one, size in texts:
        crc = isal_zlib.crc32_combine(crc, one, size)
        length += size
    return crc, length


class SampleBlock(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The samples of one family in one bucket of records, and their number."""

    part: Part
    series: int


@dataclass(frozen=True, slots=True)
class Segments:
    """All samples of one family: the blocks of its buckets, joined. It never changes while it is scraped.

    Bucket n has `sizes[n]` of the compressed bytes; its text has `crcs[n]` and `lengths[n]`.
    """

    part: Part
    sizes: array[int]
    crcs: array[int]
    lengths: array[int]
    counts: array[int]

    @property
    def series(self) -> int:
        """Number of series in all buckets."""
        return sum(self.counts)

    def replaced(self, blocks: Mapping[int, SampleBlock]) -> Segments:
        """The segments with these blocks, by bucket, in place of the previous ones."""
        view = memoryview(self.part.deflated)
        ends = tuple(accumulate(self.sizes))
        pieces: list[bytes | memoryview] = []
        copied = 0
        for place in sorted(blocks):
            pieces += (view[copied : ends[place] - self.sizes[place]], blocks[place].part.deflated)
            copied = ends[place]
        pieces.append(view[copied:])
        sizes, crcs, lengths, counts = self.sizes[:], self.crcs[:], self.lengths[:], self.counts[:]
        for place, block in blocks.items():
            sizes[place] = len(block.part.deflated)
            crcs[place], lengths[place], counts[place] = block.part.crc, block.part.length, block.series
        return _segments(b"".join(pieces), sizes, crcs, lengths, counts)

    def first(self, limit: int) -> Part:
        """The samples of the first `limit` series."""
        ends = tuple(accumulate(self.counts))
        fitting = bisect_right(ends, limit)
        size = sum(self.sizes[:fitting])
        crc, length = _checksum(zip(self.crcs[:fitting], self.lengths[:fitting], strict=True))
        whole = Part(self.part.deflated[:size], crc, length)
        if fitting == len(ends):
            return whole
        next_block = self.part.deflated[size : size + self.sizes[fitting]]
        lines = Part(next_block, 0, 0).text().splitlines(keepends=True)
        left = limit - (ends[fitting - 1] if fitting else 0)
        return join((whole, part(b"".join(lines[:left]))))


class Builder:
    """Joins blocks in the order of their buckets, so that not all of them are in memory at once."""

    def __init__(self) -> None:
        self._deflated = bytearray()
        self._sizes, self._crcs, self._lengths, self._counts = (array("Q") for _ in range(4))

    def append(self, block: SampleBlock) -> None:
        """Adds the block of the next bucket."""
        self._deflated += block.part.deflated
        self._sizes.append(len(block.part.deflated))
        self._crcs.append(block.part.crc)
        self._lengths.append(block.part.length)
        self._counts.append(block.series)

    def segments(self) -> Segments:
        """The segments of all blocks."""
        return _segments(bytes(self._deflated), self._sizes, self._crcs, self._lengths, self._counts)


def _segments(
    deflated: bytes, sizes: array[int], crcs: array[int], lengths: array[int], counts: array[int]
) -> Segments:
    crc, length = _checksum(zip(crcs, lengths, strict=True))
    return Segments(Part(deflated, crc, length), sizes, crcs, lengths, counts)
