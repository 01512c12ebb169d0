"""Loads the settings: layers, then the schema, then the files they name, then what the dialects say.

Each stage tells all of its problems at once; a later one runs only if the earlier found none, for its
messages would mislead. Invariant: what `load` returns can be used: every secret was readable, every target
resolves.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from exporter.settings import messages, sources
from exporter.settings.base import Flaw
from exporter.settings.file_checks import file_flaws
from exporter.settings.models import Settings
from exporter.settings.target import resolve

_NONE: Mapping[str, object] = MappingProxyType({})


def load(path: Path | None, environ: Mapping[str, str], flags: Mapping[str, object] = _NONE) -> Settings:
    """The settings of flags over environment over the YAML file (None: without one) over defaults.

    `flags` maps dotted keys (`web.listen_address`) to values; None is a flag that was not given. Raises
    ConfigError with all problems, one on each line: source, path in it, what is wrong, what to do.
    """
    layers = (sources.from_flags(flags), sources.from_environ(environ), sources.from_file(path))
    origin = partial(sources.origin, layers)
    tree = sources.merge(layers)
    private = [Flaw("is an unknown key", "leave it out", (key,)) for key in tree if key.startswith("_")]
    if private:  # such words are pydantic-settings' own parameters: they must not get through
        raise messages.together(messages.of_flaws(private, origin))
    try:
        settings = Settings(**{**tree, "apis": tree.get("apis") or {}})
    except ValidationError as error:
        # without its cause: no traceback may show what the operator wrote
        raise messages.together(messages.of_validation(error, Settings, origin)) from None
    _, flaws = resolve(settings.apis, settings.collections)
    flaws.extend(file_flaws(settings.apis, ("apis",)))
    if flaws:
        raise messages.together(messages.of_flaws(flaws, origin))
    return settings
