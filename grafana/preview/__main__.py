"""`python -m grafana.preview`: draws every dashboard into `docs/images/`.

By default it runs an inventory, an exporter and a Prometheus of its own for some minutes; `--prometheus URL`
draws the data of another one. Invariant: it stops all that it started.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from grafana.__main__ import FOLDER
from grafana.preview import asking, drawing, running

IMAGES = Path(__file__).parents[2] / "docs" / "images"

WIDTH = 1600
"""Pixels of a dashboard's width."""

ROOM = 24
"""Pixels around a table."""


def main(arguments: list[str]) -> int:
    """Exit status 0, or 1 where a program is missing."""
    parser = argparse.ArgumentParser(prog="python -m grafana.preview", description=__doc__)
    parser.add_argument("--prometheus", metavar="URL", help="draw the data of this Prometheus")
    parser.add_argument("--scrape-interval", type=float, default=2.0, metavar="SECONDS")
    parser.add_argument("--minutes", type=float, default=5.0, help="how much time the graphs show")
    given = parser.parse_args(arguments)
    seconds = 60 * given.minutes
    try:
        with tempfile.TemporaryDirectory(prefix="preview-") as name:
            script = drawing.bundle(Path(name))
            if given.prometheus:
                end = time.time()
                draw(asking.Source(given.prometheus, end - seconds, end, given.scrape_interval), script)
            else:
                asyncio.run(_own(Path(name), script, seconds))
    except drawing.Missing as missing:
        sys.stderr.write(f"{missing}\n")
        return 1
    return 0


def draw(source: asking.Source, script: Path) -> None:
    """Draws every dashboard, and every table that is wider than it, with the data of a Prometheus."""
    for file in sorted(FOLDER.glob("*.json")):
        board: asking.Json = json.loads(file.read_text(encoding="utf-8"))
        said = {"answers": asking.answers(source, board), "from": source.start, "to": source.end}
        name = file.stem.removeprefix("ses-inventory-")
        height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
        _picture(script, said | {"board": board}, drawing.Size(WIDTH, height), name)
        for panel, width in _wide(board):
            alone = panel | {"gridPos": panel["gridPos"] | {"x": 0, "y": 0}}
            size = drawing.Size(width, panel["gridPos"]["h"])
            _picture(script, said | {"board": board | {"panels": [alone]}}, size, f"{name}-table")


def _picture(script: Path, preview: asking.Json, size: drawing.Size, name: str) -> None:
    picture = IMAGES / f"dashboard-{name}.png"
    drawing.draw(script, preview, size, picture)
    sys.stdout.write(f"written docs/images/{picture.name}\n")


def _wide(board: asking.Json) -> Iterator[tuple[asking.Json, int]]:
    """The tables with columns that need more room than the dashboard has, and how much."""
    for panel in board["panels"]:
        widths = [
            one["value"]
            for override in panel.get("fieldConfig", {}).get("overrides", [])
            for one in override["properties"]
            if one["id"] == "custom.width"
        ]
        if panel["type"] == "table" and sum(widths) > WIDTH:
            yield panel, sum(widths) + ROOM


async def _own(folder: Path, script: Path, seconds: float) -> None:
    """Runs all it takes on loopback for a while, then draws."""
    async with running.prometheus(folder) as url:
        start = time.time()
        await asyncio.sleep(seconds)
        source = asking.Source(url, start, time.time(), running.SCRAPE_INTERVAL)
        await asyncio.to_thread(draw, source, script)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
