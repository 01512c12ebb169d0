"""F61 to F69: settings, secrets, signals, bugs, what a restart leaves behind; a stop is test_stop.py's."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import socket
import sys
from functools import partial
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from exporter import app, cli, errors, settings, state_file
from tests import crawling
from tests.faults import inventory
from tests.faults.catalogue import fault
from tests.faults.inventory import OWN, PASSWORD, Inventory, records
from tests.faults.logged import Logged

WRONG = {
    "bad.yaml": ("apis: {tmf638: [", "bad.yaml", "YAML"),
    "unknown.yaml": ("apis: {tmf638: {url: 'http://h.example', pagesize: 4}}", "pagesize", "unknown"),
    "both.yaml": (
        "apis: {tmf638: {url: 'http://h.example', "
        f"basic_auth: {{username: u, password: {PASSWORD}, password_file: f}}}}}}",
        "apis.tmf638.basic_auth",
        "password_file",
    ),
}
"""Settings that cannot be used, and two words of what is said of each."""


def _said(logged: Logged, times: int) -> bool:
    return len(logged.events("configuration reload failed")) > times


@fault(
    61,
    "a configuration that is not YAML, has an unknown key, or sets a secret both in place and as a file",
    "At the start: exit status 2 with file, path, reason and hint. At a reload: the previous "
    "configuration stays in use",
    metric="ses_inventory_exporter_config_last_reload_successful",
    alert="InventoryConfigReloadFailed",
)
async def test_f61_wrong_settings_end_a_start_and_change_nothing_at_a_reload(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], logged: Logged
) -> None:
    for name, (text, *words) in WRONG.items():
        file = tmp_path / name
        file.write_text(text)
        assert await asyncio.to_thread(cli.main, ["serve", "--config.file", str(file)]) == 2
        said = capsys.readouterr().err
        assert all(word in said for word in (str(file), *words)), said
        assert PASSWORD not in said
    async with Inventory(records(20)) as source:
        config = crawling.configured(source, tmp_path)  # type: ignore[arg-type]
        now = tmp_path / "config.yaml"
        async with inventory.serving(config, lambda: settings.load(now, {})) as (house, _):
            await inventory.crawled(house)
            before, crew = inventory.served(house), house.group
            good = now.read_text()
            for number, (text, *_) in enumerate(WRONG.values()):
                now.write_text(text)
                os.kill(os.getpid(), signal.SIGHUP)
                await inventory.until(partial(_said, logged, number))
                assert inventory.value(house, f"{OWN}config_last_reload_successful") == 0
                assert (inventory.served(house), house.group) == (before, crew)
            now.write_text(good)
            assert (await house.store.reload())[0]
            assert inventory.value(house, f"{OWN}config_last_reload_successful") == 1


@fault(
    62,
    "a secret's file is missing, empty, unreadable, ends in a newline, or is rotated",
    "Read again for each use, without a trailing newline; if it is missing at the start, an error names "
    "the file; later kept, reason `auth`; its content is in no message",
    metric='ses_inventory_exporter_refresh_failures_total{reason="auth"}',
    alert="InventoryAccessRefused",
)
async def test_f62_a_secret_is_read_when_it_is_used_and_told_by_its_file_only(tmp_path: Path) -> None:
    """The one that is unreadable is a directory, for a test may run as root, who may read any file."""
    secret = tmp_path / "password"
    changes = {"apis.tmf638.basic_auth": {"username": "monitor", "password_file": str(secret)}}
    async with Inventory(records(20)) as source:
        shown: list[str | None] = []

        async def answer(request: web.Request) -> web.Response:
            shown.append(request.headers.get("Authorization"))
            return await source.page(request)

        source.answer = answer
        with pytest.raises(errors.ConfigError, match=re.escape(str(secret))):
            crawling.configured(source, tmp_path, changes)  # type: ignore[arg-type]
        secret.write_text(f"{PASSWORD}\n")
        config = crawling.configured(source, tmp_path, changes)  # type: ignore[arg-type]
        async with app.built(config) as built:
            await inventory.refresh(built)
            before = inventory.served(built)
            for broken in ("", "\n", f"{PASSWORD}\n{PASSWORD}\n", None):
                if broken is None:
                    secret.unlink()
                    secret.mkdir()
                else:
                    secret.write_text(broken)
                await inventory.refresh(built)
                assert inventory.served(built) == before
                assert inventory.own(built, "up") == 0
                assert str(secret) in built.store.status().collections[0].last_error
            assert inventory.failures(built, "auth") == 4
            secret.rmdir()
            secret.write_text(f"{PASSWORD}-rotated\r\n")
            await inventory.refresh(built)
            assert inventory.own(built, "up") == 1
        assert len(set(shown)) == 2, "one before and one after the rotation, and nothing in between"


@fault(
    63,
    "the port is in use",
    "Exits immediately with status 2 and names the address",
    metric="",
    alert="InventoryExporterDown",
)
def test_f63_a_port_in_use_ends_the_start_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        file = tmp_path / "config.yaml"
        file.write_text("apis: {tmf638: {url: 'http://127.0.0.1:9'}}\n")
        arguments = ["serve", "--config.file", str(file), "--web.listen-address", address]
        assert cli.main(arguments) == 2
    said = capsys.readouterr().err
    assert address in said
    assert "web.listen_address" in said


@fault(
    65,
    "SIGHUP a hundred times",
    "Repeated signals are merged; scrapes continue",
    metric="ses_inventory_exporter_config_last_reload_success_timestamp_seconds",
    alert="",
)
async def test_f65_a_hundred_signals_are_a_few_reloads(tmp_path: Path) -> None:
    loads: list[int] = []
    async with Inventory(records(20)) as source:
        config = crawling.configured(source, tmp_path)  # type: ignore[arg-type]

        def again() -> settings.Settings:
            loads.append(len(loads))
            return config

        async with inventory.serving(config, again) as (house, url):
            await inventory.crawled(house)
            before = inventory.served(house)
            for _ in range(100):
                os.kill(os.getpid(), signal.SIGHUP)
            await inventory.until(lambda: loads)
            async with ClientSession() as client, client.get(f"{url}/metrics") as answer:
                assert answer.status == 200
            assert (await house.store.reload())[0]
            assert len(loads) <= 4
            assert inventory.served(house) == before


@fault(
    66,
    "a task fails with an unexpected error",
    "Restarted with increasing delays, and counted; `/-/healthy` fails if it keeps failing",
    metric="ses_inventory_exporter_task_restarts_total",
    alert="InventoryTaskDying",
)
async def test_f66_a_task_that_dies_is_started_again_and_one_that_keeps_dying_is_told(
    tmp_path: Path, logged: Logged
) -> None:
    async with inventory.over(tmp_path, records(20)) as (_, built):
        await inventory.refresh(built)
        before = inventory.served(built)
        lives: list[int] = []

        async def frail() -> None:
            lives.append(len(lives))
            if len(lives) < 3:
                raise ZeroDivisionError("a bug")

        await built.supervisor.supervise("frail", frail)
        assert inventory.value(built, f'{OWN}task_restarts_total{{task="frail"}}') == 2
        assert built.store.healthy()[0], "it lives again"
        assert "a bug" in logged.events("task died")[0]["exception"]

        async def doomed() -> None:
            raise ZeroDivisionError("for ever")

        keeping = asyncio.create_task(built.supervisor.supervise("doomed", doomed))
        await inventory.until(lambda: not built.store.healthy()[0])
        assert "doomed" in built.store.healthy()[1]
        assert inventory.served(built) == before
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


@fault(
    67,
    "the first start while the API is down",
    "The exporter's own metrics are served at once, `up` is 0, there is no inventory family and no zero; "
    "healthy, not ready",
    metric='ses_inventory_exporter_up{collection="services"} == 0',
    alert="InventoryApiFailing",
)
async def test_f67_a_first_start_without_an_api_serves_no_zeros(tmp_path: Path) -> None:
    async with Inventory(records(20)) as source:
        config = crawling.configured(source, tmp_path)  # type: ignore[arg-type]
        listening = source.answer
        source.answer = gone
        async with inventory.serving(config) as (house, url), ClientSession() as client:
            for path, status in (("/metrics", 200), ("/-/ready", 503), ("/-/healthy", 200), ("/", 200)):
                async with client.get(f"{url}{path}") as answer:
                    assert answer.status == status, path
            await inventory.until(lambda: house.pollers[0].status.up is False)
            async with client.get(f"{url}/metrics") as answer:
                families = [line for line in (await answer.text()).splitlines() if line.startswith("ses_")]
            assert all(line.startswith(OWN) for line in families)
            assert f"{OWN}up{inventory.ONE} 0.0" in families
            source.answer = listening
            await inventory.refresh(house)
            assert len(inventory.ids(house)) == 20
            async with client.get(f"{url}/-/ready") as answer:
                assert answer.status == 200


WRITER = """
import itertools, sys
from pathlib import Path
import msgspec
from exporter import state_file
file, other = map(Path, sys.argv[1:])
kept = dict(state_file.read(other))
for turn in itertools.count(1):
    turned = msgspec.structs.replace(kept["services"], last_success=float(turn))
    state_file.write(file, {"services": turned}, float(turn))
    if turn == 1:
        print("written", flush=True)
