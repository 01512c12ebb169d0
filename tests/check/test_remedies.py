"""The settings that `check` prints, merged into the file, make `once` complete."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from aiohttp import web

from exporter.simulator.server import Options, Simulator
from tests.check.running import run, services, sole
from tests.outside.serving import Answer, serving
from tests.outside.test_what_is_listed import Inventory, service

Json = dict[str, Any]


def merged(below: Any, above: Any) -> Any:
    """Two YAML documents as `check` says that they are merged: mappings key by key, other values replaced."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {**below, **{key: merged(below.get(key), value) for key, value in above.items()}}


def proposed(said: str) -> Json:
    """The settings at the end of what `check` printed."""
    found = yaml.safe_load(said[said.index("# These settings solve this.") :])
    assert isinstance(found, dict)
    return found


async def mended(folder: Path, config: Json) -> tuple[str, Json, str]:
    """What `check` says of a configuration, the settings it proposes, and what `once` then prints."""
    file = folder / "inventory.yaml"
    file.write_text(yaml.safe_dump(config))
    status, said = await asyncio.to_thread(run, "check", "--config.file", str(file))
    assert status == 1, said
    fragment = proposed(said)
    file.write_text(yaml.safe_dump(merged(config, fragment)))
    status, text = await asyncio.to_thread(run, "once", "--config.file", str(file))
    assert status == 0, f"{said}\n{text}"
    return said, fragment, text


def count_of(text: str, collection: str = "services") -> int:
    (line,) = [one for one in text.splitlines() if f'exporter_records{{collection="{collection}"}}' in one]
    return int(float(line.split()[-1]))


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


@pytest.mark.parametrize(("spoken", "written"), [("ses", "tmf-v4"), ("tmf-v4", "ses"), ("ses", "tmf-v2")])
async def test_a_wrong_dialect(tmp_path: Path, spoken: str, written: str) -> None:
    options = Options(listen_port=0, dialect=spoken, services=90, carriers=120, resources=110)
    async with Simulator(options) as simulator:
        config = yaml.safe_load(simulator.configuration("127.0.0.1:0"))
        for api in config["apis"].values():
            api["dialect"] = written
        if spoken == "ses":
            del config["collections"]
        _, fragment, text = await mended(tmp_path, config)
    assert fragment["apis"] == {"tmf638": {"dialect": spoken}, "tmf639": {"dialect": spoken}}
    assert count_of(text, "carriers") == 120


PAGED: Mapping[str, Callable[[Mapping[str, str], Sequence[Json]], Sequence[Json]]] = {
    "start": lambda query, all_of_them: all_of_them[int(query.get("start", 0)) :],
    "pageNumber": lambda query, all_of_them: all_of_them[100 * int(query.get("pageNumber", 0)) :],
    "page": lambda query, all_of_them: all_of_them[100 * (max(1, int(query.get("page", 1))) - 1) :],
}


@pytest.mark.parametrize("total", ["total", "no total"])
@pytest.mark.parametrize("name", PAGED)
async def test_a_wrong_page_parameter(tmp_path: Path, name: str, total: str) -> None:
    records = services(250)

    async def answer(request: web.Request) -> web.Response:
        headers = {"X-Total-Count": "250"} if total == "total" else {}
        return web.json_response(list(PAGED[name](request.query, records))[:100], headers=headers)

    async with serving(answer) as url:
        _, fragment, text = await mended(tmp_path, sole(url, paging={"position_param": "pag"}))
    assert fragment["collections"]["services"]["paging"]["position_param"] == name
    assert count_of(text) == 250


@pytest.mark.parametrize(
    ("path", "collection"),
    [
        ("/service", {"path": "services"}),
        ("/services", {}),
        ("/tmf-api/serviceInventory/v4/service", {}),
        ("/api/tmf-api/serviceInventory/v5/service", {}),
        ("/tmf638/service", {}),
    ],
)
async def test_a_wrong_path(tmp_path: Path, path: str, collection: Json) -> None:
    inventory = Inventory(services(150))

    async def answer(request: web.Request) -> web.Response:
        if request.path != path:
            return web.json_response({"code": "60", "reason": "Resource not found"}, status=404)
        return await inventory.answer(request)

    async with serving(answer) as url:
        base = f"{url}/api" if path.startswith("/api/") else url
        _, _, text = await mended(tmp_path, sole(base, **collection))
    assert count_of(text) == 150


