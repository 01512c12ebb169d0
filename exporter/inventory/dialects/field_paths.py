"""Where the fields of services, carriers and resources are in most dialects, and what is left out.

The dialects start from these and replace what they spell differently. It owns no meanings (`statuses` does)
and no queries. Invariant: what is here holds for TM Forum's versions 3 and 4.
"""

from __future__ import annotations

import msgspec

from exporter.inventory.dialects.model import Fields

SERVICE = Fields(
    type=("serviceType", "characteristic[ElementType]", "characteristic[type]", "@type"),
    specification=("serviceSpecification.name", "serviceSpecification.id", "serviceSpecification"),
    status=("state", "status"),
    start=("startDate", "serviceDate"),
    end=("endDate",),
    characteristics=("serviceCharacteristic", "characteristic"),
    resources=("supportingResource",),
    services=("supportingService",),
    relations=("serviceRelationship", "relatedService"),
)

CARRIER = msgspec.structs.replace(
    SERVICE,
    type=("characteristic[type]", "characteristic[ElementType]", "serviceType", "@type"),
    gateway=("place[gateway]", "resource[Gateway]"),
    terminal=("place[terminal]", "resource[Terminal]"),
    satellite=("resource[Satellite]",),
    transponder=("resource[Transponder]",),
)

RESOURCE = Fields(
    type=("@type", "resourceType", "@baseType"),
    specification=("resourceSpecification.name", "resourceSpecification.id", "resourceSpecification"),
    status=("resourceStatus", "status", "operationalState"),
    start=("startOperatingDate", "startDate"),
    end=("endOperatingDate", "endDate"),
    characteristics=("resourceCharacteristic", "characteristic"),
    relations=("resourceRelationship", "relatedResource", "supportingResource"),
)

STATES = {
    "lifecycle": ("lifecycleState", "lifecycleStatus"),
    "operating": ("operatingStatus",),
    "administrative": ("administrativeState",),
    "operational": ("operationalState",),
    "usage": ("usageState",),
    "alarm": ("alarmStatus",),
    "availability": ("availabilityStatus",),
    "procedural": ("proceduralStatus",),
    "control": ("controlStatus",),
    "standby": ("standbyStatus",),
    "allocation": ("allocationStatus",),
}
"""Dimensions of further states; all versions' names, for implementations mix them."""

CARRIER_CHARACTERISTICS = (
    "uplinkAlias",
    "downlinkAlias",
    "uplinkCenterFrequency",
    "downlinkCenterFrequency",
    "symbolRate",
    "allocatedBandwidth",
    "modulation",
    "polarization",
)
"""What operators want to see of a carrier."""

EXCLUDED_RESOURCES = ("Card", "BandwidthSegment", "LogicalPort", "Multicast", "Slot", "Port", "Circuit")
"""Parts of resources: many, and of no interest by themselves."""

FLAT = ("relatedParty.name", "relatedParty.id", "place.name", "place.id")
"""Marks of all dialects but version 5, which wraps what it refers to."""
