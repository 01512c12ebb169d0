"""The base of all settings: `Block`, a mapping of known keys; `Flaw`, a problem in it; the schema by path.

Errors, environment variables and the page of the documentation find the block and the type of a key with
the functions below. The keys are in `models`, `api_models` and `collection`; `messages` turns flaws into
errors. Invariant: a flaw never contains a value of a block that holds secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

Key = str | int
"""One step of a path into the settings: a key of a mapping or an index of a list."""


class Flaw(NamedTuple):
    """One problem: what is wrong, how to correct it, and its path, relative to the block that reports it."""

    what: str
    hint: str = ""
    at: tuple[Key, ...] = ()


def refusal(*flaws: Flaw) -> PydanticCustomError:
    """The exception with which a validator rejects a value; it passes the flaws to `messages`."""
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
    """Whether it holds secrets. Its unknown keys are then not shown, because one may be a mistyped secret."""

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
