"""What a process of the workshop is asked and what it answers, as MessagePack, and the work itself.

An `Order` is all that must be known of a collection; it comes with every question, so that a process can be
replaced at any time. Pure: bytes in, bytes out. Invariant: the answers are what `decode.page` and
`Writer.text` give in the process that asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from exporter import errors
from exporter.exposition import families
from exporter.exposition.segments import Block, block
from exporter.exposition.writer import Writer
from exporter.inventory import decode, dialects, record, record_reader
from exporter.inventory.selection import Choice
from exporter.inventory.snapshot import Held, Shown

_MOST_CRAFTS = 16  # collections, whose settings may change while a process lives


class Order(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How a collection is read and rendered; the fields are the arguments of `record_reader.Reader`."""

    collection: str
    mapping: dialects.Collection
    characteristics: tuple[str, ...]
    numbers: dict[str, tuple[str, float]]
    choice: Choice
    length: int
    queries: tuple[dict[str, str], ...] = ()

    def reader(self) -> record_reader.Reader:
        """What reads the collection's records."""
        return record_reader.Reader(
            self.mapping,
            characteristics=self.characteristics,
            numbers=self.numbers,
            choice=self.choice,
            length=self.length,
            queries=self.queries,
        )


class Read(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Asks for the records of a page, none of which is known."""

    order: msgspec.Raw
    key: bytes
    body: bytes


class Render(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Asks for the blocks of some buckets: of each record it is given packed, `since` and `changes`."""

    order: msgspec.Raw
    buckets: list[list[tuple[bytes, float, int]]]


class Batch(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The records of a page, as `decode.Batch` has them."""

    items: int
    fresh: list[decode.Fresh]
    rejects: list[decode.Reject]
    skipped: list[str]
    dropped: dict[str, int]
    passed: list[tuple[int, int]]
    against: dict[str, str]
    is_single: bool = False


class Blocks(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The blocks of each bucket, one for each family."""

    buckets: list[list[Block]]


class Wrong(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The page cannot be trusted: the parts of a `Malformed`."""

    message: str
    reason: str
    mend: str


_ENCODER = msgspec.msgpack.Encoder()
_QUESTIONS = msgspec.msgpack.Decoder(Read | Render)
_ANSWERS = msgspec.msgpack.Decoder(Batch | Blocks | Wrong)
_ORDERS = msgspec.msgpack.Decoder(Order)


def ordered(order: Order) -> msgspec.Raw:
    """The order, written once for all questions."""
    return msgspec.Raw(_ENCODER.encode(order))


def ask_to_read(order: msgspec.Raw, key: bytes, body: bytes) -> bytes:
    """The question for a page's records; `key` is that of the digests."""
    return _ENCODER.encode(Read(order, key, body))


def ask_to_render(order: msgspec.Raw, buckets: Sequence[Sequence[Held]]) -> bytes:
    """The question for the blocks of buckets."""
    rows = [[(one.packed, one.since, one.changes) for one in bucket] for bucket in buckets]
    return _ENCODER.encode(Render(order, rows))


def batch(answer: bytes | bytearray) -> decode.Batch[Any]:
    """The answer to `ask_to_read`; raises `Malformed` as `decode.page` does, ValueError for any other."""
    found = _ANSWERS.decode(answer)
    if isinstance(found, Wrong):
        raise errors.Malformed(found.message, reason=found.reason, mend=found.mend)
    if not isinstance(found, Batch):
        raise ValueError("an answer to another question")  # noqa: TRY004 - nobody passed a wrong type
    batch: decode.Batch[Any] = decode.Batch(
        found.items,
        [],
        found.fresh,
        found.rejects,
        found.skipped,
        Counter(found.dropped),
        found.passed,
        [fresh.id for fresh in found.fresh],
        against=found.against,
    )
    batch.is_single = found.is_single
    return batch


def blocks(answer: bytes | bytearray) -> list[list[Block]]:
    """The answer to `ask_to_render`; raises ValueError for any other."""
    found = _ANSWERS.decode(answer)
    if not isinstance(found, Blocks):
        raise ValueError("an answer to another question")  # noqa: TRY004 - nobody passed a wrong type
    return found.buckets


class _Craft:
    """What one order takes, made once."""

    def __init__(self, order: Order) -> None:
        self._reader = order.reader()
        known = families.of(order.collection, order.numbers)
        self._writers = tuple(Writer(family) for family in known if family.samples is not None)

    def read(self, asked: Read) -> Batch | Wrong:
        known: Mapping[int, Any] = {}
        try:
            found = decode.page(asked.body, self._reader, known, asked.key)
        except errors.Malformed as error:
            return Wrong(str(error), error.reason, error.mend)
        return Batch(
            found.items,
            found.fresh,
            found.rejects,
            found.skipped,
            found.dropped,
            found.passed,
            found.against,
            found.is_single,
        )

    def render(self, asked: Render) -> Blocks:
        return Blocks([self._bucket(rows) for rows in asked.buckets])

    def _bucket(self, rows: Sequence[tuple[bytes, float, int]]) -> list[Block]:
        shown = [Shown(record.unpack(packed), since, changes) for packed, since, changes in rows]
        return [block(*writer.text(shown)) for writer in self._writers]


class Worker:
    """Answers questions; what it has made of an order it keeps for the next question."""

    def __init__(self) -> None:
        self._crafts: dict[bytes, _Craft] = {}

    def answer(self, question: bytes | bytearray) -> bytes:
        """The answer; raises for what is no question, which ends the process."""
        asked = _QUESTIONS.decode(question)
        order = bytes(asked.order)
        craft = self._crafts.get(order)
        if craft is None:
            if len(self._crafts) >= _MOST_CRAFTS:
                self._crafts.clear()
            craft = self._crafts[order] = _Craft(_ORDERS.decode(order))
        return _ENCODER.encode(craft.read(asked) if isinstance(asked, Read) else craft.render(asked))
