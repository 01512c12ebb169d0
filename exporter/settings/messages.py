"""Turns what pydantic and the validators reject into errors that name the source, the path and a remedy.

One ConfigError for each problem: source, path, what, hint. The settings and the web configuration share it.
Validators decide which values their flaws show; no others are shown. Invariant: neither a value nor, in a
block that holds secrets, an unknown key is shown.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from exporter.errors import ConfigError
from exporter.settings.base import Flaw, Key, block_at

Origin = Callable[[tuple[Key, ...]], str]
"""Returns the file, environment variable or flag that set the value at a path."""

_TEXTS = {
    "missing": ("is required", "write it"),
    "string_type": ("must be text", "put it in quotes"),
    "path_type": ("must be the path of a file", "put it in quotes"),
    **dict.fromkeys(
        ("model_type", "dict_type"),
        ("must be a mapping", "write KEY: VALUE on indented lines, with a space after the colon"),
    ),
    "tuple_type": ("must be a list", "write it like [A, B]"),
    **dict.fromkeys(
        ("bool_type", "bool_parsing"), ("must be true or false", "write true or false without quotes")
    ),
    **dict.fromkeys(
        ("int_type", "int_parsing", "int_from_float"),
        ("must be a whole number", "write digits without quotes"),
    ),
    **dict.fromkeys(("float_type", "float_parsing"), ("must be a number", "write it like 0.2")),
    "string_too_short": ("is empty", "write a text, or leave the key out"),
    "greater_than_equal": ("is too small", "write {ge} or more"),
    "less_than_equal": ("is too large", "write {le} or less"),
    "literal_error": ("is not a valid value", "write {expected}"),
}
"""Text and hint of each type of pydantic's errors; hints are formatted with the context of the error."""


def of_validation(error: ValidationError, schema: object, origin: Origin) -> list[ConfigError]:
    """All problems of one validation against the type `schema`."""
    found: list[ConfigError] = []
    for detail in error.errors(include_url=False, include_input=False):
        found.extend(of_flaws(_flaws(dict(detail), schema), origin))
    return found


def of_flaws(flaws: Iterable[Flaw], origin: Origin) -> list[ConfigError]:
    """The flaws, whose paths are absolute, as errors that name their source."""
    return [
        ConfigError(flaw.what, file=origin(flaw.at), path=dotted(flaw.at), hint=flaw.hint) for flaw in flaws
    ]


def combined(problems: Sequence[ConfigError]) -> ConfigError:
    """One error with all problems, one on each line; the problem itself if there is only one."""
    if len(problems) == 1:
        return problems[0]
    return ConfigError("\n".join(dict.fromkeys(str(problem) for problem in problems)))


def dotted(path: Iterable[Key]) -> str:
    """The path as text: `collections.carriers.query[1]`."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{_name(key)}" for key in path)
    return text.removeprefix(".")


def _name(key: str) -> str:
    """A key, truncated where it may be a value: `password:secret` without a space is a key to YAML."""
    return re.split(r"[^\w.@/+ -]", key)[0][:60] or "…"


def _flaws(detail: dict[str, Any], schema: object) -> Iterator[Flaw]:
    at: tuple[Key, ...] = tuple(detail["loc"])
    context = detail.get("ctx", {})
    if detail["type"] == "extra_forbidden":
        yield _unknown(at, schema)
    elif "flaws" in context:
        yield from (flaw._replace(at=(*at, *flaw.at)) for flaw in context["flaws"])
    else:
        what, hint = _TEXTS.get(detail["type"], (detail["msg"], "see the key in docs/settings.md"))
        yield Flaw(what, hint.format(**context) if "{" in hint else hint, at)


def _unknown(at: tuple[Key, ...], schema: object) -> Flaw:
    *head, key = at
    block = block_at(schema, head)
    known = sorted(block.model_fields) if block else []
    written = _name(str(key))
    close = difflib.get_close_matches(written.lower(), known, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]}?" if close else f"the keys here are {', '.join(known)}"
    if ":" in str(key):
        hint = f"{hint}{'' if close else ';'} a key is followed by a colon and a space"
    if block and block.secret:
        return Flaw("has an unknown key, not shown because it may be a secret", hint, tuple(head))
    return Flaw("is an unknown key", hint, at)
