"""Writes the dashboards' JSON next to this file, or reports which of it differs from the code.

`python -m grafana` writes, `--runbooks URL` sets where the list of alerts points to; with `--check` it exits
1 where a file has drifted, is missing or is left over. There is one file per dashboard, named after its uid.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from grafana import carriers, exporter, overview, page, resources, services
from rules import generated
from rules.rule import Links

FOLDER = Path(__file__).parent / "dashboards"


def texts(runbooks: str = Links.runbooks) -> Mapping[str, str]:
    """The JSON of every dashboard by the name of its file; `runbooks` is the URL of their folder."""
    boards = (module.dashboard() for module in (overview, services, carriers, resources, exporter))
    return {f"{board.uid}.json": page.as_json(board).replace(Links.runbooks, runbooks) for board in boards}


def main(arguments: Sequence[str]) -> int:
    """Exit status 0, or 1 where `--check` found drift."""
    parser = argparse.ArgumentParser(prog="python -m grafana", description="Write the dashboards of Grafana.")
    parser.add_argument("--check", action="store_true", help="report files that differ from the code")
    parser.add_argument("--runbooks", default=Links.runbooks, metavar="URL", help="folder of the runbooks")
    given = parser.parse_args(arguments)
    found = texts(given.runbooks.rstrip("/"))
    if given.check:
        return generated.check(FOLDER, found, "python -m grafana")
    generated.write(FOLDER, found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
