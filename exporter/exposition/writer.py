"""Lines of text: writes the samples of one family, and puts a record's lines into text that is there already.

How samples are found is `families`' business, where lines are kept `render`'s. Invariants: a record's lines
stand together and no two of them are equal; no label's text can be taken for the beginning of a line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from exporter.exposition.families import Family, Sample
from exporter.inventory.snapshot import Shown

_NEEDS_ESCAPE = ("\\", '"', "\n")
_NAME = re.compile("[a-zA-Z_:][a-zA-Z0-9_:]*")


class Writer:
    """Writes the lines of one family."""

    def __init__(self, family: Family) -> None:
        self.name = family.name
        self.samples = family.samples or _nothing
        self._start = f'\n{family.name}{{{family.labels[0]}="'
        self._quotes = 2 * len(family.labels)
        self._template = _template(family)
        self._lines = _compiled(self._template)

    def text(self, records: Sequence[Shown]) -> tuple[str, int]:
        """The lines of these records, and how many they are."""
        samples, template, written = self.samples, self._template, self._lines
        lines: list[str] = []
        for record in records:
            found = samples(record)
            if len(found) == 1:
                lines.append(template % found[0])  # for a single one that is faster
            elif found:
                # two links may differ in what this family does not show: their series would be one twice
                lines += dict.fromkeys(written(found))
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

    def start(self, ident: str) -> str:
        """What the lines of a record begin with, the end of the line before included."""
        return f'{self._start}{escaped(ident)}"'


def _template(family: Family) -> str:
    if not all(_NAME.fullmatch(name) for name in (family.name, *family.labels)):
        raise ValueError(f"{family.name} or one of its labels {family.labels} is no name")
    labels = ",".join(f'{label}="%s"' for label in family.labels)
    return f"{family.name}{{{labels}}} %s\n"


def _compiled(template: str) -> Callable[[Sequence[Sample]], list[str]]:
    """What fills in the template for several samples, as a function of its own, in two thirds of the time.

    It is made of the family's name and labels only, which are names as Prometheus wants them.
    """
    parts = [f"part{number}" for number in range(template.count("%s"))]
    pieces = template.replace("{", "{{").replace("}", "}}").replace("\n", "\\n").split("%s")
    line = "".join(f"{piece}{{{part}}}" for piece, part in zip(pieces, parts, strict=False))
    source = f"lambda samples: [f'{line}{pieces[-1]}' for {', '.join(parts)} in samples]"
    written: Callable[[Sequence[Sample]], list[str]] = eval(source)  # noqa: S307 - see above
    return written


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
