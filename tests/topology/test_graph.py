"""What a reference means, and what becomes of it when records come, go or are renamed."""

from __future__ import annotations

import pytest

from exporter.inventory.record import Link, Record
from exporter.inventory.snapshot import Shown
from exporter.topology.graph import Graph
from tests.topology import fleets
from tests.topology.fleets import Fleet, Key

SATELLITE = Record(id="R1", name="SES-1", type="Satellite")


def _below(fleet: Fleet, key: Key) -> list[Key]:
    return _of(fleets.built(fleet), key)


def _of(graph: Graph, key: Key) -> list[Key]:
    number = graph.number(*key)
    assert number is not None
    return sorted({(graph.collection(one), graph.ident(one)) for one in graph.rests_on(number)})


def _related(word: str) -> Fleet:
    """R2 with a relationship of this type to R1."""
    related = Record(id="R2", relations=(Link("R1", role=word),))
    return fleets.of(("resources", related), ("resources", SATELLITE))


def _follow(graph: Graph, before: Fleet, after: Fleet) -> None:
    for collection in ("services", "carriers", "resources"):
        graph.update(collection, fleets.pairs(before, after, collection))


def test_a_service_rests_on_its_carriers_and_both_on_their_resources() -> None:
    fleet = fleets.of(
        ("services", Record(id="S1", services=(Link("C1"),), resources=(Link("R1"),))),
        ("carriers", Record(id="C1", resources=(Link("R1"),))),
        ("resources", SATELLITE),
    )
    assert _below(fleet, ("services", "S1")) == [("carriers", "C1"), ("resources", "R1")]
    assert _below(fleet, ("carriers", "C1")) == [("resources", "R1")]


@pytest.mark.parametrize(
    "word", ["dependsOn", "DEPENDS_ON", "relies-on", "requires", "Contained in", "hostedOn"]
)
def test_a_record_rests_on_what_it_depends_on_however_that_is_spelled(word: str) -> None:
    fleet = fleets.of(
        ("resources", Record(id="R2", relations=(Link("R1", role=word),))), ("resources", SATELLITE)
    )
    assert _below(fleet, ("resources", "R2")) == [("resources", "R1")]


@pytest.mark.parametrize("word", ["contains", "supports", "is required by", "hosts", "used_by"])
def test_what_a_record_contains_or_supports_rests_on_it(word: str) -> None:
    fleet = fleets.of(
        ("resources", Record(id="R2", relations=(Link("R1", role=word),))), ("resources", SATELLITE)
    )
    assert _below(fleet, ("resources", "R1")) == [("resources", "R2")]


@pytest.mark.parametrize("word", ["pairedWith", "connectedTo", "whatever", "child", "backup"])
def test_other_relationships_are_no_edge(word: str) -> None:
    fleet = fleets.of(
        ("resources", Record(id="R2", relations=(Link("R1", role=word),))), ("resources", SATELLITE)
    )
    assert _below(fleet, ("resources", "R2")) == []
    assert _below(fleet, ("resources", "R1")) == []


def test_a_reference_to_what_is_not_stored_becomes_an_edge_when_that_appears_and_waits_again() -> None:
    alone = fleets.of(("carriers", Record(id="C1", resources=(Link("R1"),))))
    both = {**alone, ("resources", "R1"): Shown(SATELLITE)}
    graph = Graph()
    for before, after, below, waiting in (
        ({}, alone, [], 1),
        (alone, both, [("resources", "R1")], 0),
        (both, alone, [], 1),
        (alone, both, [("resources", "R1")], 0),
    ):
        _follow(graph, before, after)
        assert _of(graph, ("carriers", "C1")) == below
        assert graph.waiting() == waiting


def test_a_reference_that_may_mean_a_service_or_a_carrier_means_the_carrier() -> None:
    user = ("services", Record(id="S1", services=(Link("A"),)))
    both = fleets.of(user, ("services", Record(id="A")), ("carriers", Record(id="A")))
    one = fleets.of(user, ("services", Record(id="A")))
    graph = Graph()
    _follow(graph, {}, one)
    assert _of(graph, ("services", "S1")) == [("services", "A")]
    _follow(graph, one, both)
    assert _of(graph, ("services", "S1")) == [("carriers", "A")]
    _follow(graph, both, one)
    assert _of(graph, ("services", "S1")) == [("services", "A")]


