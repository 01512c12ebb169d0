"""The files that an API's settings name: which there are, and whether each can be used at the start.

Whoever uses a secret reads it again. `credential` owns how a file is read; whether a PEM file holds what it
should is seen by `exporter.client`, which loads it. Invariants: a flaw shows no content of a file; a file
that does not answer is no flaw, for its mount may come back, and the exporter must be there then.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from exporter import files
from exporter.errors import ConfigError
from exporter.settings.base import Block, Flaw, Key
from exporter.settings.credential import TlsConfig, read_pem, read_secret

_DEADLINE = 2.0
"""Seconds that all files of the settings together may keep the start waiting."""

_LEAST = 0.1
"""Seconds that each may at least."""

_Named = tuple[tuple[Key, ...], Path, Block]
"""Where a file is named, the file, and the block that names it."""


def secret_files(block: Block) -> tuple[Path, ...]:
    """The files with secrets that are named below the block; those of TLS are not among them."""
    return tuple(file for _, file, owner in _named(block, (), block) if not isinstance(owner, TlsConfig))


def file_flaws(block: Block, at: tuple[Key, ...]) -> Iterator[Flaw]:
    """A flaw for each file that is named below the block, which stands at `at`, and cannot be used."""
    until = time.monotonic() + _DEADLINE

    def read(file: Path) -> bytes:
        return files.within(max(_LEAST, until - time.monotonic()), lambda: files.read(file))

    for place, file, owner in _named(block, at, block):
        try:
            if isinstance(owner, TlsConfig):
                read_pem(file, "", read)
            else:
                read_secret(None, file, "", read)
        except ConfigError as error:
            if not isinstance(error.__cause__, TimeoutError):
                yield Flaw(error.problem, error.hint, place)


def _named(value: object, at: tuple[Key, ...], owner: Block) -> Iterator[_Named]:
    match value:
        case Block():
            for name in type(value).model_fields:
                yield from _named(getattr(value, name), (*at, name), value)
        case Mapping():
            for key, inner in value.items():
                yield from _named(inner, (*at, key), owner)
        case tuple():
            for index, inner in enumerate(value):
                yield from _named(inner, (*at, index), owner)
        case Path():
            yield at, value, owner
