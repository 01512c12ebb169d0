"""What every part of the settings is built on: a frozen block, a flaw, and the way from a key to its block.

Owns the walk through the schema that did-you-mean, the environment and the docs page share. What the blocks
hold is in `models`, `api`, `collection` and `credential`; how a flaw becomes a message is in `messages`.
Invariant: a flaw never carries a value of a block that holds secrets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, get_args, get_origin

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

Key = str | int
"""One step of a path into the settings: a key of a mapping or an index of a list."""


class Flaw(NamedTuple):
    """One thing that is wrong: what, how to correct it, and where, seen from the block it was found in."""

    what: str
    hint: str = ""
    at: tuple[Key, ...] = ()


def refusal(*flaws: Flaw) -> PydanticCustomError:
    """The exception by which a validator refuses a value; it carries the flaws to `messages`."""
    return PydanticCustomError("flaws", "not acceptable", {"flaws": flaws})


class Block(BaseModel):
    """A mapping of known keys. A key written without a value (null) counts as not written."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    secret: ClassVar[bool] = False
    """Whether secrets are written in it: then unknown keys are not shown: one may be a mistyped secret."""

    null_means_on: ClassVar[frozenset[str]] = frozenset()
    """The keys that mean a block of defaults where they have no value."""

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, written: Any) -> Any:
        if not isinstance(written, Mapping):
            return written
        kept = {
            key: value for key, value in written.items() if value is not None or key not in cls.model_fields
        }
        return {**kept, **{key: {} for key in cls.null_means_on if key in written and written[key] is None}}


def as_block(annotation: object) -> type[Block] | None:
    """The block a type is or may be (`Web`, `Api | None`); None for all else, even a mapping of blocks."""
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, Block) else None
    if get_origin(annotation) is Mapping:
        return None
    return next((found for part in get_args(annotation) if (found := as_block(part))), None)


def mapped(annotation: object) -> object | None:
    """The type of a mapping's values; None if the type is no mapping."""
    if get_origin(annotation) is Mapping:
        values: object = get_args(annotation)[1]
        return values
    return next((found for part in get_args(annotation) if (found := mapped(part)) is not None), None)


def annotation_at(root: object, path: Sequence[Key]) -> object | None:
    """The type the schema expects at a path below the type `root`; None where it expects nothing."""
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
    """The block the schema expects at a path; None where it expects something else or nothing."""
    return as_block(annotation_at(root, path))


def parts(annotation: object) -> Iterator[object]:
    """A type and everything it is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from parts(part)


def is_structured(annotation: object) -> bool:
    """Whether a mapping or a list may be written there."""
    return any(as_block(part) or get_origin(part) in (Mapping, tuple) for part in parts(annotation))
