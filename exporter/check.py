"""Explains an API to a person who has never seen it: one page of each collection, and how it was understood.

`look` fetches, `explain` is a plain function from a page to a `Report`, `show` prints. It changes nothing and
keeps nothing. Invariant: a report names what was found and what was missing, never only that it worked.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exporter import errors, settings
from exporter.inventory import decode, fields, tally, text
from exporter.inventory.record import Record
from exporter.inventory.snapshot import Held
from exporter.source import crawl
from exporter.source.client import Client, Page
from exporter.telemetry import Telemetry

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

    `found` counts the records that fill each column, `examples` shows one that does; `meanings` maps a status
    word to (records, meaning). `series_each` is the mean number of series a record has, `crawls` the
    full crawls an hour; `named` are the characteristics that records have, whether they are shown or not.
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
    series_each: float
    crawls: float


async def look(target: settings.Target, client: Client) -> Report:
    """Fetches the first page of a collection and explains it. Raises `SourceError` if it cannot be read."""
    paging = target.paging
    size = ((paging.size_param, str(target.page_size)),) if paging.style != "none" else ()
    page = await client.get(target.url, (*target.queries[0].items(), *size))
    return explain(page, target)


def explain(page: Page, target: settings.Target) -> Report:
    """What a page says of its collection. Raises `Malformed` where it is no page."""
    reader = fields.Reader(
        target.mapping,
        characteristics=target.shown,
        numbers=target.numbers,
        include=target.include_types,
        exclude=target.exclude_types,
    )
    batch: decode.Batch[Held] = decode.page(page.body, reader, {}, os.urandom(16))
    records = [record for _, record in batch.fresh]
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
        series_each=_series_each(records, target) * kept,
        crawls=3600 / interval,
    )


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
        held = Held(record, 0, 0.0)
        series += sum(len(list(family.samples(held))) for family in target.families if family.samples)
    return series / len(records) if records else 0.0


async def check(config: settings.Settings, console: Console) -> int:
    """Explains every collection on the console; 0 where all could be read, 1 where not."""
    status = 0
    telemetry = Telemetry()
    for target in config.targets():
        console.rule(f"[bold]{target.collection}[/bold]", align="left")
        console.print(Text(f"{target.url} (dialect {target.dialect.name}: {target.dialect.title})"))
        try:
            async with Client(target.api, target.http, config.limits, telemetry) as client:
                report = await look(target, client)
        except errors.SourceError as error:
            status = 1
            console.print(Text(f"cannot be read [{error.reason}]: {error}", style="red"))
            if error.mend:
                console.print(Text(f"what to do: {error.mend}"))
            continue
        show(report, target, console)
    console.rule(align="left")
    console.print("Everything could be read." if status == 0 else "Not everything could be read.")
    return status


def show(report: Report, target: settings.Target, console: Console) -> None:
    """Prints one report."""
    announced = "announces no total" if report.total is None else f"announces {report.total} in all"
    console.print(f"{report.records} records on the first page; the API {announced}.")
    if report.skipped:
        console.print(f"{report.skipped} more of types that the settings leave out.")
    for reason, count in report.rejects.items():
        console.print(Text(f"{count} records cannot be held: {reason}", style="yellow"))
    seen = ", ".join(f"{name}: {value}" for name, value in report.signals.items()) or "none"
    style = target.paging.style
    console.print(Text(f"Paging by {style}, {target.page_size} a page. Signals in the headers: {seen}."))
    if not report.records:
        console.print(Text("No record to explain: does the query select anything?", style="yellow"))
        return
    console.print(_columns(report))
    console.print(_statuses(report))
    kinds = ", ".join(f"{kind or '(none)'} {count}" for kind, count in list(report.types.items())[:12])
    console.print(Text(f"Types: {kinds}"))
    console.print(Text(_characteristics(report, target)))
    console.print(_estimate(report, target))


def _characteristics(report: Report, target: settings.Target) -> str:
    """Which characteristics records have and which of them are metrics."""
    shown = {text.fold(name) for name in target.characteristics}
    left = [name for name in report.named if text.fold(name) not in shown]
    if not left:
        return f"Characteristics: all {len(report.named)} that occur are shown."
    where = f"collections.{target.collection}.characteristics"
    return f"Characteristics that are not shown (list them under {where} if wanted): {', '.join(left[:20])}"


def _estimate(report: Report, target: settings.Target) -> str:
    """What a whole crawl would be, by the first page; for 1,000 records where no total is announced."""
    records = 1000 if report.total is None else report.total
    series = round(report.series_each * records)
    requests = math.ceil(math.ceil(records / target.page_size) * report.crawls)
    of = "for each 1,000 records" if report.total is None else f"for the {records} records announced"
    return f"About {series} series {of}, and {requests} requests an hour for full crawls."


def _columns(report: Report) -> Table:
    table = Table("column", "filled", "example", title="Fields, by table column", title_justify="left")
    for column, found in report.found.items():
        style = "" if found else "yellow"
        share = f"{found} of {report.records}"
        table.add_row(Text(column, style=style), Text(share, style=style), Text(report.examples[column]))
    return table


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        words = [getattr(item, "name", "") or getattr(item, "id", "") or str(item[0]) for item in value[:3]]
        more = f" and {len(value) - 3} more" if len(value) > 3 else ""
        return f"{', '.join(words)}{more}"
    if isinstance(value, float):
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return str(value)[:60]


def _statuses(report: Report) -> Table:
    table = Table("status", "records", "means", title="Statuses", title_justify="left")
    for word, (count, meaning) in report.meanings.items():
        style = "yellow" if meaning.startswith("unknown") else ""
        table.add_row(Text(word or "(none)", style=style), str(count), Text(meaning, style=style))
    return table
