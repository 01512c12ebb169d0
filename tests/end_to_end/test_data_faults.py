"""Whatever the data, both formats are accepted by Prometheus' own parser and by prometheus-client's."""

import asyncio
import gzip
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from exporter import app, initial_crawl, settings
from exporter.simulator.fault import DATA_FAULTS
from exporter.simulator.server import Options, Simulator
from tests.end_to_end import running

FAULTS = DATA_FAULTS


async def idle(*_: object) -> None:
    """Watches nothing."""


async def crawled(folder: Path, options: Options) -> app.Runtime:
    async with Simulator(options) as simulator:
        file = folder / "config.yaml"
        file.write_text(simulator.configuration())
        house, _ = await initial_crawl.once(settings.load(file, {}), idle)
    return house


def series(families: object) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    return [
        (sample.name, tuple(sorted(sample.labels.items())))
        for family in families
        for sample in family.samples
    ]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("dialect", ["ses", "tmf-v4", "tmf-v5"])
async def test_both_formats_parse_and_hold_no_series_twice(tmp_path: Path, fault: str, dialect: str) -> None:
    options = Options(listen_port=0, dialect=dialect, services=30, carriers=40, resources=60, faults=(fault,))
    house = await crawled(tmp_path, options)
    text = b"".join(house.store.scrape("text", "identity", ())[1])
    found = series(plain(text.decode()))
    assert len(found) == len(set(found))
    assert gzip.decompress(b"".join(house.store.scrape("text", "gzip", ("carriers",))[1]))
    modern = b"".join(house.store.scrape("openmetrics", "identity", ())[1]).decode()
    assert modern.endswith("# EOF\n")
    same = series(openmetrics(modern))
    assert len(same) == len(set(same))
    assert {name for name, _ in found if name.startswith("ses_inventory_carrier")} == {
        name for name, _ in same if name.startswith("ses_inventory_carrier")
    }


async def test_prometheus_itself_accepts_every_data_fault(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        targets = []
        for fault in FAULTS:
            counts = ("--services", "20", "--carriers", "30", "--resources", "40")
            file = await stack.enter_async_context(running.simulated(tmp_path, "--fault", fault, *counts))
            config = file.read_text()
            file.write_text(f"{config}\nretention: {{reject_share: 1.0}}\n")
            targets.append(await stack.enter_async_context(running.serving(file)))
        ask = await stack.enter_async_context(running.prometheus(tmp_path, targets))
        healthy = await asyncio.to_thread(ask, "min by (instance) (max_over_time(up[1m])) == 1")
        assert len(healthy) == len(targets)
        assert await asyncio.to_thread(ask, "count(ses_inventory_carrier_info) > 0")
