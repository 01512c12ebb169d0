"""Which records a collection has: servers that know other types, ignore filters, or list no types."""

from __future__ import annotations

import contextlib
import io
from collections.abc import AsyncIterator, MutableMapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from structlog.testing import capture_logs

from exporter import app, cli, errors, settings
from exporter.errors import ConfigError
from exporter.paging import fetch
from tests import crawling
from tests.outside.serving import serving

Json = dict[str, Any]
TMF = ("tmf-v2", "tmf-v3", "tmf-v4", "tmf-v5")


def service(number: int, **parts: object) -> Json:
    """A service as TM Forum's specification has it."""
    return {"id": f"S{number}", "name": f"Service {number}", "state": "active", **parts}


class Inventory:
    """A TM Forum inventory that pages by offset and announces its total.

    `obeys` are the parameters that it filters by; all others are ignored.
    """

    def __init__(self, records: Sequence[Json], obeys: Sequence[str] = ()) -> None:
        self.records, self.obeys = records, obeys
        self.asked: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        self.asked.append(query)
        wanted = {key: value for key, value in query.items() if key in self.obeys}
        found = [one for one in self.records if all(one.get(key) == value for key, value in wanted.items())]
        start, size = int(query.get("offset", 0)), int(query.get("limit", 100))
        return web.json_response(found[start : start + size], headers={"X-Total-Count": str(len(found))})


def configured(folder: Path, url: str, dialect: str = "tmf-v4", **collections: object) -> Path:
    """The README's two lines, and `collections` if any are given."""
    config: Json = {"apis": {"tmf638": {"url": url, "dialect": dialect}}}
    file = folder / "inventory.yaml"
    file.write_text(yaml.safe_dump({**config, **({"collections": collections} if collections else {})}))
    return file


@asynccontextmanager
async def crawled(file: Path) -> AsyncIterator[app.Runtime]:
    """An exporter after its first crawl."""
    async with app.built(settings.load(file, {})) as house:
        for poller in house.pollers:
            await poller.refresh()
        yield house


