"""When faults strike: by page, by row, by share, by count; records by their code."""

from __future__ import annotations

from typing import Any

from exporter.simulator import fault, listing
from exporter.simulator.dialect import DIALECTS
from exporter.simulator.fault_injection import FaultInjection
from exporter.simulator.record import FleetRecord


def trouble(*texts: str, seed: int = 638) -> FaultInjection:
    return FaultInjection([fault.parse(text) for text in texts], seed)


def ask(page: int = 1, size: int = 40, kind: str = "service") -> listing.ListRequest:
    asked = {"page": str(page), "recordsPerPage": str(size), "@type": kind}
    return listing.read(DIALECTS["ses"], "tmf638", asked)


def carrier(number: int) -> FleetRecord:
    return FleetRecord("carrier", number, f"carrier {number}", "Forward Carrier", 1, 2, 3)


def shown() -> dict[str, Any]:
    return {
        "id": "a",
        "externalId": "b",
        "@type": "element",
        "name": "n",
        "status": "Operational",
        "place": [],
    }


def test_pages_are_struck_again_and_again() -> None:
    faults = trouble("504:pages=2+4")
    for _ in range(3):
        assert [bool(faults.strikes(ask(page))) for page in range(1, 6)] == [False, True, False, True, False]


def test_a_page_is_struck_if_it_holds_a_bad_row_however_large_it_is() -> None:
    faults = trouble("504:rows=45")
    assert [bool(faults.strikes(ask(page))) for page in (1, 2, 3)] == [False, True, False]
    assert [bool(faults.strikes(ask(page, size=5))) for page in (8, 9, 10)] == [False, True, False]
    assert faults.strikes(ask(45, size=1))
    assert not faults.strikes(ask(44, size=1))


def test_a_page_is_spared_after_so_many_times() -> None:
    faults = trouble("500:times=2")
    assert [bool(faults.strikes(ask(1))) for _ in range(4)] == [True, True, False, False]
    assert [bool(faults.strikes(ask(2))) for _ in range(4)] == [True, True, False, False]


def test_a_share_of_requests_is_struck_and_the_same_ones_for_the_same_seed() -> None:
    one, other = trouble("502:share=0.3"), trouble("502:share=0.3")
    drawn = [bool(one.strikes(ask())) for _ in range(1000)]
    assert 200 < sum(drawn) < 400
    assert drawn == [bool(other.strikes(ask())) for _ in range(1000)]


def test_a_collection_is_struck_alone() -> None:
    faults = trouble("html:collection=carriers")
    assert not faults.strikes(ask())
    assert faults.strikes(ask(kind="element"))
    assert not faults.strikes(listing.read(DIALECTS["ses"], "tmf639", {}))


def test_several_faults_strike_in_the_order_they_were_given() -> None:
    struck = trouble("envelope", "truncate:share=1").strikes(ask())
    assert [one.name for one in struck] == ["envelope", "truncate"]


def test_the_same_records_are_odd_every_time_and_about_the_share_asked_for() -> None:
    faults = trouble("duplicates:share=0.2")
    repeated = [number for number in range(1000) if faults.repeats(carrier(number))]
    assert 130 < len(repeated) < 270
    assert repeated == [number for number in range(1000) if faults.repeats(carrier(number))]
    assert repeated != [
        number for number in range(1000) if trouble("duplicates:share=0.2", seed=1).repeats(carrier(number))
    ]


def test_records_of_other_collections_are_left_alone() -> None:
    assert trouble("null-ids:share=1,collection=services").spoil(carrier(1), shown()) == shown()
    assert not trouble("duplicates:share=1,collection=resources").repeats(carrier(1))


def test_faults_on_one_record_add_up() -> None:
    faults = trouble("null-ids:share=1", "unknown-status:share=1", "duplicates:share=1")
    spoilt = faults.spoil(carrier(2), shown())
    assert spoilt["id"] == spoilt["externalId"] == {}
    assert spoilt["status"] == "UNKNOWN-42"
    assert spoilt["name"] == "n"
