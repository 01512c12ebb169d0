"""Which way relationships go, as data of the dialects."""

from __future__ import annotations

from collections import Counter

import pytest

from exporter.inventory import record_reader, text
from exporter.inventory.dialects import relationships
from exporter.inventory.dialects.relationships import Direction
from exporter.inventory.dialects.vendors import DIALECTS
from exporter.inventory.record import Link, Record
from exporter.simulator import dialect as simulated
from exporter.simulator.fleet import Fleet
from exporter.simulator.generator import Sizes
from exporter.simulator.record import CARRIER, RESOURCE, SERVICE
from exporter.topology import references

REVERSED = {
    Direction.RESTS_ON: Direction.SUPPORTS,
    Direction.SUPPORTS: Direction.RESTS_ON,
    Direction.NEITHER: Direction.NEITHER,
}


@pytest.mark.parametrize("table", [relationships.TMF, relationships.SERVICENOW])
def test_no_type_is_in_a_table_in_two_spellings(table: relationships.Types) -> None:
    assert len({text.fold(word) for word in table}) == len(table)


def test_a_type_of_servicenow_goes_the_other_way_from_the_other_end() -> None:
    table = references.folded(relationships.SERVICENOW)
    for word, direction in relationships.SERVICENOW.items():
        first, _, second = word.partition("::")
        assert table.get(text.fold(f"{second}::{first}"), REVERSED[direction]) is REVERSED[direction], word


@pytest.mark.parametrize("name", DIALECTS)
def test_every_type_of_the_simulated_fleet_is_known(name: str) -> None:
    fleet = Fleet(Sizes(20, 20, 60), 1, 1.8e9)
    for collection, kind in (("services", SERVICE), ("carriers", CARRIER), ("resources", RESOURCE)):
        mapping = DIALECTS[name].collections[collection]
        reader = record_reader.Reader(mapping)
        shape = simulated.DIALECTS[name].shape
        found = [reader.read(shape(record), Counter()) for record in fleet.records(kind)]
        records = [one.record for one in found if one is not None]
        assert any(record.relations for record in records)
        assert references.unknown_types(records, references.folded(mapping.relationships)) == {}


def test_an_unknown_type_is_counted_as_it_is_spelled() -> None:
    types = references.folded(relationships.TMF)
    records = [Record(id="1", relations=(Link("2", role="Odd One"), Link("3", role="dependsOn")))] * 2
    assert references.unknown_types(records, types) == {"Odd One": 2}


def test_only_resources_are_found_by_name() -> None:
    for dialect in DIALECTS.values():
        found = {name for name, collection in dialect.collections.items() if collection.found_by_name}
        assert found == {"resources"}, dialect.name
