"""That there is a test for every row of what failed outside, by its number."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent

LATER = {"t16", "t19", "o14", "o16"}
"""Rows that need what does not exist yet: conditions of a status, reads by id, pages and names to come."""

ROWS = {
    *(f"t{number:02}" for number in range(1, 23)),
    *(f"o{number:02}" for number in range(1, 17)),
    *(f"a{number:02}" for number in range(1, 14)),
} - LATER


def test_there_is_a_test_for_every_row() -> None:
    found: set[str] = set()
    for file in HERE.glob("test_*.py"):
        for one in ast.walk(ast.parse(file.read_text())):
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name.startswith("test_"):
                found.update(re.findall(r"(?<=_)([toa]\d\d)(?=_)", one.name))
    assert found >= ROWS, sorted(ROWS - found)
