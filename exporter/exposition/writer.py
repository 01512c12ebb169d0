"""Lines of text: writes the samples of one family.

How samples are found is `families`' business, where lines are kept `render`'s. Invariants: a record's lines
are together and no two of them are equal; no label's text can be taken for the beginning of a line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from exporter.exposition.families import Family, Sample
from exporter.inventory.snapshot import Shown

_NEEDS_ESCAPE = ("\\", '"', "\n")
_NAME = re.compile("[a-zA-Z_:][a-zA-Z0-9_:]*")


class Writer:
    """Writes the lines of one family."""

    def __init__(self, family: Family) -> None:
        self.name = family.name
        self.samples = family.samples or _nothing
        self._quotes = 2 * len(family.labels)
        self._template = _template(family)

    def text(self, records: Sequence[Shown]) -> tuple[str, int]:
        """The lines of these records, and how many they are."""
        samples, template = self.samples, self._template
        lines: list[str] = []
        for record in records:
            found = samples(record)
            if len(found) == 1:
                lines.append(template % found[0])  # for a single one that is faster
            elif found:
                # two links may differ in what this family does not show: their series would be one twice
                lines += dict.fromkeys(template % sample for sample in found)
        text = "".join(lines)
        if not _is_plain(text, len(lines), self._quotes):
            return self._escaped(records)
        return text, len(lines)

    def _escaped(self, records: Sequence[Shown]) -> tuple[str, int]:
        """The same for labels with quotes, backslashes or newlines, which take longer to write."""
        lines: list[str] = []
        for record in records:
            lines += dict.fromkeys(self.line(sample) for sample in self.samples(record))
        return "".join(lines), len(lines)

    def line(self, sample: Sample) -> str:
        """The line of one sample, whatever its labels hold."""
        return self._template % (*map(escaped, sample[:-1]), sample[-1])


def _template(family: Family) -> str:
    if not all(_NAME.fullmatch(name) for name in (family.name, *family.labels)):
        raise ValueError(f"{family.name} or one of its labels {family.labels} is no name")
    labels = ",".join(f'{label}="%s"' for label in family.labels)
    return f"{family.name}{{{labels}}} %s\n"


def escaped(label: str) -> str:
    """A label's text as it stands between quotes."""
    for mark in _NEEDS_ESCAPE:
        if mark in label:
            return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return label


def _is_plain(text: str, lines: int, quotes: int) -> bool:
    """Whether the labels in so many lines, each with so many quotes around them, hold nothing to escape.

    Looking once at what was written is many times as fast as looking at every label before.
    """
    return text.count('"') == quotes * lines and text.count("\n") == lines and "\\" not in text


def _nothing(record: Shown) -> tuple[Sample, ...]:
    return ()
