"""Installs the exporter as operators do, and runs it: `python -m tests.install` (`make install-test`).

The lines that the pages show are run as they stand there, with each pip that people have, against an index
that has a newer release of everything that the locks pin; then without a lock, with the lowest versions that
pyproject.toml allows, and with other Pythons where the machine has them. It prints a table; what this machine
lacks is a row that says so. Invariant: everything is made in a temporary folder, which is removed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests import locks, snippets, wheel

PIPS = ("22.3", "23.0.1", "23.2.1", "24.0", "")
"""From the oldest that is supported; the empty one is the newest there is."""
ENDS = (PIPS[0], PIPS[-1])
PYTHONS = ("3.12", "3.13")
SYSTEM = Path("/usr/bin/python3")
"""The Python of the distribution, whose patch release is often older than any other that is tried."""
OWN = "its own"  # the pip that a Python puts into a venv
PAGES = ("getting-started.md", "deploy/pip.md", "../README.md")
PLACE = "/opt/ses-inventory-exporter"
TOOLS = (
    *("pytest", "pytest-aiohttp", "pytest-timeout", "pytest-xdist", "pytest-randomly"),
    *("hypothesis", "trustme", "packaging"),
)
TESTS = ("tests/settings", "tests/metrics", "tests/test_poller.py", "tests/test_reload.py")
"""What shows soonest that a library is another than was thought; seconds, for it runs in several venvs."""
FURTHER = ("tests/test_poller.py", "tests/test_reload.py", "tests/test_cli.py")
"""What other Pythons run besides the folders of `make quick`."""
LINES = 15  # of what a failed step printed


class Failed(Exception):
    """A step went wrong; the message is the end of what it printed."""


@dataclass(frozen=True)
class Row:
    """One line of the table: what was installed, how it went, how many seconds it took."""

    what: str
    result: str
    seconds: float
    good: bool = True


def lines_of(page: str) -> str:
    """The lines of a page that install, as they are shown."""
    shown = (text for section in snippets.sections(page) for text in section.commands())
    return next(text for text in shown if "--require-hashes" in text)


def quick_part() -> tuple[str, ...]:
    """The folders of tests that `make quick` runs."""
    found = re.search(r"^QUICK := (.+)$", (wheel.ROOT / "Makefile").read_text(), re.MULTILINE)
    return tuple(found[1].split()) if found else ()


def interpreter(series: str) -> Path | None:
    """A Python of a series (`3.12`) on PATH or of pyenv that runs; None where the machine has none."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    found = [shutil.which(f"python{series}"), *sorted(map(str, root.glob(f"{series}.*/bin/python")))]
    return next((Path(path) for path in filter(None, found) if has_venv(Path(path))), None)


def others() -> list[tuple[str, Path | None, str]]:
    """Other Pythons than the one that runs this, in words, and the pip that is used with each.

    None stands for one that the machine lacks.
    """
    found = [(f"Python {series}", interpreter(series), "") for series in PYTHONS]
    if SYSTEM.resolve() != Path(sys.base_prefix, "bin", "python3").resolve():
        found.append((f"{SYSTEM}, {OWN} pip", SYSTEM if has_venv(SYSTEM) else None, OWN))
    return found


def has_venv(python: Path) -> bool:
    """Whether a Python is there and can make a venv with pip."""
    if not python.exists():
        return False
    ended = subprocess.run([python, "-c", "import venv, ensurepip"], capture_output=True, check=False)
    return not ended.returncode


