"""What is delivered: the sdist and the wheel built from these sources, and the package as it is installed.

`python -m tests.wheel` runs all tests against the built wheel; those marked `sources` are of the building.
"""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

import pytest

import exporter
from tests import wheel
from tests.end_to_end.running import COMMAND

ROOT = wheel.ROOT
NAME = "ses-inventory-exporter"
STEM = f"ses_inventory_exporter-{exporter.__version__}"
WAYS = pytest.mark.parametrize(
    "way", [[COMMAND], [sys.executable, "-m", "exporter"]], ids=["script", "module"]
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel.copied(tmp_path_factory.mktemp("copy"))


@pytest.fixture(scope="module")
def delivered(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist, and the wheel that was built from it."""
    return wheel.built(copy, tmp_path_factory.mktemp("dist"))


def metadata(wheel_: Path) -> Message:
    with zipfile.ZipFile(wheel_) as archive:
        return BytesParser().parsebytes(archive.read(f"{STEM}.dist-info/METADATA"))


def of_the_package(folder: Path) -> set[str]:
    """The files of `exporter/`, without what Python compiled."""
    files = (file for file in (folder / "exporter").rglob("*") if file.is_file())
    return {str(file.relative_to(folder)) for file in files if file.suffix != ".pyc"}


@pytest.mark.sources
def test_the_copy_that_is_built_from_lacks_nothing(copy: Path) -> None:
    tracked = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
    files = {name for name in tracked.split("\0") if name and (ROOT / name).is_file()}
    assert not {name for name in files if not (copy / name).is_file()}


@pytest.mark.sources
def test_the_wheel_holds_the_package_its_licence_and_nothing_else(
    copy: Path, delivered: tuple[Path, Path]
) -> None:
    names = set(zipfile.ZipFile(delivered[1]).namelist())
    about = ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")
    assert names == of_the_package(copy) | {f"{STEM}.dist-info/{name}" for name in about}
    templates = {f"exporter/web/templates/{name}" for name in ("landing.html", "card.html", "style.css")}
    assert {"exporter/py.typed", *templates} <= names
    assert delivered[1].name == f"{STEM}-py3-none-any.whl"


@pytest.mark.sources
def test_the_wheel_says_what_it_is_and_what_it_needs(copy: Path, delivered: tuple[Path, Path]) -> None:
    project = tomllib.loads((copy / "pyproject.toml").read_text())["project"]
    said = metadata(delivered[1])
    assert (said["Name"], said["Version"]) == (NAME, exporter.__version__)
    assert (said["License-Expression"], said["License-File"]) == ("Apache-2.0", "LICENSE")
    assert said["Requires-Python"] == project["requires-python"]
    needed = {need for need in said.get_all("Requires-Dist", ()) if "extra ==" not in need}
    assert needed == set(project["dependencies"])
    assert said.get_payload(decode=True) == (copy / "README.md").read_bytes()
    assert said["Description-Content-Type"] == "text/markdown"


@pytest.mark.sources
def test_the_sdist_holds_what_builds_and_tries_the_package_and_nothing_of_this_machine(
    copy: Path, delivered: tuple[Path, Path]
) -> None:
    with tarfile.open(delivered[0]) as archive:
        names = {name.removeprefix(f"{STEM}/") for name in archive.getnames()}
    assert of_the_package(copy) <= names
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "tests/test_package.py"} <= names
    assert not [name for name in names if re.search(r"(^|/)(\.venv|\.git|__pycache__|node_modules)/", name)]


@pytest.mark.sources
def test_the_same_sources_give_the_same_sdist_and_the_same_wheel_byte_for_byte(
    copy: Path, delivered: tuple[Path, Path], tmp_path: Path
) -> None:
    again = wheel.built(copy, tmp_path)
    assert [file.read_bytes() for file in again] == [file.read_bytes() for file in delivered]


def test_the_installed_package_is_typed_licensed_and_of_the_version_that_it_says() -> None:
    assert Path(exporter.__file__).with_name("py.typed").exists()
    installed = importlib.metadata.distribution(NAME)
    assert installed.version == exporter.__version__
    assert installed.read_text("licenses/LICENSE") == (ROOT / "LICENSE").read_text()
    (script,) = installed.entry_points
    assert (script.group, script.name, script.value) == ("console_scripts", NAME, "exporter.cli:main")


@WAYS
def test_the_command_runs_by_both_its_names_and_from_any_folder(way: list[str], tmp_path: Path) -> None:
    said = subprocess.run([*way, "--version"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert (said.stdout, said.stderr) == (f"{NAME} {exporter.__version__}\n", "")


@WAYS
def test_both_names_of_the_command_end_with_its_exit_status(way: list[str], tmp_path: Path) -> None:
    command = [*way, "check", "--offline", "--config.file", "nowhere.yaml"]
    said = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("nowhere.yaml: cannot be read: ")
