"""Writes the dashboards' JSON next to this file, or reports which of it differs from the code.

`python -m grafana` writes, `--runbooks URL` sets where the list of alerts points to; with `--check` it exits
1 where a file has drifted, is missing or is left over.
It owns the files' names and nothing of their content. Invariant: one file a dashboard, named after its uid.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from grafana import carriers, exporter, overview, page, resources, services
from rules.rule import Links

FOLDER = Path(__file__).parent / "dashboards"


def texts(runbooks: str = Links.runbooks) -> Mapping[str, str]:
    """The JSON of every dashboard by the name of its file; `runbooks` is the URL of their folder."""
    boards = (module.dashboard() for module in (overview, services, carriers, resources, exporter))
    return {f"{board.uid}.json": page.as_json(board).replace(Links.runbooks, runbooks) for board in boards}


def drifted(folder: Path, runbooks: str = Links.runbooks) -> list[str]:
    """The files of a folder that are not what the code says: changed, missing or left over."""
    said = texts(runbooks)
    there = {file.name: file.read_text(encoding="utf-8") for file in folder.glob("*.json")}
    return sorted(name for name in said.keys() | there.keys() if said.get(name) != there.get(name))


def write(folder: Path, runbooks: str = Links.runbooks) -> list[str]:
    """Writes what has drifted, removes what is left over, and returns the names of both."""
    folder.mkdir(parents=True, exist_ok=True)
    said, changed = texts(runbooks), drifted(folder, runbooks)
    for name in changed:
        if name in said:
            (folder / name).write_text(said[name], encoding="utf-8")
        else:
            (folder / name).unlink()
    return changed


def main(arguments: Sequence[str]) -> int:
    """Exit status 0, or 1 where `--check` found drift."""
    parser = argparse.ArgumentParser(prog="python -m grafana", description="Write the dashboards of Grafana.")
    parser.add_argument("--check", action="store_true", help="report files that differ from the code")
    parser.add_argument("--runbooks", default=Links.runbooks, metavar="URL", help="folder of the runbooks")
    given = parser.parse_args(arguments)
    runbooks = given.runbooks.rstrip("/")
    if given.check:
        found = drifted(FOLDER, runbooks)
        for name in found:
            sys.stderr.write(f"grafana/dashboards/{name} differs from the code: run `python -m grafana`\n")
        return int(bool(found))
    for name in write(FOLDER, runbooks):
        sys.stdout.write(f"written grafana/dashboards/{name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
