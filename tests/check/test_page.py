"""The commands of docs/check.md do what the page says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import yaml

from exporter.simulator.server import Options, Simulator
from tests import snippets
from tests.check.running import run
from tests.check.test_fixtures import free_port, replaying

SECTIONS = {section.title: section for section in snippets.sections("check.md")}


def arguments(command: str) -> list[str]:
    program, *found = command.split()
    assert program == "ses-inventory-exporter"
    return found


async def test_the_commands_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    async with Simulator(Options(listen_port=0, services=30, carriers=30, resources=30)) as simulator:
        config = yaml.safe_load(simulator.configuration("127.0.0.1:0"))
        config["apis"]["tmf638"]["dialect"] = "tmf-v4"
        del config["collections"], config["apis"]["tmf639"]
        (tmp_path / "inventory.yaml").write_text(yaml.safe_dump(config))
        (command,) = SECTIONS[""].commands()
        status, said = await asyncio.to_thread(run, *arguments(command))
        assert status == 1
        block = next(
            one.text for one in SECTIONS["Settings that solve a problem"].blocks if one.language == "yaml"
        )
        assert said.endswith(block)

        config["apis"]["tmf638"]["dialect"] = "ses"
        (tmp_path / "inventory.yaml").write_text(yaml.safe_dump(config))
        (command,) = SECTIONS["One record"].commands()
        status, said = await asyncio.to_thread(run, *arguments(command))
        assert (status, '"externalId": "CAR0000001"' in said) == (0, True), said

        save, served = SECTIONS["Hand on what an API returns"].commands()
        status, said = await asyncio.to_thread(run, *arguments(save))
        assert status == 0, said
    replay, check = served.strip().splitlines()
    assert arguments(replay) == ["simulate", "--replay", "case"]
    port = free_port()
    settings = tmp_path / "case" / "inventory.yaml"
    settings.write_text(settings.read_text().replace("127.0.0.1:10680", f"127.0.0.1:{port}"))
    async with replaying(tmp_path / "case", port):
        status, said = await asyncio.to_thread(run, *arguments(check))
    assert status == 0, said
