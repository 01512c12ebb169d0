"""The verbs of the command line, run as a person runs them."""

import asyncio
import json
import re
import signal
from pathlib import Path

import pytest
import yaml

from tests import crawling
from tests.end_to_end import running


def changed(file: Path, **changes: object) -> Path:
    """A copy of a settings file with dotted keys (written with `__`) set anew; None removes one."""
    config = yaml.safe_load(file.read_text())
    for dotted, value in changes.items():
        place, *_ = [config]
        *path, last = dotted.split("__")
        for step in path:
            place = place[step]
        if value is None:
            del place[last]
        else:
            place[last] = value
    copy = file.with_name(f"changed-{file.name}")
    copy.write_text(yaml.safe_dump(config))
    return copy


async def test_once_prints_exactly_as_many_carriers_as_there_are(tmp_path: Path) -> None:
    async with running.simulated(tmp_path, "--carriers", "10000") as file:
        status, out, err = await running.run("once", "--config.file", str(file))
    assert status == 0, err
    assert len(running.samples(out, "ses_inventory_carrier_info")) == 10_000


async def test_once_says_by_its_exit_status_that_an_api_could_not_be_read(tmp_path: Path) -> None:
    async with running.simulated(tmp_path, "--fault", "html:collection=carriers") as file:
        status, out, err = await running.run("once", "--config.file", str(file))
    assert status == 1
    assert "carriers: failed" in err
    assert not running.samples(out, "ses_inventory_carrier_info")
    assert not running.samples(out, "ses_inventory_carriers"), "no data must not look like zeros"
    assert running.samples(out, "ses_inventory_service_info")


async def test_check_explains_what_it_found(tmp_path: Path) -> None:
    async with running.simulated(tmp_path) as file:
        status, out, _ = await running.run("check", "--config.file", str(file))
    assert status == 0
    for word in (
        "carriers",
        "Paging by page, 40 a page",
        "gateway",
        "Operational",
        "maintenance",
        "supporting services",
    ):
        assert word in out


async def test_check_names_metrics_that_are_served_and_whole_even_in_a_pipe(tmp_path: Path) -> None:
    async with running.simulated(tmp_path, "--dialect", "servicenow") as file:
        status, out, _ = await running.run("check", "--config.file", str(file), environ={"COLUMNS": "80"})
        _, served, _ = await running.run("once", "--config.file", str(file))
    assert status == 0
    assert max(len(line) for line in out.splitlines() if line.startswith("│")) <= 80
    named = set(re.findall(r"ses_inventory_\w+", out))
    assert len(named) > 20
    assert named <= set(re.findall(r"^ses_inventory_\w+", served, re.MULTILINE))
    series = len(crawling.record_lines(served, "resource"))
    assert f"About {series:,} series" in out, "all seven queries count"


async def test_check_names_the_cause_and_the_hint(tmp_path: Path) -> None:
    async with running.simulated(tmp_path) as file:
        wrong_password = changed(
            file, apis__tmf638__basic_auth={"username": "monitor", "password": "hunter2"}
        )
        status, out, err = await running.run("check", "--config.file", str(wrong_password))
        assert status == 1
        assert "[auth]" in out and "apis.tmf638" in out and "password" in out
        assert "hunter2" not in out and "hunter2" not in err

        url = yaml.safe_load(file.read_text())["apis"]["tmf639"]["url"]
        status, out, _ = await running.run(
            "check", "--config.file", str(changed(file, apis__tmf639__url=f"{url}/nowhere"))
        )
        assert status == 1
        assert "[not_found]" in out and "apis.tmf639.url" in out

        status, _, err = await running.run(
            "check", "--config.file", str(changed(file, collections__carriers__pagesize=10))
        )
        assert status == 2
        assert "collections.carriers.pagesize" in err and "page_size" in err


async def test_check_recognises_a_web_page(tmp_path: Path) -> None:
    async with running.simulated(tmp_path, "--fault", "html") as file:
        status, out, _ = await running.run("check", "--config.file", str(file))
    assert status == 1
    assert "[html]" in out and "web page" in out


