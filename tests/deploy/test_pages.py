"""The pages of docs/deploy: what they name exists, what they show is good."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import cli, settings
from tests.deploy import charting
from tests.deploy.copies import ROOT

FOLDER = ROOT / "docs/deploy"
PAGES = sorted(FOLDER.glob("*.md"))
EVERY = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
TRIED = [page for page in PAGES if page.stem != "verified"]
RUNNING = {"index", "container", "compose", "systemd", "helm", "kustomize", "prometheus"}
"""Pages that limit memory, or say what does."""
WRITTEN = ("deploy/kustomize/production",)
"""What a reader makes with the commands of a page."""


def blocks(page: Path, language: str) -> list[str]:
    """The code of a language that a page shows."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def shown() -> Iterator[Any]:
    """Every settings file that a page shows."""
    for page in PAGES:
        for text in blocks(page, "yaml"):
            tree = yaml.safe_load(text)
            if isinstance(tree, dict) and "apis" in tree:
                yield pytest.param(text, id=page.stem)


@EVERY
def test_shell_commands_are_good_shell(page: Path) -> None:
    for text in blocks(page, "sh"):
        told = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
        assert (told.returncode, told.stderr) == (0, ""), text


@EVERY
def test_an_editor_is_opened_where_nobody_has_named_one(page: Path) -> None:
    assert not re.findall(r"^.*\$(?:EDITOR|\{EDITOR\}).*$", page.read_text(), re.MULTILINE)


@pytest.mark.parametrize("page", TRIED, ids=lambda page: page.stem)
def test_a_page_leads_to_what_was_tried_of_it_and_what_could_not_be(page: Path) -> None:
    assert "](verified.md" in page.read_text()


def test_every_page_that_limits_memory_leads_to_what_an_inventory_takes() -> None:
    leading = {page.stem for page in PAGES if "](../sizing.md)" in page.read_text()}
    assert leading == RUNNING


@EVERY
def test_files_of_this_repository_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text()
    for name in re.findall(r"(?<![\w./-])((?:deploy|grafana|docs|tests)/[\w./*-]*\w)", text):
        assert name.startswith(WRITTEN) or list(ROOT.glob(name)), f"{page.name} names {name}"


@EVERY
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_index_names_every_page() -> None:
    index = (FOLDER / "index.md").read_text()
    assert all(f"]({page.name})" in index for page in PAGES if page.name != "index.md")


@pytest.mark.parametrize("text", list(shown()))
def test_settings_that_a_page_shows_are_good(text: str, tmp_path: Path) -> None:
    for api in ("tmf638", "tmf639"):
        (tmp_path / api).write_text("secret\n")
    secrets = r"(/run/secrets|secrets)/(?=tmf63)"
    (tmp_path / "config.yaml").write_text(re.sub(secrets, f"{tmp_path}/", text))
    environ = {
        f"SES_INVENTORY_APIS__{api}__BASIC_AUTH__PASSWORD_FILE": str(tmp_path / api.lower())
        for api in ("TMF638", "TMF639")
    }
    assert len(settings.load(tmp_path / "config.yaml", environ, {}).targets()) == 3


def test_the_chart_takes_the_values_that_its_page_shows() -> None:
    (text,) = blocks(FOLDER / "helm.md", "yaml")
    kinds = {thing["kind"] for thing in charting.rendered(yaml.safe_load(text), release="ses-inventory")}
    assert {"Deployment", "ServiceMonitor", "PrometheusRule", "ConfigMap"} <= kinds


def test_the_service_that_helms_page_forwards_to_is_the_charts() -> None:
    (service,) = charting.of("Service", charting.rendered({}, release="ses-inventory"))
    assert f"service/{service['metadata']['name']} " in (FOLDER / "helm.md").read_text()


@EVERY
def test_the_exporters_commands_are_ones_that_it_has(page: Path) -> None:
    parser = cli.parser()
    verbs = r"(?:serve|check|once|simulate|demo|healthcheck)"
    for text in blocks(page, "sh"):
        for command in re.findall(rf"ses-inventory-exporter ({verbs}(?: [^\n;|&]+)?)$", text, re.MULTILINE):
            parser.parse_args(command.split())


def test_the_page_of_tested_deployments_names_every_test() -> None:
    page = (FOLDER / "verified.md").read_text()
    for file in (*(ROOT / "tests/deploy").glob("test_*.py"), ROOT / "tests/test_sd_notify.py"):
        assert f"`{file.relative_to(ROOT)}`" in page
