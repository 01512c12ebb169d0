"""Reads the YAML file into a tree of plain values.

Owns the file and YAML's traps: a key written twice is an error, keys are text as written (`on`, `1`, `NO`),
and dates stay text. What the keys mean is `schema`'s business. Invariant: no error shows a line of the file,
since it may hold a secret: only where it is.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NoReturn

import yaml

from exporter.errors import ConfigError

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

    def _check_keys(self, node: yaml.MappingNode) -> None:
        """Before merges (`<<`) are flattened, for a merged key may well be written again."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                _refuse("a key must be text", key.start_mark)
            if key.value in lines:
                _refuse(f"a key is written a second time, first on line {lines[key.value]}", key.start_mark)
            lines[key.value] = key.start_mark.line + 1


class _Refusal(yaml.MarkedYAMLError):
    """What is good YAML and yet not for us."""

    mend = "keep one of them, and write each key as plain text"


def _refuse(problem: str, mark: yaml.Mark) -> NoReturn:
    raise _Refusal(None, None, problem, mark)


def read(path: Path) -> dict[str, Any]:
    """The file's mapping, empty for an empty file; raises ConfigError with line and column."""
    try:
        content = path.read_bytes().decode("utf-8-sig")
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
    if tree is None:
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
