"""Outages: what fails when, what fails with it, and what comes back as it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from exporter.simulator import generator, outage
from exporter.simulator.dialect import DIALECTS
from exporter.simulator.fleet import Fleet
from exporter.simulator.record import (
    CARRIER,
    DEGRADED,
    DOWN,
    KINDS,
    MAINTENANCE,
    OPERATIONAL,
    PLANNED,
    PROBLEMS,
    RETIRED,
    SERVICE,
    FleetRecord,
)
from exporter.simulator.server import Options, Simulator
from tests.simulator.client import Walker
from tests.simulator.test_server import code_of

NOW = 1_790_000_000.0
SIZES = generator.Sizes(60, 120, 400)
GOLD = {"name": "serviceLevel", "valueType": "string", "value": "Gold"}
DOWN_WORDS = {
    "ses": "Non-Operational",
    "servicenow": "Pending Repair",
    "tmf-v4": "inactive",
    "tmf-v5": "failed",
}


class World:
    """A fleet and its outages, at a time in seconds since the start."""

    def __init__(
        self, *texts: str, sizes: generator.Sizes = SIZES, seed: int = 638, rate: float = 0.0
    ) -> None:
        self.fleet = Fleet(sizes, seed, NOW)
        self.outages = outage.Outages([outage.parse(text) for text in texts], self.fleet, seed)
        self.rate = rate

    def at(self, seconds: float) -> dict[str, str]:
        """The status of every record, by code."""
        for moment in self.outages.moments(NOW + seconds):
            self.fleet.change(self.rate, moment)
            self.fleet.impose(self.outages.statuses(moment), moment)
        self.fleet.change(self.rate, NOW + seconds)
        return {one.code: one.status for one in self.records()}

    def records(self) -> list[FleetRecord]:
        return [one for kind in KINDS for one in self.fleet.records(kind)]

    def over(self, name: str) -> list[FleetRecord]:
        """The carriers over the hardware of that name."""
        return [one for one in self.fleet.records(CARRIER) if any(part.name == name for part in one.parts)]

    def services(self, carriers: list[FleetRecord]) -> list[FleetRecord]:
        """The services on any of these carriers."""
        return [one for one in self.fleet.records(SERVICE) if any(part in carriers for part in one.parts)]


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    return {code for code in before if before[code] != after[code]}


def test_a_satellite_takes_its_carriers_and_their_services_with_it_step_by_step_and_all_come_back() -> None:
    world = World("satellite:SES-17@60s+5m")
    carriers = world.over("SES-17")
    services = world.services(carriers)
    before = world.at(59)
    assert changed(before, world.at(60)) == {"RES0000001"}
    assert changed(before, world.at(69)) == {"RES0000001"}
    assert changed(before, world.at(70)) <= {"RES0000001", *(one.code for one in carriers)}
    assert {one.status for one in carriers} == {DOWN}
    during = world.at(80)
    assert changed(before, during) <= {"RES0000001", *(one.code for one in (*carriers, *services))}
    assert Counter(one.status for one in services) == {DOWN: 12, DEGRADED: 4}
    assert world.at(359) == during
    assert during["RES0000001"] == DOWN
    assert world.at(360)["RES0000001"] == OPERATIONAL
    assert world.at(380) == before
    assert {one.updated - NOW for one in carriers} == {370}
    assert world.at(9999) == before


def test_services_of_level_gold_have_a_second_path_and_are_degraded() -> None:
    world = World(
        "satellite:SES-17@0s",
        sizes=generator.Sizes(60, 120, 400, dict.fromkeys((*PROBLEMS, PLANNED, RETIRED), 0.0)),
    )
    world.at(20)
    shape = DIALECTS["ses"].shape
    levels = {
        (one.status, GOLD in shape(one)["serviceCharacteristic"])
        for one in world.services(world.over("SES-17"))
    }
    assert levels == {(DOWN, False), (DEGRADED, True)}


@pytest.mark.parametrize("kind", outage.KINDS)
def test_each_kind_fails_with_what_rests_on_it_and_nothing_else(kind: str) -> None:
    world = World(f"{kind}@0s")
    before = world.at(-1)
    after = world.at(20)
    (origin,) = changed(before, world_at_start(kind))
    failed = world.fleet.find(origin)
    assert kind in (failed.kind, failed.type.lower())
    below = (
        [failed]
        if kind == "carrier"
        else [one for one in world.fleet.records(CARRIER) if failed in one.parts]
    )
    users = [
        one for one in world.fleet.records(SERVICE) if failed in one.parts or set(below) & set(one.parts)
    ]
    assert all(after[one.code] in (DOWN, DEGRADED) for one in (failed, *below, *users))
    assert changed(before, after) <= {one.code for one in (failed, *below, *users)}
    assert below


def world_at_start(kind: str) -> dict[str, str]:
    return World(f"{kind}@0s").at(0)


def test_a_moment_that_nobody_looked_at_leaves_its_time() -> None:
    world = World("satellite:SES-17@60s+5m")
    world.at(3600)
    assert {one.updated - NOW for one in world.over("SES-17")} == {370}


def test_a_maintenance_window_and_a_degradation_use_their_own_statuses() -> None:
    world = World("gateway:Betzdorf GW1@0s,status=maintenance", "satellite:SES-12@0s,status=degraded")
    own = World().at(0)
    world.at(20)
    for name, status in (("Betzdorf GW1", MAINTENANCE), ("SES-12", DEGRADED)):
        found = {(own[one.code], one.status) for one in world.over(name)}
        assert (OPERATIONAL, status) in found
        assert {now for before, now in found if before != DOWN} <= set(PROBLEMS)
        assert all(now == DOWN for before, now in found if before == DOWN), "an outage is no repair"


def test_of_two_outages_the_worse_counts_until_the_last_is_over() -> None:
    world = World("satellite:SES-17@0s+10m,status=maintenance", "satellite:SES-17@1m+2m")
    assert [world.at(second)["RES0000001"] for second in (0, 60, 179, 180, 599, 600)] == [
        *(MAINTENANCE, DOWN, DOWN, MAINTENANCE, MAINTENANCE, OPERATIONAL),
    ]


def test_an_outage_that_returns_lasts_as_long_each_time() -> None:
    world = World("satellite:SES-17@10s+40s,every=2m")
    seconds = (9, 10, 49, 50, 129, 130, 169, 170, 3609, 3610, 3649, 3650)
    assert [world.at(second)["RES0000001"] for second in seconds] == [
        OPERATIONAL, DOWN, DOWN, OPERATIONAL,
    ] * 3  # fmt: skip


def test_without_a_name_the_seed_chooses_and_another_each_time() -> None:
    def failed(seed: int) -> list[str]:
        world = World("satellite@0s+1m,every=2m", seed=seed)
        found = []
        for turn in range(6):
            before = world.at(120 * turn - 1)
            found += changed(before, world.at(120 * turn))
        return found

    assert failed(1) == failed(1) != failed(2)
    assert len(failed(1)) == 6
    assert len(set(failed(1))) > 1


def test_a_fleet_without_that_kind_has_no_such_outage() -> None:
    world = World("transponder@0s", "satellite@0s", sizes=generator.Sizes(5, 5, 0))
    assert changed(world.at(-1), world.at(60)) == set()


def test_chance_neither_repairs_what_an_outage_holds_nor_ends_it() -> None:
    world = World("satellite:SES-17@60s+5m", rate=20.0)
    world.at(80)
    assert {one.status for one in world.over("SES-17")} == {DOWN}
    world.at(355)
    assert {one.status for one in world.over("SES-17")} == {DOWN}
    after = world.at(400)
    assert OPERATIONAL in {after[one.code] for one in world.over("SES-17")}


def test_what_is_retired_planned_or_removed_meanwhile_stays_so() -> None:
    world = World("satellite:SES-17@0s+1m")
    carriers = world.over("SES-17")
    services = world.services(carriers)
    world.fleet.set_status(carriers[0].code, PLANNED, NOW)
    world.at(5)
    world.fleet.set_status("RES0000001", RETIRED, NOW + 5)
    world.at(30)
    world.fleet.set_status(carriers[1].code, RETIRED, NOW + 30)
    world.fleet.remove(services[0].code)
    after = world.at(100)
    assert (after[carriers[0].code], after[carriers[1].code]) == (PLANNED, RETIRED)
    assert after["RES0000001"] == RETIRED
    assert services[0].code not in after


@pytest.mark.parametrize("dialect", DOWN_WORDS)
async def test_over_the_wire_who_names_a_failed_gateway_is_down_in_the_words_of_the_dialect(
    dialect: str,
) -> None:
    time = [NOW]
    options = Options(
        listen_port=0,
        services=45,
        carriers=60,
        resources=90,
        dialect=dialect,
        outages=("gateway:Betzdorf GW1@1m+5m",),
    )
    async with Simulator(options, lambda: time[0]) as simulator, aiohttp.ClientSession() as session:
        client = Walker(session, simulator)
        before = [one["name"] for one in await client.walk("carriers") if is_down(one, dialect)]
        gateway = next(one for one in await client.walk("resources") if one["name"] == "Betzdorf GW1")
        time[0] += 70
        carriers = await client.walk("carriers")
        on_it = [one for one in carriers if code_of(gateway) in supporting(one)]
        assert len(on_it) >= 8
        assert all(is_down(one, dialect) for one in on_it)
        assert {one["name"] for one in carriers if is_down(one, dialect)} == {
            *before,
            *(one["name"] for one in on_it),
        }
        resources = {code_of(one) for one in await client.walk("resources")}
        assert {code for one in carriers for code in supporting(one)} <= resources, "every id resolves"
        time[0] += 310
        assert [one["name"] for one in await client.walk("carriers") if is_down(one, dialect)] == before


def supporting(shown: Mapping[str, Any]) -> list[str]:
    return [part["id"] for part in shown["supportingResource"]]


def is_down(shown: Mapping[str, Any], dialect: str) -> bool:
    """Whether that dialect's word for down is among the values of the record."""
    values = [shown.get(key) for key in ("status", "state", "operatingStatus")]
    values += [one["value"] for one in shown["serviceCharacteristic"]]
    return DOWN_WORDS[dialect] in values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "satellite:SES-17",
            "there is no time; write KIND:NAME@START+DURATION, as in satellite:SES-17@60s+5m",
        ),
        ("planet:Mars@1m", "there is no kind 'planet'; use one of satellite, gateway, transponder, terminal"),
        ("satellite@soon", "'soon' is no time; write hours, minutes and seconds, as in 1h, 5m or 1m30s"),
        ("satellite@1m+", "'' is no time"),
        ("satellite@1m+5", "'5' is no time"),
        ("satellite@1m,status=broken", "status is 'broken'; use one of down, degraded, maintenance"),
        ("satellite@1m,until=5m", "there is no key 'until'; use every or status"),
        ("satellite@1m+5m,every=5m", "every is 5m; use 20s more than the duration, or longer"),
        ("satellite@1m,every=5m", "every is 5m; use"),
    ],
)
def test_what_is_no_outage_is_refused_with_what_to_write(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="outage") as refused:
        outage.parse(text)
    assert str(refused.value).startswith(f"outage {text!r}: {message}")


