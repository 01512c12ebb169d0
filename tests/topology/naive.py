"""The same answers as `exporter.topology`, by looking at every record of a fleet for each question."""

from __future__ import annotations

from collections.abc import Iterable

from exporter.inventory import text
from exporter.inventory.condition import PROBLEMS, Condition
from exporter.inventory.record import Link
from exporter.topology.problems import MOST_CAUSES, Dependents
from tests.topology.fleets import TYPES, Fleet, Key

IN_SERVICE = frozenset(Condition) - {Condition.PLANNED, Condition.RETIRED}
Edges = dict[Key, set[Key]]


def edges(fleet: Fleet) -> Edges:
    """What each record rests on directly, without itself."""
    found: Edges = {key: set() for key in fleet}
    for key, shown in fleet.items():
        record = shown.record
        below = [(link, "resources") for link in record.resources]
        below += [(link, "services") for link in record.services]
        above: list[tuple[Link, str]] = []
        for link in record.relations:
            {"rests_on": below, "supports": above}.get(TYPES.get(text.fold(link.role), ""), []).append(
                (link, "resources" if key[0] == "resources" else "services")
            )
        if key[0] == "carriers":
            said = {word for link in record.resources if link.id for word in (link.id, link.name)}
            for kind in ("satellite", "gateway"):
                if (name := getattr(record, kind)) not in said:
                    below.append((Link("", name, kind), "resources"))
            ends = [link for link in record.places if "gateway" in (link.role, link.type.lower()) and link.id]
            below += [(Link(link.id), "resources") for link in ends]
        for link, where in below:
            found[key] |= meant(fleet, link, where)
        for link, where in above:
            for other in meant(fleet, link, where):
                found[other].add(key)
    return {key: others - {key} for key, others in found.items()}


def meant(fleet: Fleet, link: Link, where: str) -> set[Key]:
    """The record that a link means."""
    if link.id:
        places = ("carriers", "services") if where == "services" else ("resources",)
        return set([(place, link.id) for place in places if (place, link.id) in fleet][:1])
    if where == "services" or not link.name or not link.type:
        return set()
    found = {
        key
        for key, shown in fleet.items()
        if key[0] == "resources"
        and (text.fold(shown.record.type), shown.record.name) == (text.fold(link.type), link.name)
    }
    return found if len(found) == 1 else set()


def reachable(below: Edges, start: Key) -> set[Key]:
    """All that a record rests on, itself only where it is in a circle."""
    found: set[Key] = set()
    following = [start]
    while following:
        new = below[following.pop()] - found
        found |= new
        following += new
    return found


def problems(fleet: Fleet) -> set[Key]:
    return {key for key, shown in fleet.items() if shown.record.condition in PROBLEMS}


def ordered(fleet: Fleet, keys: Iterable[Key]) -> list[Key]:
    """The worst first."""
    severity = list(Condition)

    def rank(key: Key) -> tuple[int, float, str, str]:
        return severity.index(fleet[key].record.condition), fleet[key].since, key[1], key[0]

    return sorted(keys, key=rank)


def roots(fleet: Fleet) -> list[Key]:
    """Problems that rest on no problem, but for those that rest on them in turn."""
    below, wrong = edges(fleet), problems(fleet)
    rests = {key: reachable(below, key) for key in fleet}
    return ordered(fleet, (key for key in wrong if all(key in rests[other] for other in rests[key] & wrong)))


def causes(fleet: Fleet) -> dict[Key, list[Key]]:
    below, found = edges(fleet), roots(fleet)
    rests = {key: reachable(below, key) - {key} for key in fleet}
    worst = {key: [root for root in found if root in rests[key]][:MOST_CAUSES] for key in fleet}
    return {key: some for key, some in worst.items() if some and fleet[key].record.condition in IN_SERVICE}


def dependents(fleet: Fleet) -> dict[Key, Dependents]:
    below = edges(fleet)
    rests = {key: reachable(below, key) - {key} for key in fleet}
    counted = {}
    for problem in problems(fleet):
        above = [k for k in fleet if problem in rests[k] and fleet[k].record.condition in IN_SERVICE]
        kinds = [key[0] for key in above]
        parties = {fleet[key].record.party for key in above if key[0] != "resources"} - {""}
        counted[problem] = Dependents(kinds.count("services"), kinds.count("carriers"), len(parties))
    return counted
