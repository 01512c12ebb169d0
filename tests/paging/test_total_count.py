"""What answers announce, and what they only seem to."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from exporter import client
from exporter.inventory.dialects import Paging
from exporter.paging import fetch


@pytest.mark.parametrize(
    ("headers", "total"),
    [
        ({"X-Total-Count": "1003"}, 1003),
        ({"x-total-count": " 0 "}, 0),
        ({"X-Total-Count": '"12"'}, 12),
        ({"Content-Range": "items 0-9/1003"}, 1003),
        ({"content-range": "items 0-9 / 1003"}, 1003),
        ({"X-Total-Count": "many", "Content-Range": "items 0-9/7"}, 7),
        ({"X-Total-Count": "5", "Content-Range": "items 0-9/7"}, 5),
        ({"Content-Range": "items 3-5"}, None),
        ({"Content-Range": "items 0-9/*"}, None),
        ({"X-Total-Count": "-5"}, None),
        ({"X-Total-Count": "1e3"}, None),
        ({"X-Total-Count": "9" * 5000}, None),
        ({"X-Total-Count": "١٢"}, None),
        ({"X-Total-Count": ""}, None),
        ({}, None),
    ],
)
def test_f37_a_total_is_read_leniently_and_garbage_is_none(
    headers: dict[str, str], total: int | None
) -> None:
    page = client.Page((), 200, CIMultiDict(headers), b"[]", 0.0, "")
    assert fetch.total(page, Paging()) == total


def test_the_header_of_the_dialect_is_the_one_that_counts() -> None:
    page = client.Page((), 200, CIMultiDict({"X-Total-Count": "5", "X-Size": "7"}), b"[]", 0.0, "")
    assert fetch.total(page, Paging(total_header="x-size")) == 7
