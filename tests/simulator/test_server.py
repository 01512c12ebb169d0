"""The simulator over a real socket: every dialect, the password, every fault, and change."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
from collections import Counter
from dataclasses import replace

import aiohttp
import pytest
import yaml

from exporter.simulator.dialect import DIALECTS
from exporter.simulator.fault import FAULTS
from exporter.simulator.record import DOWN, RETIRED, SEGMENT
from exporter.simulator.server import Options, Simulator
from tests.simulator.client import Json, credentials, url
from tests.simulator.conftest import SMALL, Run

each_dialect = pytest.mark.parametrize("dialect", DIALECTS)
EXTRA = ("BandwidthSegment", "Slot", "Card", "Port")


def code_of(record: Json) -> str:
    return str(record.get("externalId", record["id"]))


@each_dialect
async def test_a_walk_gives_each_record_once_and_as_many_as_asked_for(run: Run, dialect: str) -> None:
    client = await run(dialect=dialect)
    for size in (7, 100):
        services, carriers, resources = [
            [code_of(one) for one in await client.walk(name, size)]
            for name in ("services", "carriers", "resources")
        ]
        assert (len(services), len(set(services))) == (45, 45)
        assert (len(carriers), len(set(carriers))) == (60, 60)
        assert len(set(resources)) == len(resources)
    kept = [one for one in await client.walk("resources") if one["@type"] not in EXTRA]
    assert len(kept) == 90


@each_dialect
async def test_past_the_end_there_is_an_empty_list(run: Run, dialect: str) -> None:
    client = await run(dialect=dialect, services=3)
    position = client.simulator.dialect.paging.position_param
    assert await client.page("services", **{position: "50"}) == []
    assert client.statuses == [200]


async def test_tmf_announces_totals_and_answers_206_while_more_follows(run: Run) -> None:
    client = await run(dialect="tmf-v4")
    await client.walk("services", 20)
    assert client.statuses == [206, 206, 200, 200]
    counts = [(one["X-Total-Count"], one["X-Result-Count"]) for one in client.headers]
    assert counts == [("45", "20"), ("45", "20"), ("45", "5"), ("45", "0")]


async def test_ses_announces_nothing_and_gives_forty_unless_asked(run: Run) -> None:
    client = await run()
    assert len(await client.page("carriers")) == 40
    assert len(await client.page("carriers", page="2")) == 20
    assert client.statuses == [200, 200]
    assert not any("Count" in name for name in client.headers[0])
    assert client.headers[0]["Content-Type"] == "application/json;charset=utf-8"


async def test_nonsense_in_the_query_is_a_400_that_says_what_to_ask(run: Run) -> None:
    client = await run()
    response = await client.ask("carriers", recordsPerPage="5000")
    assert response.status == 400
    assert "from 1 to 1000" in (await response.json())["error"]["message"]


@pytest.mark.parametrize("headers", [{}, credentials("monitor", "wrong"), {"Authorization": "Bearer é"}])
async def test_without_the_password_there_is_a_401_and_nothing_else(
    run: Run, headers: dict[str, str]
) -> None:
    client = await run()
    async with (
        aiohttp.ClientSession() as session,
        session.get(url(client.simulator, "carriers"), headers=headers) as response,
    ):
        assert response.status == 401
        assert response.headers["WWW-Authenticate"] == 'Basic realm="inventory"'
        assert "CAR" not in await response.text()


async def test_other_credentials_can_be_chosen(run: Run) -> None:
    client = await run(username="someone", password="pässword")
    assert (await client.ask("carriers")).status == 401
    async with (
        aiohttp.ClientSession() as session,
        session.get(
            url(client.simulator, "carriers"), headers=credentials("someone", "pässword")
        ) as response,
    ):
        assert response.status == 200


async def test_requests_are_counted_whatever_came_of_them(run: Run) -> None:
    client = await run(faults=("500:times=1",))
    for _ in range(3):
        await client.ask("carriers")
    assert client.simulator.requests == 3


@each_dialect
async def test_a_record_can_be_had_by_its_code_from_the_api_it_belongs_to(run: Run, dialect: str) -> None:
    client = await run(dialect=dialect)
    services, resources = url(client.simulator, "services"), url(client.simulator, "resources")
    client.simulator.fleet.set_status("SVC0000002", RETIRED, time.time())
    expected = {
        f"{services}/CAR0000001": 200,
        f"{resources}/RES0000001": 200,
        f"{resources}/CAR0000001": 404,
        f"{services}/CAR9999999": 404,
        f"{services}/SVC0000002": 404 if client.simulator.dialect.hidden else 200,
    }
    for where, status in expected.items():
        assert (await client.ask_raw(where, {})).status == status


async def test_what_changes_is_seen_at_once_and_in_the_delta(run: Run) -> None:
    client = await run()
    before = {code_of(one) for one in await client.walk("carriers", updatedDaysAgo="0")}
    quiet = next(one for one in await client.walk("carriers") if code_of(one) not in before)
    assert quiet["status"] in ("Operational", "Non-Operational", "Degraded", "In Maintenance")
    client.simulator.fleet.set_status(code_of(quiet), DOWN, time.time())
    after = {code_of(one): one for one in await client.walk("carriers", updatedDaysAgo="0")}
    assert after.keys() - before == {code_of(quiet)}
    assert after[code_of(quiet)]["status"] == "Non-Operational"


async def test_what_is_removed_is_gone_and_nobody_refers_to_it(run: Run) -> None:
    client = await run()
    await client.walk("carriers")
    client.simulator.fleet.remove("CAR0000002")
    for name in ("services", "carriers"):
        assert "CAR0000002" not in json.dumps(await client.walk(name))


async def test_the_world_changes_at_the_rate_asked_for(run: Run) -> None:
    client = await run(change_rate=1e6)
    await client.ask("carriers")
    assert client.simulator.fleet.version > 0


async def test_each_answer_takes_its_latency(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await run(latency=2.5)
    waits, sleep = [], asyncio.sleep

    async def note(seconds: float) -> None:
        waits.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", note)
    await client.ask("carriers")
    await client.ask("services")
    assert waits == [2.5, 2.5]


async def test_segments_that_are_retired_are_listed_without_the_filter_only(run: Run) -> None:
    client = await run()
    where = url(client.simulator, "resources")
    found = {}
    for query in ({}, {"status": "1"}):
        response = await client.ask_raw(where, {**query, "@type": SEGMENT, "recordsPerPage": "1000"})
        found[len(query)] = Counter(one["status"] for one in await response.json())
    assert found == {0: {"Operational": 60, "Retired": 2}, 1: {"Operational": 60}}


@pytest.mark.parametrize("name", FAULTS)
@each_dialect
async def test_every_fault_can_be_had_over_http(run: Run, dialect: str, name: str) -> None:
    client = await run(dialect=dialect, faults=(f"{name}:share=1,collection=carriers",))
    response = await client.ask("carriers")
    body = await response.read()
    sound = await run(dialect=dialect)
    healthy = await sound.ask("carriers")
    assert (response.status, body) != (healthy.status, await healthy.read())
    assert int(response.headers["Content-Length"]) == len(body)
    assert (await client.ask("services")).status == (await sound.ask("services")).status


async def test_a_page_that_fails_twice_can_be_had_at_the_third_try(run: Run) -> None:
    client = await run(faults=("504:collection=carriers,pages=2,times=2",))
    for page in ("1", "2", "2", "2"):
        await client.ask("carriers", page=page)
    assert client.statuses == [200, 504, 504, 200]


async def test_duplicates_come_within_and_between_pages(run: Run) -> None:
    client = await run(faults=("duplicates:share=0.5",), carriers=400)
    codes = Counter(code_of(one) for one in await client.walk("carriers", 40))
    assert len(codes) == 400
    assert set(codes.values()) == {1, 2}


def test_what_makes_no_sense_is_refused_before_anything_is_built() -> None:
    for changes, message in (
        ({"dialect": "klingon"}, "use one of ses, tmf-v2, tmf-v3, tmf-v4, tmf-v5, servicenow"),
        ({"services": -1}, "services is -1; use 0 to 1,000,000"),
        ({"latency": -0.5}, "latency is -0.5"),
        ({"faults": ("503",)}, "there is no fault '503'"),
        ({"quirks": ("clam",)}, "did you mean 'clamp'"),
    ):
        with pytest.raises(ValueError, match=message):
            Simulator(replace(SMALL, **changes))


async def test_a_port_in_use_is_an_error_at_once_and_stopping_twice_is_none() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        simulator = Simulator(replace(SMALL, listen_port=taken.getsockname()[1]))
        with pytest.raises(OSError, match="address already in use"):
            await simulator.start()
    await simulator.start()
    await simulator.stop()
    await simulator.stop()


@pytest.mark.parametrize(
    ("host", "shown"), [("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("demo.local", "demo.local")]
)
def test_urls_can_be_opened_whatever_is_listened_on(host: str, shown: str) -> None:
    simulator = Simulator(Options(listen_host=host, services=0, carriers=0, resources=0))
    assert simulator.url638 == f"http://{shown}:10680/gstm/dataminer/tmf/api/v1/tmf638"
    assert simulator.url639 == f"http://{shown}:10680/gstm/dataminer/tmf/api/v1/tmf639"


@each_dialect
async def test_the_configuration_names_what_is_really_there(run: Run, dialect: str) -> None:
    client = await run(dialect=dialect)
    text = client.simulator.configuration("127.0.0.1:10700")
    assert text.startswith("# ")
    content = yaml.safe_load(text)
    assert content["web"] == {"listen_address": "127.0.0.1:10700"}
    for name, size in (("services", 45), ("carriers", 60), ("resources", 90)):
        wanted = content["collections"][name]
        api = content["apis"][wanted["api"]]
        assert api["dialect"] == dialect
        assert api["basic_auth"] == {"username": "monitor", "password": "simulator"}
        assert (wanted["refresh_interval"], wanted["full_refresh_interval"]) == ("30s", "5m")
        size_param = client.simulator.dialect.paging.size_param
        queries = wanted.get("query", {})
        records: list[Json] = []
        for query in queries if isinstance(queries, list) else [queries]:
            asked = {**query, size_param: "1000"}
            records += await (await client.ask_raw(f"{api['url']}/{wanted['path']}", asked)).json()
        kept = [one for one in records if one["@type"] not in wanted.get("exclude_types", ())]
        assert len(kept) == size


@pytest.mark.parametrize("sizes", [(0, 0, 0), (1, 1, 1), (0, 5, 0), (7, 0, 3)])
@each_dialect
async def test_tiny_inventories_are_served_too(run: Run, dialect: str, sizes: tuple[int, int, int]) -> None:
    services, carriers, resources = sizes
    client = await run(dialect=dialect, services=services, carriers=carriers, resources=resources)
    assert len(await client.walk("services")) == services
    assert len(await client.walk("carriers")) == carriers
    known = {
        code_of(one) for name in ("services", "carriers", "resources") for one in await client.walk(name)
    }
    shown = json.dumps([await client.walk(name) for name in ("services", "carriers")])
    installed = set(re.findall(r'"((?:SVC|CAR|RES)\d{7})"', shown)) - known
    unlisted = [client.simulator.fleet.find(code) for code in installed]
    assert all(one.status == RETIRED or one.type in EXTRA for one in unlisted)
