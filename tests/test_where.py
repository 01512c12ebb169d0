"""The page for contributors that says which module answers which question."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tools import modules_page

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| ([^|]+\?) \| `([^`]+)` \| `([^`]+)` \|$", re.MULTILINE)


def test_twenty_questions_have_answers_that_exist() -> None:
    rows = ROW.findall((ROOT / "docs/where.md").read_text(encoding="utf-8"))
    assert len(rows) == 20
    for question, file, name in rows:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        defined = {
            node.name
            for node in tree.body
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        }
        defined |= {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        defined |= {
            node.target.id
            for node in tree.body
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        }
        assert name in defined, f"{question} {file} has no {name}"


def test_every_module_says_what_it_is_and_is_in_the_table() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    for file in sorted(modules_page.CODE.rglob("*.py")):
        if file.name not in ("__init__.py", "__main__.py"):
            assert modules_page.summary(file), f"{file} has no docstring"
    for name, _ in modules_page.modules():
        assert f"| `{name}` |" in page, f"{name} is not in docs/architecture.md"


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    for file in sorted(modules_page.CODE.rglob("*.py")):
        yield file, ast.parse(file.read_text(encoding="utf-8"))


def test_no_two_classes_have_the_same_name() -> None:
    names = Counter(
        node.name.lstrip("_")
        for _, tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1] == []


PUBLIC = {"_exit", "_current_frames", "_replace"}
"""Names with an underscore that the standard library documents."""


def test_private_attributes_are_those_of_the_same_module() -> None:
    """No private name of a library is used, and no module reaches into the state of another one."""
    for file, tree in _trees():
        nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        private = [node for node in nodes if re.match("_(?!_)", node.attr) and node.attr not in PUBLIC]
        own = {node.attr for node in private if ast.unparse(node.value) in ("self", "cls")}
        foreign = {ast.unparse(node) for node in private if node.attr not in own}
        assert foreign <= {"zlib._Decompress"}, f"{file} uses {foreign}"  # a type that has no public name
