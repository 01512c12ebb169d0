"""Problems of the configuration of a collection, as its sample shows them.

Plain functions from a sample to `Finding`s. A problem is what would make the exporter serve wrong, partial or
no data; a note is what a person should know. Invariant: a problem comes with a hint that says what to write.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from exporter import settings
from exporter.check.sample import Read, Sample, idents, raws_of
from exporter.client import Page
from exporter.inventory import decode, field_paths, members, record_reader
from exporter.inventory.dialects import Collection, Dialect, Fields
from exporter.inventory.dialects.vendors import DIALECTS
from exporter.inventory.filters import Filters, FilterTerm, Selection
from exporter.inventory.record import Record
from exporter.paging import fetch
from exporter.paging.page_numbers import COUNTS_FROM_0
from exporter.paging.pagination import STYLES

Cause = Literal["empty", "filter", "ids", "pages", "query", "rows", "size", "total", "types", ""]
"""What a problem is about, by which changes of the settings are found that may solve it."""

_MOST_RECORDS = 50
_CORE = frozenset({"id", "name", "type", "status", "meaning"})
"""What every record should have; `meaning` is that the dialect knows the status value."""

_MEANING = 4
"""Weight of a known status value, in fields: many dialects find a value, few know it."""

_MARK = "mark "
_MARGIN = 0.1
_FIELDS = tuple(name for name in Record.__struct_fields__ if name in Fields.__struct_fields__)
_ANY = msgspec.json.Decoder()

MOST_REJECTED = 0.5
"""Share of the records of a sample without an id from which on that is a problem."""

_POSITION = {"offset": "position_param", "page": "position_param", "cursor": "cursor_param"}
"""The setting that names the parameter by which a style of paging says where a page begins."""


class Finding(msgspec.Struct, frozen=True):
    """One sentence, what to do about it, how bad it is, and what it is about."""

    kind: Literal["problem", "note"]
    text: str
    hint: str = ""
    cause: Cause = ""


class Listed(msgspec.Struct, frozen=True):
    """One record of a page: its raw form, what the dialect reads of it, and its type and class."""

    raw: msgspec.Raw
    record: Record
    kinds: tuple[str, str]


def findings(sample: Sample, target: settings.Target) -> tuple[Finding, ...]:
    """Everything that the sample shows to be wrong, the cause before its consequences."""
    found = [
        *(one for read in sample.reads for one in _of_read(read, sample.bare, target)),
        *_first_page(sample, target),
        *_empty(sample, target),
        *_without_id(sample, target),
        *_all_left_out(sample, target),
    ]
    return tuple(dict.fromkeys(found))


def listed(page: Page, target: settings.Target) -> list[Listed]:
    """The records of a page that have an id."""
    reader = record_reader.Reader(target.mapping)
    found = []
    for raw in raws_of(page, target.paging.records):
        value = decode.json_of(raw)
        read = reader.read(value, Counter()) if isinstance(value, dict) else None
        if read is not None:
            found.append(Listed(raw, read.record, (read.record.type, read.entity_type)))
    return found


def types(records: Sequence[Listed]) -> str:
    """How many records there are of each type, in words: `Service 90, Carrier 10`."""
    counts = Counter(kind[1] or kind[0] for kind in (one.kinds for one in records))
    words = [f"{kind or '(none)'} {count}" for kind, count in counts.most_common(5)]
    return ", ".join(words if len(counts) <= len(words) else [*words, "and others"])


def counted(page: Page, target: settings.Target) -> str:
    """How many records a list has by its first page."""
    total = fetch.total(page, target.paging)
    return f"{total} records" if total else f"{len(raws_of(page, target.paging.records))} records or more"


def written(query: Mapping[str, str]) -> str:
    """A query as it is in a URL, not escaped."""
    return "&".join(f"{key}={value}" for key, value in query.items())


def _of_read(read: Read, bare: Page | None, target: settings.Target) -> Iterator[Finding]:
    yield from _sizes(read, target)
    records = [one for page in read.pages for one in listed(page, target)]
    if not any(raws_of(page, target.paging.records) for page in read.pages):
        yield from _selects_nothing(read, bare, target)
        return
    yield from _members(read, target)
    yield from _position(read, target)
    yield from _ignored(read, records, target)
    yield from _total(read, bare, target)


def _members(read: Read, target: settings.Target) -> Iterator[Finding]:
    """Members that the settings name and the answer does not have, and those that look like the total."""
    body, where = read.pages[0].body, f"collections.{target.collection}"
    for missing in fetch.missing_members(body, target.paging):
        yield Finding("note", f"{missing[:1].upper()}{missing[1:]}", f"correct it under {where}.paging")
    if target.paging.total_header and fetch.total(read.pages[0], target.paging) is None:
        for place, value in members.totals(body).items():
            hint = f"write paging: {{total_member: {place}}} under {where}, if it counts the records listed"
            yield Finding("note", f"The member {place} is {value}, which looks like the total", hint)


def _sizes(read: Read, target: settings.Target) -> Iterator[Finding]:
    """A page size that the API refuses, and pages that it cannot list."""
    if read.page_size < target.page_size:
        yield Finding(
            "note",
            f"The API refuses pages of {target.page_size} records; {read.page_size} are accepted",
            f"write page_size: {read.page_size} under collections.{target.collection}",
            "size",
        )
    if read.failed and read.are_parts:
        text = f"The API lists no page of {read.page_size} records, but parts of such pages: {read.failed[0]}"
        hint = f"write a smaller page_size under collections.{target.collection}"
        yield Finding("problem", text, hint, "size")
    elif read.failed:
        what = "a page" if len(read.failed) == 1 else f"{len(read.failed)} pages"
        hint = "a crawl requests smaller parts of such pages, down to the records that the API cannot list"
        text = f"The API cannot list {what} of {read.page_size} records: {read.failed[0]}"
        yield Finding("note", text, hint, "rows")


def _selects_nothing(read: Read, bare: Page | None, target: settings.Target) -> Iterator[Finding]:
    if not read.query or bare is None or not raws_of(bare, target.paging.records):
        return
    records = listed(bare, target)
    own = target.dialect.collections[target.collection].query
    default = f" (the default of the dialect {target.dialect.name})" if read.query == own else ""
    kind = next((one.kinds[1] for one in records if one.kinds[1]), "")
    example = f', or {{"@type": {kind}}} for one type of them' if kind else ""
    shown = f": {types(records)}" if records else ""
    yield Finding(
        "problem",
        f"The query {written(read.query)}{default} selects nothing. Without it there are "
        f"{counted(bare, target)}{shown}",
        f"write query: {{}} for all of them under collections.{target.collection}{example}",
        "query",
    )


def _empty(sample: Sample, target: settings.Target) -> Iterator[Finding]:
    if sample.has_records or (sample.bare is not None and raws_of(sample.bare, sample.place)):
        return
    bare = " with or without the query" if sample.bare is not None else ""
    yield Finding(
        "problem",
        f"The API lists no {target.collection}{bare}",
        f"may the account read them? if there are none, leave {target.collection} out of collections",
        "empty",
    )


def _without_id(sample: Sample, target: settings.Target) -> Iterator[Finding]:
    """Records that cannot be stored, if they are most of them."""
    count = sum(len(raws_of(page, target.paging.records)) for page in sample.pages)
    rejected = count - sum(len(listed(page, target)) for page in sample.pages)
    if count and rejected >= MOST_REJECTED * count:
        where = f"collections.{target.collection}.fields.id"
        looked = ", ".join(target.mapping.fields.id)
        yield Finding(
            "problem",
            f"{rejected} of {count} records have no id at {looked}, and cannot be stored",
            f"write the path of their id under {where}",
            "ids",
        )


def _all_left_out(sample: Sample, target: settings.Target) -> Iterator[Finding]:
    choice = Selection.of(target.include_types, target.exclude_types)
    records = [one for page in sample.pages for one in listed(page, target)]
    if not records or any(choice.selects(one.record, one.kinds[1]) for one in records):
        return
    names = " and ".join(name for name in ("include_types", "exclude_types") if getattr(target, name))
    place = f"collections.{target.collection}"
    yield Finding(
        "problem",
        f"All {len(records)} records that were read are left out by their type: {types(records)}",
        f"correct {names} under {place}",
        "types",
    )


def _first_page(sample: Sample, target: settings.Target) -> Iterator[Finding]:
    """A list that begins before the page with which it is configured to begin."""
    if sample.zero is None or not sample.pages:
        return
    begins = set(idents(sample.zero, target))
    if begins and begins.isdisjoint(ident for page in sample.pages for ident in idents(page, target)):
        yield Finding(
            "problem",
            f"{target.paging.position_param}=0 lists other records than {target.paging.position_param}=1: "
            "the API numbers its pages from 0",
            f"write paging: {{first: 0}} under collections.{target.collection}",
            "pages",
        )


def _position(read: Read, target: settings.Target) -> Iterator[Finding]:
    """Pages that are the first one again, and lists that end before all that they announce."""
    paging, count = target.paging, sum(read.new)
    total, ignored = fetch.total(read.pages[0], paging), STYLES[paging.style](paging, 1).position_name
    again = any(
        not new and raws_of(page, paging.records)
        for new, page in zip(read.new[1:], read.pages[1:], strict=True)
    )
    if again and (read.problem or (total or 0) > count):
        yield Finding(
            "problem",
            f"The second page is the first one again: the API ignores {ignored}",
            _position_hint(target),
            "pages",
        )
    elif again and total is None and count <= target.page_size:
        text = f"The second page is the first one again, and there is no total: are {count} records all"
        yield Finding("note", text, _position_hint(target), "pages")
    elif read.warning:
        yield Finding(
            "note", f"{read.warning[:1].upper()}{read.warning[1:]}", _position_hint(target), "pages"
        )
    elif read.problem and not read.failed and COUNTS_FROM_0 not in read.problem:
        yield Finding(
            "problem",
            f"The list ends after {count} records, and is not complete: {read.problem}",
            _position_hint(target),
            "pages",
        )


def _position_hint(target: settings.Target) -> str:
    place, setting = f"collections.{target.collection}.paging", _POSITION.get(target.paging.style)
    if setting is None:
        return f"{place}.style is {target.paging.style}; does the API page in another way?"
    value = getattr(target.paging, setting)
    first = f", and {place}.first the number of the first page" if target.paging.style == "page" else ""
    return (
        f"{place}.{setting} is {value}: write the parameter by which the API takes the position there{first}"
    )


def _ignored(read: Read, records: Sequence[Listed], target: settings.Target) -> Iterator[Finding]:
    """Filter terms that the API ignores: a problem if records contradict them, or if nothing shows it."""
    filters = Filters([read.query])
    against = Counter(filters.contradicted(one.raw, one.kinds) for one in records)
    for condition in filters.queries[0]:
        count = against[condition]
        if condition in read.ignored and count:
            shown = f"{count} of {len(records)} records show something else ({types(records)})"
            text = f"The API ignores {condition}: {shown}"
            yield Finding("problem", text, _choose(condition, target), "filter")
        elif condition in read.ignored and condition.is_of_type:
            is_shown = any(filters.shows(one.raw, condition) for one in records)
            kind: Literal["problem", "note"] = "note" if is_shown else "problem"
            unseen = "" if is_shown else ", and its records do not show their type"
            text = f"The API ignores {condition}{unseen}"
            yield Finding(kind, text, _choose(condition, target), "filter")
        elif condition in read.ignored:
            yield Finding(
                "note", f"The API ignores {condition}: it lists records whatever is asked for there"
            )
        elif count:
            yield Finding("note", f"The API applies {condition}, although {count} records show another value")
        elif not any(filters.shows(one.raw, condition) for one in records):
            yield Finding("note", f"Cannot verify that the API applies {condition}: no record shows it")


def _choose(condition: FilterTerm, target: settings.Target) -> str:
    place = f"collections.{target.collection}"
    if condition.is_of_type:
        kinds = f"write include_types: [{condition.written}] under {place}, if the records show such a type"
        return f"{kinds}; else leave {target.collection} out"
    return f"take it out of {place}.query, or ask the API's owner for a parameter that it knows"


def _total(read: Read, bare: Page | None, target: settings.Target) -> Iterator[Finding]:
    """A total that is the same with and without a query that is obeyed."""
    total = fetch.total(read.pages[0], target.paging)
    if not total or bare is None or fetch.total(bare, target.paging) != total or read.ignored:
        return
    filters = Filters([read.query])
    others = sum(filters.contradicted(one.raw, one.kinds) is not None for one in listed(bare, target))
    is_shown = any(
        filters.shows(one, condition)
        for one in raws_of(bare, target.paging.records)
        for condition in filters.queries[0]
    )
    differs = not is_shown and idents(bare, target) != idents(read.pages[0], target)
    is_short = read.ended and sum(read.new) < total
    if read.total_of_none or others or differs or is_short:
        place = f"collections.{target.collection}"
        both = f"{total} records with {written(read.query)} and without it"
        name = target.paging.total_member or target.paging.total_header
        yield Finding(
            "problem",
            f"{name} announces {both}, although the API applies the query: it counts "
            "the whole table, and crawls are never complete",
            f'write paging: {{total_header: ""}} under {place}, to ignore announced totals; or write '
            f"query: {{}} and include_types under {place}, so that the exporter selects the records itself",
            "total",
        )


class Fit(msgspec.Struct, frozen=True):
    """How well a dialect's collection understands a page of so many `records`.

    `share`, 0 to 1, is the part of what any dialect finds in these records that this one finds: fields, the
    meaning of the status, and the marks by which dialects differ. `found` maps a field to the number of
    records in which it is filled, and `meaning` to that of records with a known status value.
    """

    dialect: str
    collection: str
    records: int
    share: float
    found: Mapping[str, int]


def fits(page: bytes, configured: Mapping[tuple[str, str], Collection] = {}) -> list[Fit]:
    """How well each collection of each dialect fits the first fifty records of a page, best first.

    `configured` are collections that the operator has changed, by dialect and collection. Empty for a page
    without records. Raises `Malformed` as `decode.split` does.
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


