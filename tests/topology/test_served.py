"""What follows from all records together, as a scrape shows it: with the commit that it follows from."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
import structlog

from exporter import app
from exporter.collections import topology_updates
from exporter.exposition.render import Entries
from exporter.exposition.topology_families import TopologyFamily
from exporter.inventory.snapshot import Snapshot
from exporter.status import Defect
from exporter.telemetry import Telemetry
from exporter.topology import Topology
from tests import scripted

UP, DOWN = "Operational", "Non-Operational"
SATELLITE = [{"id": "R1", "name": "SAT 1", "@type": "Satellite"}]
PARTY = [{"id": "P1", "name": "ACME", "role": "customer"}]


def carrier(status: str = UP, **parts: object) -> scripted.Json:
    return {"status": status, "supportingResource": SATELLITE, "relatedParty": PARTY, **parts}


def counts(house: app.Runtime, name: str, *, zeros: bool = False) -> dict[str, float]:
    """The roll-up of this name by condition, in a scrape where each place is counted once."""
    found = scripted.series(scripted.scrape(house).decode())
    return {
        dict(labels)["condition"]: value
        for (family, labels), value in found.items()
        if family == f"ses_inventory_{name}" and (value or zeros)
    }


def families(house: app.Runtime, *collections: str) -> set[str]:
    """The families that a scrape of these collections has, without the exporter's own."""
    _, pieces = house.store.scrape("text", "identity", collections)
    text = scripted.inventory_of(b"".join(pieces).decode())
    return {
        line.split()[2].removeprefix("ses_inventory_") for line in text.splitlines() if line[:6] == "# TYPE"
    }


def defects(house: app.Runtime) -> dict[str, float]:
    """The defects of the carriers in a scrape."""
    found = scripted.series(scripted.scrape(house).decode())
    return {
        dict(labels)["defect"]: value
        for (family, labels), value in found.items()
        if family == "ses_inventory_carrier_defects"
    }


def own(house: app.Runtime, name: str, **labels: str) -> float | None:
    return scripted.series(scripted.scrape(house).decode()).get(
        (f"{scripted.OWN}{name}", frozenset(labels.items()))
    )


async def test_a_roll_up_changes_in_the_scrape_in_which_the_status_does() -> None:
    lists = {"carriers": {"C0000": carrier(), "C0001": carrier()}, "services": {"S0000": carrier()}}
    async with (
        scripted.served(scripted.Inventory(lists)) as inventory,
        scripted.exporting(inventory) as house,
    ):
        await scripted.refresh(house)
        assert counts(house, "satellite_carriers", zeros=True) == {
            **dict.fromkeys(("down", "degraded", "maintenance", "planned", "retired", "unknown"), 0),
            "operational": 2,
        }
        await scripted.step(inventory, house, "delta", [("carriers", 1, 1, {"status": DOWN})])
        assert counts(house, "satellite_carriers") == {"operational": 1, "down": 1}
        assert counts(house, "party_carriers") == {"operational": 1, "down": 1}
        assert counts(house, "party_services") == {"operational": 1}
        text, openmetrics, inflated = scripted.texts(house)
        line = 'ses_inventory_satellite_carriers{satellite="SAT 1",condition="down"} 1\n'
        assert all(line in one for one in (text, openmetrics, inflated))
        async with scripted.from_nothing(house) as other:
            assert scripted.texts(other) == (text, openmetrics, inflated)


async def test_a_place_that_no_record_names_any_more_is_gone() -> None:
    async with (
        scripted.served(scripted.Inventory({"carriers": {"C0000": carrier()}})) as inventory,
        scripted.exporting(inventory) as house,
    ):
        await scripted.refresh(house)
        moved = [{"id": "R2", "name": "SAT 2", "@type": "Satellite"}]
        await scripted.step(inventory, house, "delta", [("carriers", 0, 1, {"supportingResource": moved})])
        assert 'satellite="SAT 1"' not in scripted.texts(house)[0]
        assert counts(house, "satellite_carriers") == {"operational": 1}


