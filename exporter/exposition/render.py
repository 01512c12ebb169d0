"""Renders a collection's families when its snapshot changes, so that a scrape only copies bytes.

Records stand in the order of a stable hash of their id, and a bucket is a stretch of that order, so that
neither order nor limit depends on the number of buckets. A block is one family's samples of one bucket,
compressed (`segments`); an update renders the blocks again in which a record changed in what the family
reads, touches nothing else, and returns a new `Body`. It owns no negotiation (`web` does), no history
(`snapshot` does) and no spelling (`writer` does). Invariants: what an update gives is what rendering from
nothing gives; no two series of a body have equal labels.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product

import msgspec

from exporter.exposition import gzip
from exporter.exposition.families import Family
from exporter.exposition.segments import Block, Strip, block, strip
from exporter.exposition.writer import Writer
from exporter.inventory import text
from exporter.inventory.snapshot import Changes, Shown, Snapshot, StoredRecord

BUCKET = 64
"""Records a bucket should hold: fewer make dirty work smaller and compression and joining worse."""

ZEROS = 10_000
"""Pairs of a status and a type that are counted though no record may ever have had them."""

_Pair = tuple[StoredRecord | None, StoredRecord | None]
"""A record as it was and as it is; None where it was not held, or is no longer."""


def nothing() -> None:
    """Does nothing, between two buckets."""


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
    """The blocks of one collection. `update` returns the next `Body`; one thread at a time renders.

    `statuses` are the words that are counted even at zero; `limit` is the number of series a family may have;
    `pause` is called before each bucket, so that others may work.
    """

    def __init__(
        self,
        families: Sequence[Family],
        *,
        statuses: Iterable[str] = (),
        limit: int = 1_000_000,
        bucket: int = BUCKET,
        pause: Callable[[], None] = nothing,
    ) -> None:
        self._writers = tuple(Writer(family) for family in families if family.samples is not None)
        self._counts = tuple(family for family in families if family.samples is None)
        self._headers = {family.name: _headers(family) for family in families}
        self._statuses = tuple(statuses)
        self._limit = limit
        self._bucket = bucket
        self._pause = pause
        self._buckets: list[list[StoredRecord]] = [[]]
        self._strips: list[Strip] = []
        self._cells: Counter[tuple[str, str]] = Counter()  # records by status and type
        self._whole = False
        self._lock = threading.Lock()  # the thread of a refresh that was cancelled may still be at work

    def update(self, snapshot: Snapshot, changes: Changes | None) -> Body:
        """Renders what `changes` made dirty and joins the blocks of `snapshot`, the snapshot after them.

        None renders everything: where it is not known that the last update was of the snapshot before.
        """
        with self._lock:
            return self._updated(snapshot, changes)

    def _updated(self, snapshot: Snapshot, changes: Changes | None) -> Body:
        whole, self._whole = self._whole, False  # an update that fails half-way is made good from nothing
        if not whole or changes is None or len(snapshot.records) > 2 * self._bucket * len(self._buckets):
            self._spread(snapshot)
        else:
            self._renew(changes)
        body = self._joined(snapshot)
        self._whole = True
        return body

    def _spread(self, snapshot: Snapshot) -> None:
        wanted = max(1, len(snapshot.records) // self._bucket)
        self._buckets = [[] for _ in range(1 << (wanted - 1).bit_length())]
        for held in snapshot.records.values():
            self._buckets[self._place(held)].append(held)
        for bucket in self._buckets:  # one by one: a single large sort would let nobody else work meanwhile
            bucket.sort(key=_rank)
        blocks = [self._paused(bucket) for bucket in self._buckets]
        self._strips = [strip(column) for column in zip(*blocks, strict=True)]
        self._cells = Counter(map(_cell, snapshot.records.values()))

    def _place(self, held: StoredRecord) -> int:
        return _rank(held)[0] * len(self._buckets) >> 64

    def _paused(self, bucket: Iterable[StoredRecord]) -> list[Block]:
        self._pause()
        return self._blocks(bucket)

    def _blocks(self, bucket: Iterable[StoredRecord]) -> list[Block]:
        """The block of each family."""
        shown = [held.shown() for held in bucket]
        return [block(*writer.text(shown)) for writer in self._writers]

    def _renew(self, changes: Changes) -> None:
        pairs: list[_Pair] = [
            *((held, None) for held in changes.removed),
            *changes.changed,
            *((None, held) for held in changes.added),
        ]
        dirty: dict[int, list[_Pair]] = defaultdict(list)
        for was, now in pairs:
            held = was or now
            if held is not None:
                dirty[self._place(held)].append((was, now))
        renewed: list[dict[int, Block]] = [{} for _ in self._writers]
        for place, swapped in dirty.items():
            self._pause()
            self._swap(place, swapped)
            for index, found in self._rendered(place, swapped):
                renewed[index][place] = found
        self._strips = [
            one.renewed(blocks) if blocks else one for one, blocks in zip(self._strips, renewed, strict=True)
        ]
        self._cells.subtract(_cell(was) for was, _ in pairs if was is not None)
        self._cells.update(_cell(now) for _, now in pairs if now is not None)
        self._cells = +self._cells  # words that no record has any more take no room

    def _swap(self, place: int, pairs: Iterable[_Pair]) -> None:
        """Holds in a bucket what the records are now."""
        bucket = {held.id: held for held in self._buckets[place]}
        for was, now in pairs:
            if now is not None:
                bucket[now.id] = now
            elif was is not None:
                del bucket[was.id]
        self._buckets[place] = sorted(bucket.values(), key=_rank)

    def _rendered(self, place: int, pairs: Sequence[_Pair]) -> Iterator[tuple[int, Block]]:
        """The blocks of a bucket in which these records differ, by the family's index."""
        compared = [(_shown(was), _shown(now)) for was, now in pairs]
        shown = [held.shown() for held in self._buckets[place]]
        for index, writer in enumerate(self._writers):
            if any(_differs(writer, was, now) for was, now in compared):
                yield index, block(*writer.text(shown))

    def _joined(self, snapshot: Snapshot) -> Body:
        pieces: list[tuple[gzip.Part, gzip.Part, gzip.Part]] = []
        series: dict[str, int] = {}
        dropped: dict[str, int] = {}
        for family in self._counts:
            lines = list(self._count_lines(family, snapshot))
            plain, openmetrics = self._headers[family.name]
            pieces.append((plain, openmetrics, gzip.part("".join(lines).encode())))
            series[family.name] = len(lines)
        for writer, samples in zip(self._writers, self._strips, strict=True):
            total = samples.series
            series[writer.name] = min(total, self._limit)
            if total > self._limit:
                dropped[writer.name] = total - self._limit
            if series[writer.name]:
                part = samples.first(self._limit) if total > self._limit else samples.part
                plain, openmetrics = self._headers[writer.name]
                pieces.append((plain, openmetrics, part))
        _assert_whole(snapshot, series, dropped)
        if self._cells.total() != len(snapshot.records):
            raise RuntimeError(f"{self._cells.total()} records counted of {len(snapshot.records)}")
        return Body(tuple(pieces), series, dropped)

    def _count_lines(self, family: Family, snapshot: Snapshot) -> Iterator[str]:
        """One line for each status and type that are counted."""
        line = Writer(family).line
        for kind, status in sorted((kind, status) for status, kind in self._counted(snapshot.words)):
            yield line((status, kind, str(self._cells[status, kind])))

    def _counted(self, words: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """The pairs of `words`, and each status seen or known with each type seen, if that is not too many.

        If it is, each status that is known with each type seen, under the same condition.
        """
        counted = set(words)
        types = {kind for _, kind in counted} or {""}
        seen = {status for status, _ in counted}
        spelt = {text.fold(status) for status in seen}
        folded = {text.fold(word) for word in self._statuses}
        known = {word for word in self._statuses if text.fold(word) not in spelt}
        known |= {status for status in seen if text.fold(status) in folded}
        for statuses in (known, known | seen):
            if len(statuses) * len(types) <= ZEROS:
                counted.update(product(statuses, types))
        return counted


def _shown(held: StoredRecord | None) -> Shown | None:
    return held.shown() if held is not None else None


def _differs(writer: Writer, was: Shown | None, now: Shown | None) -> bool:
    """Whether a family has other samples for the record than it had."""
    if was is None or now is None:
        return True
    return writer.samples(was) != writer.samples(now)


def _cell(held: StoredRecord) -> tuple[str, str]:
    return held.standing.status, held.standing.type


def _rank(held: StoredRecord) -> tuple[int, str]:
    """Where a record stands; every bucket is kept in this order.

    The hash is a cryptographic one, so that nobody can write ids that all belong in one bucket. It has no
    key: two exporters write the same records in the same order.
    """
    return text.stable_hash(held.id), held.id


def _assert_whole(snapshot: Snapshot, series: Mapping[str, int], dropped: Mapping[str, int]) -> None:
    """A body that lacks or doubles a record must never be served: Prometheus would drop the whole scrape."""
    for name, count in series.items():
        if name.endswith("_status") and count + dropped.get(name, 0) != len(snapshot.records):
            raise RuntimeError(f"{name} has {count} series for {len(snapshot.records)} records")


def _headers(family: Family) -> tuple[gzip.Part, gzip.Part]:
    """The family's HELP, TYPE and UNIT, as text format 0.0.4 and as OpenMetrics 1.0.0 spell them."""
    said = family.help.replace("\\", r"\\").replace("\n", r"\n")
    plain = f"# HELP {family.name} {said}\n# TYPE {family.name} {family.type}\n"
    name = family.name.removesuffix("_total") if family.type == "counter" else family.name
    unit = f"# UNIT {name} {family.unit}\n" if family.unit else ""
    quoted = said.replace('"', r"\"")
    openmetrics = f"# HELP {name} {quoted}\n# TYPE {name} {family.type}\n{unit}"
    return gzip.part(plain.encode()), gzip.part(openmetrics.encode())
