"""How TMF639 v5 shows a resource since April 2026, under the same version number as before.

Owns the states of that release; the rest is `tmf_v5`'s, TMF638 included, which has not changed. Invariant:
there is no resourceStatus, and every state is a word of the release's own enumerations.
"""

from __future__ import annotations

from exporter.simulator import tmf_v5, traits
from exporter.simulator.record import DEGRADED, DOWN, MAINTENANCE, OPERATIONAL, RESOURCE, RETIRED, FleetRecord
from exporter.simulator.tmf import Json

LIFECYCLE = {RETIRED: "pendingRemoval"}
ALARMS = {DEGRADED: ["minor"], DOWN: ["critical", "alarmOutstanding"], MAINTENANCE: ["underRepair"]}
AVAILABILITY = {
    OPERATIONAL: "online",
    DEGRADED: "degraded",
    DOWN: "failed",
    MAINTENANCE: "inTest",
    RETIRED: "notInstalled",
}


def lifecycle(record: FleetRecord) -> str:
    """ResourceLifecycleStateType."""
    return LIFECYCLE.get(record.status, "installed")


def operational(record: FleetRecord) -> str:
    """ResourceOperationalStateType: enabled or disabled, no longer enable or disable."""
    return "enabled" if record.status in (OPERATIONAL, DEGRADED) else "disabled"


def shape(record: FleetRecord) -> Json:
    """The record as TMF638 v5 or TMF639 v5 of 2026 shows it."""
    shown = tmf_v5.shape(record)
    if record.kind != RESOURCE:
        return shown
    del shown["resourceStatus"]
    for place in shown["place"]:
        place["@type"] = "RelatedPlaceRef"
    return shown | {
        "creationDate": traits.moment(record.created),
        "lifecycleState": lifecycle(record),
        "operationalState": operational(record),
        "alarmStatus": ALARMS.get(record.status, []),
        "availabilityStatus": AVAILABILITY[record.status],
        "unknownStatus": False,
        "allocationStatus": "allocated" if record.customer else "free",
    }
