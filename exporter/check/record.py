"""Explains one record: which path filled which field, what shows it, and why it has its condition.

Plain functions of a raw record and the settings of its collection.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from exporter import settings
from exporter.check import findings
from exporter.exposition.families import Family, Found, Sample
from exporter.exposition.topology_families import TOPOLOGY, TopologyFamily
from exporter.inventory import field_paths, record_reader, text
from exporter.inventory.condition import Condition
from exporter.inventory.dialects import Collection, Fields, Paths
from exporter.inventory.filters import Selection
from exporter.inventory.record import Link, Record
from exporter.inventory.snapshot import Shown, Snapshot, stored
from exporter.topology import Topology

_UNSHOWN: Mapping[str, str] = {
    "entity_type": "not exported; for include_types and exclude_types",
    "characteristics": "not exported: list the ones you need",
}
"""What is shown for a field without a metric; for all others it is `no metric`."""

_VALUE = 35  # characters across for the values of the first record and borders, or they go below the metrics
_PATH = 24  # the same for source paths and borders, or metrics are broken
_BORDERS = 7  # of a table of two columns

_SHOWN_LINKS = 3
_BRIEF = 60  # characters of an example
_DATES = ("start", "end", "created", "updated")
_PLAIN = frozenset(map(text.fold, ("href", "@baseType", "@schemaLocation", "@referredType")))
"""Keys of TMF630 that say nothing of the state of a record."""


_BLANK = Record(id="")
_MADE_OF: Mapping[str, tuple[str, ...]] = {
    "status": ("status", "condition"),
    "characteristics": ("characteristics", "numbers"),
    "entity_type": (),
}
"""The parts of a record that come from a field of a dialect with another name."""

_STATE = "state "


class Filled(msgspec.Struct, frozen=True):
    """One field of a record, the path that filled it and the value; a state's field is `state DIMENSION`."""

    path: str
    field: str
    value: str


class Source(msgspec.Struct, frozen=True):
    """The path of a value of the first record, the field it filled, and the metrics that show it, if any."""

    path: str
    field: str
    value: str
    metrics: tuple[str, ...]


class RecordExplanation(msgspec.Struct, frozen=True):
    """One record: whether it is stored, its condition, and what became of its values."""

    id: str
    stored: str
    condition: str
    sources: tuple[Source, ...]
    unread: tuple[str, ...]


def show(raw: msgspec.Raw, target: settings.Target, console: Console, blank: Callable[[str], str]) -> None:
    """Prints a record and what becomes of it; `blank` removes secrets from a line."""
    explained = explain(raw, target)
    pretty = json.dumps(findings.value_of(raw), indent=2, ensure_ascii=False)
    console.print(Text("\n".join(map(blank, pretty.splitlines()))), soft_wrap=True)
    console.print(Text(f"This record is {explained.stored}."))
    if explained.condition:
        console.print(Text(f"Its condition is {explained.condition}."))
    if explained.sources:
        console.print(sources_table(explained.sources, console.width, "Source path and metric"))
    if explained.unread:
        console.print(Text(f"Keys that nothing reads: {', '.join(explained.unread)}"))


def explain(raw: msgspec.Raw, target: settings.Target) -> RecordExplanation:
    """Explains a record as the collection reads it."""
    value = findings.value_of(raw)
    reader = record_reader.Reader(
        target.mapping, characteristics=target.mapping.characteristics, numbers=target.numbers
    )
    found = reader.read(value, Counter()) if isinstance(value, dict) else None
    if found is None:
        stored = f"not stored: it has no id at {', '.join(target.mapping.fields.id)}"
        return RecordExplanation("", stored, "", (), tuple(unread_keys([raw], target)))
    selection = Selection.of(target.include_types, target.exclude_types)
    stored = (
        "stored" if selection.selects(found.record, found.entity_type) else "not stored: excluded by its type"
    )
    return RecordExplanation(
        found.record.id,
        stored,
        _condition(raw, found.record, target),
        sources(raw, found.record, target),
        tuple(unread_keys([raw], target)),
    )


