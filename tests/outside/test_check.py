"""What `check` finds, and its exit status: the program itself against small servers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from exporter.simulator.server import Options, Simulator
from tests.outside.serving import Answer, serving
from tests.outside.test_what_is_listed import Inventory, configured, run, service

Json = dict[str, Any]
Check = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Check]:
    """Runs `check` against an answering function, in a thread beside it."""
    monkeypatch.setenv("COLUMNS", "400")
    with ThreadPoolExecutor(1) as pool:

        async def checked(answer: Answer, dialect: str = "tmf-v4", **collections: object) -> tuple[int, str]:
            async with serving(answer) as url:
                file = configured(tmp_path, url, dialect, **collections)
                arguments = ("check", "--config.file", str(file))
                return await asyncio.get_running_loop().run_in_executor(pool, run, *arguments)

        yield checked


def services(count: int, **parts: object) -> list[Json]:
    return [service(number, **parts) for number in range(count)]


async def test_t07_two_lines_are_enough_for_check(check: Check) -> None:
    inventory = Inventory(services(150, **{"@type": "Service"}), obeys=("@type",))
    status, said = await check(inventory.answer)
    assert (status, said.splitlines()[-1]) == (0, "Everything could be read.")
    assert "150 records on the first 2 pages; the API reports a total of 150." in said
    assert "carriers" not in said


async def test_t07_a_query_that_selects_nothing_is_tried_without_it(check: Check) -> None:
    inventory = Inventory(services(620, **{"@type": "Service"}), obeys=("@type",))
    status, said = await check(inventory.answer, services={"query": {"@type": "CustomerFacingService"}})
    assert status == 1
    assert "The query @type=CustomerFacingService selects nothing. Without it there are 620 records" in said
    assert 'write query: {} for all of them under collections.services, or {"@type": Service}' in said


async def test_t07_so_is_the_default_query_of_a_dialect(check: Check) -> None:
    records = [{"externalId": f"S{number}", "status": "Operational", "lifecycle": 7} for number in range(90)]
    shown = [{**one, "name": "A", "@type": "service", "place": [{"name": "Perth"}]} for one in records]

    async def answer(request: web.Request) -> web.Response:
        found = [] if "status" in request.query else shown[:40]
        return web.json_response(found, headers={"X-Total-Count": str(0 if not found else 90)})

    status, said = await check(answer, "ses", services={})
    assert status == 1
    assert (
        "The query status=1 (the default of the dialect ses) selects nothing. Without it there are 90" in said
    )


@pytest.mark.parametrize(("spoken", "written"), [("ses", "tmf-v4"), ("ses", "tmf-v5"), ("tmf-v4", "ses")])
async def test_t08_a_wrong_dialect_is_named_and_the_exit_status_is_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoken: str, written: str
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    options = Options(listen_port=0, dialect=spoken, services=30, carriers=40, resources=50)
    async with Simulator(options) as simulator:
        text = simulator.configuration("127.0.0.1:0").replace(f"dialect: {spoken}", f"dialect: {written}")
        file = tmp_path / "config.yaml"
        file.write_text(re.sub(r"collections:.*?(?=^web:)", "", text, flags=re.DOTALL | re.MULTILINE))
        status, said = await asyncio.to_thread(run, "check", "--config.file", str(file))
    assert status == 1
    assert f"not {written}: write dialect: {spoken} under apis.tmf638" in said
    assert f"not {written}: write dialect: {spoken} under apis.tmf639" in said


@pytest.mark.parametrize("dialect", ["ses", "tmf-v2", "tmf-v3", "tmf-v4", "tmf-v5", "servicenow"])
async def test_check_finds_nothing_wrong_with_what_simulate_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dialect: str
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    options = Options(listen_port=0, dialect=dialect, services=130, carriers=140, resources=150)
    async with Simulator(options) as simulator:
        file = tmp_path / "config.yaml"
        file.write_text(simulator.configuration("127.0.0.1:0"))
        status, said = await asyncio.to_thread(run, "check", "--config.file", str(file))
    assert "Problem" not in said
    assert status == 0


async def test_t07_a_query_that_is_refused_is_tried_without_it(check: Check) -> None:
    inventory = Inventory(services(620, **{"@type": "Service"}))

    async def answer(request: web.Request) -> web.Response:
        if "@type" in request.query:
            return web.json_response({"code": "404", "reason": "no such type"}, status=404)
        return await inventory.answer(request)

    status, said = await check(answer, services={"query": {"@type": "CustomerFacingService"}})
    assert status == 1
    assert "Found: Without the query @type=CustomerFacingService there are 620 records." in said
    assert "write query: {} for all of them under collections.services" in said


@pytest.mark.parametrize("written", ["tmf-v2", "tmf-v4"])
async def test_t08_a_wrong_dialect_is_named_where_its_parameters_are_refused(
    check: Check, written: str
) -> None:
    record = {"externalId": "S1", "name": "A", "status": "Operational", "serviceType": "VSAT"}

    async def answer(request: web.Request) -> web.Response:
        if "limit" in request.query:
            return web.json_response({"code": "400", "reason": "unknown parameter limit"}, status=400)
        return web.json_response([{**record, "externalId": f"S{number}"} for number in range(9)])

    status, said = await check(answer, written, services={})
    assert status == 1
    assert f"This looks like ses, not {written}." in said
    assert "write dialect: ses under apis.tmf638" in said


@pytest.mark.parametrize("dialect", ["tmf-v2", "tmf-v3", "tmf-v4", "tmf-v5"])
@pytest.mark.parametrize(
    "parts", [{}, {"@type": "Service", "serviceType": "CFS"}, {"relatedParty": [{"name": "N"}]}]
)
async def test_t08_sparse_records_do_not_look_like_another_dialect(
    check: Check, dialect: str, parts: Json
) -> None:
    status, said = await check(Inventory(services(30, **parts)).answer, dialect)
    assert (status, said.splitlines()[-1]) == (0, "Everything could be read."), said


async def test_t08_an_empty_list_is_no_good_news(check: Check) -> None:
    status, said = await check(Inventory([]).answer)
    assert status == 1
    assert "Problem: The API lists no services." in said
    assert "leave services out of collections" in said


async def test_t08_all_records_left_out_by_type_is_a_problem(check: Check) -> None:
    inventory = Inventory(services(90, **{"@type": "Service"}))
    status, said = await check(inventory.answer, services={"include_types": ["CustomerFacingService"]})
    assert status == 1
    assert "All 90 records that were read are left out by their type: Service 90" in said


@pytest.mark.parametrize("total", [True, False], ids=["total", "no total"])
@pytest.mark.parametrize(
    ("style", "written"),
    [
        ("offset", {"position_param": "pag"}),
        ("page", {"position_param": "pag", "size_param": "limit"}),
    ],
)
async def test_t17_a_wrong_page_parameter_is_found(
    check: Check, total: bool, style: str, written: Json
) -> None:
    records = services(300)

    async def answer(request: web.Request) -> web.Response:
        size = int(request.query.get("limit", 100))
        start = (int(request.query.get("page", 1)) - 1) * size + int(request.query.get("offset", 0))
        headers = {"X-Total-Count": "300"} if total else {}
        return web.json_response(records[start : start + size], headers=headers)

    paging = {"style": style, **written}
    status, said = await check(answer, services={"paging": paging})
    assert status == 1
    assert "the API ignores pag" in said
    assert "collections.services.paging.position_param is pag: write the parameter" in said
    right = {"style": style, "size_param": "limit", "position_param": "page" if style == "page" else "offset"}
    status, said = await check(answer, services={"paging": right})
    assert status == 0, said


async def test_t17_with_pages_smaller_than_asked_and_with_a_cursor(check: Check) -> None:
    records = services(90)

    async def clamped(request: web.Request) -> web.Response:
        start = int(request.query.get("offset", 0))
        return web.json_response(records[start : start + 25], headers={"X-Total-Count": "90"})

    status, said = await check(clamped, services={"paging": {"position_param": "pag"}})
    assert status == 1 and "the API ignores pag" in said

    async def by_cursor(request: web.Request) -> web.Response:
        start = int(request.query.get("after", 0))
        headers = {"Link": f'</services?after={start + 25}>; rel="next"'} if start < 75 else {}
        return web.json_response(records[start : start + 25], headers=headers)

    paging = {"style": "cursor", "cursor_param": "after"}
    status, said = await check(by_cursor, services={"paging": paging})
    assert status == 0, said


async def test_t17_two_pages_of_every_query_are_read(check: Check) -> None:
    inventory = Inventory(
        [
            *services(250, **{"@type": "A"}),
            *[{**one, "id": f"B{one['id']}", "@type": "B"} for one in services(250)],
        ],
        obeys=("@type",),
    )
    status, said = await check(inventory.answer, services={"query": [{"@type": "A"}, {"@type": "B"}]})
    assert status == 0, said
    asked = [(one["@type"], one.get("offset")) for one in inventory.asked if one.get("@type") in ("A", "B")]
    last = "249"  # of those that are announced
    assert asked == [(kind, start) for kind in "AB" for start in ("0", "100", last)]
    assert "400 records on the first pages of 2 queries" in said


async def test_t18_the_meaning_of_a_status_is_that_of_all_its_records(check: Check) -> None:
    running = services(67, operatingStatus="running")
    others = [{**one, "id": f"X{one['id']}", "operatingStatus": "stopped"} for one in services(50)]
    failed = [{**one, "id": f"Y{one['id']}", "operatingStatus": "failed"} for one in services(39)]
    quiet = [{**one, "id": f"Z{one['id']}", "state": "designed"} for one in services(4)]
    status, said = await check(Inventory([*running, *others, *failed, *quiet]).answer, "tmf-v5")
    assert status == 0, said
    (line,) = [line for line in said.splitlines() if line.startswith("│ active")]
    _, word, count, means, _ = [cell.strip() for cell in line.split("│")]
    assert (word, count) == ("active", "156")
    because = "because operatingStatus is stopped (50) or failed (39)"
    assert means == f"67 operational; 89 down, {because}"
    assert re.search(r"│ designed +│ 4 +│ planned +│", said)


def whole_table(records: Sequence[Json], key: str) -> Answer:
    """A server that obeys the filter by `key` and announces the whole table all the same."""

    async def answer(request: web.Request) -> web.Response:
        wanted = request.query.get(key)
        found = [one for one in records if wanted in (None, one[key])]
        start, size = int(request.query.get("offset", 0)), int(request.query.get("limit", 100))
        return web.json_response(found[start : start + size], headers={"X-Total-Count": str(len(records))})

    return answer


@pytest.mark.parametrize("carriers", [40, 450])
async def test_t09_a_total_of_the_whole_table_is_told_from_one_of_the_list(
    check: Check, carriers: int
) -> None:
    records = [
        service(number, **{"@type": "Carrier" if number < carriers else "Service"}) for number in range(620)
    ]
    answer = whole_table(records, "@type")
    status, said = await check(answer, carriers={"query": {"@type": "Carrier"}})
    assert status == 1
    assert "X-Total-Count announces 620 records with @type=Carrier and without it, although" in said
    assert 'paging: {total_header: ""} under collections.carriers' in said and "include_types" in said
    for mended in ({"paging": {"total_header": ""}}, {"query": {}, "include_types": ["Carrier"]}):
        status, said = await check(answer, carriers={"query": {"@type": "Carrier"}, **mended})
        assert status == 0, said


async def test_t09_where_every_record_fits_the_query_the_total_is_right(check: Check) -> None:
    inventory = Inventory(services(250, **{"@type": "Carrier"}), obeys=("@type",))
    status, said = await check(inventory.answer, carriers={"query": {"@type": "Carrier"}})
    assert status == 0, said


@pytest.mark.parametrize("kind", ["Service", None], ids=["Service", "no @type"])
async def test_t06_check_says_that_the_api_ignores_the_type(check: Check, kind: str | None) -> None:
    records = services(120, **({"@type": kind} if kind else {}))
    status, said = await check(Inventory(records).answer, carriers={"query": {"@type": "Carrier"}})
    assert status == 1
    assert "Problem: The API ignores @type=Carrier" in said
    assert "include_types: [Carrier] under collections.carriers" in said


async def test_t06_check_believes_a_type_that_is_obeyed_and_not_shown(check: Check) -> None:
    records = services(60)

    async def answer(request: web.Request) -> web.Response:
        found = {None: records, "Carrier": records[:20]}.get(request.query.get("@type"), [])
        return web.json_response(found, headers={"X-Total-Count": str(len(found))})

    status, said = await check(answer, carriers={"query": {"@type": "Carrier"}})
    assert status == 0, said
    assert "Note: Cannot verify that the API applies @type=Carrier: no record shows it." in said


async def test_o15_what_is_left_out_by_type_is_shown_where_the_numbers_are(check: Check) -> None:
    records = [service(number, **{"@type": "Card" if number % 3 else "Modem"}) for number in range(90)]
    status, said = await check(Inventory(records).answer, services={"exclude_types": ["Card"]})
    assert status == 0, said
    assert said.splitlines()[2].startswith("30 records on the first page; the API reports a total of 90.")
    assert "60 more of types that the settings leave out: Card 60. They are received and not stored" in said
    assert "(collections.services.exclude_types)" in said
