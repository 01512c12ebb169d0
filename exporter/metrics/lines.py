"""Lines of text: writes the samples of one family, and puts a record's lines into text that is there already.

How samples are found is `families`' business, where lines are kept `render`'s. Invariants: a record's lines
stand together and no two of them are equal; no label's text can be taken for the beginning of a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from exporter.inventory.snapshot import Shown
from exporter.metrics.families import Family, Sample

_NEEDS_ESCAPE = ("\\", '"', "\n")


class Writer:
    """Writes the lines of one family."""

    def __init__(self, family: Family) -> None:
        labels = ",".join(f'{label}="%s"' for label in family.labels)
        self.name = family.name
        self.samples = family.samples or _nothing
        self._template = f"{family.name}{{{labels}}} %s\n"
        self._start = f'\n{family.name}{{{family.labels[0]}="%s"'
        self._quotes = 2 * len(family.labels)

    def text(self, records: Sequence[Shown]) -> tuple[str, int]:
        """The lines of these records, and how many they are."""
        samples, template = self.samples, self._template
        lines: list[str] = []
        for record in records:
            found = samples(record)
            if len(found) == 1:
                lines.append(template % found[0])
            elif found:
                # two links may differ in what this family does not show: their series would be one twice
                lines += dict.fromkeys([template % sample for sample in found])
        text = "".join(lines)
        if not _is_plain(text, len(lines), self._quotes):
            return self._escaped(records)
        return text, len(lines)

    def _escaped(self, records: Sequence[Shown]) -> tuple[str, int]:
        """The same for labels with quotes, backslashes or newlines, which take longer to write."""
        lines: list[str] = []
        for record in records:
            lines += dict.fromkeys([self.line(sample) for sample in self.samples(record)])
        return "".join(lines), len(lines)

    def line(self, sample: Sample) -> str:
        """The line of one sample, whatever its labels hold."""
        return self._template % (*(escaped(label) for label in sample[:-1]), sample[-1])

    def start(self, ident: str) -> str:
        """What the lines of a record begin with, the end of the line before included."""
        return self._start % escaped(ident)


def put(text: str, was: str, now: str, following: Iterable[str]) -> str | None:
    """The text with a record's lines as they are `now` in place of what they were.

    Where there were none they go before the first of `following` that is there: what the lines of the records
    after it begin with (`Writer.start`). None where the lines that were are not there.
    """
    lines = f"\n{text}"
    if was:
        at = lines.find(f"\n{was}")
        return None if at < 0 else f"{text[:at]}{now}{text[at + len(was) :]}"
    for start in following:
        at = lines.find(start)
        if at >= 0:
            return f"{text[:at]}{now}{text[at:]}"
    return f"{text}{now}"


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
