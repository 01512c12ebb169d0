"""The world as it is grown: exact sizes, whole references, the same for the same seed."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.simulator import generator, names
from exporter.simulator.record import (
    CARRIER,
    DAY,
    KINDS,
    OPERATIONAL,
    RESOURCE,
    RETIRED,
    SEGMENT,
    SERVICE,
    FleetRecord,
)

NOW = 1_790_000_000
EXTRA_TYPES = {SEGMENT, "Slot", "Card", "Port"}


def grown(services: int, carriers: int, resources: int, seed: int = 638) -> dict[str, list[FleetRecord]]:
    return generator.generate(generator.Sizes(services, carriers, resources), seed, NOW)


def told(records: dict[str, list[FleetRecord]]) -> list[object]:
    """Everything about the records, without the identity of Python objects."""
    return [
        (one.code, one.name, one.type, one.status, one.created, one.started, one.updated, one.ended)
        for kind in KINDS
        for one in records[kind]
    ] + [
        (
            one.customer,
            one.site,
            [part.code for part in one.parts],
            [(word, far.code) for word, far in one.relations],
        )
        for kind in KINDS
        for one in records[kind]
    ]


def assert_whole(records: dict[str, list[FleetRecord]]) -> None:
    there = {id(one) for kind in KINDS for one in records[kind]}
    for kind in KINDS:
        for one in records[kind]:
            assert all(id(part) in there for part in one.parts)
            assert all(id(far) in there and far.kind == kind for _, far in one.relations)


sizes = st.integers(0, 60)


@settings(max_examples=60, deadline=None)
@given(sizes, sizes, st.integers(0, 120), st.integers())
def test_every_size_is_exact_and_every_reference_leads_to_a_record(
    services: int, carriers: int, resources: int, seed: int
) -> None:
    records = grown(services, carriers, resources, seed)
    installed = [one for one in records[SERVICE] if one.status != RETIRED]
    kept = [one for one in records[RESOURCE] if one.type not in EXTRA_TYPES and one.status != RETIRED]
    assert len(installed) == services
    assert len(records[CARRIER]) == carriers
    assert len(kept) == resources
    assert_whole(records)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 3000))
def test_resources_are_apportioned_without_rest(resources: int) -> None:
    counts = generator.resource_counts(resources)
    assert sum(counts.values()) == resources
    assert min(counts.values()) >= 0


def test_the_same_seed_grows_the_same_fleet_and_another_seed_another() -> None:
    assert told(grown(40, 60, 90)) == told(grown(40, 60, 90))
    assert told(grown(40, 60, 90)) != told(grown(40, 60, 90, seed=1))


def test_codes_are_unique_and_count_from_one() -> None:
    records = grown(40, 60, 90)
    for kind in KINDS:
        assert [one.number for one in records[kind]] == list(range(1, len(records[kind]) + 1))


def test_each_carrier_has_a_segment_of_its_own_and_some_an_old_one() -> None:
    records = grown(0, 60, 90)
    segments = [part for one in records[CARRIER] for part in one.parts if part.type == SEGMENT]
    installed = [one for one in segments if one.status != RETIRED]
    assert len(installed) == len(set(map(id, installed))) == 60
    assert 0 < len(segments) - len(installed) < 10


def test_a_carrier_crosses_the_hardware_from_space_to_the_modem() -> None:
    for carrier in grown(0, 60, 90)[CARRIER]:
        types = [part.type for part in carrier.parts]
        assert types[:5] == ["Satellite", "Transponder", "Gateway", "Terminal", "Modem"]
        transponder = carrier.part("Transponder")
        assert transponder is not None
        assert transponder.relations == [("containedIn", carrier.part("Satellite"))]


def test_carriers_come_in_pairs_under_a_parent_and_in_bundles() -> None:
    carriers = grown(0, 64, 90)[CARRIER]
    assert Counter(one.type for one in carriers) == {"Forward Carrier": 32, "Return Carrier": 32}
    for near in carriers:
        for word, far in near.relations:
            back = {"pairedWith": "pairedWith", "bundle": "bundle", "parent": "child", "child": "parent"}[
                word
            ]
            assert (back, near) in far.relations
    words = Counter(word for one in carriers for word, _ in one.relations)
    assert words == {"pairedWith": 64, "parent": 28, "child": 28, "bundle": 56}


def test_carriers_of_one_parent_share_satellite_and_gateway() -> None:
    for carrier in grown(0, 200, 900)[CARRIER]:
        for word, far in carrier.relations:
            if word == "parent":
                assert far.part("Satellite") is carrier.part("Satellite")
                assert far.part("Gateway") is carrier.part("Gateway")


def test_a_service_stands_on_its_terminal_and_on_carriers_over_it() -> None:
    for service in grown(100, 300, 200)[SERVICE]:
        terminal = service.part("Terminal")
        carriers = [part for part in service.parts if part.kind == CARRIER]
        if service.status != RETIRED:
            assert len(carriers) == 2
            assert all(one.part("Terminal") is terminal for one in carriers)


def test_a_few_percent_are_not_operational_and_satellites_never() -> None:
    records = grown(1000, 1000, 1000)
    for kind in KINDS:
        installed = [one for one in records[kind] if one.status != RETIRED]
        troubled = [one for one in installed if one.status != OPERATIONAL]
        assert 0.005 < len(troubled) / len(installed) < 0.08
        assert not any(one.type in ("Satellite", SEGMENT) for one in troubled)


def test_records_have_a_past_that_adds_up_and_mostly_rest_for_a_day() -> None:
    records = [one for found in grown(400, 600, 900).values() for one in found]
    assert all(one.created <= one.started <= one.updated <= NOW for one in records)
    fresh = [one for one in records if one.updated > NOW - DAY]
    assert 0 < len(fresh) < len(records) * 0.03
    ended = [one for one in records if one.ended is not None and one.status != RETIRED]
    assert ended
    assert all(one.ended > NOW for one in ended if one.ended)


@pytest.mark.parametrize("resources", [0, 1, 2, 3, 4, 5, 6, 7])
def test_with_hardly_any_hardware_carriers_refer_to_what_there_is(resources: int) -> None:
    carrier = grown(1, 1, resources)[CARRIER][0]
    needed = ["Satellite", "Gateway", "Transponder", "Terminal", "Modem"][:resources]
    assert {part.type for part in carrier.parts} == {*needed, SEGMENT}


def test_names_never_run_out() -> None:
    companies = [names.company(number) for number in range(1000)]
    assert len(set(companies)) == 1000
    assert names.satellite(0) == "SES-17"
    assert names.satellite(500) == "SES-520"
    assert names.gateway(17) == "Manassas GW2"
    assert names.site(34) == "Kinshasa 2"
