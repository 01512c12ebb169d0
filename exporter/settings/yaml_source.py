"""Reads a YAML file, the settings or a web configuration, into a tree of plain values.

Owns the file and YAML's traps: a key written twice is an error, keys are text as written (`on`, `1`, `NO`),
dates stay text, and any other scalar that YAML gives a type keeps its source text beside the value
(`scalars`). What the keys mean is the schema's business. Invariant: no error shows a line of the file, since
it may hold a secret: only where it is.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NoReturn

import yaml

from exporter import files
from exporter.errors import ConfigError
from exporter.settings.base import Key, annotation_at, parts
from exporter.settings.types import Scalar, as_written

_HARMLESS = re.compile(r"""(?:[^'"]|'(?:[^'"]|\\.|<[a-z ]+>)')*""")
"""What PyYAML may say: in quotes it has single characters and its own words, as `'<block end>'`."""

_HINT = "a value that begins with one of * & ! % @ ` { [ or holds ': ' or ' #' needs quotes; indent by spaces"

_KEYS = "keep one of them, and write each key as plain text"


class Loader(yaml.SafeLoader):
    """YAML without dates, whose mappings have text keys, each once: the file of the settings."""

    option = "--config.file"
    """The option that names the file."""

    first_line = "begin with apis:"
    """What to do where the file is no mapping."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own way
        letter: [(tag, pattern) for tag, pattern in known if tag != "tag:yaml.org,2002:timestamp"]
        for letter, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        """The mapping; PyYAML's own silently keeps the last of two equal keys."""
        self._check_keys(node)
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=True) for key, value in node.value}

    def construct_typed(self, node: yaml.ScalarNode) -> object:
        """A `Scalar` for what is written without a tag; a tag asks for the type itself."""
        value: object = yaml.SafeLoader.yaml_constructors[node.tag](self, node)
        implied = self.resolve(yaml.ScalarNode, node.value, (True, False))  # type: ignore[no-untyped-call]
        return Scalar(node.value, value) if node.style is None and implied == node.tag else value  # type: ignore[arg-type]

    def construct_source(self, node: yaml.ScalarNode) -> str:
        """The text of a lone `=`, to which YAML gives a type of its own."""
        return str(node.value)

    def _check_keys(self, node: yaml.MappingNode) -> None:
        """Before merges (`<<`) are flattened, for a merged key may well be written again."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                refuse("a key must be text", key.start_mark, _KEYS)
            if key.value in lines:
                what = f"a key is written a second time, first on line {lines[key.value]}"
                refuse(what, key.start_mark, _KEYS)
            lines[key.value] = key.start_mark.line + 1


for _name in ("int", "float", "bool", "null"):
    Loader.add_constructor(f"tag:yaml.org,2002:{_name}", Loader.construct_typed)
Loader.add_constructor("tag:yaml.org,2002:value", Loader.construct_source)


class _Refusal(yaml.MarkedYAMLError):
    """Valid YAML that is not accepted."""

    hint = ""


def refuse(problem: str, mark: yaml.Mark, hint: str) -> NoReturn:
    """Refuses valid YAML while it is loaded; `problem` shows nothing of the file."""
    refusal = _Refusal(None, None, problem, mark)
    refusal.hint = hint
    raise refusal


def tree(path: Path, schema: object, loader: type[Loader] = Loader) -> dict[str, Any]:
    """The file as the type `schema` expects it: text as written, relative paths from the file's folder on.

    Empty for an empty file. Raises ConfigError with line and column.
    """
    return {
        key: _placed(value, (key,), schema, path.parent)
        for key, value in as_written(_read(path, loader), schema).items()
    }


def _placed(value: Any, at: tuple[Key, ...], schema: object, directory: Path) -> Any:
    if isinstance(value, dict):
        return {key: _placed(inner, (*at, key), schema, directory) for key, inner in value.items()}
    if Path not in parts(annotation_at(schema, at)):
        return value
    if isinstance(value, list):
        return [str(directory / inner) if isinstance(inner, str) else inner for inner in value]
    return str(directory / value) if isinstance(value, str) and value else value


def _read(path: Path, loader: type[Loader]) -> dict[str, Any]:
    """The mapping, with `Scalar`s."""
    try:
        content = files.whole(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        # without its cause: that exception holds the content
        raise ConfigError("is not text in UTF-8", file=str(path), hint="save it as UTF-8") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is not a path"
        hint = f"name the file by {loader.option}, and let the user of the exporter read it"
        raise ConfigError(f"cannot be read: {reason}", file=str(path), hint=hint) from error
    try:
        found = yaml.load(content, Loader=loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        # without its cause: PyYAML's message holds lines of the file
        raise _error(error, path) from None
    if found is None or (isinstance(found, Scalar) and found.value is None):
        return {}
    if not isinstance(found, dict):
        raise ConfigError("must be a mapping of keys", file=str(path), hint=loader.first_line)
    return found


def _error(error: Exception, path: Path) -> ConfigError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    if not _HARMLESS.fullmatch(problem):
        problem = problem.partition("'")[0].partition('"')[0].strip()
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    hint = getattr(error, "hint", _HINT)
    return ConfigError(f"is not good YAML: {problem}", file=str(path), path=where, hint=hint)
