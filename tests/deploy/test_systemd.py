"""The systemd unit: read by systemd's own tools, and its environment by the exporter."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from exporter import errors, settings
from tests.deploy.copies import ROOT

UNIT = ROOT / "deploy/systemd/ses-inventory-exporter.service"
INSTALLED = "/opt/ses-inventory-exporter/bin/ses-inventory-exporter"
MOST = 20  # tenths: an exposure of 2.0


def lines(key: str) -> list[str]:
    """What the unit says under a key, in order."""
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.MULTILINE)


def test_systemd_reads_the_unit_without_a_word(tmp_path: Path) -> None:
    # it looks for the program too, which a test cannot install there
    here = tmp_path / UNIT.name
    here.write_text(UNIT.read_text().replace(INSTALLED, f"{sys.prefix}/bin/ses-inventory-exporter"))
    told = subprocess.run(["systemd-analyze", "verify", here], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr.strip()) == (0, "")


def test_systemd_finds_the_unit_hardly_exposed() -> None:
    command = [
        "systemd-analyze",
        "security",
        "--no-pager",
        "--offline=true",
        f"--threshold={MOST}",
        str(UNIT),
    ]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout
    (exposure,) = re.findall(r"Overall exposure level.*: (\d+\.\d)", told.stdout)
    assert float(exposure) <= MOST / 10


def test_a_unit_without_its_hardening_would_not_pass(tmp_path: Path) -> None:
    bare = tmp_path / UNIT.name
    bare.write_text(UNIT.read_text().split("# what it may see")[0])
    command = [
        "systemd-analyze",
        "security",
        "--no-pager",
        "--offline=true",
        f"--threshold={MOST}",
        str(bare),
    ]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def environment(credentials: Path, state: Path) -> dict[str, str]:
    """The unit's environment as systemd expands it."""
    written = dict(line.split("=", 1) for line in lines("Environment"))
    return {
        name: value.replace("%d", str(credentials)).replace("%S", str(state))
        for name, value in written.items()
    }


def test_the_settings_take_credentials_and_state_from_the_units_environment(tmp_path: Path) -> None:
    for api in ("tmf638", "tmf639"):
        (tmp_path / api).write_text(f"secret of {api}\n")
    config = tmp_path / "config.yaml"
    one = "{url: https://inventory.example.net, basic_auth: {username: monitor}}"
    config.write_text(f"apis: {{tmf638: {one}, tmf639: {one}}}")
    loaded = settings.load(config, environment(tmp_path, tmp_path), {})
    assert loaded.apis.tmf638 and loaded.apis.tmf638.basic_auth
    assert loaded.apis.tmf638.basic_auth.password_file == tmp_path / "tmf638"
    assert loaded.state_file == tmp_path / "ses-inventory-exporter/state"


def test_every_credential_of_the_environment_is_loaded_and_no_other() -> None:
    loaded = {line.split(":")[0] for line in lines("LoadCredential")}
    used = {line.split("%d/")[1] for line in lines("Environment") if "%d/" in line}
    assert loaded == used


def test_a_credential_without_its_inventory_is_an_error_that_names_it(tmp_path: Path) -> None:
    for api in ("tmf638", "tmf639"):
        (tmp_path / api).write_text("secret\n")
    (tmp_path / "config.yaml").write_text(
        "apis: {tmf638: {url: https://inventory.example.net, basic_auth: {username: monitor}}}"
    )
    with pytest.raises(errors.ConfigError, match=r"apis\.tmf639"):
        settings.load(tmp_path / "config.yaml", environment(tmp_path, tmp_path), {})


def test_settings_that_are_wrong_start_nothing_again_and_a_crash_does() -> None:
    assert lines("Restart") == ["on-failure"]
    assert lines("RestartPreventExitStatus") == ["2"]  # the exit status of wrong settings
    assert lines("ExecStart") == [f"{INSTALLED} serve --config.file /etc/ses-inventory-exporter/config.yaml"]


def test_the_page_copies_the_unit_from_where_it_is() -> None:
    page = (ROOT / "docs/deploy/systemd.md").read_text()
    assert "deploy/systemd/ses-inventory-exporter.service" in page
    for credential in ("tmf638", "tmf639"):
        assert f"/etc/ses-inventory-exporter/secrets/{credential}" in page
