"""Which metrics show a field of a record: those with samples that differ without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from exporter.exposition.families import Family, Found, Sample
from exporter.exposition.topology_families import TOPOLOGY, TopologyFamily
from exporter.inventory.record import Record
from exporter.inventory.snapshot import Shown, Snapshot, stored
from exporter.topology import Topology

_BLANK = Record(id="")
_MADE_OF: Mapping[str, tuple[str, ...]] = {
    "status": ("status", "condition"),
    "characteristics": ("characteristics", "numbers"),
    "entity_type": (),
}
"""The parts of a record that come from a field of a dialect with another name."""

_STATE = "state "


def metrics(record: Record, field: str, families: Sequence[Family]) -> tuple[str, ...]:
    """The metrics that show a field of a dialect, with the label if a single label does; may be empty.

    The field of a further state is `state DIMENSION`, as in `dialect_detection.Filled`.
    """
    found = tuple(_differing(record, _without(record, field), families))
    if field == "id":  # every metric has it, and the first is the info metric
        return found[:1]
    collection = families[0].collection
    return (*found, *_of_topology(record, _without(record, field), collection))


def _without(record: Record, field: str) -> Record:
    if field.startswith(_STATE):
        dimension = field.removeprefix(_STATE)
        states = tuple(state for state in record.states if state[0] != dimension)
        return msgspec.structs.replace(record, states=states)
    blank = {name: getattr(_BLANK, name) for name in _MADE_OF.get(field, (field,))}
    return msgspec.structs.replace(record, **blank)


def _differing(record: Record, bare: Record, families: Sequence[Family]) -> Iterator[str]:
    for family in families:
        if family.samples is None:
            continue
        found, left = family.samples(Shown(record)), family.samples(Shown(bare))
        if list(found) != list(left):
            yield f"{family.name}{_label(family, found, left)}"


def _of_topology(record: Record, bare: Record, collection: str) -> Iterator[str]:
    """The families of the topology that count the record, or show it, other than without the field."""
    found, left = _alone(record, collection), _alone(bare, collection)
    for one in TOPOLOGY:
        if one.family.collection == collection and _shown(one, found) - _shown(one, left):
            yield one.family.name


def _alone(record: Record, collection: str) -> Topology:
    """The topology of one record."""
    topology = Topology()
    topology.follow({collection: Snapshot({record.id: stored(record, 0, 0.0)})})
    return topology


def _shown(family: TopologyFamily, topology: Topology) -> set[Sample]:
    return {sample for sample in family.samples(topology) if sample[-1] != "0"}


def _label(family: Family, found: Found, left: Found) -> str:
    """The one label that differs; "" where whole samples do, or the dimension of a state."""
    if len(found) == len(left) == 1:
        pairs = zip(family.labels, found[0], left[0], strict=False)  # the value is behind the labels
        changed = [label for label, with_it, without in pairs if with_it != without]
        return f"{{{changed[0]}}}" if len(changed) == 1 else ""
    if "dimension" in family.labels:
        place = family.labels.index("dimension")
        dimensions = dict.fromkeys(sample[place] for sample in found if sample not in left)
        return "".join(f'{{dimension="{dimension}"}}' for dimension in dimensions)
    return ""
