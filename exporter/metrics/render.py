"""Renders a collection's families when its snapshot changes, so that a scrape only copies bytes.

Records stand in the order of a stable hash of their id, and a bucket is a stretch of that order, so that
neither order nor limit depends on the number of buckets. A block is one family's samples of one bucket,
compressed (`strip`); an update renders the blocks whose records changed in what the family reads, nothing
else, and returns a new `Body`. It owns no negotiation (`web` does) and no history (`snapshot` does).
Invariants: what an update gives is what rendering from nothing gives; no two series of a body have equal
labels.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from exporter.inventory import text
from exporter.inventory.snapshot import Changes, Held, Snapshot
from exporter.metrics import gzip
from exporter.metrics.families import Family, Sample
from exporter.metrics.strip import Block, Strip, strip

BUCKET = 64
"""Records a bucket should hold: fewer make dirty work smaller and compression and joining worse."""

_NEEDS_ESCAPE = ("\\", '"', "\n")


class Body(msgspec.Struct, frozen=True):
    """One collection as it is served; `series` and `dropped` are counted by family.

    `pieces` are each family's header as text format 0.0.4 and as OpenMetrics 1.0.0 have it, and its samples.
    """

    pieces: tuple[tuple[gzip.Part, gzip.Part, gzip.Part], ...] = ()
    series: Mapping[str, int] = {}
    dropped: Mapping[str, int] = {}

    def parts(self, form: str) -> Iterator[gzip.Part]:
        """What is served, in order; `form` is text or openmetrics, which ends without its `# EOF`."""
        for plain, openmetrics, samples in self.pieces:
            yield plain if form == "text" else openmetrics
            yield samples

    @property
    def text(self) -> gzip.Part:
        """All of it in text format 0.0.4, joined for whoever asks."""
        return gzip.join(self.parts("text"))

    @property
    def openmetrics(self) -> gzip.Part:
        """All of it as OpenMetrics 1.0.0 without its `# EOF`, joined for whoever asks."""
        return gzip.join(self.parts("openmetrics"))


class Exposition:
    """The blocks of one collection. `update` is called by one thread at a time and returns the next `Body`.

    `statuses` are the words that are counted even at zero; `limit` is the number of series a family may have.
    """

    def __init__(
        self,
        families: Sequence[Family],
        *,
        statuses: Iterable[str] = (),
        limit: int = 1_000_000,
        bucket: int = BUCKET,
    ) -> None:
        self._families = tuple(family for family in families if family.samples is not None)
        self._counts = tuple(family for family in families if family.samples is None)
        self._templates = {family.name: _template(family) for family in families}
        self._headers = {family.name: _headers(family) for family in families}
        self._statuses = tuple(statuses)
        self._limit = limit
        self._bucket = bucket
        self._buckets: list[dict[str, Held]] = [{}]
        self._strips: list[Strip] = []
        self._cells: Counter[tuple[str, str]] = Counter()  # records by status and type
        self._whole = False

    def update(self, snapshot: Snapshot, changes: Changes) -> Body:
        """Renders what `changes` made dirty and joins the blocks of `snapshot`, the snapshot after them."""
        whole, self._whole = self._whole, False  # an update that fails half-way is made good from nothing
        if not whole or len(snapshot.records) > 2 * self._bucket * len(self._buckets):
            self._spread(snapshot)
        else:
            self._renew(changes)
        body = self._joined(snapshot)
        self._whole = True
        return body

    def _spread(self, snapshot: Snapshot) -> None:
        wanted = max(1, len(snapshot.records) // self._bucket)
        self._buckets = [{} for _ in range(1 << (wanted - 1).bit_length())]
        for ident in sorted(snapshot.records, key=_rank):
            self._buckets[self._place(ident)][ident] = snapshot.records[ident]
        self._strips = [
            strip(self._block(family, bucket) for bucket in self._buckets) for family in self._families
        ]
        self._cells = Counter(map(_cell, snapshot.records.values()))

    def _place(self, ident: str) -> int:
        return _rank(ident)[0] * len(self._buckets) >> 32

    def _renew(self, changes: Changes) -> None:
        everything = range(len(self._families))
        dirty: list[set[int]] = [set() for _ in everything]
        for held in changes.removed:
            place = self._place(held.record.id)
            del self._buckets[place][held.record.id]
            for index in everything:
                dirty[index].add(place)
        for held in changes.added:
            place = self._place(held.record.id)
            self._buckets[place][held.record.id] = held
            for index in everything:
                dirty[index].add(place)
        for place in {self._place(held.record.id) for held in changes.added}:
            bucket = self._buckets[place]
            self._buckets[place] = {ident: bucket[ident] for ident in sorted(bucket, key=_rank)}
        for old, new in changes.changed:
            place = self._place(new.record.id)
            self._buckets[place][new.record.id] = new
            for index, family in enumerate(self._families):
                if place not in dirty[index] and _differ(family, old, new):
                    dirty[index].add(place)
        for index, family in enumerate(self._families):
            if dirty[index]:
                blocks = {place: self._block(family, self._buckets[place]) for place in dirty[index]}
                self._strips[index] = self._strips[index].renewed(blocks)
        before = (*changes.removed, *(one for one, _ in changes.changed))
        after = (*changes.added, *(one for _, one in changes.changed))
        self._cells.subtract(map(_cell, before))
        self._cells.update(map(_cell, after))

    def _block(self, family: Family, bucket: Mapping[str, Held]) -> Block:
        samples, template = family.samples, self._templates[family.name]
        lines: list[str] = []
        for held in bucket.values():
            found = samples(held) if samples else ()
            if len(found) == 1:
                lines.append(template % found[0])
            elif found:
                # two links may differ in what this family does not show: their series would be one twice
                lines += dict.fromkeys([template % sample for sample in found])
        text = "".join(lines)
        if not _is_plain(text, len(lines), 2 * len(family.labels)):
            return self._escaped_block(family, bucket)
        return Block(gzip.part(text.encode("utf-8", "replace")), len(lines))

    def _escaped_block(self, family: Family, bucket: Mapping[str, Held]) -> Block:
        """The same for labels with quotes, backslashes or newlines, which take longer to write."""
        samples, template = family.samples, self._templates[family.name]
        lines: list[str] = []
        for held in bucket.values():
            found = samples(held) if samples else ()
            lines += dict.fromkeys([template % _escaped_row(sample) for sample in found])
        return Block(gzip.part("".join(lines).encode("utf-8", "replace")), len(lines))

    def _joined(self, snapshot: Snapshot) -> Body:
        pieces: list[tuple[gzip.Part, gzip.Part, gzip.Part]] = []
        series: dict[str, int] = {}
        dropped: dict[str, int] = {}
        for family in self._counts:
            lines = list(self._count_lines(family, snapshot))
            plain, openmetrics = self._headers[family.name]
            pieces.append((plain, openmetrics, gzip.part("".join(lines).encode())))
            series[family.name] = len(lines)
        for family, samples in zip(self._families, self._strips, strict=True):
            total = samples.series
            series[family.name] = min(total, self._limit)
            if total > self._limit:
                dropped[family.name] = total - self._limit
            if series[family.name]:
                part = samples.first(self._limit) if total > self._limit else samples.part
                plain, openmetrics = self._headers[family.name]
                pieces.append((plain, openmetrics, part))
        _assert_whole(snapshot, series, dropped)
        return Body(tuple(pieces), series, dropped)

    def _count_lines(self, family: Family, snapshot: Snapshot) -> Iterator[str]:
        """One line for each status and type; a status seen or known is counted for every type seen."""
        cells = self._cells
        seen = {status for status, _ in snapshot.words}
        spelt = {text.fold(status) for status in seen}
        statuses = seen | {word for word in self._statuses if text.fold(word) not in spelt}
        types = {kind for _, kind in snapshot.words} or {""}
        template = self._templates[family.name]
        for kind in sorted(types):
            for status in sorted(statuses):
                yield template % (_escaped(status), _escaped(kind), str(cells[status, kind]))


def _cell(held: Held) -> tuple[str, str]:
    return held.record.status, held.record.type


def _rank(ident: str) -> tuple[int, str]:
    """Where a record stands; every bucket's dict is kept in this order."""
    return zlib.crc32(ident.encode("utf-8", "surrogatepass")), ident


