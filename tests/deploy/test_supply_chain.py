"""What is trusted in building and delivering: locks, actions, privileges, and a bill of materials."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.copies import ROOT

WORKFLOW = ROOT / ".github/workflows/ci.yml"
TEXT = WORKFLOW.read_text()
JOBS: dict[str, Any] = yaml.safe_load(TEXT)["jobs"]
BIN = Path(sys.prefix, "bin")


@pytest.mark.parametrize("schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"])
def test_the_workflow_is_one(schema: str) -> None:
    subprocess.run([BIN / "check-jsonschema", "--builtin-schema", schema, WORKFLOW], check=True)


def test_actions_are_named_by_commit_and_say_of_which_version() -> None:
    used = re.findall(r"uses: (\S+)(.*)", TEXT)
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), comment


def test_a_job_may_do_only_what_it_must() -> None:
    assert yaml.safe_load(TEXT)["permissions"] == {}
    assert {name: job["permissions"] for name, job in JOBS.items()} == {
        "test": {"contents": "read"},
        "audit": {"contents": "read"},
        "image": {"contents": "read", "id-token": "write"},
    }
    assert "pull_request_target" not in TEXT
    for job in JOBS.values():
        for step in job["steps"]:
            # an expression in a script is text that a stranger may have chosen
            assert "${{" not in step.get("run", "")
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"] == {"persist-credentials": False}


def test_only_a_release_that_passed_is_signed_and_it_is_signed_by_digest() -> None:
    assert JOBS["image"]["if"] == "startsWith(github.ref, 'refs/tags/v')"
    assert JOBS["image"]["needs"] == ["test", "audit"]
    assert 'cosign sign --yes "$IMAGE@$digest"' in TEXT


def test_public_tests_are_the_tests_that_run_everywhere() -> None:
    assert any("bash .ci/run" in step.get("run", "") for step in JOBS["test"]["steps"])


def test_the_bill_of_materials_names_everything_that_is_locked() -> None:
    command = [BIN / "cyclonedx-py", "requirements", "requirements.lock", "--output-reproducible"]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    listed = {part["name"]: part for part in json.loads(said.stdout)["components"]}
    locked = re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert set(listed) == set(locked)
    assert all(part["purl"].startswith("pkg:pypi/") for part in listed.values())


@pytest.mark.parametrize(
    "name", ["requirements.lock", "requirements-dev.lock", "deploy/container/build.lock"]
)
def test_a_lock_names_no_index(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"https?://|--index-url|--find-links", text)


def test_the_threat_model_goes_through_every_door_and_letter() -> None:
    text = (ROOT / "THREAT_MODEL.md").read_text()
    for door in ("APIs", "state file", "configuration and secrets", "port", "logs", "simulator", "build"):
        assert re.search(rf"^\| \*\*[^|]*{door}", text, re.MULTILINE), door
    threats = re.findall(r"^\|[^|]*\| ([STRIDE](?:, [STRIDE])*): ", text, re.MULTILINE)
    assert {letter for threat in threats for letter in threat.split(", ")} == set("STRIDE")


def test_the_promises_lead_to_the_threat_model() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (ROOT / target).exists()
    assert "THREAT_MODEL.md" in text
