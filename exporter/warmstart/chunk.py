"""What the bytes of the state file mean: a heading, then each collection's records in chunks.

Owns the turning of collections into MessagePack and back; frames, sums and files are `disk`'s. Records are
packed already as they are held. Invariant: a chunk is some milliseconds of work, the longest that anything in
this program waits for the state file; and hostile bytes raise nothing but `ValueError`, `RecursionError` and
`msgspec.DecodeError`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import msgspec

from exporter.inventory.record import Link, Record, Standing, standing, unpack
from exporter.inventory.snapshot import Held, Snapshot

LARGEST = 64 << 20
"""Bytes of a heading or chunk; records larger than that, which no sane limit lets in, are not kept."""

_RECORDS = 1_000  # of one chunk
_Row = tuple[bytes, int, float, int]
"""A held record: packed, its digest, since when its status holds, how often it changed."""

_LAYOUT = {kind.__name__: list(kind.__struct_fields__) for kind in (Link, Record, Held, Snapshot)}


class Kept(msgspec.Struct, frozen=True):
    """What is kept of one collection over a restart.

    `digest_key` is the key of the digests in the snapshot. `reading` is a fingerprint of all that decides how
    a record is read: where it is another one now, the digests must not be used. Times are Unix seconds, None
    where it never happened.
    """

    snapshot: Snapshot
    digest_key: bytes
    reading: str
    last_success: float | None
    last_full_success: float | None


class Head(msgspec.Struct, frozen=True):
    """A collection but for its records, of which `records` follow in chunks."""

    collection: str
    records: int
    words: list[tuple[str, str]]
    digest_key: bytes
    reading: str
    last_success: float | None
    last_full_success: float | None


class Heading(msgspec.Struct, frozen=True):
    """What the file begins with. `layout` names the fields of what follows; `written` is in Unix seconds."""

    layout: dict[str, list[str]]
    written: float
    heads: list[Head]


class _Layout(msgspec.Struct, frozen=True):
    """As much of any version's heading as tells which version it is."""

    layout: dict[str, list[str]] = {}


_ENCODER = msgspec.msgpack.Encoder()
_HEADINGS = msgspec.msgpack.Decoder(Heading)
_LAYOUTS = msgspec.msgpack.Decoder(_Layout)


_ROWS = msgspec.msgpack.Decoder(list[_Row])


def encode(collections: Mapping[str, Kept], now: float) -> Iterator[bytes]:
    """The heading, then the chunks, of at most `LARGEST` bytes if records allow; `now` in Unix seconds."""
    heads = [_head(name, kept) for name, kept in collections.items()]
    yield _ENCODER.encode(Heading(_LAYOUT, now, heads))
    for kept in collections.values():
        records = iter(kept.snapshot.records.values())
        while chunk := list(islice(records, _RECORDS)):
            yield from _chunks(chunk)


def _head(collection: str, kept: Kept) -> Head:
    return Head(
        collection,
        len(kept.snapshot.records),
        list(kept.snapshot.words),
        kept.digest_key,
        kept.reading,
        kept.last_success,
        kept.last_full_success,
    )


def _chunks(held: Sequence[Held]) -> Iterator[bytes]:
    rows: list[_Row] = [(one.packed, one.digest, one.since, one.changes) for one in held]
    encoded = _ENCODER.encode(rows)
    if len(encoded) <= LARGEST or len(held) == 1:
        yield encoded
        return
    middle = len(held) // 2
    yield from _chunks(held[:middle])
    yield from _chunks(held[middle:])


def heading(content: bytes) -> Heading | None:
    """The heading in the first frame; None where it is that of a version whose records look different."""
    if _LAYOUTS.decode(content).layout != _LAYOUT:
        return None
    return _HEADINGS.decode(content)


def _check_times(*times: float | None) -> None:
    """Raises `ValueError` for a moment that is none; a file that was tampered with may hold any number."""
    for moment in times:
        if moment is not None and not math.isfinite(moment):
            raise ValueError(f"{moment} is no moment")


class Reader:
    """Reads the chunks of one file, in their order."""

    def __init__(self) -> None:
        self._standings: dict[Standing, Standing] = {}

    def kept(self, head: Head, chunks: Iterator[bytes]) -> Kept:
        """One collection; takes as many chunks as it has records in, `ValueError` where they do not fit."""
        _check_times(head.last_success, head.last_full_success)
        records: dict[str, Held] = {}
        digests: dict[int, Held] = {}
        count = 0
        while count < head.records:
            chunk = next(chunks, None)
            held = self._held(chunk) if chunk else []
            if not held:
                raise ValueError(f"{count} of {head.records} {head.collection} are there")
            count += len(held)
            records.update((one.id, one) for one in held)
            digests.update((one.digest, one) for one in held)
        if not len(records) == count == head.records:
            raise ValueError(f"{count} {head.collection} with {len(records)} ids, not {head.records}")
        return Kept(
            Snapshot(records, digests, tuple(head.words)),
            head.digest_key,
            head.reading,
            head.last_success,
            head.last_full_success,
        )

    def _held(self, chunk: bytes) -> list[Held]:
        found: list[Held] = []
        for packed, digest, since, changes in _ROWS.decode(chunk):
            record = unpack(packed)
            _check_times(since, record.start, record.end, record.created, record.updated)
            if changes < 0:
                raise ValueError(f"{changes} changes of a status")
            now = standing(record)
            now = self._standings.setdefault(now, now)
            found.append(Held(record.id, now, packed, digest, since, changes))
        return found
