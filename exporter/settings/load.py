"""Loads the settings: sources, then the schema, then the files they name, then the dialects' rules.

Each stage reports all of its problems at once; a later one runs only if the earlier found none, because its
messages would mislead. Whether a PEM file has the right content is checked by `exporter.client`, which loads
it. Invariants: what `load` returns can be used: every secret was readable, every target resolves; an error
shows no content of a file; a file that does not answer is not an error, because its mount may come back.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from exporter import files
from exporter.errors import ConfigError
from exporter.settings import messages, sources
from exporter.settings.api_models import TlsConfig, read_pem, read_secret
from exporter.settings.base import Block, Flaw, Key
from exporter.settings.models import Settings
from exporter.settings.target import resolve

_DEADLINE = 2.0
"""Maximum seconds that the files of all settings together delay the start."""

_MINIMUM = 0.1
"""Seconds that each file has at least."""

_NONE: Mapping[str, object] = MappingProxyType({})


def load(path: Path | None, environ: Mapping[str, str], flags: Mapping[str, object] = _NONE) -> Settings:
    """The settings of flags over environment over the YAML file (None: without one) over defaults.

    `flags` maps dotted keys (`web.listen_address`) to values; None is a flag that was not given. Raises
    ConfigError with all problems, one on each line: source, path in it, what is wrong, what to do.
    """
    layers = (
        sources.from_flags(flags),
        sources.from_environ(environ, Settings),
        sources.from_file(path, Settings),
    )
    origin = partial(sources.origin, layers)

    class Layered(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: object, **__: object
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(sources.LayerSource(settings_cls, layer.tree) for layer in layers)

    try:
        settings = Layered.model_validate({})
    except ValidationError as error:
        # without its cause: no traceback may show what the operator wrote
        raise messages.combined(messages.of_validation(error, Settings, origin)) from None
    _, flaws = resolve(settings.apis, settings.collections)
    flaws.extend(_file_flaws(settings.apis, ("apis",)))
    if flaws:
        raise messages.combined(messages.of_flaws(flaws, origin))
    return settings


def secret_files(block: Block) -> tuple[Path, ...]:
    """The files with secrets that the block and its blocks name; those of TLS are not among them."""
    return tuple(file for _, file, owner in _named(block, (), block) if not isinstance(owner, TlsConfig))


def _file_flaws(block: Block, at: tuple[Key, ...]) -> Iterator[Flaw]:
    """A flaw for each file that the block at the path `at` names and that cannot be used."""
    until = time.monotonic() + _DEADLINE

    def read(file: Path) -> bytes:
        return files.within(max(_MINIMUM, until - time.monotonic()), lambda: files.read(file))

    for place, file, owner in _named(block, at, block):
        try:
            if isinstance(owner, TlsConfig):
                read_pem(file, "", read)
            else:
                read_secret(None, file, "", read)
        except ConfigError as error:
            if not isinstance(error.__cause__, TimeoutError):
                yield Flaw(error.problem, error.hint, place)


def _named(value: object, at: tuple[Key, ...], owner: Block) -> Iterator[tuple[tuple[Key, ...], Path, Block]]:
    """The files that a value names: the path of the setting, the file, and the block of the setting."""
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
