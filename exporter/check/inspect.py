"""Explains the first two pages of each query of a collection: which fields, statuses and types were found.

A plain function from pages to a `Report`. Invariants: a report names what was found and what was missing, and
no metric that does not exist.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from exporter import settings
from exporter.check import findings
from exporter.check.findings import Finding
from exporter.check.record import (
    Source,
    brief,
    causes_of,
    condition_of,
    sources,
    unread_dates,
    unread_keys,
    useless_paths,
)
from exporter.check.sample import raws_of
from exporter.client import Page
from exporter.inventory import decode, field_paths, record_reader, text
from exporter.inventory.condition import Condition
from exporter.inventory.filters import Selection
from exporter.inventory.record import Record
from exporter.inventory.snapshot import Shown, StoredRecord
from exporter.paging import fetch, strategies
from exporter.topology import references

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "services": {
        "external id": "id",
        "name": "name",
        "description": "description",
        "status": "status",
        "type": "type",
        "start": "start",
        "end": "end",
        "last update": "updated",
        "related party": "party",
        "location": "place",
        "service specification": "specification",
        "supporting resources": "resources",
    },
    "carriers": {
        "external id": "id",
        "name": "name",
        "description": "description",
        "operational status": "status",
        "type": "type",
        "creation date": "created",
        "last update": "updated",
        "gateway": "gateway",
        "terminal": "terminal",
        "satellite": "satellite",
        "transponder": "transponder",
        "characteristics": "characteristics",
        "supporting services": "services",
        "hierarchy": "relations",
    },
    "resources": {
        "id": "id",
        "name": "name",
        "description": "description",
        "status": "status",
        "type": "type",
        "specification": "specification",
        "characteristics": "characteristics",
        "related parties": "parties",
        "locations": "places",
        "relationships": "relations",
    },
}
"""The columns of the operator's tables and the record's field each comes from."""

_SIGNALS = (
    "X-Total-Count",
    "X-Result-Count",
    "Content-Range",
    "Link",
    "Retry-After",
    "X-RateLimit-Remaining",
)

UNKNOWN = "unknown: set its condition under `statuses`"
"""The condition of a status value that neither the dialect nor the settings know."""

_PER = 1000
"""Records for which an estimate is made where nobody says how many there are."""


class Estimate(msgspec.Struct, frozen=True):
    """What `records` records become: series, and requests an hour for full crawls and for what changed."""

    records: int
    series: int
    full: int
    delta: int


class Report(msgspec.Struct, frozen=True):
    """What so many `pages` of so many `queries` show; `silent` of these announce no total.

    `found` counts the records that fill each column, `examples` shows one that does; `meanings` maps a
    status value to (records, condition). `sources` are of the first record, `signals` are headers of the
    first page. `better` is the dialect that understands the pages clearly better. `named` are the
    characteristics that records have, `hidden` those that no metric shows. `left_out` counts the `skipped`
    records by type. `unread` counts the keys that nothing reads, `useless` are field and path of settings
    that find nothing, and `dates` maps a path to the number of its dates that cannot be read, and an example.
    `relationships` counts the relationships of each type that the dialect does not know.
    """

    queries: int
    pages: int
    silent: int
    records: int
    total: int
    skipped: int
    rejects: Mapping[str, int]
    signals: Mapping[str, str]
    found: Mapping[str, int]
    meanings: Mapping[str, tuple[int, str]]
    types: Mapping[str, int]
    examples: Mapping[str, str]
    named: Mapping[str, int]
    hidden: tuple[str, ...]
    sources: tuple[Source, ...]
    better: findings.Fit | None
    estimate: Estimate
    left_out: Mapping[str, int] = {}
    findings: tuple[Finding, ...] = ()
    unread: Mapping[str, int] = {}
    useless: tuple[tuple[str, str], ...] = ()
    dates: Mapping[str, tuple[int, str]] = {}
    relationships: Mapping[str, int] = {}

    @property
    def problems(self) -> int:
        """How many things are wrong."""
        return sum(one.kind == "problem" for one in self.findings) + (self.better is not None)


class _Item(msgspec.Struct, frozen=True):
    """A stored record, its raw form, and the names of its characteristics as they are spelled."""

    raw: msgspec.Raw
    record: Record
    names: tuple[str, ...]


class _ReadPage(msgspec.Struct, frozen=True):
    """A page: its raw records, what became of them, the stored ones, and the announced total."""

    raws: list[msgspec.Raw]
    batch: decode.Batch[StoredRecord]
    items: list[_Item]
    total: int | None


def explain(
    pages: Sequence[Page],
    target: settings.Target,
    further: Sequence[Page] = (),
    found: Sequence[Finding] = (),
) -> Report:
    """Explains the first page of each query and `further` pages; `found` is what is wrong with them.

    Raises `Malformed` if one of them is not a list of records.
    """
    every = [*pages, *further]
    read = _read(every, target)
    firsts = read[: len(pages)]
    items = list({item.record.id: item for page in reversed(read) for item in reversed(page.items)}.values())
    items.reverse()  # each id once, as it was read first
    records = [item.record for item in items]
    raws = [raw for page in read for raw in page.raws]
    named = Counter(name for item in items for name in item.names)
    filled = dict(_filled(items, target))
    first = sources(items[0].raw, items[0].record, target) if items else ()
    return Report(
        queries=len(pages),
        pages=len(every),
        silent=sum(page.total is None for page in firsts),
        records=len(records),
        total=sum(page.total or 0 for page in firsts),
        skipped=sum(len(page.batch.skipped) for page in read),
        rejects=Counter(reject.reason for page in read for reject in page.batch.rejects),
        signals={name: pages[0].headers[name] for name in _SIGNALS if name in pages[0].headers},
        found={column: len(having) for column, having in filled.items()},
        meanings=dict(_meanings(items, target)),
        types=dict(Counter(record.type for record in records).most_common()),
        examples={column: _example(having, column, target) for column, having in filled.items()},
        named=dict(named.most_common()),
        hidden=tuple(_hidden(named, first, target)),
        sources=first,
        better=findings.better_dialect(b"[%b]" % b",".join(map(bytes, raws)), target),
        estimate=_estimate(firsts, target),
        left_out=_left_out(every, target),
        findings=tuple(found),
        unread=unread_keys(raws, target),
        useless=useless_paths(raws, target),
        dates=unread_dates(raws, target),
        relationships=references.unknown_types(records, references.folded(target.mapping.relationships)),
    )


def _read(pages: Sequence[Page], target: settings.Target) -> list[_ReadPage]:
    reader = record_reader.Reader(
        target.mapping,
        characteristics=target.mapping.characteristics,
        numbers=target.numbers,
        selection=Selection.of(target.include_types, target.exclude_types),
    )
    key, place = os.urandom(16), target.paging.records
    read = []
    for page in pages:
        batch: decode.Batch[StoredRecord] = decode.page(page.body, reader, {}, key, records=place)
        raws, digests = raws_of(page, place), {fresh.digest for fresh in batch.fresh}
        stored = [raw for raw in raws if decode.digest(raw, key) in digests]
        items = [
            _Item(raw, fresh.record, _names(raw, reader))
            for raw, fresh in zip(stored, batch.fresh, strict=True)
        ]
        read.append(_ReadPage(raws, batch, items, fetch.total(page, target.paging)))
    return read


def _left_out(pages: Sequence[Page], target: settings.Target) -> Mapping[str, int]:
    """The types of the records that include_types and exclude_types leave out, and how many of each."""
    selection = Selection.of(target.include_types, target.exclude_types)
    records = (one for page in pages for one in findings.listed(page, target))
    counts = Counter(
        one.kinds[1] or one.kinds[0] for one in records if not selection.selects(one.record, one.kinds[1])
    )
    return dict(counts.most_common())


def _names(raw: msgspec.Raw, reader: record_reader.Reader) -> tuple[str, ...]:
    """The names of a record's characteristics, as they are spelled where they stand in a plain list."""
    value = decode.json_of(raw)
    if not isinstance(value, dict):
        return ()
    lists = (member for member in value.values() if isinstance(member, list))
    named = (one.get("name") for many in lists for one in many if isinstance(one, dict))
    spelled = {text.fold(name): text.clean(name) for name in named if isinstance(name, str)}
    return tuple(spelled.get(key, key) for key in reader.gather(value, Counter()).characteristics)


