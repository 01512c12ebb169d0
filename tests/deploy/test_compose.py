"""The composition: checked against the Compose specification, its files by the programs that read them."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import cli, settings
from exporter.simulator import command_line
from exporter.simulator.server import Options, Simulator
from tests.deploy.copies import ROOT
from tests.end_to_end.running import COMMAND

FOLDER = ROOT / "deploy/compose"
COMPOSED: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES = COMPOSED["services"]
DEMO = dict(
    line.split("=", 1) for line in (FOLDER / "demo.env").read_text().splitlines() if not line.startswith("#")
)


def valued(text: str, environ: dict[str, str]) -> str:
    """A text of the file as Compose fills it: `${NAME:-DEFAULT}`."""
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: environ.get(found[1]) or found[2], text)


def test_the_file_is_a_compose_file() -> None:
    check = Path(sys.prefix, "bin", "check-jsonschema")
    command = [check, "--builtin-schema", "vendor.compose-spec", "compose.yaml"]
    subprocess.run(command, cwd=FOLDER, check=True, capture_output=True)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_closed_healthy_and_seen_from_this_machine_only(name: str) -> None:
    service = SERVICES[name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9]\d*:\d+", service["user"])
    assert service["healthcheck"]["test"][0] == "CMD"
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert "privileged" not in service and "network_mode" not in service


def test_secrets_are_files_and_no_password_stands_in_the_environment() -> None:
    assert all(set(secret) == {"file"} for secret in COMPOSED["secrets"].values())
    used = {
        secret if isinstance(secret, str) else secret["source"]
        for service in SERVICES.values()
        for secret in service.get("secrets", ())
    }
    assert used == set(COMPOSED["secrets"])
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert not re.search("PASSWORD|SECRET|TOKEN", name) or value.startswith("/run/secrets/")
    assert "secrets/" in (FOLDER / ".gitignore").read_text()


@pytest.mark.parametrize("environ", [{}, DEMO], ids=["production", "demo"])
def test_every_file_that_is_mounted_exists_or_is_named_in_the_page(environ: dict[str, str]) -> None:
    page = (ROOT / "docs/deploy/compose.md").read_text()
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", ())]
    binds = [
        mount["source"] if isinstance(mount, dict) else mount.split(":")[0]
        for mount in mounts
        if isinstance(mount, dict) or mount.startswith(".")
    ]
    secrets = [secret["file"] for secret in COMPOSED["secrets"].values()]
    for written in [*binds, *secrets]:
        path = valued(written, environ)
        assert (FOLDER / path).exists() or path.removeprefix("./") in page, path


def test_prometheus_reads_its_file_and_the_rules(tmp_path: Path) -> None:
    (tmp_path / "prometheus.yml").write_text((FOLDER / "prometheus.yml").read_text())
    (tmp_path / "rules").symlink_to(ROOT / "deploy/prometheus/rules")
    told = subprocess.run(
        ["promtool", "check", "config", "prometheus.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert "rules found" in told.stdout


def test_prometheus_differs_from_the_one_without_containers_only_in_names() -> None:
    here = yaml.safe_load(
        (FOLDER / "prometheus.yml")
        .read_text()
        .replace("exporter:", "localhost:")
        .replace("alertmanager:9093", "localhost:9093")
    )
    assert here == yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())


def test_alertmanagers_tokens_are_where_its_file_looks_for_them() -> None:
    routing = yaml.safe_load((ROOT / "deploy/alertmanager/alertmanager.yml").read_text())
    wanted = {
        hook["http_config"]["authorization"]["credentials_file"]
        for receiver in routing["receivers"]
        for hook in receiver["webhook_configs"]
    }
    targets = {secret["target"] for secret in SERVICES["alertmanager"]["secrets"]}
    assert targets == {f"/etc/alertmanager/{file}" for file in wanted}


def test_grafana_finds_its_dashboards_where_they_are_mounted() -> None:
    (provider,) = yaml.safe_load(
        (ROOT / "deploy/grafana/provisioning/dashboards/inventory.yaml").read_text()
    )["providers"]
    mounts = dict(volume.split(":")[:2] for volume in SERVICES["grafana"]["volumes"])
    assert mounts["../../grafana/dashboards"] == provider["options"]["path"]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (ROOT / "grafana/dashboards" / Path(home).name).exists()


def test_the_example_is_a_good_configuration(tmp_path: Path) -> None:
    for api in ("tmf638", "tmf639"):
        (tmp_path / api).write_text("secret\n")
    text = (FOLDER / "config.yaml").read_text().replace("/run/secrets", str(tmp_path))
    (tmp_path / "config.yaml").write_text(text)
    assert len(settings.load(tmp_path / "config.yaml", {}, {}).targets()) == 3


async def test_the_demo_reads_the_simulator_with_its_password(tmp_path: Path) -> None:
    command = SERVICES["simulator"]["command"]
    assert command[:3] == ["simulate", "--listen-address", "0.0.0.0:10680"]
    assert Simulator(command_line.options(cli.parser().parse_args(command), "127.0.0.1", 0))
    for api in ("tmf638", "tmf639"):
        (tmp_path / api).write_text((FOLDER / DEMO["TMF638_SECRET"]).read_text())
    async with Simulator(Options(listen_port=0, services=10, carriers=10, resources=10)) as simulator:
        host = simulator.url638.split("/")[2]
        text = (FOLDER / DEMO["EXPORTER_CONFIG"]).read_text().replace("simulator:10680", host)
        (tmp_path / "config.yaml").write_text(text.replace("/run/secrets", str(tmp_path)))
        once = await asyncio.create_subprocess_exec(
            COMMAND,
            "once",
            "--config.file",
            str(tmp_path / "config.yaml"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, told = await once.communicate()
    assert once.returncode == 0, told.decode()
    assert b"ses_inventory_carrier_info{" in out
