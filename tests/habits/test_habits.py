"""Every folder of habits: what is sent there is read as is expected there."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.habits import driver, recipes


@pytest.mark.parametrize("name", driver.habits())
async def test_what_servers_send_is_read_as_expected(name: str, tmp_path: Path) -> None:
    expected = yaml.safe_load((driver.HABITS / name / "expected.yaml").read_text())
    found = await driver.read(name, tmp_path)
    for key in ("records", "reason", "requests"):
        if key == "records" and isinstance(expected.get(key), int):
            assert len(found[key]) == expected[key], found
        elif key in expected:
            assert found[key] == expected[key], (key, found)
    for key in ("error", "hint", "exports", "warnings"):
        words = expected.get(key, [])
        for word in [words] if isinstance(words, str) else words:
            assert word in found[key], (key, found)
    assert found["complete"] == expected.get("complete", "error" not in expected), found


def test_the_recipes_of_the_page_are_those_that_are_tested() -> None:
    written = recipes.PAGE.read_text(encoding="utf-8")
    assert recipes.page(written) == written, "run python -m tests.habits.recipes"
