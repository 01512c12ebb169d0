"""A folder of generated files, of rules or dashboards: which differ from the code, and writes those."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path


def drifted(folder: Path, texts: Mapping[str, str]) -> list[str]:
    """The files of a folder that differ from `texts`, by name: changed, missing or left over."""
    endings = {Path(name).suffix for name in texts}
    files = (file for file in folder.glob("*") if file.suffix in endings)
    there = {file.name: file.read_text(encoding="utf-8") for file in files}
    return sorted(name for name in texts.keys() | there.keys() if texts.get(name) != there.get(name))


def check(folder: Path, texts: Mapping[str, str], command: str) -> int:
    """Names on standard error the files that differ; 1 if there are any, else 0."""
    found = drifted(folder, texts)
    for name in found:
        sys.stderr.write(f"{folder / name} differs from the code: run `{command}`\n")
    return int(bool(found))


def write(folder: Path, texts: Mapping[str, str]) -> list[str]:
    """Writes the files that differ, removes those left over, and returns and prints the names of both."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = drifted(folder, texts)
    for name in changed:
        if name in texts:
            (folder / name).write_text(texts[name], encoding="utf-8")
        else:
            (folder / name).unlink()
        sys.stdout.write(f"written {folder / name}\n")
    return changed
