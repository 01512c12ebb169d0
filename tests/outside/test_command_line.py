"""The command line: whatever it is given, and whatever standard output is, nobody sees a traceback."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web
from pytest_aiohttp.plugin import AiohttpServer

from exporter import cli
from tests.end_to_end import running
from tests.snippets import ROOT

ADDRESS = "127.0.0.1:0"
ENDING = (["check", "--offline"], ["check"], ["once"])
HELP = [[verb, "--help"] for verb in ("serve", "check", "once", "simulate", "demo", "healthcheck")]
STAYING = [["simulate", "--listen-address", ADDRESS], ["demo", "--web.listen-address", ADDRESS]]
SMALL = ["--services", "3", "--carriers", "6", "--resources", "5"]
NOT_UTF8 = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
UNBUFFERED = pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])


def named(verb: list[str]) -> str:
    return " ".join(verb[:2])


@pytest.mark.parametrize(
    "url",
    [
        "http://h:99999/",
        "http://h:abc/",
        "http://h:²/",
        "http://[::1/",
        "http://[x]/",
        "http://127.0.0.1:1/é",
        "http://127.0.0.1:1/a b",
        "http://a..b/",
        "http://a\x01b/",
        "http://:1/",
        "",
    ],
)
def test_o12_a_url_that_is_none_is_told_in_a_sentence(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["healthcheck", "--url", url]) == 2
    assert capsys.readouterr().err == f"--url: {url!r} is no URL (write http://HOST:PORT/-/healthy)\n"


@pytest.mark.parametrize(
    "address", ["127.0.0.1:99999", "127.0.0.1:²", "a..b:1", f"127.0.0.1:{'9' * 5000}", "127.0.0.1:-1", ""]
)
def test_o12_an_address_that_is_none_is_told_in_a_sentence(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["simulate", "--listen-address", address]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith(("--listen-address: ", "cannot start the simulator: "))


@pytest.mark.parametrize(
    "option",
    [
        *("--latency=nan", "--latency=inf", "--latency=-1", "--latency=1e300"),
        *("--change-rate=inf", "--change-rate=1e300"),
        *("--services=99999999999", "--services=-1", f"--carriers={'9' * 4000}", "--resources=1000001"),
    ],
)
def test_o12_a_number_that_is_no_number_is_told_in_a_sentence(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["simulate", "--listen-address", ADDRESS, option]) == 2
    name = option.partition("=")[0].strip("-").replace("-", "_")
    error = capsys.readouterr().err
    assert error.startswith(f"{name} is ")
    assert error.count("\n") == 1
    assert error.endswith(("; use 0 to 1,000,000\n", "; use 0 to 86,400\n"))


@pytest.mark.parametrize(
    ("file", "reason"),
    [(".", "Is a directory"), ("nowhere", "No such file"), ("/dev/zero", "File too large")],
)
@pytest.mark.parametrize("option", ["--config.file", "--web.config.file"])
def test_o12_a_file_that_is_none_is_told_in_a_sentence(
    option: str, file: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = tmp_path / "inventory.yaml"
    good.write_text("apis: {tmf638: {url: 'http://127.0.0.1:9/x'}}\n")
    others = () if option == "--config.file" else ("--config.file", str(good))
    assert cli.main(["serve", *others, option, file]) == 2
    assert capsys.readouterr().err.startswith(f"{file}: cannot be read: {reason}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SES_INVENTORY_APIS__TMF638__URL", "http://\udcff/"),
        ("SES_INVENTORY_APIS__TMF638__BASIC_AUTH__PASSWORD", "p\udce4ss"),
        ("SES_INVENTORY_COLLECTIONS__SERVICES__QUERY", '{"a": "\udcff"}'),
    ],
)
def test_o12_a_variable_in_another_encoding_is_told_in_a_sentence(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable, good in (("URL", "http://127.0.0.1:9"), ("BASIC_AUTH__USERNAME", "monitor")):
        monkeypatch.setenv(f"SES_INVENTORY_APIS__TMF638__{variable}", good)
    monkeypatch.setenv(name, value)
    assert cli.main(["check"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"environment variable {name}: ")
    assert error.endswith(": is not text in UTF-8 (set it in UTF-8)\n")
    assert error.count("\n") == 1


def test_o12_an_option_in_another_encoding_is_told_in_a_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["check", "--record", "p\udce4ss"])
    assert capsys.readouterr().err.endswith("error: argument --record: is not text in UTF-8\n")


@UNBUFFERED
@pytest.mark.parametrize("verb", [["--version"], *HELP, *ENDING, *STAYING], ids=named)
async def test_o12_a_full_disk_behind_standard_output_is_told_in_a_sentence(
    verb: list[str], unbuffered: str, tmp_path: Path
) -> None:
    async with running.simulated(tmp_path, *SMALL) as file:
        with Path("/dev/full").open("wb") as full:
            ended = await asyncio.to_thread(
                subprocess.run,
                [running.COMMAND, *verb, *(("--config.file", str(file)) if verb in ENDING else ())],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
                timeout=60,
                check=False,
            )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == "standard output cannot be written: No space left on device"
    assert "Traceback" not in ended.stderr


async def test_o12_a_full_disk_behind_a_healthcheck_is_told_in_a_sentence(
    aiohttp_server: AiohttpServer,
) -> None:
    async def healthy(_: web.Request) -> web.Response:
        return web.Response(text="Healthy.")

    application = web.Application()
    application.router.add_get("/-/healthy", healthy)
    url = str((await aiohttp_server(application)).make_url("/-/healthy"))
    with Path("/dev/full").open("wb") as full:
        ended = await asyncio.create_subprocess_exec(
            running.COMMAND, "healthcheck", "--url", url, stdout=full, stderr=asyncio.subprocess.PIPE
        )
        _, error = await ended.communicate()
    assert error == b"standard output cannot be written: No space left on device\n"
    assert ended.returncode == 1


@pytest.mark.parametrize("verb", ["--version", "check --offline --config.file FILE"])
def test_o12_a_closed_standard_output_is_told_in_a_sentence(verb: str, tmp_path: Path) -> None:
    file = tmp_path / "inventory.yaml"
    file.write_text("apis: {tmf638: {url: 'http://127.0.0.1:9/x'}}\n")
    command = f"{running.COMMAND} {verb.replace('FILE', str(file))} >&-"
    ended = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "standard output cannot be written: Bad file descriptor\n")


def test_o12_a_full_disk_behind_standard_error_leaves_the_exit_status() -> None:
    with Path("/dev/full").open("wb") as full:
        for arguments in (["check", "--config.file", "nowhere.yaml"], ["nonsense"]):
            ended = subprocess.run([running.COMMAND, *arguments], stderr=full, check=False)
            assert ended.returncode == 2


def test_o12_who_stops_reading_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run(
        [running.COMMAND, "simulate", "--help"], stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize("verb", [*HELP, *ENDING], ids=named)
async def test_a11_an_output_that_is_not_utf8_takes_everything(verb: list[str], tmp_path: Path) -> None:
    async with running.simulated(tmp_path, *SMALL) as file:
        flags = ("--config.file", str(file)) if verb in ENDING else ()
        status, out, err = await running.run(*verb, *flags, environ=NOT_UTF8)
    assert (status, "Traceback" in err) == (0, False)
    assert out


@pytest.mark.parametrize("verb", STAYING, ids=named)
async def test_a11_what_goes_on_begins_where_the_output_is_not_utf8(
    verb: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in NOT_UTF8.items():
        monkeypatch.setenv(name, value)
    async with running.process(running.COMMAND, *verb, *SMALL) as started:
        assert started.stdout
        lines = b""
        while b"password" not in lines and b"metrics" not in lines:
            line = await asyncio.wait_for(started.stdout.readline(), 60)
            assert line, lines
            lines += line
        started.send_signal(signal.SIGTERM)
        rest, _ = await asyncio.wait_for(started.communicate(), 60)
    assert started.returncode == 0
    assert b"Traceback" not in lines + rest


@pytest.mark.sources
@pytest.mark.timeout(300)
def test_o12_a_benchmark_without_its_tools_says_what_to_install_and_measures_the_rest(tmp_path: Path) -> None:
    ended = benchmark("bench", tmp_path, BENCH_CARRIERS="1500")
    assert ended.stderr == (
        "nginx and wrk not found on PATH. On Debian: apt-get install nginx wrk. "
        "What needs them is not measured.\n"
    )
    assert ended.returncode == 0
    rows = [line for line in ended.stdout.splitlines() if line.startswith("| ")]
    measured = [line for line in rows if "not measured" not in line]
    for what in ("CPU of a refresh with 1 % changed", "longest event-loop stall", "carriers, series"):
        assert any(what in line for line in measured)
    for what in ("÷ nginx serving", "only fetched and split", "p99 of scrapes", "cold crawl to first body"):
        assert [what in line for line in rows].count(True) > [what in line for line in measured].count(True)


@pytest.mark.sources
@pytest.mark.parametrize(("module", "names"), [("bench.growth", "nginx wrk"), ("bench.million", "nginx wrk")])
def test_o12_measurements_that_need_their_tools_say_what_to_install(
    module: str, names: str, tmp_path: Path
) -> None:
    ended = benchmark(module, tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("nginx")
    assert f"not found on PATH. On Debian: apt-get install {names}" in ended.stderr
    assert ended.stderr.count("\n") == 1


def benchmark(module: str, path: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """A benchmark with nothing on PATH but what is in a folder."""
    return subprocess.run(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env={**os.environ, "PATH": str(path), **environ},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
