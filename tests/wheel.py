"""Runs the tests against the built wheel, with the sources out of the way: `python -m tests.wheel`.

A copy of the checkout is made, an sdist built from it, a wheel from the sdist; the wheel goes into a fresh
venv with what the hashed lock names, `exporter/` is taken out of the copy, and pytest runs there, loading
this module as a plugin. What is in the wheel is tests/test_package.py's to say; tests marked `sources` stay
out, and are listed. Invariant: not one test runs here whose `exporter` is another than the wheel's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

import exporter

ROOT = Path(__file__).parents[1]
LOCK = "requirements-dev.lock"
PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")
OPTIONS = ("-n", "auto", "-p", "tests.wheel")
WITHOUT_SOURCES = "not matrix and not sources"


def pytest_configure() -> None:
    """Loaded by `-p tests.wheel`: no test starts, in any worker, where `exporter` is not the wheel's."""
    installed, found = Path(sysconfig.get_path("purelib")), Path(exporter.__file__)
    if not found.is_relative_to(installed):
        raise pytest.UsageError(f"exporter is {found}, not in {installed}: these tests would try the sources")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The proof, where the result stands."""
    terminalreporter.write_line(f"tested: exporter {exporter.__version__} at {exporter.__file__}")


def copied(folder: Path) -> Path:
    """The checkout as it is now, without what git ignores: others may go on working in it."""
    lines = (ROOT / ".gitignore").read_text().split()
    anywhere = shutil.ignore_patterns(
        ".git", "node_modules", *(one.strip("/") for one in lines if one[0] != "/")
    )
    at_root = shutil.ignore_patterns(*(one.strip("/") for one in lines if one[0] == "/"))

    def ignored(place: str, names: list[str]) -> set[str]:
        return anywhere(place, names) | (at_root(place, names) if Path(place) == ROOT else set())

    house = folder / "house"
    shutil.copytree(ROOT, house, ignore=ignored)
    return house


def built(source: Path, folder: Path) -> tuple[Path, Path]:
    """The sdist of a checkout, and the wheel built from that sdist; by the locked hatchling, offline."""
    command = (sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(source))
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def _installed(wheel: Path, house: Path, venv: Path) -> Path:
    """The interpreter of a fresh venv with the locked packages and the wheel, which need nothing else."""
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    python = venv / "bin" / "python"
    for arguments in (
        ("install", "--no-deps", "--require-hashes", "-r", house / LOCK),
        ("install", "--no-deps", "--no-index", wheel),
        ("check",),
    ):
        subprocess.run([python, *PIP, *arguments], check=True)
    return python


def _say(text: str) -> None:
    print(f"== {text}", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Pytest's exit status; `arguments` are handed to it."""
    with tempfile.TemporaryDirectory(prefix="wheel-") as name:
        folder = Path(name)
        _say("sdist, and the wheel from it")
        house = copied(folder)
        _, wheel = built(house, folder / "dist")
        _say(f"{wheel.name} in a fresh venv, with {LOCK}")
        python = _installed(wheel, house, folder / "venv")
        shutil.rmtree(house / "exporter")
        clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        tests = (python, "-m", "pytest")
        _say("left out, because they are about the sources")
        listing = (*tests, "--collect-only", "--quiet", "--no-header", "-m", "sources and not matrix")
        subprocess.run(listing, cwd=house, env=clean, check=False)
        _say("the tests")
        command = (*tests, *OPTIONS, "-m", WITHOUT_SOURCES, *arguments)
        return subprocess.run(command, cwd=house, env=clean, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
