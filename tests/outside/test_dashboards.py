"""Dashboards show no number and no green where there is no data, and 0 where there is nothing wrong.

Every query of every tile and bar is answered by a real Prometheus that scrapes exporters in these situations.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from exporter import app
from exporter.state_file import SavedCollection
from tests import scripted
from tests.end_to_end import running
from tests.grafana import boards
from tests.outside.exporters import served

Ask = Callable[[str], list[dict[str, Any]]]

DAY = 86_400.0
GREEN, GREY = "green", "#808080"
EXPORTER = "ses-inventory-exporter"
PROCESS = {"Config reload", "Task restarts", "State file age", "State file", "Connections"}
"""Tiles about the process, which has a state whatever it knows of an inventory."""

AGES = {"Data age"}
"""Tiles that are older the longer there is no data."""

BOARDS = boards.boards()
TILES = [
    (uid, panel)
    for uid, board in BOARDS.items()
    for panel in boards.panels(board)
    if panel["type"] in ("stat", "bargauge")
]


def healthy() -> scripted.Inventory:
    """An inventory in which everything is operational."""
    party = {"relatedParty": [{"id": "P1", "name": "Acme", "role": "customer"}]}
    lists: dict[str, dict[str, scripted.Json]] = {name: {} for name in scripted.COLLECTIONS}
    for name, records in lists.items():
        for ident in scripted.idents(name, range(3)):
            records[ident] = {"name": ident, "status": "Operational", **party}
    return scripted.Inventory(lists)


@asynccontextmanager
async def situations(folder: Path) -> AsyncIterator[tuple[Ask, dict[str, str]]]:
    """Exporters in their situations and a Prometheus that has scraped them: how to ask it, and instances."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        inventory = await enter(scripted.served(healthy()))
        good = await enter(scripted.exporting(inventory))
        old = await enter(app.built(good.config))
        no_answer = scripted.Inventory()
        no_answer.url = f"http://127.0.0.1:{running.free_port()}"
        refused = await enter(scripted.exporting(no_answer))
        partly = await enter(app.built(good.config))
        await scripted.refresh(good)
        await old.group.restore(aged(good.group.saved(), 2 * DAY))
        for poller in refused.pollers:
            await poller.refresh()
        await partly.pollers[0].refresh()
        houses = {"no problems": good, "expired": old, "no answer": refused, "services only": partly}
        urls = {name: await enter(served(built)) for name, built in houses.items()}
        ask = await enter(running.prometheus(folder, list(urls.values())))
        yield ask, {name: url.removeprefix("http://") for name, url in urls.items()}


def aged(kept: Mapping[str, SavedCollection], seconds: float) -> Mapping[str, SavedCollection]:
    """What an exporter has kept, as if it had been read so long ago."""
    then = time.time() - seconds
    return {
        name: msgspec.structs.replace(one, last_success=then, last_full_success=then)
        for name, one in kept.items()
    }


def asked(ask: Ask, panel: dict[str, Any], instance: str) -> list[list[dict[str, Any]]]:
    """What each query of a panel gives where one exporter is chosen."""
    return [
        ask(boards.filled(target["expr"]).replace('instance=~".*"', f'instance="{instance}"'))
        for target in panel["targets"]
    ]


def colours(panel: dict[str, Any], found: list[list[dict[str, Any]]]) -> set[str]:
    """The colours in which a panel shows values: those of its mappings, else those of its thresholds."""
    shown = set()
    for one in (one for series in found for one in series):
        value = float(one["value"][1])
        shown.add(_mapped(panel, value) or _threshold(panel, value))
    return shown


def _mapped(panel: dict[str, Any], value: float) -> str:
    for mapping in panel["fieldConfig"]["defaults"].get("mappings", []):
        result = mapping["options"].get(f"{value:g}") if mapping["type"] == "value" else None
        if result:
            return str(result["color"])
    return ""


def _threshold(panel: dict[str, Any], value: float) -> str:
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return str([step["color"] for step in steps if step["value"] is None or step["value"] <= value][-1])


async def test_t15_tiles_show_nothing_without_data_and_zero_with_it(tmp_path: Path) -> None:
    async with situations(tmp_path) as (ask, instances):
        whole = f'count(ses_inventory_carriers{{instance="{instances["no problems"]}"}}) > 0'
        await running.until(lambda: ask(whole))
        wrong = []
        for uid, panel in TILES:
            answers = {name: asked(ask, panel, instance) for name, instance in instances.items()}
            wrong += [f"{uid}: {panel['title']}: {problem}" for problem in problems(uid, panel, answers)]
        assert wrong == []


def problems(uid: str, panel: dict[str, Any], answers: dict[str, list[list[dict[str, Any]]]]) -> list[str]:
    """What is wrong with what a panel shows in the situations."""
    title = panel["title"]
    found = []
    if uid == EXPORTER:
        if title not in PROCESS:
            missing = ("no answer", "expired")
            found = [f"green while {name}" for name in missing if GREEN in colours(panel, answers[name])]
        return found
    for name in ("no answer", "expired"):
        if any(answers[name]) and not (title in AGES and GREEN not in colours(panel, answers[name])):
            found.append(f"has a value while {name}: {answers[name]}")
    if not all(answers["no problems"]):
        found.append("has no value with a snapshot")
    of_problems = panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["color"] == GREEN
    values = {float(one["value"][1]) for series in answers["no problems"] for one in series}
    if of_problems and title not in AGES and values != {0.0}:
        found.append(f"is {values} without a problem")
    return found


async def test_t15_a_number_over_several_collections_is_no_zero_while_one_of_them_is_missing(
    tmp_path: Path,
) -> None:
    async with situations(tmp_path) as (ask, instances):
        await running.until(lambda: ask(f'ses_inventory_services{{instance="{instances["services only"]}"}}'))
        panels = {panel["title"]: panel for uid, panel in TILES if uid == "ses-inventory-services"}
        answers = {title: asked(ask, panel, instances["services only"]) for title, panel in panels.items()}
    assert [one["value"][1] for one in answers["Down"][0]] == ["0"]
    assert answers["Affected"] == [[]], "carriers and resources may be down"


@pytest.mark.parametrize(("uid", "panel"), TILES, ids=[f"{uid}-{panel['title']}" for uid, panel in TILES])
def test_t15_what_has_no_data_is_grey_and_says_so(uid: str, panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    (none,) = [one for one in defaults["mappings"] if one["type"] == "special"]
    assert none["options"]["match"] == "null"
    result = none["options"]["result"]
    assert result["color"] == GREY, uid
    assert result["text"] == defaults["noValue"]
    no_data = "no\N{NO-BREAK SPACE}data"  # in one line, however narrow the tile is
    assert result["text"] == ("no state file" if "state file" in panel["title"].lower() else no_data)
