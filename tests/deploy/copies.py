"""The files under deploy/ that repeat what stands elsewhere in the repository, made from it.

A chart and a kustomization can only read files in their own folder, and an image is built with as little as
possible. Invariant: what they repeat is never edited by hand; a drift fails the tests.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CHART = "deploy/helm/ses-inventory-exporter"
BUILD_TOOLS = ("hatchling", "packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers")
"""What builds the wheel: hatchling and all it needs."""


def _copy(source: Path) -> str:
    return source.read_text(encoding="utf-8")


def build_lock() -> str:
    """The part of the development lock that building the wheel needs, hashes included."""
    lock = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    return "".join(_entries(lock))


def _entries(lock: str) -> Iterator[str]:
    yield "# Copied from requirements-dev.lock by `make docs`: what builds the wheel in the image.\n"
    for name in BUILD_TOOLS:
        found = re.search(rf"^{name}==.*\\\n(?:    --hash=.*\n)+", lock, re.MULTILINE)
        assert found, f"{name} is not in requirements-dev.lock: does the wheel need another tool now?"
        yield found[0]


def _sources() -> Iterator[tuple[str, Path]]:
    for rules in _rules():
        yield f"{CHART}/files/rules/{rules.name}", rules
    for board in sorted((ROOT / "grafana/dashboards").glob("*.json")):
        yield f"{CHART}/files/dashboards/{board.name}", board


def _rules() -> Iterator[Path]:
    yield from sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))


def _as_object(rules: Path) -> str:
    """A rules file as the object that the Prometheus operator takes, comments and all."""
    heading = (
        f"# Copied from deploy/prometheus/rules/{rules.name} by `make docs`.",
        "apiVersion: monitoring.coreos.com/v1",
        "kind: PrometheusRule",
        "metadata:",
        f"  name: ses-inventory-{rules.stem}",
        "spec:",
    )
    return "".join(f"{line}\n" for line in (*heading, *textwrap.indent(_copy(rules), "  ").splitlines()))


FILES: Mapping[str, Callable[[], str]] = {
    **{target: partial(_copy, source) for target, source in _sources()},
    **{
        f"deploy/kustomize/monitoring/rules-{rules.stem}.yaml": partial(_as_object, rules)
        for rules in _rules()
    },
    "deploy/container/build.lock": build_lock,
}
"""Each file by its path in the repository, and what it must hold."""


def write() -> None:
    """Writes every file anew and removes those that no longer have a source."""
    for name, text in FILES.items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(text(), encoding="utf-8")
    for name in strays():
        (ROOT / name).unlink()


def strays() -> list[str]:
    """Files beside the copies whose source is gone."""
    places = (f"{CHART}/files/*/*", "deploy/kustomize/monitoring/rules-*")
    present = {str(file.relative_to(ROOT)) for place in places for file in ROOT.glob(place)}
    return sorted(present - set(FILES))


if __name__ == "__main__":
    write()
