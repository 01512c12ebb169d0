"""`check --save` writes what an API answered, without whose it is, and `simulate --replay` serves it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from exporter.check.fixtures import Pseudonyms
from tests.check.running import Json, run, sole
from tests.outside.serving import serving

SECRETS = (
    "Kestrel",
    "Perthville",
    "CARRIER-",
    "swordfish",
    "10.20.0.",
    "Lovelace",
    "+49 151",
    "customer-4711",
    "4915112340",
)


def carrier(number: int) -> Json:
    return {
        "id": f"CARRIER-{number:04}",
        "uuid": 4915112340000 + number,
        "href": f"https://inventory.kestrel.example/tmf/service/CARRIER-{number:04}",
        "name": f"Kestrel beam {number}",
        "description": f"For Ada Lovelace, +49 151 {number}",
        "@type": "CarrierService",
        "state": "active",
        "operatingStatus": "running" if number % 3 else "stopped",
        "startDate": "2024-02-03T04:05:06Z",
        "place": [
            {"id": "P1", "name": "Perthville", "role": "gateway", "latitude": -31.95, "longitude": 115.86}
        ],
        "relatedParty": [{"id": "customer-4711", "name": "Kestrel Lines", "role": "customer"}],
        "serviceCharacteristic": [
            {"name": "symbolRate", "value": 45000},
            {"name": "uplinkAlias", "value": f"Kestrel-{number}"},
            {"name": "managementAddress", "value": f"10.20.0.{number}"},
            {"name": "operational_status", "value": "Installed"},
        ],
        "supportingService": [{"id": f"CARRIER-{(number + 1) % 150:04}"}],
        "priority": 3,
    }


async def answer(request: web.Request) -> web.Response:
    """A list with links to the next page, under a path of its own."""
    if request.path != "/tenants/kestrel/service":
        return web.json_response({"code": "404", "reason": "no CARRIER-0001 at Kestrel"}, status=404)
    start = int(request.query.get("offset", 0))
    found = [carrier(number) for number in range(150)][start : start + 100]
    headers = {"X-Total-Count": "150", "Set-Cookie": "session=swordfish", "Server": "kestrel/1"}
    if start + 100 < 150:
        headers["Link"] = f'<{request.url.with_query(limit=100, offset=start + 100)}>; rel="next"'
    return web.json_response(found, headers=headers)


@contextlib.asynccontextmanager
async def replaying(folder: Path, port: int) -> AsyncIterator[str]:
    """The real command, on a port of its own."""
    arguments = ("simulate", "--replay", str(folder), "--listen-address", f"127.0.0.1:{port}")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "exporter", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode()
    finally:
        process.terminate()
        assert await process.wait() == 0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def saved_records(folder: Path) -> list[Any]:
    files = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]
    return [
        one
        for file in files
        if isinstance(file["response"]["body"], list)
        for one in file["response"]["body"]
    ]


@pytest.mark.parametrize("style", ["offset", "link"])
async def test_an_inventory_is_saved_without_names_and_served_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, style: str
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    folder, file = tmp_path / "case", tmp_path / "inventory.yaml"
    async with serving(answer) as url:
        config = sole(f"{url}/tenants/kestrel", "tmf-v5", paging={"style": style})
        config["apis"]["tmf638"]["basic_auth"] = {"username": "monitor", "password": "swordfish"}
        file.write_text(yaml.safe_dump(config))
        arguments = ("check", "--config.file", str(file), "--save", str(folder))
        status, before = await asyncio.to_thread(run, *arguments)
    assert status == 0, before
    assert f"answers are saved in {folder}" in before

    written = "\n".join(one.read_text(encoding="utf-8") for one in folder.iterdir())
    assert not [secret for secret in SECRETS if secret.lower() in written.lower()]
    records = saved_records(folder)
    assert len({one["id"] for one in records}) == 150
    assert {len(one["id"]) for one in records} == {12}
    assert {one["supportingService"][0]["id"] for one in records} == {one["id"] for one in records}
    assert {one["relatedParty"][0]["name"] for one in records} == {records[0]["relatedParty"][0]["name"]}
    assert {one["operatingStatus"] for one in records} == {"running", "stopped"}
    assert records[0]["startDate"] == "2024-02-03T04:05:06Z"
    assert records[0]["serviceCharacteristic"][0] == {"name": "symbolRate", "value": 45000}
    assert records[0]["serviceCharacteristic"][3]["value"] == "Installed"
    assert records[0]["place"][0]["latitude"] == 0

    port = free_port()
    settings = (folder / "inventory.yaml").read_text().replace(":10680", f":{port}")
    file.write_text(settings)
    async with replaying(folder, port) as said:
        assert said == f"TMF638 at http://127.0.0.1:{port}/tmf638\n"
        status, after = await asyncio.to_thread(run, "check", "--config.file", str(file))
        assert status == 0, after
        status, text = await asyncio.to_thread(run, "once", "--config.file", str(file))
        assert status == 0, text
    facts = re.compile(r"^(?:\d+ records on .*|│ (?:active|status) .*|Types: .*|About .*)$", re.MULTILINE)
    assert facts.findall(after) == facts.findall(before)
    assert 'ses_inventory_exporter_records{collection="services"} 150' in text


async def test_a_folder_without_answers_is_exit_status_2(tmp_path: Path) -> None:
    status, said = await asyncio.to_thread(run, "simulate", "--replay", str(tmp_path))
    assert (status, "has no answers" in said) == (2, True)
    (tmp_path / "x.json").write_text("{}")
    status, said = await asyncio.to_thread(run, "simulate", "--replay", str(tmp_path))
    assert (status, "is not an answer that check --save has written" in said) == (2, True)


@given(st.lists(st.text(min_size=1), unique=True))
def test_different_texts_have_different_pseudonyms_and_the_same_text_the_same(words: list[str]) -> None:
    pseudonyms = Pseudonyms()
    first = [pseudonyms.of(word) for word in words]
    assert [pseudonyms.of(word) for word in words] == first
    assert len(set(first)) >= len(set(words)) - sum(word.casefold() != word for word in words)
