"""What one page says of its collection, for a person who has never seen the API.

A plain function from a page to a `Report`; `check` fetches the page and prints the report. Invariant: a
report names what was found and what was missing, never only that it worked.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from exporter import settings
from exporter.inventory import decode, fields, fit, tally, text
from exporter.inventory.choice import chosen
from exporter.inventory.record import Record
from exporter.inventory.snapshot import Shown
from exporter.source import crawl
from exporter.source.client import Page

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


class Report(msgspec.Struct, frozen=True):
    """What one page taught.

    `found` counts the records that fill each column, `examples` shows one that does; `meanings` maps a
    status word to (records, meaning). `series_each` is the mean number of series a record has, `crawls` the
    number of full crawls an hour. `filled` says what filled the fields of the first record, `better` which
    dialect understands the page clearly better, None for none. `named` are the characteristics that records
    have, shown or not.
    """

    records: int
    total: int | None
    skipped: int
    rejects: Mapping[str, int]
    signals: Mapping[str, str]
    found: Mapping[str, int]
    meanings: Mapping[str, tuple[int, str]]
    types: Mapping[str, int]
    examples: Mapping[str, str]
    named: Mapping[str, int]
    filled: tuple[fit.Filled, ...]
    better: fit.Fit | None
    series_each: float
    crawls: float


def explain(page: Page, target: settings.Target) -> Report:
    """What a page says of its collection. Raises `Malformed` where it is no page."""
    reader = fields.Reader(
        target.mapping,
        characteristics=target.shown,
        numbers=target.numbers,
        choice=chosen(target.include_types, target.exclude_types),
    )
    batch: decode.Batch[object] = decode.page(page.body, reader, {}, os.urandom(16))
    records = [fresh.record for fresh in batch.fresh]
    total = crawl.total(page, target.paging)
    interval = target.full_refresh_interval if target.delta else target.refresh_interval
    columns = COLUMNS[target.collection]
    kept = len(records) / batch.items if batch.items else 0.0
    return Report(
        records=len(records),
        total=total,
        skipped=len(batch.skipped),
        rejects=Counter(reject.reason for reject in batch.rejects),
        signals={name: page.headers[name] for name in _SIGNALS if name in page.headers},
        found={column: sum(bool(getattr(one, name)) for one in records) for column, name in columns.items()},
        meanings=dict(_meanings(records)),
        types=dict(Counter(record.type for record in records).most_common()),
        examples={
            column: next((_shown(getattr(one, name)) for one in records if getattr(one, name)), "")
            for column, name in columns.items()
        },
        named=_named(page.body, target),
        filled=_filled(page.body, target),
        better=fit.better(fit.fits(page.body), target.dialect.name, target.collection),
        series_each=_series_each(records, target) * kept,
        crawls=3600 / interval,
    )


def _filled(body: bytes, target: settings.Target) -> tuple[fit.Filled, ...]:
    """Which path filled which field of the first record."""
    return tuple(one for raw in decode.split(body)[:1] for one in fit.mapping(raw, target.mapping))


def _named(body: bytes, target: settings.Target) -> Mapping[str, int]:
    """The names of the characteristics on a page, the most frequent first."""
    names: Counter[str] = Counter()
    for raw in decode.split(body):
        value = msgspec.json.decode(raw)
        for key in target.mapping.fields.characteristics:
            listed = value.get(key) if isinstance(value, dict) else None
            for one in listed if isinstance(listed, list) else ():
                if isinstance(one, dict) and isinstance(one.get("name"), str):
                    names[text.clean(one["name"])] += 1
    return dict(names.most_common())


def _meanings(records: list[Record]) -> Iterator[tuple[str, tuple[int, str]]]:
    for word, count in tally.tally(records).statuses.items():
        record = next(record for record in records if record.status == word)
        if not record.status_known:
            yield word, (count, "unknown: name its meaning under `statuses`")
        elif record.operational is None:
            yield word, (count, "neither operational nor not")
        else:
            yield word, (count, "operational" if record.operational else "not operational")


def _series_each(records: list[Record], target: settings.Target) -> float:
    """Series a record has, on average."""
    series = 0
    for record in records:
        held = Shown(record)
        series += sum(len(list(family.samples(held))) for family in target.families if family.samples)
    return series / len(records) if records else 0.0


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        words = [getattr(item, "name", "") or getattr(item, "id", "") or str(item[0]) for item in value[:3]]
        more = f" and {len(value) - 3} more" if len(value) > 3 else ""
        return f"{', '.join(words)}{more}"
    if isinstance(value, float):
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return str(value)[:60]
