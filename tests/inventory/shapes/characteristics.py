"""Characteristics: scalars, wrapped, typed, in text, of features, and what is none."""

from __future__ import annotations

from tests.inventory.shapes.case import Case, one, shown

CASES: dict[str, Case] = {
    "characteristic: a scalar of any type": one(
        "tmf-v4 services",
        shown({"name": "a", "value": "x"}, {"name": "b", "value": 1.5}, {"name": "c", "value": False}),
        characteristics=(("a", "x"), ("b", "1.5"), ("c", "false")),
        numbers=(("b_units", 1.5), ("c_units", 0.0)),
    ),
    "characteristic: typed by @type": one(
        "tmf-v5 services",
        shown({"name": "a", "@type": "IntegerCharacteristic", "value": 4}),
        characteristics=(("a", "4"),),
    ),
    "characteristic: value and alias wrapped": one(
        "tmf-v4 services",
        shown(
            {"name": "a", "value": {"value": "20", "alias": "CIR"}}, {"name": "b", "value": {"value": None}}
        ),
        characteristics=(("a", "20"),),
    ),
    "characteristic: an object of names and values": one(
        "tmf-v4 services",
        {"serviceCharacteristic": {"a": 20, "b": {"value": "x"}}},
        characteristics=(("a", "20"), ("b", "x")),
        dropped={"number": 1},
    ),
    "characteristic: a list or an object": one(
        "tmf-v5 resources",
        {
            "resourceCharacteristic": [
                {"name": "a", "@type": "StringArrayCharacteristic", "value": ["x"]},
                {"name": "b", "@type": "ObjectCharacteristic", "value": {"amount": 19}},
            ]
        },
        characteristics=(),
        numbers=(),
    ),
    "characteristic: JSON in text": one(
        "tmf-v5 resources",
        {"resourceCharacteristic": [{"name": "a", "value": '{"ready": true}'}]},
        characteristics=(("a", '{"ready": true}'),),
    ),
    "characteristic: of v2": one(
        "tmf-v2 resources",
        {
            "characteristic": [{"name": "a", "value": "x"}],
            "resourceCharacteristic": {"name": "b", "value": "3"},
        },
        characteristics=(("a", "x"), ("b", "3")),
    ),
    "characteristic: always text": one(
        "servicenow resources",
        {
            "resourceCharacteristic": [
                {"name": "b", "value": "1000", "valueType": "integer"},
                {"name": "c", "value": "true", "valueType": "boolean"},
            ]
        },
        characteristics=(("b", "1000"), ("c", "true")),
        numbers=(("b_units", 1000.0), ("c_units", 1.0)),
    ),
    "characteristic: the same name twice": one(
        "tmf-v4 services",
        shown({"name": "a", "value": "first"}, {"name": "A", "value": "second"}),
        characteristics=(("a", "first"),),
        dropped={"characteristic": 1},
    ),
    "characteristic: of a feature": one(
        "tmf-v4 services",
        {
            "feature": [
                {"name": "F", "featureCharacteristic": [{"name": "a", "value": "x"}]},
                {"name": "G"},
                None,
            ]
        },
        characteristics=(("a", "x"),),
    ),
    "spec typos: featureCharacteritic": one(
        "tmf-v5 services",
        {"feature": [{"featureCharacteritic": [{"name": "a", "value": True}]}]},
        characteristics=(("a", "true"),),
    ),
}
