"""Installing: the locks are complete, and every line that installs from them takes them as complete."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import install, locks
from tests.snippets import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNNING: list[str] = PYPROJECT["project"]["dependencies"]
LOCKS = {
    "requirements.lock": RUNNING,
    "requirements-dev.lock": [*RUNNING, *PYPROJECT["dependency-groups"]["dev"]],
}
INSTALLING = (
    "Makefile",
    "Dockerfile",
    "README.md",
    "docs/getting-started.md",
    "docs/deploy/pip.md",
    "docs/deploy/systemd.md",
    "deploy/systemd/unit-test.sh",
    "deploy/container/image-test.sh",
    "tests/wheel.py",
)
ENVIRONMENTS = pytest.mark.parametrize(
    "environment",
    list(locks.environments()),
    ids=lambda one: f"{one['python_version']}-{one['platform_machine']}",
)


def requires(name: str) -> Iterable[str]:
    """What an installed package says that it needs."""
    return importlib.metadata.requires(name) or ()


@pytest.mark.parametrize("name", INSTALLING)
def test_o01_every_line_that_installs_from_a_lock_takes_it_as_complete(name: str) -> None:
    lines = [line for line in (ROOT / name).read_text().splitlines() if "--require-hashes" in line]
    assert lines
    assert [line for line in lines if "--no-deps" not in line] == []


@pytest.mark.parametrize("name", [name for name in INSTALLING if not name.startswith("deploy/")])
def test_o01_what_was_installed_without_resolving_is_checked(name: str) -> None:
    text = (ROOT / name).read_text()
    assert re.search(r'pip check|\("check",\)', text[text.index("--require-hashes") :])


@pytest.mark.parametrize("name", LOCKS)
@ENVIRONMENTS
def test_o01_a_lock_pins_all_that_its_packages_ask_of_each_other(
    name: str, environment: dict[str, str]
) -> None:
    lock = locks.pins((ROOT / name).read_text())
    assert locks.lacking(lock, LOCKS[name], requires, environment) == []


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        ("asking==1\nasked==1\nmore==1\n", []),
        ("asking==1\nasked==1\n", ["more>=1: not pinned for Python 3.12"]),
        ("asking==1\nasked==1\nmore==1 ; python_version < '3.12'\n", ["more>=1: not pinned for Python 3.12"]),
        ("asking==1\nasked==1\nmore==0.9\n", ["more>=1: 0.9 is pinned"]),
    ],
)
def test_o01_a_requirement_of_an_extra_that_is_not_pinned_is_found(lock: str, said: list[str]) -> None:
    needs = {
        "asking": ["asked[extra]>=1", "never; sys_platform == 'win32'"],
        "asked": ["more>=1; extra == 'extra'", "other; extra == 'unasked'"],
        "more": ["asking"],
    }
    hashed = lock.replace("\n", " \\\n    --hash=sha256:0\n")
    environment = next(one for one in locks.environments() if one["python_version"] == "3.12")
    assert locks.lacking(locks.pins(hashed), ["asking"], needs.__getitem__, environment) == said
    if not said:
        bare = locks.lacking(locks.pins(lock), ["asking"], needs.__getitem__, environment)
        assert sorted(bare)[0] == "asked[extra]>=1: pinned without a hash"


def imports(file: Path) -> Iterator[str]:
    """The packages at the top that a module imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@pytest.mark.sources
def test_o11_what_the_exporter_imports_is_declared() -> None:
    declared = {canonicalize_name(Requirement(text).name) for text in RUNNING}
    parents = importlib.metadata.packages_distributions()
    imported = {name for file in (ROOT / "exporter").rglob("*.py") for name in imports(file)}
    foreign = imported - sys.stdlib_module_names - {"exporter"}
    names = {canonicalize_name(parents[name][0]) for name in foreign}
    # pydantic names the one version of its core that it works with
    assert names - {"pydantic-core"} - declared == set()
    assert {"aiohttp", "yarl", "pyyaml"} <= names


def test_o11_every_requirement_has_a_lower_bound() -> None:
    for text in RUNNING:
        assert any(one.operator == ">=" for one in Requirement(text).specifier), text


def test_o01_the_pages_that_install_show_the_lines_that_are_tried() -> None:
    first, *others = (install.lines_of(page) for page in (*install.PAGES, "deploy/systemd.md"))
    assert first.splitlines()[-1] == "/opt/ses-inventory-exporter/bin/pip check"
    assert all(other.startswith(first) for other in others)


def test_o01_continuous_integration_installs_in_every_way_and_under_other_clocks() -> None:
    commands = (ROOT / ".ci/run").read_text().splitlines()
    assert [line for line in commands if line.startswith("make ")] == [
        "make test",
        "make system-test",
        "make time-test",
        "make prism-test",
        "make install-test",
    ]


def test_o12_the_python_of_the_image_is_one_that_is_tested() -> None:
    image = re.search(r"^ARG PYTHON_IMAGE=\S+:(3\.\d+)\.", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    assert image
    assert image[1] in workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert image[1] in install.PYTHONS
    assert f"Python {image[1]}" in (ROOT / "docs/deploy/container.md").read_text()


def test_o12_other_pythons_run_the_quick_part_of_the_tests() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert f"QUICK := {' '.join(install.quick_part())}\n" in makefile
    for place in (*install.quick_part(), *install.FURTHER):
        assert (ROOT / place).exists(), place
    assert {"tests/settings", "tests/metrics", "tests/inventory", "tests/source", "tests/web"} <= set(
        install.quick_part()
    )


def test_o12_the_python_of_the_distribution_is_tried_if_it_is_another_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    series = [f"Python {one}" for one in install.PYTHONS]
    monkeypatch.setattr(install, "SYSTEM", Path(sys.base_prefix, "bin", "python3"))
    assert [name for name, _, _ in install.others()] == series
    lacking = tmp_path / "python3"
    monkeypatch.setattr(install, "SYSTEM", lacking)
    assert install.others()[-1] == (f"{lacking}, its own pip", None, install.OWN)
