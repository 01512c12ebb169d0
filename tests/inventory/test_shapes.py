"""Every shape that is known of real inventories, one row each: what comes in, and what is made of it.

The rows are concepts as versions and implementations spell them. A row without a case, or a case without a
row, fails.
"""

from __future__ import annotations

import pytest

from exporter import errors
from tests.inventory import reading
from tests.inventory.shapes import characteristics, links, states, values

ROWS = (
    *(
        "root: an array",
        "root: an envelope",
        "root: one record as an object",
        "root: an error object with 200",
    ),
    *("id: candidates in order", "id: externalIdentifier", "id: a URN", "id: doubled in one page"),
    *("service state: v4", "service state: v5 adds suspended", "service state: refined by operatingStatus"),
    "service state: SES status",
    *("resource status: v4", "resource status: v5 of 2024", "resource status: v5 of 2026 has none"),
    *("resource status: installing, in no enumeration", "resource status: lifecycleState of v2"),
    *("resource status: life cycle characteristics", "resource status: install_status as text"),
    *("administrative, operational, usage: v4", "administrative, operational, usage: v5 of 2026"),
    *("alarms: several at once", "characteristic: a scalar of any type", "characteristic: typed by @type"),
    *("characteristic: value and alias wrapped", "characteristic: an object of names and values"),
    *("characteristic: a list or an object", "characteristic: JSON in text", "characteristic: of v2"),
    *("characteristic: always text", "characteristic: the same name twice", "characteristic: of a feature"),
    *(
        "place: an array",
        "place: a single object",
        "place: nested",
        "place: flat in v5",
        "place: without name",
    ),
    *("related party: v4", "related party: partyOrPartyRole", "related party: without name"),
    "related party: mixed",
    *("specification: a name", "specification: an id only", "specification: text"),
    *("relationship: v4 and v5", "relationship: type of v2", "relationship: Contains::Contained by"),
    *(
        "relationship: relatedResource",
        "relationship: a resource by value",
        "relationship: supportingResource",
    ),
    *("dates: RFC 3339", "dates: with a space", "dates: free text", "dates: startDate in TMF639"),
    *("booleans: text", "empties: an object of empty texts", "empties: Not Specified."),
    *("spec typos: timeOcurred", "spec typos: featureCharacteritic", "keys: lenient", "versions: mixed"),
    *("SES carrier: type from a characteristic", "SES carrier: gateway and terminal from places"),
    *("SES carrier: satellite and transponder from resources", "SES carrier: operational segments only"),
)

CASES = {**states.CASES, **characteristics.CASES, **links.CASES, **values.CASES}
REFUSED = {
    "root: an error object with 200": {"error": {"message": "Transaction cancelled"}, "status": "failure"}
}


@pytest.mark.parametrize("row", CASES)
def test_a_shape_is_understood(row: str) -> None:
    case = CASES[row]
    name, collection = case.where.split()
    numbers = {"b": ("b_units", 1.0), "c": ("c_units", 1.0)}
    using = reading.reader(name, collection, characteristics=("a", "b", "c"), numbers=numbers)
    batch = reading.batch(case.page, using)
    read = [one.record for one in batch.fresh]
    assert [
        {key: getattr(one, key) for key in keys} for one, keys in zip(read, case.found, strict=True)
    ] == case.found
    assert batch.dropped == case.dropped


@pytest.mark.parametrize("row", REFUSED)
def test_what_is_no_list_is_a_failure(row: str) -> None:
    with pytest.raises(errors.Malformed) as caught:
        reading.batch(REFUSED[row])
    assert caught.value.reason == "error_object"


def test_every_row_has_its_case() -> None:
    assert sorted(ROWS) == sorted([*CASES, *REFUSED])
