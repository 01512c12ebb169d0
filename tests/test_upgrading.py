"""The page on upgrading: its commands do what it says, and what it names is there."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from exporter import state_file
from tests import cooking, snippets
from tests.end_to_end import running

PAGES = ("cookbook.md", "getting-started.md", "index.md", "upgrading.md")
SECTIONS = {section.title: section for section in snippets.sections("upgrading.md")}
NEW = "/opt/ses-inventory-exporter-new/bin"
OF_SETTINGS = {"ses_inventory_carrier_uplink_center_frequency_hertz"}
"""Metrics that settings of the page make."""


async def test_the_same_version_differs_from_itself_in_nothing(tmp_path: Path) -> None:
    read, compare = SECTIONS["Before the upgrade"].commands()
    counts = ("--services", "5", "--carriers", "20", "--resources", "9")
    async with running.simulated(tmp_path, *counts) as file, running.serving(file) as url:
        file.rename(tmp_path / "inventory.yaml")
        commands = read.replace("http://localhost:10638", url).replace(NEW, cooking.BIN)
        await asyncio.to_thread(cooking.shell, commands, tmp_path)
        assert cooking.shell(compare, tmp_path) == ""


def test_what_came_and_what_went_is_shown(tmp_path: Path) -> None:
    _, compare = SECTIONS["Before the upgrade"].commands()
    before = '# TYPE ses_inventory_a gauge\nses_inventory_a{x="1 2"} 7\nses_inventory_exporter_up 1\n'
    after = '# TYPE ses_inventory_b gauge\nses_inventory_b{x="1 2"} 7\nses_inventory_exporter_up 0\n'
    (tmp_path / "before.txt").write_text(before)
    (tmp_path / "after.txt").write_text(after)
    assert cooking.shell(compare, tmp_path).splitlines() == [
        "ses_inventory_a gauge",
        "\tses_inventory_b gauge",
        'ses_inventory_a{x="1 2"}',
        '\tses_inventory_b{x="1 2"}',
    ]


@pytest.mark.parametrize("page", PAGES)
def test_metrics_that_a_page_names_exist(page: str) -> None:
    text = (snippets.ROOT / "docs" / page).read_text()
    known = (snippets.ROOT / "docs/metrics.md").read_text()
    for name in set(re.findall(r"\bses_inventory_[a-z_]+[a-z]\b(?!-\*)", text)) - OF_SETTINGS:
        assert f"`{name}`" in known, name


def test_queries_that_the_page_shows_are_promql(tmp_path: Path) -> None:
    shown = [block.text for section in SECTIONS.values() for block in section.blocks if not block.language]
    assert len(shown) == 1, "indented ones are short"
    rules = [f"      - {{record: 'r{at}', expr: '{line}'}}" for at, line in enumerate(shown[0].splitlines())]
    text = "\n".join(("groups:", "  - name: page", "    rules:", *rules))
    (tmp_path / "rules.yml").write_text(text)
    assert f"{len(rules)} rules found" in cooking.shell("promtool check rules rules.yml", tmp_path)


def test_the_page_says_which_reasons_a_state_file_is_set_aside_for() -> None:
    text = (snippets.ROOT / "docs/upgrading.md").read_text()
    code = "".join(file.read_text() for file in Path(state_file.__file__).parent.glob("*.py"))
    for reason in ("version", "checksum", "truncated"):
        assert f'reason="{reason}"' in code
        assert f"`{reason}`" in text or f"`reason={reason}`" in text
