"""The status as JSON."""

from __future__ import annotations

import json
from types import MappingProxyType

import pytest

from exporter import status as told
from exporter.status import Rejects

from .invented import collection, fresh, hostile, status, troubled, waiting


@pytest.mark.parametrize("collections", [(), fresh(), troubled(), waiting(), hostile()])
def test_every_status_is_json_in_prometheus_envelope(
    collections: tuple[told.CollectionStatus, ...],
) -> None:
    read = json.loads(told.as_json(status(collections)))
    assert read["status"] == "success"
    assert [one["name"] for one in read["data"]["collections"]] == [one.name for one in collections]


def test_every_field_is_there_and_what_is_not_known_is_null() -> None:
    (one,) = json.loads(told.as_json(status(waiting()[:1])))["data"]["collections"]
    assert set(one) == set(told.CollectionStatus.__struct_fields__)
    assert one["up"] is None
    assert one["age_seconds"] is None


def test_read_only_mappings_are_written_as_objects() -> None:
    rejects = MappingProxyType({"missing_id": Rejects(3, ("a",))})
    shown = status((collection(rejects=rejects, statuses=MappingProxyType({"active": 1})),))
    (one,) = json.loads(told.as_json(shown))["data"]["collections"]
    assert one["rejects"] == {"missing_id": {"count": 3, "examples": ["a"]}}
    assert one["statuses"] == {"active": 1}


def test_half_a_surrogate_pair_is_escaped_and_no_failure() -> None:
    shown = status((collection(last_error="\ud800", statuses=MappingProxyType({"active": 1})),))
    assert rb"\ud800" in told.as_json(shown)


def test_a_number_that_json_lacks_is_null_whatever_else_is_odd() -> None:
    for error in ("", "\ud800"):
        shown = status((collection(last_error=error, next_refresh=float("nan")),))
        read = json.loads(told.as_json(shown), parse_constant=pytest.fail)
        assert read["data"]["collections"][0]["next_refresh"] is None


def test_a_value_that_is_no_word_of_ours_is_a_mistake_of_the_program() -> None:
    with pytest.raises(NotImplementedError):
        told.as_json(status((collection(url=object()),)))
