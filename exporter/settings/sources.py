"""Sources of the settings: command-line flags over environment over the YAML file.

Each source becomes a `Layer`: a tree of values that remembers which file, variable or flag set them. As
`LayerSource` it is a source of pydantic-settings, which merges them (decision 40). `read_yaml` also reads the
web configuration file. It closes YAML's traps: a key written twice is an error, keys are text as written
(`on`, `1`, `NO`), dates stay text, and any other scalar that YAML gives a type keeps its source text next to
the value (`types.Scalar`). Invariant: no error shows a value or a line of the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import yaml
from pydantic_settings import InitSettingsSource

from exporter import files
from exporter.errors import ConfigError
from exporter.settings import types
from exporter.settings.base import Key, annotation_at, block_at, is_structured, mapped, parts
from exporter.settings.types import Scalar, as_written

PREFIX, DELIMITER = "SES_INVENTORY_", "__"
"""Of environment variables: what they begin with, and what separates the keys of a path."""

_SERVICE_LINK = re.compile(
    r"(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_[A-Z]+(?:_(?:PROTO|PORT|ADDR))?)?)"
)
"""Variables that Kubernetes sets in every pod for a service named ses-inventory or ses-inventory-exporter."""


class Layer(NamedTuple):
    """The settings of one source, and the name of the file, variable or flag that set each path."""

    tree: dict[str, Any]
    names: Mapping[tuple[str, ...], str]

    def depth(self, path: Sequence[Key]) -> int:
        """How many steps of the path the tree has."""
        here: Any = self.tree
        for steps, key in enumerate(path):
            keys = here if isinstance(here, dict) else range(len(here) if isinstance(here, list) else 0)
            if key not in keys:
                return steps
            here = here[key]
        return len(path)

    def name(self, path: Sequence[Key]) -> str:
        """The file, variable or flag that set the path, or else a part of its block; empty if none did."""
        steps = tuple(str(key) for key in path)
        heads = [steps[:length] for length in range(len(steps), -1, -1) if steps[:length] in self.names]
        if heads:
            return self.names[heads[0]]
        block = steps[: self.depth(path)]
        return next((name for at, name in self.names.items() if at[: len(block)] == block), "")


def origin(layers: Sequence[Layer], path: Sequence[Key]) -> str:
    """The file, variable or flag to name in an error about a path.

    It belongs to the highest layer that has the whole path; if none has, to the lowest (the file) of those
    that have most of it.
    """
    depths = [layer.depth(path) for layer in layers]
    best = max(depths)
    candidates = [layer for layer, depth in zip(layers, depths, strict=True) if depth == best]
    return candidates[0 if best == len(path) else -1].name(path)


class LayerSource(InitSettingsSource):
    """A layer as a source of pydantic-settings, which merges mappings of all sources key by key.

    It leaves out what a higher source replaces as a whole: a query, or a mapping of free names.
    """

    def __call__(self) -> dict[str, Any]:
        """The tree, without what `current_state`, the settings of higher sources, replaces."""
        return _without_replaced(super().__call__(), self.current_state, self.settings_cls)


def _without_replaced(tree: dict[str, Any], higher: dict[str, Any], schema: object) -> dict[str, Any]:
    kept = {}
    for key, value in tree.items():
        above, annotation = higher.get(key), annotation_at(schema, (key,))
        if not isinstance(value, dict) or not isinstance(above, dict):
            kept[key] = value
        elif block_at(schema, (key,)) is not None and mapped(annotation) is None:
            kept[key] = _without_replaced(value, above, annotation)
    return kept


def from_flags(flags: Mapping[str, object]) -> Layer:
    """The layer of the command line: dotted keys; None is a flag that was not given."""
    layer = Layer({}, names := {})
    for dotted, value in flags.items():
        if value is not None:
            path = tuple(dotted.split("."))
            names[path] = f"--{dotted.replace('_', '-')}"
            _put(layer.tree, path, value)
    return layer


def from_environ(environ: Mapping[str, str], schema: object) -> Layer:
    """The layer of `SES_INVENTORY_A__B__C`; raises ConfigError for what is not UTF-8 or, if it must be, JSON.

    An empty variable counts as not set. Shorter names come first, so that A__B overrides a part of A's JSON.
    """
    layer = Layer({}, names := {})
    for variable in sorted(environ, key=lambda name: (name.count(DELIMITER), name)):
        rest, value = variable.removeprefix(PREFIX), environ[variable]
        if rest != variable and value and not _SERVICE_LINK.fullmatch(rest):
            path = _path(rest, schema)
            names[path] = f"environment variable {variable}"
            if not is_utf8(value):
                hint = "set it in UTF-8"
                raise ConfigError("is not text in UTF-8", file=names[path], path=".".join(path), hint=hint)
            _put(layer.tree, path, _decoded(value, path, schema, names[path]))
    return layer


def is_utf8(value: str) -> bool:
    """Whether a text of the environment or the command line was UTF-8: other bytes are lone surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _path(variable: str, schema: object) -> tuple[str, ...]:
    """The path that a variable's name without its prefix stands for, in lower case as all keys.

    A free name, such as a query parameter, keeps its case unless it is all upper case.
    """
    path: tuple[str, ...] = ()
    for step in variable.split(DELIMITER):
        is_free = path and block_at(schema, path) is None and annotation_at(schema, path) is not None
        path = (*path, step if is_free and not step.isupper() else step.lower())
    return path


