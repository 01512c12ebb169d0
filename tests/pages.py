"""Writes the pages that are generated from code, or checks that none has drifted.

`python -m tests.pages` writes them; with `--check` it exits 1 and names those that differ from the code.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bench import sizing
from tests.deploy import copies
from tests.faults import catalogue as faults
from tools import (
    cli_page,
    decisions_page,
    log_events_page,
    metrics_page,
    modules_page,
    relationships_page,
    settings_page,
    status_api_page,
    status_values_page,
)

ROOT = Path(__file__).parent.parent

PAGES: Mapping[str, Callable[[], str]] = {
    **copies.FILES,
    "docs/architecture.md": modules_page.as_markdown,
    "docs/cli.md": cli_page.as_markdown,
    "docs/decisions/index.md": decisions_page.as_markdown,
    "docs/faults.md": faults.as_markdown,
    "docs/log-events.md": log_events_page.as_markdown,
    "docs/metrics.md": metrics_page.as_markdown,
    "docs/relationships.md": relationships_page.as_markdown,
    "docs/settings.md": settings_page.as_markdown,
    "docs/sizing.md": sizing.as_markdown,
    "docs/status-api.md": status_api_page.as_markdown,
    "docs/status-values.md": status_values_page.as_markdown,
}


def drifted() -> list[str]:
    """The pages whose file is not what the code says."""
    return [
        name
        for name, page in PAGES.items()
        if not (ROOT / name).exists() or (ROOT / name).read_text(encoding="utf-8") != page()
    ]


def main() -> int:
    if sys.argv[1:] == ["--check"]:
        for name in drifted():
            print(f"{name} differs from the code: run `make docs` and commit it", file=sys.stderr)
        return 1 if drifted() else 0
    for name, page in PAGES.items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(page(), encoding="utf-8")
        print(f"written {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
