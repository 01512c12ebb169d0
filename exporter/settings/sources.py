"""The layers that settings come from: flags over environment over the file; defaults are the schema's.

Each layer is a tree of what it says and remembers which file, variable or flag said it. What the values mean
is `models`'s business. Invariant: a block is merged key by key, anything else (a query, a list) is replaced
whole by the higher layer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from exporter.errors import ConfigError
from exporter.settings import types, yaml_source
from exporter.settings.base import Key, annotation_at, block_at, is_structured, mapped, parts
from exporter.settings.models import Settings
from exporter.settings.types import Scalar, as_written

PREFIX = str(Settings.model_config.get("env_prefix"))
DELIMITER = str(Settings.model_config.get("env_nested_delimiter"))

_SERVICE_LINK = re.compile(
    r"(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_[A-Z]+(?:_(?:PROTO|PORT|ADDR))?)?)"
)
"""What Kubernetes puts into the environment of every pod for a service named ses-inventory or
ses-inventory-exporter: it once made exporters with such a prefix fail to start, so it is ignored."""


class Layer(NamedTuple):
    """One source of settings: its tree, and for each path that it names by itself, the source's name."""

    tree: dict[str, Any]
    names: Mapping[tuple[str, ...], str]

    def depth(self, path: Sequence[Key]) -> int:
        """How many steps of the path the tree holds."""
        here: Any = self.tree
        for steps, key in enumerate(path):
            if not _holds(here, key):
                return steps
            here = here[key]
        return len(path)

    def name(self, path: Sequence[Key]) -> str:
        """Who says what stands at the path: the file, the variable or the flag; empty if nobody.

        Where nobody says the whole of a block, whoever says the first part of it.
        """
        steps = tuple(str(key) for key in path)
        heads = (steps[:length] for length in range(len(steps), -1, -1))
        above = next((self.names[head] for head in heads if head in self.names), "")
        block = steps[: self.depth(path)]
        return above or next((name for said, name in self.names.items() if said[: len(block)] == block), "")


def _holds(value: object, key: Key) -> bool:
    if isinstance(value, list):
        return isinstance(key, int) and key < len(value)
    return isinstance(value, dict) and key in value


def from_file(path: Path | None) -> Layer:
    """The layer of the YAML file, empty without one; its relative paths begin at its directory."""
    if path is None:
        return Layer({}, {})
    return Layer(yaml_source.tree(path, Settings), {(): str(path)})


def from_environ(environ: Mapping[str, str]) -> Layer:
    """The layer of `SES_INVENTORY_A__B__C`; raises ConfigError for a mapping or list that is not JSON.

    An empty variable counts as not set. Shorter names come first, so that A__B overrides a part of A's JSON.
    """
    tree: dict[str, Any] = {}
    names: dict[tuple[str, ...], str] = {}
    for variable in sorted(environ, key=lambda name: (name.count(DELIMITER), name)):
        written = variable.removeprefix(PREFIX)
        if written == variable or not environ[variable] or _SERVICE_LINK.fullmatch(written):
            continue
        path = _path(written)
        named = f"environment variable {variable}"
        names[path] = named
        _put(tree, path, _decoded(environ[variable], path, named))
    return Layer(tree, names)


def _path(variable: str) -> tuple[str, ...]:
    """The path that a variable's name is, without its prefix: in small letters, as all keys of ours are.

    A name that is the operator's own, as a query's parameter, is taken as written where it has small letters.
    """
    path: tuple[str, ...] = ()
    for step in variable.split(DELIMITER):
        is_free = path and block_at(Settings, path) is None and annotation_at(Settings, path) is not None
        path = (*path, step if is_free and not step.isupper() else step.lower())
    return path


def _decoded(written: str, path: tuple[str, ...], named: str) -> object:
    if not _is_json(written, annotation_at(Settings, path)):
        return written
    try:
        found = json.loads(
            written,
            parse_int=lambda text: Scalar(text, int(text)),
            parse_float=lambda text: Scalar(text, float(text)),
            parse_constant=lambda text: Scalar(text, float(text)),
        )
    except ValueError as error:
        # only the place: the cause holds the text, which may be a secret
        place = f" at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else ""
        hint = "write the mapping or list as JSON"
        raise ConfigError(f"is not good JSON{place}", file=named, path=".".join(path), hint=hint) from None
    return as_written(found, annotation_at(Settings, path))


def _is_json(written: str, annotation: object) -> bool:
    """Whether it is to be read as a mapping or a list. An address may begin with a bracket too: `[::]:80`."""
    is_address = types.Address in parts(annotation) and types.is_address(written)
    return written[0] in "{[" and is_structured(annotation) and not is_address


def from_flags(flags: Mapping[str, object]) -> Layer:
    """The layer of the command line: dotted keys; None is a flag that was not given."""
    tree: dict[str, Any] = {}
    names: dict[tuple[str, ...], str] = {}
    for dotted, value in flags.items():
        if value is not None:
            path = tuple(dotted.split("."))
            names[path] = f"--{dotted.replace('_', '-')}"
            _put(tree, path, value)
    return Layer(tree, names)


def _put(tree: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    here = tree
    for key in path[:-1]:
        if not isinstance(here.get(key), dict):
            here[key] = {}
        here = here[key]
    here[path[-1]] = value


def merge(layers: Iterable[Layer]) -> dict[str, Any]:
    """One tree of all layers, the highest first."""
    tree: dict[str, Any] = {}
    for layer in reversed(list(layers)):
        tree = _merged(tree, layer.tree, ())
    return tree


def _merged(lower: dict[str, Any], higher: dict[str, Any], at: tuple[str, ...]) -> dict[str, Any]:
    both = dict(lower)
    for key, value in higher.items():
        below, path = both.get(key), (*at, key)
        mergeable = isinstance(below, dict) and isinstance(value, dict) and _is_block(path)
        both[key] = _merged(below, value, path) if mergeable else value  # type: ignore[arg-type]
    return both


def _is_block(path: tuple[str, ...]) -> bool:
    return block_at(Settings, path) is not None and mapped(annotation_at(Settings, path)) is None


def origin(layers: Sequence[Layer], path: Sequence[Key]) -> str:
    """The name of the layer that is to blame for what stands, or is missing, at a path.

    The highest that holds the whole path; else, of those that hold most of it, the lowest: the file.
    """
    depths = [layer.depth(path) for layer in layers]
    if len(path) in depths:
        return layers[depths.index(len(path))].name(path)
    deepest = max(depths)
    lowest = max(place for place, depth in enumerate(depths) if depth == deepest)
    return layers[lowest].name(path)
