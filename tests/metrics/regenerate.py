"""Writes the golden texts of `cases/` anew from the pages beside them.

`python -m tests.metrics.regenerate`, from the root of the checkout, renders each `DIALECT-COLLECTION.json`, a
page of one full record as an inventory sends it, and writes the whole text of the body as
`DIALECT-COLLECTION.txt`. It needs no network and no environment. Read the difference before you commit it:
it is what an operator's dashboards will meet.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.metrics import rendering

CASES = Path(__file__).parent / "cases"


def pages() -> list[Path]:
    """The pages that have, or should have, a golden text."""
    return sorted(CASES.glob("*.json"))


def rendered(page: Path) -> str:
    """What the code makes of a page; its name says which dialect and collection it is."""
    name, _, collection = page.stem.rpartition("-")
    return rendering.text(page.read_bytes(), name, collection)


def main() -> int:
    for page in pages():
        page.with_suffix(".txt").write_text(rendered(page), encoding="utf-8")
        print(f"written {page.with_suffix('.txt').name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
