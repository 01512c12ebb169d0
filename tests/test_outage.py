"""An outage of the simulated fleet in the metrics: it comes with what rests on it, and goes."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from exporter import app
from exporter.simulator.server import Simulator
from tests import crawling

NOW = 1_790_000_000.0
OUTAGES = ("satellite:SES-17@60s+5m",)


def operational(text: str, kind: str) -> Mapping[str, str]:
    """Whether each record is operational, by id."""
    pattern = rf'^ses_inventory_{kind}_operational{{{kind}_id="(\w+)"}} ([01])'
    return dict(re.findall(pattern, text, re.MULTILINE))


@pytest.mark.parametrize("dialect", ["ses", "servicenow", "tmf-v4", "tmf-v5"])
async def test_a_failed_satellite_its_carriers_and_services_are_not_operational_until_it_is_repaired(
    tmp_path: Path, dialect: str
) -> None:
    now = [NOW]
    options = replace(crawling.SMALL, resources=200, dialect=dialect, outages=OUTAGES)
    async with Simulator(options, lambda: now[0]) as simulator:
        config = crawling.configured(simulator, tmp_path)
        async with app.built(config, lambda: now[0]) as built:

            async def read(seconds: float) -> str:
                now[0] = NOW + seconds
                for poller in built.pollers:
                    await poller.refresh()
                return crawling.text(built)

            before, during, after = [await read(seconds) for seconds in (30, 90, 900)]
    carriers = set(
        re.findall(r'^ses_inventory_carrier_info{carrier_id="(\w+)",.*satellite="SES-17"', before, re.M)
    )
    supported = r'^ses_inventory_service_relationship_info{service_id="(\w+)",related_service_id="(\w+)"'
    services = {code for code, below in re.findall(supported, before, re.M) if below in carriers}
    assert len(carriers) > 10
    assert len(services) > 5
    assert operational(before, "resource")["RES0000001"] == "1"
    assert operational(during, "resource")["RES0000001"] == "0"
    assert {operational(during, "carrier")[code] for code in carriers} == {"0"}
    works = [code for code in services if operational(during, "service")[code] == "1"]
    if dialect in ("tmf-v4", "servicenow"):  # which say of a degraded service that it is active, or in use
        assert 0 < len(works) < len(services) / 2
    else:
        assert works == []
    for kind in ("service", "carrier", "resource"):
        assert operational(after, kind) == operational(before, kind)
