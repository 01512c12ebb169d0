"""What `check` says of the first pages."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from exporter import app, check
from exporter.check import inspect
from exporter.client import Client, Page
from exporter.simulator.server import Simulator
from exporter.telemetry import Telemetry
from tests import crawling

COLLECTIONS = ("services", "carriers", "resources")

ONE = {
    "externalId": "CAR1",
    "name": "A carrier",
    "@type": "element",
    "status": "Sunny",
    "lastUpdate": "2026-01-02T03:04:05Z",
    "serviceCharacteristic": [
        {"name": "rainFade", "value": "3 dB"},
        {"name": "uplinkAlias", "value": "UL"},
        7,
    ],
}


async def explained(
    tmp_path: Path, body: bytes, headers: dict[str, str] | None = None
) -> tuple[inspect.Report, str]:
    async with crawling.house(tmp_path) as (_, built):
        target = crawling.poller(built, "carriers").target
        report = inspect.explain([Page((), 200, headers or {}, body, 0.1, "http://api")], target)
        return report, printed(report, built, "carriers", 160)


def printed(report: inspect.Report, built: app.Runtime, collection: str, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    check.show(report, crawling.poller(built, collection).target, console)
    return console.file.getvalue()


async def looked(simulator: Simulator, folder: Path, built: app.Runtime, collection: str) -> inspect.Report:
    target = crawling.poller(built, collection).target
    limits = crawling.configured(simulator, folder).limits
    async with Client(target.api, target.http, limits, Telemetry()) as client:
        return await check.look(target, client)


async def test_an_unknown_word_is_named_with_what_to_do(tmp_path: Path) -> None:
    report, said = await explained(tmp_path, json.dumps([ONE]).encode())
    assert report.meanings == {"Sunny": (1, "unknown: set its condition under `statuses`")}
    assert "unknown: set its condition under `statuses`" in said
    words = "down, degraded, maintenance, operational, planned, retired, unknown"
    assert f"Conditions for collections.carriers.statuses: {words}" in " ".join(said.split())
    assert "2026-01-02 03:04:05 UTC" in said
    assert "gateway" in said and "0 of 1" in said


async def test_a_word_of_neither_meaning_and_one_that_is_missing_are_told_apart(tmp_path: Path) -> None:
    unknown, none = {**ONE, "status": "Unknown"}, {**ONE, "externalId": "CAR2", "status": None}
    report, said = await explained(tmp_path, json.dumps([unknown, none]).encode())
    assert report.meanings == {"Unknown": (1, "unknown"), "": (1, "unknown")}
    assert "(none)" in said
    assert "Conditions for" not in said


async def test_characteristics_that_are_not_shown_are_listed(tmp_path: Path) -> None:
    _, said = await explained(tmp_path, json.dumps([ONE]).encode())
    assert "collections.carriers.characteristics" in said
    assert "rainFade" in said.split("Characteristics")[1]
    shown = {**ONE, "serviceCharacteristic": [{"name": "uplinkAlias", "value": "UL"}]}
    _, said = await explained(tmp_path, json.dumps([shown]).encode())
    assert "all 1 are exported" in said


async def test_an_announced_total_gives_an_estimate(tmp_path: Path) -> None:
    report, said = await explained(tmp_path, json.dumps([ONE]).encode(), {"X-Total-Count": "5000"})
    assert report.total == 5000
    assert report.signals == {"X-Total-Count": "5000"}
    assert "series for the 5,000 announced" in said
    assert "requests an hour" in said
    assert report.estimate.full >= 12 * 5000, "an API that gives one record a page is asked once for each"


async def test_rejects_and_excluded_types_are_told(tmp_path: Path) -> None:
    async with crawling.house(tmp_path, {"collections.carriers.exclude_types": ["spare"]}) as (_, built):
        target = crawling.poller(built, "carriers").target
        body = json.dumps([ONE, {"name": "no id"}, {**ONE, "externalId": "X", "@type": "spare"}]).encode()
        report = inspect.explain([Page((), 200, {}, body, 0.1, "http://api")], target)
        said = printed(report, built, "carriers", 160)
    assert (report.records, report.skipped, report.rejects) == (1, 1, {"missing_id": 1})
    assert "1 record cannot be stored: missing_id" in said
    assert "1 more of types that the settings leave out" in said
    assert said.startswith("1 record on the first page; the API reports no total count; completeness is")


async def test_an_empty_first_page_is_no_reason_to_be_silent(tmp_path: Path) -> None:
    _, said = await explained(tmp_path, b"[]")
    assert "Check the query." in said


async def test_a_page_in_another_dialect_is_recognised(tmp_path: Path) -> None:
    record = {
        "id": "S1",
        "state": "active",
        "operatingStatus": "running",
        "serviceType": "VSAT",
        "serviceSpecification": {"id": "1", "name": "Spec"},
        "relatedParty": [{"role": "customer", "partyOrPartyRole": {"id": "C", "name": "Customer"}}],
        "serviceCharacteristic": [{"@type": "StringCharacteristic", "name": "uplinkAlias", "value": "UL"}],
    }
    report, said = await explained(tmp_path, json.dumps([record] * 3).encode())
    assert report.better is not None
    assert f"This looks like {report.better.dialect}, not ses" in said
    assert report.better.dialect.startswith("tmf-v")


async def test_one_record_is_shown_side_by_side_from_path_to_metric(tmp_path: Path) -> None:
    gateway = {"id": "G1", "name": "Perth", "role": "gateway"}
    _, said = await explained(
        tmp_path, json.dumps([{**ONE, "place": [gateway], "usageState": "busy"}]).encode()
    )
    shown = {
        tuple(cell.strip() for cell in line.split("│")[1:3]) for line in said.splitlines() if "│" in line
    }
    assert ("externalId", "ses_inventory_carrier_info{carrier_id}") in shown
    assert ("place[gateway]", "ses_inventory_carrier_info{gateway}") in shown
    assert ("lastUpdate", "ses_inventory_carrier_last_update_timestamp_seconds") in shown
    assert ("status", "ses_inventory_carrier_status{status}") in shown
    assert ("@type", "not exported; for include_types and exclude_types") in shown
    assert ("usageState", 'ses_inventory_carrier_state{dimension="usage"}') in shown


@pytest.mark.parametrize("dialect", ["ses", "tmf-v4", "tmf-v5", "servicenow"])
async def test_every_metric_that_is_named_is_served_of_the_first_record(tmp_path: Path, dialect: str) -> None:
    async with crawling.house(tmp_path, dialect=dialect) as (simulator, built):
        for collection in COLLECTIONS:
            await crawling.poller(built, collection).refresh()
            report = await looked(simulator, tmp_path, built, collection)
            ident = report.sources[0].value
            # of the record itself, or of all records together, as the carriers of a gateway
            mine, others = f'_id="{ident}"', '_id="'
            every = crawling.text(built).splitlines()
            lines = [line for line in every if mine in line or others not in line]
            for source in report.sources:
                for metric in source.metrics:
                    name, _, label = metric.rstrip("}").partition("{")
                    assert any(line.startswith(f"{name}{{") and label in line for line in lines), source
                assert source.metrics or source.field in (
                    "entity_type",
                    "characteristics",
                    "category",
                    "place",
                )


@pytest.mark.parametrize("dialect", ["ses", "tmf-v4", "servicenow"])
async def test_no_name_of_a_metric_is_cut_or_broken_however_narrow(tmp_path: Path, dialect: str) -> None:
    async with crawling.house(tmp_path, dialect=dialect) as (simulator, built):
        for collection in COLLECTIONS:
            report = await looked(simulator, tmp_path, built, collection)
            for width in (80, 100, 150, 200):
                said = printed(report, built, collection, width)
                assert all(len(line) <= width for line in said.splitlines())
                metrics = [metric for source in report.sources for metric in source.metrics]
                assert not [metric for metric in metrics if metric not in said]


async def test_characteristics_are_counted_as_they_are_found_and_told_as_they_are_shown(
    tmp_path: Path,
) -> None:
    async with crawling.house(tmp_path, dialect="tmf-v4") as (simulator, built):
        report = await looked(simulator, tmp_path, built, "resources")
        said = printed(report, built, "resources", 150)
    assert report.found["characteristics"] == report.records
    assert report.examples["characteristics"].startswith("not listed: manufacturer")
    assert "not exported: list the ones you need" in said
    assert "characteristic_info" not in said
    listed = {"collections.resources.characteristics": ["manufacturer"]}
    async with crawling.house(tmp_path, listed, dialect="tmf-v4") as (simulator, built):
        report = await looked(simulator, tmp_path, built, "resources")
        said = printed(report, built, "resources", 150)
    assert report.examples["characteristics"].startswith("manufacturer; not listed: ")
    assert "ses_inventory_resource_characteristic_info" in said


async def test_a_characteristic_that_is_a_label_is_not_said_to_be_hidden(tmp_path: Path) -> None:
    async with crawling.house(tmp_path, dialect="tmf-v4") as (simulator, built):
        report = await looked(simulator, tmp_path, built, "carriers")
    assert "ElementType" in report.named
    assert "ElementType" not in report.hidden


async def test_a_record_without_characteristics_is_not_said_to_show_them(tmp_path: Path) -> None:
    _, said = await explained(tmp_path, json.dumps([{"externalId": "A", "status": "Up"}]).encode())
    assert "Characteristics: none." in said


async def test_a_number_that_is_too_large_is_no_reason_to_fail(tmp_path: Path) -> None:
    huge = json.dumps([{**ONE, "weight": 0}]).replace('"weight": 0', '"weight": 1e999')
    report, said = await explained(tmp_path, huge.encode())
    assert report.records == 1
    assert "rainFade" in said


@pytest.mark.parametrize("collection", COLLECTIONS)
async def test_what_is_estimated_of_a_union_of_queries_is_what_then_comes(
    tmp_path: Path, collection: str
) -> None:
    async with crawling.house(tmp_path, dialect="servicenow") as (simulator, built):
        poller = crawling.poller(built, collection)
        await poller.refresh()
        report = await looked(simulator, tmp_path, built, collection)
        said = printed(report, built, collection, 200)
        queries = len(poller.target.queries)
        assert (report.queries, report.silent) == (queries, 0)
        assert report.estimate.records == report.total == poller.status.records
        assert report.estimate.series == len(crawling.record_lines(crawling.text(built), poller.target.kind))
        assert report.estimate.full == poller.requests_per_hour()
    assert "all for full crawls" in said
    assert ("on the first pages of 7 queries" in said) == (collection == "resources")


@pytest.mark.parametrize(("carriers", "requests"), [(50, 5 + 1), (53, 6), (10, 1), (0, 1)])
async def test_the_estimate_of_requests_knows_how_a_list_is_read_to_its_end(
    tmp_path: Path, carriers: int, requests: int
) -> None:
    clamped = ("clamp=10",)
    async with crawling.house(tmp_path, dialect="tmf-v4", carriers=carriers, quirks=clamped) as (
        simulator,
        built,
    ):
        poller = crawling.poller(built, "carriers")
        await poller.refresh()
        report = await looked(simulator, tmp_path, built, "carriers")
        assert report.estimate.full == poller.requests_per_hour() == 120 * requests


async def test_requests_for_what_changed_are_estimated_too(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (simulator, built):
        report = await looked(simulator, tmp_path, built, "carriers")
        said = printed(report, built, "carriers", 300)
    assert (report.silent, report.estimate.records) == (1, 1000)
    assert (report.estimate.full, report.estimate.delta) == (12 * 25, 120 - 12)
    assert "408 requests an hour for 1,000 records: 300 for full crawls and at least 108 for what" in said
