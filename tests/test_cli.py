"""The command line's own errors: exit status 2, one clear line, and what to do."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from exporter import __version__, cli
from exporter.simulator import command_line, outage, status_shares
from exporter.simulator.server import Options

GOOD = "apis: {tmf638: {url: 'http://127.0.0.1:9/x'}}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["simulate", "--listen-address", "nowhere"],
            "--listen-address: 'nowhere' is no address (write HOST:PORT, with a port",
        ),
        (["simulate", "--fault", "earthquake"], "--fault: "),
        (["demo", "--fault", "500:often=1"], "--fault: "),
        (["simulate", "--quirk", "clamps=3"], "quirk 'clamps=3': there is no quirk 'clamps'"),
        (["simulate", "--services", "-1"], "services is -1"),
        (
            ["demo", "--outage", "moon@1m"],
            "outage 'moon@1m': there is no kind 'moon'; use one of satellite, ",
        ),
        (
            ["simulate", "--outage", "gateway:X@1m"],
            "outage 'gateway:X@1m': there is no gateway 'X' (this fleet",
        ),
        (["demo", "--share", "broken=1"], "share 'broken=1': there is no status 'broken'; use one of down, "),
        (["serve", "--config.file", "/nonexistent/x.yaml"], "/nonexistent/x.yaml"),
        (["healthcheck", "--url", "ftp://x"], "--url: 'ftp://x' is no URL"),
    ],
)
def test_a_wrong_argument_is_named(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(said)
    assert "Traceback" not in error


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"ses-inventory-exporter {__version__}\n"


def test_what_can_fail_is_listed_as_an_outage_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        cli.main(["simulate", "--list-names", "--services", "4", "--carriers", "8", "--resources", "9"]) == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "satellite:SES-17\t8 carriers\t4 services",
        "gateway:Betzdorf GW1\t8 carriers\t4 services",
    ]


def test_options_given_to_demo_replace_its_outages_and_add_to_its_shares() -> None:
    def options(*arguments: str) -> Options:
        return command_line.options(cli.parser().parse_args(["demo", *arguments]), "127.0.0.1", 0)

    assert options() == replace(command_line.DEMO, listen_port=0)
    changed = options("--outage", "terminal@5m", "--share", "planned=0.5")
    assert changed.outages == ("terminal@5m",)
    assert status_shares.parse(changed.shares) == {
        **status_shares.STATUS_SHARES,
        "planned": 0.5,
        "retired": 0.01,
    }
    for text in command_line.DEMO.outages:
        assert outage.parse(text).every, "it returns for those who look later"


def test_the_faults_are_explained_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["simulate", "--help"])
    assert "null-ids" in capsys.readouterr().out


def test_a_simulator_whose_address_is_taken_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert cli.main(["simulate", "--listen-address", f"127.0.0.1:{taken.getsockname()[1]}"]) == 2
    assert "cannot start the simulator" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "said"), [("", "Is a directory"), ("no/x", "No such file or directory")])
def test_a_file_that_the_simulator_cannot_write_is_named(
    name: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    arguments = ["simulate", "--listen-address", "127.0.0.1:0", "--config-out", str(file)]
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert error == f"{file}: cannot be written: {said} (name a file in a folder that exists)\n"


@pytest.mark.parametrize("verb", [["check", "--offline"], ["serve"]])
def test_a_web_configuration_file_that_cannot_be_used_is_told_in_one_line(
    tmp_path: Path, verb: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"{GOOD}web: {{config_file: web.yml, listen_address: '127.0.0.1:0'}}\n")
    (tmp_path / "web.yml").write_text("basic_auth_user: {}\n")
    assert cli.main([*verb, "--config.file", str(file)]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "web.yml" in said
    assert "basic_auth_users" in said, "the hint"
