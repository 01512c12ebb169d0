"""`python -m bench.growth [CARRIERS …]`: how cost grows from 1,000 to 300,000 carriers.

Each size is measured by a process of its own (`growing`) over pages that nginx serves (`slices`). Writes
`bench/growth.json` after each size, and from it the plot and the page; `python -m bench.sizing` does only the
latter. Sizes that are not asked for are not in the file afterwards: a run is of one machine and one version;
`python -m bench.million` adds its own.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench import point, programs, sizing
from bench.__main__ import spoken
from bench.slices import configured, served

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000)


async def measured(carriers: int, *further: str) -> dict[str, Any]:
    """What `growing` says of so many carriers; `further` are arguments for it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with served(folder, carriers) as inventory:
            file = configured(inventory, "settings.yaml")
            place = (name, str(carriers), str(inventory.port), str(file))
            return await spoken("bench.growing", *place, *further)


def sizes(words: Sequence[str]) -> tuple[int, ...]:
    """The sizes that were asked for, such as 1_000; all where none was. Raises SystemExit for nonsense."""
    try:
        asked = tuple(sorted({int(word) for word in words})) or SIZES
    except ValueError as error:
        raise SystemExit(f"{error}: give numbers of carriers, such as 1_000 100_000") from error
    if asked[0] < 1:
        raise SystemExit(f"{asked[0]} carriers cannot be measured: give numbers above 0")
    return asked


async def grow(asked: Sequence[int], file: Path) -> None:
    """Measures every size, the smallest first, and keeps the file up to date."""
    run = point.begun()
    for carriers in asked:
        print(f"{carriers:,} carriers …", file=sys.stderr, flush=True)
        run = run.joined(msgspec.convert(await measured(carriers), point.Point))
        point.save(run, file)


def main() -> int:
    programs.required("nginx", "wrk")
    asyncio.run(grow(sizes(sys.argv[1:]), point.FILE))
    sizing.write(point.load())
    print("\n".join(sizing.table(point.load())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