def test_a_name_that_the_fleet_lacks_is_refused_with_those_it_has() -> None:
    with pytest.raises(ValueError, match="did you mean") as refused:
        World("satellite:SES-71@1m", sizes=generator.Sizes(0, 0, 1000))
    assert str(refused.value) == (
        "outage 'satellite:SES-71@1m': there is no satellite 'SES-71' (did you mean 'SES-17'? this fleet has "
        "SES-17, SES-12, SES-14, SES-4, SES-6, SES-9, SES-10, SES-15, O3b mPOWER-1, O3b mPOWER-2 and 5 more; "
        "`simulate --list-names` prints all)"
    )
    with pytest.raises(ValueError, match="this fleet has none;"):
        World("satellite:SES-17@1m", sizes=generator.Sizes(0, 0, 0))


def test_times_add_up_and_case_does_not_matter_and_ids_are_names_too() -> None:
    parsed = outage.parse("satellite: ses-17 @1h1m1s+90s, every=1h")
    assert (parsed.start, parsed.duration, parsed.every) == (3661, 90, 3600)
    for name in ("ses-17", "RES0000001", "res0000001"):
        assert World(f"satellite:{name}@0s").at(0)["RES0000001"] == DOWN


def test_every_name_that_is_listed_can_be_given() -> None:
    world = World()
    lines = [line.split("\t") for line in outage.name_lines(world.fleet)]
    World(*(f"{name}@1m" for name, *_ in lines))
    assert lines[0] == ["satellite:SES-17", f"{len(world.over('SES-17'))} carriers", "16 services"]
    counts = {kind: generator.resource_counts(400).get(kind.capitalize(), 120) for kind in outage.KINDS}
    assert Counter(name.partition(":")[0] for name, *_ in lines) == counts
