"""`check --record`, and what `check` says of keys, paths and dates that are of no use."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import yaml
from aiohttp import web

from tests.check.running import Json, run, services, sole
from tests.outside.serving import Answer, serving
from tests.outside.test_what_is_listed import Inventory


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


async def checked(folder: Path, answer: Answer, *arguments: str, **collection: object) -> tuple[int, str]:
    file = folder / "inventory.yaml"
    async with serving(answer) as url:
        config = sole(url, "tmf-v5", **collection)
        config["apis"]["tmf638"]["basic_auth"] = {"username": "monitor", "password": "swordfish"}
        file.write_text(yaml.safe_dump(config))
        return await asyncio.to_thread(run, "check", "--config.file", str(file), *arguments)


def by_id(records: list[Json]) -> Answer:
    """A server that has a URL for each record, as TMF630 has it."""
    inventory = Inventory(records)

    async def answer(request: web.Request) -> web.Response:
        ident = request.path.removeprefix("/service").strip("/")
        if not ident:
            return await inventory.answer(request)
        found = [one for one in records if one["id"] == ident]
        return web.json_response(found[0]) if found else web.json_response({"code": "404"}, status=404)

    return answer


RECORDS = services(150, operatingStatus="running", orbit="GEO")
RECORDS[140] |= {"operatingStatus": "failed", "note": [{"text": "the password is swordfish"}]}


@pytest.mark.parametrize("kind", ["by id", "by list"])
async def test_one_record_is_explained(tmp_path: Path, kind: str) -> None:
    answer = by_id(RECORDS) if kind == "by id" else Inventory(RECORDS).answer
    status, said = await checked(tmp_path, answer, "--record", "S140")
    assert status == 0, said
    assert '"operatingStatus": "failed"' in said
    assert "swordfish" not in said
    assert "This record is stored." in said
    assert (
        "Its condition is down: state is active, which is operational, but operatingStatus is failed." in said
    )
    assert "ses_inventory_service_info{service_id}" in said
    assert "Keys that nothing reads: orbit" in said


@pytest.mark.parametrize(
    ("parts", "collection", "what"),
    [
        (
            {"state": "parked"},
            {},
            "Its condition is unknown: state is parked, which has no condition; set one under "
            "collections.services.statuses: down, degraded, maintenance, operational, planned, retired, "
            "unknown.",
        ),
        ({"state": None}, {}, "Its condition is unknown: it has no status at"),
        ({"state": "designed"}, {}, "Its condition is planned: state is designed."),
        ({}, {}, "Its condition is operational: state is active."),
        (
            {"@type": "Spare"},
            {"exclude_types": ["Spare"]},
            "This record is not stored: excluded by its type.",
        ),
        ({"id": {"code": 7}}, {}, "This record is not stored: it has no id at id, uuid"),
    ],
)
async def test_why_a_record_has_its_condition_or_is_stored(
    tmp_path: Path, parts: Json, collection: Json, what: str
) -> None:
    records = services(3)
    records[1] |= parts
    status, said = await checked(tmp_path, Inventory(records).answer, "--record", "Service 1", **collection)
    assert status == 0, said
    assert what in said


async def test_a_record_that_does_not_exist_is_exit_status_1(tmp_path: Path) -> None:
    status, said = await checked(tmp_path, by_id(RECORDS), "--record", "S999")
    assert status == 1
    assert "There is no record S999." in said


async def test_keys_paths_and_dates_that_are_of_no_use_are_listed(tmp_path: Path) -> None:
    records = services(20, orbit="GEO", startDate="next Tuesday", endDate="2030-01-01")
    status, said = await checked(
        tmp_path, Inventory(records).answer, fields={"description": ["details.text", "description"]}
    )
    assert status == 0, said
    assert (
        "Keys that nothing reads (write their path under collections.services.fields if wanted): orbit 20"
        in said
    )
    assert "Note: collections.services.fields.description: details.text finds nothing in any record." in said
    assert "Note: 20 dates at startDate cannot be read, such as 'next Tuesday': write" in said
    assert "endDate" not in said.split("Note:", 1)[1]


async def test_types_of_relationships_that_no_dialect_knows_are_listed(tmp_path: Path) -> None:
    related = [
        {"relationshipType": word, "service": {"id": "S1"}} for word in ("dependsOn", "feeds into", "odd")
    ]
    where = "write it under collections.services.relationships"
    note = f"Note: types of relationships without a direction ({where})"
    answer = Inventory(services(3, serviceRelationship=related)).answer
    status, said = await checked(tmp_path, answer)
    assert status == 0, said
    assert f"{note}: feeds into 3, odd 3" in said
    status, said = await checked(tmp_path, answer, relationships={"Feeds_Into": "supports"})
    assert f"{note}: odd 3" in said


async def test_most_records_rejected_is_exit_status_1(tmp_path: Path) -> None:
    records = [{"label": f"service {number % 7}"} for number in range(20)]
    status, said = await checked(tmp_path, Inventory(records).answer)
    assert status == 1
    assert "20 records cannot be stored: missing_id" in said
    assert "Problem: 20 of 20 records have no id at" in said
