"""The recipe of a record: a function, written for records with certain keys, that makes records of values.

Which paths there are, of what kind, and which of them can find anything is the same for all records with
these keys; a recipe has it answered once, as Python source. What is done to the values is not its business:
that is in the tools it is given. Invariant: the source is made of our own words only; keys, names and paths
of an inventory or an operator are bound to it as values, never written into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

from exporter.inventory import paths
from exporter.inventory.dialects import Collection

LINKS = ("parties", "places", "resources", "services", "relations")
"""The fields that are lists of links."""

TEXTS = (
    *("name", "description", "type", "category", "specification", "party", "place"),
    *("gateway", "terminal", "satellite", "transponder", "status", "entity_type"),
)
"""The texts of a record, in its order, and what its dialect calls its class."""

MOMENTS = ("start", "end", "created", "updated")
"""The times of a record, in its order."""

Read = Callable[[Sequence[Any], MutableMapping[str, int]], Any]
"""Makes what `Recipe` says of values in the order of its keys, counting what had to be dropped."""

_MADE = f"""\
return found(
    Record(
        ident, {", ".join(f"its_{name}" for name in TEXTS[:-1])},
        operational(its_status, states), is_known(its_status), states,
        {", ".join(LINKS)},
        shown(characteristics), gauges(characteristics, dropped),
        {", ".join(f"its_{name}" for name in MOMENTS)},
    ),
    its_entity_type,
)"""


class Recipe:
    """Writes the function for records with `keys`, folded, of a dialect's collection.

    `tools` are what the function calls: `found`, `Record`, `operational`, `is_known`, `shown`, `gauges`,
    `further_states`, `identity`, `moment`, by each name of `TEXTS` what cleans it, by each of `LINKS` its
    sources by path.
    """

    def __init__(self, mapping: Collection, keys: Sequence[str], tools: Mapping[str, Any]) -> None:
        self._mapping = mapping
        self._keys = {key: f"key{number}" for number, key in enumerate(keys)}
        self._tools = tools
        self._bound: dict[str, Any] = {
            name: tool for name, tool in tools.items() if name not in (*TEXTS, *LINKS)
        } | {
            "characterise": paths.characteristics,
            "decoded": paths.decoded,
            "descended": paths.descended,
            "gathered": paths.gathered,
            "selected": paths.selected,
        }

    def function(self) -> Read:
        """The function; it gives None for a record without an id."""
        body = "\n".join(f"    {line}" for line in "\n".join(self._lines()).split("\n"))
        source = f"def read(values, dropped):\n{body}\n"
        exec(compile(source, "<recipe of a record>", "exec"), self._bound)  # noqa: S102 - see the invariant
        read: Read = self._bound["read"]
        return read

    def _lines(self) -> Iterator[str]:
        yield f"[{', '.join(self._keys.values())}] = values"
        yield "characteristics = {}"
        for path in self._mapping.fields.characteristics:
            for value in self._whole(path):
                yield f"characterise({value}, characteristics, dropped)"
        for name in LINKS:
            yield f"{name} = {self._links(name)}"
        yield 'ident = ""'
        for value in self._found(self._mapping.fields.id):
            yield f"ident = ident or identity({value})"
        yield "if not ident:\n    return None"
        for name in TEXTS:
            yield from self._text(name)
        for name in MOMENTS:
            yield from self._moment(name)
        yield f"states = {self._states()}"
        yield _MADE

    def _bind(self, value: object) -> str:
        name = f"bound{len(self._bound)}"
        self._bound[name] = value
        return name

    def _found(self, places: Sequence[str]) -> Iterator[str]:
        """Expressions of what is at these paths, where there can be anything."""
        for path in places:
            place = paths.parsed(path)
            if place.kind == "characteristic":
                value = f"characteristics.get({self._bind(place.wanted)})"
            elif place.kind:
                value = f"selected({place.kind}, {self._bind(place.wanted)})"
            elif place.way[0] not in self._keys:
                continue
            else:
                value = self._further("descended", place.way)
            if path in self._mapping.codes:
                value = f"decoded({value}, {self._bind(paths.meanings(self._mapping.codes[path]))})"
            yield value

    def _whole(self, path: str) -> Iterator[str]:
        """An expression of all that is at a plain path, where there can be anything."""
        way = paths.steps(path)
        if way[0] in self._keys:
            yield self._further("gathered", way)

    def _further(self, how: str, way: tuple[str, ...]) -> str:
        value = self._keys[way[0]]
        return f"{how}({value}, {self._bind(way[1:])})" if way[1:] else value

    def _links(self, name: str) -> str:
        parts: list[str] = []
        for path in getattr(self._mapping.fields, name):
            source = self._bind(self._tools[name](path))
            parts.extend(
                f"({source}(value, dropped) if (value := {one}) else ())" for one in self._whole(path)
            )
        if len(parts) == 1:
            return parts[0]
        return f"tuple(dict.fromkeys(({''.join(f'*{part}, ' for part in parts)})))" if parts else "()"

    def _text(self, name: str) -> Iterator[str]:
        yield f'its_{name} = ""'
        clean = self._bind(self._tools[name])
        for value in self._found(getattr(self._mapping.fields, name)):
            yield f"if not its_{name}:"
            yield f"    value = {value}"
            if isinstance(self._tools[name], dict):
                yield f"    its_{name} = {clean}[value] if type(value) is str else {clean}.of(value)"
            else:
                yield f"    its_{name} = {clean}(value)"

    def _moment(self, name: str) -> Iterator[str]:
        yield f"its_{name} = None"
        for value in self._found(getattr(self._mapping.fields, name)):
            yield f"if its_{name} is None:"
            yield f"    value = {value}"
            yield '    if value is not None and value != "":'
            yield f"        its_{name} = moment(value)"
            yield f'        if its_{name} is None:\n            dropped["date"] += 1'

    def _states(self) -> str:
        given = []
        for dimension, places in self._mapping.states.items():
            values = ", ".join(self._found(places))
            if values:
                given.append(f"({self._bind(dimension)}, [{values}])")
        return f"further_states([{', '.join(given)}])" if given else "()"
