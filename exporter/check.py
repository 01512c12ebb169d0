"""Shows a person how an API is understood: one page of each collection, fetched, explained and printed.

What a page says is `explain`'s; here it is fetched and printed. It changes nothing and keeps nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from exporter import errors, settings
from exporter.explain import Report, explain
from exporter.inventory import text
from exporter.metrics import families
from exporter.source import paging
from exporter.source.client import Client
from exporter.telemetry import Telemetry

_METRICS: Mapping[str, str] = {
    "start": "start_timestamp_seconds",
    "end": "end_timestamp_seconds",
    "created": "created_timestamp_seconds",
    "updated": "last_update_timestamp_seconds",
    "parties": "party_info",
    "places": "place_info",
    "resources": "resource_info",
    "services": "service_info",
    "relations": "relationship_info",
    "characteristics": "characteristic_info",
}
"""The metric, without its prefix, that shows a field which has no label of its own in the info metric."""


async def look(target: settings.Target, client: Client) -> Report:
    """Fetches the first page of a collection and explains it. Raises `SourceError` if it cannot be read."""
    caps = paging.Caps(pages=1, records=target.page_size)
    first, *_ = next(paging.walk(target.paging, target.page_size, target.queries[0], width=1, caps=caps))
    page = await client.get(target.url, first.params, dict(first.headers), total_header=first.total_header)
    return explain(page, target)


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
    if report.better is not None:
        told = f"This looks like {report.better.dialect}, not {target.dialect.name}"
        console.print(
            Text(f"{told}: write dialect: {report.better.dialect} under apis.{target.api}.", style="yellow")
        )
    console.print(_columns(report))
    console.print(_sources(report, target))
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


def _sources(report: Report, target: settings.Target) -> Table:
    """The first record side by side: where each value stood, and which label or metric shows it."""
    title = "The first record: source path and metric"
    table = Table("source path", "shown as", "value", title=title, title_justify="left")
    for one in report.filled:
        table.add_row(Text(one.path), Text(_metric(one.field, target)), Text(one.value[:60]))
    return table


def _metric(field: str, target: settings.Target) -> str:
    """The metric, and its label where it has one of its own, that shows a record's field."""
    kind = target.kind
    prefix = f"{families.PREFIX}{kind}_"
    dimension = field.removeprefix("state ")
    if dimension != field:
        return f'{prefix}state{{dimension="{dimension}"}}'
    label = {"id": f"{kind}_id", "type": f"{kind}_type"}.get(field, field)
    info = next(family for family in target.families if family.name == f"{prefix}info")
    if label in info.labels:
        return f"{prefix}info{{{label}}}"
    return f"{prefix}{_METRICS.get(field, field)}"


def _statuses(report: Report) -> Table:
    table = Table("status", "records", "means", title="Statuses", title_justify="left")
    for word, (count, meaning) in report.meanings.items():
        style = "yellow" if meaning.startswith("unknown") else ""
        table.add_row(Text(word or "(none)", style=style), str(count), Text(meaning, style=style))
    return table
