"""Writes the files of `deploy/prometheus/rules`, or reports which of them differ from the code.

`python -m rules` writes, `--runbooks URL` and `--dashboards URL` set where alerts point to; with `--check` it
exits 1 where a file has drifted, is missing or is left over.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rules import carriers, exporter, records, resources, services
from rules.rule import File, Links

FOLDER = Path(__file__).parent.parent / "deploy/prometheus/rules"
FILES: tuple[File, ...] = tuple(
    module.file() for module in (carriers, services, resources, records, exporter)
)


def texts(links: Links) -> Mapping[str, str]:
    """The YAML of every file by its name."""
    return {f"{file.name}.yml": file.text(links) for file in FILES}


def drifted(folder: Path, links: Links) -> list[str]:
    """The files of a folder that are not what the code says: changed, missing or left over."""
    said = texts(links)
    there = {file.name: file.read_text(encoding="utf-8") for file in folder.glob("*.yml")}
    return sorted(name for name in said.keys() | there.keys() if said.get(name) != there.get(name))


def write(folder: Path, links: Links) -> list[str]:
    """Writes what has drifted, removes what is left over, and returns the names of both."""
    folder.mkdir(parents=True, exist_ok=True)
    said, changed = texts(links), drifted(folder, links)
    for name in changed:
        if name in said:
            (folder / name).write_text(said[name], encoding="utf-8")
        else:
            (folder / name).unlink()
    return changed


def main(arguments: Sequence[str]) -> int:
    """Exit status 0, or 1 where `--check` found drift."""
    parser = argparse.ArgumentParser(prog="python -m rules", description="Write the rules of Prometheus.")
    parser.add_argument("--check", action="store_true", help="report files that differ from the code")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the files are")
    parser.add_argument("--runbooks", default=Links.runbooks, metavar="URL", help="folder of the runbooks")
    parser.add_argument("--dashboards", default=Links.dashboards, metavar="URL", help="root of Grafana")
    given = parser.parse_args(arguments)
    links = Links(given.runbooks.rstrip("/"), given.dashboards.rstrip("/"))
    if given.check:
        found = drifted(given.folder, links)
        for name in found:
            sys.stderr.write(f"{given.folder / name} differs from the code: run `python -m rules`\n")
        return int(bool(found))
    for name in write(given.folder, links):
        sys.stdout.write(f"written {given.folder / name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
