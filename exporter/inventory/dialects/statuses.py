"""What the status values mean: the enumerations of TM Forum's specifications and ServiceNow's choices.

Each table maps a value as its source spells it to a condition. A value is `down` only if a record that is in
service does not work; what is not in service yet, or no more, is `planned` or `retired`. Invariant: no table
has one value in two spellings, for values are compared folded.
"""

from __future__ import annotations

from collections.abc import Mapping

from exporter.inventory import text
from exporter.inventory.condition import Condition

Words = Mapping[str, Condition]

DOWN, DEGRADED, MAINTENANCE = Condition.DOWN, Condition.DEGRADED, Condition.MAINTENANCE
OPERATIONAL, PLANNED, RETIRED = Condition.OPERATIONAL, Condition.PLANNED, Condition.RETIRED
UNKNOWN = Condition.UNKNOWN


def joined(*tables: Words) -> Words:
    """The tables as one; of a word that several have, in whatever spelling, the first one's meaning."""
    words: dict[str, Condition] = {}
    known: set[str] = set()
    for table in tables:
        new = {word: meaning for word, meaning in table.items() if text.fold(word) not in known}
        known.update(text.fold(word) for word in new)
        words.update(new)
    return words


SERVICE: Words = {
    "feasibilityChecked": PLANNED,
    "designed": PLANNED,
    "reserved": PLANNED,
    "inactive": DOWN,
    "active": OPERATIONAL,
    "terminated": RETIRED,
}
"""TMF638 v2, v3 and v4, ServiceStateType."""

SERVICE_V5 = joined(SERVICE, {"suspended": DOWN})
"""TMF638 v5, ServiceStateType."""

_RESOURCE_STATUS: Words = {
    "available": OPERATIONAL,
    "reserved": OPERATIONAL,  # spoken for, and working
    "standby": OPERATIONAL,  # ready to take over, and working
    "alarm": DOWN,
    "suspended": DOWN,
    "unknown": UNKNOWN,
}

RESOURCE = joined(_RESOURCE_STATUS, {"enable": OPERATIONAL, "disable": DOWN})
"""TMF639 v4, ResourceStatusType, and ResourceOperationalStateType for the resources that have no other."""

RESOURCE_V5 = joined(
    _RESOURCE_STATUS,
    {
        # the 5.0.0 of 2024
        "installed": OPERATIONAL,
        "planned": PLANNED,
        "pendingRemoval": RETIRED,
        "not exists": RETIRED,
        # the 5.0.0 of April 2026 has no resourceStatus: its operationalState is the headline
        "enabled": OPERATIONAL,
        "disabled": DOWN,
    },
    RESOURCE,
)
"""TMF639 v5, both releases that call themselves 5.0.0."""

RESOURCE_V2 = joined(
    {
        "planned": PLANNED,
        "installed": OPERATIONAL,
        "pendingRemoval": RETIRED,
        "active": OPERATIONAL,
        "inactive": DOWN,
        "terminated": RETIRED,
        # what catalogues call an entity's life, which implementations of v2 use for instances too
        "in study": PLANNED,
        "in design": PLANNED,
        "in test": PLANNED,  # the step before it is launched
        "rejected": RETIRED,  # it failed the test and will not be launched
        "launched": OPERATIONAL,
        "retired": RETIRED,
        "obsolete": RETIRED,
    },
    RESOURCE,
)
"""TMF639 v2 and v3, `lifecycleState`: the specifications name no words, these are in use."""

REFINING: Words = {
    # TMF638 v5, ServiceOperatingStatusType; failed and degraded are also values of the availability
    "degraded": DEGRADED,
    "limited": DEGRADED,
    "failed": DOWN,
    "stopping": DOWN,
    "stopped": DOWN,
    # TMF639, ResourceOperationalStateType of both versions
    "disable": DOWN,
    "disabled": DOWN,
    # ResourceAdministrativeStateType: withdrawn from users on purpose, whether it works or not (X.731)
    "locked": MAINTENANCE,
    "shutdown": MAINTENANCE,
    "shuttingDown": MAINTENANCE,
    # TMF639 v5, ResourceAlarmStatusType, by the severities of X.733: critical is out of service, major a
    # severe degradation
    "critical": DOWN,
    "major": DEGRADED,
    "minor": DEGRADED,
    "alarmOutstanding": DEGRADED,
    "underRepair": MAINTENANCE,
    # ResourceAvailabilityStatusType: all but inTest, online and logFull, in which users are still served
    "offline": DOWN,
    "offDuty": MAINTENANCE,  # switched off by a time schedule
    "powerOff": DOWN,
    "dependency": DOWN,
    "notInstalled": DOWN,  # not present or incomplete, such as a module that was pulled out
    "outOfService": DOWN,
    # ResourceControlStatusType: all but subjectToTest, in which users are still served
    "suspended": DOWN,
    "partOfServicesLocked": DEGRADED,
    "reservedForTest": MAINTENANCE,
    # ResourceProceduralStatusType: not usable before its initialization, or in its termination
    "initializationRequired": DOWN,
    "notInitialized": DOWN,
    "terminating": DOWN,
    # ResourceLifecycleStateType
    "planned": PLANNED,
    "pendingRemoval": RETIRED,
}
"""Values of the further states that make an active service or an enabled resource anything else."""