def newer_releases(folder: Path, names: Iterable[str]) -> None:
    """Wheels of version 9999 with nothing in them: an index that is newer than a lock."""
    folder.mkdir()
    for name in names:
        stem = f"{name.replace('-', '_')}-9999"
        with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
            about = f"{stem}.dist-info"
            archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 9999\n")
            archive.writestr(
                f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{about}/RECORD", "")


def run(*command: object, cwd: Path, **environ: str) -> str:
    """What a command prints; raises `Failed` where it fails."""
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    ended = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**clean, "PIP_QUIET": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise Failed("\n".join(ended.stdout.splitlines()[-LINES:]))
    return ended.stdout


class Bench:
    """A copy of the checkout, and what is tried in it; `rows` are the results."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.house = folder, wheel.copied(folder)
        self.rows: list[Row] = []
        names = {pin.name for pin in locks.pins((self.house / wheel.LOCK).read_text())}
        newer_releases(folder / "newer", names)
        links = (os.environ.get("PIP_FIND_LINKS", ""), str(folder / "newer"))
        self.newer = " ".join(link for link in links if link)
        self.base = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")

    def tried(self, what: str, step: Callable[[Path], None]) -> None:
        """Adds a row; the step gets a folder for its venv, which is removed after it."""
        begun, place = time.monotonic(), self.folder / "venv"
        try:
            step(place)
            result, good = "good", True
        except Failed as error:
            result, good = "FAILED", False
            print(error, flush=True)
        shutil.rmtree(place, ignore_errors=True)
        self.rows.append(Row(what, result, time.monotonic() - begun, good))
        print(f"{what}: {result}, {self.rows[-1].seconds:.0f} s", flush=True)

    def venv(self, place: Path, python: Path, pip: str = "") -> Path:
        """The interpreter of a fresh venv with a version of pip."""
        run(python, "-m", "venv", place, cwd=self.house)
        made = place / "bin" / "python"
        if pip != OWN:
            wanted = (f"pip=={pip}",) if pip else ("--upgrade", "pip")
            run(made, "-m", "pip", "install", *wanted, cwd=self.house)
        return made

    def page(self, page: str, pip: str) -> Callable[[Path], None]:
        """The lines of a page with a pip, then one crawl."""

        def step(place: Path) -> None:
            create, *rest = lines_of(page).replace(PLACE, str(place)).splitlines()
            if create != f"python3 -m venv {place}":
                raise Failed(f"{page} begins with another line: {create}")
            self.venv(place, self.base, pip)
            run("bash", "-euo", "pipefail", "-c", "\n".join(rest), cwd=self.house, PIP_FIND_LINKS=self.newer)
            self.crawl(place)

        return step

    def crawl(self, place: Path) -> None:
        """Runs `once` against the simulator, from the venv alone."""
        command, file = place / "bin" / "ses-inventory-exporter", place / "simulated.yaml"
        simulate = [command, "simulate", "--listen-address", "127.0.0.1:0", "--config-out", file]
        with subprocess.Popen(simulate, cwd=place, stdout=subprocess.PIPE, text=True) as simulator:
            try:
                assert simulator.stdout
                if not any(
                    line.startswith("configuration for it") for line in iter(simulator.stdout.readline, "")
                ):
                    raise Failed("the simulator does not start")
                if "ses_inventory_carriers{" not in run(command, "once", "--config.file", file, cwd=place):
                    raise Failed("once shows no carriers")
            finally:
                simulator.terminate()

    def development(self, python: Path, pip: str, tests: tuple[str, ...]) -> Callable[[Path], None]:
        """The lock for development, and some tests."""

        def step(place: Path) -> None:
            made = self.venv(place, python, pip)
            lock = ("--no-deps", "--require-hashes", "-r", wheel.LOCK)
            run(made, "-m", "pip", "install", *lock, cwd=self.house, PIP_FIND_LINKS=self.newer)
            run(
                made,
                "-m",
                "pip",
                "install",
                "--no-deps",
                "--no-index",
                "--no-build-isolation",
                ".",
                cwd=self.house,
            )
            run(made, "-m", "pip", "check", cwd=self.house)
            self.crawl(place)
            self.quick(made, tests)

        return step

    def unlocked(self, place: Path) -> None:
        """The newest of everything."""
        made = self.venv(place, self.base)
        run(made, "-m", "pip", "install", ".", *TOOLS, cwd=self.house)
        self.crawl(place)
        self.quick(made, TESTS)

    def lowest(self, place: Path) -> None:
        """The lowest versions that pyproject.toml allows."""
        uv = Path(sys.prefix, "bin", "uv")
        lowest = self.folder / "lowest.txt"
        resolution = ("--resolution", "lowest-direct", "--python", self.base, "--quiet")
        run(uv, "pip", "compile", *resolution, "pyproject.toml", "-o", lowest, cwd=self.house)
        made = self.venv(place, self.base)
        run(made, "-m", "pip", "install", "-r", lowest, *TOOLS, cwd=self.house)
        run(made, "-m", "pip", "install", "--no-deps", ".", cwd=self.house)
        run(made, "-m", "pip", "check", cwd=self.house)
        self.crawl(place)
        self.quick(made, TESTS)

    def quick(self, python: Path, tests: tuple[str, ...]) -> None:
        """Some tests, in a venv."""
        if tests:
            # with the venv's folder of programs first, as when it is activated
            path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
            run(
                python,
                "-m",
                "pytest",
                "-q",
                "-n",
                "2",
                "-m",
                wheel.WITHOUT_SOURCES,
                *tests,
                cwd=self.house,
                PATH=path,
            )


def main() -> int:
    """1 where something could not be installed or run."""
    with tempfile.TemporaryDirectory(prefix="install-") as name:
        bench = Bench(Path(name))
        for number, pip in enumerate(PIPS):
            page = PAGES[number % len(PAGES)]
            bench.tried(f"docs/{page}, pip {pip or 'newest'}", bench.page(page, pip))
        for pip in ENDS:
            bench.tried(f"{wheel.LOCK}, pip {pip or 'newest'}", bench.development(bench.base, pip, ()))
        bench.tried("no lock: the newest of everything", bench.unlocked)
        bench.tried("no lock: the lowest of everything", bench.lowest)
        for name, python, pip in others():
            what = f"{wheel.LOCK}, {name}"
            if python:
                bench.tried(what, bench.development(python, pip, (*quick_part(), *FURTHER)))
            else:
                bench.rows.append(Row(what, "not tried: this machine has none", 0))
    print("\n| what is installed | result | seconds |\n|---|---|---|")
    for row in bench.rows:
        print(f"| {row.what} | {row.result} | {row.seconds:.0f} |")
    return 0 if all(row.good for row in bench.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
