"""Writes the files of `deploy/prometheus/rules`, or reports which of them differ from the code.

`python -m rules` writes, `--runbooks URL` and `--dashboards URL` set where alerts point to; with `--check` it
exits 1 where a file has drifted, is missing or is left over.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rules import carriers, exporter, generated, records, resources, services
from rules.rule import File, Links

FOLDER = Path(__file__).parent.parent / "deploy/prometheus/rules"
FILES: tuple[File, ...] = tuple(
    module.file() for module in (carriers, services, resources, records, exporter)
)


def texts(links: Links) -> Mapping[str, str]:
    """The YAML of every file by its name."""
    return {f"{file.name}.yml": file.text(links) for file in FILES}


def main(arguments: Sequence[str]) -> int:
    """Exit status 0, or 1 where `--check` found drift."""
    parser = argparse.ArgumentParser(prog="python -m rules", description="Write the rules of Prometheus.")
    parser.add_argument("--check", action="store_true", help="report files that differ from the code")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the files are")
    parser.add_argument("--runbooks", default=Links.runbooks, metavar="URL", help="folder of the runbooks")
    parser.add_argument("--dashboards", default=Links.dashboards, metavar="URL", help="root of Grafana")
    given = parser.parse_args(arguments)
    found = texts(Links(given.runbooks.rstrip("/"), given.dashboards.rstrip("/")))
    if given.check:
        return generated.check(given.folder, found, "python -m rules")
    generated.write(given.folder, found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