async def test_roll_ups_are_served_and_chosen_with_the_records_that_they_count() -> None:
    lists = {"carriers": {"C0000": carrier()}, "services": {"S0000": carrier()}}
    async with (
        scripted.served(scripted.Inventory(lists)) as inventory,
        scripted.exporting(inventory) as house,
    ):
        services, carriers, _ = house.pollers
        await services.refresh()
        assert "party_services" in families(house)
        assert "party_carriers" not in families(house), "nothing is known of the carriers"
        await carriers.refresh()
        assert {"party_services", "party_carriers"} <= families(house)
        assert "party_carriers" not in families(house, "services")
        assert "party_services" in families(house, "services")


async def test_defects_are_served_with_examples_and_references_once_they_can_be_judged() -> None:
    lists = {
        "carriers": {"C0000": carrier(), "C0001": carrier(relatedParty=[])},
        "resources": {"R2": {"@type": "Satellite"}},
    }
    async with (
        scripted.served(scripted.Inventory(lists)) as inventory,
        scripted.exporting(inventory) as house,
    ):
        await house.pollers[1].refresh()
        assert defects(house)["no_party"] == 1
        assert defects(house)["no_satellite"] == 0
        assert "dangling_reference" not in defects(house), "the resources are not known yet"
        await scripted.refresh(house)
        assert defects(house)["dangling_reference"] == 2
        assert own(house, "references_dangling", collection="carriers") == 2
        found = house.store.defects()["carriers"]
        assert found["no_party"] == Defect(1, ("C0001",))
        assert found["dangling_reference"] == Defect(2, ("C0000", "C0001"))
        inventory.lists["resources"]["R1"] = {"@type": "Satellite"}
        await house.pollers[2].refresh("full")
        assert defects(house)["dangling_reference"] == 0, "a change of another collection is enough"
        assert own(house, "references_dangling", collection="carriers") == 0


async def test_an_end_that_passes_is_a_defect_after_the_next_refresh_though_nothing_changed() -> None:
    end = time.time() + 100
    lists = {"carriers": {"C0000": carrier(endDate=datetime.fromtimestamp(end, UTC).isoformat())}}
    async with (
        scripted.served(scripted.Inventory(lists)) as inventory,
        scripted.exporting(inventory) as house,
    ):
        await scripted.refresh(house)
        assert defects(house)["past_end_but_operational"] == 0
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "time", lambda: end + 1)
            await scripted.refresh(house)
            assert defects(house)["past_end_but_operational"] == 1


async def test_a_limit_of_series_holds_for_them_and_what_it_drops_is_counted() -> None:
    parties = {
        f"C{number:04}": carrier(relatedParty=[{"id": f"P{number}", "name": f"party {number}"}])
        for number in range(3)
    }
    async with (
        scripted.served(scripted.Inventory({"carriers": parties})) as inventory,
        scripted.exporting(inventory, limits={"series_per_family": 15}) as house,
    ):
        await scripted.refresh(house)
        name = "ses_inventory_party_carriers"
        assert scripted.texts(house)[0].count(f"{name}{{") == 15
        assert own(house, "series", family=name) == 15
        assert own(house, "series_dropped", family=name) == 6
        assert 'party="party 0",condition="down"' in scripted.texts(house)[0], "the first ones are served"


async def test_what_has_expired_is_counted_nowhere_until_a_refresh_succeeds() -> None:
    async with (
        scripted.served(scripted.Inventory({"carriers": {"C0000": carrier()}})) as inventory,
        scripted.exporting(inventory, retention={"max_staleness": "2h"}) as house,
    ):
        await scripted.refresh(house)
        watching = asyncio.create_task(house.store.watch_expiry())
        await asyncio.sleep(7300)
        for poller in house.pollers:
            if poller.target.collection == "services":
                await poller.refresh()
        await asyncio.sleep(1)
        assert "party_services" not in families(house), "no service has a party"
        assert "party_carriers" not in families(house)
        assert own(house, "series", family="ses_inventory_party_carriers") in (0, None)
        await scripted.refresh(house)  # which finds everything as it was
        assert counts(house, "party_carriers") == {"operational": 1}
        await asyncio.sleep(1)
        assert counts(house, "party_carriers") == {"operational": 1}
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def test_a_collection_that_is_turned_off_takes_them_along() -> None:
    async with (
        scripted.served(scripted.Inventory({"carriers": {"C0000": carrier()}})) as inventory,
        scripted.exporting(inventory) as house,
    ):
        await scripted.refresh(house)
        watching = asyncio.create_task(house.store.watch_expiry())
        recorders = {
            poller.target.collection: poller.recorder
            for poller in house.pollers
            if poller.target.collection != "carriers"
        }
        house.store.employ(house.config, recorders, {})
        assert "party_carriers" not in families(house)
        assert own(house, "series", family="ses_inventory_party_carriers") is None
        await asyncio.sleep(1)
        assert own(house, "series", family="ses_inventory_party_carriers") is None
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


