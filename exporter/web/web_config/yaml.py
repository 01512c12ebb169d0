"""The file as it is written: YAML's structure is taken, its types are not.

A scalar stays the text it is, as for Go, whose programs share this format: `X-XSS-Protection: 1` is the text
1. What a text means is `models`' and `go_values`'s. Invariant: problems are gathered, not raised one by one,
and none shows a value, since most of them are secrets.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from exporter import files
from exporter.errors import ConfigError
from exporter.settings import messages

_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"
_PLAIN = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "timestamp", "null", "value")
)
_KEYS = "write KEY: VALUE on indented lines, with a space after the colon"
_TEXT = "put it in quotes, and write no tag before it"


def name(key: str) -> str:
    """A key for a message, cut where it no longer looks like one: it may be a mistyped secret."""
    return re.split(r"[^\w.@/+ -]", key)[0][:60] or "…"


class Part:
    """One mapping of the file, empty where there is none. A key without a value counts as not written.

    `path` is its dotted key, empty at the top; `problems` is shared by all parts of a file. A key that was
    not asked for until `finish` is a problem.
    """

    def __init__(self, file: Path, path: str, node: yaml.Node | None, problems: list[ConfigError]) -> None:
        self.file, self.path, self.problems = file, path, problems
        self._nodes: dict[str, yaml.Node] = {}
        self._asked: set[str] = set()
        if isinstance(node, yaml.MappingNode):
            self._take(node)
        elif node is not None and node.tag != _NULL:
            self.refuse("", "must be a mapping", _KEYS)

    def _take(self, node: yaml.MappingNode) -> None:
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.refuse("", "has a key that is not a text", _KEYS)
            elif key.tag == _MERGE:
                self.refuse("", "merges another mapping, which is not done here", "write its keys out")
            elif key.value in self._nodes:
                self.refuse(name(key.value), "is written a second time", "keep one of them")
            else:
                self._nodes[key.value] = value

    def refuse(self, key: str, what: str, mend: str) -> None:
        """Notes a problem of a key of this part, the first only; of the part itself where `key` is empty."""
        path = ".".join(step for step in (self.path, key) if step)
        if all(noted.path != path for noted in self.problems):
            self.problems.append(ConfigError(what, file=str(self.file), path=path, mend=mend))

    def has(self, key: str) -> bool:
        """Whether the key is written with a value other than the empty text."""
        return bool(self.text(key))

    def text(self, key: str) -> str:
        """The text of a key, empty where it is not written or is no text, which is noted."""
        node = self._node(key)
        return "" if node is None else self._read(key, node)

    def texts(self, key: str) -> tuple[str, ...] | None:
        """The list of texts of a key; None where it is not written or is no list, which is noted."""
        node = self._node(key)
        if node is None:
            return None
        if not isinstance(node, yaml.SequenceNode):
            self.refuse(key, "must be a list", "write it like [A, B]")
            return None
        return tuple(self._read(f"{key}[{place}]", item) for place, item in enumerate(node.value))

    def part(self, key: str) -> Part:
        """The mapping of a key."""
        path = ".".join(step for step in (self.path, key) if step)
        return Part(self.file, path, self._node(key), self.problems)

    def items(self) -> Iterator[tuple[str, str]]:
        """Every key with its text, where the keys are the operator's own."""
        for key, node in self._nodes.items():
            self._asked.add(key)
            yield key, "" if node.tag == _NULL else self._read(name(key), node)

    def finish(self) -> None:
        """Notes the keys nobody asked for."""
        for key in sorted(self._nodes.keys() - self._asked):
            known = sorted(self._asked)
            close = difflib.get_close_matches(key.lower(), known, n=1, cutoff=0.6)
            mend = f"did you mean {close[0]}?" if close else f"the keys here are {', '.join(known)}"
            self.refuse(name(key), "is an unknown key", mend)

    def _node(self, key: str) -> yaml.Node | None:
        self._asked.add(key)
        node = self._nodes.get(key)
        return None if node is None or node.tag == _NULL else node

    def _read(self, key: str, node: yaml.Node) -> str:
        if isinstance(node, yaml.ScalarNode) and node.tag in _PLAIN:
            return str(node.value)
        self.refuse(key, "must be text", _TEXT)
        return ""


def read(file: Path) -> Part:
    """The whole file. Raises ConfigError where it cannot be read, or is not YAML."""
    try:
        content = files.whole(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        # without its cause: that exception holds the content
        raise ConfigError("is not text in UTF-8", file=str(file), mend="save it as UTF-8") from None
    except (OSError, ValueError) as error:
        mend = "name the file by --web.config.file, and let the user of the exporter read it"
        raise ConfigError(f"cannot be read: {cause(error)}", file=str(file), mend=mend) from error
    try:
        node = yaml.compose(content, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        mend = "indent by spaces, and put values that begin with a sign or hold ': ' or ' #' in quotes"
        # without its cause: PyYAML's message holds lines of the file
        raise ConfigError("is not good YAML", file=str(file), path=where, mend=mend) from None
    return Part(file, "", node, [])


def shown(path: Path) -> str:
    """A path for a message of one line."""
    text = str(path)
    return text if text.isprintable() else ascii(text)


def cause(error: Exception) -> str:
    """Why a file could not be opened, in the system's words."""
    return getattr(error, "strerror", None) or "its name is not a path"


def settle(part: Part) -> None:
    """Raises ConfigError with all the problems of the file, one on each line."""
    if part.problems:
        raise messages.together(part.problems)
