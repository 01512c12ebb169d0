"""Laws of the graph and of what follows from it, for random fleets and any history of changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings

from exporter.inventory.record import KINDS
from exporter.topology.graph import Graph
from exporter.topology.problems import assess
from tests.topology import fleets, naive
from tests.topology.fleets import HISTORIES, Fleet, Key

LAW = settings(max_examples=300, deadline=None)


def _key(graph: Graph, number: int) -> Key:
    return graph.collection(number), graph.ident(number)


def _followed(steps: Any) -> Iterator[tuple[Graph, Fleet]]:
    """One graph that follows the steps, and the fleet, at the start and after each step."""
    graph = Graph()
    fleet: Fleet = {}
    yield graph, fleet
    for step in steps:
        after = fleets.changed(fleet, step)
        graph.update(step.collection, fleets.pairs(fleet, after, step.collection))
        fleet = after
        yield graph, fleet


def _edges(graph: Graph) -> naive.Edges:
    """What each record rests on directly, without itself."""
    found = {}
    for collection in KINDS:
        for number in graph.numbers(collection):
            key = _key(graph, number)
            found[key] = {_key(graph, other) for other in graph.rests_on(number)} - {key}
    return found


def _stored(graph: Graph) -> dict[str, Any]:
    """All that can be asked of a graph, by ids instead of numbers, each edge as often as it is stored."""
    numbers = [number for collection in KINDS for number in graph.numbers(collection)]
    return {
        "problems": {_key(graph, one): since for one, since in graph.problems.items()},
        **{
            f"{_key(graph, one)}": (
                graph.condition(one),
                graph.party(one),
                sorted(_key(graph, other) for other in graph.rests_on(one)),
                sorted(_key(graph, other) for other in graph.supports(one)),
            )
            for one in numbers
        },
    }


@LAW
@given(HISTORIES)
def test_a_graph_that_follows_changes_is_the_one_built_from_the_records(steps: Any) -> None:
    for graph, fleet in _followed(steps):
        assert _stored(graph) == _stored(fleets.built(fleet))
        assert _edges(graph) == naive.edges(fleet)


@LAW
@given(HISTORIES)
def test_what_rests_on_what_is_the_same_from_both_ends(steps: Any) -> None:
    fleet: Fleet = {}
    for step in steps:
        fleet = fleets.changed(fleet, step)
    graph = fleets.built(fleet)
    numbers = [number for collection in KINDS for number in graph.numbers(collection)]
    down = sorted((one, other) for one in numbers for other in graph.rests_on(one))
    assert down == sorted((other, one) for one in numbers for other in graph.supports(one))


@LAW
@given(HISTORIES)
def test_problems_causes_and_dependents_are_those_of_a_look_at_every_record(steps: Any) -> None:
    found = assess(Graph())
    for graph, fleet in _followed(steps):
        found = assess(graph, known=found.without(graph, graph.take_touched()))
        assert len(found.problems) == len(naive.problems(fleet))
    assert found == assess(graph)
    assert [_key(graph, one) for one in found.problems] == naive.ordered(fleet, naive.problems(fleet))
    assert [_key(graph, one) for one in found.roots] == naive.roots(fleet)
    assert {
        _key(graph, one): [_key(graph, cause) for cause in causes] for one, causes in found.causes.items()
    } == naive.causes(fleet)
    assert {_key(graph, one): count for one, count in found.dependents.items()} == naive.dependents(fleet)


@LAW
@given(HISTORIES)
def test_a_graph_whose_records_are_all_gone_is_empty(steps: Any) -> None:
    graph, fleet = list(_followed(steps))[-1]
    for collection in KINDS:
        graph.update(collection, fleets.pairs(fleet, {}, collection))
    assert not any(graph.numbers(collection) for collection in KINDS)
    assert not graph.waiting()
    assert not graph.problems