def test_a_resource_with_the_id_of_a_service_is_another_record() -> None:
    fleet = fleets.of(("services", Record(id="S1", services=(Link("R1"),))), ("resources", SATELLITE))
    assert _below(fleet, ("services", "S1")) == []


def test_a_reference_without_an_id_means_the_only_resource_of_that_type_and_name() -> None:
    carrier = ("carriers", Record(id="C1", resources=(Link("", "SES-1", "satellite"),)))
    other = Record(id="R2", name="SES-1", type="Gateway")
    fleet = fleets.of(carrier, ("resources", SATELLITE), ("resources", other))
    assert _below(fleet, ("carriers", "C1")) == [("resources", "R1")]


def test_a_name_that_two_resources_of_a_type_have_means_neither() -> None:
    carrier = ("carriers", Record(id="C1", resources=(Link("", "SES-1", "Satellite"),)))
    double = ("resources", Record(id="R2", name="SES-1", type="Satellite"))
    one, two = (
        fleets.of(carrier, ("resources", SATELLITE)),
        fleets.of(carrier, ("resources", SATELLITE), double),
    )
    graph = Graph()
    _follow(graph, {}, two)
    assert _of(graph, ("carriers", "C1")) == []
    _follow(graph, two, one)
    assert _of(graph, ("carriers", "C1")) == [("resources", "R1")]


def test_names_of_services_and_carriers_are_followed_where_the_dialect_says_so() -> None:
    service = ("services", Record(id="S1", services=(Link("", "one", "Forward"),)))
    fleet = fleets.of(service, ("carriers", Record(id="C1", name="one", type="forward")))
    assert _below(fleet, ("services", "S1")) == []
    graph = Graph(named=("services", "carriers"))
    _follow(graph, {}, fleet)
    assert _of(graph, ("services", "S1")) == [("carriers", "C1")]


def test_a_name_counts_for_nothing_where_there_is_an_id() -> None:
    fleet = fleets.of(
        ("carriers", Record(id="C1", resources=(Link("R9", "SES-1", "Satellite"),), satellite="SES-1")),
        ("resources", SATELLITE),
    )
    assert _below(fleet, ("carriers", "C1")) == []


@pytest.mark.parametrize("field", ["satellite", "transponder", "gateway", "terminal"])
def test_a_carrier_rests_on_the_resource_that_one_of_its_fields_names(field: str) -> None:
    fleet = fleets.of(
        ("carriers", Record(id="C1", **{field: "it"})),
        ("resources", Record(id="R1", name="it", type=field.capitalize())),
    )
    assert _below(fleet, ("carriers", "C1")) == [("resources", "R1")]


def test_a_carrier_rests_on_the_ends_that_its_places_are() -> None:
    places = (Link("R1", "Betzdorf", "", "gateway"), Link("R2", "Paris", "", "customer site"))
    fleet = fleets.of(
        ("carriers", Record(id="C1", places=places)), ("resources", SATELLITE), ("resources", Record(id="R2"))
    )
    assert _below(fleet, ("carriers", "C1")) == [("resources", "R1")]


def test_fifty_thousand_records_that_rest_on_one_come_and_go_with_it() -> None:
    carriers = fleets.of(
        *(("carriers", Record(id=f"C{number}", resources=(Link("R1"),))) for number in range(50_000))
    )
    whole = {**carriers, ("resources", "R1"): Shown(SATELLITE)}
    graph = Graph()
    for before, after in (({}, carriers), (carriers, whole), (whole, carriers), (carriers, whole)):
        _follow(graph, before, after)
    number = graph.number("resources", "R1")
    assert number is not None
    assert len(graph.supports(number)) == 50_000
    _follow(graph, whole, {("resources", "R1"): Shown(SATELLITE)})
    assert graph.supports(number) == []
    assert graph.waiting() == 0


def test_fifty_thousand_records_of_one_name_are_no_trouble() -> None:
    fleet = fleets.of(
        *(("resources", Record(id=f"R{n}", name="Modem", type="Modem")) for n in range(50_000)),
        ("carriers", Record(id="C1", resources=(Link("", "Modem", "Modem"),))),
    )
    graph = Graph()
    _follow(graph, {}, fleet)
    last = {key: one for key, one in fleet.items() if key[0] == "carriers" or key[1] == "R7"}
    _follow(graph, fleet, last)
    assert _of(graph, ("carriers", "C1")) == [("resources", "R7")]
