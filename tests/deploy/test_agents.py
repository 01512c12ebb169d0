"""Prometheus in agent mode: its files read by promtool, the relabelling tried by a real agent."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.copies import ROOT
from tests.end_to_end import running

FOLDER = ROOT / "deploy/prometheus/agent"
STORES = ("mimir", "thanos", "victoriametrics")
EVERY = pytest.mark.parametrize("store", STORES)


def config(store: str) -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / f"{store}.yml").read_text()))


@EVERY
def test_promtool_takes_the_file_of_an_agent(store: str) -> None:
    command = ["promtool", "check", "config", "--agent", f"{store}.yml"]
    environ = {**os.environ, "AGENT": "a"}  # without it promtool of Prometheus 3 warns
    told = subprocess.run(command, cwd=FOLDER, env=environ, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")


@EVERY
def test_all_stores_are_sent_the_same_series(store: str) -> None:
    assert config(store)["scrape_configs"] == config("mimir")["scrape_configs"]


def test_a_pair_of_agents_has_a_label_for_the_replica_only_if_the_store_needs_it() -> None:
    labels = {store: set(config(store)["global"]["external_labels"]) - {"cluster"} for store in STORES}
    assert labels == {"mimir": {"__replica__"}, "thanos": {"agent"}, "victoriametrics": set()}


def test_every_shard_has_two_replicas() -> None:
    groups = [one["labels"] for one in yaml.safe_load((FOLDER / "exporters.yml").read_text())]
    pairs = {(one["shard"], one["replica"]) for one in groups}
    assert len(pairs) == len(groups)
    assert pairs == {(shard, replica) for shard in "012" for replica in "ab"}


async def test_an_agent_names_exporters_by_shard_and_replica(tmp_path: Path) -> None:
    port = running.free_port()
    ours = config("victoriametrics")
    del ours["remote_write"]
    (tmp_path / "agent.yml").write_text(yaml.safe_dump(ours))
    exporters = (FOLDER / "exporters.yml").read_text()
    # nobody listens there: what counts is how they are called
    (tmp_path / "exporters.yml").write_text(
        re.sub(r"inventory-(\d)\.example\.net:10638", r"127.0.0.1:\1", exporters)
    )
    command = (
        *("prometheus", "--enable-feature=agent", "--config.file=agent.yml", "--storage.agent.path=agent"),
        f"--web.listen-address=127.0.0.1:{port}",
    )
    async with running.process(*command, cwd=tmp_path):

        def targets() -> list[dict[str, Any]]:
            answer = json.loads(running.get(f"http://127.0.0.1:{port}/api/v1/targets"))
            return list(answer["data"]["activeTargets"])

        found = await running.until(targets)
    assert sorted(one["labels"]["instance"] for one in found) == [
        f"inventory-{shard}{replica}" for shard in "012" for replica in "ab"
    ]
    assert all(set(one["labels"]) == {"instance", "job"} for one in found)