def better_dialect(page: bytes, target: settings.Target) -> Fit | None:
    """The dialect that understands a page clearly better than the configured one; None for none."""
    name, collection = target.dialect.name, target.collection
    return better(fits(page, {(name, collection): target.mapping}), name, collection)


def better(found: Sequence[Fit], dialect: str, collection: str) -> Fit | None:
    """The fit of another dialect that understands this collection clearly better; None for none.

    The difference must be seen in a field or in the meaning of the status: a page may look like another
    version's and be understood all the same.
    """
    same = [fit for fit in found if fit.collection == collection]
    own = next((fit for fit in same if fit.dialect == dialect), None)
    if not same or own is None or same[0].share <= own.share + _MARGIN:
        return None
    more = any(count > own.found.get(word, 0) for word, count in same[0].found.items())
    return same[0] if more else None


def _objects(raws: Sequence[msgspec.Raw]) -> Iterator[Mapping[str, object]]:
    for raw in raws:
        value = value_of(raw)
        if isinstance(value, dict):
            yield value


def value_of(raw: bytes | msgspec.Raw) -> object:
    """The JSON value of a record; None if it cannot be decoded, which the crawl reports."""
    try:
        return _ANY.decode(raw)
    except (RecursionError, UnicodeDecodeError, msgspec.DecodeError):
        return None


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
    looks = {f"{_MARK}{path}": field_paths.look(path) for path in spoken.marks}
    for item in items:
        parts = reader.gather(item, Counter())
        marks = {mark for mark, look in looks.items() if look(parts) not in (None, "", [], {})}
        yield frozenset(marks | _filled(reader.read(item, Counter()), parts))


def _filled(found: record_reader.FoundRecord | None, parts: field_paths.Parts) -> set[str]:
    if found is None:
        return set()
    filled = {name for name in _FIELDS if getattr(found.record, name) not in ("", (), None)}
    if parts.characteristics:
        filled.add("characteristics")
    if found.record.status and found.record.status_known:
        filled.add("meaning")
    return filled
