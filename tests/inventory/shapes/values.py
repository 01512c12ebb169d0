"""Dates, booleans and empties, spellings of keys, and versions mixed in one record."""

from __future__ import annotations

from exporter.inventory.condition import Condition
from exporter.inventory.record import Link
from tests.inventory.shapes.case import Case, one

CASES: dict[str, Case] = {
    "dates: RFC 3339": one("tmf-v5 services", {"startDate": "1970-01-02T01:00:00.000+01:00"}, start=86400.0),
    "dates: with a space": one(
        "servicenow resources", {"startOperatingDate": "1970-01-02 00:00:00"}, start=86400.0
    ),
    "dates: free text": one("ses services", {"serviceDate": "next spring"}, start=None, dropped={"date": 1}),
    "dates: startDate in TMF639": one("tmf-v4 resources", {"startDate": "1970-01-02"}, start=86400.0),
    "booleans: text": one(
        "tmf-v5 resources", {"unknownStatus": "False"}, states=(("unknown", "false"),), status=""
    ),
    "empties: an object of empty texts": one(
        "ses services",
        {"place": [{"id": "", "name": ""}], "serviceSpecification": {"id": "", "name": ""}},
        places=(),
        place="",
        specification="",
    ),
    "empties: Not Specified.": one(
        "ses services", {"name": "Not Specified.", "category": "not specified"}, name="", category=""
    ),
    "spec typos: timeOcurred": one(
        "tmf-v4 services", {"timeOcurred": "1970-01-02T00:00:00Z"}, updated=86400.0
    ),
    "keys: lenient": one(
        "tmf-v4 services",
        {
            "Service_Type": "VSAT",
            "STATE": "Active",
            **{"SERVICE-CHARACTERISTIC": [{"Name": "a", "VALUE": "x"}]},
        },
        type="VSAT",
        condition=Condition.OPERATIONAL,
        characteristics=(("a", "x"),),
    ),
    "versions: mixed": one(
        "tmf-v4 services",
        {
            "state": "active",
            "operatingStatus": "failed",
            "place": [{"id": "L1", "role": "a"}, {"role": "b", "place": {"id": "L2"}}],
        },
        condition=Condition.DOWN,
        places=(Link("L1", role="a"), Link("L2", role="b")),
    ),
}
