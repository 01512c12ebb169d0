"""Pages over a real socket, quirk by quirk: what is on them, what is announced, how they end."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from exporter.simulator import quirk
from exporter.simulator.dialect import DIALECTS
from exporter.simulator.server import accepts_json
from tests.simulator.client import Json, Walker, url
from tests.simulator.conftest import Run

CARRIERS = [f"CAR{number:07d}" for number in range(1, 61)]

Found = list[Json]


def codes(records: Found) -> list[str]:
    return [str(one.get("externalId", one["id"])) for one in records]


def totals(client: Walker) -> list[str | None]:
    return [one.get("X-Total-Count") for one in client.headers]


async def three(client: Walker) -> list[list[str]]:
    """The codes of three pages of 25 carriers by offset."""
    return [codes(await client.page("carriers", limit="25", offset=str(25 * page))) for page in range(3)]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("style", ["link", "cursor"])
async def test_links_lead_through_everything_in_every_dialect(run: Run, dialect: str, style: str) -> None:
    client = await run(dialect=dialect, quirks=(f"style={style}",))
    assert codes(await client.follow("carriers", 25)) == CARRIERS
    assert len(client.statuses) == 3


@pytest.mark.parametrize("style", ["link", "cursor"])
async def test_an_offset_means_nothing_where_links_are_the_way(run: Run, style: str) -> None:
    client = await run(dialect="tmf-v4", quirks=(f"style={style}",))
    assert await client.page("carriers", offset="40") == await client.page("carriers")
    assert (await client.ask("carriers", after="40", _next="40")).status == 400


async def test_a_link_keeps_to_itself_what_the_list_was_asked_for_with(run: Run) -> None:
    client = await run(dialect="tmf-v4", quirks=("style=link",))
    response = await client.ask("carriers", category="RFS", limit="7")
    where = response.links["next"]["url"]
    assert where.query.keys() == {"_next"}
    following = await client.ask_raw(where)
    assert codes(await following.json()) == CARRIERS[7:14]


async def test_a_cursor_stays_where_it_is_while_records_arrive(run: Run) -> None:
    client = await run(dialect="tmf-v4", quirks=("style=cursor", "shift=3"))
    found = codes(await client.follow("carriers", 10))
    assert found == CARRIERS[:57]
    assert len(await client.follow("carriers", 10)) == 60


async def test_v5_of_2026_takes_offsets_and_cursors_and_ignores_sort_and_filter(run: Run) -> None:
    client = await run(dialect="tmf-v5", quirks=("v5-2026",))
    assert codes(await client.follow("resources", 50)) == codes(await client.walk("resources", 50))
    asked = {"sort": "-name", "filter": "$[?(@.name=='x')]"}
    assert codes(await client.page("carriers", limit="60", **asked)) == CARRIERS
    content = yaml.safe_load(client.simulator.configuration())
    assert content["apis"]["tmf639"]["dialect"] == "tmf-v5"


async def test_a_range_is_answered_with_its_range_and_416_past_the_end(run: Run) -> None:
    client = await run(dialect="tmf-v4", quirks=("style=range",))
    where, query = url(client.simulator, "carriers"), {"@type": "Carrier", "offset": "30"}
    told = []
    for span in ("items=1-25", "items=26-50", "items=51-75", "items=76-100", "bytes=0-1"):
        response = await client.ask_raw(where, query, Range=span)
        told.append((response.status, response.headers.get("Content-Range")))
    assert told == [
        (206, "items 1-25/60"),
        (206, "items 26-50/60"),
        (206, "items 51-60/60"),
        (416, "items */60"),
        (400, None),
    ]
    whole = await client.ask_raw(where, query, Range="items=1-500")
    assert (whole.status, codes(await whole.json())) == (200, CARRIERS)


async def test_everything_at_once(run: Run) -> None:
    client = await run(quirks=("style=none",))
    assert codes(await client.page("carriers", recordsPerPage="5", page="x")) == CARRIERS


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("clamp=10", [10, 10, 10]),
        ("ignore-offset", [25, 25, 25]),
        ("whole-table", [60, 60, 60]),
    ],
)
async def test_positions_and_limits_may_be_ignored(run: Run, text: str, sizes: list[int]) -> None:
    client = await run(dialect="tmf-v4", quirks=(text,))
    pages = await three(client)
    assert [len(page) for page in pages] == sizes
    assert (pages[0] == pages[1]) == (text != "clamp=10")
    assert totals(client) == ["60", "60", "60"]


@pytest.mark.parametrize("status", [400, 422])
async def test_a_limit_may_be_too_large_for_the_server(run: Run, status: int) -> None:
    client = await run(quirks=(f"{status}-limit=30",))
    assert len(await client.page("carriers")) == 30
    response = await client.ask("carriers", recordsPerPage="31")
    assert response.status == status
    assert "from 1 to 30" in (await response.json())["error"]["message"]
    content = yaml.safe_load(client.simulator.configuration())
    assert content["collections"]["carriers"]["page_size"] == 30


@pytest.mark.parametrize(
    ("quirks", "statuses"),
    [
        ((), [206, 206, 200, 200]),
        (("206-last",), [206, 206, 206, 200]),
        (("206",), [206, 206, 206, 206]),
        (("416-end",), [206, 206, 200, 416]),
        (("404-end",), [206, 206, 200, 404]),
        (("404-empty",), [206, 206, 200, 200]),
        (("style=none", "206-last"), [200] * 4),
    ],
)
async def test_statuses_differ_on_the_last_page_and_behind_it(
    run: Run, quirks: tuple[str, ...], statuses: list[int]
) -> None:
    client = await run(dialect="tmf-v4", quirks=quirks)
    for offset in (0, 25, 50, 75):
        await client.ask("carriers", limit="25", offset=str(offset))
    assert client.statuses == statuses


async def test_no_records_at_all_may_be_a_404(run: Run) -> None:
    client = await run(dialect="tmf-v4", quirks=("404-empty", "416-end"), carriers=0)
    assert (await client.ask("carriers")).status == 404
    assert (await client.ask("services")).status == 206


async def test_an_empty_list_is_no_page_past_the_end(run: Run) -> None:
    client = await run(dialect="tmf-v4", quirks=("416-end",), carriers=0)
    assert await client.page("carriers") == []


@pytest.mark.parametrize(
    ("quirks", "told"),
    [
        (("total-cap=30",), ["30", "30", "30"]),
        (("total-wrong",), ["67", "67", "67"]),
        (("total-wrong=-90",), ["0", "0", "0"]),
        (("total-drift",), ["60", "61", "62"]),
        (("total-sometimes",), ["60", None, "60"]),
        (("total-sometimes", "total-drift"), ["60", None, "62"]),
        (("total-sometimes", "count-omitted-when-zero"), ["60", None, "60"]),
        (("no-headers",), [None, None, None]),
        (("acl-gaps=0.2",), [None, None, None]),
        (("acl-gaps=0.2", "acl-total"), ["60", "60", "60"]),
        (("duplicate-ids",), ["66", "66", "66"]),
    ],
)
async def test_totals_are_told_as_each_quirk_has_it(
    run: Run, quirks: tuple[str, ...], told: list[str | None]
) -> None:
    client = await run(dialect="tmf-v4", quirks=quirks)
    await three(client)
    assert totals(client) == told
    assert [("X-Result-Count" in one) for one in client.headers] == [one is not None for one in told]


async def test_counts_of_nothing_may_be_left_out(run: Run) -> None:
    client = await run(dialect="tmf-v4", quirks=("count-omitted-when-zero",), carriers=0)
    await client.page("carriers")
    await client.page("services")
    assert totals(client) == [None, "45"]


async def test_access_rules_leave_short_pages_and_empty_ones(run: Run) -> None:
    client = await run(dialect="tmf-v4", quirks=("acl-gaps=0.5", "acl-total=readable"), carriers=200)
    sizes = [
        len(await client.page("carriers", limit="10", offset=str(offset))) for offset in range(0, 200, 10)
    ]
    assert 0 in sizes[8:13]
    assert 0 < max(sizes) <= 10
    assert totals(client) == [str(sum(sizes))] * 20
    assert client.statuses == [206] * 19 + [200]


async def test_what_may_not_be_listed_may_not_be_had_by_its_id(run: Run) -> None:
    client = await run(dialect="tmf-v4", quirks=("acl-gaps=1",))
    assert await client.page("carriers") == []
    where = url(client.simulator, "carriers")
    assert (await client.ask_raw(f"{where}/CAR0000001")).status == 404


@pytest.mark.parametrize(
    ("quirks", "last"),
    [
        (("link-relative",), None),
        (("link-foreign",), "http://other.invalid/tmf-api/serviceInventory/v4/service?%40type=Carrier"),
        (("link-foreign", "link-relative"), "http://other.invalid/tmf-api/serviceInventory/v4/service"),
        (("link-loop", "link-relative"), "/tmf-api/serviceInventory/v4/service?%40type=Carrier"),
    ],
)
async def test_links_may_be_relative_and_lead_astray_at_the_end(
    run: Run, quirks: tuple[str, ...], last: str | None
) -> None:
    client = await run(dialect="tmf-v4", quirks=("style=cursor", *quirks))
    await client.ask("carriers", limit="50")
    await client.ask("carriers", limit="60")
    first, end = (one.get("Link", "") for one in client.headers)
    assert first.startswith("</tmf-api/" if "link-relative" in quirks else f"<{client.simulator.url638}")
    assert (last in end) if last else not end


async def test_links_that_loop_come_back_to_the_first_page(run: Run) -> None:
    client = await run(dialect="tmf-v4", quirks=("style=link", "link-loop"))
    response = await client.ask("carriers", limit="60")
    again = await client.ask_raw(response.links["next"]["url"])
    assert codes(await again.json()) == CARRIERS[:20]
    bare = await run(quirks=("style=link", "link-loop"))
    response = await bare.ask_raw(url(bare.simulator, "services"), {"recordsPerPage": "100"})
    assert str(response.links["next"]["url"]) == url(bare.simulator, "services")


async def test_the_last_stretch_may_be_asked_for_with_what_is_left(run: Run) -> None:
    client = await run(dialect="tmf-v5", quirks=("v5-2026", "link-shrunk"))
    limits = []
    for offset in ("0", "25"):
        response = await client.ask("carriers", limit="25", offset=offset)
        limits.append(response.links["next"]["url"].query["limit"])
    assert limits == ["25", "10"]


@pytest.mark.parametrize("name", quirk.ENVELOPES)
async def test_a_list_may_come_in_an_envelope_and_one_record_alone(run: Run, name: str) -> None:
    client = await run(dialect="tmf-v4", quirks=(f"envelope={name}", "single-object"), services=1)
    alone: Any = await client.page("services")
    assert alone[name]["id"] == "SVC0000001"
    many: Any = await client.page("carriers", limit="2")
    assert codes(many[name]) == CARRIERS[:2]
    none: Any = await client.page("carriers", offset="99")
    assert none == {name: []}


async def test_records_arrive_while_the_list_is_read_and_the_next_walk_is_calm(run: Run) -> None:
    client = await run(dialect="tmf-v4", quirks=("shift=2",))
    first = [code for page in await three(client) for code in page]
    assert first[:25] == CARRIERS[:25]
    assert first[25] == CARRIERS[24]
    assert set(CARRIERS) - set(first) == set(CARRIERS[58:])
    second = [code for page in await three(client) for code in page]
    assert sorted(second) == CARRIERS


async def test_spellings_are_seen_over_http_and_single_records_have_them_too(run: Run) -> None:
    client = await run(dialect="tmf-v4", quirks=("urn-ids", "text-booleans", "odd-key-case"))
    [shown] = await client.page("carriers", limit="1")
    assert shown["ID"] == "urn:ngsi-ld:Carrier:CAR0000001"
    assert shown["HASSTARTED"] == "true"
    where = url(client.simulator, "carriers")
    response = await client.ask_raw(f"{where}/{shown['ID']}")
    assert await response.json() == shown


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "text", [one for one in quirk.QUIRKS if not one.startswith(("total", "count", "link"))]
)
async def test_every_quirk_can_be_had_in_every_dialect(run: Run, dialect: str, text: str) -> None:
    if text == "v5-2026":
        dialect = "tmf-v5"
    more = ("acl-gaps",) if text == "acl-total" else ()
    client = await run(dialect=dialect, quirks=(text if text != "style" else "style=none", *more))
    response = await client.ask("carriers")
    assert response.status in (200, 206)
    assert json.loads(await response.read())


async def test_servicenow_wants_a_type_and_an_accept_header(run: Run) -> None:
    client = await run(dialect="servicenow")
    for name in ("services", "resources"):
        response = await client.ask_raw(url(client.simulator, name))
        assert response.status == 400
        assert "@type is required" in (await response.json())["error"]["message"]
    where, query = url(client.simulator, "carriers"), {"@type": "Carrier"}
    for accept, status in (("text/html", 406), ("application/json", 206)):
        assert (await client.ask_raw(where, query, Accept=accept)).status == status


@pytest.mark.parametrize(
    ("accept", "fits"),
    [
        ("", False),
        ("text/html, text/*;q=0.5", False),
        ("text/html,application/json;q=0.9", True),
        ("Application/*", True),
        ("*/*", True),
    ],
)
def test_accept_has_to_let_json_through(accept: str, fits: bool) -> None:
    assert accepts_json(accept) is fits


async def test_servicenow_announces_ranges_links_and_totals(run: Run) -> None:
    client = await run(dialect="servicenow")
    response = await client.ask("carriers", limit="25", offset="25")
    assert response.headers["Content-Range"] == "items 25-49"
    assert response.headers["X-Total-Count"] == "60"
    assert "X-Result-Count" not in response.headers
    found = {name: dict(link["url"].query) for name, link in response.links.items()}
    asked = {"@type": "Carrier", "limit": "25"}
    assert found == {
        "first": {**asked, "offset": "0"},
        "last": {**asked, "offset": "50"},
        "next": {**asked, "offset": "50"},
        "previous": {**asked, "offset": "0"},
    }
    assert len(await client.page("carriers")) == 20
    assert codes(await client.follow("carriers", 7)) == CARRIERS


async def test_servicenow_caps_its_total_and_lists_one_type_a_call(run: Run) -> None:
    client = await run(dialect="servicenow")
    assert client.simulator.dialect.response.total_cap == 100_000
    content = yaml.safe_load(client.simulator.configuration())
    queries = content["collections"]["resources"]["query"]
    assert {"@type": "Satellite"} in queries
    assert len(await client.walk("resources")) == 90


@pytest.mark.parametrize(
    ("text", "paging"),
    [
        ("style=link", {"style": "link"}),
        ("style=cursor", {"style": "cursor", "cursor_param": "after"}),
        ("style=range", {"style": "range"}),
        ("style=none", {"style": "none"}),
        ("ignore-offset", None),
    ],
)
async def test_the_configuration_says_how_pages_are_asked_for(
    run: Run, text: str, paging: dict[str, str] | None
) -> None:
    client = await run(dialect="tmf-v4", quirks=(text,))
    content = yaml.safe_load(client.simulator.configuration())
    assert content["apis"]["tmf638"]["dialect"] == "tmf-v4"
    assert all(one.get("paging") == paging for one in content["collections"].values())
