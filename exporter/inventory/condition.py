"""What a status value means: one of seven conditions."""

from __future__ import annotations

import enum
from collections.abc import Iterable


class Condition(enum.StrEnum):
    """The condition of a record; the worst first."""

    DOWN = "down"
    DEGRADED = "degraded"
    MAINTENANCE = "maintenance"
    OPERATIONAL = "operational"
    PLANNED = "planned"
    """Not in service yet."""
    RETIRED = "retired"
    """No longer in service."""
    UNKNOWN = "unknown"
    """The dialect does not know the status value, or the value says nothing."""


PROBLEMS = frozenset((Condition.DOWN, Condition.DEGRADED, Condition.MAINTENANCE))
"""The conditions in which a record, and what rests on it, needs attention."""

IN_SERVICE = PROBLEMS | {Condition.OPERATIONAL}
"""The conditions of a record that is in service; the metric `operational` is absent for all others."""

_OVERRIDING_FIRST = (
    *(Condition.RETIRED, Condition.PLANNED),
    *(Condition.DOWN, Condition.DEGRADED, Condition.MAINTENANCE, Condition.OPERATIONAL),
)
_RANKS = {condition: rank for rank, condition in enumerate(_OVERRIDING_FIRST)}


def refined(headline: Condition, states: Iterable[Condition]) -> Condition:
    """The condition of a record with this status and these further states: the worst of them.

    A record that is planned or retired cannot have a problem, so these override the others. A headline that
    is not in service stays what it is.
    """
    if headline not in IN_SERVICE:
        return headline
    return min((headline, *states), key=_RANKS.__getitem__)
