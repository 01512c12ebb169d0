"""Reads every file that an API's settings name, once, so that a missing one is told at the start.

Nothing is kept: whoever uses a secret reads it again. `credential` owns how a file is read; whether a PEM
file holds what it should is seen by `exporter.source`, which loads it. Invariant: a flaw shows no content of
a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from exporter.errors import ConfigError
from exporter.settings.block import Block, Flaw, Key
from exporter.settings.credential import TlsConfig, read_pem, read_secret

Reading = Callable[[Path], str]


def file_flaws(block: Block, at: tuple[Key, ...]) -> Iterator[Flaw]:
    """A flaw for each file that is named below the block, which stands at `at`, and cannot be used."""
    read = _read_pem if isinstance(block, TlsConfig) else _read_secret
    for name in type(block).model_fields:
        yield from _value_flaws(getattr(block, name), (*at, name), read)


def _value_flaws(value: object, at: tuple[Key, ...], read: Reading) -> Iterator[Flaw]:
    match value:
        case Block():
            yield from file_flaws(value, at)
        case Mapping():
            for key, inner in value.items():
                yield from _value_flaws(inner, (*at, key), read)
        case tuple():
            for index, inner in enumerate(value):
                yield from _value_flaws(inner, (*at, index), read)
        case Path():
            try:
                read(value)
            except ConfigError as error:
                yield Flaw(error.problem, error.mend, at)


def _read_secret(file: Path) -> str:
    return read_secret(None, file, "")


def _read_pem(file: Path) -> str:
    return read_pem(file, "")
