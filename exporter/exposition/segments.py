"""All samples of one family in one piece, bucket after bucket, so that compressed text is kept once.

A `Block` is what one bucket was rendered to; a `Strip` has the bytes of all of them joined and remembers
where each ends, so that new blocks are put in place of old ones without rendering the rest. Pure.
Invariant: a strip is never changed; what scrapes are reading stays as it is.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from exporter.exposition import gzip


class Block(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One family's samples of one bucket, and how many series they are."""

    part: gzip.Part
    series: int


@dataclass(frozen=True, slots=True)
class Strip:
    """The blocks joined: bucket n ends at byte `ends[n]`, its text has `crcs[n]` and `lengths[n]`."""

    part: gzip.Part
    ends: array[int]
    crcs: array[int]
    lengths: array[int]
    counts: array[int]

    @property
    def series(self) -> int:
        """The series of all buckets."""
        return sum(self.counts)

    def renewed(self, dirty: Mapping[int, Block]) -> Strip:
        """The strip with these blocks, by bucket, in place of the old ones."""
        view = memoryview(self.part.deflated)
        pieces: list[bytes | memoryview] = []
        kept = 0  # where bytes begin that are not copied yet
        for place in sorted(dirty):
            start = self.ends[place - 1] if place else 0
            pieces += (view[kept:start], dirty[place].part.deflated)
            kept = self.ends[place]
        pieces.append(view[kept:])
        sizes = self._sizes()
        crcs, lengths, counts = self.crcs[:], self.lengths[:], self.counts[:]
        for place, block in dirty.items():
            sizes[place] = len(block.part.deflated)
            crcs[place], lengths[place], counts[place] = block.part.crc, block.part.length, block.series
        return _joined(b"".join(pieces), sizes, crcs, lengths, counts)

    def first(self, most: int) -> gzip.Part:
        """The samples of the first series, as many as are allowed at most."""
        left, place = most, 0
        while place < len(self.counts) and self.counts[place] <= left:
            left -= self.counts[place]
            place += 1
        whole = _joined(
            self.part.deflated[: self.ends[place - 1] if place else 0],
            self._sizes()[:place],
            self.crcs[:place],
            self.lengths[:place],
            self.counts[:place],
        ).part
        if not left or place == len(self.counts):
            return whole
        lines = self.block(place).part.text().splitlines(keepends=True)[:left]
        return gzip.join((whole, gzip.part(b"".join(lines))))

    def _sizes(self) -> array[int]:
        starts = array("Q", [0])
        starts.extend(self.ends)
        return array("Q", (end - start for start, end in zip(starts, self.ends, strict=False)))

    def block(self, place: int) -> Block:
        """The samples of one bucket."""
        start, end = self.ends[place - 1] if place else 0, self.ends[place]
        deflated = self.part.deflated[start:end]
        return Block(gzip.Part(deflated, self.crcs[place], self.lengths[place]), self.counts[place])


def block(lines: str, series: int) -> Block:
    """The block of these lines."""
    return Block(gzip.part(lines.encode("utf-8", "replace")), series)


def strip(blocks: Iterable[Block]) -> Strip:
    """A strip of blocks in the order of their buckets."""
    pieces: list[bytes] = []
    crcs, lengths, counts = array("L"), array("Q"), array("Q")
    for block in blocks:
        pieces.append(block.part.deflated)
        crcs.append(block.part.crc)
        lengths.append(block.part.length)
        counts.append(block.series)
    return _joined(b"".join(pieces), array("Q", map(len, pieces)), crcs, lengths, counts)


def _joined(
    deflated: bytes, sizes: array[int], crcs: array[int], lengths: array[int], counts: array[int]
) -> Strip:
    ends, end = array("Q"), 0
    for size in sizes:
        end += size
        ends.append(end)
    crc, length = gzip.whole(zip(crcs, lengths, strict=True))
    return Strip(gzip.Part(deflated, crc, length), ends, crcs, lengths, counts)