"""


@fault(
    68,
    "kill -9 at any moment",
    "The state file is either the old or the new one, complete",
    metric="ses_inventory_exporter_restored",
    alert="",
)
async def test_f68_a_kill_at_any_moment_leaves_a_whole_state_file(tmp_path: Path) -> None:
    """Five moments; the hundred of the contract are in the end-to-end tests."""
    model, file = tmp_path / "model", tmp_path / "state"
    draw = random.Random(68)
    changes = {"state_file": str(file), "collections.services.page_size": 500}
    async with inventory.over(tmp_path, records(2000), changes) as (source, built):
        await inventory.refresh(built)
        await asyncio.to_thread(state_file.write, model, built.group.saved(), 0.0)
        last = 0.0
        for _ in range(5):
            last = max(last, await _killed(file, model, draw.uniform(0.0, 0.15)))
        assert last > 1.0, "some were killed after more than one write"

        source.answer = down
        config = settings.load(tmp_path / "config.yaml", {}, {"retention.max_staleness": "99y"})
        async with inventory.serving(config) as (house, _):
            await inventory.until(lambda: inventory.poller(house).published)
            assert inventory.own(house, "restored") == 1
            assert inventory.served(house) == inventory.served(built)


async def _killed(file: Path, model: Path, moment: float) -> float:
    """Kills a writer so many seconds after its first write; the number of the write that is in the file."""
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(file), str(model), stdout=asyncio.subprocess.PIPE
    )
    assert writer.stdout is not None
    await writer.stdout.readuntil(b"written\n")
    await asyncio.sleep(moment)
    writer.kill()
    await writer.wait()
    kept = state_file.read(file)["services"]
    assert len(kept.snapshot.records) == 2000
    assert kept.last_success is not None
    return kept.last_success


async def gone(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def down(_: web.Request) -> web.Response:
    return web.Response(status=500)


@fault(
    69,
    "a snapshot older than `retention.max_staleness`",
    "Its series end and its state is `expired`, also on the landing page and in the log; `stale` stays "
    "1; the alert has been firing since three refreshes were missed",
    metric='ses_inventory_exporter_stale{collection="services"} == 1',
    alert="InventoryStale",
)
async def test_f69_a_snapshot_too_old_to_be_believed_is_served_no_more(tmp_path: Path) -> None:
    changes = {
        "collections.services.refresh_interval": "1s",
        "collections.services.full_refresh_interval": "1s",
        "retention.max_staleness": "3500ms",
    }
    async with inventory.over(tmp_path, records(20), changes) as (source, built):
        await inventory.refresh(built)
        assert inventory.own(built, "stale") == 0
        source.answer = down
        await inventory.refresh(built)
        await inventory.until(lambda: inventory.own(built, "stale") == 1)
        assert len(inventory.ids(built)) == 20, "stale comes before the end, so that the alert does"
        await inventory.until(lambda: not inventory.served(built))
        assert inventory.own(built, "stale") == 1
        assert (inventory.own(built, "up"), inventory.own(built, "records")) == (0, 20)

        source.answer = source.page
        await inventory.refresh(built)
        assert len(inventory.ids(built)) == 20
        assert inventory.own(built, "stale") == 0
