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


_WRONG_VALUES: Mapping[str, tuple[tuple[str, ...], tuple[Any, ...]]] = {
    "odd-text": (("name", "description"), TEXTS),
    "odd-dates": (_DATE_KEYS, DATES),
    "null-ids": (_ID_KEYS, IDS),
    "unknown-status": (_STATUS_KEYS, STATUSES),
}
"""For each fault the keys, in any notation, and the values that they get in turn."""

RECORD_FAULTS = (*_WRONG_VALUES, "odd-shapes")


def apply_fault(name: str, shown: Json, number: int) -> None:
    """Makes values of the record wrong, in place. Only `null-ids` changes its ids."""
    if name == "odd-shapes":
        keys = [key for key in shown if key not in (*_ID_KEYS, "@type")]
        for step in range(2):
            shown[keys[(number + step * 5) % len(keys)]] = SHAPES[(number + step) % len(SHAPES)]
        return
    wanted, values = _WRONG_VALUES[name]
    value = values[number % len(values)]
    lower = {key.lower() for key in wanted}
    for key in shown:
        if key.replace("_", "").lower() in lower:
            shown[key] = value
    if name == "unknown-status":
        for key in _characteristic_keys(shown):
            for characteristic in shown[key]:
                if characteristic.get("name") in _STATUS_CHARACTERISTICS:
                    characteristic["value"] = value


def _characteristic_keys(shown: Json) -> Iterable[str]:
    return (key for key in shown if key.lower().endswith("characteristic"))


def _change_values(shown: Json, change: Callable[[int, Json], Any]) -> Json:
    """The record with another value for each characteristic, given its index."""
    return shown | {
        key: [{**found, "value": change(index, found)} for index, found in enumerate(shown[key])]
        for key in _characteristic_keys(shown)
    }


def _change_objects(shown: Json, change: Callable[[Json], Json]) -> Json:
    """The object with `change` applied to it and to every object in it, the innermost first."""

    def changed(value: Any) -> Any:
        if isinstance(value, list):
            return [changed(item) for item in value]
        return _change_objects(value, change) if isinstance(value, dict) else value

    return change({key: changed(value) for key, value in shown.items()})


def _value_objects(shown: Json, number: int) -> Json:
    return _change_values(shown, lambda _, found: {"value": found["value"], "alias": found["name"]})


def _json_in_text(shown: Json, number: int) -> Json:
    def change(index: int, found: Json) -> Any:
        value = found["value"]
        return (value, [value], msgspec.json.encode({"value": value}).decode())[index % 3]

    return _change_values(shown, change)


def _flat_places(shown: Json, number: int) -> Json:
    if "place" not in shown:
        return shown
    places = shown["place"] if isinstance(shown["place"], list) else [shown["place"]]
    return shown | {"place": [_flat_place(place) for place in places]}


def _flat_place(place: Json) -> Json:
    role = {"role": place["role"]} if "role" in place else {}
    return {key: value for key, value in place.get("place", place).items() if not key.startswith("@")} | role


def _urn_ids(shown: Json, number: int) -> Json:
    def change(found: Json) -> Json:
        return {
            key: _CODE.sub(_urn, value) if key in (*_ID_KEYS, "href") and isinstance(value, str) else value
            for key, value in found.items()
        }

    return _change_objects(shown, change)


def _urn(code: re.Match[str]) -> str:
    return f"urn:ngsi-ld:{_URN_TYPES[code[0][:3]]}:{code[0]}"


def _installing(shown: Json, number: int) -> Json:
    affected = number % 10 == 0 and shown.get("resourceStatus") == "available"
    return shown | {"resourceStatus": "installing"} if affected else shown


def _text_booleans(shown: Json, number: int) -> Json:
    def change(found: Json) -> Json:
        return {key: str(value).lower() if isinstance(value, bool) else value for key, value in found.items()}

    return _change_objects(shown, change)


def _empty_objects(shown: Json, number: int) -> Json:
    nobody, unspecified = {"id": "", "name": ""}, "Not Specified."
    filled = {"description": unspecified, "place": dict(nobody), "endDate": "", **shown}
    if filled["description"] == "":
        filled["description"] = unspecified
    return {key: [dict(nobody)] if value == [] else value for key, value in filled.items()}


def _date_without_zone(shown: Json, number: int) -> Json:
    return {key: value.removesuffix("Z") if key in _DATE_KEYS else value for key, value in shown.items()}


def _odd_key_case(shown: Json, number: int) -> Json:
    case = (_pascal_case, str.upper, _snake_case)[number % 3]
    return _change_objects(shown, lambda found: {case(key): value for key, value in found.items()})


def _pascal_case(key: str) -> str:
    prefix, name = ("@", key[1:]) if key.startswith("@") else ("", key)
    return f"{prefix}{name[:1].upper()}{name[1:]}"


def _snake_case(key: str) -> str:
    return _WORD_START.sub("_", key).lower()


RECORD_QUIRKS: Mapping[str, Callable[[Json, int], Json]] = {
    "value-objects": _value_objects,
    "json-in-text": _json_in_text,
    "flat-places": _flat_places,
    "urn-ids": _urn_ids,
    "installing": _installing,
    "text-booleans": _text_booleans,
    "empty-objects": _empty_objects,
    "date-without-zone": _date_without_zone,
    "odd-key-case": _odd_key_case,
}
"""The quirks of records: each returns a changed copy of the record with that number."""
