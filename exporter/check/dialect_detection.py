"""Which dialect a page is written in, and which path filled which field of a record.

Both are explanations for a person (`check` shows them); nothing that is published depends on them. `fits`
compares the dialects with each other, so it says which one suits better, not whether one is right. Invariant:
pure, and of any page that `decode.split` accepts something can be said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from exporter.inventory import decode, paths, record_reader, text
from exporter.inventory.dialects import DIALECTS, Collection, Dialect, Fields, Paths
from exporter.inventory.record import Link, Record

_MOST_RECORDS = 50
_CORE = frozenset({"id", "name", "type", "status", "meaning"})
"""What every record should have; `meaning` is that the dialect knows the status word."""

_MEANING = 4
"""What the meaning of the status weighs, in fields: many dialects find a word, few know it."""

_MARK = "mark "
_SHOWN_LINKS = 3
_MARGIN = 0.1
_DATES = ("start", "end", "created", "updated")
_FIELDS = tuple(name for name in Record.__struct_fields__ if name in Fields.__struct_fields__)
_ANY = msgspec.json.Decoder()


class Fit(msgspec.Struct, frozen=True):
    """How well a dialect's collection understands a page.

    `share`, 0 to 1, is the part of what any dialect finds in these records that this one finds: fields, the
    meaning of the status, and the marks by which dialects are told apart. `found` maps a field to the number
    of records in which it is filled, and `meaning` to that of records whose status is a known word. `records`
    is the number of records that were looked at.
    """

    dialect: str
    collection: str
    records: int
    share: float
    found: Mapping[str, int]


class Filled(msgspec.Struct, frozen=True):
    """One field of a record, the path that filled it and the value; a state's field is `state DIMENSION`."""

    path: str
    field: str
    value: str


def fits(page: bytes, configured: Mapping[tuple[str, str], Collection] = {}) -> list[Fit]:
    """How well each collection of each dialect fits a page, best first; of equals the dialects' order holds.

    `configured` are collections that the operator has changed, by dialect and collection. At most fifty
    records are looked at. Empty for a page without records. Raises `Malformed` as `decode.split` does.
    """
    items = list(_objects(decode.split(page)[:_MOST_RECORDS]))
    if not items:
        return []
    found = [
        fit
        for collection in ("services", "carriers", "resources")
        for fit in _compared(collection, items, configured)
    ]
    order = {name: number for number, name in enumerate(DIALECTS)}
    return sorted(found, key=lambda fit: (-round(fit.share, 3), order[fit.dialect]))


def better(found: Sequence[Fit], dialect: str, collection: str) -> Fit | None:
    """The fit of another dialect that understands this collection clearly better; None for none.

    Clearly is a difference of share that is seen in a field, or in the meaning of the status: a page that
    only looks like another version's is understood all the same.
    """
    same = [fit for fit in found if fit.collection == collection]
    own = next((fit for fit in same if fit.dialect == dialect), None)
    if not same or own is None or same[0].share <= own.share + _MARGIN:
        return None
    more = any(count > own.found.get(word, 0) for word, count in same[0].found.items())
    return same[0] if more else None


def _objects(raws: Sequence[msgspec.Raw]) -> Iterator[Mapping[str, object]]:
    for raw in raws:
        value = _value(raw)
        if isinstance(value, dict):
            yield value


def _value(raw: bytes | msgspec.Raw) -> object:
    try:
        return _ANY.decode(raw)
    except (RecursionError, UnicodeDecodeError, msgspec.DecodeError):
        return None  # the crawl says what is wrong with it; here it only fits nobody


def _compared(
    collection: str,
    items: Sequence[Mapping[str, object]],
    configured: Mapping[tuple[str, str], Collection],
) -> Iterator[Fit]:
    """The fits of all dialects for one collection: what each finds, measured by what all find together."""
    evidence = {
        name: [
            *_evidence(
                one,
                record_reader.Reader(configured.get((name, collection), one.collections[collection])),
                items,
            )
        ]
        for name, one in DIALECTS.items()
        if collection in one.collections
    }
    wanted = sum(_weight(_CORE.union(*columns)) for columns in zip(*evidence.values(), strict=True))
    for name, records in evidence.items():
        counts = Counter(word for record in records for word in record)
        yield Fit(
            dialect=name,
            collection=collection,
            records=len(items),
            share=sum(_weight(record) for record in records) / wanted,
            found={word: count for word, count in counts.items() if not word.startswith(_MARK)},
        )


def _weight(evidence: frozenset[str]) -> int:
    return len(evidence) + (_MEANING - 1 if "meaning" in evidence else 0)


def _evidence(
    spoken: Dialect, reader: record_reader.Reader, items: Sequence[Mapping[str, object]]
) -> Iterator[frozenset[str]]:
    """What a dialect finds in each record: names of fields, `meaning`, and its marks as `mark PATH`."""
    looks = {f"{_MARK}{path}": paths.look(path) for path in spoken.marks}
    for item in items:
        parts = reader.gather(item, Counter())
        marks = {mark for mark, look in looks.items() if look(parts) not in (None, "", [], {})}
        yield frozenset(marks | _filled(reader.read(item, Counter()), parts))


def _filled(found: record_reader.Found | None, parts: paths.Parts) -> set[str]:
    if found is None:
        return set()
    filled = {name for name in _FIELDS if getattr(found.record, name) not in ("", (), None)}
    if parts.characteristics:
        filled.add("characteristics")
    if found.record.status and found.record.status_known:
        filled.add("meaning")
    return filled


def mapping(raw: bytes | msgspec.Raw, collection: Collection) -> list[Filled]:
    """What filled the fields of one record, in the order of `Fields`, then the states; others are left out.

    `raw` is one JSON object; anything else gives nothing. Of lists, every path that holds something is named;
    of other fields the first, as the reader takes it.
    """
    value = _value(raw)
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


def _first(name: str, places: Paths, collection: Collection, parts: paths.Parts) -> Iterator[Filled]:
    """The first path that holds something of use to the field."""
    for path in places:
        value = paths.look(path, collection.codes)(parts)
        if name in _DATES and text.moment(value) is None:
            continue
        word = text.identity(value) if name == "id" else text.clean(value)
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
        words = tuple(_names(getattr(parts, name)))
        if words:
            more = f" and {len(words) - _SHOWN_LINKS} more" if len(words) > _SHOWN_LINKS else ""
            yield Filled(path, name, f"{', '.join(words[:_SHOWN_LINKS])}{more}")


def _names(held: Mapping[str, object] | tuple[Link, ...]) -> Iterator[str]:
    if isinstance(held, tuple):
        yield from (link.name or link.id for link in held)
    else:
        yield from held


def _states(dimension: str, places: Paths, collection: Collection, parts: paths.Parts) -> Iterator[Filled]:
    for path in places:
        value = paths.look(path, collection.codes)(parts)
        words = [text.clean(word) for word in (value if isinstance(value, list) else (value,))]
        if any(words):
            yield Filled(path, f"state {dimension}", ", ".join(word for word in words if word))
