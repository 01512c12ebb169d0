"""Writes docs/deploy/verified.md: what of the deployment is tried by which test, and what no test can try.

The list is read out of the tests themselves, whose names are sentences; only what was done by hand, and what
could not be, is written here. Invariant: the same tests give the same page, byte for byte.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.deploy.copies import ROOT

TESTS = (*sorted((ROOT / "tests/deploy").glob("test_*.py")), ROOT / "tests/test_sd_notify.py")

OPENING = """\
# Tested deployments

Written by `make docs` from the names of the tests, which `make test` runs: what is said here passes.
"""

BY_HAND = (
    "`make image-test` (`deploy/container/image-test.sh`): base image by debootstrap under the "
    "Dockerfile's name, image by buildah from the hashed locks, simulator and exporter from it by podman "
    "and crun: user 10638, read-only root, no capability, 64 tasks; 25,000 carriers read, ready, scraped, "
    "stopped by SIGTERM with exit status 0 and a state file. And the demo, alone in its container.",
    "`make unit-test` (`deploy/systemd/unit-test.sh`): a Debian 12 made by debootstrap boots its systemd "
    "in namespaces, the exporter is installed there with the commands of [systemd](systemd.md) and "
    "started with all the hardening: 25,000 carriers read, ready, scraped, "
    "reloaded as the same process, stopped with its state kept, then started with each of the page's "
    "drop-ins.",
    "`make wheel-test` (`python -m tests.wheel`): sdist and wheel are built, the wheel is installed with the "
    "hashed lock into a fresh venv, and all the tests run against it where no sources are; the run "
    "says at its end where the package lies that it tried.",
    "`make install-test` (`python -m tests.install`): the lines of [pip](pip.md) and "
    "[getting started](../getting-started.md) that install, as they are shown, with pip 22.3, 23.0.1, "
    "23.2.1, 24.0 and the newest, where newer releases of everything that is locked can be had; the newest "
    "of everything without a lock, and the lowest versions that `pyproject.toml` allows; and the quick "
    "part of the tests on Python 3.12 and 3.13 where the machine has them. Each crawls a simulator.",
    "The commands of [pip](pip.md), [getting started](../getting-started.md) and "
    "[prometheus](prometheus.md), literally, in a fresh clone; the simulator was the inventory.",
    "`kubectl kustomize` 1.32 of `base`, `example` and the copy that [kustomize](kustomize.md) makes; the "
    "tests use kubectl or kustomize where one is on PATH, and check the files one by one with a warning "
    "where none is. `kubectl create secret` and `create configmap` with `--dry-run=client`.",
)

NOT_TRIED = (
    "The real base image and its digest, and the images of Prometheus, Alertmanager and Grafana: no "
    "registry of images was reachable. The digest is the one that many public repositories name for this "
    "tag.",
    "Docker itself, for there was no daemon: Podman and Buildah in its place. Nor limits of memory and tasks "
    "by control groups, which were not to be had: tasks were limited by `RLIMIT_NPROC`.",
    "`docker compose up`, for both reasons. The file is checked against the specification, the demo's "
    "settings read the simulator, promtool reads Prometheus' file and the rules.",
    "A Kubernetes cluster, so no `helm install` and no `kubectl apply`: charts and kustomizations are "
    "rendered and checked against Kubernetes' schemas; the Prometheus operator's kinds have no schema "
    "here and are checked by what is inside them.",
    "Grafana itself: the dashboards are drawn with its own components "
    "([dashboards](../dashboards.md)), and imported by nobody here.",
    "`systemctl reload prometheus` of Debian's package: the files were installed where it looks for them and "
    "read by promtool.",
    "Mimir, Thanos and VictoriaMetrics: the files are read by promtool, the relabelling is done by a real "
    "agent.",
    "The public workflow: it is checked against its schema; the commits of the actions are those that "
    "many public repositories name for these versions. pip-audit needs its database, which is on the "
    "internet.",
)


def _cases(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name.removeprefix("test_").replace("_", " ").capitalize()


def _section(file: Path) -> Iterator[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    yield f"\n## {file.stem.removeprefix('test_').replace('_', ' ').capitalize()}\n\n"
    yield f"{' '.join((ast.get_docstring(tree) or '').split())}\n\n"
    for case in _cases(tree):
        yield f"- {case}.\n"
    yield f"\n`{file.relative_to(ROOT)}`\n"


def _listed(title: str, lines: tuple[str, ...]) -> Iterator[str]:
    yield f"\n## {title}\n\n"
    for line in lines:
        yield f"- {line}\n"


def as_markdown() -> str:
    """The page."""
    sections = [part for file in TESTS for part in _section(file)]
    by_hand = _listed("By hand, on Debian 12", BY_HAND)
    return "".join((OPENING, *sections, *by_hand, *_listed("What could not be tried", NOT_TRIED)))
