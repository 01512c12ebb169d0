"""Lists in which a record comes several times, as a join of tables has it, so that pages show nothing new."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from aiohttp import web

from tests.faults import inventory
from tests.faults.inventory import listed, own, poller, record, refresh

PAGE = 10
STYLES = {
    "offset": {},
    "page": {"style": "page", "position_param": "offset", "size_param": "limit", "first": 0},
}
EACH_STYLE = pytest.mark.parametrize("style", STYLES)


async def read(folder: Path, style: str, numbers: Sequence[int]) -> tuple[int, int, str]:
    """How many ids are shown of a list of these records, whether it is complete, and why not.

    Behind its end the list has its last page again, in another order.
    """
    changes = {"collections.services.paging": STYLES[style]} if STYLES[style] else {}
    async with inventory.over(folder, [record(number) for number in numbers], changes) as (source, built):

        async def page(request: web.Request) -> web.Response:
            start, size = int(request.query["offset"]), int(request.query["limit"])
            start *= size if style == "page" else 1
            return listed(source.records[start : start + size] or source.records[: -size - 1 : -1])

        source.answer = page
        for _ in range(2):
            await refresh(built)
        return len(inventory.ids(built)), int(own(built, "complete")), poller(built).recorder.problem


@EACH_STYLE
async def test_a_page_of_records_of_other_pages_is_not_the_end_of_the_list(
    tmp_path: Path, style: str
) -> None:
    numbers = [*range(20), *range(5), *range(10, 15), *range(20, 25)]
    assert await read(tmp_path, style, numbers) == (25, 1, "")


@EACH_STYLE
async def test_a_page_that_comes_again_is_the_end_of_the_list(tmp_path: Path, style: str) -> None:
    assert await read(tmp_path, style, range(20)) == (20, 1, "")


@EACH_STYLE
async def test_many_pages_of_records_of_others_leave_the_end_of_the_list_unknown(
    tmp_path: Path, style: str
) -> None:
    mixed = [place + shift for shift in range(1, 7) for place in range(PAGE)]
    shown, complete, problem = await read(tmp_path, style, [*range(20), *mixed])
    assert (shown, complete) == (20, 0)
    assert "so that the end of the list is unknown" in problem
