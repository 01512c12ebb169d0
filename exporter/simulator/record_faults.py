"""Faults and quirks of one record's JSON object, as seen in real inventories.

Faults make values wrong: they change the object in place, and keys stay. Quirks write the same in another
way: they return a changed copy. Each function chooses its variant by the record's number, so that all
variants occur in a fleet of some size. The result is always valid JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

Json = dict[str, Any]

TEXTS = (
    'a "quoted" name',
    "back\\slash \\n \\\" and 'single'",
    "two\nlines",
    "carriage\rreturn and\ttab",
    "NUL \x00 and BEL \x07",
    "مرحبا \u202eright to left\u202c שלום",
    "🛰️ emoji 👩‍🚀 and e\u0301 combining",
    "<script>alert('x')</script>&amp;{{name}}${HOME}",
    "x" * 10_240,
    "   ",
    "",
)

DATES = (
    "2024-03-04T05:06:07",
    "0000-00-00",
    "9999-12-31T23:59:59Z",
    "next Tuesday",
    "2024-02-30T00:00:00Z",
    "",
    "1709528767",
    "04/03/2024 05:06",
    "2024-03-04 05:06:07",
)

SHAPES: tuple[Any, ...] = (None, 12.5, [1, 2], {"value": "x"}, "Acme", [None, 7, "x"], [], {}, True)

IDS: tuple[Any, ...] = (None, "", {}, "   ", [])

STATUSES = ("Quantum Flux", "operational?", "UNKNOWN-42", "до востребования")

_DATE_KEYS = (
    *("startDate", "endDate", "serviceDate", "creationDate", "lastUpdate"),
    *("startOperatingDate", "endOperatingDate"),
)
_STATUS_KEYS = ("status", "state", "operatingStatus", "resourceStatus", "lifecycleState")
_STATUS_CHARACTERISTICS = ("life_cycle_stage_status", "install_status")
_ID_KEYS = ("id", "externalId")

_CODE = re.compile(r"\b(?:SVC|CAR|RES)\d{7,}$")
_URN_TYPES = {"SVC": "Service", "CAR": "Carrier", "RES": "Resource"}
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def odd_text(shown: Json, number: int) -> None:
    """Names and descriptions that have to be escaped."""
    _set(shown, ("name", "description"), TEXTS[number % len(TEXTS)])


def odd_dates(shown: Json, number: int) -> None:
    """All dates of the record become something that is not quite a date."""
    _set(shown, _DATE_KEYS, DATES[number % len(DATES)])


def odd_shapes(shown: Json, number: int) -> None:
    """Two fields get a value of the wrong JSON type; the ids and the type stay."""
    keys = [key for key in shown if key not in (*_ID_KEYS, "@type")]
    for step in range(2):
        shown[keys[(number + step * 5) % len(keys)]] = SHAPES[(number + step) % len(SHAPES)]


def null_ids(shown: Json, number: int) -> None:
    """The record has no id."""
    _set(shown, _ID_KEYS, IDS[number % len(IDS)])


def unknown_status(shown: Json, number: int) -> None:
    """A status that is in no table."""
    status = STATUSES[number % len(STATUSES)]
    _set(shown, _STATUS_KEYS, status)
    for key in _characteristic_keys(shown):
        for characteristic in shown[key]:
            if characteristic.get("name") in _STATUS_CHARACTERISTICS:
                characteristic["value"] = status


def _set(shown: Json, keys: tuple[str, ...], value: object) -> None:
    """Sets those of the keys that exist, in any notation."""
    wanted = {key.lower() for key in keys}
    for key in shown:
        if key.replace("_", "").lower() in wanted:
            shown[key] = value


RECORD_FAULT_EFFECTS: Mapping[str, Callable[[Json, int], None]] = {
    "odd-text": odd_text,
    "odd-dates": odd_dates,
    "odd-shapes": odd_shapes,
    "unknown-status": unknown_status,
    "null-ids": null_ids,
}
"""Faults of records, by name."""


def _characteristic_keys(shown: Json) -> Iterable[str]:
    return (key for key in shown if key.lower().endswith("characteristic"))


def _change_values(shown: Json, change: Callable[[int, Json], Any]) -> Json:
    """The record with another value for each characteristic, given its index."""
    return shown | {
        key: [{**found, "value": change(index, found)} for index, found in enumerate(shown[key])]
        for key in _characteristic_keys(shown)
    }


def _change_objects(value: Any, change: Callable[[Json], Json]) -> Any:
    """The value with `change` applied to every object in it, the innermost first."""
    if isinstance(value, dict):
        return change({key: _change_objects(inner, change) for key, inner in value.items()})
    if isinstance(value, list):
        return [_change_objects(inner, change) for inner in value]
    return value


def value_objects(shown: Json, number: int) -> Json:
    """Characteristic values inside objects, next to an alias."""
    return _change_values(shown, lambda _, found: {"value": found["value"], "alias": found["name"]})


def json_in_text(shown: Json, number: int) -> Json:
    """Of each three characteristics one stays, one becomes a list, one JSON in a text."""

    def change(index: int, found: Json) -> Any:
        value = found["value"]
        return (value, [value], msgspec.json.encode({"value": value}).decode())[index % 3]

    return _change_values(shown, change)


def flat_places(shown: Json, number: int) -> Json:
    """Places of any version as TMF638 v4 has them."""
    if "place" not in shown:
        return shown
    places = shown["place"] if isinstance(shown["place"], list) else [shown["place"]]
    return shown | {"place": [_flat_place(place) for place in places]}


def _flat_place(place: Json) -> Json:
    role = {"role": place["role"]} if "role" in place else {}
    return {key: value for key, value in place.get("place", place).items() if not key.startswith("@")} | role


def urn_ids(shown: Json, number: int) -> Json:
    """Ids of records, in references too, as a context broker has them."""

    def change(found: Json) -> Json:
        return {
            key: _CODE.sub(_urn, value) if key in (*_ID_KEYS, "href") and isinstance(value, str) else value
            for key, value in found.items()
        }

    changed: Json = _change_objects(shown, change)
    return changed


def _urn(code: re.Match[str]) -> str:
    return f"urn:ngsi-ld:{_URN_TYPES[code[0][:3]]}:{code[0]}"


def installing(shown: Json, number: int) -> Json:
    """A status that is not in the specification."""
    affected = number % 10 == 0 and shown.get("resourceStatus") == "available"
    return shown | {"resourceStatus": "installing"} if affected else shown


def text_booleans(shown: Json, number: int) -> Json:
    """Booleans as texts."""

    def change(found: Json) -> Json:
        return {key: str(value).lower() if isinstance(value, bool) else value for key, value in found.items()}

    changed: Json = _change_objects(shown, change)
    return changed


def empty_objects(shown: Json, number: int) -> Json:
    """Placeholders for what has no value."""
    nobody, unspecified = {"id": "", "name": ""}, "Not Specified."
    filled = {"description": unspecified, "place": dict(nobody), "endDate": "", **shown}
    if filled["description"] == "":
        filled["description"] = unspecified
    return {key: [dict(nobody)] if value == [] else value for key, value in filled.items()}


def date_without_zone(shown: Json, number: int) -> Json:
    """Dates without the time zone."""
    return {key: value.removesuffix("Z") if key in _DATE_KEYS else value for key, value in shown.items()}


def odd_key_case(shown: Json, number: int) -> Json:
    """Keys in another notation, the same for all keys of a record."""
    case = (_pascal_case, str.upper, _snake_case)[number % 3]
    changed: Json = _change_objects(shown, lambda found: {case(key): value for key, value in found.items()})
    return changed


def _pascal_case(key: str) -> str:
    prefix, name = ("@", key[1:]) if key.startswith("@") else ("", key)
    return f"{prefix}{name[:1].upper()}{name[1:]}"


def _snake_case(key: str) -> str:
    return _WORD_START.sub("_", key).lower()


RECORD_QUIRK_EFFECTS: Mapping[str, Callable[[Json, int], Json]] = {
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
