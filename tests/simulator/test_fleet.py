"""The world as it goes on: carriers fail and return, services come and go, references stay whole."""

from __future__ import annotations

import pytest

from exporter.simulator import generator
from exporter.simulator.fleet import Fleet
from exporter.simulator.record import CARRIER, DAY, DOWN, KINDS, OPERATIONAL, RETIRED, SEGMENT, SERVICE
from tests.simulator.test_generator import assert_whole

NOW = 1_790_000_000.0


def fleet(services: int = 40, carriers: int = 60, resources: int = 90, seed: int = 638) -> Fleet:
    return Fleet(generator.Sizes(services, carriers, resources), seed, NOW)


def everything(of: Fleet) -> dict[str, list[object]]:
    return {
        kind: [(one.code, one.status, one.updated, one.revision) for one in of.records(kind)]
        for kind in KINDS
    }


def test_a_rate_and_a_time_give_that_many_changes_each_at_its_own_moment() -> None:
    world = fleet()
    assert world.change(2.0, NOW + 10) == 20
    touched = {one.updated for kind in KINDS for one in world.records(kind) if one.updated > NOW}
    assert touched <= set(range(int(NOW), int(NOW) + 11))
    assert len(touched) > 5
    assert world.version == 20


def test_fractions_of_a_change_add_up() -> None:
    world = fleet()
    assert [world.change(0.5, NOW + second) for second in range(1, 7)] == [0, 1, 0, 1, 0, 1]


def test_without_a_rate_nothing_happens_and_nothing_is_made_up_for_later() -> None:
    world = fleet()
    before = everything(world)
    assert world.change(0.0, NOW + 1000) == 0
    assert everything(world) == before
    assert world.change(1.0, NOW + 1002) == 2


def test_time_that_runs_backwards_changes_nothing() -> None:
    world = fleet()
    assert world.change(5.0, NOW - 100) == 0


def test_the_same_seed_lives_the_same_life() -> None:
    one, other = fleet(), fleet()
    one.change(10, NOW + 30)
    other.change(10, NOW + 30)
    assert everything(one) == everything(other)


def test_after_a_long_time_most_carriers_work_some_do_not_and_services_have_drifted() -> None:
    world = fleet(services=100, carriers=300, resources=200)
    before = {one.code for one in world.records(SERVICE)}
    world.change(20, NOW + 500)
    after = {one.code for one in world.records(SERVICE)}
    assert after - before
    assert before - after
    down = [one for one in world.records(CARRIER) if one.status != OPERATIONAL]
    assert 0 < len(down) < 60
    assert_whole({kind: list(world.records(kind)) for kind in KINDS})


@pytest.mark.parametrize("sizes", [(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 1)])
def test_even_a_tiny_world_goes_on(sizes: tuple[int, int, int]) -> None:
    world = fleet(*sizes)
    assert world.change(10, NOW + 20) == 200
    assert_whole({kind: list(world.records(kind)) for kind in KINDS})


def test_a_carrier_taken_down_is_down_since_then() -> None:
    world = fleet()
    carrier = world.find("CAR0000003")
    seen = carrier.revision
    world.set_status("CAR0000003", DOWN, NOW + 7)
    assert (carrier.status, carrier.updated) == (DOWN, int(NOW) + 7)
    assert carrier.revision > seen


def test_retiring_counts_as_leaving_and_tells_those_who_refer() -> None:
    world = fleet()
    service = next(one for one in world.records(SERVICE) if one.part("Forward Carrier"))
    carrier = service.part("Forward Carrier")
    assert carrier is not None
    before, seen = world.version, service.revision
    world.set_status(carrier.code, RETIRED, NOW)
    assert world.version > before
    assert service.revision > seen


def test_who_is_retired_stays_so_whatever_happens() -> None:
    world = fleet(services=2, carriers=4, resources=0)
    for code in ("CAR0000001", "CAR0000002", "SVC0000001"):
        world.set_status(code, RETIRED, NOW)
    world.change(10, NOW + 50)
    assert {one.status for one in world.records(CARRIER) if one.number < 3} == {RETIRED}
    assert world.find("SVC0000001").status == RETIRED


def test_a_segment_that_changes_changes_what_its_carrier_shows() -> None:
    world = fleet()
    carrier = world.find("CAR0000001")
    segment = carrier.part(SEGMENT)
    assert segment is not None
    seen = carrier.revision
    world.set_status(segment.code, DOWN, NOW)
    assert carrier.revision > seen


def test_what_is_removed_is_forgotten_by_all() -> None:
    world = fleet()
    for code in ("CAR0000001", "RES0000001", "SVC0000004"):
        world.remove(code)
        with pytest.raises(KeyError, match=code):
            world.find(code)
    assert_whole({kind: list(world.records(kind)) for kind in KINDS})
    assert world.version == 3


@pytest.mark.parametrize("code", ["", "CAR", "CAR9999999", "XXX0000001", "CARabc"])
def test_a_code_of_nobody_is_a_key_error_that_names_it(code: str) -> None:
    with pytest.raises(KeyError, match="no record"):
        fleet().find(code)


def test_a_status_nobody_knows_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="operational, down"):
        fleet().set_status("CAR0000001", "broken", NOW)


def test_recent_finds_exactly_what_was_updated_since() -> None:
    world = fleet()
    world.change(5, NOW + 10)
    for kind in KINDS:
        for since in (NOW - DAY, NOW - 300 * DAY, NOW + 5, 0.0):
            expected = [one for one in world.records(kind) if one.updated >= since]
            assert world.recent(kind, since) == sorted(expected, key=lambda one: one.number)


def test_a_new_service_never_gets_the_code_of_an_old_one() -> None:
    world = fleet()
    last = world.add_service(NOW)
    world.remove(last.code)
    assert world.add_service(NOW).number == last.number + 1
