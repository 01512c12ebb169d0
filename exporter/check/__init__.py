"""Explains how an API is understood, what is wrong, and which settings solve it: the command `check`.

`sample` fetches, `inspect` explains, `findings` says what is wrong, `remedies` says which changes of the
settings are worth trying. Here they are tried on the API, and everything is printed.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from exporter import errors, settings
from exporter.check import findings, fixtures, record, remedies, sample
from exporter.check.inspect import UNKNOWN, Report, explain
from exporter.check.remedies import Look, Remedy
from exporter.client import Client
from exporter.inventory.condition import Condition
from exporter.telemetry import Telemetry

_MOST_TRIALS = 80  # changes of the settings that are tried for one collection
_TRIAL_SECONDS = 120.0  # after which no further one is
_ANSWERS, _QUERY = 8, 150  # requests that are shown for each collection, and characters of a query

_SAVED = """\
{count} answers are saved in {folder}, with names, addresses and ids replaced. Look through them before you
hand them on. `simulate --replay {folder}` serves them, for the settings in {folder}/inventory.yaml."""

_MERGE = """\
# These settings {solve}. Merge them into the configuration file: add each key at its path,
# or replace the value that is there."""


class _Clients:
    """The clients of one `check`: one for each URL, without retries that would only take time."""

    def __init__(self, config: settings.Settings, stack: AsyncExitStack) -> None:
        self._limits = config.limits.model_copy(update={"retries": min(1, config.limits.retries)})
        self._stack, self._telemetry = stack, Telemetry()
        self._clients: dict[tuple[str, str], sample.ListeningClient] = {}
        self._without_credentials: set[tuple[str, str]] = set()

    @property
    def answers(self) -> dict[str, list[sample.Answer]]:
        """All answers, by the name of the API."""
        found: dict[str, list[sample.Answer]] = {}
        for (api, _), client in self._clients.items():
            found.setdefault(api, []).extend(client.answers)
        return found

    def withhold_credentials(self, target: settings.Target) -> None:
        """Sends no credentials to the origin of a target, which is not the configured one."""
        self._without_credentials.add((target.api, urlsplit(target.http.url).netloc))

    async def of(self, target: settings.Target) -> sample.ListeningClient:
        """The client of a target; raises `ConfigError` if its files cannot be used."""
        key = (target.api, target.http.url)
        if key not in self._clients:
            http = target.http
            split = urlsplit(http.url)
            if split.scheme == "http" and (target.api, split.netloc) in self._without_credentials:
                ways = dict.fromkeys(("basic_auth", "authorization", "oauth2"))
                http = http.model_copy(update={**ways, "http_headers": {}})
            client = sample.ListeningClient(target.api, http, self._limits, self._telemetry)
            self._clients[key] = await self._stack.enter_async_context(client)
        return self._clients[key]


async def look(target: settings.Target, client: Client) -> Report:
    """Fetches two pages of each query and explains them. Raises `SourceError` if a list cannot be read."""
    fetched = await sample.fetch_sample(target, client)
    return _report(fetched, target, client, findings.findings(fetched, target))


def _report(
    fetched: sample.Sample, target: settings.Target, client: Client, found: Sequence[findings.Finding]
) -> Report:
    firsts = [read.pages[0] for read in fetched.reads if read.pages]
    further = [page for read in fetched.reads for page in read.pages[1:]]
    report = explain(firsts, target, further, found)
    signals = {name: client.redact(value) for name, value in report.signals.items()}
    return msgspec.structs.replace(report, signals=signals)


