"""The recipes of `docs/dialects.md`: what APIs send, and the settings by which the habits here read it.

`python -m tests.habits.recipes` writes them into the page; each is a folder of habits, and so is tested.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from tests.habits import driver

PAGE = Path(__file__).parents[2] / "docs" / "dialects.md"
BEGIN, END = "<!-- recipes -->", "<!-- end of recipes -->"


def table() -> str:
    """The recipes as a table: what an API does, what it sends, and the settings of the collection."""
    rows = ["| API | response | settings of the collection |", "|---|---|---|"]
    found = []
    for name in driver.habits():
        expected = yaml.safe_load((driver.HABITS / name / "expected.yaml").read_text())
        if recipe := expected.get("recipe"):
            by = recipe.get("instead") or _settings(expected)
            found.append((recipe["order"], f"| {recipe['api']} | {recipe['sends']} | {by} |"))
    return "\n".join([*rows, *(row for _, row in sorted(found))])


def _settings(expected: dict[str, Any]) -> str:
    written = dict(expected.get("settings", {}).get("collections", {}).get("services", {}))
    written.pop("page_size", None)
    if not written:
        return "none"
    text = yaml.safe_dump(written, default_flow_style=True, width=1000, sort_keys=False).strip()
    return f"`{text[1:-1]}`"


def page(text: str) -> str:
    """The page with the recipes as they are now."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


def main() -> int:
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
