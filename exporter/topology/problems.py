"""Which records have a problem, which of these are the cause of others, and what is affected by them.

A problem is a record that is down, degraded or in maintenance. A root cause is a problem that rests on no
problem, directly or through others; problems that rest on each other in a circle are root causes together
if they rest on no other. A record is affected by the root causes that it rests on. `assess`, a plain
function of a graph, costs as much as the problems and what rests on them; `Dependencies` keeps both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from exporter.inventory.condition import Condition
from exporter.inventory.snapshot import Shown
from exporter.topology import references
from exporter.topology.graph import Graph, Pair
from exporter.topology.references import ReferenceRules

MOST_CAUSES = 5
"""Root causes of a record that are found, the worst first."""

MOST_STEPS = 2_000_000
"""Edges followed to count what rests on the problems: about a second. Further problems are not counted."""

_AT_ONCE = 1_000
"""Records that the graph is changed by at once: more take more memory, fewer more time."""

_NO_RULES = ReferenceRules()

_PAUSED = 64  # problems between two pauses

_SEVERITY = {condition: place for place, condition in enumerate(Condition)}
_UNAFFECTED = frozenset((Condition.PLANNED, Condition.RETIRED))


class Dependents(msgspec.Struct, frozen=True, gc=False):
    """How many records rest on a record, directly or through others, and of how many parties they are.

    Those that are planned or retired are not counted, as they are not affected.
    """

    services: int = 0
    carriers: int = 0
    parties: int = 0


class Assessment(msgspec.Struct, frozen=True):
    """What the problems of a graph are and do; records are given as their numbers.

    `problems` and `roots` are in order, the worst first. `causes` are the root causes of each record that is
    affected and neither planned nor retired, the worst first. `dependents` are of each problem for which
    they could be counted, `steps` the edges that were followed for that.
    """

    problems: Sequence[int] = ()
    roots: Sequence[int] = ()
    causes: Mapping[int, Sequence[int]] = {}
    dependents: Mapping[int, Dependents] = {}
    steps: Mapping[int, int] = {}

    def without(self, graph: Graph, changed: Iterable[int]) -> Assessment:
        """What still holds of the counts in the graph, since these records changed.

        They are as `Graph.take_touched` gives them.
        """
        stale = _reachable(changed if self.steps else (), graph.rests_on)
        steps = {number: count for number, count in self.steps.items() if number not in stale}
        return Assessment(dependents={number: self.dependents[number] for number in steps}, steps=steps)


_NOTHING = Assessment()


def assess(
    graph: Graph,
    steps: int = MOST_STEPS,
    pause: Callable[[], object] = lambda: None,
    known: Assessment = _NOTHING,
) -> Assessment:
    """The problems of a graph; `steps` is how many edges may be followed to count what rests on them.

    `pause` is called every few problems, so that other threads may work. The counts that are `known` are not
    counted again.
    """
    problems = ordered(graph, graph.problems)
    found = _roots(graph, problems, pause)
    roots = [one for one in problems if one in found]
    causes = _causes(graph, _with_pauses(roots, pause))
    counted = _dependents(graph, _with_pauses(problems, pause), steps, known)
    dependents = {problem: dependents for problem, (dependents, _) in counted.items()}
    followed = {problem: steps for problem, (_, steps) in counted.items()}
    return Assessment(problems, roots, causes, dependents, followed)


def _with_pauses(numbers: Iterable[int], pause: Callable[[], object]) -> Iterator[int]:
    for place, number in enumerate(numbers):
        if place % _PAUSED == 0:
            pause()
        yield number


def ordered(graph: Graph, problems: Iterable[int]) -> list[int]:
    """Problems, the worst first: by condition, then the oldest, then by id."""
    since, condition = graph.problems, graph.condition
    return sorted(
        problems,
        key=lambda one: (_SEVERITY[condition(one)], since[one], graph.ident(one), graph.collection(one)),
    )


def _roots(graph: Graph, problems: Sequence[int], pause: Callable[[], object]) -> set[int]:
    """The problems that rest on no other, and those of circles that do not."""
    supported = (other for one in _with_pauses(problems, pause) for other in graph.supports(one))
    resting = _reachable(supported, graph.supports)
    found = {one for one in problems if one not in resting}
    # what rests on one of these directly is no root cause; few others remain
    others = (one for one in problems if one in resting and found.isdisjoint(graph.rests_on(one)))
    return found.union(_roots_of_circles(graph, _with_pauses(others, pause)))


def _reachable(starts: Iterable[int], others: Callable[[int], Iterable[int]]) -> set[int]:
    """The starts, and all to which others lead from them."""
    found = set(starts)
    following = list(found)
    while following:
        for other in others(following.pop()):
            if other not in found:
                found.add(other)
                following.append(other)
    return found


def _roots_of_circles(graph: Graph, starts: Iterable[int]) -> Iterator[int]:
    """The root causes among the starts and what they rest on, by looking at all of that."""
    problems = graph.problems
    unsound: set[int] = set()  # what has a problem, or rests on one, of the circles that are done
    for circle in _circles(graph, starts):
        below = any(other in unsound for one in circle for other in graph.rests_on(one))
        found = [one for one in circle if one in problems]
        if found and not below:
            yield from found
        if found or below:
            unsound.update(circle)


def _circles(graph: Graph, starts: Iterable[int]) -> Iterator[list[int]]:
    """The strongly connected components of all that the `starts` rest on, each after those it rests on.

    Most are a single record. Tarjan's algorithm, without recursion: a chain may be longer than the stack.
    """
    found: dict[int, int] = {}  # when each record was found
    lowest: dict[int, int] = {}  # the first found of the open records that each leads to
    open_records: dict[int, None] = {}  # in the order in which they were found
    for start in starts:
        way = [] if start in found else [(start, iter((start,)))]
        while way:
            number, others = way[-1]
            for other in others:
                if other not in found:
                    found[other] = lowest[other] = len(found)
                    open_records[other] = None
                    way.append((other, iter(graph.rests_on(other))))
                    break
                if other in open_records:
                    lowest[number] = min(lowest[number], found[other])
            else:
                way.pop()
                if not way:  # the first entry only leads to the start
                    break
                before = way[-1][0]
                lowest[before] = min(lowest[before], lowest[number])
                if lowest[number] == found[number]:
                    yield list(_closed(open_records, number))


def _closed(open_records: dict[int, None], first: int) -> Iterator[int]:
    """Takes away the open records that were found from the first one on."""
    last = -1
    while last != first:
        last, _ = open_records.popitem()
        yield last


def _causes(graph: Graph, roots: Iterable[int]) -> Mapping[int, Sequence[int]]:
    """The first `MOST_CAUSES` root causes of each record that rests on one.

    A record that has one more, counting itself, is followed no further: what rests on it has as many.
    """
    reached: dict[int, list[int]] = {}
    for root in roots:
        following = [root]
        while following:
            number = following.pop()
            causes = reached.setdefault(number, [])
            if len(causes) <= MOST_CAUSES and (not causes or causes[-1] != root):
                causes.append(root)
                following += graph.supports(number)
    affected = {}
    for number, causes in reached.items():
        others = [cause for cause in causes if cause != number][:MOST_CAUSES]
        if others and graph.condition(number) not in _UNAFFECTED:
            affected[number] = others
    return affected


def _dependents(
    graph: Graph, problems: Iterable[int], steps: int, known: Assessment
) -> Mapping[int, tuple[Dependents, int]]:
    """What rests on each problem, and the edges followed for that, until so many were followed."""
    counted: dict[int, tuple[Dependents, int]] = {}
    for problem in problems:
        if problem in known.steps:
            found = known.dependents[problem], known.steps[problem]
        else:
            found = _counted(graph, problem, steps)
        steps -= found[1]
        if steps < 0:
            break
        counted[problem] = found
    return counted


def _counted(graph: Graph, problem: int, steps: int) -> tuple[Dependents, int]:
    """What rests on a problem, and the edges followed; if these are more than `steps`, only some."""
    found = {problem}
    following = [problem]
    followed = 0
    while following and followed <= steps:
        others = graph.supports(following.pop())
        followed += len(others)
        new = set(others) - found
        found |= new
        following += new
    found.remove(problem)
    return _count(graph, found), followed


def _count(graph: Graph, numbers: Iterable[int]) -> Dependents:
    serving = [one for one in numbers if graph.condition(one) not in _UNAFFECTED]
    collections = [graph.collection(one) for one in serving]
    parties = {graph.party(one) for one in serving if graph.collection(one) != "resources"}
    return Dependents(collections.count("services"), collections.count("carriers"), len(parties - {""}))


class Dependencies:
    """The graph of the records that were given to `replace`, as of the last `flush`.

    `rules` say how the references of a collection are read; without them its relationships are no edges.
    """

    def __init__(
        self, rules: Mapping[str, ReferenceRules], pause: Callable[[], object] = lambda: None
    ) -> None:
        self.rules = rules
        self.graph = Graph(name for name, rule in rules.items() if rule.found_by_name)
        self._pause = pause
        self._pending: dict[str, list[Pair]] = {}
        self._assessment = Assessment()
        self._changed: set[int] = set()  # since that: the numbers of records

    def replace(self, collection: str, was: Shown | None, now: Shown | None) -> None:
        """A record as it is now stands in place of what it was; None where it is new or removed."""
        pending = self._pending.setdefault(collection, [])
        pending.append((self._node(collection, was), self._node(collection, now)))
        if len(pending) >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Changes the graph by all records that were replaced."""
        pending, self._pending = self._pending, {}
        for collection, pairs in pending.items():
            self.graph.update(collection, pairs)

    def take_touched(self) -> set[int]:
        """The numbers of the records that changed, or on which other ones rest, since the last call."""
        touched = self.graph.take_touched()
        self._changed |= touched
        return touched

    @property
    def assessment(self) -> Assessment:
        """The problems of the graph, their causes and what rests on them."""
        if self._changed:
            known = self._assessment.without(self.graph, self._changed)
            self._assessment = assess(self.graph, pause=self._pause, known=known)
            self._changed = set()
        return self._assessment

    def _node(self, collection: str, shown: Shown | None) -> references.Node | None:
        if shown is None:
            return None
        return references.node(collection, shown, self.rules.get(collection, _NO_RULES).types)