async def run(config: settings.Settings, console: Console, save: Path | None = None) -> int:
    """Explains every collection on the console; 0 if all is right, else 1.

    `save` is the folder to write the answers into. Raises `ConfigError` if that is not possible.
    """
    unread = problems = 0
    solutions: list[Remedy] = []
    is_solved, done, given = True, set[str](), config
    async with AsyncExitStack() as stack:
        clients = _Clients(config, stack)
        while target := next((one for one in config.targets() if one.collection not in done), None):
            done.add(target.collection)
            _show_target(target, console)
            seen = await _seen(config, target, clients)
            solved, found = await _solved(seen, clients)
            unread += seen.error is not None
            problems += max(len(seen.problems), len(found))
            client = await clients.of(seen.target)
            if found:
                _show_outcome(seen, client, console)
                _show_solution(seen, solved, found, console)
                client = await clients.of(solved.target)
            report = _show_outcome(solved, client, console)
            if report is not None:
                _show_details(report, solved.target, console)
                if config.shard.count > 1:
                    share = f"one of {config.shard.count} shards"
                    console.print(f"This exporter stores {share}: that share of the records.")
            is_solved = is_solved and not (
                solved.error or solved.problems or solved.has_bad_rows or solved.is_doubtful
            )
            solutions += found
            config = solved.config
        if save is not None:
            count = fixtures.save(save, given, given.targets(), clients.answers)
    console.rule(align="left")
    if save is not None:
        console.print(Text(_SAVED.format(count=count, folder=save)), soft_wrap=True)
    console.print(_closing(unread, problems))
    if solutions:
        solve = "solve this" if is_solved else "solve a part of this"
        changes = [change for one in solutions for change in one.changes]
        console.print(
            Text(f"\n{_MERGE.format(solve=solve)}\n{remedies.as_yaml(given, changes)}"),
            end="",
            soft_wrap=True,
        )
    return int(bool(unread or problems))


async def explain_record(config: settings.Settings, ident: str, console: Console) -> int:
    """Prints the records with an id or a name, and what becomes of them; 0 if there is any, else 1."""
    count = 0
    async with AsyncExitStack() as stack:
        clients = _Clients(config, stack)
        for target in config.targets():
            client = await clients.of(target)
            _show_target(target, console)
            try:
                raw = await sample.find_record(target, client, ident)
            except errors.SourceError as error:
                console.print(Text(f"cannot be read [{error.reason}]: {error}", style="red"))
                continue
            if raw is None:
                console.print(Text(f"There is no record {ident}."))
                continue
            count += 1
            record.show(raw, target, console, client.redact)
    return int(not count)


async def _seen(config: settings.Settings, target: settings.Target, clients: _Clients) -> Look:
    """What there is of a collection under some settings."""
    client = await clients.of(target)
    before = len(client.answers)
    try:
        fetched = await sample.fetch_sample(target, client)
        found = findings.findings(fetched, target)
        better = remedies.better(fetched, target)
    except errors.Malformed as error:
        failure: errors.SourceError = client.unreadable(target.url, error)
    except errors.SourceError as error:
        failure = error
    else:
        return Look(config, target, fetched, None, found, better, tuple(client.answers[before:]))
    return Look(config, target, error=failure, answers=tuple(client.answers[before:]))


async def _solved(seen: Look, clients: _Clients) -> tuple[Look, list[Remedy]]:
    """The collection under the changes that are found to help, and these changes."""
    found: list[Remedy] = []
    until = asyncio.get_running_loop().time() + _TRIAL_SECONDS
    trials = 0
    while (seen.error or seen.problems or seen.is_doubtful) and trials < _MOST_TRIALS:
        best: tuple[Look, Remedy] | None = None
        for remedy in itertools.islice(remedies.candidates(seen), _MOST_TRIALS - trials):
            trials += 1
            try:
                async with asyncio.timeout_at(until):
                    trial = await _trial(seen, remedy, clients)
            except TimeoutError:
                trials = _MOST_TRIALS
                break
            if trial is not None and trial.score > (best[0] if best else seen).score:
                best = trial, remedies.confirmed(remedy, trial)
                is_better = seen.has_records and len(trial.problems) < len(seen.problems)
                if is_better or not (trial.problems or trial.is_doubtful or trial.has_bad_rows):
                    break
        if best is None:
            break
        seen = best[0]
        found = [one for one in found if not one.is_overridden_by(best[1])] + [best[1]]
    return seen, found


async def _trial(seen: Look, remedy: Remedy, clients: _Clients) -> Look | None:
    """The collection under a change; None if the change is not allowed or does not help."""
    try:
        config = seen.config.changed(remedy.changes)
        found = [one for one in config.targets() if one.collection == seen.target.collection]
    except (ValueError, errors.ConfigError):
        return None
    if not found:
        return None
    target = found[0]
    if remedy.trial == "anonymous" and target.http.url.startswith("http:"):
        clients.withhold_credentials(target)
    try:
        if remedy.trial == "second page" and not await _is_further(seen, target, await clients.of(target)):
            return None
        return await _seen(config, target, clients)
    except (errors.SourceError, errors.ConfigError):
        return None


