"""The Dockerfile: read by hadolint, and held to what a reader of it is promised."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from exporter import cli
from tests.deploy import copies
from tests.deploy.copies import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
BUILD, LAST = DOCKERFILE.split("\nFROM ")[1:]


def test_hadolint_finds_nothing() -> None:
    told = subprocess.run(
        [Path(sys.prefix, "bin", "hadolint"), "--no-color", "Dockerfile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stdout) == (0, "")


def test_the_base_image_is_pinned_by_a_digest_that_an_argument_changes() -> None:
    assert re.search(r"^ARG PYTHON_IMAGE=\S+:3\.\d+\.\d+-slim-\w+$", DOCKERFILE, re.MULTILINE)
    assert re.search(r"^ARG PYTHON_DIGEST=@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)
    assert BUILD.startswith("${PYTHON_IMAGE}${PYTHON_DIGEST} AS build\n")
    assert LAST.startswith("${PYTHON_IMAGE}${PYTHON_DIGEST}\n")


def test_everything_that_is_installed_has_a_hash() -> None:
    installs = [line for line in DOCKERFILE.splitlines() if "pip install" in line]
    assert len(installs) == 3
    assert all(
        "--no-deps --require-hashes --only-binary=:all:" in line or "--no-index dist/*.whl" in line
        for line in installs
    )
    for name in ("requirements.lock", "deploy/container/build.lock"):
        entries = re.split(r"^(?=[a-z])", (ROOT / name).read_text(), flags=re.MULTILINE)[1:]
        assert entries and all("--hash=sha256:" in entry for entry in entries)


def test_nothing_is_installed_in_the_last_stage_and_its_user_is_a_number_that_is_not_roots() -> None:
    assert "RUN" not in LAST
    assert re.findall(r"^USER (.*)$", LAST, re.MULTILINE) == ["10638:10638"]


def test_the_image_runs_verbs_that_exist() -> None:
    assert 'ENTRYPOINT ["ses-inventory-exporter"]' in LAST
    parser = cli.parser()
    assert parser.parse_args(["healthcheck"]).url == "http://127.0.0.1:10638/-/healthy"
    command = re.search(r'^CMD \["(.*)"\]$', LAST, re.MULTILINE)
    assert command
    given = parser.parse_args(command[1].split('", "'))
    assert str(given.config_file) == "/etc/ses-inventory-exporter/config.yaml"


def test_labels_say_what_it_is() -> None:
    names = re.findall(r"org\.opencontainers\.image\.(\w+)=", LAST)
    assert names == ["title", "description", "licenses", "version", "revision", "source"]


@pytest.mark.sources
def test_only_what_is_copied_reaches_the_builder() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    assert let_in == {name for line in copied for name in line.split()}
    assert all((ROOT / name).exists() for name in let_in)


@pytest.mark.parametrize("name", copies.FILES)
def test_a_copy_is_what_its_source_says(name: str) -> None:
    assert (ROOT / name).read_text() == copies.FILES[name](), "run `make docs` and commit it"


def test_no_copy_is_left_without_a_source() -> None:
    assert copies.strays() == []


SCRIPTS = pytest.mark.parametrize("script", ["deploy/container/image-test.sh", "deploy/systemd/unit-test.sh"])


@SCRIPTS
def test_a_script_that_tries_the_real_thing_is_good_shell_and_removes_what_it_made(script: str) -> None:
    subprocess.run(["bash", "-n", script], cwd=ROOT, check=True)
    text = (ROOT / script).read_text()
    assert "set -euo pipefail" in text and "trap finish EXIT" in text
