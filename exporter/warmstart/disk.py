"""The state file on the disk: replaced in one step, proved by its sum, and only ever one of ours.

Owns frames, the sum and everything that can be wrong with a file; what the frames hold is `chunk`'s. The
file is a line that names it and its version, frames (a length, then deflated bytes), an empty frame, and a
BLAKE2b sum of all before it. Invariants: a new file gets its name only when it is whole and on the disk; what
does not begin as our files do is neither replaced nor renamed; no frame is inflated beyond `chunk.LARGEST`;
every problem leaves as `StateError`.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

import msgspec

from exporter.errors import StateError
from exporter.warmstart import chunk

_NAME = b"ses-inventory-exporter state "
_MAGIC = b"%b1\n" % _NAME
_SUM = 32  # bytes
_LENGTH = 4  # bytes of a frame's length, big-endian; a length of 0 ends the frames
_LONGEST = 2 * chunk.LARGEST  # deflated bytes: even noise hardly grows
_ONLY_OURS = "let state_file name a file that only this exporter writes"
_OF_ANOTHER = "remove it or give it to the exporter's user, or let state_file name another file"
_ANEW = "nothing to do: everything is crawled anew"
_DAMAGED = f"{_ANEW}; if this comes again, look at the disk"
_WRITING = threading.Lock()  # a write in a thread outlives the task that asked for it; the next one waits
_PERMIT = "the directory must exist, have room and be writable for the exporter's user; or unset state_file"


def write(path: Path, collections: Mapping[str, chunk.Kept], now: float) -> int:
    """Replaces the state file by one with these collections; its size in bytes.

    `now` is in Unix seconds. Made for a thread: the event loop gets its turn between the chunks. Raises
    `StateError` where it cannot be written (reason unwritable) or what stands in its place is not ours
    (foreign); the file is then what it was before.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with _WRITING:
            _spare_others(path)
            _sweep(path)
            size = _write_part(part, path, chunk.encode(collections, now))
            part.replace(path)
            _settle(path.parent)
    except OSError as error:
        what = f"the state cannot be written: {error.strerror or error}"
        raise StateError(what, path=path, reason="unwritable", mend=_PERMIT) from error
    finally:
        with suppress(OSError):  # after success it has another name; else the next write sweeps it
            part.unlink()
    return size


def _spare_others(path: Path) -> None:
    """What a slip in state_file points to, a certificate or a database, must survive it."""
    with suppress(FileNotFoundError), _opened(path) as file:
        _prove_ours(path, file)


def _prove_ours(path: Path, file: BinaryIO) -> None:
    """Looks at the beginning only: what is damaged later, or is of another version, is ours all the same."""
    if not _NAME.startswith(file.read(len(_NAME))):
        raise StateError("some other file stands there", path=path, reason="foreign", mend=_ONLY_OURS)


def _sweep(path: Path) -> None:
    """Removes what earlier processes left when they were killed in the middle of a write."""
    part = re.compile(rf"{re.escape(path.name)}\.[0-9a-f]{{8}}\.part")
    for other in path.parent.iterdir():
        if part.fullmatch(other.name):
            with suppress(OSError):  # it costs room, not safety
                other.unlink()


def _write_part(part: Path, path: Path, contents: Iterator[bytes]) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(part, flags, 0o600), "wb") as file:
        seal = blake2b(_MAGIC, digest_size=_SUM)
        file.write(_MAGIC)
        for content in contents:
            frame = _frame(content, path)
            seal.update(frame)
            file.write(frame)
        seal.update(bytes(_LENGTH))
        file.write(bytes(_LENGTH))
        file.write(seal.digest())
        file.flush()
        os.fsync(file.fileno())
        return file.tell()


def _frame(content: bytes, path: Path) -> bytes:
    if len(content) > chunk.LARGEST:
        raise StateError(
            f"one record, or the list of all statuses, takes {len(content)} of {chunk.LARGEST} bytes",
            path=path,
            reason="unwritable",
            mend="lower limits.label_length, or unset state_file",
        )
    deflated = zlib.compress(content, 1)
    return b"%b%b" % (len(deflated).to_bytes(_LENGTH, "big"), deflated)


def _settle(folder: Path) -> None:
    """Makes the new name last over a loss of power."""
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot; the file is whole all the same
            raise
    finally:
        os.close(directory)