def _decoded(text: str, path: tuple[str, ...], schema: object, name: str) -> object:
    """The variable's value: JSON where the schema expects a mapping or a list, else the text."""
    annotation = annotation_at(schema, path)
    is_address = types.Address in parts(annotation) and types.is_address(text)  # as `[::]:80`
    if text[0] not in "{[" or not is_structured(annotation) or is_address:
        return text
    try:
        found = json.loads(
            text,
            parse_int=lambda number: Scalar(number, int(number)),
            parse_float=lambda number: Scalar(number, float(number)),
            parse_constant=lambda number: Scalar(number, float(number)),
        )
    except ValueError as error:
        # only the place: the cause has the text, which may be a secret
        place = f" at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else ""
        hint = "write the mapping or list as JSON"
        raise ConfigError(f"is not valid JSON{place}", file=name, path=".".join(path), hint=hint) from None
    return as_written(found, annotation)


def _put(tree: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    for key in path[:-1]:
        if not isinstance(tree.get(key), dict):
            tree[key] = {}
        tree = tree[key]
    tree[path[-1]] = value


def from_file(path: Path | None, schema: object) -> Layer:
    """The layer of the YAML file, empty without one; its relative paths begin at its directory."""
    return Layer(read_yaml(path, schema), {(): str(path)}) if path is not None else Layer({}, {})


_HARMLESS = re.compile(r"""(?:[^'"]|'(?:[^'"]|\\.|<[a-z ]+>)')*""")
"""Messages of PyYAML that may be shown: they quote single characters and its terms, as `'<block end>'`."""

_HINT = (
    "a value that begins with one of * & ! % @ ` { [ or contains ': ' or ' #' needs quotes; indent by spaces"
)

_KEYS = "keep one of them, and write each key as plain text"


class YamlLoader(yaml.SafeLoader):
    """YAML without dates; the keys of mappings are unique texts."""

    option = "--config.file"
    """The option that names the file."""

    first_line = "begin with apis:"
    """The hint if the file is not a mapping."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own way
        letter: [(tag, pattern) for tag, pattern in known if tag != "tag:yaml.org,2002:timestamp"]
        for letter, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        """The mapping; PyYAML's own method silently keeps the last of two equal keys."""
        self._check_keys(node)
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=True) for key, value in node.value}

    def construct_typed(self, node: yaml.ScalarNode) -> object:
        """A `Scalar`, unless a tag asks for the type itself."""
        value: object = yaml.SafeLoader.yaml_constructors[node.tag](self, node)
        implied = self.resolve(yaml.ScalarNode, node.value, (True, False))  # type: ignore[no-untyped-call]
        return Scalar(node.value, value) if node.style is None and implied == node.tag else value  # type: ignore[arg-type]

    def construct_source(self, node: yaml.ScalarNode) -> str:
        """The text of a lone `=`, to which YAML gives a type of its own."""
        return str(node.value)

    def _check_keys(self, node: yaml.MappingNode) -> None:
        """Before merges (`<<`) are flattened, because a merged key may be set again."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                refuse("a key must be text", key.start_mark, _KEYS)
            if key.value in lines:
                what = f"a key is set a second time, first on line {lines[key.value]}"
                refuse(what, key.start_mark, _KEYS)
            lines[key.value] = key.start_mark.line + 1


for _name in ("int", "float", "bool", "null"):
    YamlLoader.add_constructor(f"tag:yaml.org,2002:{_name}", YamlLoader.construct_typed)
YamlLoader.add_constructor("tag:yaml.org,2002:value", YamlLoader.construct_source)


class _Refusal(yaml.MarkedYAMLError):
    """Valid YAML that is rejected."""

    hint = ""


def refuse(problem: str, mark: yaml.Mark, hint: str) -> NoReturn:
    """Rejects valid YAML while it is loaded; `problem` shows nothing of the file."""
    refusal = _Refusal(None, None, problem, mark)
    refusal.hint = hint
    raise refusal


def read_yaml(path: Path, schema: object, loader: type[YamlLoader] = YamlLoader) -> dict[str, Any]:
    """The file as the type `schema` expects it: text as written, relative paths from the file's folder on.

    Empty for an empty file. Raises ConfigError with line and column.
    """
    return {
        key: _placed(value, (key,), schema, path.parent)
        for key, value in as_written(_parsed(path, loader), schema).items()
    }


def _placed(value: Any, at: tuple[Key, ...], schema: object, directory: Path) -> Any:
    if isinstance(value, dict):
        return {key: _placed(inner, (*at, key), schema, directory) for key, inner in value.items()}
    if Path not in parts(annotation_at(schema, at)):
        return value
    if isinstance(value, list):
        return [str(directory / inner) if isinstance(inner, str) else inner for inner in value]
    return str(directory / value) if isinstance(value, str) and value else value


def _parsed(path: Path, loader: type[YamlLoader]) -> dict[str, Any]:
    """The mapping, with `Scalar`s."""
    try:
        content = files.whole(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        # without its cause: that exception has the content
        raise ConfigError("is not text in UTF-8", file=str(path), hint="save it as UTF-8") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is not a path"
        hint = f"name the file by {loader.option}, and let the user of the exporter read it"
        raise ConfigError(f"cannot be read: {reason}", file=str(path), hint=hint) from error
    try:
        found = yaml.load(content, Loader=loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        # without its cause: PyYAML's message has lines of the file
        raise _yaml_error(error, path) from None
    if found is None or (isinstance(found, Scalar) and found.value is None):
        return {}
    if not isinstance(found, dict):
        raise ConfigError("must be a mapping of keys", file=str(path), hint=loader.first_line)
    return found


def _yaml_error(error: Exception, path: Path) -> ConfigError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    if not _HARMLESS.fullmatch(problem):
        problem = problem.partition("'")[0].partition('"')[0].strip()
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    hint = getattr(error, "hint", _HINT)
    return ConfigError(f"is not valid YAML: {problem}", file=str(path), path=where, hint=hint)