def _differ(family: Family, old: Held, new: Held) -> bool:
    samples = family.samples
    return samples is not None and samples(old) != samples(new)


def _assert_whole(snapshot: Snapshot, series: Mapping[str, int], dropped: Mapping[str, int]) -> None:
    """A body that lacks or doubles a record must never be served: Prometheus would drop the whole scrape."""
    for name, count in series.items():
        if name.endswith("_status") and count + dropped.get(name, 0) != len(snapshot.records):
            raise RuntimeError(f"{name} has {count} series for {len(snapshot.records)} records")


def _template(family: Family) -> str:
    labels = ",".join(f'{label}="%s"' for label in family.labels)
    return f"{family.name}{{{labels}}} %s\n"


def _headers(family: Family) -> tuple[gzip.Part, gzip.Part]:
    """The family's HELP, TYPE and UNIT, as text format 0.0.4 and as OpenMetrics 1.0.0 spell them."""
    said = family.help.replace("\\", r"\\").replace("\n", r"\n")
    shown = "gauge" if family.type == "info" else family.type
    plain = f"# HELP {family.name} {said}\n# TYPE {family.name} {shown}\n"
    suffix = {"info": "_info", "counter": "_total"}.get(family.type, "")
    name = family.name.removesuffix(suffix)
    unit = f"# UNIT {name} {family.unit}\n" if family.unit else ""
    quoted = said.replace('"', r"\"")
    openmetrics = f"# HELP {name} {quoted}\n# TYPE {name} {family.type}\n{unit}"
    return gzip.part(plain.encode()), gzip.part(openmetrics.encode())


def _is_plain(text: str, lines: int, quotes: int) -> bool:
    """Whether the labels in so many lines, each with so many quotes around them, hold nothing to escape.

    Looking once at what was written is many times as fast as looking at every label before.
    """
    return text.count('"') == quotes * lines and text.count("\n") == lines and "\\" not in text


def _escaped_row(sample: Sample) -> Sample:
    return (*(_escaped(label) for label in sample[:-1]), sample[-1])


def _escaped(label: str) -> str:
    for mark in _NEEDS_ESCAPE:
        if mark in label:
            return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return label
