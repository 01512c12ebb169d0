"""The form in which a collection writes its records, learned from them, so that they are decoded quickly.

Records of one list have few different keys. A `Form` knows those seen so far, and msgspec decodes a record of
known keys to structs in half the time that objects take. It gives no meaning to anything and skips nothing: a
record that it could not decode exactly as the general way does is refused, and read that way. Invariant: a
form is a value; learning makes another, which fits all that the first one did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from exporter.inventory import text
from exporter.inventory.paths import Characteristic

_MOST_KEYS = 200  # of a record
_MOST_MEMBERS = 40  # of an object in a list
_DEEP = 2  # a link and the thing it wraps
_CHARACTERISTICS = list[Characteristic] | None

Members = Mapping[str, Any]
"""Key, as it is spelt, to what it holds: None for a text, `Members` for an object."""


class Form:
    """The keys that raw records have, and what they hold.

    `links` and `characteristics` are the folded keys of such lists. `types` maps keys, as they are spelt, to
    `Members` for objects and lists of them, else to a type.
    """

    def __init__(
        self, links: frozenset[str], characteristics: frozenset[str], types: Mapping[str, Any] = {}
    ) -> None:
        self._links = links
        self._characteristics = characteristics
        self._types = types
        self._names = tuple(text.fold(key) for key in types)
        whole = {key: _objects(one) if isinstance(one, Mapping) else one for key, one in types.items()}
        self._decode = msgspec.json.Decoder(_defined(whole)).decode

    @property
    def names(self) -> tuple[str, ...]:
        """The folded keys, in the order of the values."""
        return self._names

    def values(self, raw: msgspec.Raw) -> tuple[Any, ...]:
        """The values of one record, None for what it has not; links and characteristics are structs.

        Raises `ValidationError` for a record of another form, and as msgspec does for what is no JSON.
        """
        return msgspec.structs.astuple(self._decode(raw))

    def learned(self, value: Mapping[str, object]) -> Form:
        """The form that a refused record has too; this one where there is nothing to learn from it."""
        lessons = dict(self._lessons(value))
        if not lessons:
            return self
        return Form(self._links, self._characteristics, {**self._types, **lessons})

    def _lessons(self, value: Mapping[str, object]) -> Iterator[tuple[str, object]]:
        """The keys that are new or hold something else than they did, with what they hold."""
        spelt = set(self._names)
        for key, member in value.items():
            name = text.fold(key)
            if key in self._types:
                usual = self._types[key]
            elif name not in spelt and len(spelt) < _MOST_KEYS and _writable(key):
                spelt.add(name)
                usual = self._first(name)
            else:
                continue  # of two spellings of a key the order decides which one counts, and that gets lost
            wanted = _widened(usual, member)
            if key not in self._types or wanted != usual:
                yield key, wanted

    def _first(self, name: str) -> object:
        if name in self._links:
            return {}
        return _CHARACTERISTICS if name in self._characteristics else Any


def _widened(usual: object, value: object) -> object:
    """What holds this value too: the usual type or members, more members, or anything at all."""
    if isinstance(usual, Mapping):
        wider: Members | None = usual
        for item in value if isinstance(value, list) else () if value is None else (value,):
            wider = _with(wider, item, _DEEP) if wider is not None and isinstance(item, dict) else None
        return Any if wider is None else wider
    try:
        msgspec.convert(value, usual)
    except msgspec.ValidationError:
        return Any
    return usual


def _with(members: Members, item: Mapping[str, object], depth: int) -> Members | None:
    """The members with those of one more object; None where it holds other things than texts and objects."""
    wider = dict(members)
    for key, member in item.items():
        usual = wider.get(key)
        if isinstance(member, dict) and depth > 1 and (usual is not None or key not in wider):
            wider[key] = _with(usual or {}, member, depth - 1)
            fits = wider[key] is not None
        else:
            fits = member is None or (isinstance(member, str) and usual is None)
            wider.setdefault(key, None)
        if not fits or not _writable(key):
            return None
    folds = {text.fold(key) for key in wider}
    return wider if len(folds) == len(wider) <= _MOST_MEMBERS else None


def _writable(key: str) -> bool:
    return key.isprintable() and len(key) < 100 and not set(key) & {'"', "\\"}  # what msgspec allows


def _objects(members: Members) -> Any:
    """The type of an object with these members and of a list of them; they can be compared and remembered."""
    one = _struct(members)
    return list[one] | one | None  # type: ignore[valid-type]


def _struct(members: Members) -> Any:
    return _defined(
        {key: str | None if held is None else _struct(held) | None for key, held in members.items()}
    )


def _defined(types: Mapping[str, Any]) -> Any:
    spelling = {f"key{number}": key for number, key in enumerate(types)}
    members = [(name, types[key], None) for name, key in spelling.items()]
    return msgspec.defstruct(
        "RawObject", members, rename=spelling, forbid_unknown_fields=True, frozen=True, gc=False
    )