REFINING_V5_RESOURCE = joined({"shutdown": DOWN}, REFINING)
"""There, shutdown is a ResourcePowerConsumingStateType, of what is powered off."""

SNOW: Words = {
    "Operational": OPERATIONAL,
    "Non-Operational": DOWN,
    "Degraded": DEGRADED,
    "Down": DOWN,
    "In Maintenance": MAINTENANCE,
    "Repair in Progress": DOWN,  # broken, although somebody works on it
    "DR Standby": OPERATIONAL,
    "Ready": OPERATIONAL,
    "Installed": OPERATIONAL,
    "In Stock": PLANNED,
    "On Order": PLANNED,
    "Pending Install": PLANNED,
    "Pending Repair": DOWN,
    "Planned": PLANNED,
    "Suspended": DOWN,
    "Absent": RETIRED,  # discovery no longer finds it
    "Stolen": RETIRED,
    "Retired": RETIRED,
    "Unknown": UNKNOWN,
}
"""ServiceNow's operational and install status, as the SES middleware spells them."""

SNOW_LIFE: Words = {
    "In Use": OPERATIONAL,
    "End of Support": OPERATIONAL,  # its maker no longer helps, but it works
    "Pending Retirement": OPERATIONAL,  # to be taken away, and working until then
    **dict.fromkeys(("Available", "Reserved"), UNKNOWN),  # in stock here, working in TM Forum's words
    **dict.fromkeys(("Under Evaluation", "Pilot", "Test", "Preallocated"), PLANNED),
    **dict.fromkeys(("Pending Fulfillment", "Pending Evaluation", "Pending Certificate"), PLANNED),
    **dict.fromkeys(("In Transit", "Pending Transfer", "On Hold"), PLANNED),  # not where it will be used
    "Quarantine": DOWN,
    **dict.fromkeys(("Legal Hold", "Pending Return", "Pending Resale"), RETIRED),
    **dict.fromkeys(("Pending Disposal", "Pending Donation", "Lost", "Disposed", "Donated"), RETIRED),
    **dict.fromkeys(("RMA", "Sold", "Vendor Credit", "Buyout", "Lease Return"), RETIRED),
}
"""ServiceNow's life cycle stage status of things (Common Service Data Model); further words are in `SNOW`."""

SNOW_REFINING: Words = {
    # operational status; the first two are not ServiceNow's own choices
    "Degraded": DEGRADED,
    "Down": DOWN,
    "Non-Operational": DOWN,
    "Repair in Progress": DOWN,
    "Retired": RETIRED,
    # life cycle stage
    "Defective": DOWN,
    "Missing": RETIRED,
    "End of Operation": RETIRED,
    "End of Life": RETIRED,
}
"""Words that overrule a life cycle stage status. The install status does not: where the life cycle is kept,
nobody keeps the older field."""

INSTALL_CODES = {
    "1": "Installed",
    "2": "On Order",
    "3": "In Maintenance",
    "4": "Pending Install",
    "5": "Pending Repair",
    "6": "In Stock",
    "7": "Retired",
    "8": "Stolen",
    "100": "Absent",
}
"""ServiceNow, `install_status` of the table cmdb_ci: its numbers, which come as text."""

OPERATIONAL_CODES = {
    "1": "Operational",
    "2": "Non-Operational",
    "3": "Repair in Progress",
    "4": "DR Standby",
    "5": "Ready",
    "6": "Retired",
}
"""ServiceNow, `operational_status` of the table cmdb_ci: other words for the same numbers."""
