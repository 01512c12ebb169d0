"""What the status values mean: the enumerations of TM Forum's specifications and ServiceNow's choices.

Each table maps a value as its source spells it to True (operational), False (not), or None (neither).
Invariant: no table has one value in two spellings, for values are compared folded.
"""

from __future__ import annotations

from collections.abc import Mapping

from exporter.inventory import text

Words = Mapping[str, bool | None]


def joined(*tables: Words) -> Words:
    """The tables as one; of a word that several have, in whatever spelling, the first one's meaning."""
    words: dict[str, bool | None] = {}
    known: set[str] = set()
    for table in tables:
        new = {word: meaning for word, meaning in table.items() if text.fold(word) not in known}
        known.update(text.fold(word) for word in new)
        words.update(new)
    return words


SERVICE: Words = {
    "feasibilityChecked": False,
    "designed": False,
    "reserved": False,
    "inactive": False,
    "active": True,
    "terminated": False,
}
"""TMF638 v2, v3 and v4, ServiceStateType."""

SERVICE_V5 = joined(SERVICE, {"suspended": False})
"""TMF638 v5, ServiceStateType."""

_RESOURCE_STATUS: Words = {
    "available": True,
    "reserved": True,  # spoken for, and working
    "standby": True,  # ready to take over, and working
    "alarm": False,
    "suspended": False,
    "unknown": None,
}

RESOURCE = joined(_RESOURCE_STATUS, {"enable": True, "disable": False})
"""TMF639 v4, ResourceStatusType, and ResourceOperationalStateType for the resources that have no other."""

RESOURCE_V5 = joined(
    _RESOURCE_STATUS,
    {
        # the 5.0.0 of 2024
        "installed": True,
        "planned": False,
        "pendingRemoval": False,
        "not exists": False,
        # the 5.0.0 of April 2026 has no resourceStatus: its operationalState is the headline
        "enabled": True,
        "disabled": False,
    },
    RESOURCE,
)
"""TMF639 v5, both releases that call themselves 5.0.0."""

RESOURCE_V2 = joined(
    {
        "planned": False,
        "installed": True,
        "pendingRemoval": False,
        "active": True,
        "inactive": False,
        "terminated": False,
        # what catalogues call an entity's life, which implementations of v2 use for instances too
        "in study": False,
        "in design": False,
        "in test": False,
        "rejected": False,
        "launched": True,
        "retired": False,
        "obsolete": False,
    },
    RESOURCE,
)
"""TMF639 v2 and v3, `lifecycleState`: the specifications name no words, these are in use."""

REFINING = {
    # TMF638 v5, ServiceOperatingStatusType
    "degraded": False,
    "failed": False,
    "limited": False,
    "stopping": False,
    "stopped": False,
    # TMF639, ResourceOperationalStateType and ResourceAdministrativeStateType of both versions
    "disable": False,
    "disabled": False,
    "locked": False,
    "shutdown": False,
    "shuttingDown": False,
    # TMF639 v5, ResourceAlarmStatusType: the severities at which a service suffers
    "critical": False,
    "major": False,
    # ResourceAvailabilityStatusType: all but inTest, online and logFull, in which users are still served
    "offline": False,
    "offDuty": False,
    "powerOff": False,
    "dependency": False,
    "notInstalled": False,
    "outOfService": False,
    # ResourceControlStatusType, ResourceProceduralStatusType and ResourceLifecycleStateType
    "suspended": False,
    "reservedForTest": False,
    "initializationRequired": False,
    "notInitialized": False,
    "terminating": False,
    "planned": False,
    "pendingRemoval": False,
}
"""Words of the further states that make an active service or an enabled resource not operational."""

SNOW: Words = {
    "Operational": True,
    "Non-Operational": False,
    "Degraded": False,
    "Down": False,
    "In Maintenance": False,
    "Repair in Progress": False,
    "DR Standby": True,
    "Ready": True,
    "Installed": True,
    "In Stock": False,
    "On Order": False,
    "Pending Install": False,
    "Pending Repair": False,
    "Planned": False,
    "Suspended": False,
    "Absent": False,
    "Stolen": False,
    "Retired": False,
    "Unknown": None,
}
"""ServiceNow's operational and install status, as the SES middleware spells them."""

SNOW_LIFE: Words = {
    "In Use": True,
    "End of Support": True,  # its maker no longer helps, but it works
    "Pending Retirement": True,  # to be taken away, and working until then
    **dict.fromkeys(("Under Evaluation", "Pilot", "Test", "Preallocated", "Available", "Reserved")),
    **dict.fromkeys(("Legal Hold", "Quarantine", "In Transit", "Pending Transfer"), False),
    **dict.fromkeys(("Pending Fulfillment", "Pending Evaluation", "Pending Return", "On Hold"), False),
    **dict.fromkeys(("Pending Resale", "Pending Certificate", "Pending Disposal", "Pending Donation"), False),
    **dict.fromkeys(("Lost", "Disposed", "Donated", "RMA", "Sold"), False),
    **dict.fromkeys(("Vendor Credit", "Buyout", "Lease Return"), False),
}
"""ServiceNow's life cycle stage status of things (Common Service Data Model); further words are in `SNOW`."""

SNOW_REFINING = dict.fromkeys(
    (
        *("Non-Operational", "Repair in Progress", "Retired"),  # operational status
        *("Defective", "Missing", "End of Operation", "End of Life"),  # life cycle stage
    ),
    False,
)
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
