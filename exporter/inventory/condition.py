"""What a status value means: one of seven conditions, whatever the inventory calls it."""

from __future__ import annotations

import enum


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
