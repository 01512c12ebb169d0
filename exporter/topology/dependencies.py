"""The graph of the records as they are, and its problems: both as of the last update."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from exporter.inventory.snapshot import Shown
from exporter.topology import references
from exporter.topology.graph import Graph, Pair
from exporter.topology.problems import Assessment, assess
from exporter.topology.references import ReferenceRules

_AT_ONCE = 1_000
"""Records that the graph is changed by at once: more take more memory, fewer more time."""

_NO_RULES = ReferenceRules()


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
        self._assessment: Assessment | None = None

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
            self._assessment = None

    @property
    def assessment(self) -> Assessment:
        """The problems of the graph, their causes and what rests on them."""
        if self._assessment is None:
            self._assessment = assess(self.graph, pause=self._pause)
        return self._assessment

    def _node(self, collection: str, shown: Shown | None) -> references.Node | None:
        if shown is None:
            return None
        return references.node(collection, shown, self.rules.get(collection, _NO_RULES).types)
