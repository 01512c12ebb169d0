"""Lists that are disturbed: arrivals, doubles, and records that may not be seen."""

from __future__ import annotations

import pytest

from exporter.simulator import generator, list_disturbances, list_request
from exporter.simulator.dialect import DIALECTS
from exporter.simulator.fleet import Fleet
from exporter.simulator.record import CARRIER, FleetRecord

NOW = 1_790_000_000.0


def records(count: int) -> list[FleetRecord]:
    return [FleetRecord(CARRIER, number, "", "Forward Carrier", 1, 2, 3) for number in range(1, count + 1)]


def ask(offset: int, kind: str = "Carrier") -> list_request.ListRequest:
    return list_request.parse(DIALECTS["tmf-v4"], "tmf638", {"offset": str(offset), "@type": kind})


def numbers(found: list[FleetRecord]) -> list[int]:
    return [one.number for one in found]


def test_records_arrive_at_the_front_one_with_each_page_behind_the_first() -> None:
    arrivals, everything = list_disturbances.LateRecords(2), records(5)
    assert numbers(arrivals.arrange(ask(0), everything)) == [1, 2, 3]
    assert numbers(arrivals.arrange(ask(20), everything)) == [4, 1, 2, 3]
    assert numbers(arrivals.arrange(ask(40), everything)) == [5, 4, 1, 2, 3]
    for offset in (60, 0, 20):
        assert numbers(arrivals.arrange(ask(offset), everything)) == [5, 4, 1, 2, 3]


def test_each_list_has_its_own_arrivals() -> None:
    arrivals = list_disturbances.LateRecords(1)
    arrivals.arrange(ask(20), records(3))
    assert numbers(arrivals.arrange(ask(0, "CustomerFacingService"), records(3))) == [1, 2]


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_arrives_where_there_is_hardly_anything(count: int) -> None:
    everything = records(count)
    assert list_disturbances.LateRecords(9).arrange(ask(20), everything) is everything
    assert list_disturbances.LateRecords(0).arrange(ask(20), records(3))


def test_every_tenth_comes_twice_in_a_row() -> None:
    assert numbers(list_disturbances.with_duplicates(records(11)))[8:] == [9, 10, 10, 11]


@pytest.mark.parametrize(("share", "least", "most"), [(0.1, 60, 140), (0.5, 380, 520), (1.0, 1000, 1000)])
def test_access_rules_hide_about_the_share_asked_for_and_a_run_of_it(
    share: float, least: int, most: int
) -> None:
    fleet = Fleet(generator.Sizes(0, 1000, 0), 1, NOW)
    access, again = (
        list_disturbances.AccessRules(share, 638, fleet),
        list_disturbances.AccessRules(share, 638, fleet),
    )
    hidden = [one.number for one in fleet.records(CARRIER) if access.hides(one)]
    assert least <= len(hidden) <= most
    assert set(range(401, 400 + int(share * 500))) <= set(hidden)
    assert hidden == [one.number for one in fleet.records(CARRIER) if again.hides(one)]


def test_without_access_rules_nothing_is_hidden() -> None:
    fleet = Fleet(generator.Sizes(5, 5, 5), 1, NOW)
    assert not any(list_disturbances.AccessRules(0.0, 1, fleet).hides(one) for one in fleet.records(CARRIER))
