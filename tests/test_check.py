"""What `check` says of a page."""

import io
import json
from pathlib import Path

from rich.console import Console

from exporter import check, explain
from exporter.source.client import Page
from tests import crawling

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
) -> tuple[explain.Report, str]:
    async with crawling.house(tmp_path) as (_, built):
        target = crawling.poller(built, "carriers").target
        report = explain.explain(Page((), 200, headers or {}, body, 0.1, "http://api"), target)
        console = Console(file=io.StringIO(), width=160)
        check.show(report, target, console)
        return report, console.file.getvalue()


async def test_an_unknown_word_is_named_with_what_to_do(tmp_path: Path) -> None:
    report, said = await explained(tmp_path, json.dumps([ONE]).encode())
    assert report.meanings == {"Sunny": (1, "unknown: name its meaning under `statuses`")}
    assert "unknown: name its meaning under `statuses`" in said
    assert "2026-01-02 03:04:05 UTC" in said
    assert "gateway" in said and "0 of 1" in said


async def test_a_word_of_neither_meaning_and_one_that_is_missing_are_told_apart(tmp_path: Path) -> None:
    unknown, none = {**ONE, "status": "Unknown"}, {**ONE, "externalId": "CAR2", "status": None}
    report, said = await explained(tmp_path, json.dumps([unknown, none]).encode())
    assert report.meanings["Unknown"] == (1, "neither operational nor not")
    assert "(none)" in said


async def test_characteristics_that_are_not_shown_are_listed(tmp_path: Path) -> None:
    _, said = await explained(tmp_path, json.dumps([ONE]).encode())
    assert "collections.carriers.characteristics" in said
    assert "rainFade" in said.split("Characteristics")[1]
    shown = {**ONE, "serviceCharacteristic": [{"name": "uplinkAlias", "value": "UL"}]}
    _, said = await explained(tmp_path, json.dumps([shown]).encode())
    assert "all 1 that occur are shown" in said


async def test_an_announced_total_gives_an_estimate(tmp_path: Path) -> None:
    report, said = await explained(tmp_path, json.dumps([ONE]).encode(), {"X-Total-Count": "5000"})
    assert report.total == 5000
    assert report.signals == {"X-Total-Count": "5000"}
    assert "for the 5000 records announced" in said
    assert "requests an hour" in said


async def test_rejects_and_excluded_types_are_told(tmp_path: Path) -> None:
    async with crawling.house(tmp_path, {"collections.carriers.exclude_types": ["spare"]}) as (_, built):
        target = crawling.poller(built, "carriers").target
        body = json.dumps([ONE, {"name": "no id"}, {**ONE, "externalId": "X", "@type": "spare"}]).encode()
        report = explain.explain(Page((), 200, {}, body, 0.1, "http://api"), target)
        console = Console(file=io.StringIO(), width=160)
        check.show(report, target, console)
    assert (report.records, report.skipped, report.rejects) == (1, 1, {"missing_id": 1})
    assert "1 records cannot be held: missing_id" in console.file.getvalue()
    assert "1 more of types that the settings leave out" in console.file.getvalue()


async def test_an_empty_first_page_is_no_reason_to_be_silent(tmp_path: Path) -> None:
    _, said = await explained(tmp_path, b"[]")
    assert "does the query select anything?" in said


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
    assert ("usageState", 'ses_inventory_carrier_state{dimension="usage"}') in shown