def read(path: Path) -> Mapping[str, chunk.Kept]:
    """The collections of the state file; empty where there is no file.

    Raises `StateError` where it cannot be used; its reason is foreign, version, checksum, truncated or
    unreadable.
    """
    try:
        with _opened(path) as file:
            _verify(path, file)
            file.seek(len(_MAGIC))
            return _collections(path, _contents(path, file))
    except FileNotFoundError:
        return {}
    except OSError as error:
        what = f"the state cannot be read: {error.strerror or error}"
        raise StateError(what, path=path, mend="the exporter's user must be able to read it") from error
    except (ValueError, RecursionError, MemoryError, msgspec.DecodeError, zlib.error) as error:
        # the sum is right, so whoever wrote this did not write our format
        raise StateError(f"the state makes no sense: {error}", path=path, mend=_ANEW) from error


def _collections(path: Path, contents: Iterator[bytes]) -> Mapping[str, chunk.Kept]:
    heading = chunk.heading(next(contents, b""))
    if heading is None:
        what = "the state holds what another version's records hold"
        raise StateError(what, path=path, reason="version", mend=_ANEW)
    reader = chunk.Reader()
    kept = {head.collection: reader.kept(head, contents) for head in heading.heads}
    if next(contents, None) is not None or len(kept) != len(heading.heads):
        raise ValueError("it holds more than its heading says")
    return kept


def _verify(path: Path, file: BinaryIO) -> None:
    """Reads the file to its end before anything in it is believed."""
    start = file.read(len(_MAGIC))
    if start != _MAGIC:
        if _MAGIC.startswith(start):
            raise _truncated(path)
        if start.startswith(_NAME):
            what = "the state is of another version's format"
            raise StateError(what, path=path, reason="version", mend=_ANEW)
        raise StateError("some other file stands there", path=path, reason="foreign", mend=_ONLY_OURS)
    seal = blake2b(_MAGIC, digest_size=_SUM)
    for frame in _frames(path, file):
        seal.update(len(frame).to_bytes(_LENGTH, "big"))
        seal.update(frame)
    seal.update(bytes(_LENGTH))
    found = file.read(_SUM)
    if len(found) < _SUM:
        raise _truncated(path)
    if found != seal.digest() or file.read(1):
        what = "the state is damaged: its checksum is wrong"
        raise StateError(what, path=path, reason="checksum", mend=_DAMAGED)


def _frames(path: Path, file: BinaryIO) -> Iterator[bytes]:
    while True:
        head = file.read(_LENGTH)
        length = int.from_bytes(head, "big")
        if len(head) == _LENGTH and not length:
            return
        frame = file.read(length) if length <= _LONGEST else b""
        if len(head) < _LENGTH or len(frame) < length:
            raise _truncated(path)
        yield frame


def _truncated(path: Path) -> StateError:
    return StateError("the state ends before its end", path=path, reason="truncated", mend=_DAMAGED)


def _contents(path: Path, file: BinaryIO) -> Iterator[bytes]:
    for frame in _frames(path, file):
        inflate = zlib.decompressobj()
        content = inflate.decompress(frame, chunk.LARGEST)
        if not inflate.eof or inflate.unused_data:
            raise ValueError(f"{len(frame)} bytes inflate to more than {chunk.LARGEST}, or to nothing whole")
        yield content


def set_aside(path: Path) -> Path:
    """Renames an unusable state file to NAME.unusable, which replaces an earlier one, and returns that.

    What it is matters, not whose: a volume may outlive a user. Raises `StateError` where it cannot be looked
    into or renamed (unwritable), or is no plain file that begins as ours do (foreign): a link, a certificate
    or a database is the operator's.
    """
    aside = path.with_name(f"{path.name}.unusable")
    try:
        _plain(path)
        with open(path, "rb", opener=_open) as file:
            _prove_ours(path, file)
        path.replace(aside)
    except OSError as error:
        what = f"the unusable state cannot be set aside: {error.strerror or error}"
        mend = f"remove it, or what stands at {aside}; if it is not ours, let state_file name another file"
        raise StateError(what, path=path, reason="unwritable", mend=mend) from error
    return aside


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file, if it is a plain one of this user; a pipe would keep us waiting, a link lead us elsewhere."""
    owner = _plain(path).st_uid
    if owner != os.geteuid():
        what = f"it belongs to user {owner}, and this is user {os.geteuid()}"
        raise StateError(what, path=path, reason="foreign", mend=_OF_ANOTHER)
    with open(path, "rb", opener=_open) as file:
        yield file


def _plain(path: Path) -> os.stat_result:
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        what = "a link, directory or device stands there"
        raise StateError(what, path=path, reason="foreign", mend=_ONLY_OURS)
    return found


def _open(path: str, _: int) -> int:
    # what became a link or pipe since it was looked at must lead us nowhere either
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
