"""The kustomization, built by kubectl or kustomize if there, and checked against Kubernetes' schemas."""

from __future__ import annotations

import shutil
import subprocess
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import settings
from tests.deploy import charting
from tests.deploy.charting import FOREIGN, Thing, installed, of, pods
from tests.deploy.copies import ROOT

FOLDER = ROOT / "deploy/kustomize"
BASE, EXAMPLE = FOLDER / "base", FOLDER / "example"
BUILDERS = (("kubectl", "kustomize"), ("kustomize", "build"))
"""Programs that build a folder: the one of the page first."""


@cache
def built(folder: Path) -> list[Thing]:
    """The objects of a folder as kustomize builds them; without any the files that it names, as they are."""
    for program, verb in BUILDERS:
        if shutil.which(program):
            said = subprocess.run([program, verb, folder], check=True, capture_output=True, text=True)
            return list(yaml.safe_load_all(said.stdout))
    warnings.warn("no kubectl, no kustomize: their files are checked one by one, not built", stacklevel=2)
    return _read(folder)


def _read(folder: Path) -> list[Thing]:
    named: dict[str, Any] = yaml.safe_load((folder / "kustomization.yaml").read_text())
    things: list[Thing] = []
    for name in (*named["resources"], *named.get("components", ())):
        path = folder / name
        things += _read(path) if path.is_dir() else list(yaml.safe_load_all(path.read_text()))
    return things


@pytest.mark.parametrize("folder", [BASE, EXAMPLE], ids=["base", "example"])
def test_every_object_is_what_kubernetes_expects(folder: Path) -> None:
    own = [thing for thing in built(folder) if thing["kind"] not in FOREIGN]
    assert {"Deployment", "NetworkPolicy", "PersistentVolumeClaim", "Service", "ServiceAccount"} <= {
        thing["kind"] for thing in own
    }
    for thing in own:
        charting.validate(thing, "1.31")


def test_the_pod_is_the_charts_pod() -> None:
    (ours,), (theirs,) = pods(built(BASE)), pods(installed("defaults"))
    our, their = ours["spec"]["containers"][0], theirs["spec"]["containers"][0]
    for key in ("ports", "env", "resources", "securityContext"):
        assert our[key] == their[key], key
    assert our["livenessProbe"] == their["livenessProbe"]
    assert {mount["mountPath"] for mount in our["volumeMounts"]} == {
        mount["mountPath"] for mount in their["volumeMounts"]
    }
    for key in ("securityContext", "automountServiceAccountToken", "enableServiceLinks"):
        assert ours["spec"][key] == theirs["spec"][key], key


def test_selectors_are_filled_by_the_labels_that_every_object_gets() -> None:
    (labels,) = yaml.safe_load((BASE / "kustomization.yaml").read_text())["labels"]
    assert (labels["includeSelectors"], labels["includeTemplates"]) == (True, True)
    (monitor,) = of("ServiceMonitor", built(EXAMPLE))
    assert monitor["spec"]["selector"]["matchLabels"] == labels["pairs"]


def test_the_alerts_are_those_of_the_repository() -> None:
    sources = [
        yaml.safe_load(file.read_text()) for file in sorted((ROOT / "deploy/prometheus/rules").glob("*"))
    ]
    found = [one["spec"] for one in of("PrometheusRule", built(EXAMPLE))]
    assert len(found) == len(sources)
    assert all(one in found for one in sources)


@pytest.mark.parametrize("folder", [BASE, EXAMPLE], ids=["base", "example"])
def test_the_settings_are_good_settings(folder: Path, tmp_path: Path) -> None:
    for api in ("tmf638", "tmf639"):
        (tmp_path / api).write_text("secret\n")
    text = (folder / "config.yaml").read_text().replace("/run/secrets/ses-inventory-exporter", str(tmp_path))
    (tmp_path / "config.yaml").write_text(text)
    assert len(settings.load(tmp_path / "config.yaml", {}, {}).targets()) == 3


def test_every_file_of_the_folders_is_used() -> None:
    for folder in (BASE, EXAMPLE, FOLDER / "monitoring"):
        said = (folder / "kustomization.yaml").read_text()
        assert all(file.name in said for file in folder.iterdir() if file.name != "kustomization.yaml")
