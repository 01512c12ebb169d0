"""Other valid formats of one record, as implementations have them: keys, ids, places, values, dates.

Each function returns a changed copy of the record's JSON object and varies by its number. The meaning
stays the same; values that are wrong are in `record_faults`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from exporter.simulator.record_faults import DATE_KEYS

Json = dict[str, Any]
Spelling = Callable[[Json, int], Json]

NOBODY = {"id": "", "name": ""}
UNSPECIFIED = "Not Specified."

_CODE = re.compile(r"\b(?:SVC|CAR|RES)\d{7,}$")
_URNS = {"SVC": "Service", "CAR": "Carrier", "RES": "Resource"}
_ID_KEYS = frozenset({"id", "externalId", "href"})
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def _everywhere(value: Any, change: Callable[[Json], Json]) -> Any:
    """The value with `change` made to every object in it, the innermost first."""
    if isinstance(value, dict):
        return change({key: _everywhere(inner, change) for key, inner in value.items()})
    if isinstance(value, list):
        return [_everywhere(inner, change) for inner in value]
    return value


def _characteristics(shown: Json, change: Callable[[int, Json], Json]) -> Json:
    """The record with `change` made to each characteristic, given its index."""
    lists = {key: found for key, found in shown.items() if key.lower().endswith("characteristic")}
    return shown | {
        key: [change(index, one) for index, one in enumerate(found)] for key, found in lists.items()
    }


def value_objects(shown: Json, number: int) -> Json:
    """Values inside objects, beside an alias."""
    return _characteristics(
        shown, lambda index, one: {**one, "value": {"value": one["value"], "alias": one["name"]}}
    )


def json_in_text(shown: Json, number: int) -> Json:
    """Of each three characteristics one stays, one becomes a list, one JSON in a text."""

    def change(index: int, one: Json) -> Json:
        value = one["value"]
        text = msgspec.json.encode({"value": value}).decode()
        return {**one, "value": (value, [value], text)[index % 3]}

    return _characteristics(shown, change)


def flat_places(shown: Json, number: int) -> Json:
    """Places of any version as v4 has them in TMF638."""
    if "place" not in shown:
        return shown
    written = shown["place"]
    places = written if isinstance(written, list) else [written]
    return shown | {"place": [_flat(one) for one in places]}


def _flat(place: Json) -> Json:
    inner = place.get("place", place)
    role = {"role": place["role"]} if "role" in place else {}
    return {key: value for key, value in inner.items() if not key.startswith("@")} | role


def urn_ids(shown: Json, number: int) -> Json:
    """Ids of records, and of those referred to, as a context broker has them."""

    def change(found: Json) -> Json:
        return {
            key: _CODE.sub(_urn, value) if key in _ID_KEYS and isinstance(value, str) else value
            for key, value in found.items()
        }

    changed: Json = _everywhere(shown, change)
    return changed


def _urn(code: re.Match[str]) -> str:
    return f"urn:ngsi-ld:{_URNS[code[0][:3]]}:{code[0]}"


def installing(shown: Json, number: int) -> Json:
    """A status that the specification does not list."""
    concerned = number % 10 == 0 and shown.get("resourceStatus") == "available"
    return shown | {"resourceStatus": "installing"} if concerned else shown


def text_booleans(shown: Json, number: int) -> Json:
    """Booleans as texts, wherever they are."""

    def change(found: Json) -> Json:
        return {key: str(value).lower() if isinstance(value, bool) else value for key, value in found.items()}

    changed: Json = _everywhere(shown, change)
    return changed


def empty_objects(shown: Json, number: int) -> Json:
    """Something wherever there is nothing."""
    nothing = {"description": UNSPECIFIED, "place": dict(NOBODY), "endDate": ""}
    filled = {**nothing, **shown}
    return {
        key: [dict(NOBODY)] if value == [] else UNSPECIFIED if value == "" and key == "description" else value
        for key, value in filled.items()
    }


def date_without_zone(shown: Json, number: int) -> Json:
    """Dates that leave open where they hold."""
    return {key: value.removesuffix("Z") if key in DATE_KEYS else value for key, value in shown.items()}


def odd_key_case(shown: Json, number: int) -> Json:
    """Keys in another case, the same for all keys of a record."""
    case = (_pascal, str.upper, _snake)[number % 3]
    changed: Json = _everywhere(shown, lambda found: {case(key): value for key, value in found.items()})
    return changed


def _pascal(key: str) -> str:
    mark = "@" if key.startswith("@") else ""
    bare = key.removeprefix("@")
    return f"{mark}{bare[:1].upper()}{bare[1:]}"


def _snake(key: str) -> str:
    return _WORD.sub("_", key).lower()


SPELLINGS: Mapping[str, Spelling] = {
    "value-objects": value_objects,
    "json-in-text": json_in_text,
    "flat-places": flat_places,
    "urn-ids": urn_ids,
    "installing": installing,
    "text-booleans": text_booleans,
    "empty-objects": empty_objects,
    "date-without-zone": date_without_zone,
    "odd-key-case": odd_key_case,
}
"""Quirks of records, by name."""
