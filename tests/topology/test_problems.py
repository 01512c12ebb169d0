"""Root causes, what is affected, and how much rests on a problem."""

from __future__ import annotations

from exporter.inventory.condition import Condition
from exporter.inventory.record import Link, Record
from exporter.inventory.snapshot import Shown
from exporter.topology.graph import Graph
from exporter.topology.problems import Dependents, assess
from tests.topology import fleets
from tests.topology.fleets import Fleet, Key

DOWN, DEGRADED, GOOD = Condition.DOWN, Condition.DEGRADED, Condition.OPERATIONAL


def _on(*idents: str) -> tuple[Link, ...]:
    return tuple(Link(ident) for ident in idents)


def _depends(*idents: str) -> tuple[Link, ...]:
    return tuple(Link(ident, role="dependsOn") for ident in idents)


def _key(graph: Graph, number: int) -> Key:
    return graph.collection(number), graph.ident(number)


def _causes(fleet: Fleet) -> dict[str, list[str]]:
    graph = fleets.built(fleet)
    found = assess(graph).causes
    return {graph.ident(one): [graph.ident(cause) for cause in causes] for one, causes in found.items()}


def test_a_problem_is_the_cause_of_all_that_rests_on_it_through_whatever_works() -> None:
    fleet = fleets.of(
        ("services", Record(id="S1", services=_on("C1"), condition=GOOD)),
        ("carriers", Record(id="C1", resources=_on("R1"), condition=GOOD)),
        ("resources", Record(id="R1", condition=GOOD, relations=_depends("R2"))),
        ("resources", Record(id="R2", condition=DOWN)),
    )
    assert _causes(fleet) == {"S1": ["R2"], "C1": ["R2"], "R1": ["R2"]}


def test_a_problem_that_rests_on_another_is_no_root_cause() -> None:
    fleet = fleets.of(
        ("services", Record(id="S1", services=_on("C1"), condition=DOWN)),
        ("carriers", Record(id="C1", resources=_on("R1"), condition=DOWN)),
        ("resources", Record(id="R1", condition=DEGRADED)),
    )
    assert _causes(fleet) == {"S1": ["R1"], "C1": ["R1"]}


def test_problems_that_rest_on_each_other_are_root_causes_together() -> None:
    fleet = fleets.of(
        ("services", Record(id="S1", resources=_on("R1"), condition=GOOD)),
        ("resources", Record(id="R1", condition=DOWN, relations=_depends("R2"))),
        ("resources", Record(id="R2", condition=DEGRADED, relations=_depends("R1", "R2"))),
    )
    assert _causes(fleet) == {"S1": ["R1", "R2"], "R1": ["R2"], "R2": ["R1"]}


def test_a_circle_that_rests_on_a_problem_has_no_root_cause_of_its_own() -> None:
    fleet = fleets.of(
        ("resources", Record(id="R1", condition=DOWN, relations=_depends("R2"))),
        ("resources", Record(id="R2", condition=DOWN, relations=_depends("R1", "R3"))),
        ("resources", Record(id="R3", condition=DEGRADED)),
    )
    assert _causes(fleet) == {"R1": ["R3"], "R2": ["R3"]}


def test_the_five_worst_causes_are_shown_and_the_worst_first() -> None:
    since = {"R0": 9.0, "R1": 1.0, "R2": 2.0, "R3": 3.0, "R4": 3.0, "R5": 4.0, "R6": 5.0}
    fleet = {
        ("resources", ident): Shown(Record(id=ident, condition=DOWN if ident == "R0" else DEGRADED), at)
        for ident, at in since.items()
    }
    service = Record(id="S1", resources=_on(*reversed(since)), condition=GOOD)
    causes = _causes({**fleet, ("services", "S1"): Shown(service)})
    assert causes == {"S1": ["R0", "R1", "R2", "R3", "R4"]}


def test_what_is_planned_or_retired_is_not_affected_but_what_is_unknown_is() -> None:
    fleet = fleets.of(
        ("services", Record(id="S1", resources=_on("R1"), condition=Condition.RETIRED)),
        ("services", Record(id="S2", resources=_on("R1"), condition=Condition.PLANNED)),
        ("services", Record(id="S3", resources=_on("R1"), condition=Condition.UNKNOWN)),
        ("resources", Record(id="R1", condition=DOWN)),
    )
    assert _causes(fleet) == {"S3": ["R1"]}


def test_dependents_are_the_services_carriers_and_parties_that_rest_on_a_problem() -> None:
    fleet = fleets.of(
        ("services", Record(id="S1", services=_on("C1", "C2"), party="Acme")),
        ("services", Record(id="S2", services=_on("C1"), party="Bolt")),
        ("services", Record(id="S3", services=_on("C1"), party="Gone", condition=Condition.RETIRED)),
        ("carriers", Record(id="C1", resources=_on("R1"), party="Acme")),
        ("carriers", Record(id="C2", resources=_on("R1"))),
        ("resources", Record(id="R1", condition=DOWN, party="Owner")),
    )
    graph = fleets.built(fleet)
    found = assess(graph).dependents
    assert {_key(graph, one): count for one, count in found.items()} == {
        ("resources", "R1"): Dependents(services=2, carriers=2, parties=2)
    }


def test_a_chain_of_ten_thousand_problems_costs_no_square_and_counts_nothing_wrong() -> None:
    chain = 10_000
    fleet = fleets.of(
        *(
            ("resources", Record(id=f"R{n:05}", condition=DOWN, relations=_depends(f"R{n - 1:05}")))
            for n in range(chain)
        ),
        ("services", Record(id="S1", resources=_on(f"R{chain - 1:05}"), condition=GOOD)),
    )
    graph = fleets.built(fleet)
    found = assess(graph, steps=100_000)
    assert [graph.ident(one) for one in found.roots] == ["R00000"]
    assert len(found.causes) == chain
    assert 0 < len(found.dependents) < chain
    assert set(found.dependents.values()) == {Dependents(services=1)}


def test_nothing_is_counted_of_a_problem_beyond_the_limit_of_steps() -> None:
    services = (("services", Record(id=f"S{n}", resources=_on("R1"))) for n in range(10))
    graph = fleets.built(fleets.of(*services, ("resources", Record(id="R1", condition=DOWN))))
    assert len(assess(graph, steps=10).dependents) == 1
    assert len(assess(graph, steps=9).dependents) == 0
