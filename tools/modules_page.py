"""The generated parts of docs/architecture.md: which package may import which, and the table of modules.

The layers come from the contracts of import-linter in pyproject.toml, the table from the first sentences of
docstrings. `make docs` writes them.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import exporter

ROOT = Path(__file__).parents[1]
CODE = Path(exporter.__file__).parent
PAGE = ROOT / "docs" / "architecture.md"


def summary(file: Path) -> str:
    """The first sentence of a module's docstring, without the full stop; "" if there is none."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    first = " ".join(text.split("\n\n")[0].split())
    return first.split(". ")[0].removesuffix(".")


def modules() -> Iterator[tuple[str, str]]:
    """Each module with its summary, sorted by path; modules without a docstring are left out."""
    for file in sorted(CODE.rglob("*.py")):
        text = summary(file)
        if text:
            yield file.relative_to(CODE).as_posix(), text


def _layers() -> Iterator[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in project["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers":
            (container,) = contract["containers"]
            rows = " > ".join(contract["layers"])
            yield f"`{container}`:\n\n```\n{_wrapped(rows)}\n```\n"


def _wrapped(layers: str) -> str:
    lines = [""]
    for layer in layers.split(" > "):
        longer = f"{lines[-1]} > {layer}" if lines[-1] else layer
        if len(longer) <= 100:
            lines[-1] = longer
        else:
            lines[-1] = f"{lines[-1]} >"
            lines.append(layer)
    return "\n".join(lines)


def _table() -> Iterator[str]:
    yield "| module | content |\n|---|---|"
    for name, text in modules():
        yield f"| `{name}` | {text.replace('|', chr(92) + '|')} |"


def _replaced(page: str, part: str, text: str) -> str:
    """The page with the text between `<!-- PART -->` and `<!-- end of PART -->` replaced."""
    before, begin, rest = page.partition(f"<!-- {part} -->\n")
    _, end, after = rest.partition(f"<!-- end of {part} -->\n")
    return f"{before}{begin}{text}\n{end}{after}"


def as_markdown() -> str:
    """The whole page, with the generated parts as the code has them."""
    page = PAGE.read_text(encoding="utf-8")
    return _replaced(_replaced(page, "layers", "\n".join(_layers())), "modules", "\n".join(_table()))
