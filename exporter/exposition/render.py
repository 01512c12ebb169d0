"""Renders the metric families of a collection when its snapshot changes, so that a scrape only copies bytes.

Records are sorted by a stable hash of their id and divided into buckets. A block is the samples of one family
in one bucket, compressed; an update renders the blocks again in which a record changed in what the family
reads, and returns a new `Body`. Invariants: an update gives the same text as rendering everything; a body has
no two series with equal labels; no label text can be taken for the start of a line.
"""

from __future__ import annotations

import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, product
from typing import Any, NamedTuple

import msgspec

from exporter.exposition import segments
from exporter.exposition.families import Family, Sample
from exporter.inventory import text
from exporter.inventory.snapshot import Changes, Shown, Snapshot, StoredRecord

BUCKET = 64
"""Records in a bucket: fewer make changes cheaper, and compression worse."""

ZEROS = 10_000
"""Pairs of a status and a type that are counted although no record has them."""

_NEEDS_ESCAPE = ("\\", '"', "\n")
_NAME = re.compile("[a-zA-Z_:][a-zA-Z0-9_:]*")

_PAUSED = 64  # entries that are written between two pauses

_Pair = tuple[StoredRecord | None, StoredRecord | None]
"""A record before and after a change; None where it is new or removed."""


class Body(msgspec.Struct, frozen=True):
    """One collection as it is served; `series` and `dropped` are counts by family.

    `pieces` has each family's header in text format 0.0.4 and in OpenMetrics 1.0.0, and its samples.
    """

    pieces: tuple[tuple[segments.Part, segments.Part, segments.Part], ...] = ()
    series: Mapping[str, int] = {}
    dropped: Mapping[str, int] = {}

    def parts(self, form: str) -> Iterator[segments.Part]:
        """What is served, in order; `form` is text or openmetrics, without the `# EOF` at its end."""
        for plain, openmetrics, samples in self.pieces:
            yield plain if form == "text" else openmetrics
            yield samples


class Piece(msgspec.Struct, frozen=True):
    """One family: its two headers, its samples, and how many series it has and how many more it had."""

    name: str
    parts: tuple[segments.Part, segments.Part, segments.Part]
    series: int
    dropped: int


class Entries(NamedTuple):
    """What a family is about, in the order in which it is served: a key of each, and what is shown of it.

    `samples` gives the samples of a key; no two keys have one in common. They depend on what is shown only;
    where that is None, nothing is known of it.
    """

    listed: Iterable[tuple[Any, object]]
    samples: Callable[[Any], Iterable[Sample]]


class Lines:
    """The lines of one family, by entry: those of an entry are rendered again when what it shows differs."""

    def __init__(self, family: Family) -> None:
        self._writer = Writer(family)
        self._headers = _headers(family)
        self._kept: Mapping[Any, tuple[object, str, int]] = {}  # what is shown, the lines, and their number

    def update(self, entries: Entries, limit: int, pause: Callable[[], object] = lambda: None) -> Piece:
        """The family of these entries, their first samples up to `limit`.

        `pause` is called every few entries, so that other threads may work.
        """
        texts: list[str] = []
        kept: dict[Any, tuple[object, str, int]] = {}
        series = dropped = 0
        for place, (key, shown) in enumerate(entries.listed):
            if place % _PAUSED == 0:
                pause()
            found = self._kept.get(key)
            if found is None or shown is None or found[0] != shown:
                found = (shown, *self._writer.text(tuple(entries.samples(key))))
            left = limit - series
            if found[2] > left:
                texts += map(self._writer.line, islice(entries.samples(key), left))
                dropped += found[2] - left
                series = limit
                continue
            texts.append(found[1])
            series += found[2]
            if shown is not None:
                kept[key] = found
        self._kept = kept
        text = "".join(texts).encode("utf-8", "replace")
        return Piece(self._writer.name, (*self._headers, segments.part(text)), series, dropped)


def joined(pieces: Iterable[Piece]) -> Body:
    """The body of these families; those without a series are left out of it and are counted as 0."""
    found = tuple(pieces)
    return Body(
        tuple(piece.parts for piece in found if piece.series),
        {piece.name: piece.series for piece in found},
        {piece.name: piece.dropped for piece in found if piece.dropped},
    )