async def _is_further(seen: Look, target: settings.Target, client: Client) -> bool:
    """Whether the second page has none of the records of the first."""
    second = sample.idents(await sample.second_page(target, client), target)
    first = seen.sample.pages[:1] if seen.sample is not None else []
    return bool(second) and all(set(second).isdisjoint(sample.idents(page, target)) for page in first)


def _show_target(target: settings.Target, console: Console) -> None:
    console.rule(f"[bold]{target.collection}[/bold]", align="left")
    dialect = f"dialect {target.dialect.name}: {target.dialect.title}"
    console.print(Text(f"{target.url} ({dialect})"), soft_wrap=True)


def _show_outcome(seen: Look, client: Client, console: Console) -> Report | None:
    """Prints and returns the summary of a report, or prints why a list cannot be read."""
    if seen.sample is not None:
        report = _report(seen.sample, seen.target, client, seen.findings)
        _show_summary(report, seen.target, console)
        _print_answers(seen.answers, seen.target, client, console)
        _show_findings(report, seen.target, console)
        return report
    if seen.error is not None:
        console.print(Text(f"cannot be read [{seen.error.reason}]: {seen.error}", style="red"))
        _print_hint(seen.error.hint, console)
    _print_answers(seen.answers, seen.target, client, console)
    return None


def _show_solution(seen: Look, solved: Look, found: Sequence[Remedy], console: Console) -> None:
    known = [one.text for one in seen.problems]
    for one in found:
        if one.finding.text not in known:
            console.print(Text(f"Found: {one.finding.text}.", style="green"))
            _print_hint(one.finding.hint, console)
    console.print(Text(f"\nWith {'this change' if len(found) == 1 else 'these changes'}:", style="bold"))
    _show_target(solved.target, console)


def _print_answers(
    answers: Sequence[sample.Answer], target: settings.Target, client: Client, console: Console
) -> None:
    """The requests that were sent, and what came."""
    place = target.paging.records
    for one in answers[:_ANSWERS]:
        query = "&".join(f"{name}={value}" for name, value in one.params)
        sent = f"{one.url}{'?' if query else ''}{query[:_QUERY]}{'…' if len(query) > _QUERY else ''}"
        headers = "".join(f" ({name}: {value})" for name, value in one.headers.items())
        console.print(Text(f"  GET {client.redact(sent)}{headers}: {_outcome(one, place)}"), soft_wrap=True)


def _outcome(answer: sample.Answer, place: str) -> str:
    if answer.page is None:
        status = getattr(answer.error, "status", 0)
        return str(status) if status else f"no answer ({answer.error.reason if answer.error else ''})"
    try:
        return f"{answer.page.status}, {_counted(len(sample.raws_of(answer.page, place)), 'record')}"
    except errors.Malformed:
        return f"{answer.page.status}, no list of records"


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
    _show_summary(report, target, console)
    _show_findings(report, target, console)
    _show_details(report, target, console)


def _show_summary(report: Report, target: settings.Target, console: Console) -> None:
    console.print(_opening(report))
    if report.skipped:
        console.print(Text(_left_out(report, target)))
    for reason, count in report.rejects.items():
        console.print(Text(f"{_counted(count, 'record')} cannot be stored: {reason}", style="yellow"))
    seen = ", ".join(f"{name}: {value}" for name, value in report.signals.items()) or "none"
    style = target.paging.style
    of = "" if report.queries == 1 else " of the first query"
    console.print(Text(f"Paging by {style}, {target.page_size} a page. Signals in the headers{of}: {seen}."))


