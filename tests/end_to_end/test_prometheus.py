"""Debian's real Prometheus scrapes the installed exporter and answers questions about the fleet."""

import asyncio
from pathlib import Path

from tests.end_to_end import running


async def test_prometheus_scrapes_the_exporter_and_answers_about_all_three_collections(
    tmp_path: Path,
) -> None:
    counts = ("--services", "40", "--carriers", "60", "--resources", "90")
    async with (
        running.simulated(tmp_path, *counts) as file,
        running.serving(file) as url,
        running.prometheus(tmp_path, [url]) as ask,
    ):

        def value(promql: str) -> float:
            return float(ask(promql)[0]["value"][1])

        assert value("count(ses_inventory_service_info)") == value("sum(ses_inventory_services)")
        assert value("count(ses_inventory_carrier_info)") == value("sum(ses_inventory_carriers)") == 60
        assert value("count(ses_inventory_resource_info)") == value("sum(ses_inventory_resources)")
        assert value("min(ses_inventory_exporter_complete)") == 1
        down = "ses_inventory_carrier_operational == 0"
        named = "ses_inventory_carrier_info{satellite!='',gateway!=''}"
        joined = ask(f"({down}) * on (carrier_id) group_left (name, satellite, gateway) {named}")
        assert all(found["metric"]["satellite"] for found in joined)
        # where something is down, the join of the alert's shape finds what it is
        assert len(joined) == len(ask(down))
        customers = ask("count by (party) (ses_inventory_service_info)")
        assert all(found["metric"]["party"] for found in customers)


async def test_promtool_finds_nothing_to_say_about_the_exposition(tmp_path: Path) -> None:
    async with running.simulated(tmp_path, "--carriers", "20") as file, running.serving(file) as url:
        text = await asyncio.to_thread(running.get, f"{url}/metrics")
    tool = await asyncio.create_subprocess_exec(
        "promtool",
        "check",
        "metrics",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await tool.communicate(text.encode())
    assert (tool.returncode, said.decode()) == (0, "")