def _condition(raw: msgspec.Raw, record: Record, target: settings.Target) -> str:
    """The condition of a record, and why it has that."""
    places = {one.field: one.path for one in mapping(raw, target.mapping)}
    where = f"collections.{target.collection}.statuses"
    if not record.status:
        return f"unknown: it has no status at {', '.join(target.mapping.fields.status)}"
    status = f"{places.get('status', 'status')} is {record.status}"
    if not record.status_known:
        return f"unknown: {status}, which has no condition; set one under {where}: {', '.join(Condition)}"
    headline = condition_of(record.status, target)
    if record.condition is headline:
        return f"{headline}: {status}"
    causes = " and ".join(f"{path} is {word}" for path, word in causes_of(raw, record, target))
    return f"{record.condition}: {status}, which is {headline}, but {causes}"


def condition_of(status: str, target: settings.Target) -> Condition:
    """What a status value means by itself."""
    meanings = {text.fold(word): meaning for word, meaning in target.mapping.statuses.items()}
    return meanings.get(text.fold(status), Condition.UNKNOWN)


def causes_of(raw: msgspec.Raw, record: Record, target: settings.Target) -> Iterator[tuple[str, str]]:
    """The paths of the states that give a record another condition than its status, and the words there."""
    if record.condition is condition_of(record.status, target):
        return
    refining = {text.fold(word): meaning for word, meaning in target.mapping.refining.items()}
    places = {one.field: one.path for one in mapping(raw, target.mapping)}
    for name, word in record.states:
        if refining.get(text.fold(word)) is record.condition:
            yield places.get(f"state {name}", name), word


def sources(raw: msgspec.Raw, record: Record, target: settings.Target) -> tuple[Source, ...]:
    """Which path filled which field of a record, and which metrics show it."""
    return tuple(
        Source(one.path, one.field, one.value, metrics_of(record, one.field, target.families))
        for one in mapping(raw, target.mapping)
    )


