"""The format of the state file: a gzip file (RFC 1952) of several members, each one MessagePack document.

The first document is a `Header`, the others are the records of each collection, 1,000 a document. The file
name in the first gzip header is that of the format. gzip's checksum of a member is verified before the member
is decoded. Whatever a file contains, decoding raises nothing but what `decode` documents.
"""

from __future__ import annotations

import gzip
import io
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import BinaryIO

import msgspec

from exporter.inventory.record import Link, Record, StatusSummary, status_summary, unpack
from exporter.inventory.snapshot import Snapshot, StoredRecord

MAX_DOCUMENT = 64 << 20
"""Bytes of one document, not compressed."""

_FORMAT = b"ses-inventory-exporter state "
_VERSION = b"2"
_GZIP = b"\x1f\x8b\x08\x08"  # how a gzip member with a file name begins
_NAME_AT = 10  # bytes from there to the file name
_RECORDS = 1_000  # of one document: to encode or to decode them takes some milliseconds
_READ_SIZE = 1 << 16  # bytes


class SavedCollection(msgspec.Struct, frozen=True):
    """What is saved of one collection.

    `digest_key` is the key of the digests in the snapshot. `reading` is a fingerprint of all that decides how
    a record is read: if it differs, the digests must not be used. Times are Unix seconds, None for never.
    """

    snapshot: Snapshot
    digest_key: bytes
    reading: str
    last_success: float | None
    last_full_success: float | None


class Header(msgspec.Struct, frozen=True):
    """The first document: the collections without their records, and how many records of each follow.

    `fields` are the names of the fields of each type in the file; `written` is in Unix seconds.
    """

    fields: dict[str, list[str]]
    written: float
    collections: dict[str, SavedCollection]
    records: dict[str, int]


class _AnyHeader(msgspec.Struct, frozen=True):
    """What the headers of all versions have in common."""

    fields: dict[str, list[str]] = {}