def _filled(items: Sequence[_Item], target: settings.Target) -> Iterator[tuple[str, list[_Item]]]:
    """The records that fill each column; characteristics count whether or not a metric shows them."""
    for column, name in COLUMNS[target.collection].items():
        if name == "characteristics":
            yield column, [item for item in items if item.names]
        else:
            yield column, [item for item in items if getattr(item.record, name)]


def _example(having: Sequence[_Item], column: str, target: settings.Target) -> str:
    """What the first of the records that fill a column has there."""
    if not having:
        return ""
    name = COLUMNS[target.collection][column]
    if name != "characteristics":
        return _shown(getattr(having[0].record, name))
    listed = {text.fold(word) for word in target.characteristics}
    shown = tuple(word for word in having[0].names if text.fold(word) in listed)
    hidden = tuple(word for word in having[0].names if text.fold(word) not in listed)
    listed_words = [_shown(shown)] if shown else []
    return "; ".join([*listed_words, f"not listed: {_shown(hidden)}"] if hidden else listed_words)


def _hidden(named: Mapping[str, int], sources: Sequence[Source], target: settings.Target) -> Iterator[str]:
    """The characteristics that no metric shows: neither listed nor, in the first record, another field."""
    listed = {text.fold(name) for name in target.characteristics}
    places = (field_paths.parsed(source.path) for source in sources if source.metrics)
    used = {place.wanted for place in places if place.kind == "characteristic"}
    return (name for name in named if text.fold(name) not in listed | used)


