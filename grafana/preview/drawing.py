"""Makes pictures of dashboards: bundles the page, gives it a dashboard with its data, takes a screenshot.

It owns the programs that this needs (npm, node, chromium) and says what to install where one is missing. The
page itself is in `src/`. Invariant: it leaves nothing but the pictures and `node_modules`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent

CELL, HEAD = 38, 60
"""Pixels: the height of a cell of the grid, and of the heading; as in `src/main.tsx`."""

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class Missing(Exception):
    """A program that drawing needs is not there; the text says how to get it."""


def program(*names: str) -> str:
    """The first of these programs that is on PATH. Raises Missing."""
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    raise Missing(f"{names[0]} is needed. On Debian: apt-get install nodejs npm chromium fonts-inter")


def bundle(folder: Path) -> Path:
    """Builds the script of the page; installs missing packages."""
    if not (HERE / "node_modules").exists():
        _run(program("npm"), "ci", "--no-audit", "--no-fund")
    script = folder / "page.js"
    _run(program("node"), "build.mjs", str(script))
    return script


@dataclass(frozen=True)
class Size:
    """Width in pixels, height in cells of the grid."""

    width: int
    height: int


def draw(script: Path, preview: Mapping[str, object], size: Size, picture: Path) -> None:
    """Writes one picture. `preview` is what the page finds in `window.PREVIEW`."""
    page = script.with_name(f"{picture.stem}.html")
    content = json.dumps({**preview, "width": size.width}).replace("</", "<\\/")
    page.write_text(
        '<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="page.css"><body>'
        f"<script>window.PREVIEW = {content}</script>"
        f'<script src="{script.name}"></script></body>',
        encoding="utf-8",
    )
    _run(
        program(*BROWSERS),
        *(
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
        ),
        *(f"--window-size={size.width},{size.height * CELL + HEAD}", "--virtual-time-budget=15000"),
        *(f"--screenshot={picture}", page.as_uri()),
    )
    if not picture.exists():
        raise RuntimeError(f"the browser wrote no {picture}: open {page} in one and look at its console")


def _run(*command: str) -> None:
    done = subprocess.run(  # noqa: S603  programs found by name, with our own arguments
        command, cwd=HERE, check=False, capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
