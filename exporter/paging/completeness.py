"""Whether the lists of one crawl were read to their end, and what speaks against their being complete.

`pagination` judges one list by its positions and totals; here records that came more than once are weighed
in. A record twice is either an API that doubles records, then the same ones come twice every time, or a list
that moved while it was read, then others may have slipped through. Pure. No problem is evidence, not proof,
that nothing is missing: what may be removed for it is decided by `inventory.absences`.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from exporter.paging.pagination import ListResult


def shortfalls(endings: Sequence[ListResult]) -> tuple[int, ...]:
    """How many records fewer than announced each list has brought, 0 where something else is amiss, too."""
    return tuple(
        (ending.expected or 0) - ending.received if ending.is_short_only else 0 for ending in endings
    )


def is_restless(
    endings: Sequence[ListResult],
    doubled: AbstractSet[str | int],
    known: AbstractSet[str | int],
    usual: Sequence[int] = (),
) -> bool:
    """Whether a second look is worth its requests: something is amiss that a list at rest would not show.

    `doubled` are the records that came more than once, by id or its mark, `known` those of the crawl before;
    `usual` are the shortfalls of that one: an API that counts records which it does not show always does.
    """
    if any(ending.unread_pages or ending.unread_records or ending.non_records for ending in endings):
        return False  # what cannot be read now cannot be read again right away
    amiss = any(
        not ending.complete and not (short and place < len(usual) and short == usual[place])
        for place, (ending, short) in enumerate(zip(endings, shortfalls(endings), strict=True))
    )
    return amiss or _moved(endings, doubled, known)


def is_finished(endings: Sequence[ListResult], together: Sequence[int]) -> bool:
    """Whether every list was read to its end, and shows as much as it announced.

    `together` counts the different records of each list that this crawl and the one right before it saw: in a
    list that moves, one crawl alone sees fewer than are announced. Where it moves, those that only one of the
    two saw may be counted once more: for a record that came behind the reader's back another one went.
    """
    return all(
        ending.complete or (ending.is_short_only and count >= (ending.expected or 0) - ending.spread)
        for ending, count in zip(endings, together, strict=True)
    )


def ends_by_refusal(endings: Sequence[ListResult]) -> bool:
    """Whether the end of a list is known by 404s alone: a proxy without a server gives them, too."""
    return any(ending.absent_pages and ending.expected is None for ending in endings)


def problem(
    endings: Sequence[ListResult], doubled: AbstractSet[str | int], known: AbstractSet[str | int]
) -> str:
    """Everything that speaks against completeness in one sentence, empty for nothing."""
    reasons = [
        ending.reason
        for ending in endings
        if not ending.complete and not _only_doubled(ending, doubled, known)
    ]
    if _moved(endings, doubled, known):
        reasons.append(f"{len(doubled - known)} records came twice: the list moved while it was read")
    return "; ".join(reasons)


def _moved(
    endings: Sequence[ListResult], doubled: AbstractSet[str | int], known: AbstractSet[str | int]
) -> bool:
    """Whether records came twice that did not before, and no total shows that none was missed for it."""
    return bool(doubled - known) and any(ending.expected is None for ending in endings)


def _only_doubled(ending: ListResult, doubled: AbstractSet[str | int], known: AbstractSet[str | int]) -> bool:
    """Whether the total is missed only because it counts records twice that always come twice."""
    steady = bool(doubled) and doubled == known
    return steady and ending.is_short_only and ending.items == ending.expected