@pytest.mark.parametrize(
    "base", ["/inventory/service", "/inventory/v1", "/service", "/api/v4/tmf638", "/api/v5/tmf639"]
)
async def test_a_wrong_url(tmp_path: Path, base: str) -> None:
    inventory = Inventory(services(150))

    async def answer(request: web.Request) -> web.Response:
        right = "/inventory/service" if "inventory" in base else "/service"
        if request.path != ("/api/v5/tmf638/service" if "api" in base else right):
            return web.Response(status=404, text="<html>not here</html>", content_type="text/html")
        return await inventory.answer(request)

    async with serving(answer) as url:
        _, fragment, text = await mended(tmp_path, sole(f"{url}{base}"))
    assert count_of(text) == 150
    assert "url" in fragment["apis"]["tmf638"]


async def test_https_of_a_server_that_speaks_http(tmp_path: Path) -> None:
    seen: list[str | None] = []
    inventory = Inventory(services(150))

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return await inventory.answer(request)

    async with serving(answer) as url:
        config = sole(url.replace("http:", "https:"))
        config["apis"]["tmf638"]["basic_auth"] = {"username": "monitor", "password": "not in the clear"}
        file = tmp_path / "inventory.yaml"
        file.write_text(yaml.safe_dump(config))
        status, said = await asyncio.to_thread(run, "check", "--config.file", str(file))
        assert status == 1 and set(seen) == {None}, "credentials were sent without encryption"
        _, fragment, text = await mended(tmp_path, config)
    assert fragment == {"apis": {"tmf638": {"url": url}}}
    assert "without encryption" in said
    assert count_of(text) == 150