def metrics_of(record: Record, field: str, families: Sequence[Family]) -> tuple[str, ...]:
    """The metrics that show a field of a dialect, with the label if a single label does; may be empty.

    The field of a further state is `state DIMENSION`, as in `Filled`.
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


def unread_keys(raws: Sequence[msgspec.Raw], target: settings.Target) -> Mapping[str, int]:
    """The keys that no path of the collection begins with, and how many records have a value there."""
    fields = target.mapping.fields
    listed = [path for name in Fields.__struct_fields__ for path in getattr(fields, name)]
    listed += [path for places in target.mapping.states.values() for path in places]
    roots = {field_paths.steps(path)[0] for path in listed}
    counts: Counter[str] = Counter()
    for raw in raws:
        value = findings.value_of(raw)
        for key, member in value.items() if isinstance(value, dict) else ():
            folded = text.fold(key)
            if (
                folded not in roots
                and folded.replace("@", "at") not in _PLAIN
                and member not in (None, "", [], {})
            ):
                counts[key] += 1
    return dict(counts.most_common())


def useless_paths(raws: Sequence[msgspec.Raw], target: settings.Target) -> tuple[tuple[str, str], ...]:
    """The field and the path of what the operator has set in `fields` and what no record has."""
    default = target.dialect.collections[target.collection].fields
    written = [
        (name, path)
        for name in Fields.__struct_fields__
        for path in getattr(target.mapping.fields, name)
        if path not in getattr(default, name)
    ]
    return tuple((name, path) for name, path in written if raws and not _is_found(name, path, raws, target))


def _is_found(name: str, path: str, raws: Sequence[msgspec.Raw], target: settings.Target) -> bool:
    """Whether a path alone fills a field of any record."""
    alone = msgspec.structs.replace(target.mapping.fields, **{name: (path,)})
    collection = msgspec.structs.replace(target.mapping, fields=alone)
    return any(one.field == name for raw in raws for one in mapping(raw, collection))


def unread_dates(raws: Sequence[msgspec.Raw], target: settings.Target) -> Mapping[str, tuple[int, str]]:
    """The paths of dates that cannot be read, with the number of records and an example."""
    reader = record_reader.Reader(target.mapping)
    found: dict[str, tuple[int, str]] = {}
    looks = [
        (path, field_paths.look(path)) for name in _DATES for path in getattr(target.mapping.fields, name)
    ]
    for raw in raws:
        value = findings.value_of(raw)
        if not isinstance(value, dict):
            continue
        parts = reader.gather(value, Counter())
        for path, look in looks:
            written = look(parts)
            form = target.mapping.date_format
            if written not in (None, "") and record_reader.date_of(written, form) is None:
                count, example = found.get(path, (0, brief(text.clean(written) or str(written))))
                found[path] = count + 1, example
    return found


def sources_table(
    sources: Sequence[Source], width: int, title: str = "The first record: source path and metric"
) -> Table:
    """The source path of each value of a record, and the metric and label that show it.

    A metric's name is never broken where there is room for it: on a narrow screen the value stands below it.
    """
    shown = ["\n".join(one.metrics) or _UNSHOWN.get(one.field, "no metric") for one in sources]
    longest = max((len(metric) for one in sources for metric in one.metrics), default=0)
    path = max((len(one.path) for one in sources), default=0)
    path = max(path, len("source path"))
    is_wide = width >= path + longest + _VALUE
    room = longest if is_wide else max(10, min(longest, width - _PATH), width - path - _BORDERS)
    table = Table(
        Column("source path", overflow="fold", width=path if is_wide else None),
        Column("shown as" if is_wide else "shown as, value", overflow="fold", width=room),
        *([Column("value", overflow="fold")] if is_wide else []),
        title=title,
        title_justify="left",
    )
    for one, metrics in zip(sources, shown, strict=True):
        value = Text(brief(one.value))
        below = Group(Text(metrics), Padding(value, (0, 0, 0, 2)))
        table.add_row(Text(one.path), *((Text(metrics), value) if is_wide else (below,)))
    return table


def brief(value: str) -> str:
    """As much of a value as a person needs to know it again."""
    return value if len(value) <= _BRIEF else f"{value[: _BRIEF - 1]}…"


def mapping(raw: bytes | msgspec.Raw, collection: Collection) -> list[Filled]:
    """What filled the fields of one record, in the order of `Fields`, then the states.

    `raw` is one JSON object; anything else gives nothing. Of lists, every path that has a value is named; of
    other fields the first, which is the one that is used.
    """
    value = findings.value_of(raw)
    if not isinstance(value, dict):
        return []
    parts = record_reader.Reader(collection).gather(value, Counter())
    filled: list[Filled] = []
    for name in Fields.__struct_fields__:
        places: Paths = getattr(collection.fields, name)
        if name in record_reader.LINKS or name == "characteristics":
            filled.extend(_lists(name, places, collection, value))
        else:
            filled.extend(_first(name, places, collection, parts))
    for dimension, places in collection.states.items():
        filled.extend(_states(dimension, places, collection, parts))
    return filled


def _word(value: object) -> str:
    """What is shown of a value; of one that is no scalar, such as a date in an object, its JSON."""
    shown = text.clean(field_paths.shown(value))
    return shown or (text.clean(str(value)) if isinstance(value, dict | list) and value else "")


def _first(name: str, places: Paths, collection: Collection, parts: field_paths.Parts) -> Iterator[Filled]:
    """The first path that has a value of use to the field."""
    for path in places:
        value = field_paths.look(path, collection.codes)(parts)
        if name in _DATES and record_reader.date_of(value, collection.date_format) is None:
            continue
        word = text.identity(field_paths.identifier(value)) if name == "id" else _word(value)
        if word:
            yield Filled(path, name, word)
            return


def _lists(name: str, places: Paths, collection: Collection, value: Mapping[str, object]) -> Iterator[Filled]:
    """What each path adds by itself."""
    for path in places:
        alone = msgspec.structs.replace(collection.fields, **{name: (path,)})
        parts = record_reader.Reader(msgspec.structs.replace(collection, fields=alone)).gather(
            value, Counter()
        )
        words = tuple(_link_names(getattr(parts, name)))
        if words:
            more = f" and {len(words) - _SHOWN_LINKS} more" if len(words) > _SHOWN_LINKS else ""
            yield Filled(path, name, f"{', '.join(words[:_SHOWN_LINKS])}{more}")


def _link_names(links: Mapping[str, object] | tuple[Link, ...]) -> Iterator[str]:
    if isinstance(links, tuple):
        yield from (link.name or link.id for link in links)
    else:
        yield from links


def _states(
    dimension: str, places: Paths, collection: Collection, parts: field_paths.Parts
) -> Iterator[Filled]:
    for path in places:
        value = field_paths.look(path, collection.codes)(parts)
        words = [text.clean(word) for word in (value if isinstance(value, list) else (value,))]
        if any(words):
            yield Filled(path, f"state {dimension}", ", ".join(word for word in words if word))
