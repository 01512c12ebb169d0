"""From the inventory to the webhook: who is told what, how often, and after how long.

Every wait is a thirtieth of the one shipped (see `hastening`), so a second here is about half a minute there.
`pytest -s` on this file prints a table: for each change of the world the seconds until a receiver was told,
and about how many minutes that is with the shipped waits and a refresh every 30 seconds. No time is asserted,
a loaded machine may take what it needs; what is asserted is who is told, and who is not.
"""

from __future__ import annotations

import re
import time
from asyncio.subprocess import Process
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from exporter.simulator.record import CARRIER, DOWN, MAINTENANCE, OPERATIONAL, FleetRecord
from tests.end_to_end.chain import CARRIERS, Chain, Told, exporting, in_use, linked, place
from tests.end_to_end.hastening import FASTER

HEADING = ("what happened", "who was told what", "here", "as shipped")


@dataclass
class Clock:
    """Measures from each change of the world until somebody is told."""

    rows: list[tuple[str, str, float]] = field(default_factory=list)
    happened: str = ""
    began: float = 0.0

    def start(self, happened: str) -> None:
        """The world changes now."""
        self.happened, self.began = happened, time.monotonic()

    async def until(self, chain: Chain, alert: str, status: str, **labels: str) -> Told:
        """Waits until somebody is told that; returns what was told."""
        told = await chain.hears(alert, status, **labels)
        of = f" ({labels['collection']})" if "collection" in labels else ""
        said = f"{told.receiver}: Inventory{alert}{of} {status}"
        self.rows.append((self.happened, said, time.monotonic() - self.began))
        return told

    def table(self) -> str:
        """All that was measured."""
        lines = [f"{HEADING[0]:<34} {HEADING[1]:<58} {HEADING[2]:>7} {HEADING[3]:>11}"]
        for happened, said, took in self.rows:
            lines.append(f"{happened:<34} {said:<58} {took:5.1f} s {took * FASTER / 60:7.1f} min")
        return "\n".join(lines)


@pytest.fixture(scope="module")
def clock() -> Iterator[Clock]:
    measured = Clock()
    yield measured
    print(f"\n{measured.table()}")


def alert(carrier: FleetRecord) -> dict[str, str]:
    """The labels of the alert on a carrier, from what the inventory knows."""
    assert carrier.customer is not None
    return {
        "alertname": "InventoryCarrierNotOperational",
        "severity": "critical",
        "team": "noc",
        "carrier_id": carrier.code,
        "name": carrier.name,
        "party": carrier.customer.name,
        "satellite": place(carrier, "Satellite"),
        "transponder": place(carrier, "Transponder"),
        "gateway": place(carrier, "Gateway"),
    }


async def test_a_carrier_is_told_with_its_context_and_resolved_only_by_its_return_whatever_dies_meanwhile(
    tmp_path: Path, clock: Clock
) -> None:
    async with linked(tmp_path) as (chain, exporter):
        carrier = in_use(chain.simulator, CARRIER)[100]
        clock.start("a carrier goes down")
        chain.change(MAINTENANCE, in_use(chain.simulator, CARRIER)[200])  # which nobody is told of
        chain.change(DOWN, carrier)
        told = await clock.until(chain, "CarrierNotOperational", "firing")
        expected = alert(carrier)
        assert (told.receiver, told.labels) == ("noc-page", expected)
        summary = told.annotations["summary"]
        assert summary.startswith(f"Carrier {carrier.name} has been down since ")
        where = ", ".join(f"{name} {expected[name]}" for name in ("satellite", "transponder", "gateway"))
        assert summary.endswith(f": customer {expected['party']}, {where}")

        await an_api_that_dies_resolves_nothing(chain, clock)
        await an_exporter_that_is_killed_resolves_nothing(chain, exporter, clock)
        clock.start("the exporter runs again")
        async with exporting(chain.config, chain.exporter):  # it kept no state and knows nothing at first
            await clock.until(chain, "ExporterDown", "resolved")
            assert chain.messages("noc") == [("noc-page", "firing", 1)]
            clock.start("the carrier is operational again")
            chain.change(OPERATIONAL, carrier)
            over = await clock.until(chain, "CarrierNotOperational", "resolved")
        assert over.labels == expected
        assert chain.messages("noc") == [("noc-page", "firing", 1), ("noc-page", "resolved", 1)]


async def an_api_that_dies_resolves_nothing(chain: Chain, clock: Clock) -> None:
    """The exporter's own alerts are told instead: that the API fails, then that what it served is stale."""
    clock.start("the inventory's API dies")
    await chain.simulator.stop()
    await clock.until(chain, "Stale", "firing", collection="carriers")
    failing = await clock.until(chain, "ApiFailing", "firing", collection="resources")
    stale = await clock.until(chain, "Stale", "firing", collection="resources")
    assert (failing.receiver, stale.receiver) == ("monitoring-chat", "monitoring-page")
    assert chain.messages("noc") == [("noc-page", "firing", 1)]
    clock.start("the API answers again")
    await chain.simulator.start()
    await clock.until(chain, "Stale", "resolved", collection="carriers")
    assert chain.messages("noc") == [("noc-page", "firing", 1)]


async def an_exporter_that_is_killed_resolves_nothing(chain: Chain, exporter: Process, clock: Clock) -> None:
    """Its own absence is told instead."""
    clock.start("the exporter is killed")
    exporter.kill()
    await exporter.wait()
    down = await clock.until(chain, "ExporterDown", "firing")
    assert down.receiver == "monitoring-page"
    assert down.labels["instance"] == chain.exporter.removeprefix("http://")
    assert chain.messages("noc") == [("noc-page", "firing", 1)]


async def test_a_satellite_that_fails_is_one_message_and_one_when_all_its_carriers_are_back(
    tmp_path: Path, clock: Clock
) -> None:
    async with linked(tmp_path) as (chain, _):
        satellite = place(in_use(chain.simulator, CARRIER)[0], "Satellite")
        carriers = chain.carriers(satellite)
        assert len(carriers) > CARRIERS // 10, "too few to be an outage worth the name"
        clock.start(f"a satellite fails, {len(carriers)} carriers")
        chain.change(DOWN, *carriers)
        told = await clock.until(chain, "SatelliteCarriersDown", "firing")
        assert told.labels["satellite"] == satellite
        assert (
            told.annotations["summary"]
            == f"Satellite {satellite}: {len(carriers)} of {len(carriers)} carriers are down"
        )
        assert re.match(r"Affected: \d+ services of \d+ customers\.", told.annotations["description"])
        await chain.settled("CarrierNotOperational", 0)
        assert chain.messages("noc") == [("noc-page", "firing", 1)]

        clock.start("all its carriers are back")
        chain.change(OPERATIONAL, *carriers)
        await clock.until(chain, "SatelliteCarriersDown", "resolved")
        await chain.settled("CarrierNotOperational", 0)
        assert chain.messages("noc") == [("noc-page", "firing", 1), ("noc-page", "resolved", 1)]