async def test_check_offline_reads_the_settings_only(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("apis: {tmf638: {url: 'http://127.0.0.1:9/x'}}\n")
    status, out, _ = await running.run("check", "--offline", "--config.file", str(file))
    assert status == 0
    assert "services, carriers" in out


async def test_demo_prints_its_addresses_and_stops_when_asked() -> None:
    address = f"127.0.0.1:{running.free_port()}"
    async with running.process(
        running.COMMAND, "demo", "--web.listen-address", address, "--carriers", "50", "--latency", "0"
    ) as demo:
        assert demo.stdout is not None
        said = b""
        while b"Ctrl-C" not in said:
            said += await asyncio.wait_for(demo.stdout.readline(), 60)
        text = await asyncio.to_thread(running.get, f"http://{address}/metrics")
        for collection in ("services", "carriers", "resources"):
            assert running.samples(text, f"ses_inventory_{collection}")
            assert re.search(rf"^{collection}: \d+ records, complete$", said.decode(), re.MULTILINE)
        demo.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(demo.wait(), 10) == 0


async def test_f64_sigterm_during_a_crawl_ends_the_exporter_with_zero(tmp_path: Path) -> None:
    async with running.simulated(tmp_path, "--latency", "2") as file:
        port = running.free_port()
        async with running.process(
            running.COMMAND, "serve", "--config.file", str(file), "--web.listen-address", f"127.0.0.1:{port}"
        ) as exporter:
            await running.until(lambda: running.get(f"http://127.0.0.1:{port}/-/healthy"))
            exporter.terminate()
            assert await asyncio.wait_for(exporter.wait(), 10) == 0


async def test_f63_a_port_in_use_ends_the_exporter_at_once(tmp_path: Path) -> None:
    async with running.simulated(tmp_path) as file:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        status, _, err = await running.run(
            "serve", "--config.file", str(file), "--web.listen-address", f"127.0.0.1:{port}"
        )
        server.close()
    assert status == 2
    assert "cannot listen" in err and "--web.listen-address" in err


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
async def test_healthcheck_asks_the_exporter(tmp_path: Path, path: str) -> None:
    async with running.simulated(tmp_path, "--carriers", "5") as file, running.serving(file) as url:
        status, out, _ = await running.run("healthcheck", "--url", f"{url}{path}")
        assert (status, bool(out)) == (0, True)
    status, _, err = await running.run("healthcheck", "--url", f"{url}{path}")
    assert status == 1
    assert "no answer" in err
    assert (await running.run("healthcheck", "--url", "nonsense"))[0] == 2


async def test_a_reload_that_is_refused_changes_not_even_how_is_logged(tmp_path: Path) -> None:
    async with running.simulated(tmp_path) as file:
        config, broken = yaml.safe_load(file.read_text()), tmp_path / "broken.pem"
        broken.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        address = f"127.0.0.1:{running.free_port()}"
        async with running.process(
            running.COMMAND, "serve", "--config.file", str(file), "--web.listen-address", address
        ) as exporter:

            async def line(event: str) -> str:
                assert exporter.stdout is not None
                said = ""
                while event not in said:
                    said = (await asyncio.wait_for(exporter.stdout.readline(), 60)).decode()
                    assert said, "it has ended"
                return said

            await line("listening")
            config["log"] = {"format": "json"}
            config["apis"]["tmf639"]["tls_config"] = {"ca_file": str(broken)}
            file.write_text(yaml.safe_dump(config))
            exporter.send_signal(signal.SIGHUP)
            assert 'event="configuration reload failed"' in await line("configuration reload failed")
            del config["apis"]["tmf639"]["tls_config"]
            file.write_text(yaml.safe_dump(config))
            exporter.send_signal(signal.SIGHUP)
            assert json.loads(await line("configuration reloaded"))["level"] == "info"
