"""Bytes of records: made once, renewed when the record changes, bounded."""

from __future__ import annotations

import json

import pytest

from exporter.simulator import body
from exporter.simulator.record import FleetRecord


def record(number: int = 1) -> FleetRecord:
    return FleetRecord("carrier", number, f"carrier {number}", "Forward Carrier", 1, 2, 3)


def test_bytes_are_kept_until_the_record_changes() -> None:
    bodies = body.Bodies(lambda one: {"name": one.name})
    one = record()
    first = bodies.record(one)
    assert json.loads(first) == {"name": "carrier 1"}
    assert bodies.record(one) is first
    one.name, one.revision = "renamed", 1
    assert json.loads(bodies.record(one)) == {"name": "renamed"}


def test_a_page_is_an_array() -> None:
    bodies = body.Bodies(lambda one: {"n": one.number})
    assert json.loads(bodies.page([record(1), record(2)])) == [{"n": 1}, {"n": 2}]
    assert bodies.page([]) == b"[]"


def test_no_more_bytes_are_kept_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "KEPT", 10)
    bodies = body.Bodies(lambda one: {"n": one.number})
    bodies.page(record(number) for number in range(25))
    assert len(bodies._kept) <= 10
