"""The text of docs/log-events.md, from the calls of the code that log: `make docs` writes it.

It reads the exporter's modules as syntax trees and runs none of them. Fields given as `**name` are those of
the dict that `name` is, or that the function of this name returns, in the same module. `MEANINGS` says what
each event means; a test compares its keys with the code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

import exporter

CODE = Path(exporter.__file__).parent
LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}

MEANINGS: Mapping[str, str] = {
    "accept requested": "An admin request asks to accept the pending removals.",
    "address left out": "One of several listen addresses cannot be used on this machine.",
    "admin request refused": "An admin request was refused.",
    "authentication failed": "A client sent wrong credentials, or none.",
    "certificate reload failed": "A changed certificate is invalid; the previous one is used.",
    "certificates cannot be read": "A certificate or key of `tls_config` cannot be read.",
    "certificates reloaded": "Changed certificates of `tls_config` are in use.",
    "clock set back": "The system clock was set back; ages are wrong until the next refresh.",
    "collection empty": "A crawl succeeded and returned no record of the collection.",
    "collection no longer empty": "A crawl returned records again.",
    "configuration reload failed": "The new configuration is invalid; the previous one is used.",
    "configuration reloaded": "The new configuration is in use.",
    "connections closed to make room": "Idle or slow client connections were closed because of the limit.",
    "connections not accepted": "The exporter cannot accept connections (file descriptors or memory).",
    "connections refused": "Client connections were refused because of the limit.",
    "crawl complete again": "A full crawl was verified complete after an incomplete one.",
    "crawl incomplete": "A full crawl could not be verified complete.",
    "crawling": "Progress of the initial crawl.",
    "event loop stuck": "The event loop has not run for some seconds; `where` is the code that blocks it.",
    "fewer connections than configured": "The limit of open files allows fewer connections than configured.",
    "handshake failed": "A client did not complete the TLS handshake.",
    "initial crawl complete": "The first full crawl of the collection was verified complete.",
    "initial crawl incomplete": "The first full crawl of the collection could not be verified complete.",
    "listening": "The exporter accepts connections at this address.",
    "log lines dropped": "Standard error was not read fast enough.",
    "page failed": "A page of a list could not be read.",
    "page size accepted": "The API accepts the configured page size again.",
    "page size reduced": "The API refused the page size; a smaller one is used.",
    "paging in doubt": "A crawl looks complete, but records may be missing because of the paging settings.",
    "record count jumped": "A crawl returned suspiciously many more records than the one before it.",
    "refresh failed": "A refresh failed; the last snapshot is still served. Logged once per problem.",
    "refresh overran": "A refresh took longer than the refresh interval.",
    "refresh recovered": "A refresh succeeded after failures.",
    "reload requested": "An admin request asks for a reload of the configuration.",
    "removals accepted": "Pending removals were accepted by an operator.",
    "request": "A request was sent to an API: status (0 for no response), bytes of the decompressed body (0 "
    "for an error), and time in milliseconds. `query` is not escaped; credentials are removed.",
    "request unreadable": "A client sent something that is not HTTP.",
    "response failed": "An unexpected error while a client request was answered.",
    "restart needed": "Some changed settings take effect after a restart only.",
    "retry": "A request to an API is sent again.",
    "scrape cut off": "A scrape took longer than its time limit.",
    "service manager not notified": "The socket of systemd cannot be written.",
    "snapshot expired": "The snapshot is older than `retention.max_staleness` and no longer served.",
    "snapshot not restored": "The state file has no usable snapshot of the collection.",
    "snapshot restored": "The snapshot was read from the state file.",
    "snapshot served again": "A refresh succeeded after the snapshot had expired.",
    "state file left alone": "The file at `state_file` cannot be moved aside, or is not a state file.",
    "state file set aside": "An unusable state file was renamed.",
    "state file unusable": "The state file cannot be read.",
    "state not written": "The state file cannot be written.",
    "stopping": "The exporter ends.",
    "task died": "A background task had an unexpected error and is restarted.",
    "topology not updated": "Roll-ups, defects or dependencies had an unexpected error; all else is served.",
    "unexpected error": "A refresh had an unexpected error.",
    "unknown status value": "Records have status values that the dialect does not know.",
    "web configuration reload failed": "The changed web configuration is invalid; the previous one is used.",
    "web configuration reloaded": "The changed web configuration file is in use.",
}


class Event(msgspec.Struct, frozen=True):
    """A log event of the code: its name, its levels and its fields."""

    name: str
    levels: tuple[str, ...]
    fields: tuple[str, ...]


def events() -> Mapping[str, Event]:
    """Every log event of the exporter, by name."""
    levels: dict[str, set[str]] = {}
    fields: dict[str, dict[str, None]] = {}
    for file in sorted(CODE.rglob("*.py")):
        if "simulator" in file.parts:
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for name, level, found in (*_logged(tree), *_limited(tree)):
            levels.setdefault(name, set()).add(level)
            fields.setdefault(name, {}).update(dict.fromkeys(found))
    return {
        name: Event(name, tuple(sorted(levels[name])), tuple(sorted(fields[name], key=_order)))
        for name in sorted(levels)
    }


def as_markdown() -> str:
    """The reference page of all log events."""
    rows = (
        f"| `{one.name}` | {', '.join(one.levels)} | {', '.join(f'`{field}`' for field in one.fields)} "
        f"| {MEANINGS.get(one.name, '')} |"
        for one in events().values()
    )
    return "\n".join(
        (
            "# Log events",
            "",
            "Generated from the code by `make docs`; do not edit.",
            "",
            "The exporter writes one line per event to standard error, as logfmt or, with",
            "`log.format: json`, as JSON. Each line has `ts`, `level` and `event`; the table lists the other",
            "fields. `hint` says what to do. Ongoing problems are logged once when they start and once when",
            "they end.",
            "",
            "```",
            'level=warning event="refresh failed" collection=carriers api=tmf638 reason=timeout …',
            "```",
            "",
            "| event | level | fields | meaning |",
            "|---|---|---|---|",
            *rows,
            "",
        )
    )


def _order(field: str) -> tuple[int, str]:
    first = ("collection", "api")
    return (first.index(field) if field in first else 3 if field == "hint" else 2, field)


def _logged(tree: ast.Module) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Name, level and fields of each call of a logger."""
    bound = tuple(_bound(tree))
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="log"), attr=level),
                args=[ast.Constant(value=str(name)), *_],
            ) if level in LEVELS:
                yield name, LEVELS[level], tuple(_fields(node, tree))
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(attr="_log"), attr=level),
                args=[ast.Constant(value=str(name)), *_],
            ) if level in LEVELS:
                yield name, LEVELS[level], (*bound, *_fields(node, tree))