class _Row(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A stored record: packed, its digest, since when it has its status, how often that changed."""

    packed: bytes
    digest: int
    since: float
    changes: int


class OtherVersionError(Exception):
    """The file is a state file of another version: its records may have other fields."""


_TYPES = (Link, Record, StoredRecord, Snapshot, SavedCollection)
_FIELDS = {kind.__name__: list(kind.__struct_fields__) for kind in _TYPES}
_ENCODER = msgspec.msgpack.Encoder()
_ANY_HEADER = msgspec.msgpack.Decoder(_AnyHeader)
_HEADER = msgspec.msgpack.Decoder(Header)
_ROWS = msgspec.msgpack.Decoder(list[_Row])


def encode(collections: Mapping[str, SavedCollection], now: float) -> Iterator[bytes]:
    """The parts of a file with these collections; `now` is in Unix seconds.

    Raises `ValueError` if a record, or the header, is larger than `MAX_DOCUMENT`.
    """
    without_records = {
        name: msgspec.structs.replace(saved, snapshot=Snapshot({}, {}, saved.snapshot.words))
        for name, saved in collections.items()
    }
    records = {name: len(saved.snapshot.records) for name, saved in collections.items()}
    header = _ENCODER.encode(Header(_FIELDS, now, without_records, records))
    yield _compressed(header, (b"%b%b" % (_FORMAT, _VERSION)).decode())
    for saved in collections.values():
        stored = iter(saved.snapshot.records.values())
        while some := list(islice(stored, _RECORDS)):
            yield from _members([_Row(one.packed, one.digest, one.since, one.changes) for one in some])


def _members(rows: Sequence[_Row]) -> Iterator[bytes]:
    """One member with these rows, or several if they are very large."""
    document = _ENCODER.encode(rows)
    if len(document) <= MAX_DOCUMENT or len(rows) == 1:
        yield _compressed(document)
        return
    middle = len(rows) // 2
    yield from _members(rows[:middle])
    yield from _members(rows[middle:])


def _compressed(document: bytes, name: str = "") -> bytes:
    """One gzip member, with a file name if one is given."""
    if len(document) > MAX_DOCUMENT:
        raise ValueError(f"a record, or the header, takes more than {MAX_DOCUMENT} bytes")
    member = io.BytesIO()
    with gzip.GzipFile(name, "wb", compresslevel=1, fileobj=member, mtime=0) as file:
        file.write(document)
    return member.getvalue()


def is_state_file(file: BinaryIO) -> bool:
    """Whether a file begins as state files of any version do; it may be damaged later on."""
    start = file.read(_NAME_AT + len(_FORMAT))
    version_1 = _FORMAT.startswith(start[: len(_FORMAT)])  # had the name in front of everything
    return version_1 or _begins(start, _FORMAT)


def _begins(start: bytes, name: bytes) -> bool:
    """Whether this is the beginning of a gzip file of such a name, or as much of one as there is."""
    return _GZIP.startswith(start[:4]) and name.startswith(start[_NAME_AT : _NAME_AT + len(name)])


def decode(file: BinaryIO) -> Mapping[str, SavedCollection]:
    """The collections in a state file.

    Raises `OtherVersionError`, `EOFError` if the file ends too early, `zlib.error` if it is damaged, and
    `ValueError`, `RecursionError`, `MemoryError` or `msgspec.DecodeError` if it is not what `encode` makes.
    """
    name = b"%b%b\0" % (_FORMAT, _VERSION)
    if not _begins(file.read(_NAME_AT + len(name)), name):
        raise OtherVersionError
    file.seek(0)
    documents = _decompressed(file)
    first = _next(documents)
    if _ANY_HEADER.decode(first).fields != _FIELDS:
        raise OtherVersionError
    header = _HEADER.decode(first)
    if header.collections.keys() != header.records.keys():
        raise ValueError("the header does not say how many records each collection has")
    summaries: dict[StatusSummary, StatusSummary] = {}
    collections = {}
    for collection, saved in header.collections.items():
        _check_times(saved.last_success, saved.last_full_success)
        records, digests = _records(documents, header.records[collection], summaries)
        snapshot = Snapshot(records, digests, saved.snapshot.words)
        collections[collection] = msgspec.structs.replace(saved, snapshot=snapshot)
    if next(documents, None) is not None:
        raise ValueError("it has more records than its header announces")
    return collections


def _decompressed(file: BinaryIO) -> Iterator[bytes]:
    """The content of each gzip member, once its checksum is verified."""
    data = file.read(_READ_SIZE)
    while data:
        member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        parts, size = [], 0
        while not member.eof:
            if not data:
                raise EOFError
            parts.append(member.decompress(data, MAX_DOCUMENT + 1 - size))
            size += len(parts[-1])
            if size > MAX_DOCUMENT:
                raise ValueError(f"a document is larger than {MAX_DOCUMENT} bytes")
            data = member.unused_data or file.read(_READ_SIZE)
        yield b"".join(parts)


def _next(documents: Iterator[bytes]) -> bytes:
    document = next(documents, None)
    if document is None:
        raise EOFError
    return document


def _records(
    documents: Iterator[bytes], count: int, summaries: dict[StatusSummary, StatusSummary]
) -> tuple[dict[str, StoredRecord], dict[int, StoredRecord]]:
    """So many records by id and by digest; takes as many documents as they are in."""
    records: dict[str, StoredRecord] = {}
    digests: dict[int, StoredRecord] = {}
    read = 0
    while read < count:
        stored = [_stored(row, summaries) for row in _ROWS.decode(_next(documents))]
        if not stored:
            raise ValueError("a document has no records")
        read += len(stored)
        records.update((one.id, one) for one in stored)
        digests.update((one.digest, one) for one in stored)
    if not len(records) == read == count:
        raise ValueError(f"{read} records with {len(records)} ids, not {count}")
    return records, digests


def _stored(row: _Row, summaries: dict[StatusSummary, StatusSummary]) -> StoredRecord:
    record = unpack(row.packed)
    _check_times(row.since, record.start, record.end, record.created, record.updated)
    if row.changes < 0:
        raise ValueError(f"{row.changes} changes of a status")
    status = status_summary(record)
    status = summaries.setdefault(status, status)
    return StoredRecord(record.id, status, row.packed, row.digest, row.since, row.changes)


def _check_times(*times: float | None) -> None:
    """Raises `ValueError` for infinity and NaN, which MessagePack can express."""
    for moment in times:
        if moment is not None and not math.isfinite(moment):
            raise ValueError(f"{moment} is not a time")
