"""The configuration: what can be set, where it is read from, its errors, and what the program uses of it.

`load` returns Settings; `Settings.targets` returns the enabled collections. All of it is frozen, and no
secret is ever shown.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from pydantic import SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from exporter import files
from exporter.errors import ConfigError
from exporter.settings import sources
from exporter.settings.api_models import (
    Api,
    Authorization,
    BasicAuth,
    OAuth2,
    Proxied,
    Reader,
    TlsConfig,
    read_pem,
    read_secret,
)
from exporter.settings.base import Block, Flaw, Key, config_error, dotted, validated
from exporter.settings.collection import Target
from exporter.settings.models import Limits, Settings, Web, resolve_all

__all__ = [
    "Api",
    "Authorization",
    "BasicAuth",
    "Limits",
    "OAuth2",
    "Proxied",
    "Reader",
    "Settings",
    "Target",
    "TlsConfig",
    "Web",
    "doubts",
    "load",
    "read_pem",
    "read_secret",
    "secret_files",
]

_DEADLINE = 2.0
"""Maximum seconds that the files of all settings together delay the start."""

_MINIMUM = 0.1
"""Seconds that each file has at least."""

_NONE: Mapping[str, object] = MappingProxyType({})


def load(path: Path | None, environ: Mapping[str, str], flags: Mapping[str, object] = _NONE) -> Settings:
    """The settings of flags over environment over the YAML file (None: without one) over defaults.

    `flags` maps dotted keys (`web.listen_address`) to values; None is a flag that was not given. Every target
    of the result resolves, and every secret was readable, unless its file did not answer: its mount may come
    back. Raises ConfigError with all problems of the first stage that has some: source, schema, then files
    and dialects. One line each: source, path in it, what is wrong, what to do.
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

    if path is None and not any("apis" in layer.tree for layer in layers):
        hint = "write --config.file FILE, or set SES_INVENTORY_APIS__TMF638__URL"
        raise ConfigError("no API is configured, because no --config.file was given", path="apis", hint=hint)
    settings = validated(Layered, {}, origin)
    _, flaws = resolve_all(settings.apis, settings.collections)
    flaws.extend(_file_flaws(settings.apis, ("apis",)))
    if flaws:
        raise config_error(flaws, origin)
    return settings


def doubts(block: Block, at: tuple[Key, ...] = ()) -> Iterator[str]:
    """What is allowed and probably a mistake, one sentence each, for the block at a path."""
    if isinstance(block, BasicAuth) and not block.password and not block.password_file:
        yield f"{dotted(at)} has no password: requests are sent with an empty one"
    for name in type(block).model_fields:
        value, here = getattr(block, name), (*at, name)
        if isinstance(value, SecretStr) and re.fullmatch(r"\$\{?\w+\}?", value.get_secret_value()):
            yield f"{dotted(here)} looks like a variable, which is not expanded: use {name}_file"
        elif isinstance(value, Block):
            yield from doubts(value, here)


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
