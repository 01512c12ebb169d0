"""From a page's bytes to records and rejects.

`envelope` finds the raw records of a page; `page` carries over those with a known digest, and a `Reader`
reads the others. Nothing is kept between pages. Invariant: a bad record is a `Reject`, a bad page is
`Malformed`, and no JSON of any shape raises anything else.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Generic, Protocol, TypeVar

import msgspec
import xxhash

from exporter import errors
from exporter.inventory import elements, envelope, error_objects, members, record, record_reader
from exporter.inventory.absences import GAP
from exporter.inventory.record import StatusSummary

_ANY = msgspec.json.Decoder()


STRAY = "not_an_object"
"""Why an element of a list is no record: it is no JSON object. It is not counted as one, either."""

TOO_LARGE = "too_large"
"""Why an object of a list is not stored: it has more than `elements.MOST_VALUES` values."""

_LARGE = 1 << 20  # bytes: of a shorter record the values are not counted


class Identified(Protocol):
    """A value of an index of digests."""

    @property
    def id(self) -> str:
        """The record's id."""
        ...


Stored = TypeVar("Stored", bound=Identified)


class Reject(msgspec.Struct, frozen=True):
    """A record that cannot be stored: why (the metric's label), its beginning, and its raw form's digest."""

    reason: str
    example: str
    digest: int


