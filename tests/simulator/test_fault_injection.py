"""When faults occur (by page, row, share, count, record) and what they do to a response."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exporter.simulator import fault, list_request
from exporter.simulator.dialect import DIALECTS
from exporter.simulator.fault_injection import HTML, FaultInjection, apply
from exporter.simulator.listing import Reply
from exporter.simulator.record import FleetRecord


def trouble(*texts: str, seed: int = 638) -> FaultInjection:
    return FaultInjection([fault.parse(text) for text in texts], seed)


def ask(page: int = 1, size: int = 40, kind: str = "service") -> list_request.ListRequest:
    asked = {"page": str(page), "recordsPerPage": str(size), "@type": kind}
    return list_request.parse(DIALECTS["ses"], "tmf638", asked)


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
        assert [bool(faults.faults_of(ask(page))) for page in range(1, 6)] == [
            False,
            True,
            False,
            True,
            False,
        ]


def test_a_page_is_struck_if_it_holds_a_bad_row_however_large_it_is() -> None:
    faults = trouble("504:rows=45")
    assert [bool(faults.faults_of(ask(page))) for page in (1, 2, 3)] == [False, True, False]
    assert [bool(faults.faults_of(ask(page, size=5))) for page in (8, 9, 10)] == [False, True, False]
    assert faults.faults_of(ask(45, size=1))
    assert not faults.faults_of(ask(44, size=1))


def test_a_page_is_spared_after_so_many_times() -> None:
    faults = trouble("500:times=2")
    assert [bool(faults.faults_of(ask(1))) for _ in range(4)] == [True, True, False, False]
    assert [bool(faults.faults_of(ask(2))) for _ in range(4)] == [True, True, False, False]


def test_a_share_of_requests_is_struck_and_the_same_ones_for_the_same_seed() -> None:
    one, other = trouble("502:share=0.3"), trouble("502:share=0.3")
    drawn = [bool(one.faults_of(ask())) for _ in range(1000)]
    assert 200 < sum(drawn) < 400
    assert drawn == [bool(other.faults_of(ask())) for _ in range(1000)]


def test_a_collection_is_struck_alone() -> None:
    faults = trouble("html:collection=carriers")
    assert not faults.faults_of(ask())
    assert faults.faults_of(ask(kind="element"))
    assert not faults.faults_of(list_request.parse(DIALECTS["ses"], "tmf639", {}))


def test_several_faults_strike_in_the_order_they_were_given() -> None:
    struck = trouble("envelope", "truncate:share=1").faults_of(ask())
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
    assert trouble("null-ids:share=1,collection=services").change_record(carrier(1), shown()) == shown()
    assert not trouble("duplicates:share=1,collection=resources").repeats(carrier(1))


def test_faults_on_one_record_add_up() -> None:
    faults = trouble("null-ids:share=1", "unknown-status:share=1", "duplicates:share=1")
    spoilt = faults.change_record(carrier(2), shown())
    assert spoilt["id"] == spoilt["externalId"] == {}
    assert spoilt["status"] == "UNKNOWN-42"
    assert spoilt["name"] == "n"


PAGE = Reply(206, b'[{"id":1},{"id":2}]', headers={"X-Total-Count": "9"}, total_header="X-Total-Count")


def with_fault(text: str) -> Reply:
    return apply(fault.parse(text), PAGE)


@pytest.mark.parametrize("name", ["500", "502", "504", "429"])
def test_refusals_have_their_own_status(name: str) -> None:
    answer = with_fault(name)
    assert answer.status == int(name)
    assert "X-Total-Count" not in answer.headers
    assert json.loads(answer.body)["code"] == name


def test_throttling_carries_retry_after_and_others_on_request() -> None:
    assert with_fault("429").headers["Retry-After"] == "1"
    assert with_fault("429:retry_after=nonsense").headers["Retry-After"] == "nonsense"
    assert with_fault("500:retry_after=7").headers["Retry-After"] == "7"
    assert "Retry-After" not in with_fault("500").headers


def test_a_code_overrides_the_status() -> None:
    assert with_fault("html:code=503").status == 503


def test_empty_announces_nothing_where_all_is_empty_and_the_true_total_where_one_page_is() -> None:
    assert (with_fault("empty").body, with_fault("empty").headers["X-Total-Count"]) == (b"[]", "0")
    assert with_fault("empty:pages=2").headers["X-Total-Count"] == "9"
    bare = apply(fault.parse("empty"), Reply(200, b"[1]"))
    assert (bare.body, bare.headers) == (b"[]", {})


def test_maintenance_is_html_with_200() -> None:
    answer = with_fault("html")
    assert (answer.status, answer.content_type) == (200, HTML)
    assert b"<html>" in answer.body


def test_a_truncated_page_is_half_of_it() -> None:
    body = with_fault("truncate").body
    assert PAGE.body.startswith(body)
    with pytest.raises(ValueError, match="delimiter"):
        json.loads(body)


def test_an_error_object_comes_with_200_and_an_envelope_holds_the_list() -> None:
    assert "message" in json.loads(with_fault("error-object").body)["error"]
    assert with_fault("error-object").status == 200
    assert json.loads(with_fault("envelope").body) == {"result": [{"id": 1}, {"id": 2}]}
