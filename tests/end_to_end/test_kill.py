"""F68: whatever the moment of a kill, the state file is the old one or the new one.

Most kills strike a small program that does nothing but write; some strike the real exporter.
"""

from __future__ import annotations

import asyncio
import random
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import yaml

from exporter import state_file
from exporter.inventory.record import KINDS
from exporter.simulator.server import Simulator
from exporter.state_file import SavedCollection
from tests import crawling
from tests.end_to_end import running

WRITER_KILLS, EXPORTER_KILLS = 92, 8

WRITER = """
import sys
from pathlib import Path
from exporter import state_file
from exporter.inventory.record import Record
from exporter.inventory.snapshot import Snapshot, stored

file, generation = Path(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
while True:
    word = f"generation {generation}"
    records = [Record(f"S{at}", status=word, description=str(at * 7919)) for at in range(1500)]
    all = [stored(one, at, generation) for at, one in enumerate(records)]
    snapshot = Snapshot({one.id: one for one in all}, {one.digest: one for one in all})
    kept = state_file.SavedCollection(snapshot, b"key", "reading", generation, None)
    state_file.write(file, {"services": kept, "carriers": kept}, generation)
    print(generation, flush=True)
    generation += 1
"""


def generation(file: Path) -> int:
    """The one generation that all records on the disk are of; 0 before the first."""
    kept = state_file.read(file)
    if not kept:
        return 0
    words = {
        one.record.status for collection in kept.values() for one in collection.snapshot.records.values()
    }
    assert [len(one.snapshot.records) for one in kept.values()] == [1500, 1500]
    (word,) = words
    return int(word.removeprefix("generation "))


def struck(file: Path, first: int, moment: float) -> int:
    """Runs the writer from its `first` generation, kills it at `moment`; the last one it said was written."""
    command = (sys.executable, "-c", WRITER, str(file), str(first))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        try:
            writer.wait(moment)
        except subprocess.TimeoutExpired:
            writer.kill()
        said = writer.stdout.read().split()
    return int(said[-1]) if said else first - 1


def test_f68_a_writer_killed_at_any_moment_leaves_the_old_or_the_new_state(tmp_path: Path) -> None:
    chance = random.Random(68)
    file = tmp_path / "state"
    on_disk, interrupted = 0, 0
    for _ in range(WRITER_KILLS):
        said = struck(file, on_disk + 1, chance.uniform(0.0, 0.12))
        on_disk = generation(file)
        assert on_disk in (said, said + 1), "what was said to be written is there, or the one after it"
        parts = [one for one in tmp_path.iterdir() if one != file]
        assert len(parts) <= 1, "each write removes what the one before it left"
        interrupted += len(parts)
    assert interrupted > WRITER_KILLS // 10, "too few kills fell into a write to prove anything"
    state_file.write(file, state_file.read(file), 0.0)
    assert list(tmp_path.iterdir()) == [file]


Statuses = Mapping[str, str]
"""Kind and id → status word."""


def stored(kept: Mapping[str, SavedCollection]) -> Statuses:
    return {
        f"{KINDS[name]} {ident}": held.record.status
        for name, one in kept.items()
        for ident, held in one.snapshot.records.items()
    }


def served(text: str) -> Statuses:
    series = re.compile(r'^ses_inventory_(\w+)_status\{\1_id="([^"]+)",status="([^"]+)"\} 1$', re.MULTILINE)
    return {f"{kind} {ident}": status for kind, ident, status in series.findall(text)}


def configured(simulator: Simulator, folder: Path) -> Path:
    """Settings that refresh as often as they may and keep their state."""
    config = yaml.safe_load(simulator.configuration("127.0.0.1:0"))
    for collection in config["collections"].values():
        collection |= {"refresh_interval": "1s", "full_refresh_interval": "2s"}
    config["state_file"] = str(folder / "state")
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(config))
    return file


async def test_f68_an_exporter_killed_at_any_moment_serves_at_once_what_it_had_kept(tmp_path: Path) -> None:
    chance = random.Random(68)
    options = replace(crawling.SMALL, change_rate=40.0)
    async with Simulator(options) as simulator:
        config = configured(simulator, tmp_path)
        kept: Mapping[str, SavedCollection] = {}
        crawled = set()
        for kills in range(3 * EXPORTER_KILLS):
            if kills >= EXPORTER_KILLS and len(crawled) > EXPORTER_KILLS:
                break  # on a slow machine it takes more kills until enough of them fell between crawls
            kept = await _lived(simulator, config, kept, chance.uniform(0.0, 1.5))
            crawled |= {one.last_success for one in kept.values()}
    assert set(kept) == set(KINDS)
    assert len(crawled) > EXPORTER_KILLS, "too few kills fell between crawls to prove anything"


async def _lived(
    simulator: Simulator, config: Path, kept: Mapping[str, SavedCollection], moment: float
) -> Mapping[str, SavedCollection]:
    """One life of the exporter, killed `moment` seconds after its API recovers; what it has kept then."""
    state = config.with_name("state")
    port = running.free_port()
    url = f"http://127.0.0.1:{port}"
    command = ("serve", "--config.file", str(config), "--web.listen-address", f"127.0.0.1:{port}")
    if kept:
        crawling.trouble(simulator, "html")  # no crawl can hide what was restored
    async with running.process(running.COMMAND, *command) as exporter:
        if kept:
            await running.until(lambda: running.get(f"{url}/-/ready"), 15)
            text = await asyncio.to_thread(running.get, f"{url}/metrics")
            assert served(text) == stored(kept)
            assert 'ses_inventory_exporter_restored{collection="services"} 1' in text
        else:
            await running.until(state.exists)
        crawling.trouble(simulator)
        await asyncio.sleep(moment)
        exporter.kill()
        await exporter.wait()
    found = state_file.read(state)
    for name, one in kept.items():
        assert (found[name].last_success or 0.0) >= (one.last_success or 0.0)
    return found
