"""What became of the records that a full crawl received. Pure; its numbers add up."""

from __future__ import annotations

import msgspec


class Breakdown(msgspec.Struct, frozen=True):
    """Every record received is counted in exactly one field.

    stored: different records that went into the snapshot.
    excluded: left out by `include_types` or `exclude_types`.
    other_shards: left to another shard.
    rejected: without an id, no object, or listed although the query excludes them.
    duplicates: came again in the answers to one query.
    overlapping: came in the answers to an earlier query, too.
    """

    stored: int = 0
    excluded: int = 0
    other_shards: int = 0
    rejected: int = 0
    duplicates: int = 0
    overlapping: int = 0

    @property
    def received(self) -> int:
        """All of them."""
        return (
            self.stored
            + self.excluded
            + self.other_shards
            + self.rejected
            + self.duplicates
            + self.overlapping
        )
