"""The table of modules in docs/architecture.md, from the first lines of docstrings: `make docs` writes it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import exporter

CODE = Path(exporter.__file__).parent
PAGE = Path(__file__).parents[1] / "docs" / "architecture.md"
BEGIN, END = "<!-- modules -->\n", "<!-- end of modules -->\n"


def summary(file: Path) -> str:
    """The first sentence of a module's docstring, without the full stop; "" where there is none."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    first = " ".join(text.split("\n\n")[0].split())
    return first.split(". ")[0].removesuffix(".")


def modules() -> Iterator[tuple[str, str]]:
    """Each module with its summary, in the order of their paths; those without code are left out."""
    for file in sorted(CODE.rglob("*.py")):
        said = summary(file)
        if said:
            yield file.relative_to(CODE).as_posix(), said


def as_markdown() -> str:
    """The whole page, with the table as the code has it."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    rows = "\n".join(f"| `{name}` | {said.replace('|', chr(92) + '|')} |" for name, said in modules())
    return f"{before}{BEGIN}| module | what it is |\n|---|---|\n{rows}\n{END}{after}"
