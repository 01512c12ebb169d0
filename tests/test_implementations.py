"""What implementations do, row by row as it was gathered, each row crawled from a simulated inventory.

`IMPLEMENTATIONS` are the other implementations seen, `END_OF_LIST` the rules for the end of a list; what they
do to single records is in `tests/inventory/test_shapes.py`.
"""

import pytest

from tests import matrix

pytestmark = pytest.mark.matrix

IMPLEMENTATIONS = {
    "FIWARE: limit refused above 1000, 206 on the last page, totals only sometimes, URNs": (
        "tmf-v4",
        "400-limit=1000 206-last total-sometimes urn-ids",
        matrix.EXACT,
    ),
    "FIWARE: older releases send no headers": ("tmf-v4", "no-headers urn-ids", matrix.EXACT),
    "ODA Canvas 638: limit clamped to 250, counts omitted when 0": (
        "tmf-v5",
        "clamp=250 count-omitted-when-zero",
        matrix.EXACT,
    ),
    "ODA Canvas 638: next on the last stretch with a shrunk limit": (
        "tmf-v5",
        "style=link link-shrunk",
        matrix.EXACT,
    ),
    "ODA 639: no headers, everything at once, flat places, lists and JSON in text, installing": (
        "tmf-v5",
        "no-headers whole-table flat-places json-in-text installing",
        matrix.EXACT,
    ),
    "openslice: the whole table every time, duplicate ids, {value, alias}": (
        "tmf-v4",
        "whole-table duplicate-ids value-objects",
        matrix.EXACT,
    ),
    "SigScale: pages by Range, 416 past the end": ("tmf-v2", "style=range", matrix.EXACT),
    "others: 416 instead of an empty page": ("tmf-v4", "416-end no-headers", matrix.EXACT),
    "others: 404 instead of an empty page": ("tmf-v4", "404-end no-headers", matrix.EXACT),
    "others: 404 for no records": ("tmf-v4", "404-empty", matrix.EXACT),
    "others: limit maximum 100 answered with 422": ("tmf-v4", "422-limit=100", matrix.EXACT),
}

END_OF_LIST = {
    "advance by items received, never by the limit asked": ("tmf-v4", "clamp=7 no-headers", matrix.EXACT),
    "stop when the total is reached": ("tmf-v4", "", matrix.EXACT),
    "a total that is a known cap is no end": ("servicenow", "total-cap=100", matrix.EXACT),
    "an empty page is the end": ("tmf-v4", "no-headers", matrix.EXACT),
    "an empty page is not the end while the total says more": (
        "tmf-v4",
        "acl-gaps=0.2 acl-total=all clamp=40",
        matrix.UNPROVEN,
    ),
    "416 beyond offset 0 is the end": ("tmf-v3", "416-end no-headers", matrix.EXACT),
    "404 beyond offset 0 is the end": ("ses", "404-end", matrix.EXACT),
    "a short page of page numbers is the end": ("ses", "", matrix.EXACT),
    "a page whose ids were all seen: taken once, and told": ("tmf-v4", "ignore-offset", matrix.PART),
    "de-duplicate by id": ("ses", "duplicate-ids", matrix.EXACT),
    "a mismatch with the total is one more walk, then complete 0": (
        "tmf-v5",
        "total-wrong=7",
        matrix.UNPROVEN,
    ),
    "Link: only same origin": ("tmf-v5", "style=link link-foreign", matrix.EXACT),
    "Link: loops are detected": ("tmf-v5", "style=link link-loop", matrix.EXACT),
    "Link: may be relative": ("tmf-v5", "style=link link-relative", matrix.EXACT),
    "records move while one pages": ("ses", "shift=3", matrix.EXACT),
}

ROWS = {**IMPLEMENTATIONS, **END_OF_LIST}


@pytest.mark.parametrize("row", ROWS)
async def test_a_row_is_crawled_as_it_should_be(row: str) -> None:
    dialect, quirks, expected = ROWS[row]
    assert await matrix.verdict(dialect, quirks) == expected
