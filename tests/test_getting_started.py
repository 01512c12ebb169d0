"""A new user's first ten minutes: the commands of the page, in its order, with what they start left running.

Not run are those that install, which are the ones of `docs/deploy/pip.md`, and Grafana. Hosts and ports lead
elsewhere, and nobody waits for half a minute as shipped.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import shutil
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from exporter.simulator.server import Options
from tests import cooking, snippets
from tests.end_to_end import running

STEPS = snippets.sections("getting-started.md")
INSTALL, LOOK, INVENTORY, SERVE, PROMETHEUS = STEPS[1:6]
ADDRESS = "--web.listen-address"
KINDS = ("services", "carriers", "resources")


def test_installing_is_what_the_page_about_pip_says() -> None:
    install, path = INSTALL.commands()
    assert install in (snippets.ROOT / "docs/deploy/pip.md").read_text()
    assert path.startswith("PATH=/opt/ses-inventory-exporter/bin:$PATH\n")
    assert cooking.shell(path, snippets.ROOT).startswith("ses-inventory-exporter ")


def placed(text: str, places: Mapping[str, str]) -> str:
    """The text with the hosts and ports of this test."""
    for shown, meant in places.items():
        text = text.replace(shown, meant)
    return text


async def begun(stack: AsyncExitStack, command: str, folder: Path) -> asyncio.subprocess.Process:
    """Starts a command that goes on, as in a terminal of its own."""
    words = shlex.split(command.replace("ses-inventory-exporter", running.COMMAND))
    return await stack.enter_async_context(running.process(*words, cwd=folder))


async def shell(command: str, folder: Path) -> str:
    return await asyncio.to_thread(cooking.shell, command, folder)


async def test_one_command_shows_an_invented_inventory_as_the_page_does(tmp_path: Path) -> None:
    demo, look = LOOK.commands()
    (shown,) = (block.text for block in LOOK.blocks if not block.language)
    place = f"127.0.0.1:{running.free_port()}"
    async with AsyncExitStack() as stack:
        program = await begun(stack, f"{demo.strip()} {ADDRESS} {place}", tmp_path)
        assert program.stdout
        lines: list[str] = []
        while len(lines) < len(shown.splitlines()):
            line = (await asyncio.wait_for(program.stdout.readline(), 60)).decode()
            lines += [] if line.endswith(" records so far\n") else [line]  # a busy machine shows its progress
        said = await shell(placed(look, {"localhost:10638": place}), tmp_path)
    # collections are told as they end, and ports are free ones
    printed = (sorted(re.sub(r":\d+/", ":1/", text).splitlines()) for text in ("".join(lines), shown))
    assert next(printed) == next(printed)
    assert re.search(r'^ses_inventory_carriers\{status="Operational",', said, re.MULTILINE)
    assert re.search(r"^ses_inventory_carrier_operational\{.* 0$", said, re.MULTILINE)


def hurried(folder: Path, places: Mapping[str, str]) -> None:
    """The shipped files of Prometheus, with half a minute as a second."""
    shutil.copytree(snippets.ROOT / "deploy/prometheus", folder / "deploy/prometheus")
    file = folder / "deploy/prometheus/prometheus.yml"
    file.write_text(re.sub(r"\b[23]0s", "1s", placed(file.read_text(), places)))
    for rules in (folder / "deploy/prometheus/rules").iterdir():
        rules.write_text(re.sub(r"interval: \d+s", "interval: 1s", rules.read_text()))


async def test_the_way_from_settings_to_the_first_alert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in KINDS:  # the first crawl waits for a share of this
        monkeypatch.setenv(f"SES_INVENTORY_COLLECTIONS__{kind.upper()}__REFRESH_INTERVAL", "2s")
    simulated, serving, prometheus = (f"localhost:{running.free_port()}" for _ in range(3))
    places = {
        "https://inventory.example.net": f"http://{simulated}",
        "localhost:10638": serving,
        "localhost:9090": prometheus,
        "127.0.0.1:9090": prometheus,
    }
    (tmp_path / "inventory.yaml").write_text(placed(INVENTORY.files["inventory.yaml"], places))
    hurried(tmp_path, places)
    configure, simulate = INVENTORY.commands()
    serve, ready = SERVE.commands()
    check, watch, queries = PROMETHEUS.commands()
    async with AsyncExitStack() as stack:
        small = "--services 30 --carriers 90 --resources 60"
        await begun(stack, f"{simulate.strip()} --listen-address {simulated} {small}", tmp_path)
        await running.until(lambda: (tmp_path / "simulated.yaml").read_text())
        explained = await asyncio.to_thread(cooking.edited, configure, tmp_path, Options().password)
        assert "Everything could be read." in explained
        await shell(configure.splitlines()[-2].replace("inventory.yaml", "simulated.yaml"), tmp_path)

        await begun(stack, f"{serve.strip()} {ADDRESS} {serving}", tmp_path)
        await running.until(lambda: running.get(f"http://{serving}/-/healthy"))
        said = await shell(placed(ready, places), tmp_path)
        assert all(f'_complete{{collection="{kind}"}} 1.0\n' in said for kind in KINDS)

        assert "SUCCESS" in await shell(check, tmp_path)
        await begun(stack, placed(watch, places), tmp_path)
        up, carriers, alerts = placed(queries, places).splitlines()
        await told(up, tmp_path, "=> 1 @")
        await told(carriers, tmp_path, 'status="Operational"')
        await told(alerts, tmp_path, "InventoryCarrierNotOperational", "pending")


async def told(query: str, folder: Path, *expected: str) -> None:
    """Waits until Prometheus says all of it; before it has started the command fails."""

    def look() -> bool:
        try:
            said = cooking.shell(query, folder)
        except AssertionError:
            return False
        return all(word in said for word in expected)

    await running.until(look)
