"""The base of all settings: `Block`, a mapping of known keys; `Flaw`, a problem in it; the schema by path.

`validated` turns what pydantic and the validators reject into errors that name the source, the path and a
remedy; the web configuration uses it too. Invariant: no value and, in a block with secrets, no unknown
key is shown, unless a validator decided to show it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, ClassVar, NamedTuple, Self, TypeVar, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from exporter.errors import ConfigError

Key = str | int
"""One step of a path into the settings: a key of a mapping or an index of a list."""

Origin = Callable[[tuple[Key, ...]], str]
"""Returns the file, environment variable or flag that set the value at a path."""

Model = TypeVar("Model", bound=BaseModel)


class Flaw(NamedTuple):
    """One problem: what is wrong, how to correct it, and its path, relative to the block that reports it."""

    what: str
    hint: str = ""
    at: tuple[Key, ...] = ()


def refusal(*flaws: Flaw) -> PydanticCustomError:
    """The exception with which a validator rejects a value."""
    return PydanticCustomError("flaws", "not acceptable", {"flaws": flaws})


def checked(find: Callable[[Any], Iterable[Flaw]]) -> AfterValidator:
    """A validator that rejects a value for all the flaws that `find` yields for it."""

    def check(value: Any) -> Any:
        if flaws := tuple(find(value)):
            raise refusal(*flaws)
        return value

    return AfterValidator(check)


class Block(BaseModel):
    """A mapping of known keys. A key without a value (null) counts as not set."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    secret: ClassVar[bool] = False
    """Whether it has secrets. Its unknown keys are then not shown, because one may be a mistyped secret."""

    enabled_by_null: ClassVar[frozenset[str]] = frozenset()
    """The keys that stand for a block of defaults if they have no value."""

    def flaws(self) -> Iterable[Flaw]:
        """What is wrong with the values in combination."""
        return ()

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, written: Any) -> Any:
        if not isinstance(written, Mapping):
            return written
        kept = {
            key: value for key, value in written.items() if value is not None or key not in cls.model_fields
        }
        return {**kept, **{key: {} for key in cls.enabled_by_null if key in written and written[key] is None}}

    @model_validator(mode="after")
    def _refuse_flaws(self) -> Self:
        if flaws := tuple(self.flaws()):
            raise refusal(*flaws)
        return self


def as_block(annotation: object) -> type[Block] | None:
    """The block that a type is or may be (`Web`, `Api | None`); None for others, even a mapping of blocks."""
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, Block) else None
    if get_origin(annotation) is Mapping:
        return None
    return next((found for part in get_args(annotation) if (found := as_block(part))), None)


def mapped(annotation: object) -> object | None:
    """The type of a mapping's values; None if the type is not a mapping."""
    return _argument(annotation, Mapping, -1)


def item(annotation: object) -> object | None:
    """The type of a list's items; None if the type is not a list."""
    return _argument(annotation, tuple, 0)


def _argument(annotation: object, container: type, index: int) -> object | None:
    arguments = get_args(annotation)
    if get_origin(annotation) is container:
        found: object = arguments[index]
        return found
    inner = (_argument(argument, container, index) for argument in arguments)
    return next((found for found in inner if found is not None), None)


def annotation_at(root: object, path: Sequence[Key]) -> object | None:
    """The type that the schema `root` expects at a path; None for an unknown path."""
    here: object | None = root
    for key in path:
        block = as_block(here)
        if block is not None:
            field = block.model_fields.get(str(key))
            here = field.annotation if field else None
        else:
            here = mapped(here)
    return here


def block_at(root: object, path: Sequence[Key]) -> type[Block] | None:
    """The block that the schema expects at a path; None if it expects another type or nothing."""
    return as_block(annotation_at(root, path))


def parts(annotation: object) -> Iterator[object]:
    """A type and all types that it consists of."""
    yield annotation
    for part in get_args(annotation):
        yield from parts(part)


def is_structured(annotation: object) -> bool:
    """Whether the type accepts a mapping or a list."""
    return any(as_block(part) or get_origin(part) in (Mapping, tuple) for part in parts(annotation))


_BOOLEAN = ("must be true or false", "write true or false without quotes")
_MAPPING = ("must be a mapping", "write KEY: VALUE on indented lines, with a space after the colon")
_WHOLE_NUMBER = ("must be a whole number", "write digits without quotes")
_NUMBER = ("must be a number", "write it like 0.2")
_TEXTS = {
    "missing": ("is required", "write it"),
    "string_type": ("must be text", "put it in quotes"),
    "path_type": ("must be the path of a file", "put it in quotes"),
    "model_type": _MAPPING,
    "dict_type": _MAPPING,
    "tuple_type": ("must be a list", "write it like [A, B]"),
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "int_type": _WHOLE_NUMBER,
    "int_parsing": _WHOLE_NUMBER,
    "int_from_float": _WHOLE_NUMBER,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "string_too_short": ("is empty", "write a text, or leave the key out"),
    "greater_than_equal": ("is too small", "write {ge} or more"),
    "less_than_equal": ("is too large", "write {le} or less"),
    "literal_error": ("is not a valid value", "write {expected}"),
}
"""Text and hint of each type of pydantic's errors; hints are formatted with the context of the error."""


def validated(schema: type[Model], tree: Mapping[str, object], origin: Origin) -> Model:
    """The tree as `schema`; raises ConfigError with all problems."""
    try:
        return schema.model_validate(tree)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    # outside of the handler: no traceback may show what the operator wrote
    raise config_error((flaw for detail in details for flaw in _flaws(dict(detail), schema)), origin)


def config_error(flaws: Iterable[Flaw], origin: Origin = lambda at: "") -> ConfigError:
    """One error for all flaws, one on each line: source, path (absolute in `flaws`), what and hint."""
    problems = [
        ConfigError(flaw.what, file=origin(flaw.at), path=dotted(flaw.at), hint=flaw.hint) for flaw in flaws
    ]
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
    if places := _places_of(str(key), head, schema):
        hint = f"it is a key of {', '.join(places)}"
    if ":" in str(key):
        hint = f"{hint}{'' if close else ';'} a key is followed by a colon and a space"
    if block and block.secret:
        return Flaw("has an unknown key, not shown because it may be a secret", hint, tuple(head))
    return Flaw("is an unknown key", hint, at)


def _places_of(key: str, here: Sequence[Key], schema: object) -> list[str]:
    """The paths of the blocks that have such a key: those that share most with the path of `here`."""
    found = [place for place, block in _blocks(schema) if key in block.model_fields]

    def distance(place: tuple[Key, ...]) -> tuple[int, int]:
        shared = takewhile(lambda pair: pair[0] == pair[1], zip(place, here, strict=False))
        return (-len(tuple(shared)), len(place))

    nearest = min(map(distance, found), default=None)
    return [dotted(place) or "the file itself" for place in found if distance(place) == nearest]


def _blocks(schema: object, at: tuple[Key, ...] = ()) -> Iterator[tuple[tuple[Key, ...], type[Block]]]:
    """Every block of a schema with its path, but for those in lists and in mappings with free keys."""
    if block := as_block(schema):
        yield at, block
        for name, field in block.model_fields.items():
            yield from _blocks(field.annotation, (*at, name))
