"""The recipe of a link: a function, written for structs of one class, that makes the link of one.

Which parts of a link such structs have, and where, is the same for all of a class; a recipe has it answered
once, as Python source, as `recipe` does for records. What is not written as a text or an object is left to
the general way of `references`. Invariants: what a recipe gives is what the general way gives; its source is
made of our own words only, for the fields of such structs are called `key0` and so on (`form`).
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from exporter.inventory import text
from exporter.inventory.record import Link

Make = Callable[[Any, str], Link | None]
"""Makes the link of a struct; the text is the role of a relation that says none."""


class LinkRecipe:
    """Writes the function for structs of class `kind`.

    `parts` are the folded keys of a link's id, name, type, role and status, and of what wraps it, the better
    first; `serves` says by its status whether an item is a link at all, None for always. `unnamed` is what
    stands for a role where there is none: the text that the function is given, or nothing.
    """

    def __init__(
        self,
        kind: type[msgspec.Struct],
        parts: Mapping[str, Sequence[str]],
        serves: Callable[[object], bool] | None,
        unnamed: str,
        length: int,
    ) -> None:
        self._kind = kind
        self._parts = parts
        self._unnamed = unnamed
        self._serves = serves
        words = text.Words(length)
        self._bound: dict[str, Any] = {
            "Link": Link,
            "clean": text.clean,
            "identity": text.identity,
            "length": length,
            "serves": serves,
            "words": words,
        }

    def function(self) -> Make | None:
        """The function, or None where structs of the class hold something else than texts and objects."""
        try:
            lines = list(self._lines())
        except _OtherError:
            return None
        source = "\n    ".join(("def make(outer, unnamed):", *lines))
        exec(compile(source, "<recipe of a link>", "exec"), self._bound)  # noqa: S102 - see the invariant
        make: Make = self._bound["make"]
        return make

    def _lines(self) -> Iterator[str]:
        members = _members(self._kind)
        for key in self._parts["wrapped"]:
            if key in members:
                name, kind = members[key]
                if kind is str:
                    raise _OtherError
                yield f"thing = outer.{name}"
                yield "if thing is not None:"
                yield from (f"    {line}" for line in self._made("thing", _members(kind), members))
        yield from self._made("outer", members, {})

    def _made(self, thing: str, within: _Members, around: _Members) -> Iterator[str]:
        """What makes the link of `thing`; `around` are the members of what it is wrapped in."""
        if self._serves:
            yield f"if not serves({self._first(thing, within, 'status')}):"
            yield "    return None"
        idents = [f"identity({one}, length)" for one in self._all(thing, within, "id")]
        yield f"ident = {' or '.join(idents) or repr('')}"
        yield f"label = clean({self._first(thing, within, 'name')}, length)"
        yield "if not ident and not label:"
        yield "    return None"
        kinds = (*self._all(thing, within, "type"), *self._all("outer", around, "type"))
        outer = self._all("outer", around or within, "role")
        roles = (*outer, *(self._all(thing, within, "role") if around else ()), self._unnamed)
        for name, found in (("kind", kinds), ("role", roles)):
            yield f"{name} = {' or '.join(found) or None}"
        yield "return Link(ident, label, words[kind] if kind else '', words[role] if role else '')"

    def _first(self, thing: str, members: _Members, part: str) -> str:
        return " or ".join(self._all(thing, members, part)) or "None"

    def _all(self, thing: str, members: _Members, part: str) -> tuple[str, ...]:
        """Expressions of what may be this part."""
        found = [members[key] for key in self._parts[part] if key in members]
        if any(kind is not str for _, kind in found):
            raise _OtherError
        return tuple(f"{thing}.{name}" for name, _ in found)


_Members = Mapping[str, tuple[str, type]]
"""Folded key → the field, and the class of what it holds."""


class _OtherError(Exception):
    """Structs of a class are to be read the general way."""


def _members(kind: type[msgspec.Struct]) -> _Members:
    found: dict[str, tuple[str, type]] = {}
    for field in msgspec.structs.fields(kind):
        found.setdefault(text.fold(field.encode_name), (field.name, _held(field.type)))
    return found


def _held(kind: Any) -> Any:
    """The class, for a class or None."""
    return (*typing.get_args(kind), kind)[0]
