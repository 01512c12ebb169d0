"""Which records of a collection are held: those of some types, and of one shard.

Owns that decision alone; how a record is read is `record_reader`'s. Invariant: each id is held by exactly one
shard.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from exporter.inventory import text
from exporter.inventory.record import Record


class Choice(msgspec.Struct, frozen=True, array_like=True):
    """The records that are held; `chosen` makes one of the operator's words, and without words it is of all.

    `include` and `exclude` are folded types, `include` empty for all; `shard` is (index, count) of the share
    of ids that is held.
    """

    include: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()
    shard: tuple[int, int] = (0, 1)

    def holds(self, record: Record, entity_type: str) -> bool:
        """Whether a record is held; `entity_type` is what its dialect calls its class (TMF630's `@type`)."""
        if self.is_elsewhere(record):
            return False
        if not (self.include or self.exclude):
            return True
        types = {text.fold(record.type), text.fold(entity_type)}
        return types.isdisjoint(self.exclude) and not (self.include and types.isdisjoint(self.include))

    def is_elsewhere(self, record: Record) -> bool:
        """Whether the record is left to another shard; its id alone decides that."""
        index, count = self.shard
        return count > 1 and text.stable_hash(record.id) % count != index


def chosen(
    include: Sequence[str] = (), exclude: Sequence[str] = (), shard: tuple[int, int] = (0, 1)
) -> Choice:
    """The choice that an operator's types stand for, however they are written."""
    return Choice(
        frozenset(text.fold(word) for word in include), frozenset(text.fold(word) for word in exclude), shard
    )