def _limited(tree: ast.Module) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Name, level and fields of the warnings that are written once a minute at most."""
    names = [
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "OnceAMinute"
        and isinstance(node.args[0], ast.Constant)
    ]
    found = [
        keyword.arg
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "warn"
        for keyword in node.keywords
        if keyword.arg
    ]
    for name in names:
        yield str(name), "warning", (*found, "times")


def _bound(tree: ast.Module) -> Iterator[str]:
    """The fields that a module's own logger adds to each line."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr="bind")):
                yield from _fields(node, tree)


def _fields(call: ast.Call, tree: ast.Module) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg is not None:
            yield "exception" if keyword.arg == "exc_info" else keyword.arg
            continue
        match keyword.value:
            case ast.Call(func=ast.Name(id=name)) | ast.Name(id=name):
                yield from _keys(name, tree)


def _keys(name: str, tree: ast.Module) -> Iterator[str]:
    """The keys of the dicts that a function of the module returns, or that are assigned to a name."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=found) if found == name:
                yield from _literals(node)
            case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                yield from _literals(value)
                for inner in ast.walk(value):
                    if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name):
                        yield from _keys(inner.func.id, tree)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                for target, value in zip(names, values, strict=True):
                    if isinstance(target, ast.Name) and target.id == name:
                        yield from _literals(value)


def _literals(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Dict):
            yield from (str(key.value) for key in inner.keys if isinstance(key, ast.Constant))
