"""Reads the YAML file into a tree of plain values.

Owns the file and YAML's traps: a key written twice is an error, keys are text as written (`on`, `1`, `NO`),
dates stay text, and any other scalar that YAML gives a type keeps its source text beside the value
(`scalars`). What the keys mean is `models`'s business. Invariant: no error shows a line of the file, since it
may hold a secret: only where it is.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NoReturn

import yaml

from exporter import files
from exporter.errors import ConfigError
from exporter.settings.scalars import Scalar

_HARMLESS = re.compile(r"""(?:[^'"]|'(?:[^'"]|\\.|<[a-z ]+>)')*""")
"""What PyYAML may say: in quotes it has single characters and its own words, as `'<block end>'`."""

_MEND = "a value that begins with one of * & ! % @ ` { [ or holds ': ' or ' #' needs quotes; indent by spaces"


class _Loader(yaml.SafeLoader):
    """YAML without dates, whose mappings have text keys, each once."""

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
                _refuse("a key must be text", key.start_mark)
            if key.value in lines:
                _refuse(f"a key is written a second time, first on line {lines[key.value]}", key.start_mark)
            lines[key.value] = key.start_mark.line + 1


for _name in ("int", "float", "bool", "null"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_name}", _Loader.construct_typed)
_Loader.add_constructor("tag:yaml.org,2002:value", _Loader.construct_source)


class _Refusal(yaml.MarkedYAMLError):
    """What is good YAML and yet not for us."""

    mend = "keep one of them, and write each key as plain text"


def _refuse(problem: str, mark: yaml.Mark) -> NoReturn:
    raise _Refusal(None, None, problem, mark)


def read(path: Path) -> dict[str, Any]:
    """The mapping, with `Scalar`s, empty for an empty file; raises ConfigError with line and column."""
    try:
        content = files.whole(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        # without its cause: that exception holds the content
        raise ConfigError("is not text in UTF-8", file=str(path), mend="save it as UTF-8") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is not a path"
        mend = "name the file by --config.file, and let the user of the exporter read it"
        raise ConfigError(f"cannot be read: {reason}", file=str(path), mend=mend) from error
    try:
        tree = yaml.load(content, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        # without its cause: PyYAML's message holds lines of the file
        raise _error(error, path) from None
    if tree is None or (isinstance(tree, Scalar) and tree.value is None):
        return {}
    if not isinstance(tree, dict):
        raise ConfigError("must be a mapping of keys", file=str(path), mend="begin with apis:")
    return tree


def _error(error: Exception, path: Path) -> ConfigError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    if not _HARMLESS.fullmatch(problem):
        problem = problem.partition("'")[0].partition('"')[0].strip()
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    mend = getattr(error, "mend", _MEND)
    return ConfigError(f"is not good YAML: {problem}", file=str(path), path=where, mend=mend)
