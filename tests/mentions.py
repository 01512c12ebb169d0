"""What the pages for operators mention, and what of it the code has: metrics, log lines, settings, reasons.

Reads pages as text and the exporter's modules as syntax trees; it runs nothing and decides nothing.
Invariant: what the code has is taken from the code, never written down here.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from exporter import errors
from exporter.client import error_mapping
from exporter.exposition import families, topology_families
from exporter.inventory.draft import FILTER_IGNORED
from exporter.settings import Settings
from exporter.settings.base import Block, annotation_at, as_block, mapped

ROOT = Path(__file__).parents[1]
CODE = Path(errors.__file__).parent  # where the package is installed
PAGES = ("troubleshooting.md", "faq.md", "comparison.md")

_FAMILIES = (*families.FAMILIES, *topology_families.FAMILIES, *families.TELEMETRY)
_SPAN = re.compile(r"`([^`\n]+)`")
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LEVELS = {"debug", "info", "warning", "error", "exception"}


def text(page: str) -> str:
    """A page of docs with all white space as single spaces, so that sentences are found across lines."""
    return " ".join((ROOT / "docs" / page).read_text(encoding="utf-8").split())


def everything() -> str:
    """All pages, as `text`."""
    return " ".join(text(page) for page in PAGES)


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    found = _FENCED.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))
    return [code for said, code in found if said == language]


def spans(page: str) -> set[str]:
    """What stands in backticks within the prose."""
    prose = _FENCED.sub("", (ROOT / "docs" / page).read_text(encoding="utf-8"))
    return set(_SPAN.findall(prose))


def requests(page: str) -> list[tuple[str, str]]:
    """Method and path of what the page's commands ask of an exporter."""
    found = []
    for command in "".join(blocks(page, "sh")).splitlines():
        url = re.search(r"localhost:10638(/[^\s'|]*)", command)
        if url:
            found.append(("POST" if "-X POST" in command else "GET", url[1]))
    return found


def simulations(page: str) -> list[list[str]]:
    """The arguments of each `simulate` of the page."""
    start = "ses-inventory-exporter simulate "
    commands = (span.removeprefix(start) for span in sorted(spans(page)) if span.startswith(start))
    return [shlex.split(command) for command in commands if command != "--help"]


def metrics() -> set[str]:
    """The names of all samples there are."""
    names = {family.name for family in _FAMILIES}
    histograms = {family.name for family in families.TELEMETRY if family.type == "histogram"}
    return names | {f"{name}{end}" for name in histograms for end in ("_bucket", "_count", "_sum")}


def labels() -> set[str]:
    """The names of all labels there are."""
    return {label for family in _FAMILIES for label in family.labels}


def alerts() -> Mapping[str, str]:
    """The team of every alert, by its name."""
    found = {}
    for file in sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml")):
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]:
            found |= {rule["alert"]: rule["labels"]["team"] for rule in group["rules"] if "alert" in rule}
    return found


def _nodes(where: Path) -> Iterator[ast.AST]:
    for file in sorted(where.rglob("*.py")) if where.is_dir() else (where,):
        yield from ast.walk(ast.parse(file.read_text(encoding="utf-8")))


def _log_calls() -> Iterator[tuple[ast.Call, str, str]]:
    """Each call that logs, its event and its level."""
    for node in _nodes(CODE):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="log") | ast.Attribute(attr="_log"), attr=level),
                args=[ast.Constant(value=str(event)), *_],
            ) if level in _LEVELS:
                yield node, event, "error" if level == "exception" else level
            case ast.Call(func=ast.Name(id="OnceAMinute"), args=[ast.Constant(value=str(event))]):
                yield node, event, "warning"


def events() -> Mapping[str, set[str]]:
    """The levels at which each event is logged, by its name."""
    found: dict[str, set[str]] = {}
    for _, event, level in _log_calls():
        found.setdefault(event, set()).add(level)
    return found


def logged() -> set[str]:
    """The names of all values that log lines have."""
    return {keyword.arg for call, _, _ in _log_calls() for keyword in call.keywords if keyword.arg}


def reasons() -> set[str]:
    """Every reason for which a refresh can fail."""
    found = {kind.reason for kind in errors.SourceError.__subclasses__()}
    found |= {reason for reason, _ in error_mapping._REFUSALS.values()}
    modules = ("decode", "envelope", "error_objects")
    places = (*(f"inventory/{name}.py" for name in modules), "client", "paging", "collections")
    for place in (CODE / name for name in places):
        for node in _nodes(place):
            match node:
                case ast.keyword(arg="reason", value=ast.Constant(value=str(reason))):
                    found.add(reason)
                case ast.Call(
                    func=ast.Name(id="_unreachable"), args=[_, ast.Constant(value=str(reason)), *_]
                ):
                    found.add(reason)
    for node in _nodes(CODE / "collections" / "poller.py"):
        match node:
            case ast.Call(func=ast.Attribute(attr="failed"), args=[_, ast.Constant(value=str(reason)), *_]):
                found.add(reason)
    return {reason for reason in found if reason.isidentifier()}  # others are the sentences of log lines


def rejections() -> set[str]:
    """The reasons for which records are left out that have a name of their own in the snapshot."""
    return {FILTER_IGNORED}


def _below(block: type[Block]) -> Iterator[type[Block]]:
    yield block
    for field in block.model_fields.values():
        inner = as_block(field.annotation) or as_block(mapped(field.annotation))
        if inner:
            yield from _below(inner)


BLOCKS = tuple(dict.fromkeys(_below(Settings)))


def keys() -> set[str]:
    """Every key of the settings, by its last word."""
    return {name for block in BLOCKS for name in block.model_fields}


def is_setting(path: str) -> bool:
    """Whether a dotted path is one of the settings, from their top or from within a block of them."""
    steps = path.split(".")
    return any(annotation_at(block, steps) is not None for block in BLOCKS if steps[0] in block.model_fields)
