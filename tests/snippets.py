"""Reads the pages of docs: sections, the blocks of code in them, and the files that blocks are.

A block whose first line is a comment with nothing but a file's name is that file. What blocks do is the
tests' business. Invariant: a block is given as it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]

_SECTION = re.compile(r"^## +(.+?)\s*$", re.MULTILINE)
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ([\w.-]+\.\w+)\n")


@dataclass(frozen=True)
class Block:
    """Some code of a page. `file` is the name of the file that it is, else empty."""

    language: str
    text: str
    file: str = ""


@dataclass(frozen=True)
class Section:
    """What stands under a heading of the second level; `title` is empty before the first."""

    title: str
    blocks: tuple[Block, ...] = field(repr=False)

    @property
    def files(self) -> dict[str, str]:
        """The text of each file, by name."""
        return {block.file: block.text for block in self.blocks if block.file}

    @property
    def settings(self) -> tuple[str, ...]:
        """The names of the files that are the exporter's settings."""
        return tuple(name for name, text in self.files.items() if re.search("^apis:", text, re.MULTILINE))

    def commands(self) -> tuple[str, ...]:
        """The blocks of shell, in their order."""
        return tuple(block.text for block in self.blocks if block.language == "sh" and not block.file)


def sections(page: str) -> tuple[Section, ...]:
    """The sections of a page of docs, in their order."""
    parts = _SECTION.split((ROOT / "docs" / page).read_text(encoding="utf-8"))
    pairs = zip(["", *parts[1::2]], parts[0::2], strict=True)
    return tuple(Section(title, tuple(_blocks(text))) for title, text in pairs)


def _blocks(text: str) -> Iterator[Block]:
    for language, code in _BLOCK.findall(text):
        named = _FILE.match(code)
        yield Block(language, code, named[1] if named else "")
