"""The text of docs/cli.md, from the command line's parsers: `make docs` writes it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

from exporter import cli

_DEFAULT = re.compile(r" \(default: (.+)\)$")


def as_markdown() -> str:
    """The reference page of all commands and options."""
    found = dict(cli.commands())
    program = found.pop("")
    return "\n".join(
        (
            "# CLI reference",
            "",
            "Generated from `exporter/cli.py` by `make docs`; do not edit.",
            "",
            "```",
            f"{program.prog} COMMAND [OPTIONS]",
            "```",
            "",
            "| command | what it does |",
            "|---|---|",
            *(f"| [`{name}`](#{name}) | {parser.description} |" for name, parser in found.items()),
            "",
            "Every command has `--help`; the program itself has `--version`. Flags override environment",
            "variables, which override the configuration file ([settings](settings.md)).",
            "",
            "| exit status | meaning |",
            "|---:|---|",
            "| 0 | success |",
            "| 1 | an API could not be read, or not completely, or standard output could not be written |",
            "| 2 | the configuration or the command line is invalid |",
            "",
            *(line for name, parser in found.items() for line in _section(name, parser)),
        )
    )


def _section(name: str, parser: cli.CommandParser) -> Iterator[str]:
    yield from (f"## {name}", "", parser.description or "", "")
    options = [option for option in parser.options if option.dest != "help"]
    yield from ("| option | default | meaning |", "|---|---|---|")
    for option in options:
        meaning, default = explained(option)
        yield f"| `{_spelling(option)}` | {default} | {meaning} |"
    yield ""
    if parser.epilog:
        yield from ("```", parser.epilog, "```", "")


def _spelling(option: argparse.Action) -> str:
    value = option.metavar or (f"{{{','.join(option.choices)}}}" if option.choices else "")
    return f"{option.option_strings[-1]} {value}".rstrip()


def explained(option: argparse.Action) -> tuple[str, str]:
    """What an option means, and its default as the help writes it."""
    text = (option.help or "").replace("%(default)s", str(option.default))
    found = _DEFAULT.search(text)
    meaning = f"{text[0].upper()}{_DEFAULT.sub('', text)[1:]}."
    return meaning.replace("|", r"\|"), found[1] if found else ""