async def test_http_of_a_server_that_speaks_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    inventory = Inventory(services(150))
    application = web.Application()
    application.router.add_get("/{path:.*}", inventory.answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        host = f"127.0.0.1:{runner.addresses[0][1]}"
        config = sole(f"http://{host}")
        config["apis"]["tmf638"]["tls_config"] = {"ca_file": "ca.pem"}
        _, fragment, text = await mended(tmp_path, config)
    finally:
        await runner.cleanup()
    assert fragment == {"apis": {"tmf638": {"url": f"https://{host}"}}}
    assert count_of(text) == 150


async def test_a_filter_that_selects_nothing(tmp_path: Path) -> None:
    inventory = Inventory(services(250, **{"@type": "Service"}), obeys=("@type",))
    async with serving(inventory.answer) as url:
        _, fragment, text = await mended(tmp_path, sole(url, query={"@type": "CustomerFacingService"}))
    assert fragment == {"collections": {"services": {"query": [{}]}}}
    assert count_of(text) == 250


async def test_a_total_of_the_whole_table(tmp_path: Path) -> None:
    records = [service(number, **{"@type": "Carrier" if number < 40 else "Service"}) for number in range(620)]

    async def answer(request: web.Request) -> web.Response:
        found = [one for one in records if request.query.get("@type") in (None, one["@type"])]
        start, size = int(request.query.get("offset", 0)), int(request.query.get("limit", 100))
        return web.json_response(found[start : start + size], headers={"X-Total-Count": "620"})

    async with serving(answer) as url:
        _, fragment, text = await mended(tmp_path, sole(url, query={"@type": "Carrier"}))
    assert fragment == {"collections": {"services": {"paging": {"total_header": ""}}}}
    assert count_of(text) == 40


@pytest.mark.parametrize("total", ["total", "no total"])
@pytest.mark.parametrize("first", [0, 1])
async def test_an_offset_that_is_a_page(tmp_path: Path, first: int, total: str) -> None:
    records = services(250)

    async def answer(request: web.Request) -> web.Response:
        number = max(0, int(request.query.get("offset", first)) - first)
        size = int(request.query.get("limit", 100))
        headers = {"X-Total-Count": "250"} if total == "total" else {}
        return web.json_response(records[number * size : (number + 1) * size], headers=headers)

    async with serving(answer) as url:
        _, fragment, text = await mended(tmp_path, sole(url))
    assert fragment["collections"]["services"]["paging"] == {
        "style": "page",
        "position_param": "offset",
        "first": first,
    }
    assert count_of(text) == 250


async def test_ids_in_objects(tmp_path: Path) -> None:
    records = [{**one, "id": {"namespace": "crm", "local": one["id"]}, "code": "A"} for one in services(150)]
    async with serving(Inventory(records).answer) as url:
        _, fragment, text = await mended(tmp_path, sole(url))
    assert fragment == {"collections": {"services": {"fields": {"id": ["id.local"]}}}}
    assert count_of(text) == 150


@pytest.mark.parametrize("most", [50, 10])
async def test_a_limit_refused_with_500(tmp_path: Path, most: int) -> None:
    inventory = Inventory(services(120))

    async def answer(request: web.Request) -> web.Response:
        if int(request.query.get("limit", 10)) > most:
            return web.json_response({"code": "500", "reason": "limit exceeds the maximum"}, status=500)
        return await inventory.answer(request)

    async with serving(answer) as url:
        _, fragment, text = await mended(tmp_path, sole(url))
    assert fragment == {"collections": {"services": {"page_size": most}}}
    assert count_of(text) == 120


@pytest.mark.parametrize("status", [403, 413])
async def test_a_limit_refused_with_another_status(tmp_path: Path, status: int) -> None:
    inventory = Inventory(services(120))

    async def answer(request: web.Request) -> web.Response:
        if int(request.query.get("limit", 10)) > 50:
            return web.json_response({"message": "at most 50 records a page"}, status=status)
        return await inventory.answer(request)

    async with serving(answer) as url:
        if status == 403:
            _, fragment, text = await mended(tmp_path, sole(url))
            assert fragment == {"collections": {"services": {"page_size": 50}}}
        else:
            file = tmp_path / "inventory.yaml"
            file.write_text(yaml.safe_dump(sole(url)))
            _, text = await asyncio.to_thread(run, "once", "--config.file", str(file))
    assert count_of(text) == 120


async def test_any_limit_refused_with_500(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.Response:
        if set(request.query) & {"limit", "offset"}:
            return web.json_response({"code": "500", "reason": "unknown parameter"}, status=500)
        return web.json_response(services(120))

    async with serving(answer) as url:
        _, fragment, text = await mended(tmp_path, sole(url))
    assert fragment == {"collections": {"services": {"paging": {"style": "none"}}}}
    assert count_of(text) == 120


async def test_a_list_whose_positions_count_pages_from_1_is_not_called_complete(tmp_path: Path) -> None:
    records = services(250)

    async def answer(request: web.Request) -> web.Response:
        number = max(0, int(request.query["offset"]) - 1)
        return web.json_response(records[number * 100 : (number + 1) * 100])

    file = tmp_path / "inventory.yaml"
    async with serving(answer) as url:
        file.write_text(yaml.safe_dump(sole(url)))
        status, said = await asyncio.to_thread(run, "once", "--config.file", str(file))
    assert status == 1
    assert "position 1 lists the whole first page again" in said


ENVELOPES: Mapping[str, Callable[[list[Json]], Json]] = {
    "response.body.result.entries": lambda found: {"response": {"body": {"result": {"entries": found}}}},
    "telescopes": lambda found: {"telescopes": found, "antennas": [{"id": "F1"}, {"id": "F2"}]},
}


@pytest.mark.parametrize("place", ENVELOPES)
async def test_a_list_in_an_envelope(tmp_path: Path, place: str) -> None:
    records = services(250)

    async def answer(request: web.Request) -> web.Response:
        start, size = int(request.query.get("offset", 0)), int(request.query.get("limit", 100))
        found = ENVELOPES[place](records[start : start + size])
        return web.json_response(found, headers={"X-Total-Count": "250"})

    async with serving(answer) as url:
        _, fragment, text = await mended(tmp_path, sole(url))
    assert fragment == {"collections": {"services": {"paging": {"records": place}}}}
    assert count_of(text) == 250


@pytest.mark.parametrize("kind", ["link", "cursor"])
async def test_a_next_page_in_a_member(tmp_path: Path, kind: str) -> None:
    records = services(250)

    async def answer(request: web.Request) -> web.Response:
        start = int(request.query.get("marker", 0))
        body: Json = {"items": records[start : start + 100]}
        if start < 200:
            body["paging"] = {
                "next": f"{start + 100}" if kind == "cursor" else f"/service?marker={start + 100}"
            }
        return web.json_response(body)

    async with serving(answer) as url:
        _, fragment, text = await mended(tmp_path, sole(url))
    paging = fragment["collections"]["services"]["paging"]
    assert (paging["style"], paging["next_member"]) == (kind, "paging.next")
    assert count_of(text) == 250


@pytest.mark.parametrize("count", [40, 90])
async def test_a_short_first_page_that_comes_again_may_not_be_all(tmp_path: Path, count: int) -> None:
    records = services(count)

    async def answer(request: web.Request) -> web.Response:
        number = int(request.query.get("page", 1)) - 1
        return web.json_response(records[number * 40 : (number + 1) * 40])

    file = tmp_path / "inventory.yaml"
    async with serving(answer) as url:
        config = sole(url)
        file.write_text(yaml.safe_dump(config))
        if count == 90:
            _, fragment, text = await mended(tmp_path, config)
            assert fragment["collections"]["services"]["paging"]["position_param"] == "page"
            assert count_of(text) == 90
            return
        status, said = await asyncio.to_thread(run, "check", "--config.file", str(file))
    assert status == 0, said
    assert "Note: The second page is the first one again, and there is no total: are 40 records all" in said


RECORDS = services(250)
TYPED = [{**one, "@type": "Carrier" if number % 2 else "Service"} for number, one in enumerate(RECORDS)]


def listing(records: Sequence[Json], start: int) -> web.Response:
    return web.json_response(list(records[start : start + 100]), headers={"X-Total-Count": str(len(records))})


async def from_offset(request: web.Request) -> web.Response:
    return listing(RECORDS, int(request.query.get("offset", 0)))


async def pages_from_0(request: web.Request) -> web.Response:
    return listing(RECORDS, 100 * int(request.query.get("page", 0)))


async def pages_from_1(request: web.Request) -> web.Response:
    return listing(RECORDS, 100 * (max(1, int(request.query.get("page", 1))) - 1))


async def no_position_0(request: web.Request) -> web.Response:
    number = int(request.query.get("offset", 1))
    if number < 1:
        return web.json_response({"code": "400", "reason": "offset must be at least 1"}, status=400)
    return listing(RECORDS, 100 * (number - 1))


async def a_total_of_more_than_may_be_read(request: web.Request) -> web.Response:
    found = RECORDS[:40][int(request.query.get("offset", 0)) :]
    return web.json_response(found, headers={"X-Total-Count": "250"})


async def a_total_of_many_more_pages(request: web.Request) -> web.Response:
    start, size = int(request.query.get("offset", 0)), int(request.query.get("limit", 100))
    return web.json_response(RECORDS[:40][start : start + size], headers={"X-Total-Count": "9500"})


async def ids_in_lists(request: web.Request) -> web.Response:
    records = [{**one, "id": [{"scheme": "crm", "code": one["id"]}]} for one in RECORDS]
    return listing(records, int(request.query.get("offset", 0)))


async def ids_below_members(request: web.Request) -> web.Response:
    records = [{**one, "id": None, "meta": {"uid": one["id"]}} for one in RECORDS]
    return listing(records, int(request.query.get("offset", 0)))


async def positions_from_1(request: web.Request) -> web.Response:
    start = max(1, int(request.query.get("startIndex", 1))) - 1
    return web.json_response({"Resources": RECORDS[start : start + 100], "totalResults": len(RECORDS)})


async def any_type(request: web.Request) -> web.Response:
    return listing(TYPED, int(request.query.get("offset", 0)))


@pytest.mark.parametrize(
    ("answer", "collection", "expected", "count"),
    [
        (pages_from_1, {"paging": {"style": "cursor"}}, {"paging": {"style": "page", "first": 1}}, 250),
        (
            pages_from_0,
            {"paging": {"style": "page", "position_param": "page"}},
            {"paging": {"style": "page", "position_param": "page", "first": 0}},
            250,
        ),
        (
            pages_from_1,
            {"paging": {"style": "page", "position_param": "page", "first": 0}},
            {"paging": {"first": 1}},
            250,
        ),
        (from_offset, {"paging": {"style": "link"}}, {"paging": {"style": "offset"}}, 250),
        (no_position_0, {}, {"paging": {"style": "page", "first": 1}}, 250),
        (a_total_of_more_than_may_be_read, {}, {"paging": {"total_header": ""}}, 40),
        (
            a_total_of_many_more_pages,
            {"page_size": 10},
            {"paging": {"total_header": ""}},
            40,
        ),
        (ids_in_lists, {}, {"fields": {"id": ["id.code"]}}, 250),
        (ids_below_members, {}, {"fields": {"id": ["meta.uid"]}}, 250),
        (
            positions_from_1,
            {},
            {"paging": {"style": "offset", "position_param": "startIndex", "first": 1}},
            250,
        ),
        (any_type, {"query": {"@type": "Carrier"}}, {"include_types": ["Carrier"], "query": [{}]}, 125),
        (any_type, {"include_types": ["Carriers"]}, {"include_types": ["Carrier"]}, 125),
    ],
)
async def test_other_mistakes_of_the_same_kinds(
    tmp_path: Path, answer: Answer, collection: Json, expected: Json, count: int
) -> None:
    async with serving(answer) as url:
        config = sole(url, **collection)
        _, fragment, text = await mended(tmp_path, config)
    assert merged(fragment["collections"]["services"], expected) == fragment["collections"]["services"]
    assert count_of(text) == count


@pytest.mark.parametrize(("count", "rows"), [(60, {7}), (250, {7}), (250, {7, 107})])
async def test_records_that_cannot_be_listed_are_no_reason_to_say_that_a_list_cannot_be_read(
    tmp_path: Path, count: int, rows: set[int]
) -> None:
    async def answer(request: web.Request) -> web.Response:
        start, size = int(request.query.get("offset", 0)), int(request.query.get("limit", 100))
        if not rows.isdisjoint(range(start, start + size)):
            return web.json_response({"code": "500", "reason": "no such row"}, status=500)
        return web.json_response(RECORDS[:count][start : start + size], headers={"X-Total-Count": str(count)})

    file = tmp_path / "inventory.yaml"
    async with serving(answer) as url:
        file.write_text(yaml.safe_dump(sole(url)))
        status, said = await asyncio.to_thread(run, "check", "--config.file", str(file))
    assert status == 0, said
    assert "Note: The API cannot list" in said
    assert said.splitlines()[-1] == "Everything could be read."


@pytest.mark.parametrize("first", [0, 1])
async def test_a_list_by_ranges_is_not_cut_to_what_comes_without_one(tmp_path: Path, first: int) -> None:
    async def answer(request: web.Request) -> web.Response:
        unit, _, asked = request.headers.get("Range", f"items={first}-{first + 19}").partition("=")
        begin, end = map(int, asked.split("-"))
        found = RECORDS[begin - first : end + 1 - first]
        headers = {"Content-Range": f"{unit} {begin}-{begin + len(found) - 1}/250", "X-Total-Count": "250"}
        return web.json_response(found, status=206 if found else 416, headers=headers)

    async with serving(answer) as url:
        _, fragment, text = await mended(tmp_path, sole(url))
    assert fragment["collections"]["services"]["paging"] == {"style": "range", "first": first}
    assert count_of(text) == 250


async def test_no_total_is_given_up_for_a_page_that_comes_again(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(RECORDS[:20], headers={"X-Total-Count": "250"})

    file = tmp_path / "inventory.yaml"
    async with serving(answer) as url:
        file.write_text(yaml.safe_dump(sole(url)))
        status, said = await asyncio.to_thread(run, "check", "--config.file", str(file))
    assert status == 1
    assert "total_header" not in said