def _estimate(firsts: Sequence[_ReadPage], target: settings.Target) -> Estimate:
    """What a whole crawl would bring, by the first pages; of 1,000 records where a total is missing."""
    listed = [page.batch.items for page in firsts]
    series = [_series(page.items, target) for page in firsts]
    totals = [page.total for page in firsts if page.total is not None]
    if len(totals) < len(firsts):
        records, expected = _PER, sum(series) / max(1, sum(listed)) * _PER
        pages = max(len(firsts), math.ceil(_PER / target.page_size))
    else:
        records = sum(totals)
        each = zip(series, listed, totals, strict=True)
        expected = sum(count / max(1, items) * total for count, items, total in each)
        pages = sum(
            _pages(items, total, target.page_size) for items, total in zip(listed, totals, strict=True)
        )
    fulls, deltas = target.crawls_per_hour
    return Estimate(records, round(expected), math.ceil(fulls * pages), math.ceil(deltas * len(firsts)))


def _pages(items: int, total: int, page_size: int) -> int:
    """Requests for one list: its pages, however long one is, and the look behind a doubtful end."""
    length = items if 0 < items < min(total, page_size) else page_size
    return max(1, math.ceil(total / length)) + strategies.is_total_doubtful(total, total, items, page_size)


def _meanings(items: Sequence[_Item], target: settings.Target) -> Iterator[tuple[str, tuple[int, str]]]:
    """The condition of each status for the records that have it, the most frequent first."""
    by_word: dict[str, list[_Item]] = {}
    for item in items:
        by_word.setdefault(item.record.status, []).append(item)
    for word, having in sorted(by_word.items(), key=lambda one: -len(one[1])):
        yield word, (len(having), _meaning(having, target))


def _meaning(items: Sequence[_Item], target: settings.Target) -> str:
    """The condition of one status; where further states decide, how many records have which, and why."""
    status = items[0].record
    if not status.status_known:
        return UNKNOWN
    headline = condition_of(status.status, target)
    by_condition: dict[Condition, list[_Item]] = {headline: []}
    for item in items:
        by_condition.setdefault(item.record.condition, []).append(item)
    if len(by_condition) == 1:
        return headline
    return "; ".join(
        f"{len(having)} {condition}{_because(having, target)}" for condition, having in by_condition.items()
    )


def _because(items: Sequence[_Item], target: settings.Target) -> str:
    """The further states that gave these records their condition; empty where their status did."""
    causes = Counter(cause for item in items for cause in causes_of(item.raw, item.record, target))
    words: dict[str, list[str]] = {}
    for (path, word), count in causes.most_common():
        words.setdefault(path, []).append(f"{word} ({count})")
    because = ", ".join(f"{path} is {' or '.join(found)}" for path, found in words.items())
    return f", because {because}" if because else ""


def _series(items: Sequence[_Item], target: settings.Target) -> int:
    """Series that records become."""
    shown = [Shown(item.record) for item in items]
    return sum(len(family.samples(one)) for one in shown for family in target.families if family.samples)


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        words = [_word(item) for item in value[:3]]
        more = f" and {len(value) - 3} more" if len(value) > 3 else ""
        return f"{', '.join(words)}{more}"
    if isinstance(value, float):
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return brief(str(value))


def _word(item: object) -> str:
    return item if isinstance(item, str) else getattr(item, "name", "") or getattr(item, "id", "")