@pytest.mark.parametrize("where", ["family", "update", "all"])
async def test_a_failure_takes_nothing_else_away(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """An error in one family leaves the others; one in an update is made good by counting everything."""
    follow, calls = Topology.follow, []

    def failing(*_: object) -> Iterable[tuple[str, ...]]:
        raise RuntimeError("odd")

    def fails_once_or_always(self: Topology, *how: object, **more: object) -> bool:
        calls.append(how)
        if where == "all" or len(calls) == 2:
            raise RuntimeError("odd")
        return follow(self, *how, **more)

    if where == "family":
        first, *others = topology_updates.TOPOLOGY
        monkeypatch.setattr(topology_updates, "TOPOLOGY", (TopologyFamily(first.family, failing), *others))
    else:
        monkeypatch.setattr(Topology, "follow", fails_once_or_always)
    async with (
        scripted.served(scripted.Inventory({"carriers": {"C0000": carrier()}})) as inventory,
        scripted.exporting(inventory) as house,
    ):
        with structlog.testing.capture_logs() as logs:
            await scripted.refresh(house)
            await scripted.refresh(house)
        assert (
            'ses_inventory_carrier_status{carrier_id="C0000",status="Operational"} 1'
            in scripted.texts(house)[0]
        )
        served = {"satellite_carriers", "party_carriers"} & families(house)
        expected = {
            "family": {"party_carriers"},
            "update": {"satellite_carriers", "party_carriers"},
            "all": set(),
        }
        assert served == expected[where]
        failures = own(house, "topology_failures_total")
        assert failures
        assert failures == 1 or where != "update"
        logged = [one for one in logs if one["event"] == "topology not updated"]
        assert len(logged) == 1, "once, however often it fails"
        assert "RuntimeError: odd" in logged[0]["exception"]


async def test_a_family_that_fails_stays_as_it_was_served_last(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> Entries:
        raise RuntimeError("odd")

    async with (
        scripted.served(scripted.Inventory({"carriers": {"C0000": carrier(DOWN)}})) as inventory,
        scripted.exporting(inventory) as house,
    ):
        await scripted.refresh(house)
        with monkeypatch.context() as patch:
            patch.setattr(
                topology_updates,
                "TOPOLOGY",
                [TopologyFamily(one.family, failing) for one in topology_updates.TOPOLOGY],
            )
            await scripted.step(inventory, house, "delta", [("carriers", 0, 1, {"status": UP})])
        assert counts(house, "satellite_carriers") == {"down": 1}
        assert "carrier_problem_since_timestamp_seconds" in families(house), "no alert ends by a failure"
        assert own(house, "topology_failures_total")
        await scripted.step(inventory, house, "delta", [("carriers", 0, 1, {"description": "new"})])
        assert counts(house, "satellite_carriers") == {"operational": 1}
        assert "carrier_problem_since_timestamp_seconds" not in families(house)


async def test_a_topology_that_always_fails_takes_little_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def slow_and_failing(*_: object, **__: object) -> bool:
        nonlocal now
        now += 10.0
        raise RuntimeError("odd")

    telemetry = Telemetry()
    updates = topology_updates.TopologyUpdates(telemetry, lambda: None, lambda: now)
    snapshots = {"carriers": Snapshot()}
    content = await updates.update(snapshots, 100)
    assert content.bodies
    now += 60.0
    monkeypatch.setattr(Topology, "follow", slow_and_failing)
    for _ in range(600):
        now += 1.0
        assert await updates.update(snapshots, 100) == content, "what was served last"
    assert telemetry.registry.get_sample_value(f"{scripted.OWN}topology_failures_total") <= 5
    monkeypatch.undo()
    now += 201.0
    assert (await updates.update(snapshots, 100)).bodies, "it is tried again"