def run(*arguments: str) -> tuple[int, str]:
    """The exit status of a command and all that it prints."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = cli.main(arguments)
    return status, said.getvalue()


@pytest.mark.parametrize("dialect", TMF)
@pytest.mark.parametrize("obeys", [("@type",), ()], ids=["obeys @type", "ignores @type"])
@pytest.mark.parametrize("kind", [{"@type": "Service"}, {}], ids=["Service", "no @type"])
async def test_t07_url_and_dialect_read_all_services_and_no_carriers(
    tmp_path: Path, dialect: str, obeys: Sequence[str], kind: Json
) -> None:
    inventory = Inventory([service(number, **kind) for number in range(120)], obeys)
    async with serving(inventory.answer) as url, crawled(configured(tmp_path, url, dialect)) as house:
        text = crawling.text(house)
    assert 'ses_inventory_exporter_records{collection="services"} 120' in text
    assert text.count("\nses_inventory_service_info{") == 120
    assert "ses_inventory_carrier" not in text
    assert 'collection="carriers"' not in text
    assert not any("@type" in query for query in inventory.asked)


@pytest.mark.parametrize("dialect", [*TMF, "servicenow"])
def test_t06_carriers_that_nothing_selects_are_refused_with_what_to_write(
    tmp_path: Path, dialect: str
) -> None:
    for block in ({}, None, {"refresh_interval": "1m", "path": "service"}):
        file = configured(tmp_path, "http://127.0.0.1:1", dialect, carriers=block)
        with pytest.raises(
            ConfigError, match=r'collections\.carriers: nothing .* \(write a query, as {"@type'
        ):
            settings.load(file, {})
    for chosen in (
        {"query": {"@type": "Link"}},
        {"query": {}},
        {"include_types": ["Link"]},
        {"path": "beam"},
    ):
        file = configured(tmp_path, "http://127.0.0.1:1", dialect, carriers=chosen)
        assert [one.collection for one in settings.load(file, {}).targets()] == ["carriers"]


async def test_t06_carriers_by_type_of_a_server_that_ignores_the_query(tmp_path: Path) -> None:
    records = [service(number, **{"@type": "Carrier" if number % 3 else "Service"}) for number in range(90)]
    inventory = Inventory(records)
    file_of = {"services": {"exclude_types": ["Carrier"]}, "carriers": {"include_types": ["Carrier"]}}
    async with serving(inventory.answer) as url, crawled(configured(tmp_path, url, **file_of)) as house:
        text = crawling.text(house)
    assert 'ses_inventory_exporter_records{collection="services"} 30' in text
    assert 'ses_inventory_exporter_records{collection="carriers"} 60' in text
    assert 'ses_inventory_exporter_complete{collection="carriers"} 1' in text


@pytest.mark.parametrize(
    "shown", [{"@type": "Service"}, {"type": "Service", "@type": "svc"}, {"@Type": "Service"}]
)
async def test_t06_services_of_a_server_that_ignores_the_type_are_no_carriers(
    tmp_path: Path, shown: Json
) -> None:
    records = [service(number, **shown) for number in range(120)]
    async with serving(Inventory(records).answer) as url:
        file = configured(tmp_path, url, services={}, carriers={"query": {"@type": "Carrier"}})
        async with crawled(file) as house:
            text, recorder = crawling.text(house), crawling.poller(house, "carriers").recorder
    assert 'ses_inventory_exporter_records{collection="services"} 120' in text
    assert 'ses_inventory_exporter_records{collection="carriers"} 0' in text
    assert "ses_inventory_carrier_info{" not in text
    assert 'ses_inventory_exporter_up{collection="carriers"} 1' in text
    assert 'ses_inventory_exporter_complete{collection="carriers"} 0' in text
    rejected = (
        'ses_inventory_exporter_records_rejected_total{collection="carriers",reason="filter_ignored"} 120'
    )
    assert rejected in text
    assert "the API ignores @type=Carrier (120 records)" in recorder.problem


async def test_t06_carriers_are_published_and_services_beside_them_are_not(tmp_path: Path) -> None:
    records = [service(number, **{"@type": "Service" if number % 3 else "carrier"}) for number in range(120)]
    inventory = Inventory(records)
    async with serving(inventory.answer) as url:
        file = configured(tmp_path, url, carriers={"query": [{"@type": "Carrier"}, {"@type": "Link"}]})
        async with crawled(file) as house:
            (poller,) = house.pollers
            for _ in range(3):
                await poller.refresh("full")
                text = crawling.text(house)
                assert 'ses_inventory_exporter_records{collection="carriers"} 40' in text
                assert text.count("\nses_inventory_carrier_info{") == 40
                assert 'ses_inventory_exporter_complete{collection="carriers"} 0' in text
            inventory.obeys = ("@type",)
            inventory.records = [{**one, "@type": one["@type"].title()} for one in records]
            await poller.refresh("full")
            assert 'ses_inventory_exporter_complete{collection="carriers"} 1' in crawling.text(house)
            assert poller.status.records == 40


@pytest.mark.parametrize(
    ("query", "wrong", "right"),
    [
        ({"state": "active"}, {"state": "terminated"}, {"state": "active"}),
        ({"status": "1"}, {"status": 2}, {"status": 1}),
        ({"country": "NO"}, {"country": "SE"}, {"country": "no"}),
        ({"isBundle": "true"}, {"isBundle": False}, {"isBundle": True}),
        ({"category": "RFS,CFS"}, {"category": "other"}, {"category": "cfs"}),
        ({"category.eq": "A"}, {"category": "B"}, {"category": "A"}),
        (
            {"relatedParty.id": "7"},
            {"relatedParty": [{"id": "8"}, {"id": "9"}]},
            {"relatedParty": [{"id": "8"}, {"id": 7}]},
        ),
        (
            {"serviceSpecification.id": "vsat"},
            {"serviceSpecification": {"id": "tv"}},
            {"serviceSpecification": {"id": "vsat"}},
        ),
    ],
)
async def test_t06_other_filters_that_are_ignored_are_found_too(
    tmp_path: Path, query: Json, wrong: Json, right: Json
) -> None:
    records = [service(number, **(wrong if number < 30 else right)) for number in range(100)]
    async with serving(Inventory(records).answer) as url:
        async with crawled(configured(tmp_path, url, services={"query": query})) as house:
            (poller,) = house.pollers
    assert (poller.status.records, poller.status.complete) == (70, False)
    assert "the API ignores" in poller.recorder.problem and "(30 records)" in poller.recorder.problem


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"@type": "LogicalResource"}, {"@type": "Beam", "@baseType": "LogicalResource"}),
        ({"@type": "Carrier"}, {"@type": "#/definitions/Carrier"}),
        ({"status": "1"}, {"status": "Operational"}),
        ({"state": "current"}, {"state": "In Use"}),
        ({"@type": "Resource"}, {"@type": "Router"}),
        ({"name": "Serv*"}, {}),
        ({"lastUpdate": "2026-11-30"}, {"lastUpdate": "2026-11-30T10:00:00Z"}),
        ({"fields": "id,name", "sort": "-name"}, {"fields": "x", "sort": "y"}),
        ({"hidden": "yes"}, {}),
        ({"priority.gt": "3"}, {"priority": 7}),
        ({"relatedParty.id": "7"}, {"relatedParty": "N"}),
        ({"relatedParty.id": "7"}, {"relatedParty": [{"id": "customer-7"}]}),
        ({"relatedParty.name": "Ocean"}, {"relatedParty": [{"id": "8"}]}),
    ],
)
async def test_t06_a_query_that_is_obeyed_is_believed_whatever_the_records_show(
    tmp_path: Path, query: Json, shown: Json
) -> None:
    records = [service(number, **shown) for number in range(100)]

    async def answer(request: web.Request) -> web.Response:
        obeyed = all(request.query.get(key) == value for key, value in query.items())
        return await Inventory(records if obeyed else []).answer(request)

    async with serving(answer) as url:
        async with crawled(configured(tmp_path, url, services={"query": query})) as house:
            (poller,) = house.pollers
    assert (poller.status.records, poller.status.complete) == (100, True), poller.recorder.problem


async def test_t06_an_api_that_fails_when_asked_about_a_filter_is_not_believed(tmp_path: Path) -> None:
    records = [service(number, **{"@type": "Service" if number % 3 else "Carrier"}) for number in range(120)]

    async def answer(request: web.Request) -> web.Response:
        if request.query["@type"] != "Carrier":
            return web.Response(status=500)
        return await Inventory(records).answer(request)

    async with serving(answer) as url:
        file = configured(tmp_path, url, carriers={"query": {"@type": "Carrier"}})
        async with crawled(file) as house:
            (poller,) = house.pollers
    assert (poller.status.records, poller.status.complete) == (40, False)
    assert "did not answer when asked about it" in poller.recorder.problem


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (errors.Refused("400", status=400), "applied"),
        (errors.Refused("404", status=404, reason="not_found"), "applied"),
        (errors.Refused("401", status=401, reason="auth"), "unknown"),
        (errors.Broken("500", status=500), "unknown"),
        (errors.Throttled("429", wait=None), "unknown"),
        (errors.Malformed("an error", reason="error_object"), "unknown"),
        (errors.Unreachable("reset", reason="reset"), "unknown"),
    ],
)
def test_a_failure_says_nothing_of_a_filter_and_a_refused_value_does(
    error: errors.SourceError, found: str
) -> None:
    assert fetch.classify(error) == found


@pytest.mark.parametrize("dialect", ["ses"])
async def test_t06_services_do_not_become_carriers_of_ses(tmp_path: Path, dialect: str) -> None:
    records = [
        {"externalId": f"S{number}", "name": "A", "@type": kind, "status": "Operational"}
        for number in range(60)
        for kind in ("service" if number % 2 else "element",)
    ]

    async def answer(request: web.Request) -> web.Response:
        start = (int(request.query.get("page", 1)) - 1) * 40
        headers = {"X-Total-Count": str(len(records))}
        return web.json_response(records[start : start + 40], headers=headers)

    async with serving(answer) as url, crawled(configured(tmp_path, url, dialect)) as house:
        status = {poller.target.collection: poller.status for poller in house.pollers}
    assert (status["services"].records, status["services"].complete) == (30, True)
    assert (status["carriers"].records, status["carriers"].complete) == (30, False)
    assert "the API ignores @type=element (30 records)" in status["carriers"].last_error


def log_of(lines: Sequence[MutableMapping[str, Any]], collection: str) -> list[tuple[str, str]]:
    return [(line["log_level"], line["event"]) for line in lines if line.get("collection") == collection]


async def test_t08_a_first_crawl_that_finds_nothing_is_a_warning(tmp_path: Path) -> None:
    inventory = Inventory([service(1)], obeys=("@type",))
    async with serving(inventory.answer) as url:
        file = configured(tmp_path, url, services={}, carriers={"query": {"@type": "Carrier"}})
        with capture_logs() as lines:
            async with crawled(file):
                pass
    assert log_of(lines, "services") == [("info", "initial crawl complete")]
    assert ("warning", "collection empty") in log_of(lines, "carriers")
    (line,) = [line for line in lines if line["log_level"] == "warning"]
    assert "check" in line["hint"]
