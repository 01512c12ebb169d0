"""Shows how an API is understood: fetches two pages of each query, explains them and prints the result.

`sample` fetches, `inspect` explains, `findings` says what is wrong. Nothing is changed or kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from exporter import errors, settings
from exporter.check import findings, sample
from exporter.check.inspect import Report, brief, explain
from exporter.client import Client
from exporter.telemetry import Telemetry

_UNSHOWN: Mapping[str, str] = {
    "entity_type": "no metric: include_types and exclude_types go by it",
    "characteristics": "no metric of their own: list what you want",
}
"""What becomes of a field that no metric shows; of all others, nothing does."""

_VALUE = 35  # characters across for the values of the first record and borders, or they go below the metrics
_PATH = 24  # the same for source paths and borders, or metrics are broken
_BORDERS = 7  # of a table of two columns


async def look(target: settings.Target, client: Client) -> Report:
    """Fetches two pages of each query and explains them. Raises `SourceError` where a list cannot be read."""
    fetched = await sample.fetch_sample(target, client)
    try:
        found = findings.findings(fetched, target)
        report = explain(sample.pages(fetched.reads), target, sample.further(fetched.reads), found)
    except errors.Malformed as error:
        raise client.unreadable(target.url, error) from error
    signals = {name: client.redact(value) for name, value in report.signals.items()}
    return msgspec.structs.replace(report, signals=signals)


async def run(config: settings.Settings, console: Console) -> int:
    """Explains every collection on the console; 0 where all is right, 1 where not."""
    unread = problems = 0
    telemetry = Telemetry()
    for target in config.targets():
        console.rule(f"[bold]{target.collection}[/bold]", align="left")
        spoken = f"dialect {target.dialect.name}: {target.dialect.title}"
        console.print(Text(f"{target.url} ({spoken})"), soft_wrap=True)
        async with Client(target.api, target.http, config.limits, telemetry) as client:
            try:
                report = await look(target, client)
            except errors.SourceError as error:
                unread += 1
                await _show_error(error, target, client, console)
                continue
        problems += report.problems
        show(report, target, console)
        if config.shard.count > 1:
            console.print(
                f"This exporter stores one of {config.shard.count} shards: that share of the records."
            )
    console.rule(align="left")
    console.print(_closing(unread, problems))
    return int(bool(unread or problems))


async def _show_error(
    error: errors.SourceError, target: settings.Target, client: Client, console: Console
) -> None:
    """Why a list cannot be read; where the API refuses the request, what it lists when asked otherwise."""
    console.print(Text(f"cannot be read [{error.reason}]: {error}", style="red"))
    if error.hint:
        console.print(Text(f"what to do: {error.hint}"))
    if isinstance(error, errors.Refused) and error.reason in ("status", "not_found"):
        fetched = await sample.fetch_otherwise(target, client)
        _print_findings(findings.otherwise(fetched, target), console)


def _closing(unread: int, problems: int) -> str:
    if unread:
        return "Not everything could be read."
    if problems:
        return f"Everything could be read, but there {_are(problems, 'problem')} to solve first."
    return "Everything could be read."


def _are(count: int, noun: str) -> str:
    return f"{'is' if count == 1 else 'are'} {_counted(count, noun)}"


def show(report: Report, target: settings.Target, console: Console) -> None:
    """Prints one report."""
    console.print(_opening(report))
    if report.skipped:
        console.print(Text(_left_out(report, target)))
    for reason, count in report.rejects.items():
        console.print(Text(f"{_counted(count, 'record')} cannot be held: {reason}", style="yellow"))
    seen = ", ".join(f"{name}: {value}" for name, value in report.signals.items()) or "none"
    style = target.paging.style
    of = "" if report.queries == 1 else " of the first query"
    console.print(Text(f"Paging by {style}, {target.page_size} a page. Signals in the headers{of}: {seen}."))
    _show_findings(report, target, console)
    if not report.records:
        left_out = "all of them are left out by type" if report.skipped else "does the query select anything?"
        console.print(Text(f"No record to explain: {left_out}", style="yellow"))
        return
    console.print(_columns(report))
    console.print(_sources(report, console.width))
    console.print(_statuses(report))
    kinds = ", ".join(f"{kind or '(none)'} {count}" for kind, count in list(report.types.items())[:12])
    console.print(Text(f"Types: {kinds}"))
    console.print(Text(_characteristics(report, target)))
    console.print(_estimate(report, target))


def _show_findings(report: Report, target: settings.Target, console: Console) -> None:
    """What is wrong, each with what to do."""
    if report.better is not None:
        looks = f"This looks like {report.better.dialect}, not {target.dialect.name}"
        console.print(
            Text(f"{looks}: write dialect: {report.better.dialect} under apis.{target.api}.", style="red")
        )
    _print_findings(report.findings, console)


def _print_findings(found: Sequence[findings.Finding], console: Console) -> None:
    for one in found:
        style = "red" if one.kind == "problem" else "yellow"
        console.print(Text(f"{one.kind.capitalize()}: {one.text}.", style=style))
        if one.hint:
            console.print(Text(f"  Hint: {one.hint}."))


def _left_out(report: Report, target: settings.Target) -> str:
    """Which records are read and not stored, and by which setting."""
    kinds = ", ".join(f"{kind or '(none)'} {count}" for kind, count in list(report.left_out.items())[:12])
    settings_of = [name for name in ("include_types", "exclude_types") if getattr(target, name)]
    where = " and ".join(f"collections.{target.collection}.{name}" for name in settings_of)
    more = f"{report.skipped} more of types that the settings leave out: {kinds}"
    return f"{more}. They are received and not stored ({where})."


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _opening(report: Report) -> str:
    """How much there was to look at, and of how much."""
    if report.queries > 1:
        where = f"the first pages of {report.queries} queries"
    else:
        where = "the first page" if report.pages < 2 else f"the first {report.pages} pages"
    total = f"announces {report.total} in all."
    if report.silent:
        of = "" if report.silent == report.queries else f" for {report.silent} of them"
        total = f"announces no total{of}: only the end of a list tells that a crawl has seen all of it."
    return f"{_counted(report.records, 'record')} on {where}; the API {total}"


def _characteristics(report: Report, target: settings.Target) -> str:
    """Which characteristics records have and which of them are metrics."""
    if not report.named:
        return "Characteristics: none occurs."
    if not report.hidden:
        return f"Characteristics: all {len(report.named)} that occur are shown."
    where = f"collections.{target.collection}.characteristics"
    names = ", ".join(report.hidden[:20])
    more = f" and {len(report.hidden) - 20} more" if len(report.hidden) > 20 else ""
    return f"Characteristics that are not shown (list them under {where} if wanted): {names}{more}"


def _estimate(report: Report, target: settings.Target) -> str:
    """What is to be expected: series, and requests an hour of either kind."""
    found = report.estimate
    of = f"for each {found.records:,} records" if report.silent else f"for the {found.records:,} announced"
    # what is announced counts records of all types
    fewer = ", fewer where types are left out" if target.include_types or target.exclude_types else ""
    within = f" for {found.records:,} records" if report.silent else ""
    kinds = ", all for full crawls"
    if found.delta:
        kinds = f": {found.full:,} for full crawls and at least {found.delta:,} for what changed in between"
    requests = f"{found.full + found.delta:,} requests an hour{within}{kinds}"
    return f"About {found.series:,} series {of}{fewer}. About {requests}."


def _columns(report: Report) -> Table:
    table = Table(
        "column", "filled", _folding("example"), title="Fields, by table column", title_justify="left"
    )
    for column, found in report.found.items():
        style = "" if found else "yellow"
        share = f"{found} of {report.records}"
        table.add_row(Text(column, style=style), Text(share, style=style), Text(report.examples[column]))
    return table


def _sources(report: Report, width: int) -> Table:
    """The first record side by side: where each value stood, and which metric and label shows it.

    A metric's name is never broken where there is room for it: on a narrow screen the value stands below it.
    """
    shown = ["\n".join(one.metrics) or _UNSHOWN.get(one.field, "no metric") for one in report.sources]
    longest = max((len(metric) for one in report.sources for metric in one.metrics), default=0)
    path = max((len(one.path) for one in report.sources), default=0)
    is_wide = width >= path + longest + _VALUE
    room = longest if is_wide else max(10, min(longest, width - _PATH), width - path - _BORDERS)
    table = Table(
        Column("source path", overflow="fold", width=path if is_wide else None),
        Column("shown as" if is_wide else "shown as, value", overflow="fold", width=room),
        *([_folding("value")] if is_wide else []),
        title="The first record: source path and metric",
        title_justify="left",
    )
    for one, metrics in zip(report.sources, shown, strict=True):
        value = Text(brief(one.value))
        below = Group(Text(metrics), Padding(value, (0, 0, 0, 2)))
        table.add_row(Text(one.path), *((Text(metrics), value) if is_wide else (below,)))
    return table


def _folding(name: str) -> Column:
    """A column whose words are broken where they are too long, and never cut."""
    return Column(name, overflow="fold")


def _statuses(report: Report) -> Table:
    table = Table("status", "records", "means", title="Statuses", title_justify="left")
    for word, (count, meaning) in report.meanings.items():
        style = "yellow" if meaning.startswith("unknown") else ""
        table.add_row(Text(word or "(none)", style=style), str(count), Text(meaning, style=style))
    return table
