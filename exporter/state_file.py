"""The state file: the collections' snapshots, written after refreshes and read at the next start.

It is a gzip file (RFC 1952) of several members, each one MessagePack document: a `_FileHeader`, then the
records of each collection, 1,000 per document. The file name in the first gzip header is that of the format.
A member's checksum is verified before it is decoded. Invariants: the path always has the whole old or the
whole new state; what is not a state file is neither replaced nor renamed; a failure costs a warning only.
"""

from __future__ import annotations

import asyncio
import errno
import gzip
import io
import math
import os
import re
import secrets
import stat
import threading
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

import msgspec
import structlog

from exporter.errors import StateError
from exporter.inventory.record import Link, Record, StatusSummary, status_summary, unpack
from exporter.inventory.snapshot import Foreign, Snapshot, StoredRecord
from exporter.telemetry import Telemetry

log = structlog.get_logger()

MAX_DOCUMENT = 64 << 20
"""Bytes of one document, not compressed."""

_FORMAT = b"ses-inventory-exporter state "
_VERSION = b"2"
_GZIP = b"\x1f\x8b\x08\x08"  # how a gzip member with a file name begins
_NAME_AT = 10  # bytes from there to the file name
_RECORDS = 1_000  # of one document: to encode or to decode them takes some milliseconds
_READ_SIZE = 1 << 16  # bytes

_WRITE_SHARE = 20.0  # times as long as a write took pass before the next one: writing takes 5 % of the time
_SLOW_WRITE = 3.0  # seconds of a write, after which a shutdown does not write once more
_LAST_WRITE = 4.0  # seconds that a shutdown waits for its write
_WRITE_LOCK = threading.Lock()  # a thread that writes outlives the task that started it

_SET_ANOTHER = "set state_file to a file that only this exporter writes"
_OTHER_OWNER = "remove it or give it to the exporter's user, or set state_file to another file"
_NOTHING_TO_DO = "nothing to do: everything is crawled again"
_DAMAGED = f"{_NOTHING_TO_DO}; if this happens again, check the disk"
_NOT_WRITABLE = "the directory must exist, have room and be writable by the exporter; or unset state_file"


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


class _FileHeader(msgspec.Struct, frozen=True):
    """The first document: the collections without their records, of which so many own and foreign follow.

    `fields` are the names of the fields of each type in the file; `written` is in Unix seconds.
    """

    fields: dict[str, list[str]]
    written: float
    collections: dict[str, SavedCollection]
    records: dict[str, tuple[int, int]]


class _AnyHeader(msgspec.Struct, frozen=True):
    """The header of any version."""

    fields: dict[str, list[str]] = {}