class DecodedRecord(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A record that was decoded, packed; `digest` is that of its raw form."""

    id: str
    status_summary: StatusSummary
    packed: bytes
    digest: int
    updated: float | None

    @property
    def record(self) -> record.Record:
        """The record, unpacked each time."""
        return record.unpack(self.packed)


class Batch(msgspec.Struct, Generic[Stored]):
    """What one page had, in the server's order.

    `items` is the number of raw records. `carried` are values of the caller's index of digests; `fresh` were
    decoded; `ids` are those of both in the server's order, and a `GAP` for each reject. `skipped` are the
    ids of those that were decoded and are not stored because of their type or shard; `filtered_out` are all
    such: the digest of the raw form, and `id_mark`. `dropped` counts by reason values that could not be read.
    `foreign` are what is kept of records of other shards that were decoded. `against` maps ids of `fresh` and
    `foreign` to the condition of the query that the record contradicts. `is_single` says
    that the answer was one object instead of a list, `is_left_out` that it was one without any list; `keys`
    are those of an object.
    """

    items: int
    carried: list[Stored]
    fresh: list[DecodedRecord]
    rejects: list[Reject]
    skipped: list[str]
    dropped: Counter[str]
    filtered_out: list[tuple[int, int]] = []
    ids: list[str] = []
    against: dict[str, str] = {}
    foreign: list[DecodedRecord] = []
    is_single: bool = False
    is_left_out: bool = False
    keys: frozenset[str] = frozenset()

    def positions(self, asked: int) -> int:
        """How many positions of the list the page covers, where `asked` records were asked for.

        What is no object may stand in the place of a record, but moves no position beyond what was asked.
        """
        return min(self.items, max(self._records(), asked))

    def filled(self, asked: int) -> int:
        """How many of these positions have something that is no object, where a record may have been."""
        return self.positions(asked) - self._records()

    def _records(self) -> int:
        return self.items - sum(reject.reason == STRAY for reject in self.rejects)


def digest(raw: bytes | memoryview | msgspec.Raw, key: bytes) -> int:
    """64 bits that identify a raw record; `key` is random per process, so nobody can aim for a clash."""
    return xxhash.xxh3_64_intdigest(raw, _seed(key))


def id_mark(ident: str, key: bytes) -> int:
    """Identifies a record that is not stored for its type or shard; the last bit is 1 for other shards."""
    return _id_mark(ident, _seed(key))


def _id_mark(ident: str, seed: int) -> int:
    return xxhash.xxh3_64_intdigest(ident.encode(), seed) & ~1


def _seed(key: bytes) -> int:
    return int.from_bytes(key[:8], "little")


def split(body: bytes, records: str = "") -> list[msgspec.Raw]:
    """The raw records of a page; raises `Malformed` where it is no list, nor says that there is nothing."""
    answer = envelope.opened(body, records)
    if answer.is_left_out and not members.is_announced_empty(body):
        raise envelope.without_list(body, records)
    return answer.records


def page(
    body: bytes,
    reader: record_reader.Reader,
    known: Mapping[int, Stored],
    key: bytes,
    filtered_out: Mapping[int, int] = {},
    records: str = "",
) -> Batch[Stored]:
    """Reads one page. Raw records with a digest in `known` are carried over undecoded.

    Those with a digest in `filtered_out`, from earlier pages, are skipped. `records` is the path of
    the list, "" to find it. Raises `Malformed` where the page as a whole cannot be trusted.
    """
    answer = envelope.opened(body, records)
    raws = answer.records
    batch: Batch[Stored] = Batch(len(raws), [], [], [], [], Counter(), [], [])
    batch.is_single, batch.is_left_out, batch.keys = answer.is_single, answer.is_left_out, answer.keys
    seed, marked, listed = _seed(key), xxhash.xxh3_64_intdigest, batch.ids.append
    may_be_large = len(body) > _LARGE
    for raw in raws:
        mark = marked(raw, seed)
        stored = known.get(mark)
        if stored is not None:
            batch.carried.append(stored)
            listed(stored.id)
        elif (id_of := filtered_out.get(mark)) is not None:
            batch.filtered_out.append((mark, id_of))
        elif may_be_large and _is_too_large(raw):
            batch.rejects.append(_too_large(raw, mark))
            listed(GAP)
        else:
            _decode(raw, mark, reader, batch, seed)
    return batch


def _decode(
    raw: msgspec.Raw, mark: int, reader: record_reader.Reader, batch: Batch[Stored], seed: int
) -> None:
    value = json_of(raw)
    if not isinstance(value, dict):
        batch.rejects.append(Reject("not_an_object", _example(raw), mark))
        batch.ids.append(GAP)
        return
    found = reader.read(value, batch.dropped)
    among = error_objects.error_among if found is None else error_objects.error_instead
    if said := among(value):  # the page is cut short
        raise errors.Malformed(f"an error is listed among the records: {said}", reason="error_object")
    if found is None:
        batch.rejects.append(Reject("missing_id", _example(raw), mark))
        batch.ids.append(GAP)
    elif reader.selects(found):
        batch.fresh.append(_decoded(found.record, mark))
        batch.ids.append(found.record.id)
        _contradict(raw, found, reader, batch)
    else:
        ident, foreign = found.record.id, reader.foreign(found)
        if foreign is not None:
            batch.foreign.append(_decoded(foreign, mark))
            _contradict(raw, found, reader, batch)
        batch.skipped.append(ident)
        # by its id: one that changes while the list is read has another raw form, and must not count twice
        batch.filtered_out.append((mark, _id_mark(ident, seed) | reader.is_in_other_shard(found)))


def _decoded(read: record.Record, mark: int) -> DecodedRecord:
    return DecodedRecord(read.id, record.status_summary(read), record.pack(read), mark, read.updated)


def _contradict(
    raw: msgspec.Raw, found: record_reader.FoundRecord, reader: record_reader.Reader, batch: Batch[Stored]
) -> None:
    condition = reader.contradicted(raw, found)
    if condition is not None:
        batch.against[found.record.id] = str(condition)


def _is_too_large(raw: msgspec.Raw) -> bool:
    view = memoryview(raw)
    return len(view) > _LARGE and elements.has_too_many_values(view)


def _too_large(raw: msgspec.Raw, mark: int) -> Reject:
    """What becomes of an element that is too large to be decoded."""
    if memoryview(raw)[0] == ord("{"):
        return Reject("too_large", _example(raw), mark)
    return Reject(STRAY, _example(raw), mark)


def json_of(raw: msgspec.Raw) -> object:
    """The JSON value of a raw record; raises `Malformed` where it is none, or too large to be decoded."""
    if _is_too_large(raw):
        raise errors.Malformed(f"a record has more than {elements.MOST_VALUES} values", reason=TOO_LARGE)
    try:
        return _ANY.decode(raw)
    except msgspec.ValidationError:
        # a number too large for msgspec is JSON all the same: it must not cost the page, so its text is kept
        return _lenient(raw)
    except (RecursionError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise error_objects.unreadable(error, "a record", bytes(raw)) from error


def _lenient(raw: msgspec.Raw) -> object:
    try:
        return json.loads(bytes(raw).decode(), parse_int=str, parse_float=str)
    except (RecursionError, ValueError) as error:  # a UnicodeDecodeError is one
        raise error_objects.unreadable(error, "a record", bytes(raw)) from error


def _example(raw: msgspec.Raw) -> str:
    return bytes(memoryview(raw)[:120]).decode("utf-8", "replace")


def examples(rejects: Sequence[Reject]) -> dict[str, list[str]]:
    """The first three examples of each reason, for the status page."""
    shown: dict[str, list[str]] = {}
    for reject in rejects:
        if len(shown.setdefault(reject.reason, [])) < 3:
            shown[reject.reason].append(reject.example)
    return shown
