"""Writes docs/decisions/index.md: the decision records with their status.

The title and the status are read from the records. Invariant: a record begins with `# N. TITLE`, and its next
paragraph is `**Status:** accepted.`, `accepted, partly superseded by …` or `superseded by …`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "docs" / "decisions"

_RECORD = re.compile(
    r"# (?P<number>\d+)\. (?P<title>.+)\n\n\*\*Status:\*\* "
    r"(?P<status>accepted|(?:accepted, partly )?superseded by \[\d+\]\(\S+\.md\).*)\.\n\n"
)

_HEAD = """# Decisions

Each record has a problem, a decision, its reasons and its trade-offs. If a decision changes, a new record
supersedes the old one. [Contributing](../../CONTRIBUTING.md#decision-records) says when a record is due.

| | decision | status |
|---|---|---|
"""


@dataclass(frozen=True)
class Record:
    """One decision record. `status` is Markdown, with links to the records that supersede it."""

    file: str
    number: int
    title: str
    status: str


def read(file: Path) -> Record:
    """The head of a record; raises `ValueError` if it has no number, title or status."""
    found = _RECORD.match(file.read_text(encoding="utf-8"))
    if not found:
        raise ValueError(f"{file}: does not begin with `# N. TITLE` and `**Status:** …`")
    return Record(file.name, int(found["number"]), found["title"], found["status"])


def records() -> list[Record]:
    """All records, by number."""
    return [read(file) for file in sorted(FOLDER.glob("[0-9]*.md"))]


def as_markdown() -> str:
    """The page."""
    rows = (f"| {one.number} | [{one.title}]({one.file}) | {one.status} |\n" for one in records())
    return f"{_HEAD}{''.join(rows)}"