class _Row(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A stored record: packed, its digest, since when it has its status, how often that changed."""

    packed: bytes
    digest: int
    since: float
    changes: int


class _OtherVersionError(Exception):
    """The file is a state file of another version: its records may have other fields."""


_TYPES = (Link, Record, StoredRecord, Foreign, Snapshot, SavedCollection)
_FIELDS = {kind.__name__: list(kind.__struct_fields__) for kind in _TYPES}
_ENCODER = msgspec.msgpack.Encoder()
_ANY_HEADER = msgspec.msgpack.Decoder(_AnyHeader)
_HEADER = msgspec.msgpack.Decoder(_FileHeader)
_ROWS = msgspec.msgpack.Decoder(list[_Row])


def _encode(collections: Mapping[str, SavedCollection], now: float) -> Iterator[bytes]:
    """The parts of a file with these collections; `now` is in Unix seconds.

    Raises `ValueError` if a record, or the header, is larger than `MAX_DOCUMENT`.
    """
    without_records = {
        name: msgspec.structs.replace(saved, snapshot=Snapshot({}, {}, saved.snapshot.words, Foreign({}, {})))
        for name, saved in collections.items()
    }
    snapshots = {name: saved.snapshot for name, saved in collections.items()}
    parts = {name: (one.records, one.foreign.records) for name, one in snapshots.items()}
    records = {name: (len(own), len(foreign)) for name, (own, foreign) in parts.items()}
    header = _ENCODER.encode(_FileHeader(_FIELDS, now, without_records, records))
    yield _compressed(header, (b"%b%b" % (_FORMAT, _VERSION)).decode())
    for part in chain.from_iterable(parts.values()):
        stored = iter(part.values())
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


def _is_state_file(file: BinaryIO) -> bool:
    """Whether a file begins as state files of any version do; it may be damaged later on."""
    start = file.read(_NAME_AT + len(_FORMAT))
    version_1 = _FORMAT.startswith(start[: len(_FORMAT)])  # had the name in front of everything
    return version_1 or _begins(start, _FORMAT)


def _begins(start: bytes, name: bytes) -> bool:
    """Whether this is the beginning of a gzip file of such a name, or as much of one as there is."""
    return _GZIP.startswith(start[:4]) and name.startswith(start[_NAME_AT : _NAME_AT + len(name)])


def _decode(file: BinaryIO) -> Mapping[str, SavedCollection]:
    """The collections in a state file.

    Raises `_OtherVersionError`; `EOFError` or `StopIteration` if the file ends too early; `zlib.error` if it
    is damaged; `ValueError`, `RecursionError`, `MemoryError` or `msgspec.DecodeError` if it is anything else.
    """
    name = b"%b%b\0" % (_FORMAT, _VERSION)
    if not _begins(file.read(_NAME_AT + len(name)), name):
        raise _OtherVersionError
    file.seek(0)
    documents = _decompressed(file)
    first = next(documents)
    if _ANY_HEADER.decode(first).fields != _FIELDS:
        raise _OtherVersionError
    header = _HEADER.decode(first)
    if header.collections.keys() != header.records.keys():
        raise ValueError("the header does not say how many records each collection has")
    summaries: dict[StatusSummary, StatusSummary] = {}
    collections = {}
    for collection, saved in header.collections.items():
        _check_times(saved.last_success, saved.last_full_success)
        own, foreign = [_records(documents, count, summaries) for count in header.records[collection]]
        snapshot = Snapshot(*own, saved.snapshot.words, Foreign(*foreign))
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


def _records(
    documents: Iterator[bytes], count: int, summaries: dict[StatusSummary, StatusSummary]
) -> tuple[dict[str, StoredRecord], dict[int, StoredRecord]]:
    """So many records by id and by digest; takes as many documents as they are in."""
    records: dict[str, StoredRecord] = {}
    digests: dict[int, StoredRecord] = {}
    read = 0
    while read < count:
        stored = [_stored(row, summaries) for row in _ROWS.decode(next(documents))]
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


class StateFile:
    """The state file at `path`, read and written in threads; with None there is none."""

    def __init__(self, path: Path | None, telemetry: Telemetry) -> None:
        self.path = path
        self._telemetry = telemetry
        self._duration = 0.0  # seconds of the last write
        self._next_write = 0.0  # on the monotonic clock
        self._failure = ""  # reason of the last write's failure

    async def load(self) -> Mapping[str, SavedCollection]:
        """What the last process saved, by collection. A state file that cannot be used is set aside."""
        if self.path is None:
            return {}
        try:
            return await asyncio.to_thread(read, self.path)
        except StateError as error:
            log.warning("state file unusable", **_log_fields(error))
        try:
            log.warning("state file set aside", file=str(await asyncio.to_thread(set_aside, self.path)))
        except StateError as error:
            # that it is not a state file was logged above
            why = {} if error.reason == "foreign" else _log_fields(error)
            log.warning("state file left alone", file=error.path, **why)
        return {}

    async def due(self) -> None:
        """Waits until the next write may be made."""
        await asyncio.sleep(max(0.0, self._next_write - time.monotonic()))

    async def write(self, collections: Mapping[str, SavedCollection]) -> None:
        """Writes the collections. A failure is logged, unless the one before it had the same reason."""
        if self.path is None:
            return
        began, now = time.monotonic(), time.time()
        try:
            size = await asyncio.to_thread(write, self.path, collections, now)
        except StateError as error:
            self._telemetry.state_not_written()
            if self._failure != error.reason:
                log.warning("state not written", **_log_fields(error))
            self._failure = error.reason
        else:
            self._telemetry.state_written(now, size)
            self._failure = ""
        self._duration = time.monotonic() - began
        self._next_write = time.monotonic() + _WRITE_SHARE * self._duration

    async def close(self, collections: Mapping[str, SavedCollection]) -> None:
        """Writes once more before the process ends, unless that takes too long for a shutdown."""
        if self._duration > _SLOW_WRITE:
            return
        try:
            async with asyncio.timeout(_LAST_WRITE):
                await self.write(collections)
        except TimeoutError:
            log.warning(
                "state not written",
                reason="slow",
                error=f"{self.path}: the last write took longer than {_LAST_WRITE:g} s",
                hint="nothing to do: the previous file stays, and what is newer is crawled again",
            )


def _log_fields(error: StateError) -> dict[str, str]:
    return {"reason": error.reason, "error": f"{error.path}: {error.problem}", "hint": error.hint}


def write(path: Path, collections: Mapping[str, SavedCollection], now: float) -> int:
    """Replaces the state file by one with these collections; returns its size in bytes.

    `now` is in Unix seconds. To be called in a thread: the event loop gets its turn between the documents.
    Raises `StateError` if the file cannot be written (reason unwritable) or is not a state file of this user
    (foreign); it is then what it was before.
    """
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with _WRITE_LOCK:
            with suppress(FileNotFoundError), _open_own(path) as file:
                _check_format(path, file)
            _remove_unfinished(path)
            size = _write_new(new, _encode(collections, now))
            new.replace(path)
            _sync_directory(path.parent)
    except OSError as error:
        problem = f"the state cannot be written: {error.strerror or error}"
        raise StateError(problem, path=path, reason="unwritable", hint=_NOT_WRITABLE) from error
    except ValueError as error:
        problem = f"the state cannot be written: {error}"
        hint = "lower limits.label_length, or unset state_file"
        raise StateError(problem, path=path, reason="unwritable", hint=hint) from error
    finally:
        with suppress(OSError):  # after success it has another name; else the next write removes it
            new.unlink()
    return size


def read(path: Path) -> Mapping[str, SavedCollection]:
    """The collections in the state file; none if there is no file.

    Raises `StateError` if it cannot be used: reason foreign, version, checksum, truncated or unreadable.
    """
    try:
        with _open_own(path) as file:
            _check_format(path, file)
            file.seek(0)
            return _decode(file)
    except FileNotFoundError:
        return {}
    except OSError as error:
        problem = f"the state cannot be read: {error.strerror or error}"
        raise StateError(problem, path=path, hint="the exporter's user must be able to read it") from error
    except _OtherVersionError as error:
        problem = "the state was written by another version"
        raise StateError(problem, path=path, reason="version", hint=_NOTHING_TO_DO) from error
    except (EOFError, StopIteration) as error:
        raise StateError("the state ends too early", path=path, reason="truncated", hint=_DAMAGED) from error
    except zlib.error as error:
        problem = "the state is damaged: its checksum is wrong"
        raise StateError(problem, path=path, reason="checksum", hint=_DAMAGED) from error
    except (ValueError, RecursionError, MemoryError, msgspec.DecodeError) as error:
        # the checksum is right, so this was not written by `write`
        raise StateError(f"the state is not valid: {error}", path=path, hint=_NOTHING_TO_DO) from error


def set_aside(path: Path) -> Path:
    """Renames an unusable state file, of any user, to NAME.unusable; an earlier one is replaced.

    Raises `StateError` if it cannot be opened or renamed (unwritable), or is not a state file (foreign).
    """
    aside = path.with_name(f"{path.name}.unusable")
    try:
        _regular_file(path)
        with open(path, "rb", opener=_opener) as file:
            _check_format(path, file)
        path.replace(aside)
    except OSError as error:
        problem = f"the unusable state cannot be set aside: {error.strerror or error}"
        hint = f"remove it, or {aside}; if it is not a state file, set state_file to another file"
        raise StateError(problem, path=path, reason="unwritable", hint=hint) from error
    return aside


def _check_format(path: Path, file: BinaryIO) -> None:
    """What a wrong `state_file` names, a certificate or a database, must neither be replaced nor renamed."""
    if not _is_state_file(file):
        raise StateError("it is not a state file", path=path, reason="foreign", hint=_SET_ANOTHER)


@contextmanager
def _open_own(path: Path) -> Iterator[BinaryIO]:
    """Opens the file if it is a regular one of this user: a pipe would block, a link lead elsewhere."""
    owner = _regular_file(path).st_uid
    if owner != os.geteuid():
        problem = f"it belongs to user {owner}, and this is user {os.geteuid()}"
        raise StateError(problem, path=path, reason="foreign", hint=_OTHER_OWNER)
    with open(path, "rb", opener=_opener) as file:
        yield file


def _regular_file(path: Path) -> os.stat_result:
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        problem = "it is a link, a directory or a device"
        raise StateError(problem, path=path, reason="foreign", hint=_SET_ANOTHER)
    return found


def _opener(path: str, _: int) -> int:
    # what became a link or a pipe since it was looked at must neither be followed nor block
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def _write_new(new: Path, parts: Iterator[bytes]) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(new, flags, 0o600), "wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
        return file.tell()


def _remove_unfinished(path: Path) -> None:
    """Removes what earlier processes left when they were killed while they wrote."""
    unfinished = re.compile(rf"{re.escape(path.name)}\.[0-9a-f]{{8}}\.part")
    for other in path.parent.iterdir():
        if unfinished.fullmatch(other.name):
            with suppress(OSError):  # it takes room and does no other harm
                other.unlink()


def _sync_directory(directory: Path) -> None:
    """Makes the new name survive a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot; the file is whole all the same
            raise
    finally:
        os.close(descriptor)