def _show_details(report: Report, target: settings.Target, console: Console) -> None:
    if not report.records:
        left_out = "All are left out by their type." if report.skipped else "Check the query."
        console.print(Text(f"No records returned that can be stored. {left_out}", style="yellow"))
        return
    console.print(_columns(report))
    console.print(record.sources_table(report.sources, console.width))
    console.print(_statuses(report, target))
    kinds = ", ".join(f"{kind or '(none)'} {count}" for kind, count in list(report.types.items())[:12])
    console.print(Text(f"Types: {kinds}"))
    console.print(Text(_characteristics(report, target)))
    for line in _unread(report, target):
        console.print(Text(line))
    console.print(_estimate(report, target))


def _show_findings(report: Report, target: settings.Target, console: Console) -> None:
    """Prints the problems, each with a hint."""
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
        _print_hint(one.hint, console)


def _print_hint(hint: str, console: Console) -> None:
    if hint:
        console.print(Text(f"  Hint: {hint}{'' if hint.endswith('?') else '.'}"))


def _left_out(report: Report, target: settings.Target) -> str:
    """The records that are not stored because of their type, and the setting that excludes them."""
    kinds = ", ".join(f"{kind or '(none)'} {count}" for kind, count in list(report.left_out.items())[:12])
    settings_of = [name for name in ("include_types", "exclude_types") if getattr(target, name)]
    where = " and ".join(f"collections.{target.collection}.{name}" for name in settings_of)
    more = f"{report.skipped} more of types that the settings leave out: {kinds}"
    return f"{more}. They are received and not stored ({where})."


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _opening(report: Report) -> str:
    """The number of records read, and of all records that the API reports."""
    if report.queries > 1:
        where = f"the first pages of {report.queries} queries"
    else:
        where = "the first page" if report.pages < 2 else f"the first {report.pages} pages"
    total = f"reports a total of {report.total}."
    if report.silent:
        of = "" if report.silent == report.queries else f" for {report.silent} of them"
        total = f"reports no total count{of}; completeness is determined by reaching the last page."
    return f"{_counted(report.records, 'record')} on {where}; the API {total}"


def _characteristics(report: Report, target: settings.Target) -> str:
    """The characteristics of the records, and which of them are exported."""
    if not report.named:
        return "Characteristics: none."
    if not report.hidden:
        return f"Characteristics: all {len(report.named)} are exported."
    where = f"collections.{target.collection}.characteristics"
    names = ", ".join(report.hidden[:20])
    more = f" and {len(report.hidden) - 20} more" if len(report.hidden) > 20 else ""
    return f"Characteristics that are not exported (list the ones you need under {where}): {names}{more}"


def _unread(report: Report, target: settings.Target) -> Iterator[str]:
    """What of the records is not used, and what of the settings finds nothing."""
    where = f"collections.{target.collection}.fields"
    if report.unread:
        shown = ", ".join(f"{key} {count}" for key, count in list(report.unread.items())[:20])
        more = f" and {len(report.unread) - 20} more" if len(report.unread) > 20 else ""
        yield f"Keys that nothing reads (write their path under {where} if wanted): {shown}{more}"
    for name, path in report.useless:
        yield f"Note: {where}.{name}: {path} finds nothing in any record."
    if report.relationships:
        shown = ", ".join(f"{role} {count}" for role, count in list(report.relationships.items())[:20])
        hint = f"write it under collections.{target.collection}.relationships"
        yield f"Note: types of relationships without a direction ({hint}): {shown}"
    for path, (count, example) in report.dates.items():
        hint = f"write date_format under collections.{target.collection}"
        yield f"Note: {_counted(count, 'date')} at {path} cannot be read, such as {example!r}: {hint}."


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
        "column",
        "filled",
        Column("example", overflow="fold"),
        title="Fields, by table column",
        title_justify="left",
    )
    for column, found in report.found.items():
        style = "" if found else "yellow"
        share = f"{found} of {report.records}"
        table.add_row(Text(column, style=style), Text(share, style=style), Text(report.examples[column]))
    return table


def _statuses(report: Report, target: settings.Target) -> Table:
    table = Table("status", "records", "condition", title="Statuses", title_justify="left")
    for word, (count, meaning) in report.meanings.items():
        style = "yellow" if meaning == UNKNOWN else ""
        if style:
            table.caption = f"Conditions for collections.{target.collection}.statuses: {', '.join(Condition)}"
        table.add_row(Text(word or "(none)", style=style), str(count), Text(meaning, style=style))
    return table