class Exposition:
    """The blocks of one collection. `update` returns the next `Body`; one thread at a time renders.

    `statuses` are the status values that are counted even at zero; `limit` is the maximum number of series of
    a family; `pause` is called before each bucket, so that other threads may work.
    """

    def __init__(
        self,
        families: Sequence[Family],
        *,
        statuses: Iterable[str] = (),
        limit: int = 1_000_000,
        bucket: int = BUCKET,
        pause: Callable[[], object] = lambda: None,
    ) -> None:
        self._writers = tuple(Writer(family) for family in families if family.samples is not None)
        self._counts = tuple(family for family in families if family.samples is None)
        self._headers = {family.name: _headers(family) for family in families}
        self._statuses = tuple(statuses)
        self._limit = limit
        self._bucket = bucket
        self._pause = pause
        self._buckets: list[list[StoredRecord]] = [[]]
        self._segments: list[segments.Segments] = []  # of each writer
        self._cells: Counter[tuple[str, str]] = Counter()  # records by status and type
        self._whole = False
        self._lock = threading.Lock()  # the thread of a cancelled refresh may still be rendering

    def update(self, snapshot: Snapshot, changes: Changes | None) -> Body:
        """Renders what `changes` affects and joins the blocks of `snapshot`, the snapshot after them.

        None renders everything: when it is unknown whether the last update was of the previous snapshot.
        """
        with self._lock:
            whole, self._whole = self._whole, False  # after an update that failed everything is rendered
            if not whole or changes is None or len(snapshot.records) > 2 * self._bucket * len(self._buckets):
                self._render_all(snapshot)
            else:
                self._render_changes(changes)
            body = self._body(snapshot)
            self._whole = True
            return body

    def _render_all(self, snapshot: Snapshot) -> None:
        wanted = max(1, len(snapshot.records) // self._bucket)
        self._buckets = [[] for _ in range(1 << (wanted - 1).bit_length())]
        for record in snapshot.records.values():
            self._buckets[self._place(record)].append(record)
        builders = [segments.Builder() for _ in self._writers]
        for bucket in self._buckets:  # one by one: a single large sort would let no other thread work
            bucket.sort(key=_rank)
            self._pause()
            shown = [record.shown() for record in bucket]
            for writer, builder in zip(self._writers, builders, strict=True):
                builder.append(writer.block(shown))
        self._segments = [builder.segments() for builder in builders]
        self._cells = Counter(map(_cell, snapshot.records.values()))

    def _place(self, record: StoredRecord) -> int:
        return _rank(record)[0] * len(self._buckets) >> 64

    def _render_changes(self, changes: Changes) -> None:
        pairs: list[_Pair] = [
            *((record, None) for record in changes.removed),
            *changes.changed,
            *((None, record) for record in changes.added),
        ]
        dirty: dict[int, list[_Pair]] = defaultdict(list)
        for was, now in pairs:
            record = was or now
            if record is not None:
                dirty[self._place(record)].append((was, now))
        blocks: list[dict[int, segments.SampleBlock]] = [{} for _ in self._writers]
        for place, changed in dirty.items():
            self._pause()
            self._replace(place, changed)
            for index, block in self._rendered(place, changed):
                blocks[index][place] = block
        self._segments = [
            one.replaced(new) if new else one for one, new in zip(self._segments, blocks, strict=True)
        ]
        self._cells.subtract(_cell(was) for was, _ in pairs if was is not None)
        self._cells.update(_cell(now) for _, now in pairs if now is not None)
        self._cells = +self._cells  # without the pairs that no record has any more

    def _replace(self, place: int, pairs: Iterable[_Pair]) -> None:
        """Puts the records of a bucket as they are now in place of those before."""
        bucket = {record.id: record for record in self._buckets[place]}
        for was, now in pairs:
            if now is not None:
                bucket[now.id] = now
            elif was is not None:
                del bucket[was.id]
        self._buckets[place] = sorted(bucket.values(), key=_rank)

    def _rendered(self, place: int, pairs: Sequence[_Pair]) -> Iterator[tuple[int, segments.SampleBlock]]:
        """The blocks of a bucket in which these records differ, by the index of the family."""
        compared = [(was.shown(), now.shown()) for was, now in pairs if was is not None and now is not None]
        all_differ = len(compared) < len(pairs)  # one came or went
        shown = [record.shown() for record in self._buckets[place]]
        for index, writer in enumerate(self._writers):
            if all_differ or any(writer.samples(was) != writer.samples(now) for was, now in compared):
                yield index, writer.block(shown)

    def _body(self, snapshot: Snapshot) -> Body:
        pieces: list[tuple[segments.Part, segments.Part, segments.Part]] = []
        series: dict[str, int] = {}
        dropped: dict[str, int] = {}
        for family in self._counts:
            lines = list(self._count_lines(family, snapshot))
            pieces.append((*self._headers[family.name], segments.part("".join(lines).encode())))
            series[family.name] = len(lines)
        for writer, samples in zip(self._writers, self._segments, strict=True):
            total = samples.series
            series[writer.name] = min(total, self._limit)
            if total > self._limit:
                dropped[writer.name] = total - self._limit
            if series[writer.name]:
                part = samples.first(self._limit) if total > self._limit else samples.part
                pieces.append((*self._headers[writer.name], part))
        _assert_whole(snapshot, series, dropped)
        if self._cells.total() != len(snapshot.records):
            raise RuntimeError(f"{self._cells.total()} records counted of {len(snapshot.records)}")
        return Body(tuple(pieces), series, dropped)

    def _count_lines(self, family: Family, snapshot: Snapshot) -> Iterator[str]:
        """One line for each status and type that are counted."""
        line = Writer(family).line
        for kind, status in sorted((kind, status) for status, kind in self._counted(snapshot.words)):
            yield line((status, kind, str(self._cells[status, kind])))

    def _counted(self, seen_pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """The pairs seen, and each status seen or known with each type seen, if they are not too many.

        If they are, each status that is known with each type seen, under the same condition.
        """
        counted = set(seen_pairs)
        types = {kind for _, kind in counted} or {""}
        seen = {status for status, _ in counted}
        spelt = {text.fold(status) for status in seen}
        folded = {text.fold(status) for status in self._statuses}
        known = {status for status in self._statuses if text.fold(status) not in spelt}
        known |= {status for status in seen if text.fold(status) in folded}
        for statuses in (known, known | seen):
            if len(statuses) * len(types) <= ZEROS:
                counted.update(product(statuses, types))
        return counted


def _cell(record: StoredRecord) -> tuple[str, str]:
    return record.status_summary.status, record.status_summary.type


def _rank(record: StoredRecord) -> tuple[int, str]:
    """The sort key of records.

    The hash is a cryptographic one, so that nobody can write ids that all belong in one bucket. It has no
    key: two exporters write the same records in the same order.
    """
    return text.stable_hash(record.id), record.id


def _assert_whole(snapshot: Snapshot, series: Mapping[str, int], dropped: Mapping[str, int]) -> None:
    """A body that lacks or repeats a record must never be served: Prometheus would drop the whole scrape."""
    for name, count in series.items():
        if name.endswith("_status") and count + dropped.get(name, 0) != len(snapshot.records):
            raise RuntimeError(f"{name} has {count} series for {len(snapshot.records)} records")


def _headers(family: Family) -> tuple[segments.Part, segments.Part]:
    """HELP, TYPE and UNIT of a family in text format 0.0.4 and in OpenMetrics 1.0.0."""
    help_text = family.help.replace("\\", r"\\").replace("\n", r"\n")
    plain = f"# HELP {family.name} {help_text}\n# TYPE {family.name} {family.type}\n"
    name = family.name.removesuffix("_total") if family.type == "counter" else family.name
    unit = f"# UNIT {name} {family.unit}\n" if family.unit else ""
    quoted = help_text.replace('"', r"\"")
    openmetrics = f"# HELP {name} {quoted}\n# TYPE {name} {family.type}\n{unit}"
    return segments.part(plain.encode()), segments.part(openmetrics.encode())


class Writer:
    """Writes the lines of one family."""

    def __init__(self, family: Family) -> None:
        if not all(_NAME.fullmatch(name) for name in (family.name, *family.labels)):
            raise ValueError(f"{family.name} or one of its labels {family.labels} is no name")
        self.name = family.name
        self.samples = family.samples or _no_samples
        self._quotes = 2 * len(family.labels)
        labels = ",".join(f'{label}="%s"' for label in family.labels)
        self._template = f"{family.name}{{{labels}}} %s\n"

    def block(self, records: Sequence[Shown]) -> segments.SampleBlock:
        """The samples of these records, compressed. The lines of a record are together, no two are equal."""
        lines = self._lines(records)
        written = "".join(lines)
        if not self._is_plain(written, len(lines)):
            lines = []
            for record in records:
                lines += dict.fromkeys(map(self.line, self.samples(record)))
            written = "".join(lines)
        return segments.SampleBlock(segments.part(written.encode("utf-8", "replace")), len(lines))

    def text(self, samples: Sequence[Sample]) -> tuple[str, int]:
        """The lines of some samples, no two of which are equal, as one text, and their number."""
        lines = len(samples)
        written = (self._template * lines) % tuple(chain.from_iterable(samples))
        if not self._is_plain(written, lines):
            written = "".join(map(self.line, samples))
        return written, lines

    def line(self, sample: Sample) -> str:
        """The line of one sample, with its labels escaped."""
        return self._template % (*map(escaped, sample[:-1]), sample[-1])

    def _lines(self, records: Sequence[Shown]) -> list[str]:
        samples, template = self.samples, self._template
        lines: list[str] = []
        for record in records:
            found = samples(record)
            if len(found) == 1:
                lines.append(template % found[0])  # faster than the next branch
            elif found:
                # two links may differ in what this family does not show: without this their series repeat
                lines += dict.fromkeys(template % sample for sample in found)
        return lines

    def _is_plain(self, written: str, lines: int) -> bool:
        """Whether no label needs escaping. Searching the text once is much faster than each label before."""
        quotes, newlines = written.count('"'), written.count("\n")
        return quotes == self._quotes * lines and newlines == lines and "\\" not in written


def escaped(label: str) -> str:
    """A label value as it is written between quotes."""
    for mark in _NEEDS_ESCAPE:
        if mark in label:
            return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return label


def _no_samples(record: Shown) -> tuple[Sample, ...]:
    return ()
